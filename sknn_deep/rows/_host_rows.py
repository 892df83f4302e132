"""Rows that stay in host memory, since a GPU has no room for all of them."""

import functools

import torch
from torch import Tensor

from sknn_deep.rows._base import Rows


class HostRows(Rows):
    """The rows of an array in host memory, moved and cast when they are asked for.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        In host memory.

    dtype : torch.dtype

    device : torch.device
    """

    def __init__(self, X: Tensor, dtype: torch.dtype, device: torch.device):
        self.X = X
        self.dtype = dtype
        self.device = device

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.X.shape)

    def take(self, index: Tensor, out: Tensor | None = None) -> Tensor:
        taken = self.X.index_select(0, index.cpu())
        return taken.to(self.device, self.dtype) if out is None else out.copy_(taken)

    def slice(self, start: int, stop: int) -> Tensor:
        return self.X[start:stop].to(self.device, self.dtype)

    def in_order(self, order: Tensor, batch_size: int) -> "HostRows | RowsAhead":
        """Send rows ahead, where that can be done."""
        if self.device.type != "cuda":
            return self
        return RowsAhead(self, order, batch_size)


class RowsAhead:
    """Rows that go to a GPU while it computes with those before them.

    Parameters
    ----------
    rows : HostRows

    order : int64 Tensor of shape (n_rows,)

    batch_size : int
    """

    def __init__(self, rows: HostRows, order: Tensor, batch_size: int):
        self.rows = rows
        self.indices = iter(order.cpu().split(batch_size))
        self.stream = _stream(rows.device)
        self.sent = self._send_next()

    def take(self, index: Tensor) -> Tensor:
        """Give the next rows of the order, which are those of `index`."""
        batch = self.sent
        assert batch is not None, "no rows are left of the order"
        computing = torch.cuda.current_stream(self.rows.device)
        computing.wait_stream(self.stream)
        batch.record_stream(computing)
        self.sent = self._send_next()
        return batch

    def _send_next(self) -> Tensor | None:
        index = next(self.indices, None)
        if index is None:
            return None
        pinned = _empty_pinned(len(index), like=self.rows.X)
        torch.index_select(self.rows.X, 0, index, out=pinned)
        with torch.cuda.stream(self.stream):
            # The device casts; in one call the processor would, and wait.
            return pinned.to(self.rows.device, non_blocking=True).to(self.rows.dtype)


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Give the stream for transfers; torch keeps memory for each stream."""
    return torch.cuda.Stream(device)


def _empty_pinned(n_rows: int, like: Tensor) -> Tensor:
    """Make memory that a GPU fetches from without the processor's help."""
    return torch.empty(
        n_rows, *like.shape[1:], dtype=like.dtype, device="cpu", pin_memory=True
    )
