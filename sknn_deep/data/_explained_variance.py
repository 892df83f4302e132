"""The share of the variance of rows that their reconstructions explain."""

import numpy as np

from sknn_deep.rows import MappedArray


def relative(weight: np.ndarray | None) -> np.ndarray | None:
    """Scale weights so that no product with them is too large."""
    return None if weight is None else weight / weight.max()


def column_means(X, weight: np.ndarray | None) -> np.ndarray:
    """Return the weighted mean of each column of an array, CSR matrix or file."""
    weight = np.ones(X.shape[0], X.dtype) if weight is None else weight
    share = weight / weight.sum()
    if isinstance(X, MappedArray):
        return X.weighted_sum(share)
    return np.asarray(X.T @ share).ravel()


def is_constant(X, weight: np.ndarray | None) -> bool:
    """Tell whether all rows that count are the same.

    Their variance says so only up to rounding: it may be 1e-34 instead of 0.
    """
    rows = X if weight is None else X[weight > 0]
    low, high = rows.min(axis=0), rows.max(axis=0)
    if not isinstance(low, np.ndarray):
        low, high = low.toarray(), high.toarray()
    return bool(np.all(low == high))


def explained_share(error: float, variance: float) -> float:
    """Return ``1 - error / variance``; a constant is 1 if it is met, else 0."""
    if variance > 0:
        return 1 - error / variance
    return float(error == 0)
