"""Which rows each network of an ensemble trains on, and which it holds back."""

from dataclasses import dataclass

import numpy as np


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
