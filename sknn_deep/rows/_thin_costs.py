"""Whether rows are faster without their zeros."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# The share of numbers that are not zero from which on rows of a SciPy matrix are faster
# made dense.
MAX_DENSITIES = {torch.bfloat16: 0.1, torch.float32: 0.25, torch.float64: 0.1}


class _Costs(NamedTuple):
    """What is cheap and what is dear, in one type.

    The cost of a number in a dense column, for one unit and one step, is 1.

    Attributes
    ----------
    number : int
        Of a number in a sparse column, for one unit.

    copy : int
        Copying a number in a sparse column, and sorting it by columns.

    apart : int
        Of a weight of the first layer: the sparse and the dense columns have their
        products apart.

    search : int
        Once a training: looking whether a number is zero.
    """

    number: int
    copy: int
    apart: int
    search: int


# What one thread does for all weighs as with four threads, the sparse products of
# float64 too: were it as with the threads that there are, sums would depend on their
# number.
_COSTS = {
    torch.bfloat16: _Costs(number=6, copy=600, apart=300, search=300),
    torch.float32: _Costs(number=3, copy=400, apart=80, search=200),
    torch.float64: _Costs(number=20, copy=200, apart=40, search=300),
}

# Of copying a number in a dense column, in any type.
_DENSE_COPY = 16

# What a step must save: of its cost with dense rows, and of work in all.
_MIN_SAVED_SHARE = 0.15
_MIN_SAVED = 3e6

# Rows whose numbers are counted to guess how many all rows have.
_COUNTED_ROWS = 512

# Memory for a copy of all rows without zeros.
_MAX_BYTES = 2**30


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
    if X.dtype not in _COSTS or X.device.type != "cpu":
        return False
    costs = _COSTS[X.dtype]
    n_rows, n_features = X.shape
    row_cost = n_features * (n_units + _DENSE_COPY)
    search_cost = n_features * costs.search
    # What even rows of zeros alone would not save need not be counted.
    if batch_size * row_cost < _MIN_SAVED or n_epochs * row_cost < search_cost:
        return False
    densities = guess_densities(X)
    saved_by_column = guess_saved(densities, X.dtype, n_units)
    saved = saved_by_column.clip(min=0).sum()
    saved -= n_features * n_units * costs.apart / batch_size
    # A number and its column; those of bfloat16 are kept in float32.
    sparse_bytes = densities * 2 * max(4, X.itemsize)
    row_bytes = np.where(saved_by_column > 0, sparse_bytes, X.itemsize).sum()
    return bool(
        saved >= _MIN_SAVED_SHARE * row_cost
        and batch_size * saved >= _MIN_SAVED
        and n_epochs * saved >= search_cost
        and n_rows * row_bytes <= _MAX_BYTES
    )


def guess_densities(X: Tensor) -> np.ndarray:
    """Give each column's share of numbers that are not zero, among some rows."""
    some = X
    if len(X) > _COUNTED_ROWS:
        # At no regular distance, which may be that of days or of classes.
        some = X[np.random.default_rng(0).integers(len(X), size=_COUNTED_ROWS)]
    return torch.count_nonzero(some, dim=0).numpy() / len(some)


def guess_saved(densities: np.ndarray, dtype: torch.dtype, n_units: int) -> np.ndarray:
    """Guess what a step saves in each column by leaving out its zeros, by row."""
    costs = _COSTS[dtype]
    sparse_cost = densities * (costs.number * n_units + costs.copy)
    return n_units + _DENSE_COPY - sparse_cost
