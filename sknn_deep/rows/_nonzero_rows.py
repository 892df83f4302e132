"""Rows whose zeros are not computed with, but in columns that have few."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sknn_deep.rows._base import Rows
from sknn_deep.rows._sparse_batch import MixedBatch, SparseBatch, SparseInput, Workspace
from sknn_deep.rows._tensors import as_tensor

# NumPy's type of nonzeros, by the type that is computed in. It has no bfloat16.
_NUMPY_TYPES: dict[torch.dtype, type[np.floating]] = {
    torch.bfloat16: np.float32,
    torch.float32: np.float32,
    torch.float64: np.float64,
}

# Of rows that are searched for nonzeros at a time: what stays in a processor's cache.
_SEARCHED_ELEMENTS = 2**19


class NonzeroRows(Rows):
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
        Which they are.
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
        self._numpy_type = _NUMPY_TYPES[dtype]
        self._taken, self._transposed = Workspace(), Workspace()
        self._taken_dense: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.sparse.shape

    @property
    def density(self) -> float:
        """The share of elements that are computed with."""
        n_rows, n_features = self.shape
        n_elements = len(self.sparse.data)
        if self.dense is not None:
            n_elements += self.dense.numel()
        return n_elements / max(1, n_rows * n_features)

    def take(self, index: Tensor, out: Tensor | None = None) -> SparseInput:
        sparse = self.sparse.take(
            index.numpy(), into=self._taken, workspace=self._transposed
        )
        dense = None if self.dense is None else self._gather(self.dense, index)
        return self._join(sparse, dense)

    def _gather(self, dense: Tensor, index: Tensor) -> Tensor:
        n_rows = len(index)
        if self._taken_dense is None or n_rows > len(self._taken_dense):
            self._taken_dense = dense.new_empty(n_rows, dense.shape[1])
        out = self._taken_dense[:n_rows]
        return torch.index_select(dense, 0, index, out=out)

    def slice(self, start: int, stop: int) -> SparseInput:
        return self._join(
            self.sparse.slice(start, stop, workspace=self._transposed),
            None if self.dense is None else self.dense[start:stop],
        )

    def _join(self, sparse: SparseBatch, dense: Tensor | None) -> SparseInput:
        sparse = sparse.astype(self._numpy_type)
        if dense is None or self.columns is None:
            return sparse
        return MixedBatch(sparse, dense, self.columns)


def wrap_matrix(X, dtype: torch.dtype) -> NonzeroRows:
    """Give the rows of a CSR matrix or array, without a copy."""
    # Those of a matrix that was filled by hand may differ.
    index_type = np.result_type(X.indices, X.indptr)
    indices, indptr = (a.astype(index_type, copy=False) for a in (X.indices, X.indptr))
    # Of a tensor's memory, an array can be written to.
    data, indices, indptr = (as_tensor(a).numpy() for a in (X.data, indices, indptr))
    return NonzeroRows(SparseBatch(data, indices, indptr, X.shape[1]), dtype)


def count_nonzeros(X: Tensor) -> np.ndarray:
    """Count the nonzeros of each column, of an array as ``copy_nonzeros`` takes."""
    return sum((block != 0).sum(axis=0, dtype=np.int32) for block in _blocks(X))


def copy_nonzeros(
    X: Tensor, counts: np.ndarray, *, is_sparse: np.ndarray
) -> NonzeroRows:
    """Copy rows without the zeros of some columns.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        In host memory, of bfloat16, float32 or float64.

    counts : int ndarray of shape (n_features,)
        Numbers of nonzeros.

    is_sparse : bool ndarray of shape (n_features,)
        Which columns are copied without zeros; the others are copied whole.
    """
    sparse = find_nonzeros(X, is_sparse, n_nonzeros=counts[is_sparse].sum())
    if is_sparse.all():
        return NonzeroRows(sparse, X.dtype)
    columns = torch.from_numpy(np.flatnonzero(~is_sparse))
    dense = X.index_select(1, columns)
    return NonzeroRows(sparse, X.dtype, dense=dense, columns=columns)


def find_nonzeros(X: Tensor, is_searched: np.ndarray, n_nonzeros: int) -> SparseBatch:
    """Copy the nonzeros of some columns of an array in host memory.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    is_searched : bool ndarray of shape (n_features,)

    n_nonzeros : int
        Of these columns.

    Returns
    -------
    nonzeros : SparseBatch of shape (n_samples, n_features)
    """
    n_rows, n_features = X.shape
    largest = max(n_nonzeros, n_features)
    index_type = np.int32 if largest <= np.iinfo(np.int32).max else np.int64
    data = np.empty(n_nonzeros, _NUMPY_TYPES[X.dtype])
    indices = np.empty(n_nonzeros, index_type)
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
    """Give an array of one of `_NUMPY_TYPES`."""
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
