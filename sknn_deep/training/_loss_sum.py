"""The mean loss of an epoch, without waiting for the device at each batch."""

import torch
from torch import Tensor

from sknn_deep.machine import sum_dtype


class HostLossSum:
    """Adds up losses that are in the processor's memory, where reading one is quick.

    They are not kept: a small tensor that stays between large ones that go keeps their
    memory from being used again.
    """

    def __init__(self):
        self._sum = 0.0
        self._n_rows = 0

    def add(self, loss: Tensor, n_rows: int) -> None:
        """Take note of the mean loss of a batch, a number."""
        self._sum += loss.item() * n_rows
        self._n_rows += n_rows

    def mean(self) -> float:
        """Give the mean over all rows."""
        return self._sum / self._n_rows


class DeviceLossSum:
    """Adds up losses on their device, which nobody waits for before ``mean``."""

    def __init__(self, device: torch.device):
        self._sum = torch.zeros((), dtype=sum_dtype(device), device=device)
        self._n_rows = 0

    def add(self, loss: Tensor, n_rows: int) -> None:
        """Take note of the mean loss of a batch, a number."""
        self._sum.add_(loss, alpha=n_rows)
        self._n_rows += n_rows

    def mean(self) -> float:
        """Give the mean over all rows."""
        return self._sum.item() / self._n_rows


def make_loss_sum(device: torch.device) -> HostLossSum | DeviceLossSum:
    """Make what adds up the losses of an epoch."""
    return HostLossSum() if device.type == "cpu" else DeviceLossSum(device)
