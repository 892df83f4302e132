"""What a fit is made of: its plan, its networks, its members, its state."""

from sknn_deep.fitting._autoencoder_loss import LOSSES, make_loss, make_neighbor_loss
from sknn_deep.fitting._callbacks import (
    PREFIX,
    ClonedByCopying,
    callback_parameters,
    change_callbacks,
    check_picklable_callbacks,
)
from sknn_deep.fitting._curves import (
    CURVES,
    extend_curves,
    forget_curves,
    forget_network,
)
from sknn_deep.fitting._ensemble import fit_members, make_members, renew_members
from sknn_deep.fitting._epoch_tasks import EpochTasks
from sknn_deep.fitting._fingerprint import digest, watch_states
from sknn_deep.fitting._held_back import (
    HeldBack,
    choose_end,
    hold_back,
    hold_back_by_splits,
    hold_back_of,
    take_rows,
)
from sknn_deep.fitting._net_parts import NetParts, put_together, take_apart
from sknn_deep.fitting._networks import draw_weights, make_net, renew_net, take_weights
from sknn_deep.fitting._own_code import (
    has_own_training,
    inner_methods,
    is_of_package,
    overrides,
)
from sknn_deep.fitting._own_networks import (
    are_probabilities,
    arguments_for,
    check_probabilities,
    check_raw,
    check_shape,
    look_at,
    make_own_autoencoder,
    make_own_module,
    refuse_chance,
    rows_to_look_at,
    start_own_net,
    summarize_own,
)
from sknn_deep.fitting._pausable import (
    AfterEpoch,
    PausableTraining,
    PlannedTraining,
    best_weights,
    planned_trainings,
)
from sknn_deep.fitting._plain_state import decode_net, decode_state, encode_state
from sknn_deep.fitting._scale_advice import (
    advise_on_columns,
    advise_on_target,
    are_columns_lost,
    is_loss_large,
    some_numbers,
    some_rows,
)
from sknn_deep.fitting._solvers import (
    FitPlan,
    make_batches,
    make_generator,
    renew_convergence,
    run_epochs,
    run_lbfgs,
    warn_unless_converged,
)
from sknn_deep.fitting._tabular_recipe import TabularRecipe, resolve_tabular_recipe
from sknn_deep.fitting._temperature import fit_temperature, log_losses
from sknn_deep.fitting._together import (
    count_workers,
    family_of,
    may_be_stacked,
    train_together,
)
from sknn_deep.fitting._validation import (
    make_default_score,
    make_evaluate,
    make_scorings,
    view_while_training,
)

__all__ = [
    "CURVES",
    "LOSSES",
    "PREFIX",
    "AfterEpoch",
    "ClonedByCopying",
    "EpochTasks",
    "FitPlan",
    "HeldBack",
    "NetParts",
    "PausableTraining",
    "PlannedTraining",
    "TabularRecipe",
    "advise_on_columns",
    "advise_on_target",
    "are_columns_lost",
    "are_probabilities",
    "arguments_for",
    "best_weights",
    "callback_parameters",
    "change_callbacks",
    "check_picklable_callbacks",
    "check_probabilities",
    "check_raw",
    "check_shape",
    "choose_end",
    "count_workers",
    "decode_net",
    "decode_state",
    "digest",
    "draw_weights",
    "encode_state",
    "extend_curves",
    "family_of",
    "fit_members",
    "fit_temperature",
    "forget_curves",
    "forget_network",
    "has_own_training",
    "hold_back",
    "hold_back_by_splits",
    "hold_back_of",
    "inner_methods",
    "is_loss_large",
    "is_of_package",
    "log_losses",
    "look_at",
    "make_batches",
    "make_default_score",
    "make_evaluate",
    "make_generator",
    "make_loss",
    "make_members",
    "make_neighbor_loss",
    "make_net",
    "make_own_autoencoder",
    "make_own_module",
    "make_scorings",
    "may_be_stacked",
    "overrides",
    "planned_trainings",
    "put_together",
    "refuse_chance",
    "renew_convergence",
    "renew_members",
    "renew_net",
    "resolve_tabular_recipe",
    "rows_to_look_at",
    "run_epochs",
    "run_lbfgs",
    "some_numbers",
    "some_rows",
    "start_own_net",
    "summarize_own",
    "take_apart",
    "take_rows",
    "take_weights",
    "train_together",
    "view_while_training",
    "warn_unless_converged",
    "watch_states",
]
