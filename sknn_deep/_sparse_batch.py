"""Rows of a sparse matrix, multiplied as they are instead of being made dense."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# Of a product that is as long as there are features, so much is made at a time: what
# stays in a processor's cache until it is copied.
_ELEMENTS_AT_ONCE = 2**19


class SparseBatch:
    """Some rows of a sparse matrix.

    Parameters
    ----------
    X : CSR matrix or array of shape (n_batch, n_features)
        Of float32 or float64; its arrays can be written to.
    """

    def __init__(self, X):
        self.X = X

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape

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
        X = self.X
        if not W.is_contiguous() and X.nnz < X.shape[1]:
            features = np.unique(X.indices)
            X, W = X[:, features], W.index_select(0, torch.from_numpy(features))
        return _multiply(X, W.contiguous())

    def transposed_product(self, D: Tensor, out: Tensor) -> None:
        """Write ``X^T D``.

        Parameters
        ----------
        D : Tensor of shape (n_batch, n_units)

        out : Tensor of shape (n_features, n_units)
        """
        X_t = self.X.T.tocsr()
        n_at_once = max(1, _ELEMENTS_AT_ONCE // D.shape[1])
        if n_at_once >= len(out):
            out.copy_(_multiply(X_t, D))
            return
        for start in range(0, len(out), n_at_once):
            part = slice(start, start + n_at_once)
            out[part].copy_(_multiply(X_t[part], D))


def _multiply(X, W: Tensor) -> Tensor:
    """Multiply a CSR matrix by a dense one.

    Each row of the product is a sum of rows of W, one for each number of X that is not
    zero, times that number: what torch calls a bag of embeddings. For float32 it has a
    kernel that is three times as fast as SciPy's product; for float64 it has none.
    """
    if W.dtype != torch.float32:
        return torch.from_numpy(X @ W.detach().numpy())
    numbers, bounds, factors = map(torch.from_numpy, (X.indices, X.indptr, X.data))
    return F.embedding_bag(
        numbers,
        W,
        bounds,
        mode="sum",
        per_sample_weights=factors,
        include_last_offset=True,
    )
