"""Dropout masks that are cut from a pool."""

import math
import random

import torch
from torch import Tensor

from sknn_deep.modules._random_layers import dropped_share, make_mask, n_words

# A mask is anywhere in a pool of so many times its size. The pool's random bits are
# drawn anew after some cuts, since to draw each mask would take as long as the matrix
# products that it goes with; what they are compared with follows `p` more often.
_N_MASKS = 2
_CUTS_PER_DRAW = 64
_CUTS_PER_PROBABILITY = 8


class MaskPool:
    """Cuts dropout masks at random places from a pool of random numbers.

    Parameters
    ----------
    generator : torch.Generator

    dtype : torch.dtype

    Attributes
    ----------
    p : float
        Probability of an element to be dropped. The pool follows it with a delay of
        some cuts.
    """

    def __init__(self, generator: torch.Generator, dtype: torch.dtype):
        self.generator = generator
        self.dtype = dtype
        self.p = 0.0
        seed = torch.empty((), dtype=torch.int64, device=generator.device)
        seed.random_(generator=generator)
        self._places = random.Random(seed.item())
        self._words: Tensor | None = None
        self._pool: Tensor | None = None
        self._share = 0
        self._n_cuts = 0

    def __call__(self, shape: tuple[int, ...]) -> Tensor | None:
        """Cut a mask; None where nothing is dropped."""
        if self.p == 0:
            return None
        size = math.prod(shape)
        if self._pool is None or self._pool.shape[0] < size:
            self._n_cuts = 0
            self._words = torch.empty(
                n_words(_N_MASKS * size),
                dtype=torch.int64,
                device=self.generator.device,
            )
        if self._n_cuts % _CUTS_PER_PROBABILITY == 0:
            self._fill()
        self._n_cuts += 1
        start = self._places.randrange(self._pool.shape[0] - size + 1)
        # One call of torch, where a slice and a view are three.
        return self._pool.as_strided(shape, _strides(shape), start)

    def _fill(self) -> None:
        share = dropped_share(self.p)
        is_new = self._n_cuts % _CUTS_PER_DRAW == 0
        if is_new:
            self._words.random_(-(2**63), None, generator=self.generator)
        if is_new or share != self._share:
            shape = (4 * len(self._words),)
            self._pool = make_mask(self._words, shape, share, self.dtype)
            self._share = share


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the strides of contiguous memory."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
