"""What the user passed, checked once, and nothing of it changed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.random.bit_generator import ISeedSequence
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch.utils.data import DataLoader, Dataset

from sknn_deep._sklearn_private import check_sample_weight
from sknn_deep.data._large_files import check_mapped_rows, is_large_file
from sknn_deep.data._plain import (
    has_plain_columns,
    in_an_array,
    is_missing,
    is_plain_matrix,
    is_plain_vector,
)
from sknn_deep.data._refused_rows import refuse_rows, refuse_swapped
from sknn_deep.data._text_and_gaps import say_text_and_gaps
from sknn_deep.machine import Placement
from sknn_deep.rows import MappedArray, Rows, make_rows

# How scikit-learn's message begins.
_OF_INFINITY = "Input y contains infinity or a value too large for"


@dataclass(frozen=True)
class Samples:
    """Validated rows.

    Attributes
    ----------
    X : ndarray, CSR matrix or MappedArray of shape (n_samples, n_features)

    y : ndarray or None
        As the user knows it: labels or numbers.

    weight : ndarray of shape (n_samples,) or None
        None is one for each.

    placed : dict
        X by the types and devices that it was placed in.
    """

    X: Any
    y: np.ndarray | None
    weight: np.ndarray | None
    placed: dict[tuple[torch.dtype, torch.device], Rows] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __len__(self) -> int:
        return self.X.shape[0]

    def place(self, placement: Placement) -> Rows:
        """Bring X to where it is computed with, once for all networks."""
        key = (placement.X_dtype, placement.device)
        if key not in self.placed:
            # A check has left whole numbers only where they are wanted.
            self.placed[key] = make_rows(self.X, *key, keeps_integers=True)
        return self.placed[key]

    def take(self, rows: np.ndarray) -> "Samples":
        """Select rows; of a file they are put in the order in which they lie there."""
        if isinstance(self.X, MappedArray):
            rows = np.sort(rows)
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

    split : tuple of ndarray or None
        Indices of the rows to train on and of those to validate on, where a splitter
        says so.

    connectivity : sparse matrix of shape (n_samples, n_samples) or None
        Which rows are neighbors, where the user gave that.
    """

    samples: Samples
    valid: Samples | None = None
    stratify: np.ndarray | None = None
    split: tuple[np.ndarray, np.ndarray] | None = None
    connectivity: Any = None


def as_array_like(X):
    """Bring a torch tensor, on whatever device, to where scikit-learn can read it."""
    if isinstance(X, Dataset | DataLoader):
        raise TypeError(
            "Data are passed as arrays or tensors: X, and y where there is one. Got a "
            f"{type(X).__name__} of torch: pass what it gives, as "
            "torch.stack([x for x, _ in dataset]), or its tensors."
        )
    if not isinstance(X, torch.Tensor):
        return X
    if X.layout is not torch.strided or X.is_meta:
        raise TypeError(
            "A torch tensor that is passed as data must be dense and hold values. Got "
            f"layout {X.layout} on device {str(X.device)!r}: pass X.to_dense(), or a "
            "SciPy CSR matrix for X."
        )
    X = X.detach().cpu()
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()


def check_rows(estimator: BaseEstimator, X, y="no_validation", *, reset, **options):
    """Validate X, and y if there is one, by scikit-learn's ``validate_data``.

    X comes back as float32 or float64, C-contiguous or CSR; it is copied only if it
    has another type or layout. A large file comes back as a MappedArray.
    """
    X, y = as_array_like(X), as_array_like(y)
    if not isinstance(X, np.ndarray) or X.ndim != 2:  # a matrix is what is wanted
        refuse_swapped(estimator, X, y)
        refuse_rows(estimator, X)
    if isinstance(X, MappedArray) or is_large_file(X):
        with errors_about_targets(estimator, y):
            return check_mapped_rows(estimator, X, y, reset=reset, **options)
    checked = validate(
        estimator, X, y, reset=reset, dtype=(np.float64, np.float32), **options
    )
    X, *rest = checked if isinstance(checked, tuple) else (checked,)
    if not isinstance(X, np.ndarray):
        X = X.tocsr()
    return (X, *rest) if rest else X


def validate(estimator: BaseEstimator, X, y, *, reset: bool, **options):
    """Validate by scikit-learn's ``validate_data`` what is not plain.

    Returns X, or X and y if there is one.
    """
    has_y = not (isinstance(y, str) and y == "no_validation")
    plain, labels = in_an_array(X), in_an_array(y) if has_y else None
    if (
        is_plain_matrix(plain)
        and (not has_y or is_plain_vector(labels, len(plain)))
        and has_plain_columns(estimator, plain, reset=reset)
    ):
        if reset:
            estimator.n_features_in_ = plain.shape[1]
        return (plain, labels) if has_y else plain
    with (
        errors_instead_of_overflow(),
        errors_about_missing_targets(estimator, y),
        errors_about_text_and_gaps(estimator, X, y if has_y else None, reset=reset),
    ):
        return validate_data(
            estimator,
            X,
            y,
            reset=reset,
            accept_sparse=["csr", "csc"],
            order="C",
            **options,
        )


@contextmanager
def errors_instead_of_overflow(*, warnings: Literal["ignore", "warn"] = "ignore"):
    """Let only the checks themselves speak of numbers that are too large.

    NumPy would warn of the infinity that a cast or a sum makes, which scikit-learn then
    refuses or expects, and raise an OverflowError for an int beyond all floats.
    """
    try:
        with np.errstate(over=warnings, invalid=warnings):
            yield
    except OverflowError as error:
        raise ValueError(
            f"X, y and sample_weight must be within the range of float64: {error}."
        ) from error


@contextmanager
def errors_about_text_and_gaps(estimator: BaseEstimator, X, y, *, reset: bool):
    """Let errors about text and NaN say where the text is, and what to do."""
    try:
        yield
    except ValueError as error:
        said = say_text_and_gaps(str(error), estimator, X, y, reset=reset)
        if said is None:
            raise
        raise ValueError(said) from error


@contextmanager
def errors_about_targets(estimator: BaseEstimator, y):
    """Let errors about y alone say what to do with what is missing, or text."""
    with (
        errors_about_missing_targets(estimator, y),
        errors_about_text_and_gaps(estimator, None, y, reset=False),
    ):
        yield


@contextmanager
def errors_about_missing_targets(estimator: BaseEstimator, y):
    """Let the error about a missing or infinite y say what to do with its row.

    It is scikit-learn's, which of objects does not say that it is y (X is numbers by
    then), a TypeError or nothing where None or NA stands among strings, and nothing
    where infinity stands among objects.
    """
    known = ("Input y contains NaN.", "Input contains NaN")
    try:
        objects = _objects(y)
        if any(map(is_missing, objects)):
            raise ValueError(known[0])
        if any(isinstance(value, float) and math.isinf(value) for value in objects):
            raise ValueError(f"{_OF_INFINITY} dtype('float64').")
        yield
    except ValueError as error:
        message, owner = str(error), type(estimator).__name__
        if message.startswith(_OF_INFINITY) and message.endswith("')."):
            raise ValueError(
                f"{message} {owner} needs to know what it learns: leave out the rows "
                "where y is infinite, by X[np.isfinite(y)] and y[np.isfinite(y)]."
            ) from error
        if message not in known:
            raise
        raise ValueError(
            f"Input y contains NaN. {owner} needs to know what it learns: leave out "
            "the rows where y is missing, by X[pd.notna(y)] and y[pd.notna(y)]."
        ) from error


def _objects(y) -> np.ndarray:
    """Give y if it is a vector of objects, which checks of numbers pass over."""
    none = np.empty(0, dtype=object)
    try:
        array = np.asarray(y)
    except (ValueError, TypeError, OverflowError):  # which validation tells of
        return none
    return array if array.dtype == object and array.ndim == 1 else none


def check_weights(sample_weight, X) -> np.ndarray | None:
    """Validate sample weights; weights that are all one are no weights."""
    if sample_weight is None:
        return None
    with errors_instead_of_overflow(), errors_about_rows_as_weights():
        weight = check_sample_weight(
            as_array_like(sample_weight), X, dtype=X.dtype, ensure_non_negative=True
        )
    return None if np.all(weight == 1) else check_sum(weight)


@contextmanager
def errors_about_rows_as_weights():
    """Let errors about weights that are rows, or text, say where rows are passed."""
    try:
        yield
    except (TypeError, ValueError) as error:
        known = ("Sample weights must be 1D", "could not convert string", "Sparse data")
        if not str(error).startswith(known):
            raise
        raise type(error)(
            f"{error}\nThe third argument of fit is sample_weight, a number for each "
            "row. Validation rows are passed by name, as X_val=X_val."
        ) from error


def check_sum(weight: np.ndarray) -> np.ndarray:
    """Refuse weights that have no mean."""
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.isfinite(total):
        raise ValueError(
            f"The weights of the rows must have a finite sum in {weight.dtype}. The "
            f"largest is {weight.max():.3g}: divide all of them by a constant."
        )
    return weight


def positive_rows(weight: np.ndarray | None) -> np.ndarray | None:
    """Number the rows that count; None if all do.

    A row of zero weight is thereby the same as no row, in batches and splits too.
    """
    if weight is None or np.all(weight > 0):
        return None
    return np.flatnonzero(weight)


class _Zeros(ISeedSequence):
    """Seeds with zeros what is to be seeded anew."""

    def generate_state(self, n_words, dtype=np.uint32):
        return np.zeros(n_words, dtype)


def random_state_of(random_state) -> np.random.RandomState:
    """Make the generator of a fit; None draws its seed from NumPy's global one."""
    if random_state is None:
        random_state = check_random_state(None).randint(np.iinfo(np.int32).max)
    if not isinstance(random_state, Integral):
        return check_random_state(random_state)
    # RandomState(seed) takes three times as long: at first it is seeded by the system.
    zeros: Any = _Zeros()  # NumPy's types know none but its own
    generator = np.random.RandomState(np.random.MT19937(zeros))
    generator.seed(int(random_state))
    return generator


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
