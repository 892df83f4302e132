"""By what rules a network is fitted: recipe, solvers, stopping, the skorch net."""

from sknn_deep.training._callbacks import StateKeeper
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._forward_pass import ForwardPass
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._net import RESULTS, Net, copy_state
from sknn_deep.training._recipe import Recipe, resolve_recipe
from sknn_deep.training._run import Run
from sknn_deep.training._stack import (
    Outcome,
    place_in_stack,
    run_family,
    train_stack,
)
from sknn_deep.training._step import planned_gradient
from sknn_deep.training._step_plan import StepPlan
from sknn_deep.training._tabular_net import TabularNet

__all__ = [
    "RESULTS",
    "CompactHistory",
    "Convergence",
    "ForwardPass",
    "Net",
    "Outcome",
    "Recipe",
    "Run",
    "StateKeeper",
    "StepPlan",
    "TabularNet",
    "TrainingState",
    "copy_state",
    "place_in_stack",
    "planned_gradient",
    "resolve_recipe",
    "run_family",
    "train_stack",
]
