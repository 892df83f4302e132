"""The plan of a fit, in numbers."""

import dataclasses

import numpy as np
import pytest
import torch

from sknn_deep.optimizers import STEP_SCHEDULES
from sknn_deep.training import resolve_recipe
from tests.training.recipes import make_recipe


def resolve(n_samples, **changes):
    fields = dataclasses.asdict(make_recipe(**changes))
    return resolve_recipe(n_samples=n_samples, **fields)


@pytest.mark.parametrize(
    "batch_size, n_samples, expected",
    [
        (200, 1000, 200),
        (200, 200, 200),
        (200, 150, 150),
        (200, 1, 1),
        (32, 1000, 32),
        (2000, 1000, 1000),
        (np.int64(32), 1000, 32),
    ],
)
def test_recipe_batch_size_is_a_number_of_rows_that_are_there(
    batch_size, n_samples, expected
):
    recipe = resolve(n_samples, batch_size=batch_size)

    assert recipe.batch_size == expected
    assert type(recipe.batch_size) is int


def test_recipe_is_frozen_and_prints_its_numbers():
    recipe = make_recipe(batch_size=200)

    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.alpha = 1.0
    assert "batch_size=200" in repr(recipe)
    assert dataclasses.replace(recipe, alpha=1.0).alpha == 1.0


@pytest.mark.parametrize(
    "solver, alpha, expected",
    [
        ("adam", 1e-4, True),
        ("adam", 0.0, False),
        ("sgd", 1e-4, True),
        ("adamw", 1e-4, False),
        (torch.optim.RMSprop, 1e-4, True),
    ],
)
def test_recipe_adds_the_penalty_except_for_adamw(solver, alpha, expected):
    assert make_recipe(solver=solver, alpha=alpha).adds_penalty is expected


@pytest.mark.parametrize(
    ("learning_rate", "expected"),
    [
        *((name, False) for name in ("constant", "invscaling", "adaptive")),
        *((name, True) for name in STEP_SCHEDULES),
    ],
)
def test_recipe_step_schedules_are_those_that_go_by_steps(learning_rate, expected):
    recipe = make_recipe(learning_rate=learning_rate)

    assert recipe.has_step_schedule is expected
