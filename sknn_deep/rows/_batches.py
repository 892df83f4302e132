"""Rows, targets and weights, a batch at a time."""

import copy
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from torch import Tensor

from sknn_deep.rows._base import Rows
from sknn_deep.rows._gatherer import Gatherer
from sknn_deep.rows._orders import Permutations
from sknn_deep.rows._sparse_batch import SparseInput
from sknn_deep.rows._without_zeros import Training

Batch = tuple[Tensor | SparseInput, Tensor, Tensor | None]
# Rows, and target and weight if there are any.
_Parts = tuple[Any, Tensor | None, Tensor | None]


class Batches:
    """All rows once, in batches, in a new order each time it is iterated.

    Parameters
    ----------
    rows : Rows

    target : Tensor of shape (n_samples,) or (n_samples, n_outputs), or None
        None is the rows themselves.

    weight : Tensor of shape (n_samples,) or None

    batch_size : int

    permute : callable returning an int64 Tensor of shape (n_rows,), or None
        None keeps the rows in their order.

    subset : int64 Tensor of shape (n_rows,) or None
        Indices of the rows to go through; None is all of them.

    n_rows : int or None
        Rows of an epoch; None is each one once.
    """

    def __init__(
        self,
        rows: Rows,
        target: Tensor | None,
        weight: Tensor | None,
        *,
        batch_size: int,
        permute: Callable[[], Tensor] | None = None,
        subset: Tensor | None = None,
        n_rows: int | None = None,
    ):
        self.rows = rows
        self.target = target
        self.weight = weight
        if n_rows is None:
            n_rows = rows.shape[0] if subset is None else len(subset)
        self.n_rows = n_rows
        self.batch_size = min(batch_size, self.n_rows)
        self.permute = permute
        self.subset = subset
        self._gatherer: Gatherer | None = None

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self.n_rows // self.batch_size)

    @property
    def n_last(self) -> int:
        """Number of rows of the last batch."""
        return self.n_rows - (len(self) - 1) * self.batch_size

    @property
    def keeps_memory(self) -> bool:
        """Whether batches come in the same memory again and again."""
        has_order = self.permute is not None or self.subset is not None
        return has_order and self.rows.tensor is not None

    @property
    def can_be_shared(self) -> bool:
        """Whether networks side by side may take from the same rows, as dense ones.

        Rows that are no target too might stay sparse in a training of their own.
        """
        if not self.rows.can_be_shared:
            return False
        return self.target is None or self.rows.kept_sparse() is None

    @property
    def density(self) -> float:
        """The share of the features that is computed with."""
        return self.rows.density

    def without_zeros(self, n_units: int, n_epochs: int) -> "Batches | None":
        """Give the same batches with features as SparseInput, where that is faster.

        Parameters
        ----------
        n_units : int
            That each feature is multiplied with.

        n_epochs : int
            To come.

        Returns
        -------
        batches : Batches or None
            None if a training is no faster by that.
        """
        if self.target is None and self.rows.tensor is None:
            return None  # no target can be made of these
        rows = self.rows.without_zeros(
            Training(self.batch_size, self.n_rows, n_epochs, n_units)
        )
        if rows is None:
            return None
        batches = copy.copy(self)
        batches._gatherer = None
        batches.rows = rows
        if self.target is None:
            batches.target = self.rows.slice(0, self.rows.shape[0])
        return batches

    def neighborhood(self) -> tuple:
        """Give what sorts batches so that those of the same rows stand side by side.

        Among them stand side by side those that will come in the same order, as far as
        that can be told.
        """
        permute = self.permute
        state = permute.state() if isinstance(permute, Permutations) else b""
        return self.rows.address, state

    def rows_in(self, order: Tensor | None) -> Tensor | None:
        """Give the indices of the rows, int64 of shape (n_rows,), in a drawn order.

        None is all rows as they lie.
        """
        if self.subset is None:
            return order
        return self.subset if order is None else self.subset.index_select(0, order)

    def __iter__(self) -> Iterator[Batch]:
        order = self.permute() if self.permute is not None else None
        return self.in_order(self.rows_in(order))

    def in_order(self, order: Tensor | None) -> Iterator[Batch]:
        """Yield features, targets and weights of one batch after the other.

        The next one may overwrite them.
        """
        if order is None:
            batches = self._slice()
        elif self.keeps_memory:
            batches = self._gather(order)
        else:
            batches = self._take(order)
        for X, target, weight in batches:
            yield X, X if target is None else target, weight

    def _gather(self, order: Tensor) -> Iterator[_Parts]:
        """Copy rows of tensors to where batches are, several batches in one call."""
        gatherer = self._keep_gatherer((self.rows.tensor, self.target, self.weight))
        for index in gatherer.pieces_of(order):
            yield from gatherer.gather(index)

    def _keep_gatherer(self, parts: tuple[Tensor | None, ...]) -> Gatherer:
        if self._gatherer is None:
            self._gatherer = Gatherer(parts, self.batch_size, self.n_rows)
        return self._gatherer

    def _take(self, order: Tensor) -> Iterator[_Parts]:
        """Ask for the rows of one batch after the other."""
        rows = self.rows.in_order(order, self.batch_size)
        values = self._gather_values(order)
        for index in order.split(self.batch_size):
            yield rows.take(index), *next(values)

    def _gather_values(self, order: Tensor) -> Iterator[tuple[Tensor | None, ...]]:
        """Copy targets and weights, several batches in one call."""
        if self.target is None and self.weight is None:
            yield from repeat((None, None))
        gatherer = self._keep_gatherer((self.target, self.weight))
        for index in gatherer.pieces_of(order):
            yield from gatherer.gather(index)

    def _slice(self) -> Iterator[_Parts]:
        """Give the rows as they lie."""
        for start in range(0, self.n_rows, self.batch_size):
            stop = min(start + self.batch_size, self.n_rows)
            values = (self.target, self.weight)
            X = self.rows.slice(start, stop)
            yield X, *(None if v is None else v[start:stop] for v in values)
