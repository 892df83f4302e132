"""How a network is fitted: placement, batches, recipe, and the skorch net."""

from sknn_deep.training._batches import Batches
from sknn_deep.training._callbacks import StateKeeper
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._lbfgs import minimize_lbfgs
from sknn_deep.training._mapped_rows import MappedArray, find_mapping
from sknn_deep.training._net import RESULTS, Net, copy_state
from sknn_deep.training._optimizers import (
    SOLVERS,
    get_optimizer_state,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.training._orders import (
    block_permutations,
    device_permutations,
    numpy_permutations,
)
from sknn_deep.training._penalties import add_penalty
from sknn_deep.training._placement import (
    Placement,
    device_or_cpu,
    resolve_device,
    resolve_placement,
)
from sknn_deep.training._recipe import Recipe, resolve_recipe
from sknn_deep.training._rows import (
    DenseRows,
    Rows,
    SparseRows,
    as_tensor,
    make_rows,
    place_targets,
)
from sknn_deep.training._schedules import STEP_SCHEDULES, cosine, one_cycle
from sknn_deep.training._stack import Run, run_family, train_stack
from sknn_deep.training._tabular_net import TabularNet
from sknn_deep.training._threads import thread_count

__all__ = [
    "RESULTS",
    "SOLVERS",
    "STEP_SCHEDULES",
    "Batches",
    "CompactHistory",
    "Convergence",
    "DenseRows",
    "MappedArray",
    "Net",
    "Placement",
    "Recipe",
    "Rows",
    "Run",
    "SparseRows",
    "StateKeeper",
    "TabularNet",
    "TrainingState",
    "add_penalty",
    "as_tensor",
    "block_permutations",
    "copy_state",
    "cosine",
    "device_or_cpu",
    "device_permutations",
    "find_mapping",
    "get_optimizer_state",
    "make_rows",
    "minimize_lbfgs",
    "numpy_permutations",
    "one_cycle",
    "place_targets",
    "resolve_device",
    "resolve_placement",
    "resolve_recipe",
    "run_family",
    "set_learning_rate",
    "set_optimizer_state",
    "thread_count",
    "train_stack",
]
