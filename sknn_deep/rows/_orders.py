"""The order of the rows in an epoch, drawn anew each time."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Blocks from all over the file that are mixed with each other at a time: enough for
# rows that are sorted by class, as `bench_mapped.py` measures.
_BLOCKS_PER_WINDOW = 256


class Permutations(ABC):
    """Draws an order a call, and tells what the orders to come depend on."""

    @abstractmethod
    def __call__(self) -> Tensor:
        """Draw the next order, int64 of shape (n_rows,)."""

    @abstractmethod
    def state(self) -> bytes:
        """Give what the orders to come depend on."""

    @abstractmethod
    def catch_up(self, other: Any) -> None:
        """Go on as if what `other` has drawn since it had the same state were drawn."""


def numpy_permutations(
    n_rows: int, random_state: np.random.RandomState
) -> Permutations:
    """Make the row orders that scikit-learn's MLP would draw, one a call.

    Each order permutes the one before, as ``sklearn.utils.shuffle`` does there.
    """
    return _NumpyPermutations(n_rows, random_state)


class _NumpyPermutations(Permutations):
    def __init__(self, n_rows: int, random_state: np.random.RandomState):
        self._random_state = random_state
        self._order = np.arange(n_rows)
        self._has_drawn = False

    def __call__(self) -> Tensor:
        permutation = np.arange(len(self._order))
        self._random_state.shuffle(permutation)
        self._order = self._order[permutation]
        self._has_drawn = True
        return torch.from_numpy(self._order)

    def state(self) -> bytes:
        state = self._random_state.get_state(legacy=False)["state"]
        order = self._order.tobytes() if self._has_drawn else b""
        numbers = (state["pos"], len(self._order))
        return state["key"].tobytes() + np.array(numbers).tobytes() + order

    def catch_up(self, other: "_NumpyPermutations") -> None:
        self._random_state.set_state(other._random_state.get_state(legacy=False))
        self._order, self._has_drawn = other._order, other._has_drawn


def device_permutations(n_rows: int, generator: torch.Generator) -> Permutations:
    """Make row orders that are drawn on the generator's device, one a call."""
    return _DevicePermutations(n_rows, generator)


class _DevicePermutations(Permutations):
    def __init__(self, n_rows: int, generator: torch.Generator):
        self._n_rows = n_rows
        self._generator = generator

    def __call__(self) -> Tensor:
        generator = self._generator
        return torch.randperm(
            self._n_rows, generator=generator, device=generator.device
        )

    def state(self) -> bytes:
        n_rows = self._n_rows.to_bytes(8)
        return self._generator.get_state().numpy().tobytes() + n_rows

    def catch_up(self, other: "_DevicePermutations") -> None:
        self._generator.set_state(other._generator.get_state())


def block_permutations(
    n_rows: int,
    window_rows: int,
    random_state: np.random.RandomState,
    device: torch.device | None = None,
) -> Callable[[], Tensor]:
    """Make row orders that read a file by the block, one a call.

    Each divides the rows into blocks of neighbors, at places that differ from call to
    call, puts the blocks in random order, and permutes the rows within windows of
    `window_rows`, each of many blocks.
    """
    n_block = max(1, window_rows // _BLOCKS_PER_WINDOW)

    def permute() -> Tensor:
        cuts = np.arange(random_state.randint(n_block) + 1, n_rows, n_block)
        starts = np.concatenate([[0], cuts])
        lengths = np.diff(starts, append=n_rows)
        drawn = random_state.permutation(len(starts))
        starts, lengths = starts[drawn], lengths[drawn]
        places = np.cumsum(lengths) - lengths
        order = np.arange(n_rows) + np.repeat(starts - places, lengths)
        for start in range(0, n_rows, window_rows):
            random_state.shuffle(order[start : start + window_rows])
        return torch.from_numpy(order).to(device)

    return permute
