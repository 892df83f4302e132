"""Rows of few numbers that are not zero, which stay sparse, or become so."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sknn_deep._sparse_batch import MixedBatch, Room, SparseBatch, ThinBatch

# What the numbers of rows that stay sparse are, by the type that is computed in. NumPy
# has no bfloat16.
NUMPY_TYPES = {
    torch.bfloat16: np.float32,
    torch.float32: np.float32,
    torch.float64: np.float64,
}

# The share of numbers that are not zero from which on rows of a SciPy matrix are faster
# made dense.
MAX_DENSITIES = {torch.bfloat16: 0.1, torch.float32: 0.25, torch.float64: 0.1}


class _Costs(NamedTuple):
    """What is cheap and what is dear, in one type.

    The cost of a number in a dense column, for one unit and one step, is 1.

    Attributes
    ----------
    number : int
        Of a number in a sparse column, for one unit.

    copy : int
        Copying a number in a sparse column, and sorting it by columns.

    apart : int
        Of a weight of the first layer: the sparse and the dense columns have their
        products apart.

    search : int
        Once a training: looking whether a number is zero.
    """

    number: int
    copy: int
    apart: int
    search: int


# What one thread does for all weighs as with four threads, the sparse products of
# float64 too: were it as with the threads that there are, sums would depend on their
# number.
_COSTS = {
    torch.bfloat16: _Costs(number=6, copy=600, apart=300, search=300),
    torch.float32: _Costs(number=3, copy=400, apart=80, search=200),
    torch.float64: _Costs(number=20, copy=200, apart=20, search=200),
}

# Of copying a number in a dense column, in any type.
_DENSE_COPY = 16

# What a step must save: of its cost with dense rows, and of work in all.
_MIN_SAVED_SHARE = 0.15
_MIN_SAVED = 3e6

# Rows whose numbers are counted to guess how many all rows have.
_COUNTED_ROWS = 512

# Memory for a copy of all rows without zeros.
_MAX_BYTES = 2**30

# Of rows that are searched for numbers at a time: what stays in a processor's cache.
_SEARCHED_ELEMENTS = 2**19


class ThinRows:
    """Rows that come as :class:`SparseBatch`, in memory that the next ones overwrite.

    With dense columns they come as :class:`MixedBatch`.

    Parameters
    ----------
    sparse : SparseBatch of shape (n_samples, n_features - n_dense)

    dtype : torch.dtype
        In which they are multiplied: bfloat16, float32 or float64.

    dense : Tensor of shape (n_samples, n_dense) or None
        The dense columns, if any, which come first.

    order : int64 Tensor of shape (n_features,) or None
        Which feature each column of a batch is; None is the order of X.
    """

    def __init__(
        self,
        sparse: SparseBatch,
        dtype: torch.dtype,
        *,
        dense: Tensor | None = None,
        order: Tensor | None = None,
    ):
        self.sparse = sparse
        self.dense = dense
        self.order = order
        self._numpy_type = NUMPY_TYPES[dtype]
        self._taken, self._transposed = Room(), Room()
        self._taken_dense: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        n_rows, n_features = self.sparse.shape
        return n_rows, n_features + (0 if self.dense is None else self.dense.shape[1])

    @property
    def density(self) -> float:
        """The share of numbers that are computed with."""
        n_rows, n_features = self.shape
        n_numbers = len(self.sparse.data)
        if self.dense is not None:
            n_numbers += self.dense.numel()
        return n_numbers / max(1, n_rows * n_features)

    def take(self, index: Tensor) -> ThinBatch:
        sparse = self.sparse.take(
            index.numpy(), into=self._taken, room=self._transposed
        )
        return self._join(None if self.dense is None else self._gather(index), sparse)

    def _gather(self, index: Tensor) -> Tensor:
        n_rows = len(index)
        if self._taken_dense is None or n_rows > len(self._taken_dense):
            self._taken_dense = self.dense.new_empty(n_rows, self.dense.shape[1])
        out = self._taken_dense[:n_rows]
        return torch.index_select(self.dense, 0, index, out=out)

    def slice(self, start: int, stop: int) -> ThinBatch:
        return self._join(
            None if self.dense is None else self.dense[start:stop],
            self.sparse.slice(start, stop, room=self._transposed),
        )

    def _join(self, dense: Tensor | None, sparse: SparseBatch) -> ThinBatch:
        sparse = sparse.astype(self._numpy_type)
        return sparse if dense is None else MixedBatch(dense, sparse)


def is_worth_thinning(X: Tensor, batch_size: int, n_units: int, n_epochs: int) -> bool:
    """Tell whether a training is faster if zeros of X are left out.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    batch_size : int

    n_units : int
        That each feature is multiplied with.

    n_epochs : int
        To come.
    """
    if X.dtype not in _COSTS or X.device.type != "cpu":
        return False
    costs = _COSTS[X.dtype]
    n_rows, n_features = X.shape
    row_cost = n_features * (n_units + _DENSE_COPY)
    search_cost = n_features * costs.search
    # What even rows of zeros alone would not save need not be counted.
    if batch_size * row_cost < _MIN_SAVED or n_epochs * row_cost < search_cost:
        return False
    densities = guess_densities(X)
    saved_by_column = guess_saved(densities, X.dtype, n_units)
    saved = saved_by_column.clip(min=0).sum()
    saved -= n_features * n_units * costs.apart / batch_size
    n_numbers = n_rows * np.where(saved_by_column > 0, 2 * densities, 1).sum()
    return bool(
        saved >= _MIN_SAVED_SHARE * row_cost
        and batch_size * saved >= _MIN_SAVED
        and n_epochs * saved >= search_cost
        and n_numbers * X.itemsize <= _MAX_BYTES
    )


def guess_densities(X: Tensor) -> np.ndarray:
    """Give each column's share of numbers that are not zero, among some rows."""
    some = X
    if len(X) > _COUNTED_ROWS:
        # At no regular distance, which may be that of days or of classes.
        some = X[np.random.default_rng(0).integers(len(X), size=_COUNTED_ROWS)]
    return np.count_nonzero(_as_array(some), axis=0) / len(some)


def guess_saved(densities: np.ndarray, dtype: torch.dtype, n_units: int) -> np.ndarray:
    """Guess what a step saves in each column by leaving out its zeros, by row."""
    costs = _COSTS[dtype]
    sparse_cost = densities * (costs.number * n_units + costs.copy)
    return n_units + _DENSE_COPY - sparse_cost


def thin(X: Tensor, n_units: int) -> ThinRows:
    """Copy rows without the zeros of those columns that are faster without.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        In host memory, of bfloat16, float32 or float64.

    n_units : int
        That each feature is multiplied with.
    """
    counts = sum((block != 0).sum(axis=0, dtype=np.int32) for block in _blocks(X))
    is_thin = guess_saved(counts / len(X), X.dtype, n_units) > 0
    sparse = find_numbers(X, is_thin, n_numbers=counts[is_thin].sum())
    if is_thin.all():
        return ThinRows(sparse, X.dtype)
    columns, others = (torch.from_numpy(np.flatnonzero(i)) for i in (~is_thin, is_thin))
    dense = X.index_select(1, columns)
    order = torch.cat([columns, others])
    return ThinRows(sparse, X.dtype, dense=dense, order=order)


def find_numbers(X: Tensor, is_searched: np.ndarray, n_numbers: int) -> SparseBatch:
    """Copy what is not zero in some columns of an array in host memory.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    is_searched : bool ndarray of shape (n_features,)

    n_numbers : int
        That are not zero in these columns.

    Returns
    -------
    numbers : SparseBatch of shape (n_samples, n_searched)
    """
    n_rows, n_features = X.shape
    largest = max(n_numbers, n_features)
    index_type = np.int32 if largest <= np.iinfo(np.int32).max else np.int64
    data = np.empty(n_numbers, NUMPY_TYPES[X.dtype])
    indices = np.empty(n_numbers, index_type)
    indptr = np.empty(n_rows + 1, index_type)
    column_of = np.cumsum(is_searched, dtype=index_type) - 1
    row = start = 0
    for block in _blocks(X):
        places = np.flatnonzero((block != 0) & is_searched)
        rows = slice(row, row := row + len(block))
        indptr[rows] = start + places.searchsorted(np.arange(len(block)) * n_features)
        part = slice(start, start := start + len(places))
        data[part] = block.reshape(-1)[places]
        indices[part] = column_of[places % n_features]
    indptr[-1] = start
    return SparseBatch(data, indices, indptr, np.count_nonzero(is_searched))


def _blocks(X: Tensor) -> Iterator[np.ndarray]:
    """Give some rows after the other."""
    n_at_once = max(1, _SEARCHED_ELEMENTS // X.shape[1])
    return (_as_array(block) for block in X.split(n_at_once))


def _as_array(X: Tensor) -> np.ndarray:
    """Give an array of one of NUMPY_TYPES."""
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
