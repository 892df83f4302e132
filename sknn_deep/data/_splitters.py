"""Validation rows by a cross-validation splitter: other groups, or later times."""

import copy
import warnings
from collections.abc import Iterator
from numbers import Real

import numpy as np
from sklearn.model_selection import PredefinedSplit, TimeSeriesSplit

from sknn_deep._sklearn_private import ListOfSplits
from sknn_deep.data._data import as_array_like
from sknn_deep.data._plain import is_missing

# A score of a single row says nothing, and R2 has none.
_FEWEST_TO_VALIDATE = 2
# What is made to leave rows out: those in a gap, and those that a user listed nowhere.
_MAY_LEAVE_OUT = (TimeSeriesSplit, PredefinedSplit, ListOfSplits)


def is_splitter(validation_fraction) -> bool:
    """Tell whether it says which rows to validate on, and not only how many."""
    return not isinstance(validation_fraction, Real)


def needs_groups(splitter) -> bool:
    """Tell whether a splitter of scikit-learn's kind asks for groups."""
    if not hasattr(splitter, "get_metadata_routing"):
        return False
    return splitter.get_metadata_routing().split.requests.get("groups") is True


def draws_anew(splitter) -> bool:
    """Tell whether a splitter of scikit-learn's kind gives other rows each time."""
    is_random = getattr(splitter, "shuffle", True) and hasattr(splitter, "random_state")
    return is_random and splitter.random_state is None


def check_groups(groups, n_rows: int, *, owner: str) -> np.ndarray | None:
    """Validate the group of each row."""
    if groups is None:
        return None
    # NumPy would write a missing group in a list of texts as the text "nan".
    is_list = isinstance(groups, list | tuple)
    array = np.asarray(as_array_like(groups), object if is_list else None)
    if array.shape != (n_rows,):
        raise ValueError(
            f"groups of {owner}.fit must have one entry for each of the {n_rows} rows. "
            f"Got an array of shape {array.shape}."
        )
    n_missing = _count_missing(array)
    if n_missing:
        raise ValueError(
            f"groups of {owner}.fit must name the group of each row: {n_missing} of "
            f"{n_rows} are missing. Give these rows groups of their own, or leave them "
            "out."
        )
    return np.asarray(groups) if is_list else array


def _count_missing(groups: np.ndarray) -> int:
    if groups.dtype == object:
        return sum(map(is_missing, groups))
    return int(np.count_nonzero(groups != groups))


def choose_split(
    splitter,
    X,
    y,
    groups: np.ndarray | None,
    *,
    rows: np.ndarray | None,
    n_rows: int,
    owner: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Number the rows to train on and those to validate on.

    They are those of the split with the most rows to train on, the last one of equals.

    Parameters
    ----------
    splitter : object with ``split``

    X, y : array-like
        As the user knows them.

    groups : ndarray of shape (n_rows,) or None

    rows : ndarray or None
        Indices of the rows that count; None is all.

    n_rows : int

    owner : str
        What messages call the estimator.
    """
    who = f"{owner} cannot take its validation rows from {type(splitter).__name__}"
    counts = np.ones(n_rows, bool) if rows is None else np.isin(np.arange(n_rows), rows)
    largest: tuple[np.ndarray, np.ndarray] | None = None
    for train, valid in _read_splits(splitter, X, y, groups, counts, who, owner):
        if largest is None or len(train) >= len(largest[0]):
            largest = train, valid
    assert largest is not None, "there is a split, or an error"
    _check_parts(*largest, counts, splitter, who=who, owner=owner)
    return largest


def choose_last_splits(
    n_splits: int,
    splitter,
    X,
    y,
    groups: np.ndarray | None,
    *,
    rows: np.ndarray | None,
    n_rows: int,
    owner: str,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Number the rows of the last splits, `n_splits` of them if there are as many.

    The parameters are those of :func:`choose_split`.
    """
    who = f"{owner} cannot take its validation rows from {type(splitter).__name__}"
    counts = np.ones(n_rows, bool) if rows is None else np.isin(np.arange(n_rows), rows)
    splits = list(_read_splits(splitter, X, y, groups, counts, who, owner))
    last = splits[-n_splits:]
    for train, valid in last:
        _check_parts(train, valid, counts, splitter, who=who, owner=owner)
    return last


def _read_splits(
    splitter, X, y, groups, counts: np.ndarray, who: str, owner: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the parts of each split, without the rows that do not count."""
    name, n_rows, is_empty = type(splitter).__name__, len(counts), True
    if isinstance(splitter, type):
        raise ValueError(
            f"The 'validation_fraction' parameter of {owner} must be a number or an "
            f"instance of a splitter. Got the class: write {splitter.__name__}()."
        )
    if groups is None and needs_groups(splitter):
        raise ValueError(
            f"{owner}.fit got no groups, by which its validation_fraction={name}(...) "
            "splits: pass groups to fit; as <step>__groups through a Pipeline, or by "
            "metadata routing with set_fit_request(groups=True)."
        )
    try:
        for parts in _splits(splitter, X, y, groups):
            train, valid = (_row_indices(part, counts) for part in parts)
            is_empty = False
            yield train, valid
    except IndexError as error:
        raise ValueError(
            f"{who}, which numbers rows that the {n_rows} of X do not have. A splitter "
            "with row numbers of its own only fits the rows that it was made for, and "
            "not a fold of them: pass X_val instead."
        ) from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{who}: {error}") from error
    if is_empty:
        raise ValueError(f"{who}, which gives no split of the {n_rows} rows.")


def _splits(splitter, X, y, groups) -> Iterator[tuple]:
    # A random state in it would move on, and the next fit get other rows.
    splitter = copy.deepcopy(splitter)
    by_groups = {} if groups is None else {"groups": groups}
    yield from splitter.split(as_array_like(X), as_array_like(y), **by_groups)


def _row_indices(part, counts: np.ndarray) -> np.ndarray:
    """Give the indices of a part's rows that count; it may be a mask."""
    part = np.asarray(part)
    indices = np.arange(len(counts))[part if part.size else []]
    return indices[counts[indices]]


def _check_parts(train, valid, counts, splitter, *, who: str, owner: str) -> None:
    n_rows = np.count_nonzero(counts)
    if len(train) == 0 or len(valid) < _FEWEST_TO_VALIDATE:
        raise ValueError(
            f"{who}: at least {_FEWEST_TO_VALIDATE} rows are needed to validate on, "
            f"and one to train on. Got {len(valid)} and {len(train)} of {n_rows} rows "
            "whose weight is positive."
        )
    n_both = len(np.intersect1d(train, valid))
    if n_both:
        raise ValueError(
            f"{who}: {n_both} of {n_rows} rows are in both parts of its split, so that "
            "the score would be one on rows that were trained on."
        )
    n_neither = n_rows - len(np.union1d(train, valid))
    if not n_neither:
        return
    if not isinstance(splitter, _MAY_LEAVE_OUT):
        raise ValueError(
            f"{who}: {n_neither} of {n_rows} rows are in neither part of its split, "
            "and would be lost. Take a splitter whose parts are all rows together; to "
            "leave rows out, leave them out of X, or name the others by "
            "check_cv([(train, valid)]) of sklearn.model_selection."
        )
    warnings.warn(
        f"{owner} leaves out {n_neither} of {n_rows} rows: they are in neither part of "
        f"the split that {type(splitter).__name__} gives.",
        stacklevel=2,
    )


def refuse_unused_groups(validation_fraction: float, *, owner: str) -> None:
    """Say that rows of a group would be on both sides, in spite of its being named."""
    raise ValueError(
        f"{owner}.fit got groups, but validation_fraction={validation_fraction} draws "
        "rows without regard to them. Let validation_fraction be a splitter that keeps "
        "groups together, such as GroupShuffleSplit(test_size=0.1, random_state=0), or "
        "leave out groups."
    )
