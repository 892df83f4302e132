"""Rows of few numbers that are not zero, which stay sparse, or become so."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sknn_deep.rows._base import Rows
from sknn_deep.rows._sparse_batch import MixedBatch, Room, SparseBatch, ThinBatch
from sknn_deep.rows._thin_costs import guess_saved

# What the numbers of rows that stay sparse are, by the type that is computed in. NumPy
# has no bfloat16.
NUMPY_TYPES = {
    torch.bfloat16: np.float32,
    torch.float32: np.float32,
    torch.float64: np.float64,
}

# Of rows that are searched for numbers at a time: what stays in a processor's cache.
_SEARCHED_ELEMENTS = 2**19


class ThinRows(Rows):
    """Rows that come as :class:`SparseBatch`, in memory that the next ones overwrite.

    With dense columns they come as :class:`MixedBatch`.

    Parameters
    ----------
    sparse : SparseBatch of shape (n_samples, n_features)

    dtype : torch.dtype
        In which they are multiplied: bfloat16, float32 or float64.

    dense : Tensor of shape (n_samples, n_dense) or None
        The dense columns, if any.

    columns : int64 Tensor of shape (n_dense,) or None
        Their numbers.
    """

    def __init__(
        self,
        sparse: SparseBatch,
        dtype: torch.dtype,
        *,
        dense: Tensor | None = None,
        columns: Tensor | None = None,
    ):
        self.sparse = sparse
        self.dense = dense
        self.columns = columns
        self._numpy_type = NUMPY_TYPES[dtype]
        self._taken, self._transposed = Room(), Room()
        self._taken_dense: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.sparse.shape

    @property
    def density(self) -> float:
        """The share of numbers that are computed with."""
        n_rows, n_features = self.shape
        n_numbers = len(self.sparse.data)
        if self.dense is not None:
            n_numbers += self.dense.numel()
        return n_numbers / max(1, n_rows * n_features)

    def take(self, index: Tensor, out: None = None) -> ThinBatch:
        sparse = self.sparse.take(
            index.numpy(), into=self._taken, room=self._transposed
        )
        return self._join(sparse, None if self.dense is None else self._gather(index))

    def _gather(self, index: Tensor) -> Tensor:
        n_rows = len(index)
        if self._taken_dense is None or n_rows > len(self._taken_dense):
            self._taken_dense = self.dense.new_empty(n_rows, len(self.columns))
        out = self._taken_dense[:n_rows]
        return torch.index_select(self.dense, 0, index, out=out)

    def slice(self, start: int, stop: int) -> ThinBatch:
        return self._join(
            self.sparse.slice(start, stop, room=self._transposed),
            None if self.dense is None else self.dense[start:stop],
        )

    def _join(self, sparse: SparseBatch, dense: Tensor | None) -> ThinBatch:
        sparse = sparse.astype(self._numpy_type)
        return sparse if dense is None else MixedBatch(sparse, dense, self.columns)


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
    columns = torch.from_numpy(np.flatnonzero(~is_thin))
    dense = X.index_select(1, columns)
    return ThinRows(sparse, X.dtype, dense=dense, columns=columns)


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
    numbers : SparseBatch of shape (n_samples, n_features)
    """
    n_rows, n_features = X.shape
    largest = max(n_numbers, n_features)
    index_type = np.int32 if largest <= np.iinfo(np.int32).max else np.int64
    data = np.empty(n_numbers, NUMPY_TYPES[X.dtype])
    indices = np.empty(n_numbers, index_type)
    indptr = np.empty(n_rows + 1, index_type)
    row = start = 0
    for block in _blocks(X):
        places = np.flatnonzero((block != 0) & is_searched)
        rows = slice(row, row := row + len(block))
        indptr[rows] = start + places.searchsorted(np.arange(len(block)) * n_features)
        part = slice(start, start := start + len(places))
        data[part] = block.reshape(-1)[places]
        indices[part] = places % n_features
    indptr[-1] = start
    return SparseBatch(data, indices, indptr, n_features)


def _blocks(X: Tensor) -> Iterator[np.ndarray]:
    """Give some rows after the other."""
    n_at_once = max(1, _SEARCHED_ELEMENTS // X.shape[1])
    return (_as_array(block) for block in X.split(n_at_once))


def _as_array(X: Tensor) -> np.ndarray:
    """Give an array of one of NUMPY_TYPES."""
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
