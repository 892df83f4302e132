"""Fitted models of every kind that ``to_torch`` and ``to_onnx`` take."""

import functools

import numpy as np
import pytest
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.requirements import is_met

# A network of three epochs is enough to be written elsewhere.
from_short_fits = pytest.mark.filterwarnings(
    "ignore:The training ended with a network worse:"
    "sklearn.exceptions.ConvergenceWarning"
)

RNG = np.random.RandomState(0)
X = 50 * RNG.uniform(size=(60, 4)) + 100
Y = np.array(["c", "a", "b"])[RNG.randint(3, size=60)]


def make(cls, **params):
    defaults = {"hidden_layer_sizes": (6, 5), "max_iter": 3, "random_state": 0}
    return cls(**defaults | {"learning_rate": "one_cycle"} | params)


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


CLIP = {"clip": True} if is_met("scikit-learn>=1.8") else {}


def reconstructing(scaler, autoencoder):
    """A Pipeline from rows to what is left of them after the code, in their units."""
    autoencoder.fit(scaler.fit_transform(X))
    return make_pipeline(
        scaler,
        autoencoder,
        FunctionTransformer(autoencoder.inverse_transform),
        FunctionTransformer(scaler.inverse_transform),
    ).fit(X)


MODELS = {
    "classes": lambda: scaled(make(MLPClassifier)).fit(X, Y),
    "two classes": lambda: scaled(make(MLPClassifier)).fit(X, Y == "a"),
    "one class": lambda: scaled(make(MLPClassifier)).fit(X, Y == "d"),
    "labels": lambda: scaled(make(MLPClassifier)).fit(X, (X[:, :3] > 125).astype(int)),
    "numbers": lambda: scaled(make(MLPRegressor, normalize_y=True)).fit(X, X[:, 0]),
    "columns": lambda: scaled(make(MLPRegressor)).fit(X, X[:, :2]),
    "counts": lambda: scaled(make(MLPRegressor, loss="poisson")).fit(X, X[:, 0] // 20),
    "ensemble": lambda: scaled(make(MLPClassifier, n_estimators=3)).fit(X, Y),
    "ensemble of counts": lambda: scaled(
        make(MLPRegressor, loss="poisson", n_estimators=2)
    ).fit(X, X[:, 0] // 20),
    "shares": lambda: scaled(make(MLPRegressor, out_activation="logistic")).fit(
        X, X[:, 0] / 150
    ),
    "components": lambda: make_pipeline(
        RobustScaler(),
        SelectKBest(k=3),
        PCA(2, whiten=True),
        StandardScaler(),
        make(MLPClassifier, hidden_layer_sizes=()),
    ).fit(X, Y),
    "singular vectors": lambda: make_pipeline(
        GaussianRandomProjection(3, random_state=0),
        TruncatedSVD(2, random_state=0),
        StandardScaler(),
        make(MLPRegressor),
    ).fit(X / 100, X[:, 0]),
    "dropout": lambda: scaled(
        make(MLPClassifier, dropout=0.2, normalization="batch", activation="mish")
    ).fit(X, Y),
    "layer norm": lambda: scaled(
        make(MLPClassifier, normalization="layer", activation=["gelu", "identity"])
    ).fit(X, Y),
    "codes": lambda: scaled(make(AutoencoderTransformer, latent_activation="tanh")).fit(
        X
    ),
    "mean codes": lambda: scaled(make(AutoencoderTransformer, variational=True)).fit(X),
    "hidden features": lambda: make_pipeline(
        StandardScaler(),
        FunctionTransformer(
            make(MLPClassifier, normalization="layer").fit(X, Y).hidden_features
        ),
    ).fit(X),
    "codes of the first layer": lambda: make_pipeline(
        StandardScaler(),
        FunctionTransformer(
            make(MLPRegressor, activation="tanh").fit(X / 100, X[:, 0]).hidden_features,
            kw_args={"layer": 0},
        ),
        make(AutoencoderTransformer),
    ).fit(X),
    "reconstructions": lambda: reconstructing(
        MinMaxScaler(), make(AutoencoderTransformer, loss="binary_cross_entropy")
    ),
    "reconstructions by components": lambda: reconstructing(
        StandardScaler(), make(AutoencoderTransformer, normalization="batch")
    ),
    "codes, then numbers": lambda: make_pipeline(
        MinMaxScaler(clip=True),
        make(AutoencoderTransformer, loss="binary_cross_entropy"),
        "passthrough",
        MaxAbsScaler(**CLIP),
        make(MLPRegressor),
    ).fit(X, X[:, 0]),
}


def output_of(model, rows):
    for name in ("predict_proba", "predict", "transform"):
        if hasattr(model, name):
            return getattr(model, name)(rows)
    raise AssertionError(model)


@functools.cache
def fitted(name):
    return MODELS[name]()


def as_columns(output):
    return output.reshape(len(output), -1)


def assert_close_to_spread(output, expected, tolerance):
    spread = expected.std() or 1.0
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() < tolerance * spread
