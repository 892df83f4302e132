"""Losses of classes, of rows that were held back."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sknn_deep.fitting import log_losses

RNG = np.random.default_rng(0)


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
