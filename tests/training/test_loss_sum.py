"""The mean of many losses equals that of all at once."""

import math

import numpy as np
import pytest
import torch

from sknn_deep.training._loss_sum import _MAX_UNREAD, LossSum


def add_up(losses, sizes, dtype=torch.float32):
    total = LossSum()
    for loss, n_rows in zip(losses, sizes, strict=True):
        total.add(torch.tensor(loss, dtype=dtype), n_rows)
    return total


@pytest.mark.parametrize("n_batches", [1, 2, _MAX_UNREAD, 2 * _MAX_UNREAD + 1])
def test_loss_sum_weights_each_batch_by_its_rows(n_batches):
    rng = np.random.default_rng(0)
    losses = rng.exponential(size=n_batches)
    sizes = rng.integers(1, 100, size=n_batches)

    total = add_up(losses.tolist(), sizes.tolist(), torch.float64)

    assert total.mean() == pytest.approx(np.average(losses, weights=sizes), rel=1e-12)


def test_loss_sum_keeps_few_losses_unread():
    total = add_up([1.0] * (_MAX_UNREAD + 2), [1] * (_MAX_UNREAD + 2))

    assert len(total._losses) == 2


def test_loss_sum_adds_float32_in_double_precision():
    total = add_up([1e8, *[1.0] * 1000], [1] * 1001)

    assert total.mean() == (1e8 + 1000) / 1001


@pytest.mark.parametrize(
    "losses, expected",
    [
        ([1.0, math.nan], math.nan),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([3e38, 3e38], 3e38),
    ],
)
def test_loss_sum_of_numbers_out_of_range(losses, expected):
    mean = add_up(losses, [1, 1]).mean()

    assert mean == pytest.approx(expected, rel=1e-6, nan_ok=True)
