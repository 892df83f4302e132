"""An encoder and a decoder of the user's own."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sknn_deep import AutoencoderTransformer, load, save
from sknn_deep.modules import ConvDecoder, ConvEncoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SHORT = {"max_iter": 3, "random_state": 0, "device": "cpu"}


def make_encoder(n_components):
    return ConvEncoder((8, 8), n_components, channels=(4, 8))


def make_decoder(n_components):
    return ConvDecoder((8, 8), n_components, channels=(4, 8))


@pytest.fixture(scope="module")
def X(digits):
    return digits.X[:300]


def make_autoencoder(**params):
    return AutoencoderTransformer(
        **{"encoder": make_encoder, "decoder": make_decoder, **SHORT, **params}
    )


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"variational": True, "kl_weight": 0.01},
        {"noise": "masking", "sparsity_penalty": 0.01, "latent_activation": "tanh"},
        {"loss": "binary_cross_entropy"},
        {"out_activation": "logistic", "early_stopping": True},
    ],
    ids=str,
)
def test_all_variants_have_halves_of_ones_own(variant, X):
    model = make_autoencoder(n_components=3, **variant)
    codes = model.fit_transform(X)

    assert codes.shape == (300, 3)
    np.testing.assert_array_equal(
        codes, make_autoencoder(**model.get_params()).fit(X).transform(X)
    )
    back = model.inverse_transform(codes)
    assert back.shape == X.shape
    error = ((back - X) ** 2).mean()
    np.testing.assert_allclose(
        model.score(X), 1 - error / X.var(axis=0).mean(), rtol=1e-3, atol=1e-4
    )
    if model.out_activation_ == "logistic":
        assert 0 <= back.min() <= back.max() <= 1
    assert model.get_feature_names_out()[0] == "autoencodertransformer0"
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), codes)


def test_convolutional_halves_learn(X):
    model = make_autoencoder(n_components=2, max_iter=60, batch_size=50).fit(X)

    assert model.score(X) > 0.3
    assert isinstance(model.encoder_, ConvEncoder)
    assert [layer.kind for layer in model.summary().layers][:3] == [
        "Conv2d",
        "GELU",
        "MaxPool2d",
    ]
    with pytest.raises(AttributeError, match="has no coefs_ and intercepts_: its netw"):
        model.coefs_  # noqa: B018


def test_a_file_has_both_halves(X, tmp_path):
    model = make_autoencoder().fit(X)
    save(model, tmp_path / "model.sknn")
    again = load(tmp_path / "model.sknn", modules=[make_encoder, make_decoder])

    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    with pytest.raises(ValueError, match=r"needs the class or function .*make_encoder"):
        load(tmp_path / "model.sknn")


def test_halves_that_are_made_are_copied(X):
    encoder, decoder = nn.Linear(64, 2), nn.Linear(2, 64)
    before = encoder.weight.clone()
    model = make_autoencoder(
        encoder=encoder, decoder=decoder, solver="lbfgs", max_iter=60
    )
    model.fit(X)

    assert torch.equal(encoder.weight, before)
    assert model.loss_ < 0.2


def test_what_does_not_fit_is_refused(X):
    with pytest.raises(ValueError, match="takes an encoder and a decoder, or neither"):
        make_autoencoder(decoder=None).fit(X)
    with pytest.raises(ValueError, match=r"encoder .* shape \(32, 5\) .* \(32, 2\)"):
        make_autoencoder(encoder=lambda: nn.Linear(64, 2), n_components=5).fit(X)
    with pytest.raises(ValueError, match=r"decoder .* shape \(32, 64\) .* \(32, 63\)"):
        make_autoencoder(decoder=lambda: nn.Linear(2, 63)).fit(X)
    with pytest.raises(
        TypeError, match=r"cannot make its encoder <lambda>: missing .*input_size"
    ):
        make_autoencoder(encoder=lambda input_size: None).fit(X)


@pytest.mark.parametrize("shape", [(7, 9), (3, 12, 5)])
def test_a_decoder_gives_as_many_pixels_as_an_image_has(shape):
    n_pixels = int(np.prod(shape))
    encoder, decoder = ConvEncoder(shape, 3, (4, 5)), ConvDecoder(shape, 3, (4, 5))

    assert decoder(encoder(torch.zeros(2, *shape))).shape == (2, n_pixels)
    assert decoder(encoder(torch.zeros(2, n_pixels))).shape == (2, n_pixels)


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(
        ValueError, match="Images of 3 x 8 are too small to be halved 2"
    ):
        ConvEncoder((3, 8), 2)
    with pytest.raises(ValueError, match=r"input_shape must be \(height, width\) or"):
        ConvDecoder((784,), 2)
