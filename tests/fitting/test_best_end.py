"""The choice among the weights that a training passed by."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sknn_deep.fitting import choose_end, log_losses

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=100)


def standard_error(values):
    return values.std(ddof=1) / np.sqrt(len(values))


def test_last_end_is_kept_where_it_is_best():
    assert choose_end([NOISE + 2, NOISE + 1, NOISE], None) == 2


def test_earlier_end_is_kept_where_the_last_is_clearly_worse():
    assert choose_end([NOISE + 2, NOISE, NOISE + 1], None) == 1


@pytest.mark.parametrize("n_errors, chosen", [(1.9, 1), (2.1, 0)])
def test_an_end_is_as_good_within_two_standard_errors(n_errors, chosen):
    difference = RNG.normal(size=100)
    difference += n_errors * standard_error(difference) - difference.mean()
    assert choose_end([NOISE, NOISE + difference], None) == chosen


def test_latest_of_those_that_are_as_good_is_kept():
    assert choose_end([NOISE, NOISE, NOISE + 1], None) == 1
    assert choose_end([NOISE, NOISE + 1, NOISE], None) == 2


def test_one_row_tells_nothing():
    assert choose_end([np.array([0.0]), np.array([9.0])], None) == 1
    weight = np.array([0.0, 3.0])
    assert choose_end([np.zeros(2), np.array([9.0, 9.0])], weight) == 1


def test_row_without_weight_is_not_asked():
    better, worse = np.append(NOISE, 1e6), np.append(NOISE + 1, 0.0)
    weight = np.append(np.ones(100), 0.0)
    assert choose_end([better, worse], weight) == 0
    assert choose_end([better[:100], worse[:100]], None) == 0


def test_equal_weights_are_no_weights():
    difference = RNG.normal(size=100)
    difference += standard_error(difference) * 1.99 - difference.mean()
    for weight in (None, np.full(100, 7.0)):
        assert choose_end([NOISE, NOISE + difference], weight) == 1


def test_log_losses_are_those_of_scikit_learn():
    n_rows, everybody = 30, np.ones((30, 2), dtype=bool)
    target = RNG.integers(0, 3, n_rows)
    outputs = RNG.normal(size=(2, n_rows, 3))
    p = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
    losses = log_losses(outputs, target, everybody, out_activation="softmax")
    assert losses.mean() == pytest.approx(log_loss(target, p.mean(axis=0)), rel=1e-12)


def test_log_losses_of_a_row_are_by_the_networks_that_held_it_back():
    target, outputs = np.array([[True], [False]]), RNG.normal(size=(2, 2, 1))
    held_by = np.array([[True, False], [False, True]])
    losses = log_losses(outputs, target, held_by, out_activation="logistic")
    expected = np.log1p(np.exp([-outputs[0, 0, 0], outputs[1, 1, 0]]))
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
