"""Which rows each network of an ensemble holds back, and what these tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sknn_deep.data import FitData

_N_STANDARD_ERRORS = 2


@dataclass(frozen=True)
class HeldBack:
    """What each network does with each row.

    Attributes
    ----------
    train, valid : bool ndarray of shape (n_rows, n_members)
        Whether the network trains on the row, or is validated on it.
    """

    train: np.ndarray
    valid: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Indices of the rows that some network holds back."""
        return np.flatnonzero(self.valid.any(axis=1))


def hold_back_of(
    data: FitData,
    n_members: int,
    fraction: float,
    *,
    strata: np.ndarray | None,
    random_state: np.random.RandomState,
) -> HeldBack:
    """Hold back what a splitter says, nothing beside rows of the user's, or a share."""
    if data.split is not None:
        return HeldBack(*data.split)
    shape = len(data.samples), n_members
    if data.valid is not None:
        return HeldBack(np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool))
    return hold_back(*shape, fraction, strata=strata, random_state=random_state)


def hold_back(
    n_rows: int,
    n_members: int,
    fraction: float,
    *,
    strata: np.ndarray | None,
    random_state: np.random.RandomState,
) -> HeldBack:
    """Let each network hold back its own share of the rows, drawn at random.

    The parts overlap only if there are not enough rows for all. Each has about the
    shares of the `strata`, class numbers of shape (n_rows,), that all rows have.
    """
    n_valid = min(int(fraction * n_rows), n_rows - 1)
    order = _mixed_order(n_rows, strata, random_state)
    valid = np.zeros((n_rows, n_members), dtype=bool)
    for member in range(n_members):
        places = np.arange(member * n_valid, (member + 1) * n_valid) % n_rows
        valid[order[places], member] = True
    return HeldBack(~valid, valid)


def hold_back_by_splits(
    splits: list[tuple[np.ndarray, np.ndarray]], n_rows: int, n_members: int
) -> HeldBack:
    """Let each network take one of the last splits, in their order.

    Where there are fewer splits than networks, some take the same one. A row that is in
    neither part of a split is not used by the network.
    """
    train = np.zeros((n_rows, n_members), dtype=bool)
    valid = np.zeros((n_rows, n_members), dtype=bool)
    last = splits[-n_members:]
    for member in range(n_members):
        train_rows, valid_rows = last[member % len(last)]
        train[train_rows, member] = True
        valid[valid_rows, member] = True
    return HeldBack(train, valid)


def _mixed_order(
    n_rows: int, strata: np.ndarray | None, random_state: np.random.RandomState
) -> np.ndarray:
    """Order rows at random, so that each stretch has about the shares of all rows."""
    order = random_state.permutation(n_rows)
    if strata is None:
        return order
    by_class = order[np.argsort(strata[order], kind="stable")]
    counts = np.bincount(strata)
    starts = np.cumsum(counts) - counts
    classes = strata[by_class]
    ranks = np.arange(n_rows) - starts[classes]
    # A class with few rows begins anywhere.
    offsets = random_state.uniform(size=len(counts))[classes]
    return by_class[np.argsort((ranks + offsets) / counts[classes], kind="stable")]


def take_rows(data: FitData, rows: np.ndarray) -> FitData:
    """Select rows, also of a split into parts; weights that are all one are none."""
    samples = data.samples.take(rows)
    if np.all(samples.weight == 1):
        samples = replace(samples, weight=None)
    split = data.split and tuple(part[rows] for part in data.split)
    return replace(data, samples=samples, split=split)


def choose_end(losses: Sequence[np.ndarray], weight: np.ndarray | None) -> int:
    """Choose the last one that is as good as the best, as far as the rows can tell.

    That is within two standard errors of the mean difference of the two, by which
    chance alone hardly ever goes: what was trained for longer is given up only where
    it shows to be worse.

    Parameters
    ----------
    losses : sequence of ndarray of shape (n_rows,)
        Of each candidate, in the order of the training, the losses of rows that were
        not trained on.

    weight : ndarray of shape (n_rows,) or None
    """
    means = [np.average(loss, weights=weight) for loss in losses]
    best = int(np.argmin(means))
    for later in range(len(losses) - 1, best, -1):
        more = losses[later] - losses[best]
        bound = _N_STANDARD_ERRORS * _standard_error(more, weight)
        if means[later] - means[best] <= bound:
            return later
    return best


def _standard_error(values: np.ndarray, weight: np.ndarray | None) -> float:
    """Give that of the weighted mean; of one row nothing is known."""
    shares = np.ones(len(values)) if weight is None else weight
    shares = shares / shares.sum()
    left = 1 - shares @ shares
    if left <= 0:
        return np.inf
    residual = shares * (values - shares @ values)
    return float(np.sqrt(residual @ residual / left))
