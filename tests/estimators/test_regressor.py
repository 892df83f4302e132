"""MLPRegressor: numbers, losses, and the scale of y."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.metrics import (
    get_scorer,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from sknn_deep import MLPRegressor
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
# Of one bias alone, which has all there is to learn.
CONSTANT = {
    "hidden_layer_sizes": (),
    "learning_rate": "cosine",
    "learning_rate_init": 0.1,
    "max_iter": 600,
    "alpha": 0.0,
}


def make(**params):
    return MLPRegressor(**QUICK | params)


@pytest.fixture(scope="module")
def two_columns(diabetes):
    X, y = diabetes
    return X, np.column_stack([y, 3 * X[:, 2] - 1])


# --- losses ---------------------------------------------------------------------------


def huber(y, predicted, delta):
    losses = F.huber_loss(torch.tensor(predicted), torch.tensor(y), delta=delta)
    return losses.item()


LOSSES = {
    "squared_error": ({}, lambda y, p: mean_squared_error(y, p) / 2),
    "absolute_error": ({}, mean_absolute_error),
    "huber": ({"huber_delta": 0.3}, lambda y, p: huber(y, p, 0.3)),
    "quantile": ({"quantile": 0.8}, lambda y, p: mean_pinball_loss(y, p, alpha=0.8)),
}


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_the_metrics(loss, n_columns, diabetes, two_columns):
    X, y = diabetes if n_columns == 1 else two_columns
    params, metric = LOSSES[loss]
    reg = make(loss=loss, **STILL, **params).fit(X, y)

    assert reg.loss_ == pytest.approx(metric(y, reg.predict(X)), rel=1e-9)


def test_the_poisson_loss_is_half_the_deviance(diabetes):
    X, _ = diabetes
    y = np.random.default_rng(0).poisson(np.exp(X[:, 2]))
    reg = make(loss="poisson", **STILL).fit(X, y)

    predicted = reg.predict(X)

    assert (predicted > 0).all() and reg.out_activation_ == "exp"
    assert reg.loss_ == pytest.approx(mean_poisson_deviance(y, predicted) / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_weighted_loss_is_the_weighted_mean(loss, diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    params, metric = LOSSES[loss]

    reg = make(loss=loss, **STILL, **params).fit(X, y, weight)

    predicted = reg.predict(X)
    repeated = metric(np.repeat(y, weight), np.repeat(predicted, weight))
    assert reg.loss_ == pytest.approx(repeated, rel=1e-9)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"loss": "squared_error"}, np.mean),
        ({"loss": "absolute_error"}, np.median),
        ({"loss": "quantile"}, np.median),
        ({"loss": "quantile", "quantile": 0.9}, lambda y: np.quantile(y, 0.9)),
        ({"loss": "quantile", "quantile": 0.1}, lambda y: np.quantile(y, 0.1)),
        ({"loss": "poisson"}, np.mean),
        ({"loss": "huber", "huber_delta": 100.0}, np.mean),
        ({"loss": "huber", "huber_delta": 0.01}, np.median),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else value.__name__,
)
def test_a_constant_finds_what_the_loss_is_least_at(params, expected):
    y = np.random.default_rng(0).gamma(1.0, 2.0, size=151)
    X = np.zeros((151, 1))

    predicted = MLPRegressor(**CONSTANT, **params, random_state=0).fit(X, y).predict(X)

    assert_allclose(predicted, expected(y), rtol=0.03)


@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
def test_huber_lies_between_squared_and_absolute_error(diabetes):
    """An outlier pulls the mean most, the median least."""
    X, y = np.zeros((101, 1)), np.linspace(0, 1, 101)
    y[-1] = 1000.0

    levels = [
        MLPRegressor(**CONSTANT, **params, random_state=0).fit(X, y).predict(X)[0]
        for params in (
            {"loss": "absolute_error"},
            {"loss": "huber", "huber_delta": 1.0},
            {"loss": "squared_error"},
        )
    ]

    assert levels == sorted(levels)
    assert levels[1] < 0.6 < 5 < levels[2]


@pytest.mark.parametrize("quantile", [0.2, 0.8])
def test_quantiles_cover_their_share(quantile):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(600, 1))
    y = X[:, 0] + (0.2 + np.abs(X[:, 0])) * rng.normal(size=600)
    reg = make(loss="quantile", quantile=quantile, max_iter=60, batch_size=60)

    predicted = reg.fit(X, y).predict(X)

    assert np.mean(y <= predicted) == pytest.approx(quantile, abs=0.06)


def test_no_hidden_layer_is_ridge_regression(two_columns):
    X, y = two_columns
    params = {"solver": "lbfgs", "alpha": 30.0, "tol": 1e-9, "max_iter": 5000}
    params["random_state"] = 0

    ours = MLPRegressor(hidden_layer_sizes=(), **params).fit(X, y).predict(X)

    assert_allclose(ours, Ridge(alpha=30.0).fit(X, y).predict(X), atol=1e-4)


def test_no_hidden_layer_is_poisson_regression(diabetes):
    X, _ = diabetes
    y = np.random.default_rng(0).poisson(np.exp(X[:, 2]))
    params = {"solver": "lbfgs", "alpha": 200.0, "tol": 1e-9, "max_iter": 5000}
    params["random_state"] = 0

    ours = MLPRegressor("poisson", (), **params).fit(X, y).predict(X)

    # There the penalty is alpha / 2, here it is alpha / (2 n).
    theirs = PoissonRegressor(alpha=1.0, tol=1e-9, max_iter=5000).fit(X, y).predict(X)
    assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize(
    "params, remedy",
    [
        ({}, "for instance, and y by normalize_y=True, then"),
        ({"normalize_y": True}, "for instance, then"),
        ({"loss": "poisson"}, "for instance, then"),
    ],
    ids=str,
)
def test_divergence_tells_what_to_scale(params, remedy, diabetes):
    X, y = diabetes
    reg = MLPRegressor(solver="sgd", learning_rate_init=1e200, **params)

    with pytest.raises(ValueError, match=f"scale X first, .* {remedy} try a smaller"):
        reg.fit(X, np.abs(y))  # Poisson's loss is for counts


def test_bad_losses_raise(diabetes):
    X, y = diabetes
    assert message_of(make(loss="poisson").fit, X, y) == (
        "loss='poisson' of MLPRegressor is for counts: y must not be negative. "
        f"Got {y.min()}."
    )
    assert message_of(make(huber_delta=0).fit, X, y) == (
        "The 'huber_delta' parameter of MLPRegressor must be a float in the range "
        "(0.0, inf). Got 0 instead."
    )
    assert message_of(make(quantile=1).fit, X, y) == (
        "The 'quantile' parameter of MLPRegressor must be a float in the range "
        "(0.0, 1.0) or an array-like. Got 1 instead."
    )
    message = message_of(make(loss="hinge").fit, X, y)
    assert message.startswith(
        "The 'loss' parameter of MLPRegressor must be a str among {"
    )
    for loss in (*LOSSES, "poisson"):
        assert f"'{loss}'" in message


@pytest.mark.parametrize("loss", ["poisson"])
def test_validation_targets_are_checked_as_those_of_training(loss, diabetes):
    X, y = diabetes

    with pytest.raises(ValueError, match="y must not be negative"):
        make(loss=loss).fit(X, np.abs(y), X_val=X, y_val=y)


# --- the shape and scale of y ---------------------------------------------------------


def test_other_numbers_of_columns_raise(diabetes, two_columns):
    X, y = diabetes
    reg = make().fit(X, y)

    message = "y must have 1 column(s), as in the first fit. Got 2."
    assert message_of(reg.partial_fit, *two_columns) == message
    assert message_of(make().fit, X, y, X_val=X, y_val=two_columns[1]) == message
    with pytest.raises(ValueError, match=r"must have 2 column\(s\).*Got 1"):
        make().fit(*two_columns).partial_fit(X, y)


@pytest.mark.parametrize("dtype", ["f8", ">f8", "f4", "f2", "i8", ">i4", "u1", "bool"])
def test_numbers_of_any_dtype_are_taken(dtype, diabetes):
    X, y = diabetes
    y = (4 + y).astype(dtype)

    reg = make(device="cpu").fit(X, y)

    expected = make(device="cpu").fit(X, y.astype(float))
    assert_array_equal(weights_of(reg), weights_of(expected))
    assert reg.predict(X).dtype == np.float64


@pytest.mark.parametrize(
    "y",
    [np.full(200, "a"), np.full(200, np.datetime64("2020-01-01"))],
    ids=["words", "dates"],
)
def test_targets_that_are_no_numbers_raise(y, diabetes):
    with pytest.raises((TypeError, ValueError), match="y of MLPRegressor must hold"):
        make().fit(diabetes[0], y)


@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_normalize_y_is_standardization_by_hand(
    several, weighted, diabetes, two_columns
):
    X, y = two_columns if several else diabetes
    y = 1000 * y + 5000
    weight = np.random.default_rng(0).uniform(0, 3, 200) if weighted else None
    mean = np.average(y, axis=0, weights=weight)
    deviation = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))

    ours = make(normalize_y=True).fit(X, y, weight)

    by_hand = make().fit(X, (y - mean) / deviation, weight)
    assert_allclose(ours.predict(X), by_hand.predict(X) * deviation + mean)
    assert_allclose(ours.loss_curve_, by_hand.loss_curve_)
    assert ours.score(X, y) > 0.15 > make().fit(X, y).score(X, y)


def test_normalize_y_scores_in_units_of_y(diabetes):
    X, y = diabetes
    y = 1000 * y + 5000
    reg = make(normalize_y=True, scoring="neg_mean_absolute_error")

    reg.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    error = mean_absolute_error(y[150:], reg.predict(X[150:]))
    assert reg.validation_scores_[-1] == pytest.approx(-error)
    assert error > 100 > reg.validation_loss_curve_[-1]


def test_normalize_y_keeps_its_first_scale(diabetes):
    X, y = diabetes
    reg = make(normalize_y=True, learning_rate_init=1e-300, solver="sgd")
    first = reg.partial_fit(X, 1000 * y).predict(X)

    assert_array_equal(reg.partial_fit(X, y).predict(X), first)


def test_normalize_y_takes_a_constant(diabetes):
    X, _ = diabetes

    predicted = make(normalize_y=True, max_iter=60).fit(X, np.full(200, 7.0)).predict(X)

    assert_allclose(predicted, 7, atol=0.5)


def test_normalize_y_is_ignored_for_counts(diabetes):
    X, y = diabetes
    counts = np.random.default_rng(0).poisson(np.exp(y))
    params = {"loss": "poisson"}

    plain, normalized = (
        make(normalize_y=normalize, **params).fit(X, counts)
        for normalize in (False, True)
    )

    assert_array_equal(weights_of(plain), weights_of(normalized))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("params", [{}, {"loss": "poisson"}], ids=str)
def test_numbers_come_in_float64_if_they_were_normalized(params, dtype, diabetes):
    X, y = diabetes[0].astype(dtype), np.exp(diabetes[1])

    plain, normalized = (
        make(normalize_y=normalize, device="cpu", **params).fit(X, y).predict(X)
        for normalize in (False, True)
    )

    assert plain.dtype == dtype
    assert normalized.dtype == (dtype if params else np.float64)


SHIFTED = {
    "alone": {},
    "ensemble": {"n_estimators": 2},
    "own score": {"early_stopping": True},
    "scorer": {"early_stopping": True, "scoring": "r2"},
    "huber": {"loss": "huber"},
}


@pytest.mark.parametrize("params", SHIFTED.values(), ids=SHIFTED)
@pytest.mark.parametrize(("offset", "signal"), [(5.4e6, 1.0), (1e6, 1e-3)])
def test_normalize_y_takes_an_offset_that_float32_has_no_digits_for(
    offset, signal, params
):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(500, 4)).astype("f4")
    y = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2]
    y = offset + signal * y.astype("f8") / y.std()
    reg = make(normalize_y=True, max_iter=60, batch_size=50, device="cpu", **params)
    reg.set_params(hidden_layer_sizes=(64,))

    single, double = (clone(reg).fit(X.astype(d), y) for d in ("f4", "f8"))

    of_single, of_double = single.predict(X), double.predict(X.astype("f8"))
    assert single.score(X, y) > 0.997
    assert single.score(X, y) == pytest.approx(double.score(X, y), abs=1e-3)
    assert len(np.unique(of_single)) > 490
    assert np.abs(of_single - of_double).max() < 0.02 * signal
    if "early_stopping" in params:
        scores = single.validation_scores_, double.validation_scores_
        assert_allclose(*scores, atol=5e-3)
    loaded = pickle.loads(pickle.dumps(single))
    assert_array_equal(loaded.predict(X), of_single)


# --- scoring --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring", [None, "r2", "neg_mean_absolute_error", "neg_max_error"], ids=str
)
def test_best_score_is_the_scorers(scoring, diabetes):
    X, y = diabetes
    reg = make(early_stopping=True, scoring=scoring, learning_rate_init=0.3)

    reg.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    best = get_scorer(scoring or "r2")(reg, X[150:], y[150:])
    assert best == pytest.approx(reg.best_validation_score_)
    assert reg.best_validation_score_ == max(reg.validation_scores_)


def test_the_score_is_r2_with_weights(two_columns):
    X, y = two_columns
    weight = np.linspace(0, 1, 200)
    reg = make().fit(X, y)

    expected = r2_score(y, reg.predict(X), sample_weight=weight)

    assert reg.score(X, y, weight) == expected


# --- going on -------------------------------------------------------------------------


def test_another_loss_applies_from_the_next_call_on(diabetes):
    """As everywhere in partial_fit, the parameters are those of the call."""
    X, y = diabetes
    regs = [make() for _ in range(2)]
    for reg in regs:
        reg.partial_fit(X, 3 * y)

    regs[1].set_params(loss="huber", huber_delta=0.01)
    for reg in regs:
        reg.partial_fit(X, 3 * y)

    assert regs[0].loss_curve_[0] == regs[1].loss_curve_[0]
    assert regs[1].loss_ < regs[0].loss_ / 10


@pytest.mark.parametrize("before, after", [("huber", "poisson"), ("poisson", "huber")])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_does_not_go_on_on_another_scale(before, after, method, diabetes):
    X, y = diabetes
    y = np.abs(y)
    reg = MLPRegressor(
        loss=before,
        learning_rate="one_cycle",
        max_iter=5,
        warm_start=True,
        random_state=0,
    )
    getattr(reg, method)(X, y)
    expected = reg.predict(X)
    reg.set_params(loss=after)

    with pytest.raises(ValueError) as error:
        getattr(reg, method)(X, y)

    activation = "exp" if before == "poisson" else "identity"
    assert str(error.value) == (
        f"MLPRegressor cannot go on training with loss={after!r} and "
        "out_activation='identity': its network predicts by the activation "
        f"{activation!r}. Restore the parameters, or fit a new estimator."
    )
    np.testing.assert_array_equal(reg.predict(X), expected)


# --- bounded predictions --------------------------------------------------------------

BOUNDED = {"logistic": (0, 1), "relu": (0, np.inf), "softplus": (0, np.inf)}
ACTIVATE = {"logistic": torch.sigmoid, "relu": F.relu, "softplus": F.softplus}


def make_bounded(out_activation):
    """Make rows, and a y that lies within the bounds of an activation."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    raw = torch.from_numpy(2 * X[:, 0] + rng.normal(scale=0.1, size=300))
    return X, ACTIVATE[out_activation](raw).numpy()


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("out_activation", BOUNDED)
def test_predictions_stay_within_the_bounds_of_the_output(out_activation, n_estimators):
    X, y = make_bounded(out_activation)
    low, high = BOUNDED[out_activation]

    reg = make(
        out_activation=out_activation,
        n_estimators=n_estimators,
        batch_size=50,
        max_iter=200,
        learning_rate_init=0.005,
        random_state=2,  # a relu may be zero for all rows from the start
    ).fit(X, y)

    far = reg.predict(100 * X)
    assert far.min() >= low and far.max() <= high
    assert reg.score(X, y) > 0.95
    assert reg.out_activation_ == out_activation
    # The line would leave the bounds.
    free = make(max_iter=60).fit(X, y).predict(100 * X)
    assert free.min() < low


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("out_activation", BOUNDED)
def test_the_loss_is_that_of_activated_outputs(out_activation, loss):
    X, y = make_bounded(out_activation)
    params, metric = LOSSES[loss]
    reg = make(**STILL, out_activation=out_activation, loss=loss, **params).fit(X, y)
    coefs, intercepts = reg.coefs_, reg.intercepts_
    hidden = np.maximum(X @ coefs[0] + intercepts[0], 0)
    raw = torch.from_numpy(hidden @ coefs[1] + intercepts[1])[:, 0]

    activated = ACTIVATE[out_activation](raw).numpy()

    assert_allclose(reg.predict(X), activated, rtol=1e-12)
    assert_allclose(reg.loss_, metric(y, activated), rtol=1e-9)


@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("out_activation", "y", "range_"),
    [
        ("logistic", [0.5, 1.5], "from 0 to 1, but y ranges from 0.5 to 1.5"),
        ("relu", [-0.5, 2.0], "from 0 to inf, but y ranges from -0.5 to 2"),
        ("softplus", [-0.5, 2.0], "from 0 to inf, but y ranges from -0.5 to 2"),
    ],
)
def test_a_y_that_cannot_be_predicted_raises(out_activation, y, range_, fit):
    reg = make(out_activation=out_activation)

    assert message_of(getattr(reg, fit), [[0.0], [1.0]], y) == (
        f"out_activation={out_activation!r} of MLPRegressor predicts {range_}. Bring y "
        "between these bounds, or use out_activation='identity'."
    )


@pytest.mark.parametrize(
    ("params", "other"),
    [
        ({"loss": "poisson"}, "loss='poisson'"),
        ({"normalize_y": True}, "normalize_y=True"),
    ],
)
def test_a_second_scale_of_y_raises(params, other):
    reg = make(out_activation="softplus", **params)

    assert message_of(reg.fit, [[0.0], [1.0]], [0.0, 1.0]) == (
        "out_activation='softplus' of MLPRegressor bounds what is predicted, which "
        f"{other} does not go with. Leave out one of them."
    )


@pytest.mark.parametrize("params", [{"loss": "poisson"}, {"out_activation": "relu"}])
def test_training_does_not_go_on_with_another_output(params):
    X, y = make_bounded("softplus")
    reg = make(warm_start=True).fit(X, y).set_params(**params)
    loss, out = reg.loss, reg.out_activation

    assert message_of(reg.fit, X, y) == (
        f"MLPRegressor cannot go on training with loss={loss!r} and "
        f"out_activation={out!r}: its network predicts by the activation 'identity'. "
        "Restore the parameters, or fit a new estimator."
    )


# --- how far networks differ ----------------------------------------------------------


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_return_std_is_that_of_the_networks(two_columns, n_outputs, normalize_y):
    X, y = two_columns
    y = y[:, 0] if n_outputs == 1 else y
    reg = make(n_estimators=3, normalize_y=normalize_y).fit(X, y)

    predicted, deviation = reg.predict(X, return_std=True)

    members = np.array([member.predict(X) for member in reg.estimators_])
    assert_allclose(predicted, members.mean(axis=0), rtol=1e-9)
    assert_allclose(deviation, members.std(axis=0), rtol=1e-6, atol=1e-9)
    assert_array_equal(predicted, reg.predict(X))


def test_return_std_of_one_network_raises(diabetes):
    reg = make().fit(*diabetes)

    with pytest.raises(ValueError) as caught:
        reg.predict(diabetes[0], return_std=True)

    assert str(caught.value) == (
        "return_std=True of MLPRegressor.predict is how far the networks of an "
        "ensemble differ, and here is one. Fit with n_estimators=5, for instance."
    )


def test_return_std_passes_a_pipeline(diabetes):
    X, y = diabetes
    pipe = make_pipeline(StandardScaler(), make(n_estimators=2)).fit(X, y)

    predicted, deviation = pipe.predict(X[:5], return_std=True)

    assert predicted.shape == deviation.shape == (5,)
    assert (deviation > 0).all()
