"""Small data for the tests of rows and batches."""

import numpy as np
import scipy.sparse
import torch

from sknn_deep.rows._sparse_batch import SparseBatch


def make_X(n_rows=10, n_features=3, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(dtype)


def make_sparse(n_rows=10, n_features=3, kind=scipy.sparse.csr_array):
    X = make_X(n_rows, n_features)
    return kind(np.where(X > 0, X, 0))


def as_batch(X):
    """Make a batch of the rows of a CSR matrix or array."""
    return SparseBatch(X.data, X.indices, X.indptr, X.shape[1])


def few_numbers(
    n_rows=3000, n_features=200, *, density=0.02, n_dense=0, dtype=torch.float32
):
    """Make a tensor of few numbers that are not zero, but in its last columns."""
    rng = np.random.default_rng(0)
    is_there = rng.random((n_rows, n_features)) < density
    is_there[:, n_features - n_dense :] = True
    return torch.from_numpy(is_there * rng.normal(size=is_there.shape)).to(dtype)
