"""Arrays that validation would give back as they are, told in a few microseconds.

scikit-learn's validation looks for data frames, sparse matrices, array libraries and
metadata before it comes to the numbers: some 50 microseconds, which a row through a
small network takes three times over. What is not plain is left to it, and so is what
has to be refused.
"""

import math

import numpy as np
from sklearn.base import BaseEstimator

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
# Whole numbers, bool and text, none of which is infinite.
_FINITE_KINDS = "biuU"


def in_an_array(rows):
    """Make an array of a single row in a list, as river passes one at a time.

    What else comes, and what NumPy makes no array of, is given back.
    """
    if type(rows) is not list or len(rows) != 1:
        return rows
    try:
        return np.asarray(rows)
    except (ValueError, TypeError, OverflowError):
        return rows


def is_plain_matrix(X) -> bool:
    """Tell whether X is an array of finite float32 or float64 numbers, by the row."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in _FLOATS
        and X.flags.c_contiguous
        and X.size > 0
        and _is_finite(X)
    )


def is_plain_vector(y, n_rows: int) -> bool:
    """Tell whether y is an array of one number or text for each row."""
    return (
        type(y) is np.ndarray
        and y.shape == (n_rows,)
        and (y.dtype.kind in _FINITE_KINDS or (y.dtype in _FLOATS and _is_finite(y)))
    )


def is_missing(value) -> bool:
    """Tell None, NaN, NaT and pandas.NA, none of which but None equals itself."""
    is_same = value == value
    return value is None or not isinstance(is_same, bool | np.bool_) or not is_same


def _is_finite(array: np.ndarray) -> bool:
    """Tell whether the sum is finite; that of large numbers may not be."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(array, axis=None))


def has_plain_columns(estimator: BaseEstimator, X: np.ndarray, *, reset: bool) -> bool:
    """Tell whether X has the columns that were fitted, which have no names.

    With `reset` any columns will do that have no names, and none are to be forgotten.
    """
    learnt = vars(estimator)
    if "feature_names_in_" in learnt:
        return False
    return reset or X.shape[1] == learnt.get("n_features_in_")
