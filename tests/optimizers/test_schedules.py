"""Learning-rate schedules against torch's and scikit-learn's, step by step."""

import pytest
import torch
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from sknn_deep.optimizers import STEP_SCHEDULES, cosine, one_cycle
from sknn_deep.optimizers._schedules import (
    constant,
    coslog4,
    flat_cos,
    inverse_scaling,
)


def run_scheduler(scheduler_type, n_steps, **options):
    """Return the rate of each step that a scheduler of torch sets."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = scheduler_type(optimizer, **options)
    rates = []
    for step in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < n_steps - 1:
            scheduler.step()
    return rates


@pytest.mark.parametrize("n_steps", [7, 8, 10, 33, 100, 1234])
def test_one_cycle_equals_torch(n_steps):
    expected = run_scheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        n_steps,
        max_lr=1.0,
        total_steps=n_steps,
        cycle_momentum=False,
    )

    actual = [one_cycle(step, n_steps) for step in range(n_steps)]

    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("n_steps", [1, 2, 3, 10, 100, 1234])
def test_cosine_equals_torch(n_steps):
    expected = run_scheduler(
        torch.optim.lr_scheduler.CosineAnnealingLR, n_steps, T_max=n_steps
    )

    actual = [cosine(step, n_steps) for step in range(n_steps)]

    # torch's rates are a product of all before, which gathers rounding errors.
    assert actual == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("schedule", STEP_SCHEDULES.values(), ids=STEP_SCHEDULES)
def test_step_schedule_stays_between_zero_and_the_peak(schedule):
    for n_steps in range(1, 60):
        shares = [schedule(step, n_steps) for step in range(n_steps)]

        assert all(0 < share <= 1 for share in shares)


@pytest.mark.parametrize("n_steps", [3, 4, 5, 6, 7, 20])
def test_one_cycle_rises_once_then_falls_to_almost_zero(n_steps):
    shares = [one_cycle(step, n_steps) for step in range(n_steps)]
    peak = shares.index(max(shares))

    assert shares[0] == pytest.approx(1 / 25)
    assert shares[-1] == pytest.approx(1 / 25e4)
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)


def test_constant_is_one_at_every_step():
    assert [constant(step, 3) for step in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("power_t", [0.0, 0.5, 1.0, 1.7])
def test_inverse_scaling_equals_scikit_learn(power_t):
    oracle = SGDOptimizer([], 0.3, lr_schedule="invscaling", power_t=power_t)

    for t in (0, 1, 17, 100_000):
        oracle.iteration_ends(t)

        assert inverse_scaling(0.3, t, power_t) == oracle.learning_rate


def test_coslog4_has_four_waves_each_twice_as_long_as_the_one_before():
    n_steps = 1500
    rates = [coslog4(step, n_steps) for step in range(n_steps)]

    lows = [
        step
        for step in range(1, n_steps - 1)
        if rates[step] < rates[step - 1] and rates[step] < rates[step + 1]
    ]
    assert lows == pytest.approx([100, 300, 700], abs=1)
    assert max(rates[:100]) > 0.999 and max(rates[700:]) > 0.999
    assert rates[0] < 1e-3 and rates[-1] < 1e-3


def test_flat_cos_is_one_for_half_of_the_steps_and_then_a_cosine():
    shares = [flat_cos(step, 100) for step in range(100)]

    assert shares[:51] == [1.0] * 51
    assert shares[50:] == [cosine(step, 50) for step in range(50)]
