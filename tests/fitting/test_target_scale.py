"""A y that is far from 1 is named where it keeps a regression from converging."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknn_deep import MLPRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
SIGNAL = X[:, 0] + np.sin(X[:, 1])
NOT_CONVERGED = (
    "Stochastic Optimizer: Maximum iterations ({}) reached and the optimization hasn't "
    "converged yet."
)
ADVICE = (
    " y is far from what a network starts with, outputs around 0 that differ by about "
    "1: its mean is {:.3g} and its standard deviation {:.3g}. Set normalize_y=True, "
    "which standardizes y and undoes it in predict."
)


def warning_of(reg, y):
    with pytest.warns(ConvergenceWarning) as caught:
        reg.fit(X, y)
    (warning,) = caught
    return str(warning.message)


@pytest.mark.parametrize("scale, offset", [(1e5, 2e5), (1.0, 100.0), (1000.0, 0.0)])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_a_large_y_is_named_as_the_cause(scale, offset, loss):
    y = scale * SIGNAL + offset
    reg = MLPRegressor(hidden_layer_sizes=(8,), loss=loss, max_iter=20, random_state=0)

    message = warning_of(reg, y)

    assert message == NOT_CONVERGED.format(20) + ADVICE.format(y.mean(), y.std())
    assert reg.score(X, y) < 0.5


def test_the_column_that_is_farthest_is_named():
    y = np.c_[SIGNAL, 1e4 * SIGNAL]

    message = warning_of(MLPRegressor(max_iter=20, random_state=0), y)

    assert message.endswith(ADVICE.format(y[:, 1].mean(), y[:, 1].std()))


def test_a_tiny_y_on_which_the_training_ends_at_once_is_named():
    y = 1e-3 * SIGNAL
    reg = MLPRegressor(random_state=0)

    message = warning_of(reg, y)

    assert message == (
        "The training ended with a network worse than the mean of y."
        + ADVICE.format(y.mean(), y.std())
    )
    assert reg.n_iter_ < reg.max_iter
    assert reg.score(X, y) < 0


@pytest.mark.parametrize(
    ("params", "y"),
    [
        ({}, SIGNAL),
        ({"normalize_y": True}, 1e5 * SIGNAL),
        ({"loss": "poisson"}, np.exp(SIGNAL) * 1e3),
        # A network that has come close needs more epochs indeed.
        ({"learning_rate_init": 0.1}, 12 * SIGNAL),
        ({}, np.full(300, 3.0)),
    ],
    ids=["near 1", "normalize_y", "poisson", "well trained", "constant"],
)
def test_otherwise_more_epochs_are_all_that_is_advised(params, y):
    reg = MLPRegressor(max_iter=20, random_state=0, tol=0, n_iter_no_change=np.inf)

    assert warning_of(reg.set_params(**params), y) == NOT_CONVERGED.format(20)


def test_members_of_an_ensemble_say_it_too():
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), n_estimators=2, max_iter=20, random_state=0
    )

    with pytest.warns(ConvergenceWarning, match="Set normalize_y=True"):
        reg.fit(X, 1e5 * SIGNAL)


def test_a_schedule_has_the_epochs_that_the_user_planned():
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=5, learning_rate="one_cycle", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg.fit(X, 1e5 * SIGNAL)

    assert reg.score(X, 1e5 * SIGNAL) < 0
