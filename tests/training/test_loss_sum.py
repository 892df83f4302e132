"""The mean of many losses equals that of all at once, wherever they are."""

import math

import numpy as np
import pytest
import torch

from sknn_deep.training._loss_sum import DeviceLossSum, HostLossSum, make_loss_sum

CPU = torch.device("cpu")

both_sums = pytest.mark.parametrize(
    "make_sum", [HostLossSum, lambda: DeviceLossSum(CPU)], ids=["host", "device"]
)


def mean_of(total, losses, sizes, dtype=torch.float32):
    for loss, n_rows in zip(losses, sizes, strict=True):
        total.add(torch.tensor(loss, dtype=dtype), n_rows)
    return total.mean()


@both_sums
def test_loss_sum_weights_each_batch_by_its_rows(make_sum):
    rng = np.random.default_rng(0)
    losses, sizes = rng.exponential(size=30), rng.integers(1, 100, size=30)

    mean = mean_of(make_sum(), losses.tolist(), sizes.tolist(), torch.float64)

    assert mean == pytest.approx(np.average(losses, weights=sizes), rel=1e-12)


@both_sums
def test_loss_sum_adds_float32_in_double_precision(make_sum):
    mean = mean_of(make_sum(), [1e8, *[1.0] * 1000], [1] * 1001)

    assert mean == (1e8 + 1000) / 1001


@both_sums
@pytest.mark.parametrize(
    "losses, expected",
    [
        ([1.0, math.nan], math.nan),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([3e38, 3e38], 3e38),
    ],
)
def test_loss_sum_of_numbers_out_of_range(losses, expected, make_sum):
    mean = mean_of(make_sum(), losses, [1, 1])

    assert mean == pytest.approx(expected, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    "device, kind",
    [("cpu", HostLossSum), ("meta", DeviceLossSum)],
)
def test_losses_are_added_up_where_they_are(device, kind):
    assert isinstance(make_loss_sum(torch.device(device)), kind)
