"""How weights are updated, and at which rates."""

from sknn_deep.optimizers._lbfgs import minimize_lbfgs
from sknn_deep.optimizers._optimizers import (
    SOLVERS,
    AdamW,
    DeviceRates,
    forget_training,
    get_optimizer_state,
    is_own,
    make_optimizer,
    make_patient_step,
    make_step,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.optimizers._penalties import add_penalty, make_add_penalties, make_clip
from sknn_deep.optimizers._schedules import (
    STEP_SCHEDULES,
    constant,
    cosine,
    coslog4,
    flat_cos,
    inverse_scaling,
    one_cycle,
)
from sknn_deep.optimizers._stacked_optimizers import (
    Hyperparameters,
    StackedOptimizer,
    group_equal,
    hyperparameters_of,
    optimizer_family,
)

__all__ = [
    "SOLVERS",
    "STEP_SCHEDULES",
    "AdamW",
    "DeviceRates",
    "Hyperparameters",
    "StackedOptimizer",
    "add_penalty",
    "constant",
    "cosine",
    "coslog4",
    "flat_cos",
    "forget_training",
    "get_optimizer_state",
    "group_equal",
    "hyperparameters_of",
    "inverse_scaling",
    "is_own",
    "make_add_penalties",
    "make_clip",
    "make_optimizer",
    "make_patient_step",
    "make_step",
    "minimize_lbfgs",
    "one_cycle",
    "optimizer_family",
    "set_learning_rate",
    "set_optimizer_state",
]
