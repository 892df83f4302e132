"""The optimizer of a stack against single networks' optimizers, step by step."""

import gc
import weakref

import numpy as np
import pytest
import torch

from sknn_deep.gradients._stack import Stacked
from sknn_deep.optimizers._optimizers import make_optimizer, make_step
from sknn_deep.optimizers._stacked_optimizers import (
    Hyperparameters,
    StackedOptimizer,
    group_equal,
    hyperparameters_of,
    optimizer_family,
)
from tests.training.recipes import make_recipe

WEIGHTS, BIASES = [(3, 4), (2, 3)], [(4,), (1,)]
SHAPES = WEIGHTS + BIASES


def make_arrays(seed, dtype):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(size=shape), dtype=dtype) for shape in SHAPES]


class Alone:
    """One network's parameters and its own optimizer."""

    def __init__(self, recipe, arrays):
        self.parameters = [array.clone().requires_grad_() for array in arrays]
        weights, biases = self.parameters[: len(WEIGHTS)], self.parameters[2:]
        self.optimizer = make_optimizer(recipe, weights, biases, owner="MLPClassifier")
        self.update = make_step(self.optimizer, recipe)

    def step(self, gradients, learning_rate):
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        for p, gradient in zip(self.parameters, gradients, strict=True):
            p.grad = gradient.clone()
        self.update()


def stack_of(networks, dtype):
    """Stack networks whose first weights alone are transposed in memory."""
    values = Stacked(
        SHAPES,
        len(networks),
        transposed=[True, False, False, False],
        like=torch.zeros(1, dtype=dtype),
    )
    for k, network in enumerate(networks):
        for array, p in zip(values.arrays, network.parameters, strict=True):
            array[k].copy_(p.detach())
    return values, values.zeros_like()


def assert_same(values, networks, tolerance):
    for k, network in enumerate(networks):
        for array, p in zip(values.arrays, network.parameters, strict=True):
            torch.testing.assert_close(
                array[k], p.detach(), rtol=tolerance, atol=tolerance
            )


def rate_at(recipe, step):
    """Give a rate that changes from step to step, as with a schedule."""
    return recipe.learning_rate_init * (1 + step % 3)


SETTINGS = {
    "adam": [
        {"learning_rate_init": 0.01},
        {"learning_rate_init": 0.3},
        {"beta_1": 0.5},
        {"beta_1": 0.5, "beta_2": 0.9},
        {"epsilon": 1e-2},
        {"epsilon": 1e-2},
        {"beta_1": 0.5},
    ],
    "adamw": [
        {"alpha": 0.0},
        {"alpha": 0.5},
        {"alpha": 0.5, "learning_rate_init": 0.1},
        {"alpha": 0.1, "beta_1": 0.0},
        {"epsilon": 1e-2},
        {"alpha": 0.5},
    ],
    "sgd": [
        {"momentum": 0.9},
        {"momentum": 0.5},
        {"momentum": 0.5, "learning_rate_init": 0.3},
        {"momentum": 0.5, "learning_rate_init": 0.3},
        {"momentum": 0.9},
    ],
    "plain sgd": [
        {"momentum": 0.0, "learning_rate_init": 0.3},
        {"momentum": 0.0, "learning_rate_init": 0.1},
        {"momentum": 0.0, "learning_rate_init": 0.1},
    ],
}
KINDS = [
    ("adam", "adam", {}),
    ("adamw", "adamw", {}),
    ("sgd", "sgd", {"nesterovs_momentum": True}),
    ("sgd", "sgd", {"nesterovs_momentum": False}),
    ("plain sgd", "sgd", {"nesterovs_momentum": True}),
    ("plain sgd", "sgd", {"nesterovs_momentum": False}),
]


def take_step(optimizer, numbers):
    """Update networks that have these numbers each."""
    groups = group_equal(numbers)
    optimizer.step([(runs, common) for common, runs in groups.items()])


def test_equal_hyperparameters_are_found_wherever_they_stand():
    assert group_equal("aabacc") == {
        "a": ((0, 2), (3, 4)),
        "b": ((2, 3),),
        "c": ((4, 6),),
    }


kinds = pytest.mark.parametrize(
    "settings, solver, options",
    KINDS,
    ids=["adam", "adamw", "nesterov", "heavy ball", "plain", "plain, no nesterov"],
)


@kinds
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-13), (torch.float32, 1e-6)], ids=str
)
def test_stacked_optimizer_equals_single_ones(
    settings, solver, options, dtype, tolerance
):
    recipes = [
        make_recipe(solver=solver, **options, **own) for own in SETTINGS[settings]
    ]
    networks = [
        Alone(recipe, make_arrays(k, dtype)) for k, recipe in enumerate(recipes)
    ]
    (family,) = {optimizer_family(recipe) for recipe in recipes}
    values, gradients = stack_of(networks, dtype)
    optimizer = StackedOptimizer(family, values, gradients, n_penalized=len(WEIGHTS))

    for t in range(7):
        for k, network in enumerate(networks):
            own = make_arrays(100 * t + k, dtype)
            network.step(own, rate_at(recipes[k], t))
            for array, gradient in zip(gradients.arrays, own, strict=True):
                array[k].copy_(gradient)
        numbers = [hyperparameters_of(recipe, rate_at(recipe, t)) for recipe in recipes]
        take_step(optimizer, numbers)

        assert_same(values, networks, tolerance)


@kinds
def test_stacked_optimizer_goes_on_with_those_who_stay(settings, solver, options):
    dtype = torch.float64
    recipes = [
        make_recipe(solver=solver, **options, **own) for own in SETTINGS[settings]
    ]
    networks = [
        Alone(recipe, make_arrays(k, dtype)) for k, recipe in enumerate(recipes)
    ]
    values, gradients = stack_of(networks, dtype)
    optimizer = StackedOptimizer(
        optimizer_family(recipes[0]), values, gradients, n_penalized=len(WEIGHTS)
    )
    staying = list(range(len(recipes)))

    for t in range(6):
        if t in (2, 4):
            left = [k for k in range(len(staying)) if k != t - 2]
            staying = [staying[k] for k in left]
            values, gradients = stack_of([networks[k] for k in staying], dtype)
            optimizer = optimizer.take(left, values, gradients)
        for i, k in enumerate(staying):
            own = make_arrays(100 * t + k, dtype)
            networks[k].step(own, recipes[k].learning_rate_init)
            for array, gradient in zip(gradients.arrays, own, strict=True):
                array[i].copy_(gradient)
        numbers = [
            hyperparameters_of(recipes[k], recipes[k].learning_rate_init)
            for k in staying
        ]
        take_step(optimizer, numbers)

        assert_same(values, [networks[k] for k in staying], 1e-13)


def test_stacked_optimizer_decays_only_the_weights():
    network = Alone(make_recipe(solver="adamw"), make_arrays(0, torch.float64))
    values, gradients = stack_of([network], torch.float64)
    optimizer = StackedOptimizer(
        ("adamw",), values, gradients, n_penalized=len(WEIGHTS)
    )

    take_step(optimizer, [Hyperparameters(0.1, 0.9, 0.999, 1e-8, 0.5)])

    for i, (array, p) in enumerate(zip(values.arrays, network.parameters, strict=True)):
        expected = p.detach() * (1 - 0.1 * 0.5 if i < len(WEIGHTS) else 1)
        torch.testing.assert_close(array[0], expected, rtol=1e-15, atol=0)


def test_stacked_optimizer_lets_go_of_its_memory_with_the_last_reference():
    network = Alone(make_recipe(), make_arrays(0, torch.float32))
    values, gradients = stack_of([network], torch.float32)
    optimizer = StackedOptimizer(("adam",), values, gradients, n_penalized=2)
    take_step(optimizer, [hyperparameters_of(make_recipe(), 0.1)])
    moments = weakref.ref(optimizer.moments[0].buffer)

    gc.disable()
    try:
        del optimizer
        assert moments() is None
    finally:
        gc.enable()


def test_numbers_hold_what_the_solver_uses():
    options = {"alpha": 0.5, "momentum": 0.7, "beta_1": 0.8, "beta_2": 0.95}

    assert hyperparameters_of(make_recipe(solver="sgd", **options), 0.2) == (
        0.2,
        0.7,
        0.0,
        0.0,
        0.0,
    )
    assert hyperparameters_of(make_recipe(solver="adam", **options), 0.2) == (
        0.2,
        0.8,
        0.95,
        1e-8,
        0.0,
    )
    assert hyperparameters_of(make_recipe(solver="adamw", **options), 0.2) == (
        0.2,
        0.8,
        0.95,
        1e-8,
        0.5,
    )


def test_optimizer_family_tells_kinds_apart():
    families = [
        optimizer_family(make_recipe(solver="adam")),
        optimizer_family(make_recipe(solver="adamw")),
        optimizer_family(make_recipe(solver="sgd")),
        optimizer_family(make_recipe(solver="sgd", nesterovs_momentum=False)),
        optimizer_family(make_recipe(solver="sgd", momentum=0.0)),
    ]

    assert len(set(families)) == 5
    assert optimizer_family(make_recipe(solver="sgd", momentum=0.5)) == families[2]
    assert (
        optimizer_family(
            make_recipe(solver="sgd", momentum=0.0, nesterovs_momentum=False)
        )
        == families[4]
    )
    assert optimizer_family(make_recipe(solver="lbfgs")) is None
    assert optimizer_family(make_recipe(solver=torch.optim.RMSprop)) is None
