"""Which columns are categorical."""

import numpy as np

from sknn_deep.columns._numbers_as_text import warn_of_numbers
from sknn_deep.columns._read import Column


def find_categorical(
    categorical_features,
    columns: list[Column],
    names: np.ndarray | None,
    *,
    owner: str,
) -> np.ndarray:
    """Turn the parameter `categorical_features` into a mask of shape (n_features,).

    Where types alone decide, a warning names columns that look like numbers.

    Parameters
    ----------
    categorical_features : None, "from_dtype", or array-like of bool, int or str
        As in scikit-learn's HistGradientBoostingClassifier.

    columns : list of Column

    names : ndarray of str of shape (n_features,) or None
    """
    n_features = len(columns)
    if isinstance(categorical_features, str):  # "from_dtype"
        warn_of_numbers(columns, owner=owner)
        return np.array([column.is_category for column in columns], dtype=bool)
    given = np.asarray(() if categorical_features is None else categorical_features)
    if given.size == 0:
        return np.zeros(n_features, dtype=bool)
    kinds = _kinds(given)
    if len(kinds) > 1 or not kinds <= {"bool", "int", "str"}:
        found = ", ".join(sorted(_type_names(given)))
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{found}."
        )
    if kinds == {"bool"}:
        if given.shape != (n_features,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape "
                f"(n_features,), got: {given.shape}."
            )
        return given.astype(bool)
    if kinds == {"str"}:
        given = _find_names(given, names)
    elif given.min() < 0 or given.max() >= n_features:
        raise ValueError(
            "categorical_features set as integer indices must be in "
            f"[0, n_features - 1], got: {given.tolist()} with n_features="
            f"{n_features}."
        )
    mask = np.zeros(n_features, dtype=bool)
    mask[given.astype(np.intp)] = True
    return mask


def _find_names(given: np.ndarray, names: np.ndarray | None) -> np.ndarray:
    if names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a "
            "boolean mask when the model is fitted on data without feature names."
        )
    places = {name: place for place, name in enumerate(names)}
    for name in given:
        if name not in places:
            raise ValueError(
                f"categorical_features has an item value {str(name)!r} which is not a "
                "valid feature name of the training data."
            )
    return np.array([places[name] for name in given])


def _kinds(given: np.ndarray) -> set[str]:
    by_kind = {"b": "bool", "i": "int", "u": "int", "U": "str", "T": "str"}
    if given.dtype.kind != "O":
        return {by_kind.get(given.dtype.kind, given.dtype.name)}
    return {type(item).__name__ for item in given.flat}


def _type_names(given: np.ndarray) -> set[str]:
    return _kinds(given) if given.dtype.kind == "O" else {given.dtype.name}
