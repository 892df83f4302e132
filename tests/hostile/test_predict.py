"""A fitted model gives finite results for any X, or one clear error."""

import functools
import warnings

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.hostile.data import rows, targets, weights
from tests.hostile.examples import draws
from tests.hostile.outcomes import (
    Refusal,
    assert_fine,
    assert_score,
    assert_unchanged,
    attempt,
    results_of,
    snapshot,
)

N_COLUMNS = 3
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "device": "cpu"}

MODELS = {
    "two classes": (MLPClassifier(**SMALL), "binary"),
    "three classes": (MLPClassifier(**SMALL, dropout=0.1), "text"),
    "one class": (MLPClassifier(**SMALL), "one"),
    "labels": (MLPClassifier(**SMALL), "labels"),
    "linear": (MLPClassifier(**SMALL | {"hidden_layer_sizes": ()}), "text"),
    "some classifiers": (MLPClassifier(**SMALL, n_estimators=2), "text"),
    "bfloat16": (MLPClassifier(**SMALL, precision="bfloat16"), "text"),
    "numbers": (MLPRegressor(**SMALL), "numbers"),
    "two columns": (MLPRegressor(**SMALL, normalize_y=True), "two columns"),
    "poisson": (MLPRegressor("poisson", **SMALL), "counts"),
    "some regressors": (MLPRegressor(**SMALL, n_estimators=2), "numbers"),
    "float32": (MLPRegressor(**SMALL, precision="float32"), "numbers"),
    "batch norm": (MLPRegressor(**SMALL, normalization="batch"), "numbers"),
    "autoencoder": (AutoencoderTransformer(**SMALL), None),
    "logistic": (AutoencoderTransformer(**SMALL, out_activation="logistic"), None),
    "cross entropy": (
        AutoencoderTransformer(**SMALL, loss="binary_cross_entropy"),
        None,
    ),
    "variational": (AutoencoderTransformer(**SMALL, variational=True), None),
    "sparse codes": (AutoencoderTransformer(**SMALL, sparsity_penalty=0.1), None),
    "layer norm": (AutoencoderTransformer(**SMALL, normalization="layer"), None),
}


@functools.cache
def _fitted(name: str):
    model, kind = MODELS[name]
    X = np.random.RandomState(0).uniform(size=(24, N_COLUMNS))
    i = np.arange(24)
    y = {
        "binary": i % 2,
        "text": np.array(["a", "b", "c"])[i % 3],
        "one": np.zeros(24),
        "labels": (i[:, None] % 4 > range(3)) * 1,
        "numbers": X[:, 0],
        "counts": i % 4,
        "two columns": X[:, :2] * [1, 1e3],
        None: None,
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


@draws(60)
@given(data=st.data())
def test_any_rows_give_finite_results_or_a_clear_error(data):
    model = _fitted(data.draw(st.sampled_from(list(MODELS)), label="model"))
    n_rows = data.draw(st.sampled_from([1, 2, 8, 30]), label="rows")
    n_columns = data.draw(st.sampled_from([N_COLUMNS] * 5 + [1, 4]), label="columns")
    X = data.draw(rows(n_rows, n_columns), label="X")
    before, attributes = snapshot(X), dict(vars(model))
    results = assert_fine(model, X, n_rows)
    assert_unchanged(X, before)
    assert vars(model) == attributes
    is_refused = any(isinstance(result, Refusal) for result in results.values())
    event("refused" if is_refused else "answered")


@draws(40)
@given(data=st.data())
def test_any_rows_and_targets_give_a_score_or_a_clear_error(data):
    model = _fitted(data.draw(st.sampled_from(list(MODELS)), label="model"))
    n_rows = data.draw(st.sampled_from([1, 2, 8, 30]), label="rows")
    X = data.draw(rows(n_rows, N_COLUMNS), label="X")
    y = data.draw(targets(model, n_rows), label="y")
    weight = data.draw(weights(n_rows), label="sample_weight")
    results = results_of(model, X)
    is_scored = assert_score(model, X, y, n_rows, results, weight)
    event("scored" if is_scored else "refused")


@draws(20)
@given(data=st.data())
def test_any_codes_are_decoded_or_refused(data):
    names = [name for name, (_, kind) in MODELS.items() if kind is None]
    model = _fitted(data.draw(st.sampled_from(names), label="model"))
    n_rows = data.draw(st.sampled_from([1, 2, 8]), label="rows")
    n_columns = data.draw(st.sampled_from([2, 2, 2, 3]), label="columns")
    codes = data.draw(rows(n_rows, n_columns), label="codes")
    before = snapshot(codes)
    decoded = attempt(model.inverse_transform, codes)
    assert_unchanged(codes, before)
    if not isinstance(decoded, Refusal):
        assert decoded.shape == (n_rows, N_COLUMNS)
        assert np.isfinite(decoded).all()


@draws(15)
@given(
    layer=st.one_of(
        st.integers(-3, 3),
        st.sampled_from([0.0, 1.5, None, "0", True, np.int64(0), [0], 10**30]),
    ),
    name=st.sampled_from(["two classes", "linear", "some regressors", "two columns"]),
)
def test_any_layer_has_features_or_is_refused(layer, name):
    model = _fitted(name)
    X = np.zeros((2, N_COLUMNS))
    features = attempt(model.hidden_features, X, layer, also=(AttributeError,))
    if not isinstance(features, Refusal):
        assert features.shape == (2, 4)
