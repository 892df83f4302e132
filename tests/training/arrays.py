"""Small data for the tests of rows and batches."""

import numpy as np
import scipy.sparse

from sknn_deep._sparse_batch import SparseBatch


def make_X(n_rows=10, n_features=3, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(dtype)


def make_sparse(n_rows=10, n_features=3, kind=scipy.sparse.csr_array):
    X = make_X(n_rows, n_features)
    return kind(np.where(X > 0, X, 0))


def as_batch(X):
    """Make a batch of the rows of a CSR matrix or array."""
    return SparseBatch(X.data, X.indices, X.indptr, X.shape[1])
