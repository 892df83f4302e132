"""MLPClassifier: labels, their weights, and what is said of both."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from sknn_deep import MLPClassifier
from tests.estimators.fits import message_of, weights_of

# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "hidden_layer_sizes": (12,),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "max_iter": 10,
    "random_state": 0,
}
# Training that leaves the weights as they are: its loss is that of the start.
STILL = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "alpha": 0.0}


def make(**params):
    return MLPClassifier(**QUICK | params)


@pytest.fixture(scope="module")
def labels(ten_digits):
    """Three labels of each digit: large, even, zero."""
    y = ten_digits[1]
    return np.column_stack([y > 4, y % 2 == 0, y == 0]).astype(int)


# --- labels ---------------------------------------------------------------------------


def test_digits_are_learnt(digits):
    X_train, X_test, y_train, y_test = train_test_split(*digits, random_state=0)
    clf = MLPClassifier(
        hidden_layer_sizes=(64,),
        batch_size=64,
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=20,
        random_state=0,
    )

    assert clf.fit(X_train, y_train).score(X_test, y_test) > 0.96


def test_no_hidden_layer_is_logistic_regression(cancer, ten_digits):
    for X, y in (cancer, ten_digits):
        # A strong penalty: SciPy stops when the loss hardly falls, which is far from
        # the minimum of a flat one.
        clf = MLPClassifier((), solver="lbfgs", alpha=100.0, tol=1e-9, random_state=0)
        line = LogisticRegression(C=0.01, tol=1e-9, max_iter=5000)

        ours = clf.fit(X, y).predict_proba(X)

        assert_allclose(ours, line.fit(X, y).predict_proba(X), atol=5e-4)


def test_a_thousand_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 12))
    y = np.array([f"class {i:03d}" for i in range(1000)])[np.arange(2000) % 1000]

    clf = make(max_iter=2, hidden_layer_sizes=(20,)).fit(X, y)

    assert clf.predict_proba(X).shape == (2000, 1000)
    assert clf.coefs_[-1].shape == (20, 1000)
    assert set(clf.predict(X)) <= set(y)


@pytest.mark.parametrize("container", [np.asarray, csr_array, pd.DataFrame, list])
def test_several_labels_at_once(container, ten_digits, labels):
    X, _ = ten_digits
    Y = labels.tolist() if container is list else container(labels)

    clf = make(max_iter=40).fit(X, Y)

    predicted = clf.predict(X)
    assert predicted.shape == (300, 3) and predicted.dtype == np.int64
    assert_array_equal(clf.classes_, [0, 1, 2])
    assert_array_equal(predicted, clf.predict_proba(X) > 0.5)
    assert clf.score(X, labels) == accuracy_score(labels, predicted) > 0.8
    assert clf.out_activation_ == "logistic" and clf.n_outputs_ == 3


def test_a_column_of_labels_warns_and_is_a_vector(cancer):
    X, y = cancer
    message = "A column-vector y was passed when a 1d array was expected"

    with pytest.warns(DataConversionWarning, match=message):
        clf = make().fit(X, y[:, None])

    assert clf.predict(X).shape == (200,)


def test_log_probabilities_are_logarithms(cancer):
    X, y = cancer
    clf = make().fit(X, y)
    with torch.no_grad():
        clf.net_.module_[-1].dense.weight.mul_(1e6)

    with np.errstate(divide="ignore"):
        expected = np.log(clf.predict_proba(X))

    assert np.isneginf(expected).any()
    assert_array_equal(clf.predict_log_proba(X), expected)


def test_labels_that_cannot_be_classes_raise(cancer, ten_digits):
    X, y = cancer
    assert message_of(make().fit, X, y + 0.5 * X[:, 0]) == (
        "Unknown label type: continuous. Maybe you are trying to fit a classifier, "
        "which expects discrete classes on a regression target with continuous values."
    )
    assert message_of(make().fit, X, np.column_stack([y, np.arange(200) % 3])) == (
        "Multioutput target data is not supported: y of several columns must hold only "
        "0 and 1 (one column per label). Use MultiOutputClassifier for several targets "
        "with classes of their own."
    )


def test_classes_that_were_not_seen_raise(cancer, labels):
    X, y = cancer
    clf = make(warm_start=True).fit(X, y)
    three = np.arange(200) % 3

    assert message_of(clf.partial_fit, X, three) == (
        "`y` has classes not in `self.classes_`: 2. `self.classes_` has 0, 1. Pass all "
        "that will ever come as `classes` of the first call of partial_fit."
    )
    assert message_of(make().fit, X, y, X_val=X, y_val=three) == (
        "`y_val` has classes that `y` has not: 2. Leave out their rows, or fit to rows "
        "of these classes too."
    )
    assert message_of(clf.fit, X, three) == (
        "warm_start can only be used where `y` has the same classes as in the previous "
        "call to fit. Previously got [0 1], `y` has [0 1 2]"
    )
    several = make().fit(X, labels[:200])
    assert message_of(several.partial_fit, X, labels[:200, :2]) == (
        "y must have one column for each of the 3 labels seen in the first fit. Got "
        "shape (200, 2)."
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_class_with_one_member_is_learnt(early_stopping, ten_digits):
    X, y = ten_digits
    y = np.where(np.arange(300) == 7, 50, y)

    clf = make(early_stopping=early_stopping).fit(X, y)

    assert clf.predict_proba(X).shape == (300, 11)
    assert_array_equal(clf.classes_, [*range(10), 50])


@pytest.mark.parametrize("scoring", [None, "loss", "f1_macro"])
def test_a_class_may_be_missing_among_the_validation_rows(scoring, ten_digits):
    X, y = ten_digits
    few = y < 5
    clf = make(early_stopping=True, scoring=scoring)

    clf.fit(X, y, X_val=X[few], y_val=y[few])

    proba = clf.predict_proba(X[few])
    assert proba.shape == (few.sum(), 10)
    if scoring is None:
        assert clf.best_validation_score_ == clf.score(X[few], y[few])
    elif scoring == "loss":
        loss = log_loss(y[few], proba, labels=np.arange(10))
        assert clf.best_validation_score_ == pytest.approx(-loss)
    else:
        expected = get_scorer(scoring)(clf, X[few], y[few])
        assert clf.best_validation_score_ == pytest.approx(expected)


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "loss"},
        {"solver": "lbfgs", "max_iter": 500},
        {"class_weight": "balanced"},
        {"normalization": "batch", "dropout": 0.2, "label_smoothing": 0.1},
    ],
    ids=str,
)
def test_a_single_class_is_predicted_in_any_setting(params, cancer):
    X, _ = cancer
    only = np.full(len(X), "only")

    clf = make(**params).fit(X, only)

    assert_array_equal(clf.predict(X), only)
    assert_array_equal(clf.predict_proba(X), np.ones((len(X), 1)))


def test_the_split_is_stratified(ten_digits):
    """Every digit has its share of the validation rows."""
    X, y = ten_digits
    seen = []

    def scorer(estimator, X_val, y_val):
        seen.append(np.bincount(y_val, minlength=10))
        return 0.0

    make(early_stopping=True, validation_fraction=0.2, scoring=scorer).fit(X, y)

    assert_allclose(seen[0], np.bincount(y) * 0.2, atol=1)


# --- loss -----------------------------------------------------------------------------


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_the_loss_of_many_classes_is_torchs(label_smoothing, ten_digits):
    X, y = ten_digits
    clf = make(**STILL, label_smoothing=label_smoothing).fit(X, y)

    logits = clf.net_.forward(X)
    expected = F.cross_entropy(
        logits, torch.from_numpy(y), label_smoothing=label_smoothing
    )

    assert clf.loss_ == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("several", [False, True])
def test_the_loss_of_logistic_outputs_is_torchs(
    several, label_smoothing, cancer, ten_digits, labels
):
    X, Y = (ten_digits[0], labels) if several else cancer
    clf = make(**STILL, label_smoothing=label_smoothing).fit(X, Y)

    target = torch.from_numpy(Y.reshape(len(Y), -1).astype(float))
    smoothed = target * (1 - label_smoothing) + label_smoothing / 2
    losses = F.binary_cross_entropy_with_logits(
        clf.net_.forward(X), smoothed, reduction="none"
    )

    assert clf.loss_ == pytest.approx(losses.sum(dim=1).mean().item(), rel=1e-9)


def test_label_smoothing_tempers_probabilities(ten_digits):
    X, y = ten_digits
    params = {"max_iter": 60, "hidden_layer_sizes": (50,)}
    sharp = make(**params).fit(X, y).predict_proba(X)
    smooth = make(label_smoothing=0.2, **params).fit(X, y).predict_proba(X)

    assert sharp.max(axis=1).mean() > 0.95
    # The best that smoothed labels can be met with is 0.8 + 0.2 / 10.
    assert smooth.max(axis=1).mean() == pytest.approx(0.82, abs=0.04)


# --- class weights --------------------------------------------------------------------


def test_balanced_weights_raise_the_rare_class():
    X, y = make_blobs([190, 10], centers=[[0, 0], [1, 1]], random_state=0)
    plain = make().fit(X, y)
    balanced = make(class_weight="balanced").fit(X, y)

    def score(clf):
        return balanced_accuracy_score(y, clf.predict(X))

    assert score(balanced) > score(plain) + 0.1


def test_class_weights_of_several_labels_multiply(ten_digits, labels):
    X, _ = ten_digits
    by_class = [{0: 1, 1: 2}, {0: 1, 1: 3}, {0: 0.5, 1: 1}]
    weight = np.prod(
        [[w[value] for w, value in zip(by_class, row, strict=True)] for row in labels],
        axis=1,
    )

    weighted = make(class_weight=by_class).fit(X, labels)

    assert_allclose(
        weights_of(weighted), weights_of(make().fit(X, labels, weight)), rtol=1e-9
    )


def test_class_weights_go_with_partial_fit(cancer):
    X, y = cancer
    weight = np.where(y == 1, 4.0, 1.0)
    by_class, by_row = make(class_weight={1: 4.0}), make()
    for start in (0, 100):
        rows = slice(start, start + 100)
        by_class.partial_fit(X[rows], y[rows], classes=[0, 1])
        by_row.partial_fit(X[rows], y[rows], weight[rows], classes=[0, 1])

    assert_allclose(weights_of(by_class), weights_of(by_row), rtol=1e-9)


def test_balanced_weights_refuse_partial_fit(cancer):
    X, y = cancer

    message = message_of(
        make(class_weight="balanced").partial_fit, X, y, classes=[0, 1]
    )

    assert message == (
        "class_weight='balanced' is not supported by partial_fit, which sees a part of "
        "the data only. Pass the weights as a dict: compute_class_weight('balanced', "
        "classes=classes, y=y_of_all) gives them."
    )
    classes = np.array([0, 1])
    weights = compute_class_weight("balanced", classes=classes, y=y)
    clf = make(class_weight=dict(enumerate(weights)))
    clf.partial_fit(X[:50], y[:50], classes=classes)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_class_weights_that_are_no_weights_raise(value, cancer):
    X, y = cancer

    with pytest.raises(ValueError, match=r"class_weight|[Nn]egative|NaN|infinity"):
        make(class_weight={0: value, 1: 1.0}).fit(X, y)


def test_a_class_of_zero_weight_is_left_out(cancer):
    X, y = cancer

    clf = make(class_weight={0: 0.0, 1: 1.0}).fit(X, y)

    left = make().fit(X, y, sample_weight=(y == 1))
    assert_array_equal(clf.classes_, [0, 1])
    assert_array_equal(weights_of(clf), weights_of(left))
    assert np.mean(clf.predict(X) == 1) > 0.9


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weights_that_leave_no_row_raise(solver, cancer):
    X, y = cancer
    message = "class_weight leaves no row with a weight above zero"
    clf = make(class_weight={0: 0.0, 1: 0.0}, solver=solver, max_iter=20)

    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


def test_class_weights_that_leave_no_row_of_a_part_raise(cancer):
    X, y = cancer
    X_of_0, y_of_0 = X[y == 0], y[y == 0]
    message = "class_weight leaves no row with a weight above zero"
    clf = make(class_weight={0: 0.0}).partial_fit(X, y, classes=[0, 1])
    before = weights_of(clf)

    with pytest.raises(ValueError, match=message):
        clf.partial_fit(X_of_0, y_of_0)
    with pytest.raises(ValueError, match=message) as caught:
        make(class_weight={0: 0.0}).fit(X, y, X_val=X_of_0, y_val=y_of_0)

    assert_array_equal(weights_of(clf), before)
    assert "validation set" in caught.value.__notes__[0]


def test_balanced_class_weights_are_those_of_the_last_fit(cancer, ten_digits):
    X, y = cancer
    clf = make(class_weight="balanced").fit(X, y)
    clf.set_params(class_weight={0: 1.0, 1: 99.0}).partial_fit(X, y)
    clf.set_params(class_weight="balanced")
    with_dict = copy.deepcopy(clf).set_params(
        class_weight=dict(
            enumerate(compute_class_weight("balanced", classes=clf.classes_, y=y))
        )
    )

    clf.partial_fit(X, y)
    with_dict.partial_fit(X, y)

    assert_allclose(weights_of(clf), weights_of(with_dict), rtol=1e-12)
    clf.set_params(class_weight=None).fit(*ten_digits)
    with pytest.raises(ValueError, match="not supported by partial_fit"):
        clf.set_params(class_weight="balanced").partial_fit(*ten_digits)


# --- scoring --------------------------------------------------------------------------


@pytest.mark.parametrize("named", [False, True], ids=["array", "frame"])
@pytest.mark.parametrize(
    "scoring",
    [
        None,
        "accuracy",
        "neg_log_loss",
        "roc_auc",
        "f1",
        make_scorer(accuracy_score),
        lambda estimator, X, y: estimator.score(X, y) / 2,
    ],
    ids=lambda scoring: scoring if isinstance(scoring, str) else type(scoring).__name__,
)
def test_best_score_is_the_scorers(scoring, named, cancer):
    X, y = cancer
    X = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]) if named else X
    X_val, y_val = X[150:], y[150:]
    clf = make(early_stopping=True, scoring=scoring, learning_rate_init=0.2)

    clf.fit(X[:150], y[:150], X_val=X_val, y_val=y_val)

    scorer = get_scorer(scoring or "accuracy")
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert scorer(clf, X_val, y_val) == pytest.approx(clf.best_validation_score_)


@pytest.mark.parametrize(
    "takes_weights, scorer",
    [
        (False, lambda estimator, X, y: estimator.score(X, y)),
        (True, lambda estimator, X, y, **others: estimator.score(X, y, **others)),
        (False, make_scorer(lambda y, predicted: accuracy_score(y, predicted))),
        (True, make_scorer(accuracy_score)),
        (True, make_scorer(lambda y, p, **others: accuracy_score(y, p, **others))),
    ],
    ids=[
        "function",
        "function of anything",
        "metric",
        "metric with weights",
        "metric of anything",
    ],
)
def test_a_scorer_gets_weights_if_it_takes_them(takes_weights, scorer, cancer):
    X, y = cancer
    X_val, y_val = X[150:], y[150:]
    weight = np.linspace(0.1, 5, len(y_val))
    clf = make(scoring=scorer, max_iter=2, class_weight={0: 3.0})

    clf.fit(X[:150], y[:150], X_val=X_val, y_val=y_val, sample_weight_val=weight)

    weight = weight * np.where(y_val == 0, 3.0, 1.0) if takes_weights else None
    expected = clf.score(X_val, y_val, weight)
    assert clf.validation_scores_[-1] == pytest.approx(expected)


def test_scoring_loss_watches_the_validation_loss(cancer):
    X, y = cancer
    clf = make(
        early_stopping=True,
        scoring="loss",
        learning_rate="constant",
        learning_rate_init=0.3,
        n_iter_no_change=3,
        max_iter=100,
    )

    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    assert_array_equal(clf.validation_scores_, -np.array(clf.validation_loss_curve_))
    best = log_loss(y[150:], clf.predict_proba(X[150:]))
    assert clf.best_validation_score_ == pytest.approx(-best)
    assert clf.n_iter_ < 100


def test_a_scorer_sees_the_weights_of_the_epoch(cancer):
    X, y = cancer
    seen = []

    def scorer(estimator, X_val, y_val):
        seen.append(log_loss(y_val, estimator.predict_proba(X_val)))
        return -seen[-1]

    clf = make(scoring=scorer).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    assert_allclose(seen, clf.validation_loss_curve_)


def test_an_unknown_scorer_raises(cancer):
    message = message_of(make(scoring="beauty").fit, *cancer)

    assert message == (
        "The 'scoring' parameter of MLPClassifier must be 'loss', a name that "
        "sklearn.metrics.get_scorer_names() lists, a callable or None. Got 'beauty' "
        "instead."
    )


# --- pickles --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dropout": 0.1, "normalization": "batch"},
        {"solver": torch.optim.RMSprop},
        {"solver": "lbfgs", "max_iter": 500},
        {"precision": "bfloat16"},
        {"verbose": 1},
        {"early_stopping": True, "scoring": "neg_log_loss"},
    ],
    ids=str,
)
def test_pickles_of_any_setting_are_small_and_predict_the_same(params, ten_digits):
    X, y = ten_digits
    clf = make(hidden_layer_sizes=(400,), **{"max_iter": 2} | params).fit(X, y)

    pickled = pickle.dumps(clf)

    assert len(pickled) < 3 * weights_of(clf).nbytes
    assert_array_equal(pickle.loads(pickled).predict_proba(X), clf.predict_proba(X))
