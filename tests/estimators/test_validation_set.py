"""Errors about the validation set say that they are."""

import numpy as np
import pytest

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

X = np.random.default_rng(0).normal(size=(30, 4))
y = np.arange(30) % 2
NARROW, WITH_NAN = X[:, :3], np.where(X.max() == X, np.nan, X)
MLPS = [MLPClassifier(max_iter=2), MLPRegressor(max_iter=2)]


@pytest.mark.parametrize("estimator", MLPS)
@pytest.mark.parametrize(
    "validation",
    [
        {"X_val": NARROW, "y_val": y},
        {"X_val": WITH_NAN, "y_val": y},
        {"X_val": X, "y_val": y[:-1]},
        {"X_val": X, "y_val": y, "sample_weight_val": -np.ones(30)},
    ],
    ids=["too few features", "NaN", "too few labels", "negative weights"],
)
def test_error_about_the_validation_set_says_so(estimator, validation):
    with pytest.raises(ValueError) as caught:
        estimator.fit(X, y, **validation)

    (note,) = caught.value.__notes__
    assert "validation set: X_val" in note


@pytest.mark.parametrize("X_val", [NARROW, WITH_NAN], ids=["too few features", "NaN"])
def test_error_about_the_autoencoders_validation_set_says_so(X_val):
    with pytest.raises(ValueError) as caught:
        AutoencoderTransformer(n_components=2, max_iter=2).fit(X, X_val=X_val)

    (note,) = caught.value.__notes__
    assert "validation set: X_val" in note


@pytest.mark.parametrize("estimator", MLPS)
def test_error_about_the_training_rows_says_nothing_of_the_validation_set(estimator):
    with pytest.raises(ValueError) as caught:
        estimator.fit(WITH_NAN, y, X_val=X, y_val=y)

    assert not getattr(caught.value, "__notes__", [])
