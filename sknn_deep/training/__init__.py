"""By what rules a network is fitted: recipe, solvers, stopping, the skorch net."""

from sknn_deep.training._callbacks import StateKeeper
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._forward_pass import ForwardPass
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._lbfgs import minimize_lbfgs
from sknn_deep.training._net import RESULTS, Net, copy_state
from sknn_deep.training._optimizers import (
    SOLVERS,
    get_optimizer_state,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.training._penalties import add_penalty
from sknn_deep.training._recipe import Recipe, resolve_recipe
from sknn_deep.training._schedules import STEP_SCHEDULES, cosine, one_cycle
from sknn_deep.training._stack import Run, run_family, train_stack
from sknn_deep.training._tabular_net import TabularNet

__all__ = [
    "RESULTS",
    "SOLVERS",
    "STEP_SCHEDULES",
    "CompactHistory",
    "Convergence",
    "ForwardPass",
    "Net",
    "Recipe",
    "Run",
    "StateKeeper",
    "TabularNet",
    "TrainingState",
    "add_penalty",
    "copy_state",
    "cosine",
    "get_optimizer_state",
    "minimize_lbfgs",
    "one_cycle",
    "resolve_recipe",
    "run_family",
    "set_learning_rate",
    "set_optimizer_state",
    "train_stack",
]
