"""Codes and what they are coloured by, brought to what can be drawn."""

import re
from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_array, column_or_1d

_Y_TYPES = ("auto", "class", "number")
_MAX_AUTO_CLASSES = 20
# More names have no room, and nobody tells more colours and shapes apart.
_MAX_NAMES = 20
_MAX_NAME_LENGTH = 24


def check_y(y, y_type: str, n_rows: int, *, owner: str) -> np.ndarray:
    """Return what the points are coloured by as an array."""
    if y_type not in _Y_TYPES:
        raise ValueError(
            f"y_type of {owner} must be one of {', '.join(_Y_TYPES)}. Got {y_type!r}."
        )
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise ValueError(
            f"y of {owner} must have one value for each row. Got an array of shape "
            f"{np.shape(y)}: of one-hot classes, pass np.argmax(y, axis=1)."
        )
    y = column_or_1d(y)
    if len(y) != n_rows:
        raise ValueError(
            f"y of {owner} must have one value for each of the {n_rows} rows. Got "
            f"{len(y)}."
        )
    if is_number(y, y_type):
        if y.dtype.kind not in "biufM":
            raise ValueError(
                f"y_type='number' of {owner} needs numbers or dates in y. Got an array "
                f"of dtype {y.dtype}: set y_type='class'."
            )
        if is_date(y) and np.isnat(y).any():
            raise ValueError(
                f"y of {owner} has dates that are missing (NaT). Leave out their rows."
            )
        assert_all_finite(y, input_name="y")
    return y


def number_classes(y: np.ndarray) -> tuple[list[str], int, np.ndarray]:
    """Name the classes of y, or if there are too many, the largest of them.

    Returns
    -------
    names : list of str

    n_others : int
        Number of classes without a name.

    numbers : ndarray of shape (n_samples,)
        Index of each name; ``len(names)`` for all others.
    """
    try:
        found = np.unique(y, return_inverse=True, return_counts=True)
    except TypeError:  # of several types, None among them, which have no order
        found = np.unique(y.astype(str), return_inverse=True, return_counts=True)
    classes, numbers, counts = found
    if len(classes) <= _MAX_NAMES:
        return [_shorten(name) for name in classes], 0, numbers
    n_names = _MAX_NAMES - 1
    named = np.sort(np.argsort(-counts, kind="stable")[:n_names])
    places = np.full(len(classes), n_names)
    places[named] = np.arange(n_names)
    names = [_shorten(name) for name in classes[named]]
    return names, len(classes) - n_names, places[numbers]


def _shorten(name) -> str:
    """Leave out the middle of a long name: others may begin or end alike."""
    text = str(name)
    if len(text) <= _MAX_NAME_LENGTH:
        return text
    n_kept = _MAX_NAME_LENGTH // 2
    return f"{text[: n_kept - 1]}…{text[-n_kept:]}"


def is_number(y: np.ndarray, y_type: str) -> bool:
    """Tell whether y is a number or a date, and not classes."""
    if y_type != "auto":
        return y_type == "number"
    if is_date(y):
        return True
    if y.dtype.kind not in "iuf":
        return False
    return bool((y != np.round(y)).any()) or len(np.unique(y)) > _MAX_AUTO_CLASSES


def is_date(y: np.ndarray) -> bool:
    return y.dtype.kind == "M"


def project(
    codes: np.ndarray, components, reduce, random_state, *, owner: str
) -> tuple[np.ndarray, tuple[str, str]]:
    """Reduce codes and take two columns of them, with their names."""
    n_columns = codes.shape[1]
    if reduce is None:
        name = "Component {}" if n_columns == 2 else f"Component {{}} of {n_columns}"
        names = [name.format(i) for i in range(n_columns)]
    elif reduce == "tsne":
        # Checked before, as the embedding may take minutes.
        check_components(components, 2, owner=owner)
        codes = TSNE(random_state=random_state).fit_transform(codes)
        names = ["t-SNE dimension 0", "t-SNE dimension 1"]
    elif reduce == "pca":
        pca = PCA(random_state=random_state)
        codes = pca.fit_transform(codes)
        names = [
            f"Principal component {i} ({share:.0%} of variance)"
            for i, share in enumerate(pca.explained_variance_ratio_)
        ]
    elif hasattr(reduce, "fit_transform"):
        codes = check_array(clone(reduce).fit_transform(codes))
        names = [f"{type(reduce).__name__} {i}" for i in range(codes.shape[1])]
    else:
        word = re.sub("[^a-z]", "", reduce.lower()) if isinstance(reduce, str) else ""
        is_known = word in ("pca", "tsne")
        said = f" {reduce!r} is called {word!r} here." if is_known else ""
        raise ValueError(
            f"reduce of {owner} must be None, 'pca', 'tsne' or a transformer with "
            f"`fit_transform`. Got {reduce!r}.{said}"
        )
    first, second = check_components(components, codes.shape[1], owner=owner)
    return codes[:, [first, second]], (names[first], names[second])


def check_components(components, n_columns: int, *, owner: str) -> tuple[int, int]:
    if n_columns < 2:
        raise ValueError(
            f"{owner} draws two components. Got codes with {n_columns}: use a "
            "transformer with more components."
        )
    pair = tuple(components)
    integers = all(isinstance(i, Integral) and 0 <= i < n_columns for i in pair)
    if len(pair) != 2 or not integers or pair[0] == pair[1]:
        raise ValueError(
            f"components of {owner} must be two different integers from 0 to "
            f"{n_columns - 1}, one less than the number of components. Got "
            f"{components!r}."
        )
    return pair
