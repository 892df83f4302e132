"""Rows where they are computed with, or that come there when they are asked for."""

import numpy as np
import torch
from torch import Tensor

from sknn_deep.machine import Placement, has_room
from sknn_deep.rows._base import Rows
from sknn_deep.rows._host_rows import HostRows
from sknn_deep.rows._mapped_rows import MappedArray, MappedRows
from sknn_deep.rows._nonzero_rows import NonzeroRows
from sknn_deep.rows._tensors import as_tensor
from sknn_deep.rows._without_zeros import Training, keep_sparse, leave_out_zeros


class DenseRows(Rows):
    """The rows of a tensor.

    Parameters
    ----------
    X : Tensor of shape (n_samples, ...)
    """

    def __init__(self, X: Tensor):
        self.X = self.tensor = X

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.X.shape)

    @property
    def address(self) -> tuple[int, ...]:
        return memory_of(self.X)

    def take(self, index: Tensor, out: Tensor | None = None) -> Tensor:
        return torch.index_select(self.X, 0, index, out=out)

    def slice(self, start: int, stop: int) -> Tensor:
        return self.X[start:stop]

    def without_zeros(self, training: Training) -> NonzeroRows | None:
        return leave_out_zeros(self.X, training)


def memory_of(tensor: Tensor) -> tuple[int, ...]:
    """Tell where a tensor lies in memory, and how."""
    return tensor.data_ptr(), *tensor.shape, *tensor.stride()


class SparseRows(Rows):
    """The rows of a SciPy CSR matrix, made dense when they are asked for.

    Parameters
    ----------
    X : CSR matrix or array of shape (n_samples, n_features)

    dtype : torch.dtype

    device : torch.device
    """

    def __init__(self, X, dtype: torch.dtype, device: torch.device):
        self.X = X
        self.dtype = dtype
        self.device = device

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape

    def kept_sparse(self) -> NonzeroRows | None:
        return keep_sparse(self.X, self.dtype, self.device)

    def without_zeros(self, training: Training) -> NonzeroRows | None:
        return keep_sparse(self.X, self.dtype, self.device, training)

    def _make_batch(self, X) -> Tensor:
        return as_tensor(X.toarray(), self.dtype, self.device)

    def take(self, index: Tensor, out: Tensor | None = None) -> Tensor:
        taken = self._make_batch(self.X[index.cpu().numpy()])
        return taken if out is None else out.copy_(taken)

    def slice(self, start: int, stop: int) -> Tensor:
        return self._make_batch(self.X[start:stop])


def make_rows(
    X,
    dtype: torch.dtype,
    device: torch.device,
    *,
    resident: bool = True,
    keeps_integers: bool = False,
) -> Rows:
    """Make rows of a validated array, a tensor, a CSR matrix or a mapped array.

    A `resident` array is moved to the device as a whole, which training wants, if there
    is room for it; otherwise its rows go there as they are asked for. With
    `keeps_integers` an array of whole numbers or bool keeps its type.
    """
    if isinstance(X, MappedArray):
        return MappedRows(X, dtype, device)
    if isinstance(X, Tensor):
        return DenseRows(X.to(device, dtype))
    if keeps_integers and X.dtype.kind in "biu":
        dtype = as_tensor(X[:1]).dtype
    if not isinstance(X, np.ndarray):
        return SparseRows(X, dtype, device)
    if resident and has_room(device, X.size * dtype.itemsize):
        return DenseRows(as_tensor(X, dtype, device))
    return HostRows(as_tensor(X), dtype, device)


def place_targets(
    target: np.ndarray | None, weight: np.ndarray | None, placement: Placement
) -> tuple[Tensor | None, Tensor | None]:
    """Bring targets and weights to the device: class numbers are int64."""
    device, dtype = placement.device, placement.dtype
    placed = placed_weight = None
    if target is not None:
        placed = as_tensor(target, torch.int64 if target.ndim == 1 else dtype, device)
    if weight is not None:
        placed_weight = as_tensor(weight, dtype, device)
    return placed, placed_weight


# Rows of a block in which data pass a network without training, and elements of its
# widest layer: enough for full speed, and a small share of memory.
_MAX_BLOCK_ROWS = 16_384
_MAX_BLOCK_ELEMENTS = 2**22

# What stays in a processor's cache, and rows that are worth reading the weights again.
_CACHED_ELEMENTS = 2**19
_MIN_CACHED_ROWS = 1024


def rows_per_block(n_units: int, device: torch.device) -> int:
    """Tell how many rows to pass at once through layers of at most `n_units`."""
    n_rows = max(1, min(_MAX_BLOCK_ROWS, _MAX_BLOCK_ELEMENTS // n_units))
    if device.type == "cpu":
        n_rows = min(n_rows, max(_MIN_CACHED_ROWS, _CACHED_ELEMENTS // n_units))
    return n_rows
