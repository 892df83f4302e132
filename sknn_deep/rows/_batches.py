"""Rows, targets and weights, a batch at a time."""

import copy
from collections.abc import Callable, Iterator

from torch import Tensor

from sknn_deep.rows._gatherer import Gatherer
from sknn_deep.rows._host_rows import HostRows
from sknn_deep.rows._mapped_rows import MappedRows
from sknn_deep.rows._rows import DenseRows, Rows, SparseRows
from sknn_deep.rows._sparse_batch import ThinBatch
from sknn_deep.rows._thin_costs import is_worth_thinning
from sknn_deep.rows._thin_rows import ThinRows, thin

# Rows that a training passes, from which on it is faster to transpose weights and
# moments of the first layer for sparse rows, and back again.
_MIN_SPARSE_ROWS = 128

Batch = tuple[Tensor | ThinBatch, Tensor, Tensor | None]


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
        Numbers of the rows to go through; None is all of them.
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
    ):
        self.rows = rows
        self.target = target
        self.weight = weight
        self.n_rows = rows.shape[0] if subset is None else len(subset)
        self.batch_size = min(batch_size, self.n_rows)
        self.permute = permute
        self.subset = subset
        self._gatherer: Gatherer | None = None

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self.n_rows // self.batch_size)

    @property
    def keeps_memory(self) -> bool:
        """Whether batches come in the same memory again and again."""
        has_order = self.permute is not None or self.subset is not None
        return has_order and type(self.rows) is DenseRows

    @property
    def can_stay_sparse(self) -> bool:
        """Whether sparse features may stay so, which no target is made of."""
        is_thin = isinstance(self.rows, SparseRows) and self.rows.is_thin
        return is_thin and self.target is not None

    def are_faster_sparse(self, n_units: int, n_epochs: int) -> bool:
        """Tell whether features had better come as ThinBatch.

        Parameters
        ----------
        n_units : int
            That each feature is multiplied with.

        n_epochs : int
            To come.
        """
        if type(self.rows) is DenseRows:
            return is_worth_thinning(self.rows.X, self.batch_size, n_units, n_epochs)
        return self.can_stay_sparse and n_epochs * self.n_rows >= _MIN_SPARSE_ROWS

    @property
    def density(self) -> float:
        """The share of the features that is computed with."""
        return self.rows.density if isinstance(self.rows, ThinRows) else 1.0

    def kept_sparse(self, n_units: int) -> "Batches":
        """Give the same batches with features as ThinBatch."""
        batches = copy.copy(self)
        batches._gatherer = None
        if type(self.rows) is DenseRows:
            batches.rows = thin(self.rows.X, n_units)
            batches.target = self.rows.X if self.target is None else self.target
        else:
            batches.rows = self.rows.kept_sparse()
        return batches

    def draw_order(self) -> Tensor | None:
        """Draw the next epoch's order, int64 of shape (n_rows,), if there is one."""
        order = self.permute() if self.permute is not None else None
        if self.subset is None:
            return order
        return self.subset if order is None else self.subset.index_select(0, order)

    def __iter__(self) -> Iterator[Batch]:
        return self.in_order(self.draw_order())

    def in_order(self, order: Tensor | None) -> Iterator[Batch]:
        """Yield features, targets and weights of one batch after the other.

        The next one may overwrite them.
        """
        if order is not None and self.keeps_memory:
            batches = self._gather(order)
        elif order is not None and isinstance(self.rows, ThinRows):
            batches = self._gather_thin(order)
        else:
            batches = self._take(order)
        for X, target, weight in batches:
            yield X, X if target is None else target, weight

    def _gather(self, order: Tensor) -> Iterator[tuple[Tensor | None, ...]]:
        """Copy rows of tensors to where batches are, several batches in one call."""
        gatherer = self._keep_gatherer((self.rows.X, self.target, self.weight))
        for index in order.split(gatherer.n_at_once):
            yield from gatherer.gather(index)

    def _gather_thin(
        self, order: Tensor
    ) -> Iterator[tuple[ThinBatch | Tensor | None, ...]]:
        """Do so with targets and weights; features are taken for each batch."""
        gatherer = self._keep_gatherer((self.target, self.weight))
        for index in order.split(gatherer.n_at_once):
            numbers = index.split(self.batch_size)
            for i, values in zip(numbers, gatherer.gather(index), strict=True):
                yield self.rows.take(i), *values

    def _keep_gatherer(self, parts: tuple[Tensor | None, ...]) -> Gatherer:
        if self._gatherer is None:
            self._gatherer = Gatherer(parts, self.batch_size)
        return self._gatherer

    def _take(
        self, order: Tensor | None
    ) -> Iterator[tuple[Tensor | ThinBatch | None, ...]]:
        """Ask for the rows of one batch after the other."""
        rows = self.rows
        if order is not None and isinstance(rows, HostRows | MappedRows):
            rows = rows.in_order(order, self.batch_size)
        for start in range(0, self.n_rows, self.batch_size):
            stop = min(start + self.batch_size, self.n_rows)
            values = (self.target, self.weight)
            if order is None:
                X = rows.slice(start, stop)
                yield X, *(None if v is None else v[start:stop] for v in values)
            else:
                index = order[start:stop]
                X = rows.take(index)
                yield (
                    X,
                    *(None if v is None else v.index_select(0, index) for v in values),
                )
