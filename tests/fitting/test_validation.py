"""Validation rows: their weights, the best epoch, and too few of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.metrics import log_loss

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import ESTIMATORS, make, no_training


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
