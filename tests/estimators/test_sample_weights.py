"""Weights of rows: none, ones, whole numbers, zeros, and bad ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknn_deep import AutoencoderTransformer, MLPClassifier
from tests.estimators.fits import ESTIMATORS, make, no_training, weights_of


# B15: Weights of one are, to the last bit, no weights.
@pytest.mark.must_never("B15")
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_of_one_are_no_weights(Estimator, params, diabetes):
    X, y = diabetes
    if params.get("solver") == "lbfgs":
        params = params | {"max_iter": 200, "tol": 1.0}

    none, ones = (
        make(Estimator, **params).fit(X, y > 0, sample_weight)
        for sample_weight in (None, np.ones(len(X)))
    )

    assert_array_equal(weights_of(none), weights_of(ones))


# B16: Whole weights are repeated rows, and a row of zero weight is no row.
@pytest.mark.must_never("B16")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_integer_weights_are_repeated_rows(Estimator, diabetes):
    X, y = diabetes
    n = np.random.default_rng(0).integers(0, 4, len(X))
    params = {"precision": "float64", "shuffle": False, "alpha": 0.1}

    weighted = make(Estimator, batch_size=(n > 0).sum(), **params).fit(X, y > 0, n)
    X_repeated, y_repeated = np.repeat(X, n, axis=0), np.repeat(y > 0, n)
    repeated = make(Estimator, batch_size=n.sum(), **params).fit(X_repeated, y_repeated)

    assert_allclose(weights_of(weighted), weights_of(repeated), rtol=1e-6, atol=1e-9)


@pytest.mark.must_never("B16")
@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"batch_size": 30}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_row_of_zero_weight_is_no_row(Estimator, params, diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).integers(0, 2, len(X)).astype(float)
    keep = weight > 0
    X_junk = np.where(keep[:, None], X, 1e6)

    weighted = make(Estimator, **params).fit(X_junk, y > 0, weight)
    removed = make(Estimator, **params).fit(X[keep], y[keep] > 0)

    assert_allclose(weights_of(weighted), weights_of(removed), rtol=1e-7, atol=1e-10)
    if params.get("early_stopping"):
        for name in ("validation_scores_", "validation_loss_curve_"):
            assert_allclose(getattr(weighted, name), getattr(removed, name), rtol=1e-7)


@pytest.mark.must_never("B16")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_are_repeated_rows_in_validation_too(Estimator, diabetes):
    X, y = diabetes[0], diabetes[1] > 0
    n = np.random.default_rng(0).integers(0, 4, 60)
    X_val, y_val = X[:60], y[:60]
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y_val}
    repeated = {name: np.repeat(a, n) for name, a in target.items()}
    X_repeated = np.repeat(X_val, n, axis=0)

    weighted, as_rows, plain = (
        make(Estimator, early_stopping=True, precision="float64").fit(X, y, **valid)
        for valid in (
            {"X_val": X_val, "sample_weight_val": n, **target},
            {"X_val": X_repeated, **repeated},
            {"X_val": X_val, **target},
        )
    )

    for name in ("validation_scores_", "validation_loss_curve_"):
        assert_allclose(getattr(weighted, name), getattr(as_rows, name), rtol=1e-9)
        assert getattr(weighted, name) != getattr(plain, name)
    assert_array_equal(weights_of(weighted), weights_of(as_rows))


# B17: Weights that are all zero, negative, NaN or of another length raise before a
# training.
@pytest.mark.must_never("B17")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_bad_weights_of_validation_rows_raise_before_training(
    Estimator, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y > 0}

    for make_weight, message in BAD_WEIGHTS.values():
        with pytest.raises(ValueError, match=message):
            make(Estimator).fit(
                X, y > 0, X_val=X, sample_weight_val=make_weight(200), **target
            )


BAD_WEIGHTS = {
    "zero": (
        lambda n: np.zeros(n),
        "Sample weights must contain at least one non-zero",
    ),
    "negative": (lambda n: -np.ones(n), "Negative values in data passed to"),
    "nan": (lambda n: np.full(n, np.nan), "Input sample_weight contains NaN"),
    "short": (
        lambda n: np.ones(n - 1),
        r"sample_weight.shape == \(199,\), expected \(200,\)",
    ),
    "column": (lambda n: np.ones((n, 1)), "Sample weights must be 1D array or scalar"),
}


@pytest.mark.must_never("B17")
@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_bad_weights_raise_before_training(
    Estimator, method, kind, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes
    make_weight, message = BAD_WEIGHTS[kind]
    classes = {}
    if Estimator is MLPClassifier and method == "partial_fit":
        classes = {"classes": [False, True]}

    with pytest.raises(ValueError, match=message):
        getattr(make(Estimator), method)(
            X, y > 0, sample_weight=make_weight(len(X)), **classes
        )
