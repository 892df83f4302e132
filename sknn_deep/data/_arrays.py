"""Rows of any shape, and of numbers that may stay whole."""

import math

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep.data._data import (
    as_array_like,
    errors_about_text_and_gaps,
    validate,
)
from sknn_deep.data._refused_rows import refuse_rows, refuse_swapped


def check_arrays(
    estimator: BaseEstimator,
    X,
    y="no_validation",
    *,
    reset: bool,
    keeps_integers: bool,
    **options,
):
    """Validate X of two dimensions or more, and y if there is one.

    X comes back as float32 or float64, C-contiguous or CSR. float64 stays; whole
    numbers and bool, which have no more digits than that, become float32, or with
    `keeps_integers` stay what they are. The shape of a row is learnt as
    ``input_shape_``, and checked afterwards.
    """
    X, y = as_array_like(X), as_array_like(y)
    refuse_swapped(estimator, X, y)
    refuse_rows(estimator, X, allow_nd=True)
    if not reset:
        _check_shape(estimator, X)
    checked = validate(
        estimator, X, y, reset=reset, dtype="numeric", allow_nd=True, **options
    )
    given, (X, *rest) = X, checked if isinstance(checked, tuple) else (checked,)
    # scikit-learn before 1.8 lets strings of pandas 3 through.
    with errors_about_text_and_gaps(estimator, given, None, reset=reset):
        X = _of_known_type(X, keeps_integers=keeps_integers)
    if not isinstance(X, np.ndarray):
        X = X.tocsr()
    if reset:
        estimator.input_shape_ = X.shape[1:]
    else:
        _check_shape(estimator, X)
    return (X, *rest) if rest else X


def _check_shape(estimator: BaseEstimator, X) -> None:
    """Refuse rows of another shape than those of the fit, one of which is no vector.

    scikit-learn counts the second dimension only, and tells of vectors itself.
    """
    shape, expected = tuple(getattr(X, "shape", ())[1:]), estimator.input_shape_
    if not shape or shape == expected or len(shape) == len(expected) == 1:
        return
    cure = ""
    if len(shape) == 3 and shape[-1:] + shape[:-1] == expected:
        cure = " Its channels come last: pass np.moveaxis(X, -1, 1)."
    elif tuple(X.shape) == expected:
        cure = " This is one row: pass X[None]."
    elif math.prod(shape) == math.prod(expected):
        cure = f" Pass X.reshape({', '.join(map(str, (-1, *expected)))})."
    raise ValueError(
        f"X has rows of shape {shape}, but {type(estimator).__name__} is expecting "
        f"rows of shape {expected}, as in the fit.{cure}"
    )


def _of_known_type(X, *, keeps_integers: bool):
    if X.dtype in (np.float32, np.float64):
        return X
    if X.dtype.kind not in "biu":
        return X.astype(np.float64)
    if not keeps_integers or not isinstance(X, np.ndarray):
        return X.astype(np.float32)
    # torch can do next to nothing with larger unsigned types.
    is_small = X.dtype.kind != "u" or X.dtype == np.uint8
    return X if is_small else X.astype(np.int64)
