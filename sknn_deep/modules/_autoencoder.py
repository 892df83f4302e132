"""The autoencoder: an encoder and a decoder, trained as one network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sknn_deep.modules._activations import ACTIVATIONS
from sknn_deep.modules._blocks import DenseBlock
from sknn_deep.modules._losses import AutoencoderOutput
from sknn_deep.modules._mlp import DenseStack
from sknn_deep.modules._random_layers import GaussianNoise, MaskingNoise, NormalSample

NOISES = {"gaussian": GaussianNoise, "masking": MaskingNoise}


class Halves(nn.Module):
    """An encoder and a decoder, as one network.

    A subclass has `encoder` and `decoder`, `corruption` and `sample`, which are layers
    or None, and `returns_code`.
    """

    code_scale = 1.0

    def to_code(self, X: Tensor) -> Tensor:
        """Return what the encoder gives, before it is scaled or taken apart."""
        return self.encoder(X)

    def from_code(self, code: Tensor) -> Tensor:
        """Return what the decoder makes of such a code."""
        return self.decoder(code)

    def encode(self, X: Tensor) -> Tensor:
        """Return the codes, or their means, of shape ``(n_batch, n_components)``."""
        code = self.to_code(X)
        if self.sample is not None:
            code = code.chunk(2, dim=1)[0].contiguous()
        return code if self.code_scale == 1 else code * self.code_scale

    def decode(self, code: Tensor) -> Tensor:
        """Return the reconstructions, of shape ``(n_batch, n_features)``."""
        return self.from_code(code if self.code_scale == 1 else code / self.code_scale)

    def forward(self, X: Tensor) -> Tensor | AutoencoderOutput:
        if not self.training:
            return self.decode(self.encode(X))
        if self.corruption is not None:
            X = self.corruption(X)
        if not self.returns_code:
            return self.decode(self.to_code(X))
        if self.sample is None:
            code = self.to_code(X)
            return AutoencoderOutput(self.from_code(code), code * self.code_scale, None)
        mean, log_variance = self.to_code(X).chunk(2, dim=1)
        code = self.sample(mean, log_variance)
        return AutoencoderOutput(self.decode(code), mean, log_variance)


class Autoencoder(Halves):
    """An autoencoder from features to a code and back.

    Parameters
    ----------
    encoder_units, decoder_units : sequence of int
        Widths from the features to the code, and from the code to the features.

    activations, decoder_activations : sequence of str, one per hidden layer

    dropout, decoder_dropout : sequence of float, one per hidden layer

    latent_activation, out_activation : str
        Activations of the code and of the reconstruction.

    normalization : {"batch", "layer"} or None

    noise : {"gaussian", "masking"} or None
        What corrupts the features that are encoded while training.

    noise_level : float
        Standard deviation, or the probability of a feature to be masked.

    variational : bool
        Whether the encoder gives the mean and the log-variance of a random code.

    returns_code : bool
        Whether the output while training is an ``AutoencoderOutput``, for a loss that
        is about the code too. So it always is when `variational`.

    dtype : torch.dtype or None

    Attributes
    ----------
    code_scale : float
        What the encoder's output is multiplied by to be the code, and the code divided
        by to be the decoder's input: see :func:`scaled_code`.

    Shape
    -----
    Input and output ``(n_batch, n_features)``, code ``(n_batch, n_components)``.
    """

    def __init__(
        self,
        encoder_units: Sequence[int],
        decoder_units: Sequence[int],
        *,
        activations: Sequence[str],
        decoder_activations: Sequence[str],
        dropout: Sequence[float],
        decoder_dropout: Sequence[float],
        latent_activation: str = "identity",
        out_activation: str = "identity",
        normalization: str | None = None,
        noise: str | None = None,
        noise_level: float = 0.0,
        variational: bool = False,
        returns_code: bool = False,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        *hidden_units, n_components = encoder_units
        self.corruption = NOISES[noise](noise_level) if noise else None
        self.encoder = DenseStack(
            (*hidden_units, n_components * (2 if variational else 1)),
            activations=activations,
            dropout=dropout,
            normalization=normalization,
            out_activation=latent_activation,
            dtype=dtype,
        )
        self.sample = NormalSample() if variational else None
        self.decoder = DenseStack(
            decoder_units,
            activations=decoder_activations,
            dropout=decoder_dropout,
            normalization=normalization,
            out_activation=out_activation,
            dtype=dtype,
        )
        self.returns_code = returns_code or variational

    takes_sparse_rows = True
    code_scale = 1.0  # pickles of 0.1 have no such attribute

    @property
    def is_chain(self) -> bool:
        """Whether data pass the blocks one after the other, and nothing else."""
        return self.corruption is None and not self.returns_code

    @property
    def n_components(self) -> int:
        """Width of the code."""
        return self.decoder[0].dense.in_features

    @property
    def is_chain_with_code(self) -> bool:
        """Whether data pass the blocks one after the other, and the code is shown."""
        return self.corruption is None and self.returns_code and self.sample is None

    def blocks(self) -> list[DenseBlock]:
        """List the layers in the order in which data passes them."""
        return [*self.encoder, *self.decoder]

    @torch.no_grad()
    def multiply_code(self, factor: float) -> None:
        """Let the code be larger, and the reconstructions the same."""
        last, first = self.encoder[-1].dense, self.decoder[0].dense
        last.weight.mul_(factor)
        last.bias.mul_(factor)
        first.weight.div_(factor)


class OwnAutoencoder(Halves):
    """An autoencoder of two modules of the user's.

    Parameters
    ----------
    encoder : Module
        From ``(n_batch, n_features)`` to ``(n_batch, n_components)``, or to twice as
        many if `variational`: means, then log-variances.

    decoder : Module
        From ``(n_batch, n_components)`` to as many numbers as there are features, in
        any shape.

    n_components : int

    latent_activation, out_activation : str
        Activations of the code and of the reconstruction.

    noise, noise_level, variational, returns_code
        As in :class:`Autoencoder`.

    code_factor : float
        What the encoder's output is multiplied by to be the code, and the code divided
        by to be the decoder's input. Unless it is 1, the two are layers of `encoder`
        and `decoder`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        *,
        latent_activation: str = "identity",
        out_activation: str = "identity",
        noise: str | None = None,
        noise_level: float = 0.0,
        variational: bool = False,
        returns_code: bool = False,
        code_factor: float = 1.0,
    ):
        super().__init__()
        self.corruption = NOISES[noise](noise_level) if noise else None
        if code_factor != 1:
            encoder = nn.Sequential(encoder, Multiply(code_factor))
            decoder = nn.Sequential(Multiply(1 / code_factor), decoder)
        self.encoder = encoder
        self.decoder = decoder
        self.n_components = n_components
        self.latent_activation = ACTIVATIONS[latent_activation].module()
        self.out_activation = ACTIVATIONS[out_activation].module()
        self.sample = NormalSample() if variational else None
        self.returns_code = returns_code or variational

    def to_code(self, X: Tensor) -> Tensor:
        return self.latent_activation(self.encoder(X))

    def from_code(self, code: Tensor) -> Tensor:
        return self.out_activation(self.decoder(code).flatten(1))


class Multiply(nn.Module):
    """Multiplies by a number that is not learnt."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, X: Tensor) -> Tensor:
        return X * self.factor

    def extra_repr(self) -> str:
        return str(self.factor)


@contextmanager
def scaled_code(module: Autoencoder, scale: float) -> Iterator[None]:
    """Let the encoder's last and the decoder's first layer work in other units.

    Meanwhile the encoder gives the code divided by `scale`, so that a step of an
    optimizer that does not look at the size of a gradient moves the code `scale` times
    as far. Codes and reconstructions are the same before, meanwhile and after: with a
    power of two, to the last bit.
    """
    module.multiply_code(1 / scale)
    module.code_scale = scale
    try:
        yield
    finally:
        module.multiply_code(scale)
        module.code_scale = 1.0
