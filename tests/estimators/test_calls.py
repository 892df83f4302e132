"""Calls that do little: what they do not do, counted, so that they stay quick."""

import gc
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn.base
from numpy.testing import assert_array_equal
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

import tests.count_moves as walks
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.data import _data
from sknn_deep.estimators import _base
from sknn_deep.fitting import _networks, _solvers
from sknn_deep.training import _net, _prediction

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).uniform(size=(60, 5))
y = np.arange(60) % 3


@pytest.fixture
def count(monkeypatch):
    """Count the calls of a function."""

    def count(owner, name):
        real, calls = getattr(owner, name), []

        def counted(*args, **kwargs):
            calls.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)
        return calls

    return count


@pytest.mark.parametrize(
    "walk_of, n_calls, n_files, n_moves",
    [
        (walks.walk_of_fit, 436, 56, 229),
        (walks.walk_of_prediction, 43, 17, 29),
        (walks.walk_of_partial_fit, 398, 49, 189),
    ],
)
def test_the_way_through_the_code_becomes_no_longer(walk_of, n_calls, n_files, n_moves):
    walk = walk_of()

    assert walk.n_calls <= n_calls
    assert walk.n_files <= n_files
    assert walk.n_moves <= n_moves


METHODS = {
    MLPClassifier: ["predict", "predict_proba", "hidden_features"],
    MLPRegressor: ["predict", "hidden_features"],
    AutoencoderTransformer: ["transform", "score_samples"],
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("Estimator", METHODS)
def test_plain_rows_are_predicted_without_validation(Estimator, dtype, count):
    rows = X.astype(dtype)
    estimator = Estimator(max_iter=2, random_state=0).fit(rows, y)
    expected = {m: getattr(estimator, m)(rows[::-1]) for m in METHODS[Estimator]}
    validated, tags = count(_data, "validate_data"), count(_base, "check_is_fitted")

    for method, values in expected.items():
        assert_array_equal(getattr(estimator, method)(rows[::-1].copy()), values)
        for row, value in zip(rows[::-1][:3], values[:3], strict=True):
            one = getattr(estimator, method)(row[None])[0]
            np.testing.assert_allclose(one, value, rtol=1e-5, atol=1e-6)

    assert not validated and not tags


def test_other_rows_are_validated_with_the_same_words(count):
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    named = MLPClassifier(max_iter=2, random_state=0).fit(
        pd.DataFrame(X).add_prefix("c"), y
    )
    validated = count(_data, "validate_data")
    missing = X.copy()
    missing[1, 1] = np.nan

    with pytest.raises(ValueError, match="Input X contains NaN"):
        clf.predict(missing)
    with pytest.raises(ValueError, match="X has 4 features, but MLPClassifier is exp"):
        clf.predict_proba(X[:, :4].copy())
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        named.predict(X)
    assert_array_equal(clf.predict(X.tolist()), clf.predict(X))
    assert len(validated) == 4


def test_the_size_of_a_network_is_looked_up_once_and_not_kept(count):
    clf = MLPClassifier(hidden_layer_sizes=(7,), random_state=0, max_iter=2).fit(X, y)
    _prediction._known.clear()
    walked = count(nn.Module, "parameters")
    for _ in range(3):
        clf.predict(X)
    assert len(walked) == 1
    assert _prediction.sizes_of(clf.net_.module_) == (7, 7, 5 * 7 + 7 + 7 * 3 + 3, 35)

    copied = pickle.loads(pickle.dumps(clf))
    assert copied.net_.module_ not in _prediction._known
    clf.set_params(hidden_layer_sizes=(9,)).fit(X, y)
    gc.collect()
    assert len(_prediction._known) == 0
    assert _prediction.sizes_of(clf.net_.module_).widest == 9


def test_weights_that_are_written_into_are_predicted_with():
    clf = MLPClassifier(random_state=0, max_iter=2).fit(X, y)
    clf.predict_proba(X[:1])
    for array in (*clf.coefs_, *clf.intercepts_):
        array[:] = 0

    assert_array_equal(clf.predict_proba(X[:1]), np.full((1, 3), 1 / 3))


def test_a_call_with_a_row_validates_and_draws_nothing(count):
    clf = MLPClassifier(random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    validated = count(_data, "validate_data")
    checked = count(sklearn.base, "validate_parameter_constraints")
    permuted = count(_solvers, "numpy_permutations")
    made = count(_net, "make_optimizer")
    for rows, labels in ((X[:1], y[:1]), ([X[1].tolist()], [1])):
        clf.partial_fit(rows, labels, classes=[0, 1, 2])

    assert not validated and not checked and not permuted and not made
    with pytest.raises(ValueError, match="is not the same as on last call"):
        clf.partial_fit(X[:1], y[:1], classes=[0, 1])
    with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier must be"):
        clf.set_params(alpha=-1).partial_fit(X[:1], y[:1])


def test_a_fit_makes_its_parts_once(count):
    validated = count(_data, "validate_data")
    optimizers = count(_net, "make_optimizer")
    copies = count(_solvers, "copy_state")
    forks = count(_networks, "forked_draws")
    moves = count(nn.Module, "to")
    callbacks = count(NeuralNet, "initialize_callbacks")
    MLPClassifier(max_iter=3, random_state=0).fit(X, y)

    assert len(optimizers) == 1
    assert not (validated or copies or forks or moves or callbacks)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam"},
        {"solver": "adamw", "learning_rate": "one_cycle"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0},
    ],
)
def test_an_optimizer_that_is_renewed_is_like_a_new_one(params):
    net = MLPClassifier(max_iter=30, random_state=0, **params).fit(X, y).net_
    renewed = net.optimizer_
    net.initialize_optimizer()

    assert renewed is not net.optimizer_
    assert renewed.state_dict() == net.optimizer_.state_dict()
    assert vars(renewed).keys() == vars(net.optimizer_).keys()


def test_an_optimizer_that_a_callback_saw_is_made_anew(count):
    class Slower(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.optimizer_.param_groups[0]["eps"] = 1.0

    made = count(_net, "make_optimizer")
    clf = MLPClassifier(max_iter=2, random_state=0, callbacks=[Slower()]).fit(X, y)

    assert len(made) == 2
    assert clf.net_.optimizer_.param_groups[0]["eps"] == 1e-8


def test_a_call_that_fails_leaves_the_network_of_the_last_one():
    clf = MLPRegressor(random_state=0, solver="sgd").partial_fit(X, y)
    before = [array.copy() for array in clf.coefs_]
    clf.set_params(learning_rate_init=1e300)
    with pytest.raises(ValueError, match="diverged"):
        for _ in range(5):
            clf.partial_fit(X, y)
            before = [array.copy() for array in clf.coefs_]

    for array, kept in zip(clf.coefs_, before, strict=True):
        assert_array_equal(array, kept)
