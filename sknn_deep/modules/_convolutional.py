"""Convolutional networks for small images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sknn_deep.modules._random_layers import Dropout


def as_images(X: Tensor, input_shape: Sequence[int]) -> Tensor:
    """Bring rows to ``(n_batch, n_channels, height, width)``.

    `input_shape` is that of a row: (height, width), which is one channel, or
    (n_channels, height, width).
    """
    channels = (1, *input_shape) if len(input_shape) == 2 else tuple(input_shape)
    return X.reshape(-1, *channels)


def _check_images(
    input_shape: Sequence[int], n_halvings: int, *, owner: str
) -> tuple[int, int, int]:
    """Return channels, height and width; refuse what cannot be halved so often."""
    shape = tuple(int(n) for n in input_shape)
    expected = "input_shape must be (height, width) or (n_channels, height, width)"
    if len(shape) not in (2, 3):
        raise ValueError(
            f"{expected} of an image. Got {shape}: reshape X to (n_samples, "
            "n_channels, height, width), or let rows of pixels be, and say what they "
            f"are by functools.partial({owner}, input_shape=(height, width))."
        )
    if _has_channels_last(shape, n_halvings):
        raise ValueError(
            f"{expected} of an image. Got {shape}, whose channels come last: pass "
            "np.moveaxis(X, -1, 1), of shape (n_samples, n_channels, height, width)."
        )
    if min(shape[-2:]) < 2**n_halvings:
        raise ValueError(
            f"Images of {shape[-2]} x {shape[-1]} are too small to be halved "
            f"{n_halvings} times, once for each of `channels`."
        )
    return shape if len(shape) == 3 else (1, *shape)


def _has_channels_last(shape: tuple[int, ...], n_halvings: int) -> bool:
    """Tell images as Keras and PIL give them: (28, 28, 1) is no 28 channels."""
    if len(shape) != 3 or shape[0] <= 4 or shape[2] not in (1, 3, 4):
        return False
    return shape[0] == shape[1] or shape[2] < 2**n_halvings


def _halving_layers(
    n_channels: int,
    channels: Sequence[int],
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Make 3 x 3 convolutions and max pooling, which halves height and width."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip((n_channels, *channels), channels, strict=False):
        layers += [
            nn.Conv2d(n_in, n_out, kernel_size=3, padding=1),
            activation(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers)


class ConvNet(nn.Module):
    """A convolutional network from images to raw outputs.

    For each number in `channels` a 3 x 3 convolution, ReLU and 2 x 2 max pooling; then
    dropout and one dense layer.

    Parameters
    ----------
    input_shape : sequence of int, default=None
        Shape of an image: (height, width) or (n_channels, height, width). It has to be
        given; estimators do so, if they are given the class.

    n_outputs : int, default=None
        Number of outputs; the same goes for it.

    channels : sequence of int, default=(32, 64)
        Number of filters of each convolution.

    dropout : float in [0, 1), default=0.0
        Probability with which an input of the dense layer is set to zero in training.

    Notes
    -----
    Input ``(n_batch, *input_shape)``, output ``(n_batch, n_outputs)``.

    Examples
    --------
    >>> import torch
    >>> from sknn_deep.modules import ConvNet
    >>> net = ConvNet((28, 28), n_outputs=10)
    >>> net(torch.zeros(5, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        input_shape: Sequence[int] | None = None,
        n_outputs: int | None = None,
        channels: Sequence[int] = (32, 64),
        dropout: float = 0.0,
    ):
        super().__init__()
        if input_shape is None or n_outputs is None:
            raise TypeError(
                "ConvNet needs input_shape and n_outputs. NetClassifier and "
                "NetRegressor give it both, if they are given the class: pass ConvNet "
                "instead of ConvNet(), and its arguments as module__name=value."
            )
        n_channels, height, width = _check_images(
            input_shape, len(channels), owner=type(self).__name__
        )
        self.input_shape = (n_channels, height, width)
        self.features = _halving_layers(n_channels, channels)
        n_last = (n_channels, *channels)[-1]
        factor = 2 ** len(channels)
        self.flatten = nn.Flatten()
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(
            n_last * (height // factor) * (width // factor), n_outputs
        )

    def forward(self, X: Tensor) -> Tensor:
        features = self.features(as_images(X, self.input_shape))
        return self.output(self.dropout(self.flatten(features)))


class ConvEncoder(nn.Module):
    """The first half of a convolutional autoencoder, from images to codes.

    For each number in `channels` a 3 x 3 convolution, GELU and 2 x 2 max pooling; then
    a hidden dense layer with GELU, and one that gives the code.

    Parameters
    ----------
    input_shape : sequence of int
        Shape of an image: (height, width) or (n_channels, height, width).

    n_components : int
        Width of the code.

    channels : sequence of int, default=(32, 64)
        Number of filters of each convolution.

    width : int, default=128
        Number of units of the hidden dense layer.

    Notes
    -----
    Input ``(n_batch, *input_shape)`` or the same numbers as ``(n_batch, n_features)``,
    output ``(n_batch, n_components)``.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        n_components: int,
        channels: Sequence[int] = (32, 64),
        width: int = 128,
    ):
        super().__init__()
        n_channels, height, width_of_image = _check_images(
            input_shape, len(channels), owner=type(self).__name__
        )
        self.input_shape = (n_channels, height, width_of_image)
        self.features = _halving_layers(n_channels, channels, nn.GELU)
        n_last = (n_channels, *channels)[-1]
        factor = 2 ** len(channels)
        n_pixels = (height // factor) * (width_of_image // factor)
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_last * n_pixels, width),
            nn.GELU(),
            nn.Linear(width, n_components),
        )

    def forward(self, X: Tensor) -> Tensor:
        return self.dense(self.features(as_images(X, self.input_shape)))


class ConvDecoder(nn.Module):
    """The second half of a convolutional autoencoder, from codes to rows of pixels.

    Two dense layers with GELU, then for each number in `channels`, from the last one
    on, a nearest neighbor upsampling, which doubles height and width, a 3 x 3
    convolution and, but at the end, GELU.

    Parameters
    ----------
    input_shape : sequence of int
        Shape of an image: (height, width) or (n_channels, height, width).

    n_components : int
        Width of the code.

    channels : sequence of int, default=(32, 64)
        As in the encoder.

    width : int, default=128
        Number of units of the hidden dense layer.

    Notes
    -----
    Input ``(n_batch, n_components)``, output ``(n_batch, n_features)``.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        n_components: int,
        channels: Sequence[int] = (32, 64),
        width: int = 128,
    ):
        super().__init__()
        n_channels, height, width_of_image = _check_images(
            input_shape, len(channels), owner=type(self).__name__
        )
        sizes = [
            (height // 2**k, width_of_image // 2**k)
            for k in range(len(channels), -1, -1)
        ]
        backwards = [*reversed(channels), n_channels]
        self.start_shape = (backwards[0], *sizes[0])
        self.dense = nn.Sequential(
            nn.Linear(n_components, width),
            nn.GELU(),
            nn.Linear(width, torch.Size(self.start_shape).numel()),
            nn.GELU(),
        )
        layers: list[nn.Module] = []
        for n_in, n_out, size in zip(backwards, backwards[1:], sizes[1:], strict=False):
            layers += [
                nn.Upsample(size=size),
                nn.Conv2d(n_in, n_out, kernel_size=3, padding=1),
                nn.GELU(),
            ]
        self.features = nn.Sequential(*layers[:-1])

    def forward(self, code: Tensor) -> Tensor:
        start = self.dense(code).unflatten(1, self.start_shape)
        return self.features(start).flatten(1)
