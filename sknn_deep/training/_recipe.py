"""The plan of a fit: every "auto" is a number here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sknn_deep.optimizers import STEP_SCHEDULES

_FLOATS = frozenset(
    {
        "alpha",
        "learning_rate_init",
        "power_t",
        "tol",
        "momentum",
        "beta_1",
        "beta_2",
        "epsilon",
        "max_time",
        "clip_grad_norm",
    }
)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, in numbers.

    The fields are the estimators' parameters of the same names.
    """

    solver: str | Callable[..., torch.optim.Optimizer]
    alpha: float
    batch_size: int
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    tol: float
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_time: float | None = None
    clip_grad_norm: float | None = None

    @property
    def adds_penalty(self) -> bool:
        """Whether `alpha` enters the gradient; else it is AdamW's weight decay."""
        return self.alpha > 0 and self.solver != "adamw"

    @property
    def has_step_schedule(self) -> bool:
        return self.learning_rate in STEP_SCHEDULES


def resolve_recipe(*, batch_size: int, n_samples: int, **parameters) -> Recipe:
    """Clip the batch size to the rows there are."""
    # Python's own numbers: torch refuses 0 beside 0.999, say.
    floats = {
        name: float(value)
        for name, value in parameters.items()
        if name in _FLOATS and value is not None
    }
    return Recipe(
        batch_size=int(min(batch_size, n_samples)),  # NumPy's integers cut no tensor
        **(parameters | floats),
    )
