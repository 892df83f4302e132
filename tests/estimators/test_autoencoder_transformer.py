"""AutoencoderTransformer, against PCA, formulas by hand and scikit-learn's tools."""

import copy
import pickle
import random
import re
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csc_matrix, csr_array, csr_matrix
from scipy.special import erf, expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler, minmax_scale, scale
from torch import nn

from sknn_deep import AutoencoderTransformer, NeighborAutoencoder
from tests.estimators.fits import arrays_of
from tests.requirements import since_scikit_learn_sees_polars

# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "n_components": 3,
    "hidden_layer_sizes": (8,),
    "max_iter": 5,
    "random_state": 0,
    "device": "cpu",
}
# One step of gradient descent on all rows, by `partial_fit`.
ONE_STEP = {
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate": "constant",
    "batch_size": 500,
    "shuffle": False,
    "clip_grad_norm": None,
}
# Deterministic, and as good as it gets on small data.
EXACT = {"solver": "lbfgs", "tol": 1e-3, "max_iter": 2000}

VARIANTS = {
    "plain": {},
    "gaussian, batches": {"noise": "gaussian", "noise_level": 0.3, "batch_size": 50},
    "masking, sparse": {"noise": "masking", "sparsity_penalty": 0.1},
    "variational": {"variational": True},
    "dropout": {"dropout": 0.3},
    "batch": {"normalization": "batch"},
    "layer, logistic": {"normalization": "layer", "out_activation": "logistic"},
    "cross entropy": {"loss": "binary_cross_entropy"},
    "early stopping": {"early_stopping": True},
    "lbfgs": {"solver": "lbfgs", "tol": 0.01, "max_iter": 500},
}
every_variant = pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS)

CONTAINERS = [csr_array, csr_matrix, csc_array, csc_matrix]


def make(**params):
    return AutoencoderTransformer(**QUICK | params)


@pytest.fixture(scope="module")
def X():
    """120 rows of 8 standardised features, on a curved surface of three dimensions."""
    rng = np.random.default_rng(0)
    surface = np.tanh(rng.normal(size=(120, 3)) @ rng.normal(size=(3, 8)))
    return scale(surface + 0.05 * rng.normal(size=(120, 8)))


@pytest.fixture(scope="module")
def unit(X):
    """The same between 0 and 1, and 0 below a half, which two thirds are."""
    unit = minmax_scale(X).clip(0, 1)  # which rounding may have left
    return np.where(unit > np.quantile(unit, 2 / 3), unit, 0.0)


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).uniform(0.5, 2, size=120)


def reconstruct(ae, X):
    return ae.inverse_transform(ae.transform(X))


def explained(X, back, weight=None):
    """Return 1 - SSE / SST."""
    mean = np.average(X, axis=0, weights=weight)
    errors, deviations = ((X - back) ** 2).sum(1), ((X - mean) ** 2).sum(1)
    return 1 - np.average(errors, weights=weight) / np.average(
        deviations, weights=weight
    )


def explained_by_pca(n_components, X):
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(X)
    return pca.explained_variance_ratio_.sum()


def assert_same_weights(a, b, **tolerance):
    for x, y in zip(arrays_of(a), arrays_of(b), strict=True):
        assert_allclose(x, y, **tolerance)


# --- layers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "cure"),
    [
        ((16, 8, 2, 8, 16), "hidden_layer_sizes=(16, 8) and n_components=2"),
        ((16, 8, 8, 8, 16), "hidden_layer_sizes=(16, 8) and n_components=8"),
        ((6, 3, 6), "hidden_layer_sizes=(6,) and n_components=3"),
        ((16, 8, 8, 16), "hidden_layer_sizes=(16, 8)"),
        ((8, 4, 2, 4, 8), "hidden_layer_sizes=(4,) and n_components=2"),  # X has 8
    ],
)
@pytest.mark.parametrize("kind", [AutoencoderTransformer, NeighborAutoencoder])
def test_sizes_of_both_halves_are_told_from_those_of_the_encoder(kind, sizes, cure, X):
    whole = kind(3, sizes, max_iter=1, random_state=0)
    with pytest.warns(UserWarning) as caught:
        whole.fit(X)
    assert [str(w.message) for w in caught] == [
        f"hidden_layer_sizes of {kind.__name__} are the encoder's alone: the decoder "
        f"mirrors them, and the code is n_components. Got {sizes}, which look like "
        f"both halves: set {cure}."
    ]
    whole.partial_fit(X)  # has been told


@pytest.mark.parametrize(
    ("sizes", "own"),
    [
        ((8, 7, 6, 5, 3), (7, 6, 5)),
        ((8, 5, 3), (5,)),
        ((8, 7, 6), (7, 6)),
        ([20, 10, 3], (20, 10)),
    ],
)
@pytest.mark.parametrize("kind", [AutoencoderTransformer, NeighborAutoencoder])
def test_sizes_with_both_ends_are_told_from_those_in_between(kind, sizes, own, X):
    ended = kind(3, sizes, max_iter=1, random_state=0)
    with pytest.warns(UserWarning) as caught:
        ended.fit(X)
    assert [str(w.message) for w in caught] == [
        f"hidden_layer_sizes of {kind.__name__} are those between the 8 features and "
        f"the code of n_components=3. Got {tuple(sizes)}, which begin or end with "
        f"these: set hidden_layer_sizes={own}."
    ]
    ended.partial_fit(X)  # has been told


def test_sizes_that_nobody_chose_are_not_doubted():
    wide = np.random.default_rng(0).normal(size=(20, 128))

    NeighborAutoencoder(32, max_iter=1, random_state=0).fit(wide)  # (128, 64, 32)


@pytest.mark.parametrize(
    "params",
    [
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (8,)},
        {"hidden_layer_sizes": (8, 8)},
        {"hidden_layer_sizes": (4, 8, 8, 4)},
        {"hidden_layer_sizes": (4, 8, 2, 8, 4)},
        {"hidden_layer_sizes": (8, 4, 6, 4, 8)},
        {"hidden_layer_sizes": (8, 4, 2, 4)},
        {"hidden_layer_sizes": (8, 8, 8)},
        {"hidden_layer_sizes": (4, 8, 4)},
        {"hidden_layer_sizes": (8, 4)},
        {"hidden_layer_sizes": (8, 2)},
        {"hidden_layer_sizes": (8, 8, 2)},
        {"hidden_layer_sizes": (9, 5, 4)},
        {"hidden_layer_sizes": (8, 4, 2), "decoder_hidden_layer_sizes": (4,)},
        {"hidden_layer_sizes": (8, 2, 8), "decoder_hidden_layer_sizes": (8, 2, 8)},
    ],
)
def test_other_sizes_are_the_encoders(params, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AutoencoderTransformer(max_iter=1, random_state=0, **params).fit(X)


@pytest.mark.parametrize(
    ("n_components", "hidden_layer_sizes", "counts", "total"),
    [
        (2, (128, 32, 8), [100480, 4128, 264, 18, 24, 288, 4224, 101136], 210_562),
        (32, (128, 64), [100480, 8256, 2080, 2112, 8320, 101136], 222_384),
    ],
)
def test_the_lectures_networks_have_keras_numbers_of_parameters(
    n_components, hidden_layer_sizes, counts, total
):
    images = np.random.default_rng(0).random((20, 784), dtype=np.float32)
    ae = AutoencoderTransformer(n_components, hidden_layer_sizes, max_iter=1)

    summary = ae.fit(images).summary()

    dense = [layer for layer in summary.layers if layer.kind == "Dense"]
    assert [layer.n_parameters for layer in dense] == counts
    widths = [*hidden_layer_sizes, n_components, *hidden_layer_sizes[::-1], 784]
    assert [layer.output_shape for layer in dense] == [(None, n) for n in widths]
    assert summary.n_parameters == summary.n_trainable == total
    assert f"Total params: {total:,}" in str(summary)


@pytest.mark.parametrize(
    ("encoder", "decoder", "widths"),
    [
        ((), None, [3, 8]),
        (7, None, [7, 3, 7, 8]),
        ((7, 5), None, [7, 5, 3, 5, 7, 8]),
        (np.array([7, 5]), [6], [7, 5, 3, 6, 8]),
        ((7, 5), (), [7, 5, 3, 8]),
        ((), 6, [3, 6, 8]),
        ((40,), (9, 20), [40, 3, 9, 20, 8]),
    ],
)
def test_layers_are_what_was_asked_for(encoder, decoder, widths, X):
    ae = make(
        hidden_layer_sizes=encoder, decoder_hidden_layer_sizes=decoder, max_iter=1
    ).fit(X)

    assert [w.shape for w in ae.coefs_] == list(pairwise([8, *widths]))
    assert [b.shape for b in ae.intercepts_] == [(n,) for n in widths]
    assert ae.n_layers_ == len(widths) + 1
    assert ae.transform(X).shape == (120, 3)


def test_a_variational_encoder_ends_in_mean_and_log_variance(X):
    ae = make(variational=True).fit(X)

    # Of the last, what gives the log-variances has no part in a prediction.
    assert [layer.dense.out_features for layer in ae.encoder_] == [8, 6]
    assert [w.shape for w in ae.coefs_] == [(8, 8), (8, 3), (3, 8), (8, 8)]
    assert ae.transform(X).shape == (120, 3)
    assert len(ae.get_feature_names_out()) == 3


ACTIVATE = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "logistic": expit,
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
}


@pytest.mark.parametrize("latent", ["identity", "tanh"])
@pytest.mark.parametrize(
    "activation", ["gelu", ["tanh", "relu", "softplus", "silu", "logistic"]]
)
def test_codes_and_reconstructions_are_those_of_a_pass_by_hand(activation, latent, X):
    ae = make(
        hidden_layer_sizes=(7, 6),
        decoder_hidden_layer_sizes=(5, 6, 7),
        activation=activation,
        latent_activation=latent,
    ).fit(X)

    hidden = [activation] * 5 if isinstance(activation, str) else activation
    passed = [X]
    for name, W, b in zip(
        [*hidden[:2], latent, *hidden[2:], "identity"],
        ae.coefs_,
        ae.intercepts_,
        strict=True,
    ):
        passed.append(ACTIVATE[name](passed[-1] @ W + b))
    assert_allclose(ae.transform(X), passed[3], atol=1e-12)
    assert_allclose(reconstruct(ae, X), passed[-1], atol=1e-12)


def test_a_list_of_dropout_is_for_the_encoder_then_the_decoder(X):
    ae = make(
        hidden_layer_sizes=(7, 6),
        decoder_hidden_layer_sizes=(5,),
        dropout=[0.1, 0.0, 0.25],
    ).fit(X)

    parts = [*ae.encoder_, *ae.decoder_]
    p = [part.dropout.p if hasattr(part, "dropout") else 0 for part in parts]
    assert p == [0.1, 0, 0, 0.25, 0]


OWNER = "AutoencoderTransformer"
WRONG = [
    (
        {"activation": ["tanh"]},
        f"The 'activation' parameter of {OWNER} must name one activation for each of "
        "the 2 hidden layers. Got 1: ['tanh'].",
    ),
    (
        {"dropout": [0.1, 0.1, 0.1]},
        f"The 'dropout' parameter of {OWNER} must be one number, or one for each of "
        "the 2 hidden layers. Got 3: [0.1, 0.1, 0.1].",
    ),
    (
        {"dropout": [0.1, 1.0]},
        f"The 'dropout' parameter of {OWNER} must be in the range [0.0, 1.0). Got 1.0 "
        "instead.",
    ),
    ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be > 0, got [4, 0]."),
    (
        {"hidden_layer_sizes": (1.5,)},
        "hidden_layer_sizes must be integers, got [1.5].",
    ),
    (
        {"decoder_hidden_layer_sizes": (4, 0)},
        "decoder_hidden_layer_sizes must be > 0, got [4, 0].",
    ),
    (
        {"decoder_hidden_layer_sizes": (1.5,)},
        "decoder_hidden_layer_sizes must be integers, got [1.5].",
    ),
    (
        {"variational": True, "latent_activation": "tanh"},
        f"{OWNER} with variational=True has a normally distributed code: "
        "latent_activation must be 'identity'. Got 'tanh'.",
    ),
    *(
        (
            {"noise": "masking", "noise_level": level},
            f"{OWNER} with noise='masking' takes noise_level as the probability of a "
            f"feature to be masked, in [0, 1). Got {level}.",
        )
        for level in (1, 2.5)
    ),
    *(
        (
            {"solver": "lbfgs", **params},
            f"solver='lbfgs' of {OWNER} needs a loss that depends on the weights "
            "alone: set noise=None and variational=False, or choose another solver.",
        )
        for params in ({"noise": "gaussian"}, {"variational": True})
    ),
    *(
        (
            {"solver": "lbfgs", **params},
            f"solver='lbfgs' of {OWNER} needs a loss that depends on the weights "
            "alone: set dropout=0 and normalization to None or 'layer', or choose "
            "another solver.",
        )
        for params in ({"dropout": 0.1}, {"normalization": "batch"})
    ),
    *(
        (
            {name: value},
            f"The '{name}' parameter of {OWNER} must be {allowed}. Got {value!r} "
            "instead.",
        )
        for name, value, allowed in [
            ("n_components", 0, "an int in the range [1, inf)"),
            ("noise_level", -0.1, "a float in the range [0.0, inf)"),
            ("sparsity_penalty", -1, "a float in the range [0.0, inf)"),
            ("kl_weight", -1, "a float in the range [0.0, inf)"),
            ("scoring", "r2", "a str among {'loss'}, a callable or None"),
        ]
    ),
]


@pytest.mark.parametrize(
    ("params", "message"), WRONG, ids=lambda value: str(value)[:60]
)
def test_wrong_parameters_raise(params, message, X):
    with pytest.raises(ValueError) as error:
        make(**params).fit(X)

    assert str(error.value) == message


def test_a_wrong_choice_names_those_that_there_are(X):
    for name in ("loss", "noise", "out_activation", "latent_activation"):
        with pytest.raises(
            ValueError, match=f"The '{name}' parameter of {OWNER} must be a str among"
        ):
            make(**{name: "mean"}).fit(X)


@pytest.mark.parametrize("n_components", [0.95, None], ids=str)
def test_habits_of_pca_are_answered(n_components, X):
    with pytest.raises(ValueError) as caught:
        make(n_components=n_components).fit(X)

    assert str(caught.value) == (
        f"The 'n_components' parameter of {OWNER} must be an int in the range [1, "
        f"inf). Got {n_components!r} instead. It is the width of the code. An "
        "autoencoder cannot choose it by a share of the variance, or keep all, as PCA "
        "does; PCA(n_components=0.95).fit(X).n_components_ is a width to start from."
    )


# --- how good it is -------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [2, 8])
def test_defaults_keep_more_of_digits_than_pca(n_components, digits):
    X, X_new = digits.X[:500], digits.X[500:800]

    ae = AutoencoderTransformer(n_components, random_state=0).fit(X)

    pca = PCA(n_components).fit(X)
    for rows in (X, X_new):
        of_pca = explained(rows, pca.inverse_transform(pca.transform(rows)))
        assert ae.score(rows) > of_pca + 0.05


def test_a_linear_network_is_as_good_as_pca(digits):
    ae = AutoencoderTransformer(
        16,
        hidden_layer_sizes=(),
        activation="identity",
        learning_rate_init=0.03,
        random_state=0,
    ).fit(digits.X)

    unexplained = 1 - explained_by_pca(16, digits.X.astype(float))
    assert unexplained * 0.9999 < 1 - ae.score(digits.X) < unexplained * 1.01


def test_a_linear_network_is_as_good_as_pca_on_mnist(mnist):
    X = mnist.X_test
    ae = AutoencoderTransformer(
        32, hidden_layer_sizes=(), activation="identity", max_iter=30, random_state=0
    ).fit(X)

    unexplained = 1 - explained_by_pca(32, X)
    assert unexplained * 0.999 < 1 - ae.score(X) < unexplained * 1.01


def test_no_code_is_constant(X):
    for seed in range(10):
        ae = AutoencoderTransformer(
            3, hidden_layer_sizes=(16, 8), max_iter=10, random_state=seed
        )

        codes = ae.fit_transform(X)

        assert (codes.std(axis=0) > 0.05).all()


def test_more_components_score_higher(X):
    params = {"max_iter": 40, "batch_size": 20, "learning_rate_init": 0.02}
    scores = [make(n_components=n, **params).fit(X).score(X) for n in (1, 2, 4, 7)]

    assert scores[0] > 0 and scores[-1] < 1
    assert (np.diff(scores) > 0.01).all()


# --- loss -----------------------------------------------------------------------------

ERRORS = {
    "squared_error": lambda a, X: (a - X) ** 2,
    "absolute_error": lambda a, X: (a - X).abs(),
    "binary_cross_entropy": lambda a, X: -X * a.log() - (1 - X) * (1 - a).log(),
}
LOSSES = {
    "squared": {"loss": "squared_error"},
    "squared, logistic": {"loss": "squared_error", "out_activation": "logistic"},
    "absolute": {"loss": "absolute_error"},
    "absolute, logistic": {"loss": "absolute_error", "out_activation": "logistic"},
    "cross entropy": {"loss": "binary_cross_entropy"},
    "cross entropy, logistic": {
        "loss": "binary_cross_entropy",
        "out_activation": "logistic",
    },
    "sparse": {"sparsity_penalty": 0.3},
    "alpha": {"alpha": 20.0},
    "all": {"loss": "absolute_error", "sparsity_penalty": 0.3, "alpha": 20.0},
}


def first_weights(widths, random_state=0):
    """Draw weights and biases as the Notes say, as tensors with a gradient."""
    rng = np.random.RandomState(random_state)
    weights, biases = [], []
    for n_in, n_out in pairwise(widths):
        bound = np.sqrt(6 / (n_in + n_out))
        weights.append(torch.tensor(rng.uniform(-bound, bound, (n_in, n_out))))
        biases.append(torch.tensor(rng.uniform(-bound, bound, n_out)))
    for tensor in weights + biases:
        tensor.requires_grad_()
    return weights, biases


def weights_now(ae):
    """Copy weights and biases, as tensors with a gradient."""
    return (
        [torch.tensor(w).requires_grad_() for w in arrays]
        for arrays in (ae.coefs_, ae.intercepts_)
    )


def loss_by_hand(weights, biases, X, weight, params):
    """Compute the loss of the Notes for 8-8-3-8-8 with tanh."""
    X = torch.tensor(X)
    s = torch.ones(len(X)) if weight is None else torch.tensor(weight)
    hidden = torch.tanh(X @ weights[0] + biases[0])
    code = hidden @ weights[1] + biases[1]
    hidden = torch.tanh(code @ weights[2] + biases[2])
    output = hidden @ weights[3] + biases[3]
    loss = params.get("loss", "squared_error")
    if "out_activation" in params or loss == "binary_cross_entropy":
        output = torch.sigmoid(output)
    per_row = ERRORS[loss](output, X).mean(dim=1)
    per_row = per_row + params.get("sparsity_penalty", 0) * code.abs().mean(dim=1)
    penalty = params.get("alpha", 0) / 2 * sum(w.square().sum() for w in weights)
    return ((s * per_row).sum() + penalty) / s.sum()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("params", LOSSES.values(), ids=LOSSES)
def test_a_step_goes_down_the_loss_of_the_notes(params, weighted, unit, weight):
    s = weight if weighted else None
    ae = make(activation="tanh", **params, **ONE_STEP, learning_rate_init=0.7)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1")
        ae.partial_fit(unit, sample_weight=s)

    weights, biases = first_weights([8, 8, 3, 8, 8])
    loss = loss_by_hand(weights, biases, unit, s, params)
    loss.backward()
    assert ae.loss_ == pytest.approx(loss.item(), rel=1e-10)
    for ours, start in zip(ae.coefs_ + ae.intercepts_, weights + biases, strict=True):
        expected = (start - 0.7 * start.grad).detach().numpy()
        assert_allclose(ours, expected, atol=1e-12)


def test_a_long_gradient_is_cut_to_length_1_by_default(X):
    params = ONE_STEP | {"batch_size": 120, "learning_rate_init": 0.7}
    del params["clip_grad_norm"]

    ae = make(activation="tanh", **params).partial_fit(X * 100)

    weights, biases = first_weights([8, 8, 3, 8, 8])
    loss_by_hand(weights, biases, X * 100, None, {}).backward()
    length = sum(w.grad.square().sum() for w in weights + biases).sqrt()
    assert length > 100
    for ours, start in zip(ae.coefs_ + ae.intercepts_, weights + biases, strict=True):
        expected = (start - 0.7 * start.grad / length).detach().numpy()
        assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["squared", "cross entropy", "alpha"])
def test_lbfgs_ends_where_the_loss_of_the_notes_is_flat(name, unit):
    params = LOSSES[name]

    ae = make(activation="tanh", **EXACT, **params).fit(unit)

    weights, biases = weights_now(ae)
    loss = loss_by_hand(weights, biases, unit, None, params)
    loss.backward()
    assert ae.loss_ == pytest.approx(loss.item(), rel=1e-10)
    assert max(w.grad.abs().max() for w in weights + biases) < 1.001e-3
    assert not hasattr(ae, "loss_curve_")


def test_lbfgs_finds_pcas_error(X):
    ae = make(hidden_layer_sizes=(), **EXACT | {"tol": 1e-6}).fit(X)

    assert 1 - ae.score(X) == pytest.approx(1 - explained_by_pca(3, X), rel=1e-4)


def test_lbfgs_has_no_partial_fit():
    ae = make(solver="lbfgs")

    assert not hasattr(ae, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        ae.partial_fit(np.zeros((5, 8)))
    assert str(error.value.__cause__) == (
        "partial_fit is only available for stochastic optimizers. lbfgs is not "
        "stochastic."
    )


def test_the_absolute_error_is_for_medians(X):
    # Nothing but the biases of the output is left to be learnt.
    skewed = np.exp(X)
    ae = make(
        hidden_layer_sizes=(), loss="absolute_error", learning_rate_init=0.05
    ).set_params(max_iter=200, alpha=1e6)

    back = reconstruct(ae.fit(skewed), skewed)

    assert_allclose(back[0], np.median(skewed, axis=0), atol=0.05)


# --- data between 0 and 1 -------------------------------------------------------------

UNIT_RANGE = [
    {"out_activation": "logistic"},
    {"loss": "binary_cross_entropy"},
    {"out_activation": "logistic", "loss": "binary_cross_entropy"},
]


@pytest.mark.parametrize("params", UNIT_RANGE)
def test_a_logistic_output_stays_between_0_and_1(params, unit):
    ae = make(**params, max_iter=30, learning_rate_init=0.05).fit(unit)

    back = reconstruct(ae, unit)

    assert unit.min() == 0 and unit.max() == 1
    assert back.min() >= 0 and back.max() <= 1
    assert ae.out_activation_ == "logistic"
    assert ae.score(unit) > 0.3
    assert_allclose(ae.inverse_transform(np.full((1, 3), 1e6)) % 1, 0)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "X_val"])
@pytest.mark.parametrize("container", [np.asarray, csr_array, pd.DataFrame])
@pytest.mark.parametrize("params", UNIT_RANGE)
def test_data_outside_0_to_1_raise_for_a_logistic_output(
    params, container, method, unit
):
    ae = make(**params).fit(unit)
    codes = ae.transform(unit)
    wrong = unit * 3
    wrong[5, 2] = -0.25
    wrong = container(wrong)
    with pytest.raises(ValueError) as error:
        if method == "X_val":
            ae.fit(container(unit), X_val=wrong)
        else:
            getattr(ae, method)(wrong)

    assert str(error.value) == (
        "AutoencoderTransformer with "
        f"out_activation={params.get('out_activation', 'identity')!r} and "
        f"loss={params.get('loss', 'squared_error')!r} reconstructs values between 0 "
        "and 1, but X ranges from -0.25 to 3. Scale X with MinMaxScaler, or use "
        "out_activation='identity' with loss='squared_error'."
    )
    assert_array_equal(ae.transform(unit), codes)


def test_minmaxscaler_is_the_remedy_that_the_message_says(X):
    for params in UNIT_RANGE:
        ae = make(**params, max_iter=30, learning_rate_init=0.05)
        pipe = make_pipeline(MinMaxScaler(), ae)

        assert cross_val_score(pipe, X, cv=2, error_score="raise").min() > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("low", "high"), [(0, 1.7), (1950, 2020), (9990, 10040)])
def test_rounding_out_of_0_to_1_is_forgiven(low, high, dtype):
    params = UNIT_RANGE[0]
    X = np.random.default_rng(0).uniform(low, high, size=(30, 400)).astype(dtype)

    scaled = MinMaxScaler().fit_transform(X)

    assert scaled.max() > 1  # the larger the numbers, the more
    make(**params, max_iter=1).fit(scaled)
    with pytest.raises(ValueError, match="values between 0 and 1, but X ranges from"):
        make(**params).fit(scaled * dtype(1.01))


def test_the_message_tells_how_far_out_of_range(unit):
    for factor, shown in ((1.0003, "1.0003"), (255, "255"), (1e6, "1000000")):
        with pytest.raises(ValueError, match=f"X ranges from 0 to {shown}\\. Scale X"):
            make(out_activation="logistic").fit(unit * factor)


def test_an_identity_output_has_any_range(X):
    ae = make().fit(X)

    assert ae.out_activation_ == "identity"
    assert reconstruct(ae, X).min() < 0


# --- noise, sparse and variational codes ----------------------------------------------


@every_variant
def test_codes_are_the_same_each_time(params, unit):
    ae = make(**params).fit(unit)

    codes = ae.transform(unit)

    assert codes.shape == (120, 3) and np.isfinite(codes).all()
    assert codes.flags.c_contiguous
    assert_array_equal(ae.transform(unit), codes)
    assert_allclose(ae.transform(unit[7:9]), codes[7:9], atol=1e-12)
    assert ae.score(unit) == ae.score(unit)


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_noise_is_trained_against(noise, X):
    """With all components there are, only the noise keeps from copying the input."""
    rng = np.random.default_rng(2)
    if noise == "gaussian":
        noisy = X + 0.7 * rng.normal(size=X.shape)
    else:
        noisy = X * (rng.random(X.shape) > 0.3)
    params = {
        "n_components": 8,
        "hidden_layer_sizes": (32,),
        "batch_size": 20,
        "max_iter": 40,
    }
    plain = make(**params).fit(X)
    denoising = make(
        noise=noise, noise_level={"gaussian": 0.7, "masking": 0.3}[noise], **params
    ).fit(X)

    assert plain.score(X) > denoising.score(X) > 0.8
    left = [explained(X, reconstruct(ae, noisy)) for ae in (plain, denoising)]
    assert left[1] > left[0] + 0.05


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_noise_of_level_zero_is_none(noise, X):
    params = {"shuffle": False}
    a = make(noise=noise, noise_level=0, **params).fit(X)
    b = make(**params).fit(X)

    assert_same_weights(a, b, atol=1e-12)
    c = make(noise=noise, **params).fit(X)
    assert np.abs(c.transform(X) - b.transform(X)).max() > 1e-3


def test_gaussian_noise_may_be_stronger_than_1(X):
    make(noise="gaussian", noise_level=3).fit(X)


def test_a_sparsity_penalty_makes_codes_smaller(X):
    params = {"max_iter": 60, "learning_rate_init": 0.03}
    sizes = [
        np.abs(make(sparsity_penalty=penalty, **params).fit_transform(X)).mean()
        for penalty in (0, 0.1, 1)
    ]

    assert sizes[1] < 0.5 * sizes[0]
    assert sizes[2] < 0.2 * sizes[0]


def test_the_validation_loss_is_without_noise_and_penalties(unit):
    plain, other = (
        make(shuffle=False, **params).fit(unit, X_val=unit)
        for params in (
            {},
            {"sparsity_penalty": 1, "noise": "gaussian", "alpha": 1.0},
        )
    )

    for ae in (plain, other):
        mse = np.mean((reconstruct(ae, unit) - unit) ** 2)
        assert ae.validation_loss_curve_[-1] == pytest.approx(mse)
    assert other.loss_ > 2 * other.validation_loss_curve_[-1]


def test_variational_codes_are_the_means(X):
    ae = make(variational=True, max_iter=20).fit(X)

    with torch.inference_mode():
        mean = ae.encoder_(torch.tensor(X))[:, :3].numpy()

    assert_allclose(ae.transform(X), mean, atol=1e-12)
    assert_allclose(ae.score_samples(X), -((reconstruct(ae, X) - X) ** 2).mean(axis=1))


def test_the_kl_weight_counts_the_divergence_over_the_features(X):
    # The draws are the same, so that the divergence is all that is left.
    params = ONE_STEP | {"batch_size": 120, "learning_rate_init": 1e-300}
    fitted = [
        make(variational=True, kl_weight=weight, **params).partial_fit(X)
        for weight in (0.0, 1.0, 5.0)
    ]

    mean, variance = moments(fitted[0], X)
    divergence = (mean**2 + variance - 1 - np.log(variance)).sum(axis=1) / 2
    expected = divergence.mean() / 8
    base, one, five = (ae.loss_ for ae in fitted)
    assert one - base == pytest.approx(expected, rel=1e-9)
    assert five - base == pytest.approx(5 * expected, rel=1e-9)
    default = make(variational=True, **params).partial_fit(X)
    assert default.loss_ == one


def moments(ae, X):
    """Return means and variances of the code of each row."""
    with torch.inference_mode():
        mean, log_variance = ae.encoder_(torch.tensor(X)).chunk(2, dim=1)
    return mean.numpy(), log_variance.exp().numpy()


def test_a_large_kl_weight_makes_each_code_standard_normal(X):
    params = {"variational": True, "max_iter": 40, "batch_size": 20}
    loose = make(kl_weight=0, **params).fit(X)
    tight = make(kl_weight=1000, **params).fit(X)

    mean, variance = moments(tight, X)
    assert np.abs(mean).max() < 0.5
    assert_allclose(variance, 1, atol=0.4)
    mean, variance = moments(loose, X)
    assert mean.std() > 1
    assert variance.mean() < 0.3


def test_variational_codes_of_all_rows_together_are_standard_normal(X):
    params = {"variational": True, "batch_size": 20, "max_iter": 50}
    ae = make(kl_weight=0.5, hidden_layer_sizes=(32,), **params).fit(X)

    mean, variance = moments(ae, X)
    assert_allclose(mean.mean(axis=0), 0, atol=0.25)
    assert_allclose(mean.var(axis=0) + variance.mean(axis=0), 1, atol=0.25)
    # So it makes rows like those of X.
    made = ae.inverse_transform(np.random.default_rng(0).normal(size=(500, 3)))
    assert_allclose(np.cov(made.T), np.cov(X.T), atol=0.5)
    assert ae.score(X) > 0.4


# --- validation and early stopping ----------------------------------------------------


def test_early_stopping_goes_back_to_the_best_weights(X, weight):
    X_val, weight_val = X[:40], weight[:40]
    ae = make(
        early_stopping=True, max_iter=400, n_iter_no_change=3, learning_rate_init=0.05
    ).fit(X[40:], X_val=X_val, sample_weight_val=weight_val)

    best = max(ae.validation_scores_)
    assert ae.n_iter_ == len(ae.validation_scores_) < 400
    assert ae.best_validation_score_ == best > ae.validation_scores_[-1]
    assert ae.score(X_val, sample_weight=weight_val) == pytest.approx(best)
    assert ae.best_loss_ is None


def test_early_stopping_sets_rows_aside(X):
    ae = make(early_stopping=True, validation_fraction=0.25).fit(X)

    assert ae.t_ == 5 * 90
    assert len(ae.validation_scores_) == len(ae.validation_loss_curve_) == 5
    with pytest.raises(ValueError, match="The validation set is too small"):
        make(early_stopping=True).fit(X[:10])


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("loss", ERRORS)
def test_a_validation_set_of_ones_own_is_scored_and_changes_nothing(
    loss, container, unit, weight
):
    X, X_val, weight_val = unit[40:], unit[:40], weight[:40]

    ae = make(loss=loss).fit(X, X_val=container(X_val), sample_weight_val=weight_val)

    assert_same_weights(ae, make(loss=loss).fit(X), rtol=0)
    back = reconstruct(ae, X_val)
    errors = ERRORS[loss](torch.tensor(back), torch.tensor(X_val)).mean(dim=1)
    assert ae.validation_loss_curve_[-1] == pytest.approx(
        np.average(errors, weights=weight_val)
    )
    score = explained(X_val, back, weight_val)
    assert ae.validation_scores_[-1] == pytest.approx(score)
    assert len(ae.validation_scores_) == 5
    assert ae.t_ == 5 * 80


def test_scoring_is_what_validation_is_scored_by(X, weight):
    def negated_largest_error(estimator, X, y, sample_weight=None):
        assert y is None
        assert_array_equal(sample_weight, weight[:40])
        return -np.abs(reconstruct(estimator, X) - X).max()

    data = {"X_val": X[:40], "sample_weight_val": weight[:40]}
    by_loss = make(scoring="loss").fit(X[40:], **data)
    by_callable = make(scoring=negated_largest_error).fit(X[40:], **data)

    assert_allclose(
        by_loss.validation_scores_, np.negative(by_loss.validation_loss_curve_)
    )
    assert by_callable.validation_scores_[-1] == pytest.approx(
        negated_largest_error(by_callable, X[:40], None, weight[:40])
    )


def test_wrong_validation_sets_raise(X):
    with pytest.raises(ValueError) as error:
        make().fit(X, sample_weight_val=np.ones(120))
    assert str(error.value) == (
        "AutoencoderTransformer.fit got sample_weight_val, but no X_val."
    )
    with pytest.raises(ValueError, match=r"X has 4 features, but .* expecting 8"):
        make().fit(X, X_val=X[:, :4])


# --- going on with the training -------------------------------------------------------


def test_partial_fit_is_an_epoch(X):
    params = ONE_STEP | {"batch_size": 40}
    whole = make(**params, max_iter=4)
    with pytest.warns(ConvergenceWarning):
        whole.fit(X)

    parts = make(**params)
    for _ in range(4):
        parts.partial_fit(X)

    assert_same_weights(parts, whole, rtol=1e-12)
    assert_allclose(parts.loss_curve_, whole.loss_curve_)
    assert parts.n_iter_ == 1 and parts.t_ == whole.t_ == 480


def test_partial_fit_keeps_adams_state(X):
    params = {"learning_rate": "constant", "shuffle": False, "batch_size": 40}
    whole = make(**params, max_iter=4)
    with pytest.warns(ConvergenceWarning):
        whole.fit(X)

    parts = make(**params)
    for _ in range(4):
        parts.partial_fit(X)

    assert_same_weights(parts, whole, rtol=1e-10)


@pytest.mark.parametrize(
    "variant", sorted(VARIANTS.keys() - {"early stopping", "lbfgs"})
)
def test_partial_fit_goes_on_from_fit(variant, unit):
    params = VARIANTS[variant]
    ae = make(**params).fit(unit)
    loss = ae.loss_

    for _ in range(5):
        ae.partial_fit(unit[:60]).partial_fit(csr_array(unit[60:]))

    assert len(ae.loss_curve_) == 15
    assert ae.t_ == 10 * 120
    assert np.mean(ae.loss_curve_[-2:]) < loss


def test_partial_fit_refuses_early_stopping(X):
    with pytest.raises(ValueError, match="not support early_stopping=True"):
        make(early_stopping=True).partial_fit(X)


CHANGES = {
    "loss": {"loss": "absolute_error"},
    "output": {"out_activation": "logistic"},
    "cross entropy": {"loss": "binary_cross_entropy"},
    "penalty": {"sparsity_penalty": 0.5},
}


@pytest.mark.parametrize("params", CHANGES.values(), ids=CHANGES)
def test_partial_fit_goes_by_the_parameters_as_they_are_now(params, unit):
    ae = make(activation="tanh", **ONE_STEP | {"batch_size": 120})
    ae.partial_fit(unit)
    weights, biases = weights_now(ae)

    ae.set_params(**params).partial_fit(unit)

    loss = loss_by_hand(weights, biases, unit, None, params)
    loss.backward()
    assert ae.loss_ == pytest.approx(loss.item(), rel=1e-10)
    for ours, start in zip(ae.coefs_ + ae.intercepts_, weights + biases, strict=True):
        expected = (start - 0.01 * start.grad).detach().numpy()
        assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "params",
    [{"n_components": 2}, {"hidden_layer_sizes": (8, 4)}, {"variational": True}],
)
def test_going_on_with_other_layers_raises(params, method, X):
    ae = make(warm_start=True).partial_fit(X)
    codes = ae.transform(X)
    ae.set_params(**params)

    with pytest.raises(ValueError) as error:
        getattr(ae, method)(X)

    assert str(error.value) == (
        "AutoencoderTransformer cannot go on training: the layers that its parameters "
        "describe are not those of the network it has. Restore the parameters, or fit "
        "a new estimator."
    )
    assert_array_equal(ae.transform(X), codes)


def test_warm_start_goes_on(X):
    ae = make(warm_start=True).fit(X)
    loss = ae.loss_

    ae.fit(X)

    assert len(ae.loss_curve_) == 10 and ae.n_iter_ == 5
    assert ae.loss_ < loss


def test_fit_starts_afresh(X):
    ae = make().fit(X[:, :5])

    assert_same_weights(ae.fit(X), make().fit(X), rtol=0)
    assert len(ae.loss_curve_) == 5 and ae.n_features_in_ == 8


# --- sample weights -------------------------------------------------------------------


@every_variant
def test_a_row_of_zero_weight_is_as_if_it_were_not_there(params, unit, weight):
    weight = np.where(np.arange(120) % 4 == 1, 0, weight)
    is_there = weight > 0
    params = params | {"batch_size": 32}

    a = make(**params).fit(unit, sample_weight=weight)
    b = make(**params).fit(unit[is_there], sample_weight=weight[is_there])

    assert_same_weights(a, b, rtol=0, atol=1e-10)
    assert a.score(unit, sample_weight=weight) == pytest.approx(
        b.score(unit[is_there], sample_weight=weight[is_there])
    )
    assert a.t_ == b.t_


REPEATED = {
    "sparse": {"sparsity_penalty": 0.1},
    "layer, logistic": VARIANTS["layer, logistic"],
    "lbfgs": VARIANTS["lbfgs"],
}


@pytest.mark.parametrize("params", REPEATED.values(), ids=REPEATED)
def test_weights_are_repetitions(params, unit):
    X, weight = unit[:50], np.arange(50) % 3

    a = make(alpha=0.1, **params).fit(X, sample_weight=weight)
    repeated = np.repeat(X, weight, axis=0)
    b = make(alpha=0.1, **params).fit(repeated)

    tolerance = 1e-3 if "solver" in params else 1e-9
    assert_same_weights(a, b, rtol=0, atol=tolerance)
    assert a.loss_ == pytest.approx(b.loss_)
    assert a.score(X, sample_weight=weight) == pytest.approx(b.score(repeated))


def test_weights_count_relative_to_each_other(X, weight):
    a = make().fit(X, sample_weight=weight)
    b = make().fit(X, sample_weight=weight * 7)
    c = make().fit(X)

    assert_same_weights(a, b, atol=1e-10)
    assert np.abs(a.transform(X) - c.transform(X)).max() > 1e-4
    assert_same_weights(make().fit(X, sample_weight=np.full(120, 2)), c, atol=1e-10)
    assert_same_weights(make().fit(X, sample_weight=3.0), c, atol=1e-10)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(120), "Negative values in data passed to `sample_weight`"),
        (np.zeros(120), "Sample weights must contain at least one non-zero number"),
        (np.ones(119), r"sample_weight.shape == \(119,\), expected \(120,\)"),
        (np.full(120, np.nan), "sample_weight contains NaN"),
    ],
)
def test_wrong_weights_raise(weight, message, X):
    with pytest.raises(ValueError, match=message):
        make().fit(X, sample_weight=weight)
    ae = make().fit(X)
    with pytest.raises(ValueError, match=message):
        ae.score(X, sample_weight=weight)


# --- sparse matrices ------------------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_kind_of_sparse_matrix_is_as_a_dense_one(container, unit, weight):
    S = container(unit)

    a = make(batch_size=32).fit(S, sample_weight=weight)
    b = make(batch_size=32).fit(unit, sample_weight=weight)

    assert_same_weights(a, b, rtol=1e-10)
    assert_allclose(b.transform(S), b.transform(unit))
    assert_allclose(b.score_samples(S), b.score_samples(unit))
    assert b.score(S) == pytest.approx(b.score(unit))
    assert b.score(S, sample_weight=weight) == pytest.approx(
        b.score(unit, sample_weight=weight)
    )
    assert_array_equal(S.toarray(), unit)


@every_variant
def test_every_variant_takes_sparse_matrices(params, unit):
    a = make(**params).fit(csr_array(unit))
    b = make(**params).fit(unit)

    assert_same_weights(a, b, rtol=1e-8, atol=1e-10)
    assert_allclose(a.fit_transform(csr_array(unit)), a.transform(unit), atol=1e-10)


def test_float32_stays_float32_in_sparse_matrices_too(unit):
    ae = make().fit(csr_array(unit.astype(np.float32)))

    assert ae.coefs_[0].dtype == np.float32
    assert ae.transform(csr_array(unit)).dtype == np.float32


# --- score ----------------------------------------------------------------------------


@every_variant
def test_score_is_the_share_of_variance_explained(params, unit, weight):
    ae = make(**params).fit(unit)

    back = reconstruct(ae, unit)

    assert isinstance(ae.score(unit), float)
    assert ae.score(unit) == pytest.approx(explained(unit, back))
    assert ae.score(unit, sample_weight=weight) == pytest.approx(
        explained(unit, back, weight)
    )
    assert ae.score(unit, np.arange(120)) == ae.score(unit)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_score_is_independent_of_scale(factor, dtype, X):
    X = X.astype(dtype)
    ae = make(max_iter=30).fit(X)
    score = ae.score(X)

    # The same network for X * factor: `coefs_` are the memory of `net_`.
    ae.coefs_[0][:] /= factor
    ae.coefs_[-1][:] *= factor
    ae.intercepts_[-1][:] *= factor

    assert 0.2 < score < 1
    assert ae.score(X * dtype(factor)) == pytest.approx(score, rel=1e-5)


def test_the_mean_of_X_scores_zero(X):
    ae = make().fit(X + 5)
    ae.coefs_[-1][:] = 0
    ae.intercepts_[-1][:] = (X + 5).mean(axis=0)

    assert ae.score(X + 5) == pytest.approx(0, abs=1e-12)
    ae.intercepts_[-1][:] = 0
    assert ae.score(X + 5) < -10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [30, 5000])
@pytest.mark.parametrize("value", [0.1, 7.7, 0.0])
def test_where_X_is_constant_the_score_is_0_or_1(value, n_rows, dtype):
    # 0.1 is not the mean of many times 0.1, to the last bit.
    X = np.full((n_rows, 3), value, dtype=dtype)
    ae = make(hidden_layer_sizes=(4,), max_iter=2).fit(X, X_val=X)
    assert ae.score(X) == 0.0
    assert ae.score(csr_array(X)) == 0.0
    assert ae.score(X, sample_weight=np.linspace(0, 0.7, n_rows)) == 0.0
    assert ae.score(X[:1]) == 0.0
    assert ae.validation_scores_ == [0.0] * 2

    ae.coefs_[-1][:] = 0
    ae.intercepts_[-1][:] = X[0]

    assert ae.score(X) == 1.0


@every_variant
def test_score_samples_is_the_negated_mean_squared_error(params, unit):
    ae = make(**params).fit(unit)

    scores = ae.score_samples(unit)

    assert scores.shape == (120,) and scores.dtype == np.float64
    assert (scores <= 0).all()
    expected = -((reconstruct(ae, unit) - unit) ** 2).mean(axis=1)
    assert_allclose(scores, expected, atol=1e-14)
    assert ae.score_samples(unit[3:4]) == pytest.approx(scores[3])


def test_an_outlier_has_the_lowest_score(X):
    # Each feature is as in some row, the rows are as none.
    outliers = np.random.default_rng(5).permuted(X, axis=0)[:5] * 2
    ae = make(max_iter=60, batch_size=20, learning_rate_init=0.02).fit(X)

    scores = ae.score_samples(np.vstack([X, outliers]))

    assert scores[-5:].max() < scores[:-5].min()


# --- transforming ---------------------------------------------------------------------


@every_variant
def test_fit_transform_is_fit_and_transform(params, unit):
    codes = make(**params).fit_transform(unit)

    assert_array_equal(codes, make(**params).fit(unit).transform(unit))
    assert_array_equal(codes, make(**params).fit_transform(unit, np.arange(120)))


def test_many_rows_pass_in_blocks(unit):
    X = np.tile(unit, (150, 1))  # 18000 rows are two blocks
    ae = make().fit(unit)
    codes = ae.transform(unit)

    for rows in (X, csr_array(X)):
        assert_allclose(ae.transform(rows), np.tile(codes, (150, 1)), atol=1e-12)
        scores = np.tile(ae.score_samples(unit), 150)
        assert_allclose(ae.score_samples(rows), scores, atol=1e-12)
        assert ae.score(rows) == pytest.approx(ae.score(unit))
    back = ae.inverse_transform(np.tile(codes, (150, 1)))
    assert_allclose(back, np.tile(reconstruct(ae, unit), (150, 1)), atol=1e-12)


def test_inverse_transform_takes_codes_of_many_kinds(X):
    ae = make().fit(X)
    codes = ae.transform(X)

    back = ae.inverse_transform(codes)

    assert back.shape == X.shape and back.flags.c_contiguous
    assert_allclose(ae.inverse_transform(codes[:1]), back[:1])
    assert ae.inverse_transform(codes[:1]).shape == (1, 8)
    names = ae.get_feature_names_out()
    for same in (
        pd.DataFrame(codes, columns=names),
        pl.DataFrame(codes, schema=list(names)),
        codes.tolist(),
        torch.tensor(codes),
        np.asfortranarray(codes),
    ):
        assert_array_equal(ae.inverse_transform(same), back)
    assert_allclose(ae.inverse_transform(codes.astype("f4")), back, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_inverse_transform_names_both_widths(width, X):
    ae = make().fit(X)

    with pytest.raises(ValueError) as error:
        ae.inverse_transform(np.zeros((5, width)))

    assert str(error.value) == (
        f"X has {width} components, but AutoencoderTransformer was fitted with "
        "n_components=3."
    )


@pytest.mark.parametrize(
    ("codes", "kind", "message"),
    [
        (np.zeros(3), ValueError, "Expected 2D array, got 1D array instead"),
        (np.full((2, 3), np.nan), ValueError, "Input contains NaN"),
        (np.zeros((0, 3)), ValueError, r"Found array with 0 sample\(s\)"),
        (csr_array((2, 3)), TypeError, "Sparse data was passed"),
    ],
)
def test_inverse_transform_refuses_what_is_no_code(codes, kind, message, X):
    with pytest.raises(kind, match=message):
        make().fit(X).inverse_transform(codes)


def test_transform_names_both_numbers_of_features(X):
    ae = make().fit(X)
    message = (
        "X has 7 features, but AutoencoderTransformer is expecting 8 features as input."
    )

    for method in (ae.transform, ae.score, ae.score_samples):
        with pytest.raises(ValueError, match=re.escape(message)):
            method(X[:, :7])


@pytest.mark.parametrize(
    "use",
    [
        lambda ae, X: ae.transform(X),
        lambda ae, X: ae.inverse_transform(X),
        lambda ae, X: ae.score(X),
        lambda ae, X: ae.score_samples(X),
        lambda ae, X: ae.get_feature_names_out(),
        lambda ae, X: ae.summary(),
    ],
)
def test_before_fit_everything_raises(use, X):
    with pytest.raises(NotFittedError, match="AutoencoderTransformer"):
        use(make(), X)


@pytest.mark.parametrize("name", ["encoder_", "decoder_", "coefs_", "intercepts_"])
def test_before_fit_there_are_no_weights(name):
    assert not hasattr(make(), name)


def test_codes_are_named_after_the_class(X):
    ae = make().fit(X)

    names = [f"autoencodertransformer{i}" for i in range(3)]
    assert_array_equal(ae.get_feature_names_out(), np.array(names, dtype=object))
    assert not hasattr(ae, "feature_names_in_")


@pytest.mark.parametrize("library", ["pandas", "polars", "default"])
def test_set_output_gives_frames(library, X):
    index = np.arange(120)[::-1] * 3
    frame = pd.DataFrame(X, columns=list("abcdefgh"), index=index)
    ae = make().set_output(transform=library)

    codes = ae.fit_transform(frame)

    expected = make().fit_transform(X)
    assert_array_equal(ae.feature_names_in_, list("abcdefgh"))
    assert_array_equal(np.asarray(codes), expected)
    assert_array_equal(ae.transform(frame), expected)
    assert isinstance(ae.inverse_transform(codes), np.ndarray)
    if library == "pandas":
        assert isinstance(codes, pd.DataFrame)
        assert_array_equal(codes.index, index)
    if library == "polars":
        assert isinstance(codes, pl.DataFrame)
    if library != "default":
        assert list(codes.columns) == list(ae.get_feature_names_out())


@since_scikit_learn_sees_polars
def test_a_polars_frame_is_taken(X):
    frame = pl.DataFrame(X, schema=list("abcdefgh"))

    ae = make().fit(frame)

    assert_array_equal(ae.transform(frame), make().fit(X).transform(X))
    with pytest.raises(ValueError, match="feature names"):
        ae.transform(frame.select(list("bacdefgh")))


# --- other tools of scikit-learn ------------------------------------------------------


def test_y_of_any_kind_is_ignored(X):
    codes = make().fit_transform(X)

    for y in (np.arange(120), ["a"] * 120, X, np.zeros(3), "nonsense"):
        assert_array_equal(make().fit(X, y).transform(X), codes)
        make().partial_fit(X, y)


def test_a_pipeline_of_scaler_autoencoder_and_classifier_is_searched(digits):
    X, y = digits.X[:300], digits.y[:300]
    pipe = make_pipeline(
        StandardScaler(),
        AutoencoderTransformer(
            hidden_layer_sizes=(32,), max_iter=15, batch_size=32, random_state=0
        ),
        LogisticRegression(max_iter=500),
    )

    search = GridSearchCV(
        pipe,
        {"autoencodertransformer__n_components": [1, 16]},
        cv=2,
        error_score="raise",
    ).fit(X, y)

    assert search.best_params_ == {"autoencodertransformer__n_components": 16}
    assert search.best_score_ > 0.75
    codes = search.best_estimator_[:-1].transform(X)
    assert codes.shape == (300, 16)
    assert list(search.best_estimator_[:-1].get_feature_names_out())[15] == (
        "autoencodertransformer15"
    )


def test_a_search_by_its_own_score_needs_no_y(X):
    search = GridSearchCV(
        make(max_iter=30, learning_rate_init=0.02), {"n_components": [1, 5]}, cv=2
    ).fit(X)

    assert search.best_params_ == {"n_components": 5}
    test_score = search.cv_results_["mean_test_score"]
    assert test_score[0] < test_score[1] < 1


@pytest.mark.parametrize(
    "library", ["pandas", pytest.param("polars", marks=since_scikit_learn_sees_polars)]
)
def test_columntransformer_and_featureunion_name_the_codes(library, X):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    names = [f"ae__autoencodertransformer{i}" for i in range(3)]
    columns = ColumnTransformer([("ae", make(), list("abcd"))])
    union = FeatureUnion([("ae", make()), ("pca", PCA(2))])

    for combined, reference in [
        (columns, make().fit_transform(X[:, :4])),
        (union, make().fit_transform(X)),
    ]:
        combined.set_output(transform=library)
        codes = combined.fit_transform(frame)
        assert list(combined.get_feature_names_out())[:3] == names
        assert list(codes.columns)[:3] == names
        assert_array_equal(np.asarray(codes)[:, :3], reference)


def test_tsne_takes_codes_as_they_are(X):
    for rows in (X[:60], X[:60].astype(np.float32)):
        codes = make().fit_transform(rows)

        assert codes.flags.c_contiguous and codes.dtype == rows.dtype
        embedded = TSNE(perplexity=10, max_iter=250, random_state=0).fit_transform(
            codes
        )
        assert embedded.shape == (60, 2) and np.isfinite(embedded).all()


# --- modules and arrays ---------------------------------------------------------------


@every_variant
def test_encoder_and_decoder_are_modules_that_do_what_transform_does(params, unit):
    ae = make(**params).fit(unit)
    encoder, decoder = ae.encoder_, ae.decoder_

    # At once after the fit: nothing else has set them to prediction before.
    with torch.inference_mode():
        codes = encoder(torch.tensor(unit))[:, :3]
        back = decoder(codes)

    assert isinstance(encoder, nn.Module) and isinstance(decoder, nn.Module)
    if params.get("loss") == "binary_cross_entropy":
        back = torch.sigmoid(back)
    assert_allclose(codes.numpy(), ae.transform(unit), atol=1e-12)
    assert_allclose(back.numpy(), ae.inverse_transform(codes.numpy()), atol=1e-12)


@pytest.mark.parametrize("layer", ["encoder_", "decoder_"])
def test_modules_can_be_used_after_training_failed(layer, X):
    ae = make(dropout=0.5, normalization="batch").partial_fit(X)
    rows = torch.tensor(X) if layer == "encoder_" else torch.zeros(5, 3).double()
    before = getattr(ae, layer)(rows)

    with pytest.raises(ValueError, match="diverged"):
        ae.partial_fit(X * 1e200)

    assert torch.equal(getattr(ae, layer)(rows), before)


@pytest.mark.parametrize("layer", ["encoder_", "decoder_"])
def test_modules_can_be_used_after_more_training(layer, X):
    ae = make(dropout=0.5, normalization="batch").fit(X)
    ae.transform(X)

    module = getattr(ae.partial_fit(X), layer)

    rows = torch.tensor(X) if layer == "encoder_" else torch.zeros(5, 3).double()
    statistics = {k: v.clone() for k, v in module.state_dict().items()}
    assert torch.equal(module(rows), module(rows))
    assert all(torch.equal(v, statistics[k]) for k, v in module.state_dict().items())


@pytest.mark.parametrize(
    ("normalization", "kind", "n_parameters"),
    [("batch", nn.BatchNorm1d, 4 * 8), ("layer", nn.LayerNorm, 2 * 8)],
)
def test_hidden_layers_are_normalized_and_the_code_is_not(
    normalization, kind, n_parameters, X
):
    ae = make(normalization=normalization, max_iter=40, batch_size=20).fit(X)

    kinds = [
        [type(part) for part in [*block]] for block in [*ae.encoder_, *ae.decoder_]
    ]
    assert [len(parts) for parts in kinds] == [3, 1, 3, 1]
    assert issubclass(kinds[0][1], kind) and kinds[0][2] is nn.GELU
    layers = ae.summary().layers
    assert [layer.n_parameters for layer in layers] == [
        *(72, n_parameters, 0, 27),
        *(32, n_parameters, 0, 72),
    ]
    assert ae.score(X) > 0.7


def test_layer_norm_is_that_of_a_pass_by_hand(X):
    ae = make(normalization="layer", activation="tanh").fit(X)
    norm = ae.encoder_[0].normalization
    weights = [layer.dense.weight.detach().numpy().T for layer in ae.encoder_]
    biases = [layer.dense.bias.detach().numpy() for layer in ae.encoder_]

    z = X @ weights[0] + biases[0]
    z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + norm.eps)
    z = z * norm.weight.detach().numpy() + norm.bias.detach().numpy()

    codes = np.tanh(z) @ weights[1] + biases[1]
    assert_allclose(ae.transform(X), codes, atol=1e-10)


# --- numbers, random and otherwise ----------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "given", "expected"),
    [
        ("auto", "f4", "f4"),
        ("auto", "f8", "f8"),
        ("auto", "f2", "f8"),
        ("auto", "i8", "f8"),
        ("float32", "f8", "f4"),
        ("float64", "f4", "f8"),
        ("bfloat16", "f8", "f4"),
    ],
)
def test_everything_comes_in_one_dtype(precision, given, expected, X):
    rows = (X * 4).astype(given)

    ae = make(precision=precision).fit(rows)

    codes = ae.transform(rows)
    arrays = [codes, ae.inverse_transform(codes), ae.score_samples(rows)]
    assert {a.dtype for a in arrays + ae.coefs_ + ae.intercepts_} == {
        np.dtype(expected)
    }
    assert ae.transform(rows.astype("f8")).dtype == expected
    assert isinstance(ae.score(rows), float)


def test_lbfgs_computes_in_float64_and_returns_the_asked_for(X):
    params = EXACT | {"tol": 0.01}
    a = make(**params).fit(X)
    b = make(precision="float32", **params).fit(X)

    assert b.transform(X).dtype == np.float32
    assert_allclose(a.transform(X), b.transform(X), atol=1e-4)


@pytest.mark.parametrize(
    "params", [{}, {"variational": True, "kl_weight": 0.1, "normalization": "batch"}]
)
def test_bfloat16_is_about_as_good(params, X):
    params = params | {"max_iter": 30, "batch_size": 20}
    full = make(precision="float32", **params).fit(X)
    mixed = make(precision="bfloat16", **params).fit(X)

    assert full.score(X) > 0.7
    assert mixed.score(X) == pytest.approx(full.score(X), abs=0.1)
    assert mixed.score(X) == pytest.approx(
        explained(X, reconstruct(mixed, X)), abs=0.01
    )


@every_variant
def test_the_same_seed_gives_the_same_model(params, unit):
    a, b = (make(**params).fit(unit) for _ in range(2))
    c = make(**params | {"random_state": 1}).fit(unit)
    d = make(**params | {"random_state": np.random.RandomState(0)}).fit(unit)

    assert_same_weights(a, b, rtol=0)
    assert_same_weights(a, d, rtol=0)
    assert np.abs(arrays_of(a)[0] - arrays_of(c)[0]).max() > 0.01


def generator_states():
    _, keys, *rest = np.random.get_state()
    return (torch.get_rng_state().tolist(), random.getstate(), keys.tolist(), *rest)


@every_variant
def test_global_generators_are_left_alone(params, unit):
    before = generator_states()

    ae = make(**params).fit(unit)
    ae.score(unit)
    reconstruct(ae, unit)

    assert generator_states() == before


def test_without_a_seed_numpys_global_generator_gives_one(X):
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = np.random.get_state()
    try:
        np.random.seed(3)
        a, b = (make(random_state=None).fit(X) for _ in range(2))
        np.random.seed(3)
        again = make(random_state=None).fit(X)
    finally:
        np.random.set_state(numpy_state)

    assert_same_weights(a, again, rtol=0)
    assert np.abs(a.coefs_[0] - b.coefs_[0]).max() > 0.01
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state


# --- copies ---------------------------------------------------------------------------


@every_variant
def test_copies_do_what_the_original_does(params, unit):
    ae = make(**params).fit(unit)
    codes = ae.transform(unit)

    for other in (pickle.loads(pickle.dumps(ae)), copy.deepcopy(ae)):
        assert_array_equal(other.transform(unit), codes)
        assert other.score(unit) == ae.score(unit)
        assert other.get_params() == ae.get_params()
        other.encoder_[0].dense.weight.detach().zero_()
        assert not np.array_equal(other.transform(unit), codes)
    assert_array_equal(ae.transform(unit), codes)
    new = clone(ae)
    assert not hasattr(new, "net_")
    assert_array_equal(new.fit_transform(unit), codes)


def test_a_copy_goes_on_training_as_the_original(X):
    ae = make(noise="gaussian", batch_size=30).partial_fit(X)
    other = pickle.loads(pickle.dumps(ae))

    assert_same_weights(other.partial_fit(X), ae.partial_fit(X), rtol=0)


@every_variant
def test_a_pickle_has_the_weights_and_no_data(params, unit):
    X = np.tile(unit, (10, 10))
    ae = make(**params | {"hidden_layer_sizes": (32,), "max_iter": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of L-BFGS
        ae.fit(X, sample_weight=np.linspace(1, 2, len(X)))

    size = len(pickle.dumps(ae))

    n_bytes = sum(w.nbytes for w in arrays_of(ae))
    assert n_bytes < size < 3 * n_bytes < X.nbytes / 4


# --- quiet by default -----------------------------------------------------------------


def test_nothing_is_printed_by_default(X, capfd):
    make().fit(X).transform(X)
    assert capfd.readouterr() == ("", "")

    make(verbose=1).fit(X)
    out, err = capfd.readouterr()
    assert out == "" and "5/5" in err and "loss=" in err

    ae = make(verbose=2).fit(X, X_val=X)
    out, err = capfd.readouterr()
    assert err == ""
    assert out.splitlines()[-2:] == [
        f"Iteration 5, loss = {ae.loss_:.8f}",
        f"Validation score: {ae.validation_scores_[-1]:f}",
    ]


@pytest.mark.parametrize("n_rows", [1, 127])
def test_few_rows_give_no_warning_with_defaults(n_rows):
    # Warnings are errors here.
    X = np.random.default_rng(0).normal(size=(n_rows, 6))

    ae = AutoencoderTransformer(random_state=0).fit(X)

    assert ae.transform(X).shape == (n_rows, 2)
    assert ae.n_iter_ == 100 and len(ae.loss_curve_) == 100
    assert ae.best_loss_ == min(ae.loss_curve_) <= ae.loss_
    with pytest.warns(UserWarning, match="larger than sample size"):
        AutoencoderTransformer(batch_size=129, max_iter=1).fit(X)


@pytest.mark.parametrize(("n_rows", "n_batches"), [(127, 1), (128, 1), (129, 2)])
def test_a_batch_has_128_rows_by_default(n_rows, n_batches):
    X = np.random.default_rng(0).normal(size=(n_rows, 6))

    ae = make(max_iter=2).fit(X)

    assert ae.net_.history[:, "train_batch_count"] == [n_batches] * 2


def test_fit_changes_nothing_that_was_given(X, weight):
    rows, s = X.copy(), weight.copy()
    sizes = [8, 4]
    ae = make(hidden_layer_sizes=sizes)
    before = copy.deepcopy(ae.get_params())

    ae.fit(rows, sample_weight=s, X_val=rows, sample_weight_val=s)
    ae.transform(rows)
    ae.score(rows, sample_weight=s)

    assert_array_equal(rows, X)
    assert_array_equal(s, weight)
    assert ae.get_params() == before
    assert ae.hidden_layer_sizes is sizes
