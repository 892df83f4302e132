"""Weights of classes, as factors of the sample weights."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from sknn_deep._sklearn_private import balanced_class_weights
from sknn_deep.data._data import check_sum
from sknn_deep.data._targets import ClassTarget


def learn_class_weights(
    class_weight, target: ClassTarget, y: np.ndarray, weight: np.ndarray | None
) -> list[np.ndarray]:
    """Compute the weight of each class, for each column of labels.

    Parameters
    ----------
    class_weight : dict, list of dict or "balanced"
        A list has one dict for each column of a multilabel y.

    target : ClassTarget

    y : ndarray of shape (n_samples,) or (n_samples, n_labels)

    weight : ndarray of shape (n_samples,) or None
        Rows of zero weight do not count.

    Returns
    -------
    tables : list of ndarray of shape (n_classes,)
        One for each column; class numbers are indices.
    """
    rows = slice(None) if weight is None else weight > 0
    weight = None if weight is None else weight[rows]
    if target.kind != "multilabel":
        if isinstance(class_weight, list):
            raise ValueError(
                "class_weight must be a dict or 'balanced'; a list of dicts is for "
                f"multilabel y. Got {class_weight!r}."
            )
        return [_table(class_weight, target.classes, y[rows], weight)]
    columns = np.asarray(y)[rows].T
    if not isinstance(class_weight, str) and (
        isinstance(class_weight, dict) or len(class_weight) != len(columns)
    ):
        raise ValueError(
            f"class_weight of a multilabel y must be 'balanced', or a list of "
            f"{len(columns)} dicts, one for each column. Got {class_weight!r}."
        )
    per_column = (
        [class_weight] * len(columns) if class_weight == "balanced" else class_weight
    )
    return [
        _table(one, np.array([0, 1]), column, weight)
        for one, column in zip(per_column, columns, strict=True)
    ]


def _table(class_weight, classes, y, weight) -> np.ndarray:
    if class_weight == "balanced":
        # A class without rows has no share to be balanced, and no row to be weighed.
        present = np.isin(classes, y)
        table = np.ones(len(classes))
        table[present] = balanced_class_weights(classes[present], y, weight)
        return table
    table = compute_class_weight(class_weight, classes=classes, y=classes)
    bad = ~np.isfinite(table) | (table < 0)
    if bad.any():
        raise ValueError(
            "class_weight must not be negative or infinite. Got "
            f"{table[bad][0]} for class {classes[bad].tolist()[0]!r}."
        )
    return table


def weigh(
    tables: list[np.ndarray],
    target: ClassTarget,
    y: np.ndarray,
    weight: np.ndarray | None,
) -> np.ndarray:
    """Multiply the sample weights by the weights of their classes."""
    if target.kind == "multilabel":
        numbers = (np.asarray(y) != 0).astype(np.intp).T
    else:
        numbers = [np.searchsorted(target.classes, y)]
    factors = np.prod(
        [table[column] for table, column in zip(tables, numbers, strict=True)], axis=0
    )
    with np.errstate(over="ignore"):
        product = check_sum(factors if weight is None else weight * factors)
    if not product.any():
        raise ValueError(
            "class_weight leaves no row with a weight above zero: give a class that is "
            "among these rows more, or leave the rows out."
        )
    return product
