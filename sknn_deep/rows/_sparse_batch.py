"""Rows of a sparse matrix, multiplied as they are instead of being made dense."""

import functools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sknn_deep.rows._scipy_private import csr_matvecs, csr_row_index, csr_tocsc

# Of a product that is as long as there are features, so much is made at a time: what
# stays in a processor's cache until it is copied.
_ELEMENTS_AT_ONCE = 2**19


class Workspace:
    """Memory for the nonzeros of one sparse matrix after the other.

    New memory would be cleared by the system each time, which takes longer than what is
    done with it here.
    """

    def __init__(self):
        self._data = self._indices = None

    def make(self, n_nonzeros: int, like: "SparseBatch") -> tuple[np.ndarray, ...]:
        """Give memory for nonzeros and their columns; the next call gives it again."""
        if self._data is None or n_nonzeros > len(self._data):
            n_with_reserve = n_nonzeros + n_nonzeros // 8
            self._data = np.empty(n_with_reserve, like.data.dtype)
            self._indices = np.empty(n_with_reserve, like.indices.dtype)
        return self._data[:n_nonzeros], self._indices[:n_nonzeros]


class SparseBatch:
    """Some rows of a sparse matrix, in SciPy's CSR format.

    The arrays are such as can be written to; torch would warn of others.

    Parameters
    ----------
    data : ndarray of shape (n_nonzeros,)
        The nonzeros, one row after the other.

    indices : ndarray of shape (n_nonzeros,), int32 or int64
        The column of each nonzero.

    indptr : ndarray of shape (n_batch + 1,), of the type of `indices`
        Where each row begins, from 0, and where the last one ends.

    n_features : int

    workspace : Workspace or None
        Where the transpose is made; None is new memory.
    """

    def __init__(
        self,
        data: np.ndarray,
        indices: np.ndarray,
        indptr: np.ndarray,
        n_features: int,
        *,
        workspace: Workspace | None = None,
    ):
        self.data = data
        self.indices = indices
        self.indptr = indptr
        self.shape = (len(indptr) - 1, n_features)
        self.workspace = workspace or Workspace()

    def slice(
        self, start: int, stop: int, *, workspace: Workspace | None = None
    ) -> "SparseBatch":
        """Give neighbouring rows, without a copy of their nonzeros."""
        indptr = self.indptr[start : stop + 1]
        first, last = indptr[0], indptr[-1]
        return SparseBatch(
            self.data[first:last],
            self.indices[first:last],
            indptr - first,
            self.shape[1],
            workspace=workspace,
        )

    def take(
        self, rows: np.ndarray, *, into: Workspace, workspace: Workspace
    ) -> "SparseBatch":
        """Copy rows `into` memory; their transpose will be made in `workspace`."""
        rows = rows.astype(self.indices.dtype, copy=False)
        indptr = np.zeros(len(rows) + 1, dtype=self.indices.dtype)
        np.cumsum(self.counts[rows], out=indptr[1:])
        data, indices = into.make(indptr[-1], like=self)
        csr_row_index(
            len(rows), rows, self.indptr, self.indices, self.data, indices, data
        )
        return SparseBatch(data, indices, indptr, self.shape[1], workspace=workspace)

    def astype(self, dtype: type[np.floating]) -> "SparseBatch":
        """Give the same rows in another type, or these if it is theirs."""
        if self.data.dtype == dtype:
            return self
        data = self.data.astype(dtype)
        return SparseBatch(
            data, self.indices, self.indptr, self.shape[1], workspace=self.workspace
        )

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many nonzeros each row has, of shape (n_batch,)."""
        return np.diff(self.indptr)

    @functools.cached_property
    def transposed(self) -> "SparseBatch":
        n_rows, n_features = self.shape
        data, indices = self.workspace.make(len(self.data), like=self)
        indptr = np.empty(n_features + 1, dtype=self.indptr.dtype)
        csr_tocsc(
            *self.shape, self.indptr, self.indices, self.data, indptr, indices, data
        )
        return SparseBatch(data, indices, indptr, n_rows)

    def product(self, W: Tensor) -> Tensor:
        """Compute ``X W``.

        Parameters
        ----------
        W : Tensor of shape (n_features, n_units)
            Where it is not contiguous, it is copied, or those of its rows that count.

        Returns
        -------
        product : Tensor of shape (n_batch, n_units)
        """
        if W.is_contiguous() or len(self.data) >= self.shape[1]:
            return self._multiply(W.contiguous())
        features, inverse = np.unique(self.indices, return_inverse=True)
        indices = inverse.astype(self.indices.dtype)
        few = SparseBatch(self.data, indices, self.indptr, len(features))
        return few._multiply(W.index_select(0, torch.from_numpy(features)))

    def transposed_product(self, D: Tensor, out: Tensor) -> None:
        """Write ``X^T D``.

        Parameters
        ----------
        D : Tensor of shape (n_batch, n_units)

        out : Tensor of shape (n_features, n_units)
        """
        X_t = self.transposed
        n_at_once = max(1, _ELEMENTS_AT_ONCE // D.shape[1])
        if n_at_once >= len(out):
            out.copy_(X_t._multiply(D))
            return
        for start in range(0, len(out), n_at_once):
            stop = min(start + n_at_once, len(out))
            out[start:stop].copy_(X_t.slice(start, stop)._multiply(D))

    def _multiply(self, W: Tensor) -> Tensor:
        """Multiply by a dense matrix.

        Each row of the product is a sum of rows of W, one for each nonzero of X,
        times that: what torch calls a bag of embeddings. For float32 it has a kernel
        that is three times as fast as SciPy's product; for float64 it has none. Sums in
        bfloat16 are made in float32.
        """
        if W.dtype == torch.bfloat16:
            return self._multiply(W.float()).to(W.dtype)
        if W.dtype == torch.float32:
            return F.embedding_bag(
                torch.from_numpy(self.indices),
                W,
                torch.from_numpy(self.indptr),
                mode="sum",
                per_sample_weights=torch.from_numpy(self.data),
                include_last_offset=True,
            )
        weights = W.detach().numpy()
        product = np.zeros((self.shape[0], W.shape[1]), weights.dtype)
        csr_matvecs(
            *self.shape,
            W.shape[1],
            self.indptr,
            self.indices,
            self.data,
            weights.reshape(-1),
            product.reshape(-1),
        )
        return torch.from_numpy(product)


class MixedBatch:
    """Some rows of a matrix of which some columns are sparse and the others dense.

    Parameters
    ----------
    sparse : SparseBatch of shape (n_batch, n_features)
        Without a nonzero in the dense columns.

    dense : Tensor of shape (n_batch, n_dense)

    columns : int64 Tensor of shape (n_dense,)
        Which the dense columns are.
    """

    def __init__(self, sparse: SparseBatch, dense: Tensor, columns: Tensor):
        self.sparse = sparse
        self.dense = dense
        self.columns = columns
        self.shape = sparse.shape

    def product(self, W: Tensor) -> Tensor:
        """Compute ``X W``, as a SparseBatch does."""
        product = self.sparse.product(W)
        return product.addmm_(self.dense, W.index_select(0, self.columns))

    def transposed_product(self, D: Tensor, out: Tensor) -> None:
        """Write ``X^T D``, as a SparseBatch does."""
        self.sparse.transposed_product(D, out)
        out.index_copy_(0, self.columns, self.dense.mT @ D)


# A batch without its zeros, or without most of them.
SparseInput = SparseBatch | MixedBatch
