"""Rows of a sparse matrix, multiplied as they are instead of being made dense.

Each row of ``X W`` is a sum of rows of W, one for each number of X that is not zero,
times that number: what torch calls a bag of embeddings, and has fast kernels for. Each
row of ``X^T D`` is a sum of rows of D in the same way.
"""

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
            Slow unless it is contiguous.

        Returns
        -------
        product : Tensor of shape (n_batch, n_units)
        """
        return _sum_rows(W, *map(torch.from_numpy, _arrays(self.X)))

    def transposed_product(self, D: Tensor, out: Tensor) -> None:
        """Write ``X^T D``.

        Parameters
        ----------
        D : Tensor of shape (n_batch, n_units)

        out : Tensor of shape (n_features, n_units)
        """
        numbers, bounds, factors = map(torch.from_numpy, _arrays(self.X.tocsc()))
        n_at_once = max(1, _ELEMENTS_AT_ONCE // D.shape[1])
        for start in range(0, len(out), n_at_once):
            part = out[start : start + n_at_once]
            own = bounds[start : start + len(part) + 1]
            first, last = own[0].item(), own[-1].item()
            part.copy_(
                _sum_rows(D, numbers[first:last], own - first, factors[first:last])
            )


def _arrays(X) -> tuple:
    return X.indices, X.indptr, X.data


def _sum_rows(rows: Tensor, numbers: Tensor, bounds: Tensor, factors: Tensor) -> Tensor:
    """Sum rows, each times its factor; a sum has those between two bounds."""
    return F.embedding_bag(
        numbers,
        rows,
        bounds,
        mode="sum",
        per_sample_weights=factors,
        include_last_offset=True,
    )
