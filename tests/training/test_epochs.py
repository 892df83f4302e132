"""Epochs of a fit: which rows they take, how they end, and what they tell."""

import logging
import pickle
import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sknn_deep import MLPClassifier
from tests.estimators.fits import (
    ESTIMATORS,
    MLPS,
    PLAIN,
    SGD,
    BatchLog,
    make,
    output_of,
    weights_of,
)


@pytest.fixture
def batch_log():
    BatchLog.batches.clear()
    yield BatchLog
    BatchLog.batches.clear()


class Interrupt(Callback):
    """Presses Ctrl-C in the middle of the third epoch."""

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise KeyboardInterrupt


# B29: Every row is trained on in every epoch: none is held out unasked.
@pytest.mark.must_never("B29")
@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_row_is_used(Estimator, batch_log):
    X = np.arange(230.0)[:, None] / 230

    make(Estimator, max_iter=3, batch_size=50, callbacks=[batch_log()]).fit(
        X, X[:, 0] > 0
    )

    epochs = {}
    for epoch, rows in batch_log.batches:
        epochs.setdefault(epoch, []).extend(rows)
    assert list(epochs) == [1, 2, 3]
    for rows in epochs.values():
        assert_allclose(np.sort(rows), X[:, 0])


# B30: Batches are shuffled anew in each epoch.
@pytest.mark.must_never("B30")
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_shuffled_each_epoch(shuffle, batch_log):
    X = np.arange(100.0)[:, None] / 100
    params = {} if shuffle else {"shuffle": False}

    make(
        MLPClassifier, max_iter=3, batch_size=100, callbacks=[batch_log()], **params
    ).fit(X, X[:, 0] > 0.5)

    orders = [rows for _, rows in batch_log.batches]
    same = [
        orders[0] == orders[1],
        orders[1] == orders[2],
        orders[0] == X[:, 0].tolist(),
    ]
    assert same == [not shuffle] * 3


# B31: Fewer rows than a batch, or one row more than batches, are all trained on.
@pytest.mark.must_never("B31")
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize(("n", "batch_size"), [(41, 20), (7, "auto"), (1, "auto")])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_number_of_rows_is_wrong(Estimator, n, batch_size, normalization, diabetes):
    X, y = diabetes
    params = {"batch_size": batch_size, "normalization": normalization, "max_iter": 3}

    estimator = make(Estimator, **params).fit(X[:n], y[:n] > 0)

    assert estimator.t_ == 3 * n
    assert np.isfinite(output_of(estimator, X)).all()


# B34: A training that diverges says so once, with what to do.
@pytest.mark.must_never("B34")
@pytest.mark.parametrize("Estimator", MLPS)
def test_divergence_is_named(Estimator, diabetes):
    X, y = diabetes
    diverging = {
        "solver": "sgd",
        "learning_rate": "constant",
        "learning_rate_init": 1e6,
        "activation": "identity",
        "batch_size": 10,
        "max_iter": 50,
    }
    message = r"diverged in epoch .*: scale X first.*smaller learning_rate_init"

    with pytest.raises(ValueError, match=message):
        make(Estimator, alpha=1.0, **diverging).fit(X * 1e6, y > 0)


@pytest.mark.must_never("B34")
@pytest.mark.parametrize("Estimator", MLPS)
def test_divergence_is_one_warning_with_early_stopping(Estimator, diabetes):
    X, y = diabetes
    params = {**SGD, "learning_rate_init": 1e6, "activation": "identity", "alpha": 1.0}
    params |= {"batch_size": 10, "max_iter": 50, "n_iter_no_change": 50}
    estimator = make(Estimator, early_stopping=True, **params)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X * 1e6, y > 0)

    assert [w.category for w in caught] == [ConvergenceWarning]
    assert re.search("diverged in epoch .* best weights", str(caught[0].message))
    assert np.isfinite(weights_of(estimator)).all()
    assert np.isfinite(output_of(estimator, X)).all()


# B35: Curves have an entry for each epoch, however the training ends.
@pytest.mark.must_never("B35")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("stop", ["tol", "max_iter", "max_time", "interrupt"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:Training interrupted by user")
def test_curves_have_an_entry_an_epoch(Estimator, stop, early_stopping, cancer):
    X, y = cancer
    params = {
        "tol": PLAIN | {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 50},
        "max_iter": {},
        "max_time": {"max_time": 1e-9},
        "interrupt": {"callbacks": [Interrupt()]},
    }[stop]

    estimator = make(Estimator, early_stopping=early_stopping, **params).fit(X, y)

    n_iter = {"max_iter": 8, "max_time": 1, "interrupt": 2}.get(stop, estimator.n_iter_)
    assert 0 < estimator.n_iter_ == n_iter < 50
    assert len(estimator.loss_curve_) == n_iter
    if early_stopping:
        assert len(estimator.validation_loss_curve_) == n_iter
        assert len(estimator.validation_scores_) == n_iter
    else:
        assert estimator.validation_loss_curve_ is None
        assert estimator.validation_scores_ is None


# B36: A fit is silent, and warns at most once that it has not converged.
@pytest.mark.must_never("B36")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_is_silent_by_default(Estimator, cancer, capfd, caplog):
    X, y = cancer
    with caplog.at_level(logging.INFO):
        estimator = make(Estimator, early_stopping=True).fit(X, y)
        output_of(estimator, X)

    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.must_never("B36")
def test_a_fit_gives_one_convergence_warning_at_most(cancer):
    X, y = cancer
    clf = make(MLPClassifier, learning_rate="constant", max_iter=2)
    search = GridSearchCV(clf, {"alpha": np.logspace(-3, 0, 10)}, cv=2, refit=False)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)

    assert [w.category for w in caught] == [ConvergenceWarning] * 20


# B37: An interrupt leaves a usable model.
@pytest.mark.must_never("B37")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_interrupt_leaves_a_usable_model(Estimator, early_stopping, cancer):
    X, y = cancer
    params = {"early_stopping": early_stopping, "learning_rate": "constant"}
    estimator = make(Estimator, callbacks=[Interrupt()], max_iter=50, **params)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, y)

    two = make(Estimator, max_iter=2, **params)
    with pytest.warns(ConvergenceWarning):
        two.fit(X, y)
    assert estimator.n_iter_ == 2
    assert estimator.loss_curve_ == two.loss_curve_
    assert np.isfinite(output_of(estimator, X)).all()
    pickle.loads(pickle.dumps(estimator))


@pytest.mark.must_never("B37")
def test_an_interrupt_while_scoring_leaves_a_usable_model(cancer):
    X, y = cancer
    n_calls = 0

    def scorer(estimator, X, y):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    clf = make(MLPClassifier, early_stopping=True, scoring=scorer)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training interrupted by user")
        clf.fit(X, y)

    assert len(clf.validation_scores_) == 2
    assert clf.score(X, y) > 0.5
