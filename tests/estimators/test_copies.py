"""Pickles, joblib's files and deep copies of estimators in all states."""

import copy
import dataclasses
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import ESTIMATORS, make, output_of, weights_of


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}


# B46: Copies, of any kind and in any state, predict and go on as the original.
@pytest.mark.must_never("B46")
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies_predict_the_same(Estimator, way, cancer):
    X, y = cancer
    copied = COPIES[way]
    estimator = make(Estimator, dropout=0.1)
    expected = output_of(clone(estimator).fit(X, y), X)

    assert_array_equal(output_of(copied(estimator).fit(X, y), X), expected)
    estimator.fit(X, y)
    assert_array_equal(output_of(copied(estimator), X), expected)
    output_of(estimator, X)
    assert_array_equal(output_of(copied(estimator), X), expected)
    pipe = make_pipeline(StandardScaler(), clone(estimator)).fit(X, y)
    assert_array_equal(output_of(copied(pipe), X), output_of(pipe, X))


@pytest.mark.must_never("B46")
@pytest.mark.parametrize("way", COPIES)
def test_copies_of_a_search_predict_the_same(way, cancer):
    X, y = cancer
    pipe = make_pipeline(StandardScaler(), make(MLPClassifier, max_iter=3))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.1, 1]}, cv=2).fit(X, y)

    copied = COPIES[way](search)

    assert_array_equal(copied.predict_proba(X), search.predict_proba(X))
    assert copied.best_params_ == search.best_params_


def trained(Estimator, X, y, *, incremental, **params):
    """Train by one call of `fit`, or by three of `partial_fit`."""
    estimator = make(Estimator, learning_rate="constant", tol=1e9, **params)
    if not incremental:
        return estimator.set_params(n_iter_no_change=1).fit(X, y)
    first = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
    for _ in range(3):
        estimator.partial_fit(X, y, **first)
    return estimator


@pytest.mark.must_never("B46")
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("incremental", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies_go_on_as_the_original(Estimator, incremental, solver, way, cancer):
    X, y = cancer
    params = {"solver": solver, "dropout": 0.2}
    original = trained(Estimator, X, y, incremental=incremental, **params)
    before = weights_of(original)

    copied = COPIES[way](original)

    assert_array_equal(output_of(copied, X), output_of(original, X))
    for _ in range(2):
        copied.partial_fit(X, y)
    assert_array_equal(weights_of(original), before)
    for _ in range(2):
        original.partial_fit(X, y)
    assert_array_equal(weights_of(copied), weights_of(original))
    assert copied.t_ == original.t_


@pytest.mark.must_never("B46")
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies_of_what_was_partially_fitted_in_a_pipeline(Estimator, way, cancer):
    X, y = cancer
    scaler = StandardScaler().fit(X)
    net = trained(Estimator, scaler.transform(X), y, incremental=True)
    pipe = make_pipeline(scaler, net)

    assert_array_equal(output_of(COPIES[way](pipe), X), output_of(pipe, X))


@pytest.mark.must_never("B46")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("incremental", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_clone_of_a_trained_estimator_is_untrained(Estimator, incremental, cancer):
    X, y = cancer
    original = trained(Estimator, X, y, incremental=incremental)

    cloned = clone(original)

    assert vars(cloned).keys() == vars(Estimator()).keys()
    assert cloned.get_params() == original.get_params()
    again = cloned.fit(X, y)
    fresh = Estimator(**original.get_params()).fit(X, y)
    assert_array_equal(weights_of(again), weights_of(fresh))


@pytest.mark.must_never("B46")
@pytest.mark.parametrize("way", [lambda e: e, *COPIES.values()], ids=["same", *COPIES])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_after_fit_starts_a_fresh_optimizer(Estimator, way, cancer):
    """Adam's first step is its rate in each direction; a later one is shorter."""
    X, y = cancer
    params = {"precision": "float64", "learning_rate_init": 1e-3}
    after_fit = trained(Estimator, X, y, incremental=False, **params)
    after_partial_fit = trained(Estimator, X, y, incremental=True, **params)
    params = {"batch_size": 200, "clip_grad_norm": None}
    steps = []
    for estimator in (way(after_fit), way(after_partial_fit)):
        before = weights_of(estimator)
        estimator.set_params(**params).partial_fit(X, y)
        step = np.abs(weights_of(estimator) - before)
        steps.append(step[step > 0])

    fresh, kept = steps
    assert np.mean(np.abs(fresh - 1e-3) < 1e-6) > 0.95
    assert np.mean(np.abs(kept - 1e-3) < 1e-6) < 0.5


# B47: A model that was fitted on a GPU is loaded and predicts where there is none.
@pytest.mark.must_never("B47")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("pickler", [pickle, joblib], ids=["pickle", "joblib"])
def test_a_pickle_that_names_a_gpu_comes_to_the_cpu(
    Estimator, pickler, cancer, tmp_path
):
    X, y = cancer
    estimator = make(Estimator).fit(X, y)
    expected = output_of(estimator, X)
    net = estimator.net_
    net.device = estimator.device_ = "cuda"
    net.placement = dataclasses.replace(net.placement, device=torch.device("cuda"))
    path = tmp_path / "model.pkl"
    with path.open("wb") as file:
        pickler.dump(estimator, file)

    with path.open("rb") as file:
        loaded = pickler.load(file)

    assert loaded.device_ == loaded.net_.device == "cpu"
    assert_array_equal(output_of(loaded, X), expected)


@pytest.mark.must_never("B47")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
def test_a_pickled_ensemble_that_names_a_gpu_comes_to_the_cpu(cancer):
    X, y = cancer
    clf = make(MLPClassifier, n_estimators=2).fit(X, y)
    for estimator in (clf, *clf.estimators_):
        estimator.device_ = "cuda"
    for member in clf.estimators_:
        member.net_.device = "cuda"

    loaded = pickle.loads(pickle.dumps(clf))

    assert {e.device_ for e in (loaded, *loaded.estimators_)} == {"cpu"}
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


# B48: A pickle holds the weights once, and neither data nor gradients.
@pytest.mark.must_never("B48")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_pickle_holds_the_weights_once_and_no_data(Estimator, digits):
    X, y = digits.X, digits.y
    estimator = make(
        Estimator, hidden_layer_sizes=(300, 100), max_iter=1, early_stopping=True
    ).fit(X, y)

    pickled = pickle.dumps(estimator)

    n_bytes = weights_of(estimator).nbytes
    assert n_bytes < len(pickled) < 3 * n_bytes
    for row in range(5):
        assert X[row].tobytes() not in pickled
    assert estimator.coefs_[0].T.tobytes() in pickled
    assert all(p.grad is None for p in estimator.net_.module_.parameters())
    assert not estimator.net_.optimizer_.state


@pytest.mark.must_never("B48")
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True},
        {"solver": "lbfgs", "max_iter": 500, "tol": 1.0},
        {"own set": True},
        {"incremental": True},
        {"monitor": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_pickle_does_not_grow_with_the_data(Estimator, params, digits, request):
    """Whatever they could hide in: weights, validation sets, curves, callbacks."""
    params = dict(params)
    own_set = params.pop("own set", False)
    incremental = params.pop("incremental", False)
    monitor = params.pop("monitor", False)
    sizes = []
    for n in (200, 1600):
        X, y = digits.X[:n], (digits.y[:n] > 4).astype(float)
        weight = np.linspace(1, 2, n)
        valid = {}
        if own_set:
            valid = {"X_val": X, "sample_weight_val": weight}
            valid |= {} if Estimator is AutoencoderTransformer else {"y_val": y}
        estimator = make(Estimator, **{"max_iter": 3} | params)
        if monitor and Estimator is not AutoencoderTransformer:
            callback = request.getfixturevalue("sklearn_callback")
            scoring = "accuracy" if Estimator is MLPClassifier else "r2"
            estimator.set_callbacks(callback.ScoringMonitor(scoring=scoring))
        if incremental:
            first = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
            estimator.partial_fit(X, y, weight, **first)
        else:
            estimator.fit(X, y, weight, **valid)
        output_of(estimator, X)
        sizes.append(len(pickle.dumps(estimator)))

    # Numbers such as t_ take a byte or two more.
    assert abs(sizes[1] - sizes[0]) < 100


@pytest.mark.must_never("B48")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_after_partial_fit_it_holds_the_optimizer_too(Estimator, digits):
    X, y = digits.X[:300], digits.y[:300]
    classes = {"classes": np.arange(10)} if Estimator is MLPClassifier else {}
    estimator = make(Estimator, hidden_layer_sizes=(300, 100))
    estimator.partial_fit(X, y, **classes)
    n_bytes = weights_of(estimator).nbytes

    during = len(pickle.dumps(estimator))
    after = len(pickle.dumps(estimator.set_params(max_iter=1).fit(X, y)))

    assert 3 * n_bytes < during < 3.2 * n_bytes
    assert n_bytes < after < 1.5 * n_bytes


# B49: A loaded model keeps all that it is, and goes on by the same loss.
@pytest.mark.must_never("B49")
def test_a_loaded_model_is_the_model(cancer, tmp_path):
    X, y = cancer
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    labels = np.where(y == 1, "good", "bad")
    clf = make(MLPClassifier, class_weight={"good": 2.0}, label_smoothing=0.1)
    clf.partial_fit(frame, labels, classes=["bad", "good"])
    joblib.dump(clf, tmp_path / "clf.pkl")

    loaded = joblib.load(tmp_path / "clf.pkl")

    assert loaded.get_params() == clf.get_params()
    assert_array_equal(loaded.classes_, clf.classes_)
    assert_array_equal(loaded.feature_names_in_, frame.columns)
    assert loaded.score(frame, labels) == clf.score(frame, labels)
    clf.partial_fit(frame, labels)
    loaded.partial_fit(frame, labels)
    assert loaded.loss_curve_ == clf.loss_curve_


@pytest.mark.must_never("B49")
def test_a_loaded_model_keeps_the_scale_of_y(diabetes):
    X, y = diabetes
    reg = make(MLPRegressor, normalize_y=True, loss="huber").fit(X, 1e4 * y + 1e6)

    loaded = pickle.loads(pickle.dumps(reg))

    assert_array_equal(loaded.predict(X), reg.predict(X))
    assert loaded.score(X, 1e4 * y + 1e6) == reg.score(X, 1e4 * y + 1e6) > 0.2
    assert (
        loaded.partial_fit(X, 1e4 * y + 1e6).loss_
        == reg.partial_fit(X, 1e4 * y + 1e6).loss_
    )
