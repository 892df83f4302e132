"""Validation rows: their weights, the best epoch, and too few of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    check_scoring,
    f1_score,
    log_loss,
    make_scorer,
)
from skorch.callbacks import (
    BatchScoring,
    EarlyStopping,
    EpochScoring,
    PassthroughScoring,
)

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetRegressor,
    TabularMLPClassifier,
)
from sknn_deep.metrics import trustworthiness_scorer
from tests.estimators.fits import ESTIMATORS, make, message_of, no_training
from tests.estimators.own_modules import TwoLinear


# B20: The validation loss is weighted by the weights of the validation rows.
@pytest.mark.must_never("B20")
def test_the_validation_loss_is_weighted(cancer):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0, 5, 50)
    clf = make(MLPClassifier, early_stopping=True, max_iter=1, alpha=0.0)

    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:], sample_weight_val=weight)

    proba = clf.predict_proba(X[150:])
    assert clf.validation_loss_curve_ == [
        pytest.approx(log_loss(y[150:], proba, sample_weight=weight))
    ]
    assert clf.best_validation_score_ == pytest.approx(
        clf.score(X[150:], y[150:], weight)
    )


@pytest.mark.must_never("B20")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_split_takes_the_weights_along(Estimator, cancer):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0.1, 5, len(X))
    seen = []

    def scorer(estimator, X_val, y_val, sample_weight):
        seen.append((X_val.copy(), sample_weight.copy()))
        return estimator.score(X_val, y_val, sample_weight)

    make(Estimator, early_stopping=True, scoring=scorer, max_iter=1).fit(X, y, weight)

    (X_val, weight_val) = seen[0]
    rows = cdist(X_val, X).argmin(axis=1)
    assert len(np.unique(rows)) == len(X_val) == 20
    assert_array_equal(weight_val, weight[rows])


# B32: After early stopping the weights are those of the best epoch.
@pytest.mark.must_never("B32")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_val", [1, 50])
@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_best_weights_come_back(Estimator, scoring, n_val, diabetes):
    X, y = diabetes
    y = y > 0 if Estimator is MLPClassifier else y
    if scoring is None and n_val == 1 and Estimator is not MLPClassifier:
        pytest.skip("one row has no R2")
    params = {"learning_rate": "constant", "learning_rate_init": 0.1, "max_iter": 60}
    X_val, y_val = X[150 : 150 + n_val], y[150 : 150 + n_val]
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y_val}
    estimator = make(Estimator, early_stopping=True, scoring=scoring, **params)

    estimator.fit(X[:150], y[:150], X_val=X_val, **target)

    scores = estimator.validation_scores_
    assert max(scores) == estimator.best_validation_score_ > scores[-1] or n_val == 1
    if scoring is None:
        assert estimator.score(X_val, y_val) == pytest.approx(max(scores))
        return
    assert max(scores) == -min(estimator.validation_loss_curve_)
    if Estimator is MLPClassifier:
        proba = estimator.predict_proba(X_val)
        loss = log_loss(y_val, proba, labels=[False, True])
    elif Estimator is MLPRegressor:
        loss = np.mean((estimator.predict(X_val) - y_val) ** 2) / 2
    else:
        loss = -estimator.score_samples(X_val).mean()
    assert loss == pytest.approx(-max(scores), rel=1e-6)


# B33: Too few rows to split raise before a training.
@pytest.mark.must_never("B33")
def test_too_little_to_split_raises_before_training(monkeypatch):
    no_training(monkeypatch)
    X = [[0.0], [1.0], [2.0], [3.0]]

    with pytest.raises(ValueError, match="The validation set is too small"):
        make(MLPRegressor, early_stopping=True).fit(X, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="The validation set is too small"):
        make(AutoencoderTransformer, early_stopping=True).fit(X)
    with pytest.raises(ValueError, match="should be greater or equal to the number of"):
        make(MLPClassifier, early_stopping=True).fit(X, [0, 0, 1, 1])


# --- skorch's callbacks that score ----------------------------------------------------


def scoring(what, name, **options):
    return (name, EpochScoring(what, name=name, lower_is_better=False, **options))


@pytest.fixture(scope="module")
def labelled():
    X, y = make_classification(200, 6, n_informative=4, random_state=0)
    return X, np.where(y, "yes", "no")


def test_epoch_scoring_scores_labels(labelled):
    X, y = labelled
    f1 = make_scorer(f1_score, pos_label="yes")
    callbacks = [
        scoring(f1, "f1"),
        scoring(f1, "f1_train", on_train=True),
        scoring(accuracy_score, "metric"),
        scoring(None, "score"),
        scoring("neg_log_loss", "loss", use_caching=False),
        scoring(lambda net, X, y: np.mean(net.predict(X) == y), "function"),
        scoring(lambda net, X, y: len(net.history) + net.module_.training, "n"),
        EarlyStopping("f1", lower_is_better=False, patience=1000),
    ]
    clf = make(MLPClassifier, callbacks=callbacks, dropout=0.2)

    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    history = clf.net_.history
    assert history[-1, "f1"] == f1(clf, X[150:], y[150:])
    assert history[-1, "f1_train"] == f1(clf, X[:150], y[:150])
    expected = -log_loss(y[150:], clf.predict_proba(X[150:]))
    assert history[-1, "loss"] == pytest.approx(expected)
    for name in ("metric", "score", "function"):
        assert history[:, name] == clf.validation_scores_
    assert history[:, "n"] == list(range(1, 9))
    best = np.maximum.accumulate(history[:, "f1"])
    assert history[:, "f1_best"] == [True, *(np.diff(best) > 0)]
    assert dict(clf.net_.callbacks_)["f1"].best_score_ == best[-1]


SCHEDULE = {"learning_rate": "cosine", "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize(
    ("estimator", "what"),
    [
        (MLPRegressor(normalize_y=True), "neg_mean_absolute_error"),
        (MLPRegressor(loss="poisson"), "neg_mean_absolute_error"),
        (NetRegressor(TwoLinear, normalize_y=True), "r2"),
        (AutoencoderTransformer(2), None),
        (NeighborAutoencoder(2, n_neighbors=5), trustworthiness_scorer),
    ],
    ids=["normalized", "poisson", "own net", "autoencoder", "neighbors"],
)
def test_epoch_scoring_scores_what_is_predicted(estimator, what, diabetes):
    X, y = diabetes
    y = y - y.min()
    has_y = hasattr(estimator, "predict")
    callbacks = [scoring(what, "valid"), scoring(what, "train", on_train=True)]
    estimator = clone(estimator).set_params(callbacks=callbacks, **SCHEDULE)

    estimator.fit(
        X[:150], y[:150], X_val=X[150:], **{"y_val": y[150:]} if has_y else {}
    )

    score = check_scoring(estimator, what)
    expected = score(estimator, X[:150], y[:150]), score(estimator, X[150:], y[150:])
    assert estimator.net_.history[-1, ("train", "valid")] == pytest.approx(expected)


def test_epoch_scoring_takes_the_rows_that_are_set_aside(labelled):
    X, y = labelled
    params = {"early_stopping": True, "n_estimators": 2, "n_iter_no_change": 99}
    callbacks = [scoring("accuracy", "valid"), scoring("accuracy", "t", on_train=True)]
    clf = make(MLPClassifier, callbacks=callbacks, **params)

    clf.fit(csr_array(X), y)

    for member in clf.estimators_:
        assert member.net_.history[:, "valid"] == member.validation_scores_
        n_right = 180 * member.net_.history[-1, "t"]
        assert n_right == pytest.approx(round(n_right))


def test_epoch_scoring_of_a_table_scores_what_its_networks_predict(labelled):
    X, y = labelled
    clf = TabularMLPClassifier(
        (8,), max_iter=3, random_state=0, callbacks=[scoring("accuracy", "valid")]
    )

    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    assert clf.net_.history[:, "valid"] == clf.validation_scores_
    clf.set_params(callbacks=[scoring("accuracy", "train", on_train=True)])
    assert message_of(clf.fit, X, y) == (
        "EpochScoring of TabularMLPClassifier scores no training rows. Pass the rows "
        "to be scored to `fit`, as X_val and y_val, and set on_train=False."
    )


def test_epoch_scoring_sees_no_batches_that_it_does_not_need(labelled, monkeypatch):
    X, y = labelled
    callbacks = [scoring("accuracy", "valid"), scoring("accuracy", "t", on_train=True)]
    plain, scored = make(MLPClassifier), make(MLPClassifier, callbacks=callbacks)
    for clf in (plain, scored):
        clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    assert_array_equal(scored.predict_proba(X), plain.predict_proba(X))
    assert str(scored.net_.step_plan_) == str(plain.net_.step_plan_)


def test_epoch_scoring_has_no_number_where_the_loss_has_none(labelled):
    X, y = labelled
    clf = make(
        MLPClassifier,
        callbacks=[scoring("accuracy", "valid")],
        early_stopping=True,
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=1e12,
    )

    with pytest.warns(ConvergenceWarning, match="best weights so far were restored"):
        clf.fit(X * 1e150, y)

    assert np.isnan(clf.net_.history[-1, "valid"])
    assert clf.net_.history[-1, "valid_best"] is False


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_epoch_scoring_without_rows_to_score_says_so(Estimator, labelled):
    X, y = labelled[0], labelled[0][:, 0] > 0
    estimator = make(Estimator, callbacks=[EpochScoring(None)])
    name = Estimator.__name__
    expected = (
        f"EpochScoring of {name} scores validation rows, of which there are none. Pass "
        "X_val to `fit`, and y_val where there is a y, or set early_stopping=True, or "
        "let it score the training rows, by on_train=True."
    )

    assert message_of(estimator.fit, X, y) == expected
    options = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
    assert message_of(estimator.partial_fit, X, y, **options) == expected


@pytest.mark.parametrize(
    "callback",
    [
        BatchScoring("accuracy"),
        BatchScoring("accuracy", on_train=True),
        PassthroughScoring("train_batch_size"),
    ],
    ids=["batches", "training", "passed"],
)
def test_scoring_of_batches_says_what_scores(callback, labelled):
    X, y = labelled
    clf = make(MLPClassifier, callbacks=[callback], early_stopping=True)

    assert message_of(clf.fit, X, y) == (
        f"{type(callback).__name__} is about batches: validation rows of MLPClassifier "
        "pass in none, and of training rows it sees the network's raw outputs. Use "
        "EpochScoring, which scores what MLPClassifier predicts."
    )


def test_scoring_of_batches_by_a_function_goes_on(labelled):
    X, y = labelled
    callbacks = [
        BatchScoring(lambda net, X, y: len(X), on_train=True, name="n_rows"),
        PassthroughScoring("train_batch_size", on_train=True),
    ]
    clf = make(MLPClassifier, callbacks=callbacks, batch_size=100).fit(X, y)

    assert clf.net_.history[:, ("n_rows", "train_batch_size")] == [(100, 100)] * 8
