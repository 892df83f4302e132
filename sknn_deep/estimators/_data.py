"""What the user passed, checked once, and nothing of it changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from sknn_deep._sklearn_private import check_sample_weight


@dataclass(frozen=True)
class Samples:
    """Validated rows.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)

    y : ndarray or None
        As the user knows it: labels or numbers.

    weight : ndarray of shape (n_samples,) or None
        None is one for each.
    """

    X: Any
    y: np.ndarray | None
    weight: np.ndarray | None

    def __len__(self) -> int:
        return self.X.shape[0]

    def take(self, rows: np.ndarray) -> "Samples":
        return Samples(
            self.X[rows],
            None if self.y is None else self.y[rows],
            None if self.weight is None else self.weight[rows],
        )


@dataclass(frozen=True)
class FitData:
    """All rows of a fit.

    Attributes
    ----------
    samples : Samples
        To train on.

    valid : Samples or None
        To validate on, where the user gave them.

    stratify : ndarray of shape (n_samples,) or None
        What a validation split keeps the shares of.
    """

    samples: Samples
    valid: Samples | None = None
    stratify: np.ndarray | None = None


def check_complete(X_val, y_val, sample_weight_val, estimator: BaseEstimator) -> bool:
    """Tell whether there is a validation set; refuse half of one."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return False
    if X_val is None or y_val is None:
        raise ValueError(
            f"{type(estimator).__name__}.fit needs X_val and y_val together. Got "
            f"{'no X_val' if X_val is None else 'no y_val'}."
        )
    return True


def as_array_like(X):
    """Bring a torch tensor, on whatever device, to where scikit-learn can read it."""
    if not isinstance(X, torch.Tensor):
        return X
    X = X.detach().cpu()
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()


def check_rows(estimator: BaseEstimator, X, y="no_validation", *, reset, **options):
    """Validate X, and y if there is one, by scikit-learn's ``validate_data``.

    X comes back as float32 or float64, C-contiguous or CSR; it is copied only if it
    has another type or layout.
    """
    checked = validate_data(
        estimator,
        as_array_like(X),
        as_array_like(y),
        reset=reset,
        accept_sparse=["csr", "csc"],
        dtype=(np.float64, np.float32),
        order="C",
        **options,
    )
    X, *rest = checked if isinstance(checked, tuple) else (checked,)
    if not isinstance(X, np.ndarray):
        X = X.tocsr()
    return (X, *rest) if rest else X


def check_weights(sample_weight, X) -> np.ndarray | None:
    """Validate sample weights; weights that are all one are no weights."""
    if sample_weight is None:
        return None
    weight = check_sample_weight(
        as_array_like(sample_weight), X, dtype=X.dtype, ensure_non_negative=True
    )
    return None if np.all(weight == 1) else weight


def positive_rows(weight: np.ndarray | None) -> np.ndarray | None:
    """Number the rows that count; None if all do.

    A row of zero weight is thereby the same as no row, in batches and splits too.
    """
    if weight is None or np.all(weight > 0):
        return None
    return np.flatnonzero(weight)


def split_rows(
    rows: np.ndarray,
    *,
    stratify: np.ndarray | None,
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Split row numbers into those to train on and those to validate on.

    `stratify` has an entry for each row there is, or is None.
    """
    train, valid = train_test_split(
        rows,
        test_size=validation_fraction,
        stratify=None if stratify is None else stratify[rows],
        random_state=random_state,
    )
    if len(valid) < 2:
        of = (
            ""
            if stratify is None
            else f" of {len(np.unique(stratify[rows]))} class(es)"
        )
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the "
            f"size of your dataset. Got {len(valid)} of {len(rows)} rows{of} whose "
            "weight is positive."
        )
    return train, valid


def random_state_of(random_state) -> np.random.RandomState:
    """Make the generator of a fit; None draws its seed from NumPy's global one."""
    if random_state is None:
        seed = check_random_state(None).randint(np.iinfo(np.int32).max)
        return np.random.RandomState(seed)
    return check_random_state(random_state)


def concatenate(blocks: Iterator[np.ndarray], n_rows: int) -> np.ndarray:
    """Join blocks of rows, with no more than one of them in memory at a time."""
    first = next(blocks)
    if first.shape[0] == n_rows:
        return first
    joined = np.empty((n_rows, *first.shape[1:]), dtype=first.dtype)
    joined[: first.shape[0]] = first
    stop = first.shape[0]
    for block in blocks:
        start, stop = stop, stop + block.shape[0]
        joined[start:stop] = block
    return joined


@contextmanager
def all_or_nothing(estimator: BaseEstimator):
    """Put the estimator's attributes back as they were if a fit fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
