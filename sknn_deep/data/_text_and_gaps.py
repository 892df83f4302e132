"""What to do about text, and about gaps, where numbers are needed."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor

# How scikit-learn's and NumPy's messages begin.
_OF_TEXT = ("could not convert string to float", "dtype='numeric' is not compatible")
_OF_GAPS = "Input X contains NaN."
_OF_INFINITY = "Input X contains infinity"


def say_text_and_gaps(
    message: str, estimator: BaseEstimator, X, y, *, reset: bool
) -> str | None:
    """Say where the text is, and what to do about it, about NaN or infinity.

    The message is scikit-learn's, which knows neither the column nor this package. X is
    None where only y is read. None is that it is about something else.
    """
    if message.startswith(_OF_GAPS):
        return f"{_OF_GAPS} {_advise_on_gaps(X, estimator)}"
    if message.startswith(_OF_INFINITY):
        return f"{message} {_advise_on_infinity(estimator)}"
    if not message.startswith(_OF_TEXT):
        return None
    if (label := _text_column(X)) is not None:
        return f"{message}\n{_advise_on_text(label, estimator, reset=reset)}"
    if is_regressor(estimator) and (text := _first_text(y)) is not None:
        return say_y_is_no_numbers(f"{text!r}", estimator)
    return None


def say_y_is_no_numbers(got: str, estimator: BaseEstimator) -> str:
    """Say that a regressor needs numbers, and what learns classes."""
    classifier = type(estimator).__name__.replace("Regressor", "Classifier")
    return (
        f"y of {type(estimator).__name__} must hold numbers. Got {got}. Classes are "
        f"learnt by {classifier}."
    )


def _advise_on_text(label: str, estimator: BaseEstimator, *, reset: bool) -> str:
    owner = type(estimator).__name__
    found = f"The column {label} of X has text, and {owner} takes numbers"
    if not reset:
        return f"{found}, as in its fit: encode it in the same way."
    encoder = "a OneHotEncoder for the columns of text, before it in a Pipeline"
    tables = _for_tables(estimator, X=None)
    if not tables:
        return f"{found}: put {encoder}."
    return f"{found}: {tables} takes the table as it is. Or put {encoder}."


def _advise_on_gaps(X, estimator: BaseEstimator) -> str:
    tables = _for_tables(estimator, X)
    instead = f", or use {tables}, which takes them as they are" if tables else ""
    return (
        f"{type(estimator).__name__} takes no missing values: put SimpleImputer() "
        f"before it in a Pipeline{instead}."
    )


def _advise_on_infinity(estimator: BaseEstimator) -> str:
    return (
        f"{type(estimator).__name__} takes finite numbers: make NaN of the others, by "
        "np.where(np.isfinite(X), X, np.nan), and put SimpleImputer() before it in a "
        "Pipeline."
    )


def _for_tables(estimator: BaseEstimator, X) -> str:
    """Name what takes tables in the place of an MLP, if something does."""
    is_own_net = hasattr(estimator, "module")
    if is_own_net or issparse(X):
        return ""
    if is_classifier(estimator):
        return "TabularMLPClassifier"
    return "TabularMLPRegressor" if is_regressor(estimator) else ""


def _text_column(X) -> str | None:
    """Say how to call the first column that is not numbers."""
    for label, column in _columns(X):
        if _first_text(column) is not None:
            return label
    return None


def _columns(X) -> Iterator[tuple[str, object]]:
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        for i, name in enumerate(X.columns):
            yield repr(name), X.iloc[:, i] if hasattr(X, "iloc") else X[name]
    elif X is not None and not issparse(X):
        array = np.asarray(X, dtype=object)
        if array.ndim == 2:
            for i in range(array.shape[1]):
                yield f"at index {i}", array[:, i]


def _first_text(values) -> str | None:
    """Give the first string that is no number."""
    for value in np.asarray(values, dtype=object).ravel():
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return str(value)
    return None
