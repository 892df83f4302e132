"""Layers that draw random numbers while training, from a generator of their own."""

import math

import torch
from torch import Tensor, nn


def n_words(n_elements: int) -> int:
    """Number of int64 words that hold 16 bits for each of `n_elements`."""
    return -(-n_elements // 4)


def dropped_share(p: float) -> int:
    """Round `p` to how many of 2**16 values are dropped, never all of them."""
    return min(round(p * 2**16), 2**16 - 1)


def dropout_mask(
    shape: tuple[int, ...],
    p: float,
    generator: torch.Generator,
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Draw a dropout mask: 0 with probability `p`, else ``1 / (1 - p)``.

    Each element compares 16 random bits with a threshold, which is five times faster
    than ``Tensor.bernoulli_``; `p` is thereby rounded to a multiple of 2**-16, and the
    scale uses the rounded value, so that the mask's mean is exactly one.
    """
    n_elements = math.prod(shape)
    words = torch.empty(n_words(n_elements), dtype=torch.int64, device=device)
    words.random_(-(2**63), None, generator=generator)
    return make_mask(words, shape, dropped_share(p), dtype)


def make_mask(
    words: Tensor, shape: tuple[int, ...], share: int, dtype: torch.dtype
) -> Tensor:
    """Make a dropout mask of random words, by what :func:`dropped_share` gives."""
    return _make_mask(words, shape, share - 2**15, 2**16 / (2**16 - share), dtype)


def _make_mask(
    words: Tensor,
    shape: tuple[int, ...],
    threshold: int | Tensor,
    scale: float | Tensor,
    dtype: torch.dtype,
) -> Tensor:
    """Compare 16 bits for each element; the last ones may be left over."""
    n_stack = math.prod(words.shape[:-1])
    bits = words.view(torch.int16)[..., : math.prod(shape) // n_stack].view(shape)
    mask = torch.empty(shape, dtype=dtype, device=words.device)
    torch.ge(bits, threshold, out=mask)
    return mask.mul_(scale)


class StackedDropout:
    """Draws the dropout masks of a stack of networks, each from its own generator.

    Each network's masks are those of :func:`dropout_mask`. Networks with the very same
    generator have the same random bits, which are drawn once.

    Parameters
    ----------
    p : list of float, one for each network

    generators : list of torch.Generator

    n_last : list of int
        How many rows the last batch of each network has. Where these differ, all are
        fewer than in the batches before, by which it is known; the masks of rows that a
        network does not have are of no account.

    dtype : torch.dtype

    device : torch.device
    """

    def __init__(
        self,
        p: list[float],
        generators: list[torch.Generator],
        n_last: list[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ):
        self.dtype = dtype
        self.device = device
        self.n_last = dict(zip(generators, n_last, strict=True))
        self.generators = list(self.n_last)
        pairs = list(zip(map(dropped_share, p), generators, strict=True))
        distinct = list(dict.fromkeys(pairs))
        self._drawn = self._places(
            [self.generators.index(generator) for _, generator in distinct],
            len(self.generators),
        )
        self._made = self._places(list(map(distinct.index, pairs)), len(distinct))
        shares = torch.tensor([share for share, _ in distinct], device=device)
        self.threshold = (shares - 2**15).to(torch.int16).view(-1, 1, 1)
        scale = 2**16 / (2**16 - shares.double())
        self.scale = scale.to(dtype).view(-1, 1, 1)

    def _places(self, numbers: list[int], n: int) -> Tensor | None:
        """Tell which of `n` each one takes; None if each takes its own."""
        if numbers == list(range(n)):
            return None
        return torch.tensor(numbers, device=self.device)

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Draw masks of `shape`, ``(n_networks, n_batch, n_units)``.

        In memory they are ``(n_networks, n_units, n_batch)``, as the units of a stack.
        """
        n_batch, n_units = shape[1:]
        is_last = n_batch == max(self.n_last.values())
        words = torch.empty(
            len(self.generators),
            n_words(n_batch * n_units),
            dtype=torch.int64,
            device=self.device,
        )
        for own, generator in zip(words, self.generators, strict=True):
            n_rows = self.n_last[generator] if is_last else n_batch
            own = own[: n_words(n_rows * n_units)]
            own.random_(-(2**63), None, generator=generator)
        masks = _make_mask(
            _select(words, self._drawn),
            (len(self.threshold), n_batch, n_units),
            self.threshold,
            self.scale,
            self.dtype,
        )
        return _select(masks.mT.contiguous(), self._made).mT


def _select(array: Tensor, numbers: Tensor | None) -> Tensor:
    return array if numbers is None else array.index_select(0, numbers)


class RandomLayer(nn.Module):
    """A layer that draws from `generator`, which whoever trains the network provides.

    torch's own layers draw from its global generator.
    """

    generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Zero each element with probability `p` while training, and scale up the rest.

    Parameters
    ----------
    p : float in [0, 1)
        Probability of an element to be zeroed.

    Shape
    -----
    Input and output: ``(*)``, any shape.

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R.
    "Dropout: a simple way to prevent neural networks from overfitting." Journal of
    Machine Learning Research 15 (2014), 1929-1958.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, X: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return X
        return X * self.draw_mask(X)

    def draw_mask(self, X: Tensor) -> Tensor:
        return dropout_mask(
            X.shape, self.p, self.generator, dtype=X.dtype, device=X.device
        )

    def extra_repr(self) -> str:
        return f"p={self.p}"


class MaskingNoise(Dropout):
    """Zero each element with probability `p` while training; the rest stays as it is.

    References
    ----------
    Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. "Extracting and
    composing robust features with denoising autoencoders." ICML 2008.
    https://doi.org/10.1145/1390156.1390294
    """

    def forward(self, X: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return X
        return torch.where(self.draw_mask(X) > 0, X, 0)


class GaussianNoise(RandomLayer):
    """Add normal noise of standard deviation `scale` while training.

    Shape
    -----
    Input and output: ``(*)``, any shape.
    """

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, X: Tensor) -> Tensor:
        if not self.training:
            return X
        return X + self.scale * torch.empty_like(X).normal_(generator=self.generator)

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


class NormalSample(RandomLayer):
    """Draw from a normal distribution of given mean and log-variance while training.

    Shape
    -----
    Mean, log-variance and result: ``(*)``, any shape.
    """

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.training:
            return mean
        noise = torch.empty_like(mean).normal_(generator=self.generator)
        return mean + noise * torch.exp(0.5 * log_variance)
