"""Which trainings are faster if zeros of X are left out: all of it is decided here."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sknn_deep.rows._nonzero_rows import (
    NonzeroRows,
    copy_nonzeros,
    count_nonzeros,
    wrap_matrix,
)


class Training(NamedTuple):
    """What a training does with rows.

    Attributes
    ----------
    batch_size : int

    n_rows : int
        Of an epoch.

    n_epochs : int
        To come.

    n_units : int
        That each feature is multiplied with.
    """

    batch_size: int
    n_rows: int
    n_epochs: int
    n_units: int


# --- sparse matrices ------------------------------------------------------------------

# The share of nonzeros from which on rows of a SciPy matrix are faster made dense.
_MAX_DENSITIES = {torch.bfloat16: 0.1, torch.float32: 0.25, torch.float64: 0.1}

# Rows that a training passes, from which on it is faster to transpose weights and
# moments of the first layer for sparse rows, and back again.
_MIN_SPARSE_ROWS = 128


def keep_sparse(
    X, dtype: torch.dtype, device: torch.device, training: Training | None = None
) -> NonzeroRows | None:
    """Take the rows of a CSR matrix as they are, where that is faster; None elsewhere.

    Without a training they pass the network only.
    """
    n_rows, n_features = X.shape
    is_faster = (
        device.type == "cpu"
        and dtype in _MAX_DENSITIES
        and X.nnz / max(1, n_rows * n_features) <= _MAX_DENSITIES[dtype]
    )
    if training is not None:
        is_faster &= training.n_epochs * training.n_rows >= _MIN_SPARSE_ROWS
    return wrap_matrix(X, dtype) if is_faster else None


# --- arrays ---------------------------------------------------------------------------


class _Costs(NamedTuple):
    """What is cheap and what is dear, in one type.

    The cost of an element of a dense column, for one unit and one step, is 1.

    Attributes
    ----------
    nonzero : int
        Of a nonzero of a sparse column, for one unit.

    copy : int
        Copying a nonzero of a sparse column, and sorting it by columns.

    apart : int
        Of a weight of the first layer: the sparse and the dense columns have their
        products apart.

    search : int
        Once a training: looking whether an element is zero.
    """

    nonzero: int
    copy: int
    apart: int
    search: int


# What one thread does for all weighs as with four threads, the sparse products of
# float64 too: were it as with the threads that there are, sums would depend on their
# number.
_COSTS = {
    torch.bfloat16: _Costs(nonzero=6, copy=600, apart=300, search=300),
    torch.float32: _Costs(nonzero=3, copy=400, apart=80, search=200),
    torch.float64: _Costs(nonzero=20, copy=200, apart=40, search=300),
}

# Of copying an element of a dense column, in any type.
_DENSE_COPY = 16

# What a step must save: of its cost with dense rows, and of work in all.
_MIN_SAVED_SHARE = 0.15
_MIN_SAVED = 3e6

# Rows whose nonzeros are counted to guess how many all rows have.
_COUNTED_ROWS = 512

# Memory for a copy of all rows without zeros.
_MAX_BYTES = 2**30


def leave_out_zeros(X: Tensor, training: Training) -> NonzeroRows | None:
    """Copy the nonzeros of X where a training is faster so; None elsewhere.

    Columns of few zeros stay dense.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)

    training : Training
    """
    if not _is_faster(X, training):
        return None
    counts = count_nonzeros(X)
    saved = _guess_saved(counts / len(X), X.dtype, training.n_units)
    return copy_nonzeros(X, counts, is_sparse=saved > 0)


def _is_faster(X: Tensor, training: Training) -> bool:
    if X.dtype not in _COSTS or X.device.type != "cpu":
        return False
    costs = _COSTS[X.dtype]
    n_rows, n_features = X.shape
    batch_size, n_units = training.batch_size, training.n_units
    row_cost = n_features * (n_units + _DENSE_COPY)
    search_cost = n_features * costs.search
    # What even rows of zeros alone would not save need not be counted.
    if batch_size * row_cost < _MIN_SAVED or training.n_epochs * row_cost < search_cost:
        return False
    densities = _guess_densities(X)
    saved_by_column = _guess_saved(densities, X.dtype, n_units)
    saved = saved_by_column.clip(min=0).sum()
    saved -= n_features * n_units * costs.apart / batch_size
    # A nonzero and its column; those of bfloat16 are kept in float32.
    sparse_bytes = densities * 2 * max(4, X.itemsize)
    row_bytes = np.where(saved_by_column > 0, sparse_bytes, X.itemsize).sum()
    return bool(
        saved >= _MIN_SAVED_SHARE * row_cost
        and batch_size * saved >= _MIN_SAVED
        and training.n_epochs * saved >= search_cost
        and n_rows * row_bytes <= _MAX_BYTES
    )


def _guess_densities(X: Tensor) -> np.ndarray:
    """Give each column's share of nonzeros, among some rows."""
    some = X
    if len(X) > _COUNTED_ROWS:
        # At no regular distance, which may be that of days or of classes.
        some = X[np.random.default_rng(0).integers(len(X), size=_COUNTED_ROWS)]
    return torch.count_nonzero(some, dim=0).numpy() / len(some)


def _guess_saved(densities: np.ndarray, dtype: torch.dtype, n_units: int) -> np.ndarray:
    """Guess what a step saves in each column by leaving out its zeros, by row."""
    costs = _COSTS[dtype]
    sparse_cost = densities * (costs.nonzero * n_units + costs.copy)
    return n_units + _DENSE_COPY - sparse_cost
