"""All that a training needs, of a single network or of one in a stack."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from sknn_deep.rows import Batches
from sknn_deep.training._convergence import Convergence

if TYPE_CHECKING:
    from sknn_deep.training._net import Net


@dataclass
class Run:
    """All that a training needs.

    Attributes
    ----------
    net : Net

    batches : Batches

    epochs : int

    convergence : Convergence
        Updated after each epoch.

    generator : torch.Generator or None
        Where dropout masks come from.

    evaluate : callable or None
        Gives the loss and the score on the validation set.

    scorings : dict of str to callable
        By the names of callbacks, what is called after an epoch in place of their own
        ``on_epoch_end``: they score by what the estimator predicts.

    n_seen : int
        Rows seen before, which inverse scaling counts.

    is_given_up : bool
        Whether somebody wants it to leave its stack after this epoch.
    """

    net: "Net"
    batches: Batches
    epochs: int
    convergence: Convergence
    generator: torch.Generator | None = None
    evaluate: Callable[[], tuple[float, float]] | None = None
    scorings: dict[str, Callable[[], None]] = field(default_factory=dict)
    n_seen: int = 0
    is_given_up: bool = False

    @property
    def n_steps(self) -> int:
        """Steps of all epochs."""
        return self.epochs * len(self.batches)
