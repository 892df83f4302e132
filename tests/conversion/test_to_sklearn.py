"""What scikit-learn's own MLP predicts and learns when it is made from ours."""

import functools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NetRegressor,
    to_sklearn,
)
from sknn_deep.conversion import _sklearn_mlp
from tests.conversion.models import from_short_fits
from tests.requirements import needs

pytestmark = from_short_fits

QUICK = {"hidden_layer_sizes": (6, 5), "max_iter": 2, "tol": 0.0, "random_state": 0}
QUICK |= {"learning_rate": "one_cycle", "learning_rate_init": 0.01, "device": "cpu"}

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 4))
NUMBERS = 40 * X[:, 0] + 5.4e6
CODES = RNG.randint(3, size=60)
CLASSES = {
    "two": CODES > 0,
    "three": CODES,
    "strings": np.array(["c", "a", "b"])[CODES],
    "objects": np.array(["c", "a", "b"], object)[CODES],
    "labels": np.stack([CODES == 0, CODES > 1, X[:, 0] > 0], axis=1).astype(int),
}


def networks():
    for normalization in (None, "batch"):
        for kind, y in CLASSES.items():
            clf = MLPClassifier(**QUICK, normalization=normalization)
            yield f"{kind}, {normalization}", clf, y
        for loss in ("squared_error", "poisson", "huber"):
            for normalize_y in (False, True):
                reg = MLPRegressor(
                    loss, **QUICK, normalization=normalization, normalize_y=normalize_y
                )
                name = f"{loss}, normalize_y={normalize_y}, {normalization}"
                yield name, reg, NUMBERS / 1e6
    reg = MLPRegressor(**QUICK, normalize_y=True)
    yield "large numbers", reg, NUMBERS
    yield "columns", reg, np.stack([NUMBERS, X[:, 1]], axis=1)
    yield "no hidden layers", clone(clf).set_params(hidden_layer_sizes=()), CODES
    for activation in ("identity", "logistic", "tanh", ["tanh", "tanh"]):
        clf = MLPClassifier(**QUICK, activation=activation, dropout=0.2)
        yield f"{activation}", clf, CODES
    for solver in ("sgd", "adamw", "lbfgs"):
        clf = MLPClassifier(**QUICK | {"tol": 1.0}, solver=solver)
        yield f"{solver}", clf, CODES
    clf = MLPClassifier(**QUICK, early_stopping=True)
    yield "early stopping", clf, CODES
    clf = clone(clf).set_params(validation_fraction=ShuffleSplit(1))
    yield "a splitter", clf, CODES


NETWORKS = {name: (estimator, y) for name, estimator, y in networks()}
since_scikit_learn_counts = needs("scikit-learn>=1.7", "1.6 has no loss for counts")
every_network = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=since_scikit_learn_counts if "poisson" in name else ())
        for name in NETWORKS
    ],
)
few_epochs = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@functools.cache
def fitted(name):
    estimator, y = NETWORKS[name]
    return clone(estimator).fit(X, y), y


def assert_predicts_as(converted, estimator, rows=X):
    expected = estimator.predict(rows)
    if expected.dtype.kind == "f":
        tolerance = {"rtol": 0, "atol": 1e-12 * np.abs(expected).max()}
        assert_allclose(converted.predict(rows), expected, **tolerance)
        return
    assert_array_equal(converted.predict(rows), expected)
    assert converted.predict(rows).dtype == converted.classes_.dtype
    proba = estimator.predict_proba(rows)
    assert_allclose(converted.predict_proba(rows), proba, rtol=0, atol=1e-12)


@every_network
def test_to_sklearn_predicts_the_same(name):
    estimator, _ = fitted(name)

    converted = to_sklearn(estimator)

    assert type(converted).__module__.startswith("sklearn.neural_network")
    assert_predicts_as(converted, estimator)
    assert_predicts_as(pickle.loads(pickle.dumps(converted)), estimator)


@few_epochs
@every_network
def test_to_sklearn_has_the_attributes_and_parameters_of_a_fit_there(name):
    estimator, y = fitted(name)
    converted = to_sklearn(estimator)

    theirs = clone(converted).fit(X, y)

    not_kept = {"_optimizer", "_random_state", "_coef_indptr", "_intercept_indptr"}
    assert set(vars(converted)) == set(vars(theirs)) - not_kept
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(converted, name) == getattr(theirs, name)
    for ours, other in zip(
        converted.coefs_ + converted.intercepts_,
        theirs.coefs_ + theirs.intercepts_,
        strict=True,
    ):
        assert ours.shape == other.shape
        assert ours.flags.writeable
    assert converted.n_iter_ == estimator.n_iter_
    assert converted.loss_ == estimator.loss_


@few_epochs
@every_network
def test_to_sklearn_can_be_trained_further_and_is_a_copy(name):
    estimator, y = fitted(name)
    before = estimator.predict(X)
    converted = to_sklearn(estimator)
    if converted.solver == "lbfgs" or converted.early_stopping:
        converted.set_params(warm_start=True).fit(X, y)
    else:
        for _ in range(2):
            converted.partial_fit(X, y)

        assert len(converted.loss_curve_) == len(estimator.loss_curve_) + 2
        assert converted.t_ == estimator.t_ + 2 * len(X)
        assert np.isfinite(converted.loss_)
    assert_array_equal(estimator.predict(X), before)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("cls", "y"), [(MLPClassifier, CODES), (MLPRegressor, X[:, 0])]
)
def test_to_sklearn_learns_what_ours_would_go_on_to_learn(cls, y, solver):
    ours = cls(**QUICK | {"learning_rate": "constant"}, solver=solver)
    with pytest.warns(match="Maximum iterations"):
        ours.fit(X, y)
    converted = to_sklearn(ours)

    ours.partial_fit(X, y)
    converted.partial_fit(X, y)

    for coef, expected in zip(converted.coefs_, ours.coefs_, strict=True):
        assert_allclose(coef, expected, atol=1e-10)
    assert_allclose(converted.loss_curve_, ours.loss_curve_, rtol=1e-10)


def test_to_sklearn_keeps_single_precision():
    clf = MLPClassifier(**QUICK).fit(X.astype("f4"), CODES)

    converted = to_sklearn(clf)

    rows = X.astype("f4")
    assert converted.coefs_[0].dtype == np.float32
    assert converted.predict_proba(rows).dtype == np.float32
    assert_allclose(
        converted.predict_proba(rows), clf.predict_proba(rows), atol=1e-6, rtol=0
    )


def test_to_sklearn_takes_parameters_that_scikit_learn_knows():
    params = QUICK | {"solver": "adamw", "alpha": 0.5, "batch_size": 30}
    reg = MLPRegressor("huber", **params, validation_fraction=ShuffleSplit(2))

    converted = to_sklearn(reg.fit(X, X[:, 0]))

    assert str(converted) == str(
        neural_network.MLPRegressor(
            hidden_layer_sizes=(6, 5),
            batch_size=30,
            learning_rate_init=0.01,
            max_iter=2,
            random_state=0,
            tol=0.0,
        )
    )
    assert converted.best_loss_ == np.inf


def test_to_sklearn_of_a_single_class_is_what_scikit_learn_makes_of_one():
    clf = MLPClassifier(**QUICK).fit(X, np.full(60, "a"))

    converted = to_sklearn(clf)

    assert_array_equal(converted.predict(X), clf.predict(X))
    assert converted.predict_proba(X).shape == (60, 2)
    converted.partial_fit(X, np.full(60, "a"))


def test_to_sklearn_goes_on_with_classes_that_were_only_given():
    clf = MLPClassifier(**QUICK).partial_fit(X, CODES, classes=range(5))

    converted = to_sklearn(clf)

    assert_predicts_as(converted, clf)
    converted.partial_fit(X, np.full(60, 4))


# --- ensembles ------------------------------------------------------------------------


@few_epochs
@pytest.mark.parametrize("kind", ["two", "three", "strings", "objects"])
def test_to_sklearn_of_an_ensemble_is_a_soft_vote(kind):
    y = CLASSES[kind]
    clf = MLPClassifier(**QUICK, n_estimators=3).fit(X, y)

    converted = to_sklearn(clf)

    assert type(converted) is VotingClassifier
    assert_predicts_as(converted, clf)
    theirs = clone(converted).fit(X, y)
    assert set(vars(converted)) == set(vars(theirs))
    assert list(converted.named_estimators_) == list(theirs.named_estimators_)
    for ours, other in zip(converted.estimators_, theirs.estimators_, strict=True):
        assert_array_equal(ours.classes_, other.classes_)
    hard = converted.set_params(voting="hard").predict(X)
    assert set(hard) <= set(y)


@pytest.mark.parametrize(
    "loss",
    ["squared_error", pytest.param("poisson", marks=since_scikit_learn_counts)],
)
def test_to_sklearn_of_an_ensemble_of_regressors_is_a_mean(loss):
    reg = MLPRegressor(loss, **QUICK, n_estimators=3, normalize_y=True)
    reg.fit(X, NUMBERS / 1e6)

    converted = to_sklearn(reg)

    assert type(converted) is VotingRegressor
    assert_predicts_as(converted, reg)
    assert converted.n_features_in_ == 4


@pytest.mark.parametrize(
    ("estimator", "y", "what"),
    [
        (MLPClassifier(**QUICK, n_estimators=2), CLASSES["labels"], "several labels"),
        (MLPClassifier(**QUICK, n_estimators=2), np.zeros(60), "a single class"),
        (MLPRegressor(**QUICK, n_estimators=2), X[:, :2], "several outputs"),
    ],
)
def test_to_sklearn_refuses_votes_that_scikit_learn_has_not(estimator, y, what):
    estimator = clone(estimator).fit(X, y)

    with pytest.raises(ValueError, match=rf"no Voting\w+ (of|with) {what}\. Convert"):
        to_sklearn(estimator)

    for member in estimator.estimators_:
        assert_array_equal(to_sklearn(member).predict(X), member.predict(X))


# --- Pipelines ------------------------------------------------------------------------


@few_epochs
def test_to_sklearn_makes_a_new_pipeline():
    net = make_pipeline("passthrough", MLPRegressor(**QUICK, normalize_y=True))
    pipe = make_pipeline(StandardScaler(), make_pipeline(KMeans(3)), net)
    pipe.fit(X, NUMBERS)

    converted = to_sklearn(pipe)

    assert [name for name, _ in converted.steps] == [name for name, _ in pipe.steps]
    assert type(converted[-1][-1]) is neural_network.MLPRegressor
    assert converted[0] is not pipe[0]
    assert converted[1][0] is not pipe[1][0]
    assert_predicts_as(converted, pipe)
    before = pipe.predict(X)
    converted.fit(X + 5, X[:, 0])
    assert_array_equal(pipe.predict(X), before)


def test_to_sklearn_keeps_the_names_of_features():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    clf = MLPClassifier(**QUICK).fit(frame, CODES)

    converted = to_sklearn(clf)

    assert list(converted.feature_names_in_) == list("abcd")
    assert_predicts_as(converted, clf, frame)


# --- what there is no such network for ------------------------------------------------

REFUSED = {
    "normalization='layer'": MLPClassifier(**QUICK, normalization="layer"),
    "'mish'": MLPClassifier(**QUICK, activation="mish"),
    r"\['relu', 'tanh'\]": MLPRegressor(**QUICK, activation=["relu", "tanh"]),
    "out_activation='softplus'": MLPRegressor(**QUICK, out_activation="softplus"),
    "out_activation='relu'": MLPRegressor(**QUICK, out_activation="relu"),
    "out_activation='logistic'": MLPRegressor(**QUICK, out_activation="logistic"),
}


@pytest.mark.parametrize(("what", "estimator"), REFUSED.items(), ids=REFUSED)
def test_to_sklearn_refuses_networks_that_scikit_learn_has_not(what, estimator):
    estimator = clone(estimator).fit(X, CODES == 1)

    with pytest.raises(ValueError, match=rf"this {type(estimator).__name__}.*{what}"):
        to_sklearn(make_pipeline(estimator))


def test_to_sklearn_refuses_what_is_not_ours():
    ae = AutoencoderTransformer(2, **QUICK).fit(X)
    search = GridSearchCV(MLPRegressor(**QUICK), {}, cv=2).fit(X, X[:, 0])
    linear = LinearRegression().fit(X, X[:, 0])
    for estimator, advice in [
        (ae, "no autoencoder. to_torch"),
        (NetRegressor(nn.Linear), r"Got NetRegressor: scikit-learn has no network of "),
        (make_pipeline(ae, linear), "no autoencoder. to_torch"),
        (search, "pass its best_estimator_"),
        (linear, "pass the fitted network"),
        (make_pipeline(StandardScaler(), linear), "steps standardscaler, linearr"),
    ]:
        with pytest.raises(TypeError, match=f"to_sklearn takes.*{advice}"):
            to_sklearn(estimator)


def test_to_sklearn_refuses_what_is_not_fitted():
    for estimator in (MLPClassifier(), make_pipeline(StandardScaler(), MLPRegressor())):
        with pytest.raises(NotFittedError):
            to_sklearn(estimator)


def test_to_sklearn_gives_what_unpickles_without_sknn_deep(tmp_path):
    clf = MLPClassifier(**QUICK, n_estimators=2).fit(X, CLASSES["strings"])
    path = tmp_path / "clf.pickle"
    path.write_bytes(pickle.dumps(to_sklearn(clf)))
    code = (
        "import pickle, sys; sys.modules['sknn_deep'] = None; "
        f"print(pickle.load(open({str(path)!r}, 'rb')).n_features_in_)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "4\n"


def test_to_sklearn_refuses_counts_where_scikit_learn_has_no_loss_for_them(monkeypatch):
    reg = MLPRegressor(loss="poisson", max_iter=2, learning_rate="cosine")
    reg.fit([[0.0], [1.0]], [0.0, 1.0])
    monkeypatch.setattr(_sklearn_mlp, "mlp_has_poisson", lambda: False)

    with pytest.raises(ValueError, match="scikit-learn has no out_activation='exp'"):
        to_sklearn(reg)
