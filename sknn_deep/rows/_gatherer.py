"""Rows of tensors, copied into batches whose memory is used again and again."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

# A call for several small batches costs what a call for one does; a processor's cache
# should hold what it gathers. A GPU's batches are all in one place, for the step to be
# captured once.
_BYTES_AT_ONCE = 2**18


class Gatherer:
    """Copies rows of tensors into batches that lie in memory of its own.

    The batches are kept as views of that memory: making them anew at each step takes as
    long as a small matrix product.

    Parameters
    ----------
    parts : tuple of Tensor or None
        With as many rows each; one is there.

    batch_size : int

    n_rows : int or None
        Rows of an epoch; None is as many as there are.

    Attributes
    ----------
    n_at_once : int
        The most rows of a call: all there are, or those of several batches.
    """

    def __init__(
        self,
        parts: tuple[Tensor | None, ...],
        batch_size: int,
        n_rows: int | None = None,
    ):
        self.parts = parts
        first = next(part for part in parts if part is not None)
        self.batch_size = batch_size
        n_batches_at_once = 1
        if first.device.type == "cpu":
            n_batches_at_once = max(1, _BYTES_AT_ONCE // (batch_size * first[0].nbytes))
        n_rows = first.shape[0] if n_rows is None else n_rows
        self.n_at_once = min(n_batches_at_once * batch_size, n_rows)
        self._memory = [
            None if part is None else part.new_empty(self.n_at_once, *part.shape[1:])
            for part in parts
        ]
        # By the number of rows of a call: an epoch has two at most.
        self._views: dict[int, tuple[list, list]] = {}

    def pieces_of(self, order: Tensor) -> Sequence[Tensor]:
        """Divide an order into what :meth:`gather` takes; one is not cut in vain."""
        return [order] if len(order) <= self.n_at_once else order.split(self.n_at_once)

    def gather(self, index: Tensor) -> list[tuple[Any, ...]]:
        """Give the batches of the rows that `index` numbers, each as a tuple of parts.

        They are overwritten by the next call.
        """
        n_rows = index.shape[0]
        if n_rows not in self._views:
            self._views[n_rows] = self._make_views(n_rows)
        whole, batches = self._views[n_rows]
        for part, out in zip(self.parts, whole, strict=True):
            if part is not None:
                torch.index_select(part, 0, index, out=out)
        return batches

    def _make_views(self, n_rows: int) -> tuple[list, list]:
        """Make views of all rows of a call, and of those of each batch."""
        whole = [None if part is None else part[:n_rows] for part in self._memory]
        if n_rows <= self.batch_size:
            return whole, [tuple(whole)]
        columns = [
            repeat(None) if part is None else part.split(self.batch_size)
            for part in whole
        ]
        return whole, list(zip(*columns, strict=False))
