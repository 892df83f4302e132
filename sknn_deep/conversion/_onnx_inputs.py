"""The inputs of an ONNX file, by a few rows of what the estimator takes."""

from typing import NamedTuple

import numpy as np


class Input(NamedTuple):
    """One input.

    Attributes
    ----------
    name : str

    n_columns : int

    is_text : bool
        Whether it holds strings; else it holds numbers.
    """

    name: str
    n_columns: int
    is_text: bool


def inputs_of(estimator, X) -> list[Input]:
    """Give one input for each column of a table, and else one for all.

    Parameters
    ----------
    estimator : estimator
        Fitted. It says how many columns of numbers there are where X is None.

    X : array-like or None
    """
    if X is None:
        return [Input("X", _n_features_of(estimator), False)]
    if not hasattr(X, "columns"):
        array = np.asarray(X)
        if array.ndim != 2:
            raise ValueError(
                "X of to_onnx must be rows with the features that were fitted. Got an "
                f"array of shape {array.shape}."
            )
        return [Input("X", array.shape[1], _is_text(array, "X"))]
    names = [str(name) for name in X.columns]
    refused = sorted({name for name in names if not name or names.count(name) > 1})
    if refused:
        raise ValueError(
            "to_onnx names an input after each column of X, and cannot do so for "
            f"{refused}: a name is empty, or there twice. Rename these columns before "
            "the fit."
        )
    return [
        Input(str(name), 1, _is_text(np.asarray(X[name]), f"its column {name!r}"))
        for name in X.columns
    ]


def _n_features_of(estimator) -> int:
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise ValueError(
            f"to_onnx cannot tell how many columns this {type(estimator).__name__} "
            "takes: pass X, a few rows of what it was fitted to."
        )
    return n_features


def _is_text(array: np.ndarray, where: str) -> bool:
    """Tell strings from numbers, in arrays of objects by what is in them."""
    if array.dtype.kind in "biuf":
        return False
    if array.dtype.kind in "OUT":
        values = [value for value in array.ravel().tolist() if _is_there(value)]
        if values and all(isinstance(value, str) for value in values):
            return True
        if values and all(np.isreal(value) for value in values):
            return False
    raise TypeError(
        "X of to_onnx must show which columns are numbers and which are strings. Got "
        f"neither, or only missing values, in {where}, of dtype {array.dtype}. Pass a "
        "DataFrame with a value in each column."
    )


def _is_there(value) -> bool:
    return isinstance(value, str) or str(value) not in ("nan", "None", "<NA>", "NaT")
