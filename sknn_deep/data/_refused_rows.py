"""What is no table of rows yet: a vector that is y, images, dicts, doubled columns."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator


def refuse_rows(estimator: BaseEstimator, X, *, allow_nd: bool = False) -> None:
    """Refuse rows with what makes a table of them."""
    _refuse_dicts(estimator, X)
    _refuse_doubled_columns(estimator, X)
    if not allow_nd:
        _refuse_images(estimator, X)


def refuse_swapped(estimator: BaseEstimator, X, y) -> None:
    """Refuse a vector as X and a matrix of as many rows as y, as of ``fit(y, X)``."""
    of_X, of_y = tuple(getattr(X, "shape", ())), tuple(getattr(y, "shape", ()))
    if len(of_X) == 1 and len(of_y) == 2 and of_X[0] == of_y[0] and of_y[1] > 1:
        raise ValueError(
            f"{type(estimator).__name__} takes X first and then y, as in fit(X, y). "
            f"Got an X of shape {of_X} and a y of shape {of_y}."
        )


def _refuse_images(estimator: BaseEstimator, X) -> None:
    """Refuse rows that are no vectors, such as the images that Keras loads."""
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)}, while {type(estimator).__name__} "
            f"takes one row of features for each sample. Got shape {tuple(shape)}: "
            "pass X.reshape(len(X), -1), which makes a row of each image."
        )


def _refuse_dicts(estimator: BaseEstimator, X) -> None:
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


def _refuse_doubled_columns(estimator: BaseEstimator, X) -> None:
    """Refuse a frame of pandas with a name twice, as scikit-learn does since 1.9."""
    columns = getattr(X, "columns", None)
    if columns is None or getattr(columns, "is_unique", True):
        return
    label = columns[columns.duplicated()].tolist()[0]
    raise ValueError(
        f"X of {type(estimator).__name__} has the column {label!r} more than once. "
        "Rename one of them, or leave it out by "
        "X.loc[:, ~X.columns.duplicated()]."
    )


def _is_list(X) -> bool:
    is_array = isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    return is_array or isinstance(X, list | tuple)
