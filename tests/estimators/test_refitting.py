"""What another call of fit or partial_fit keeps, and what it forgets."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import ESTIMATORS, SGD, make, output_of, weights_of


# B26: A fit that failed leaves what was there, or nothing, and the next one works.
@pytest.mark.must_never("B26")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_failed_first_fit_is_no_fit(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator, device="nonsense")

    with pytest.raises(ValueError, match="nonsense"):
        estimator.fit(X, y > 0)

    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    assert [name for name in vars(estimator) if name.endswith("_")] == []
    output_of(estimator.set_params(device="cpu").fit(X, y > 0), X)


@pytest.mark.must_never("B26")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_failed_refit_keeps_the_last_model(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator).fit(X, y > 0)
    before = output_of(estimator, X)

    with pytest.raises(ValueError):
        estimator.fit(X[:, :3] * np.nan, y > 0)
    with pytest.raises(ValueError, match="nonsense"):
        estimator.set_params(device="nonsense").fit(X[:, :3], y > 0)

    assert_array_equal(output_of(estimator, X), before)
    assert estimator.n_features_in_ == 10


@pytest.mark.must_never("B26")
def test_a_failed_partial_fit_keeps_the_weights(diabetes):
    X, y = diabetes
    reg = make(MLPRegressor, **SGD).partial_fit(X, y)
    before = weights_of(reg)

    with pytest.raises(ValueError, match="diverged"):
        reg.partial_fit(X * 1e200, y)

    assert_array_equal(weights_of(reg), before)
    assert np.isfinite(weights_of(reg.partial_fit(X, y))).all()


# B38: A second fit is as a first one.
@pytest.mark.must_never("B38")
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"dropout": 0.2}], ids=str
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_second_fit_is_a_fresh_fit(Estimator, params, cancer, diabetes):
    fresh = make(Estimator, **params).fit(*cancer)
    used = make(Estimator, **params).fit(diabetes[0], diabetes[1] > 0)
    if Estimator is not AutoencoderTransformer and not params:
        used.partial_fit(diabetes[0], diabetes[1] > 0)

    used.fit(*cancer)

    assert_array_equal(weights_of(used), weights_of(fresh))
    assert used.loss_curve_ == fresh.loss_curve_
    assert used.validation_scores_ == fresh.validation_scores_
    assert (used.t_, used.n_iter_) == (fresh.t_, fresh.n_iter_)


# B39: Batches of partial_fit may lack classes, and early stopping of it is refused.
@pytest.mark.must_never("B39")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_refuses_early_stopping(Estimator, cancer):
    estimator = make(Estimator, early_stopping=True)
    classes = {"classes": [0, 1]} if Estimator is MLPClassifier else {}

    with pytest.raises(
        ValueError, match="partial_fit does not support early_stopping=True"
    ):
        estimator.partial_fit(*cancer, **classes)


@pytest.mark.must_never("B39")
def test_partial_fit_takes_batches_that_lack_classes(digits_slice):
    X, y = digits_slice
    X = X / 16
    clf = make(MLPClassifier)
    for start in [*range(0, 200, 5)] * 3:
        rows = slice(start, start + 5)
        clf.partial_fit(X[rows], y[rows], classes=np.arange(12))

    assert clf.predict_proba(X).shape == (200, 12)
    assert set(clf.predict(X)) <= set(range(12))
    assert clf.score(X, y) > 0.5


@pytest.mark.must_never("B39")
def test_partial_fit_takes_several_labels(digits_slice):
    X, y = digits_slice
    Y = np.column_stack([y > 4, y % 2 == 0, y == 11]).astype(int)
    clf = make(MLPClassifier, batch_size=20)
    for _ in range(10):
        clf.partial_fit(X / 16, Y, classes=[0, 1, 2])

    assert clf.predict(X / 16).shape == (200, 3)
    assert (clf.predict(X / 16) == Y).mean() > 0.85


# B40: A warm start goes on from the weights, for as many epochs again.
@pytest.mark.must_never("B40")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_goes_on_for_max_iter_epochs(Estimator, cancer):
    estimator = make(Estimator, warm_start=True, learning_rate="constant", max_iter=5)
    estimator.fit(*cancer)
    first = weights_of(estimator)

    estimator.set_params(learning_rate_init=1e-9).fit(*cancer)

    assert estimator.n_iter_ == 5
    assert len(estimator.loss_curve_) == 10
    assert 0 < np.abs(weights_of(estimator) - first).max() < 1e-6


# B41: A new learning rate between calls of partial_fit keeps the weights.
@pytest.mark.must_never("B41")
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
def test_a_new_rate_applies_and_keeps_the_weights(solver, diabetes):
    X, y = diabetes
    # With momentum, which is a sum of past updates, it would go on for a while.
    reg = make(MLPRegressor, solver=solver, learning_rate="constant", momentum=0)
    for _ in range(3):
        reg.partial_fit(X, y)
    before = weights_of(reg)

    reg.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    still = weights_of(reg)
    reg.set_params(learning_rate_init=1e-2).partial_fit(X, y)

    assert np.abs(still - before).max() < 1e-9
    assert np.abs(weights_of(reg) - before).max() > 1e-4
