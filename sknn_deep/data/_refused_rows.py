"""Rows that are no rows of a table yet: images, and dicts as JSON has them."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator


def refuse_rows(estimator: BaseEstimator, X) -> None:
    """Refuse rows with what makes a table of them."""
    refuse_rows_as_dicts(estimator, X)
    _refuse_images(estimator, X)


def _refuse_images(estimator: BaseEstimator, X) -> None:
    """Refuse rows that are no vectors, such as the images that Keras loads."""
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)}, while {type(estimator).__name__} "
            f"takes one row of features for each sample. Got shape {tuple(shape)}: "
            "pass X.reshape(len(X), -1), which makes a row of each image."
        )


def refuse_rows_as_dicts(estimator: BaseEstimator, X) -> None:
    """Say how a row, several ones or columns become a DataFrame."""
    if issparse(X):  # of which SciPy's DOK is a dict
        return
    if isinstance(X, Mapping):
        is_row = not any(isinstance(value, list | np.ndarray) for value in X.values())
        found, remedy = "a dict", "pd.DataFrame([row])" if is_row else "pd.DataFrame(X)"
    elif _is_list(X) and len(X) and isinstance(X[0], Mapping):
        found, remedy = "dicts in a list", "pd.DataFrame(rows)"
    else:
        return
    raise TypeError(
        f"X of {type(estimator).__name__} must be a DataFrame or an array. Got "
        f"{found}: pass {remedy}, with the columns in the order of the fit."
    )


def _is_list(X) -> bool:
    is_array = isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    return is_array or isinstance(X, list | tuple)
