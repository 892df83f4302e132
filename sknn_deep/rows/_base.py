"""What all rows have in common, wherever they lie."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from sknn_deep.rows._without_zeros import Training


class TakesRows(Protocol):
    """Gives the rows of an index, one batch after the other."""

    def take(self, index: Tensor) -> Any: ...


class Rows(ABC):
    """Rows of features, brought to where they are computed with.

    What is no abstract method says what most rows are like.
    """

    # What they are the rows of, if batches can be copied from it.
    tensor: Tensor | None = None
    # Whether many networks side by side may take from them.
    can_be_shared = True

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and of features."""

    @abstractmethod
    def take(self, index: Tensor, out: Tensor | None = None) -> Any:
        """Gather rows, into new memory or into `out`.

        The next ones may overwrite them.
        """

    @abstractmethod
    def slice(self, start: int, stop: int) -> Any:
        """Give neighboring rows."""

    def in_order(self, order: Tensor, batch_size: int) -> TakesRows:
        """Prepare to take rows in an order that is known."""
        return self

    @property
    def density(self) -> float:
        """The share of the features that is computed with."""
        return 1.0

    @property
    def address(self) -> tuple[int, ...]:
        """Where they lie in memory; equal rows need not lie at the same place."""
        return (id(self),)

    def kept_sparse(self) -> "Rows | None":
        """Give rows that pass a network as they are; None if they are no faster so."""
        return None

    def without_zeros(self, training: "Training") -> "Rows | None":
        """Give the same rows without zeros; None if a training is no faster by that."""
        return None
