"""Rows of few numbers that are not zero, which stay sparse, or become so."""

import numpy as np
import torch
from torch import Tensor

from sknn_deep._sparse_batch import MixedBatch, Room, SparseBatch, ThinBatch

# What rows that stay sparse may be of.
NUMPY_TYPES = {torch.float32: np.float32, torch.float64: np.float64}

# The share of numbers that are not zero from which on rows are faster made dense.
MAX_DENSITIES = {torch.float32: 0.25, torch.float64: 0.1}

# Costs in a step, where that of a number in a dense column for one unit is 1. Measured
# on two cores.
_COPY = 16  # a number in a dense column, once
_SEARCH = 200  # a number in any column, once a training: whether it is zero

# What a step must save: of its cost with dense rows, and of work in all.
_MIN_SAVED_SHARE = 0.15
_MIN_SAVED = 3e6

# Rows whose numbers are counted to guess how many all rows have.
_COUNTED_ROWS = 512

# Memory for a copy of all rows without zeros.
_MAX_BYTES = 2**30

# Of rows that are searched for numbers at a time: what stays in a processor's cache.
_SEARCHED_ELEMENTS = 2**19


class ThinRows:
    """Rows that come as :class:`SparseBatch`, in memory that the next ones overwrite.

    With dense columns they come as :class:`MixedBatch`.

    Parameters
    ----------
    sparse : SparseBatch of shape (n_samples, n_features)

    dtype : torch.dtype
        float32 or float64.

    dense : Tensor of shape (n_samples, n_dense) or None
        The dense columns, if any.

    columns : int64 Tensor of shape (n_dense,) or None
        Their numbers.
    """

    def __init__(
        self,
        sparse: SparseBatch,
        dtype: torch.dtype,
        *,
        dense: Tensor | None = None,
        columns: Tensor | None = None,
    ):
        self.sparse = sparse
        self.dtype = NUMPY_TYPES[dtype]
        self.dense = dense
        self.columns = columns
        self._rooms = Room(), Room()

    @property
    def shape(self) -> tuple[int, int]:
        return self.sparse.shape

    @property
    def density(self) -> float:
        """The share of numbers that are computed with."""
        n_rows, n_features = self.shape
        n_numbers = len(self.sparse.data)
        if self.dense is not None:
            n_numbers += self.dense.numel()
        return n_numbers / max(1, n_rows * n_features)

    def take(self, index: Tensor, dense: Tensor | None) -> ThinBatch:
        """Give the rows of `index`, whose dense columns are there already."""
        into, room = self._rooms
        sparse = self.sparse.take(index.numpy(), into=into, room=room)
        return self._join(sparse, dense)

    def slice(self, start: int, stop: int) -> ThinBatch:
        _, room = self._rooms
        dense = None if self.dense is None else self.dense[start:stop]
        return self._join(self.sparse.slice(start, stop, room=room), dense)

    def _join(self, sparse: SparseBatch, dense: Tensor | None) -> ThinBatch:
        sparse = sparse.astype(self.dtype)
        return sparse if dense is None else MixedBatch(sparse, dense, self.columns)


def is_worth_thinning(X: Tensor, batch_size: int, n_units: int, n_epochs: int) -> bool:
    """Tell whether a training is faster if zeros of X are left out.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    batch_size : int

    n_units : int
        That each feature is multiplied with.

    n_epochs : int
        To come.
    """
    if X.dtype not in NUMPY_TYPES or X.device.type != "cpu":
        return False
    n_rows, n_features = X.shape
    row_cost = n_features * (n_units + _COPY)
    if batch_size * row_cost < _MIN_SAVED or n_epochs * row_cost < _SEARCH * n_features:
        return False
    densities = guess_densities(X)
    saved_by_column = guess_saved(densities, X.dtype, n_units)
    saved = saved_by_column.clamp(min=0).sum().item()
    n_numbers = torch.where(saved_by_column > 0, 2 * densities, 1).sum().item()
    return (
        saved >= _MIN_SAVED_SHARE * row_cost
        and batch_size * saved >= _MIN_SAVED
        and n_epochs * saved >= _SEARCH * n_features
        and n_rows * n_numbers * X.itemsize <= _MAX_BYTES
    )


def guess_densities(X: Tensor) -> Tensor:
    """Give each column's share of numbers that are not zero, among some rows."""
    some = X[:: max(1, len(X) // _COUNTED_ROWS)].numpy()
    return torch.from_numpy(np.count_nonzero(some, axis=0) / len(some))


def guess_saved(densities: Tensor, dtype: torch.dtype, n_units: int) -> Tensor:
    """Guess what a step saves in each column by leaving out its zeros, by row."""
    n_threads = torch.get_num_threads()
    # One thread copies thin rows and puts their numbers into columns. In float64 it
    # multiplies them, too.
    if dtype == torch.float32:
        number_cost = 100 * n_threads + 3 * n_units
    else:
        number_cost = (50 + 5 * n_units) * n_threads
    return n_units + _COPY - densities * number_cost


def thin(X: Tensor, n_units: int) -> ThinRows:
    """Copy rows without the zeros of those columns that are faster without.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        In host memory, of float32 or float64.

    n_units : int
        That each feature is multiplied with.
    """
    is_thin = guess_saved(guess_densities(X), X.dtype, n_units) > 0
    sparse = find_numbers(X, is_thin)
    if is_thin.all():
        return ThinRows(sparse, X.dtype)
    (columns,) = torch.nonzero(~is_thin, as_tuple=True)
    dense = X.index_select(1, columns)
    return ThinRows(sparse, X.dtype, dense=dense, columns=columns)


def find_numbers(X: Tensor, is_searched: Tensor) -> SparseBatch:
    """Copy what is not zero in some columns of an array in host memory.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    is_searched : bool Tensor of shape (n_features,)
    """
    n_features = X.shape[1]
    data, indices, counts = [], [], [np.zeros(1, dtype=np.int32)]
    for block in X.split(max(1, _SEARCHED_ELEMENTS // n_features)):
        numbers = block.numpy()
        is_there = (numbers != 0) & is_searched.numpy()
        places = np.flatnonzero(is_there)
        data.append(numbers.reshape(-1)[places])
        indices.append((places % n_features).astype(np.int32))
        counts.append(np.count_nonzero(is_there, axis=1))
    indptr = np.cumsum(np.concatenate(counts), dtype=np.int32)
    return SparseBatch(
        np.concatenate(data), np.concatenate(indices), indptr, n_features
    )
