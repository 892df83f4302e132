"""Rows of a memory-mapped file, of which few are in memory at a time."""

import mmap
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknn_deep.rows._base import Rows

# Where a page is touched, Linux maps the folio it lies in: up to this many bytes.
_FOLIO_BYTES = 2**21
# Pages are given back to the system after at most this many bytes.
_MAX_PIECE_BYTES = 2**24


class MappedArray:
    """The rows of a memory-mapped matrix, or some of them, read when they are needed.

    What was read is copied, and its pages are given back, so that the memory that the
    process holds does not grow with the file.

    Parameters
    ----------
    source : ndarray of shape (n_file_rows, n_features)
        Of numbers, with each row in one piece.

    dtype : np.dtype
        What the numbers are turned into: float32 or float64.

    window_bytes : int
        How much of it may be in memory at a time, as `dtype`.

    mapping : mmap.mmap or None
        What `source` is a view of; None keeps pages until the system takes them back.

    rows : int64 ndarray of shape (n_samples,) or None
        Indices of the rows to take; None is all of them.
    """

    ndim = 2

    def __init__(
        self,
        source: np.ndarray,
        dtype: np.dtype,
        *,
        window_bytes: int,
        mapping: mmap.mmap | None = None,
        rows: np.ndarray | None = None,
    ):
        self.source = source
        self.dtype = np.dtype(dtype)
        self.window_bytes = window_bytes
        self.mapping = mapping
        self.rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        n_rows = self.source.shape[0] if self.rows is None else len(self.rows)
        return n_rows, self.source.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> "MappedArray":
        """Select rows by an array of numbers or of bool, without reading them."""
        numbers = np.arange(len(self)) if self.rows is None else self.rows
        return MappedArray(
            self.source,
            self.dtype,
            window_bytes=self.window_bytes,
            mapping=self.mapping,
            rows=numbers[rows],
        )

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Read all rows at once, for those who know nothing of blocks."""
        X = self.read(np.arange(len(self)))
        return X if dtype is None else X.astype(dtype, copy=False)

    toarray = __array__

    def pieces(self, index: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read rows, in the order in which they lie in the file.

        Yields
        ------
        places : int64 ndarray of shape (n_piece,)
            Where in `index` the rows of this piece are.

        piece : ndarray of shape (n_piece, n_features)
        """
        index = index if self.rows is None else self.rows[index]
        places = np.argsort(index, kind="stable")
        index = index[places]
        row_bytes = self.source.itemsize * self.source.shape[1]
        cast_bytes = self.dtype.itemsize * self.source.shape[1]
        held = np.maximum(
            held_bytes(index, self.source.strides[0], row_bytes),
            cast_bytes * np.arange(1, len(index) + 1),
        )
        limit = min(_MAX_PIECE_BYTES, self.window_bytes)
        cuts = np.flatnonzero(np.diff((held - 1) // limit)) + 1
        for part in np.split(np.arange(len(index)), cuts):
            piece = self.source[index[part]].astype(self.dtype, copy=False)
            release(self.mapping)
            yield places[part], piece

    def read(self, index: np.ndarray) -> np.ndarray:
        """Copy the rows of some numbers, in that order, into memory."""
        X = np.empty((len(index), self.shape[1]), self.dtype)
        for places, piece in self.pieces(index):
            X[places] = piece
        return X

    def all_pieces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read all rows; yield their numbers and themselves, some at a time."""
        n_window = self.window_rows(1)
        for start in range(0, len(self), n_window):
            index = np.arange(start, min(start + n_window, len(self)))
            for places, piece in self.pieces(index):
                yield index[places], piece

    def min(self, axis: int | None = None):
        return np.min([X.min(axis=axis) for _, X in self.all_pieces()], axis=axis)

    def max(self, axis: int | None = None):
        return np.max([X.max(axis=axis) for _, X in self.all_pieces()], axis=axis)

    def weighted_sum(self, weight: np.ndarray) -> np.ndarray:
        """Sum the rows, each times its weight."""
        return np.sum([weight[rows] @ X for rows, X in self.all_pieces()], axis=0)

    def window_rows(self, batch_size: int) -> int:
        """Tell how many rows are in memory at a time: whole batches, at least one."""
        n_rows = self.window_bytes // (self.shape[1] * self.dtype.itemsize)
        return max(1, n_rows // batch_size) * batch_size


def held_bytes(index: np.ndarray, stride: int, row_bytes: int) -> np.ndarray:
    """Tell how much of a file is in memory after each of some rows was read.

    Parameters
    ----------
    index : int64 ndarray of shape (n_rows,)
        Indices of the rows, ascending.

    stride, row_bytes : int
        Bytes from one row to the next, and of one row.
    """
    first = index * stride // _FOLIO_BYTES
    last = (index * stride + row_bytes - 1) // _FOLIO_BYTES
    before = np.concatenate([first[:1] - 1, last[:-1]])
    return _FOLIO_BYTES * np.cumsum(last - np.maximum(first - 1, before))


def find_mapping(X: np.memmap) -> mmap.mmap | None:
    """Find the mapping that X is a view of, if its pages can be given back.

    Not those of mode "c": what was written to them is nowhere else.
    """
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    can_release = isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED")
    return base if can_release and X.mode != "c" else None


def release(mapping: mmap.mmap | None) -> None:
    """Give the pages back to the system; they are read again when they are needed."""
    if mapping is not None:
        with suppress(OSError):  # locked pages stay, which changes no number
            mapping.madvise(mmap.MADV_DONTNEED)


class MappedRows(Rows):
    """The rows of a :class:`MappedArray`, moved and cast when they are asked for.

    Parameters
    ----------
    X : MappedArray of shape (n_samples, n_features)

    dtype : torch.dtype

    device : torch.device
    """

    can_be_shared = False  # each network would hold a window of its own

    def __init__(self, X: MappedArray, dtype: torch.dtype, device: torch.device):
        self.X = X
        self.dtype = dtype
        self.device = device

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape

    def make_memory(self, n_rows: int) -> Tensor:
        shape = (n_rows, self.X.shape[1])
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def read_into(self, memory: Tensor, index: np.ndarray) -> Tensor:
        """Read rows to the beginning of `memory`, and give that part of it."""
        for places, piece in self.X.pieces(index):
            where = torch.from_numpy(places).to(self.device)
            memory[where] = torch.from_numpy(piece).to(self.device, self.dtype)
        return memory[: len(index)]

    def take(self, index: Tensor, out: Tensor | None = None) -> Tensor:
        memory = self.make_memory(len(index)) if out is None else out
        return self.read_into(memory, index.cpu().numpy())

    def slice(self, start: int, stop: int) -> Tensor:
        index = np.arange(start, min(stop, self.X.shape[0]))
        return self.read_into(self.make_memory(len(index)), index)

    def in_order(self, order: Tensor, batch_size: int) -> "RowsInOrder":
        """Read ahead, a window at a time."""
        n_window = min(self.X.window_rows(batch_size), len(order))
        return RowsInOrder(self, order, n_window)


class RowsInOrder:
    """Rows that are asked for in a known order, read a window at a time.

    Parameters
    ----------
    rows : MappedRows

    order : int64 Tensor of shape (n_rows,)

    n_window : int
        Rows of a window.
    """

    def __init__(self, rows: MappedRows, order: Tensor, n_window: int):
        self.rows = rows
        self.order = order
        self.window = rows.make_memory(n_window)
        self.n_taken = 0

    def take(self, index: Tensor) -> Tensor:
        """Give the next rows of the order, which are those of `index`.

        The next window overwrites them.
        """
        n_window = len(self.window)
        start = self.n_taken % n_window
        if start == 0:
            ahead = self.order[self.n_taken : self.n_taken + n_window]
            self.rows.read_into(self.window, ahead.cpu().numpy())
        self.n_taken += len(index)
        return self.window[start : start + len(index)]
