"""The mean loss of an epoch, without a look at each batch's."""

import operator

import torch
from torch import Tensor

# Losses that are read at once: reading waits for the device, and each takes memory.
_MAX_UNREAD = 1000


class LossSum:
    """Adds up the losses of batches of different sizes, in double precision."""

    def __init__(self):
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []
        self._sum = 0.0
        self._n_rows = 0

    def add(self, loss: Tensor, n_rows: int) -> None:
        """Take note of the mean loss of a batch, a number that nobody changes."""
        self._losses.append(loss)
        self._sizes.append(n_rows)
        if len(self._losses) == _MAX_UNREAD:
            self._read()

    def _read(self) -> None:
        losses = torch.stack(self._losses).tolist()
        self._sum += sum(map(operator.mul, losses, self._sizes))
        self._n_rows += sum(self._sizes)
        self._losses.clear()
        self._sizes.clear()

    def mean(self) -> float:
        """Give the mean over all rows."""
        if self._losses:
            self._read()
        return self._sum / self._n_rows
