"""Whether the scale of X or y is what keeps a network from learning."""

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.sparsefuncs import mean_variance_axis

from sknn_deep.data import advise_on_a_pipeline
from sknn_deep.modules import Loss

# A network starts with outputs around 0 that differ by about 1, and an epoch moves them
# by a few learning rates.
_FAR_TARGET = 10.0
# Training copes with columns up to some ten times as large as others.
_FAR_COLUMN = 100.0
# So much less than the widest column's numbers, a column counts for nothing in a sum of
# squared errors; pixels of images that are hardly ever set are few among the others.
_NARROW = 0.01
_MANY_COLUMNS = 0.1
# As many rows show the scale of a column, and how y is distributed.
_N_ROWS = 1_000
_N_TARGETS = 10_000
# Rows that follow in time drift, and rare values come: neither brings the middle of
# several columns so many ranges away from all values of X.
_FAR_RANGES = 5.0
_FEW_COLUMNS = 0.02
# Fewer rows show no range.
_N_ROWS_OF_RANGE = 10


def is_loss_large(
    loss: float,
    criterion: Loss,
    constant: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    *,
    large: float,
) -> bool:
    """Tell whether a loss is above `large` times that of an output that is constant.

    Parameters
    ----------
    loss : float
        That of the training's last epoch.

    criterion : Loss

    constant : ndarray of shape (n_outputs,)
        The output for every row.

    target : ndarray
        What the criterion takes, of all rows.

    weight : ndarray of shape (n_samples,) or None

    large : float
    """
    # Copies on the CPU, whatever torch's default device is.
    output = torch.tensor(constant, device="cpu").double().expand(len(target), -1)
    target = torch.tensor(target, device="cpu")
    if weight is not None:
        weight = torch.tensor(weight, device="cpu").double()
    if target.dtype == torch.bool:
        target = target.double()
    of_the_constant = criterion(output, target, weight).item()
    return loss > large * of_the_constant * criterion.reported_scale(output)


def some_rows(
    y: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Take rows that are evenly spaced, and enough to show how y is distributed."""
    step = max(1, len(y) // _N_TARGETS)
    if weight is None:
        return y[::step], None
    return (y[::step], weight[::step]) if weight[::step].any() else (y, weight)


def advise_on_target(y: np.ndarray) -> str:
    """Advise to standardize y if it is far from 1."""
    columns = y.reshape(len(y), -1).astype(np.float64, copy=False)
    means, deviations = columns.mean(axis=0), columns.std(axis=0)
    distance = _distance(means, deviations)
    if distance.max() < _FAR_TARGET:
        return ""
    farthest = distance.argmax()
    return (
        " y is far from what a network starts with, outputs around 0 that differ by "
        f"about 1: its mean is {means[farthest]:.3g} and its standard deviation "
        f"{deviations[farthest]:.3g}. Set normalize_y=True, which standardizes y and "
        "undoes it in predict."
    )


def advise_on_columns(X, names: Sequence[str] | None) -> str:
    """Advise to standardize X if columns of it are far from 1.

    Parameters
    ----------
    X : ndarray, CSR matrix or MappedArray of shape (n_samples, n_features)

    names : sequence of str or None
        Of the columns; their numbers where there are none.
    """
    head = X[:_N_ROWS]
    if scipy.sparse.issparse(head):
        means, variances = mean_variance_axis(head, axis=0)
        deviations = np.sqrt(variances)
    else:
        head = np.asarray(head, dtype=np.float64)
        if head.ndim != 2 or max(head.max(), -head.min()) <= _FAR_COLUMN:
            return ""  # neither a mean nor a deviation is larger than all numbers
        means, deviations = head.mean(axis=0), head.std(axis=0)
    # A constant column says nothing, and one that differs little says too little.
    distance = np.maximum(np.abs(means), deviations)
    far = np.flatnonzero(distance > _FAR_COLUMN)
    if not len(far):
        return ""
    farthest = far[distance[far].argmax()]
    name = _name_of(farthest, names)
    return (
        " X is far from what a network takes, columns around 0 that differ by about 1: "
        f"the mean of {name} is {means[farthest]:.3g} and its standard deviation "
        f"{deviations[farthest]:.3g}. Put StandardScaler() before the network, in a "
        "Pipeline."
    )


def warn_of_other_scale(estimator: BaseEstimator, X, X_val) -> None:
    """Doubt validation rows that came past what has scaled X."""
    said = say_other_scale(X, X_val, vars(estimator).get("feature_names_in_"))
    if said:
        owner = type(estimator).__name__
        warnings.warn(
            f"X_val of {owner} is {said} {advise_on_a_pipeline(estimator)}",
            stacklevel=3,
        )


def say_other_scale(X, X_val, names: Sequence[str] | None) -> str:
    """Say that validation rows are on another scale than X, if they are.

    Parameters
    ----------
    X, X_val : ndarray, CSR matrix or MappedArray of shape (n_samples, n_features)

    names : sequence of str or None
        Of the columns; their numbers where there are none.
    """
    n_rows = X_val.shape[0]
    # More rows than X has may have drifted as far as that.
    if X.ndim != 2 or not _N_ROWS_OF_RANGE <= n_rows <= X.shape[0]:
        return ""
    low, high = _ranges(_every(X, _N_TARGETS))
    with np.errstate(over="ignore"):
        middle = _middles(_every(X_val, _N_ROWS))
        width = high - low
        beyond = np.maximum(low - middle, middle - high)
        varies = width > 0
        far = np.flatnonzero(varies & (beyond > _FAR_RANGES * width))
    n_varying = np.count_nonzero(varies)
    if len(far) < min(2, n_varying) or len(far) <= _FEW_COLUMNS * n_varying:
        return ""
    farthest = far[(beyond[far] / width[far]).argmax()]
    return (
        f"far from X in {len(far)} of {X.shape[1]} columns: the middle value of "
        f"{_name_of(farthest, names)} is {middle[farthest]:.3g}, and X ranges from "
        f"{low[farthest]:.3g} to {high[farthest]:.3g} there."
    )


def _every(X, n_rows: int):
    """Take about so many rows, evenly spaced."""
    X = X[:: max(1, X.shape[0] // n_rows)]
    return X if scipy.sparse.issparse(X) else np.asarray(X)


def _ranges(X) -> tuple[np.ndarray, np.ndarray]:
    low, high = X.min(axis=0), X.max(axis=0)
    if scipy.sparse.issparse(X):
        low, high = low.toarray().ravel(), high.toarray().ravel()
    return low.astype(np.float64), high.astype(np.float64)


def _middles(X) -> np.ndarray:
    """Give medians, which few odd rows do not move; of sparse columns, the means."""
    if scipy.sparse.issparse(X):
        return mean_variance_axis(X, axis=0)[0]
    return np.median(X.astype(np.float64), axis=0)


def _name_of(column: int, names: Sequence[str] | None) -> str:
    return f"column {column}" if names is None else repr(str(names[column]))


def some_numbers(weight: np.ndarray | None, n_rows: int) -> np.ndarray:
    """Number rows that count, evenly spaced, and enough to show what became of X."""
    numbers = np.arange(n_rows) if weight is None else np.flatnonzero(weight)
    return numbers[:: max(1, len(numbers) // _N_ROWS)]


def are_columns_lost(X: np.ndarray, reconstruction: np.ndarray) -> bool:
    """Tell whether wide columns are all that an autoencoder brings back.

    Parameters
    ----------
    X, reconstruction : ndarray of shape (n_samples, n_features)
    """
    X = X.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = X.max(axis=0) - X.min(axis=0)
        narrow = spread < _NARROW * np.abs(X).max()
        error = np.square(X - reconstruction).mean(axis=0)
        is_lost = narrow & (spread > 0) & (error > X.var(axis=0))
    return bool(is_lost.sum() > _MANY_COLUMNS * np.count_nonzero(spread))


def _distance(means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    varying = np.where(deviations > 0, deviations, 1.0)
    return np.maximum(np.abs(means), np.maximum(varying, 1 / varying))
