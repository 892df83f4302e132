"""Images of the wrong shape, as Keras loads them, are told how to become what is right.

Rows of pixels for dense layers, channels first for convolutions.
"""

import numpy as np
import pytest
import torch
from torch import nn

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NetClassifier,
)
from sknn_deep.modules import ConvDecoder, ConvEncoder, ConvNet
from tests.estimators.fits import message_of

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
LABELS = np.arange(6) % 2


def message(Estimator, shape):
    return (
        f"Found array with dim {len(shape)}, while {Estimator.__name__} takes one row "
        f"of features for each sample. Got shape {shape}: pass X.reshape(len(X), -1), "
        "which makes a row of each image."
    )


@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["numpy", "torch"])
@pytest.mark.parametrize("shape", [(6, 4, 4), (6, 1, 4, 4)], ids=str)
@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_images_are_told_to_become_rows(Estimator, fit, shape, make):
    is_first_part = Estimator is MLPClassifier and fit == "partial_fit"
    classes = {"classes": [0, 1]} if is_first_part else {}

    with pytest.raises(ValueError) as caught:
        getattr(Estimator(), fit)(make(shape), LABELS, **classes)

    assert str(caught.value) == message(Estimator, shape)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_new_images_are_told_too(Estimator):
    images = np.random.default_rng(0).uniform(size=(6, 4, 4))
    estimator = Estimator(max_iter=1, learning_rate="cosine")
    estimator.fit(images.reshape(len(images), -1), LABELS)
    is_autoencoder = Estimator is AutoencoderTransformer
    predict = estimator.transform if is_autoencoder else estimator.predict

    with pytest.raises(ValueError) as caught:
        predict(images)

    assert str(caught.value) == message(Estimator, images.shape)


def test_images_in_a_large_file_are_told_too(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "images.npy", mode="w+", dtype=np.float32, shape=(6, 512, 1024)
    )

    with pytest.raises(ValueError) as caught:
        MLPClassifier().fit(images, LABELS)

    assert str(caught.value) == message(MLPClassifier, images.shape)


# --- images for convolutions ----------------------------------------------------------

QUICK = {"max_iter": 1, "learning_rate": "cosine", "random_state": 0, "device": "cpu"}


class FewFilters(nn.Module):
    def __init__(self, n_outputs, n_channels=1):
        super().__init__()
        self.filters = nn.Conv2d(n_channels, 2, 3)
        self.output = nn.Linear(2, n_outputs)

    def forward(self, X):
        return self.output(self.filters(X).amax(dim=(2, 3)))


def fit_images(module, shape, **params):
    images = np.random.default_rng(0).uniform(size=(6, *shape)).astype(np.float32)
    return NetClassifier(module, **QUICK, **params).fit(images, LABELS)


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (3, 8, 6), (6, 8, 5)], ids=str)
def test_a_ready_network_takes_images_without_channels_and_with_these_first(shape):
    assert fit_images(ConvNet, shape).net_.module_.input_shape[-2:] == shape[-2:]


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (48, 64, 3)], ids=str)
def test_a_ready_network_tells_what_to_do_with_channels_that_come_last(shape):
    assert message_of(fit_images, ConvNet, shape) == (
        "input_shape must be (height, width) or (n_channels, height, width) of an "
        f"image. Got {shape}, whose channels come last: pass np.moveaxis(X, -1, 1), "
        "of shape (n_samples, n_channels, height, width)."
    )


def test_a_ready_network_tells_what_to_do_with_rows_of_pixels():
    message = (
        "input_shape must be (height, width) or (n_channels, height, width) of an "
        "image. Got (64,): reshape X to (n_samples, n_channels, height, width), or let "
        "rows of pixels be, and say what they are by "
        "functools.partial({}, input_shape=(height, width))."
    )
    halves = AutoencoderTransformer(encoder=ConvEncoder, decoder=ConvDecoder, **QUICK)
    rows = np.zeros((6, 64))

    assert message_of(fit_images, ConvNet, (64,)) == message.format("ConvNet")
    assert message_of(halves.fit, rows) == message.format("ConvEncoder")


def test_rows_of_pixels_are_taken_where_their_shape_is_said():
    clf = fit_images(ConvNet, (64,), module__input_shape=(8, 8))

    assert clf.net_.module_.input_shape == (1, 8, 8)


@pytest.mark.parametrize(
    "shape, n_channels, cure",
    [
        ((8, 9), 1, "pass X.reshape(-1, 1, 8, 9)"),
        ((8, 9, 1), 1, "its channels come last, pass np.moveaxis(X, -1, 1)"),
        ((8, 9, 3), 3, "its channels come last, pass np.moveaxis(X, -1, 1)"),
        ((72,), 1, "pass X.reshape(-1, 1, height, width)"),
    ],
    ids=str,
)
def test_a_network_of_ones_own_tells_what_images_it_takes(shape, n_channels, cure):
    message = message_of(fit_images, FewFilters, shape, module__n_channels=n_channels)
    said, _, torchs = message.partition(" torch says: ")

    inner = ", ".join(map(str, ("n_samples", *shape)))
    assert said == (
        "FewFilters begins with a convolution of images, of shape (n_samples, "
        f"n_channels, height, width), and NetClassifier got X of shape ({inner}): "
        f"{cure}."
    )
    assert torchs


@pytest.mark.parametrize("shape", [(8, 9), (1, 8, 9)], ids=str)
def test_a_network_that_begins_with_a_linear_layer_tells_how_to_flatten(shape):
    network = nn.Sequential(nn.Linear(72, 4), nn.ReLU(), nn.Linear(4, 1))

    message = message_of(fit_images, network, shape)
    said, _, torchs = message.partition(" torch says: ")

    inner = ", ".join(map(str, ("n_samples", *shape)))
    assert said == (
        "Sequential begins with a linear layer of 72 features, and NetClassifier got X "
        f"of shape ({inner}): pass X.reshape(len(X), -1), or let the module begin with "
        "nn.Flatten()."
    )
    assert "shapes cannot be multiplied" in torchs
    fit_images(nn.Sequential(nn.Flatten(), *network), shape)


def test_what_torch_says_of_other_images_is_left_as_it_is():
    with pytest.raises(RuntimeError, match="to have 1 channels, but got 2"):
        fit_images(FewFilters, (2, 8, 9))


def test_what_torch_says_of_other_layers_is_left_as_it_is():
    layers = [nn.Unflatten(1, (1, 8, 9)), nn.Conv2d(1, 2, 3), nn.Flatten()]

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit_images(nn.Sequential(*layers, nn.Linear(5, 1)), (72,))


@pytest.mark.parametrize(
    "fitted, given, cure",
    [
        ((1, 8, 8), (64,), " Pass X.reshape(-1, 1, 8, 8)."),
        ((1, 8, 8), (8, 8), " Pass X.reshape(-1, 1, 8, 8)."),
        (
            (3, 8, 6),
            (8, 6, 3),
            " Its channels come last: pass np.moveaxis(X, -1, 1).",
        ),
        ((8, 8), (9, 9), ""),
    ],
    ids=str,
)
def test_new_images_are_told_the_shape_of_the_fit(fitted, given, cure):
    clf = fit_images(ConvNet, fitted)

    assert message_of(clf.predict, np.zeros((2, *given))) == (
        f"X has rows of shape {given}, but NetClassifier is expecting rows of shape "
        f"{fitted}, as in the fit.{cure}"
    )


@pytest.mark.parametrize("fitted", [(8, 8), (1, 8, 8)], ids=str)
def test_a_single_image_is_told_to_become_a_row(fitted):
    clf = fit_images(ConvNet, fitted)

    assert message_of(clf.predict, np.zeros(fitted)) == (
        f"X has rows of shape {fitted[1:]}, but NetClassifier is expecting rows of "
        f"shape {fitted}, as in the fit. This is one row: pass X[None]."
    )


def test_images_are_told_to_become_the_rows_of_the_fit():
    clf = fit_images(nn.Linear(16, 1), (16,))

    assert message_of(clf.predict, np.zeros((2, 1, 4, 4))) == (
        "X has rows of shape (1, 4, 4), but NetClassifier is expecting rows of shape "
        "(16,), as in the fit. Pass X.reshape(-1, 16)."
    )
