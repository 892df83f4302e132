"""Optimizers against scikit-learn's and torch's, step by step."""

import copy
import dataclasses
import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from sknn_deep.optimizers import (
    get_optimizer_state,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.optimizers._optimizers import (
    make_optimizer,
    make_step,
    separate_counters,
)
from tests.training.recipes import make_recipe

ROOT = Path(__file__).resolve().parents[2]
SHAPES = [(3, 4), (4,), (2, 3), (1,)]


def make_arrays(seed, scales=(1.0, 1.0, 1.0, 1.0)):
    rng = np.random.default_rng(seed)
    return [s * rng.normal(size=n) for s, n in zip(scales, SHAPES, strict=True)]


def make_parameters():
    return [torch.tensor(array, requires_grad=True) for array in make_arrays(0)]


def make(recipe, parameters):
    """Make an optimizer, of the first and third parameter as weights."""
    weights, others = parameters[::2], parameters[1::2]
    return make_optimizer(recipe, weights, others, owner="MLPClassifier")


def assert_same(parameters, arrays, tolerance=1e-12):
    for p, array in zip(parameters, arrays, strict=True):
        np.testing.assert_allclose(
            p.detach().numpy(), array, rtol=tolerance, atol=tolerance
        )


def set_gradients(parameters, arrays, *, in_place=False):
    for p, array in zip(parameters, arrays, strict=True):
        if in_place and p.grad is not None:
            p.grad.copy_(torch.from_numpy(array))
        else:
            p.grad = torch.tensor(array)


# --- Adam -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learning_rate_init": 0.5, "beta_1": 0.0, "beta_2": 0.5},
        {"beta_1": 0.99, "beta_2": 0.0},
        {"epsilon": 1.0},
        {"epsilon": 1e-14},
    ],
    ids=str,
)
@pytest.mark.parametrize("in_place", [False, True], ids=["new", "in place"])
def test_adam_takes_scikit_learns_steps(options, in_place):
    recipe = make_recipe(**options)
    parameters, arrays = make_parameters(), make_arrays(0)
    step = make_step(make(recipe, parameters), recipe)
    oracle = AdamOptimizer(
        arrays,
        recipe.learning_rate_init,
        recipe.beta_1,
        recipe.beta_2,
        recipe.epsilon,
    )

    for t in range(20):
        # The second kind of gradient is smaller than epsilon, the third is none.
        gradients = make_arrays(t + 1, scales=(1.0, 1e-10, 0.0, 1e6))
        set_gradients(parameters, gradients, in_place=in_place)
        step()
        oracle.update_params(arrays, gradients)

        assert_same(parameters, arrays)


def test_adam_goes_on_from_its_state():
    recipe = make_recipe()
    parameters, arrays = make_parameters(), make_arrays(0)
    optimizer = make(recipe, parameters)
    oracle = AdamOptimizer(arrays, recipe.learning_rate_init)
    step = make_step(optimizer, recipe)

    for t in range(10):
        if t == 4:  # as when training goes on later
            step = make_step(optimizer, recipe)
        if t == 7:  # as after save_params and load_params
            state = optimizer.state_dict()
            optimizer = make(recipe, parameters)
            optimizer.load_state_dict(state)
            step = make_step(optimizer, recipe)
        set_gradients(parameters, make_arrays(t + 1))
        step()
        oracle.update_params(arrays, make_arrays(t + 1))

    assert_same(parameters, arrays)


def test_states_of_a_users_optimizer_are_left_alone():
    class Counting(torch.optim.SGD):
        def step(self):
            self.state["n_steps"] = self.state.get("n_steps", 0) + 1
            super().step()

    recipe = make_recipe(solver=Counting)
    parameters = make_parameters()
    optimizer = make(recipe, parameters)

    for t in range(2):
        set_gradients(parameters, make_arrays(t))
        make_step(optimizer, recipe)()

    assert optimizer.state["n_steps"] == 2


def lie_otherwise(parameters):
    """Transpose matrices in memory."""
    for p in parameters:
        if p.ndim == 2:
            p.data = p.data.mT.clone(memory_format=torch.contiguous_format).mT


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_step_goes_on_when_parameters_lie_otherwise(solver):
    recipe = make_recipe(solver=solver)
    ours, theirs = make_parameters(), make_parameters()
    optimizers = [make(recipe, parameters) for parameters in (ours, theirs)]
    steps = [make_step(optimizer, recipe) for optimizer in optimizers]

    for t in range(6):
        for parameters in (ours, theirs):
            set_gradients(parameters, make_arrays(t + 1))
        if t in (2, 4):
            lie_otherwise(ours)
            steps[0] = make_step(optimizers[0], recipe)
        for p in ours:
            p.grad = torch.empty_like(p).copy_(p.grad)
        for step in steps:
            step()

    assert_same(ours, [p.detach().numpy() for p in theirs])


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("reads", ["step", "state_dict"])
def test_moments_lie_as_parameters_for_whoever_reads_them(solver, reads):
    """As after ``partial_fit``, which lays weights straight again, not moments."""
    recipe = make_recipe(solver=solver, epsilon=1e-30)
    ours, theirs = make_parameters(), make_parameters()
    optimizers = [make(recipe, parameters) for parameters in (ours, theirs)]
    lie_otherwise(ours)
    for t in range(4):
        for parameters in (ours, theirs):
            set_gradients(parameters, make_arrays(t + 1))
        for p in ours:
            p.grad = torch.empty_like(p).copy_(p.grad)
        for optimizer in optimizers:
            make_step(optimizer, recipe)()
    for p in ours:
        p.data = p.data.clone(memory_format=torch.contiguous_format)
    if reads == "state_dict":
        state = optimizers[0].state_dict()
        optimizers[0] = make(recipe, ours)
        optimizers[0].load_state_dict(state)

    for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
        set_gradients(parameters, make_arrays(9))
        optimizer.step()

    assert_same(ours, [p.detach().numpy() for p in theirs])


@pytest.mark.parametrize("solver", ["adam", "adamw"])
def test_torchs_own_step_goes_on_after_ours(solver):
    """As where a model of a CPU goes on on an accelerator whose steps are torch's."""
    # So small an epsilon that it does not matter how torch's Adam corrects it.
    recipe = make_recipe(solver=solver, epsilon=1e-30)
    ours, theirs = make_parameters(), make_parameters()
    optimizers = [make(recipe, parameters) for parameters in (ours, theirs)]
    step = make_step(optimizers[0], recipe)

    for t in range(6):
        for parameters in (ours, theirs):
            set_gradients(parameters, make_arrays(t + 1))
        if t == 3:
            separate_counters(optimizers[0])
            step = optimizers[0].step
        step()
        optimizers[1].step()

    assert_same(ours, [p.detach().numpy() for p in theirs])
    counts = {state["step"].item() for state in optimizers[0].state.values()}
    assert counts == {6}


def test_adam_takes_the_rate_that_is_set():
    recipe = make_recipe()
    parameters, arrays = make_parameters(), make_arrays(0)
    optimizer = make(recipe, parameters)
    step = make_step(optimizer, recipe)
    oracle = AdamOptimizer(arrays, recipe.learning_rate_init)

    for t in range(10):
        rate = 0.01 / (t + 1)
        set_learning_rate(optimizer, rate)
        oracle.learning_rate_init = rate
        set_gradients(parameters, make_arrays(t + 1))
        step()
        oracle.update_params(arrays, make_arrays(t + 1))

    assert_same(parameters, arrays)


def test_adam_counts_its_steps_in_its_state():
    recipe = make_recipe()
    parameters = make_parameters()
    optimizer = make(recipe, parameters)
    step = make_step(optimizer, recipe)

    for t in range(3):
        set_gradients(parameters, make_arrays(t))
        step()

    assert [optimizer.state[p]["step"].item() for p in parameters] == [3] * 4


# --- SGD --------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("changes_rate", [False, True])
def test_sgd_takes_scikit_learns_steps(momentum, nesterov, changes_rate):
    recipe = make_recipe(solver="sgd", momentum=momentum, nesterovs_momentum=nesterov)
    parameters, arrays = make_parameters(), make_arrays(0)
    optimizer = make(recipe, parameters)
    step = make_step(optimizer, recipe)
    oracle = SGDOptimizer(arrays, 0.01, momentum=momentum, nesterov=nesterov)

    for t in range(20):
        if changes_rate and t % 3 == 0:
            rate = 0.05 / (t + 1) ** 0.5
            set_learning_rate(optimizer, rate)
            oracle.learning_rate = rate
        set_gradients(parameters, make_arrays(t + 1))
        step()
        oracle.update_params(arrays, make_arrays(t + 1))

        assert_same(parameters, arrays)


# --- AdamW and those of the user --------------------------------------------------


def test_adamw_decays_weights_only():
    recipe = make_recipe(solver="adamw", alpha=0.3, beta_1=0.8, beta_2=0.9)
    parameters, expected = make_parameters(), make_parameters()
    step = make_step(make(recipe, parameters), recipe)
    options = {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-8}
    oracles = [
        torch.optim.AdamW(expected[::2], weight_decay=0.3, **options),
        torch.optim.AdamW(expected[1::2], weight_decay=0.0, **options),
    ]

    for t in range(20):
        set_gradients(parameters, make_arrays(t + 1))
        set_gradients(expected, make_arrays(t + 1))
        step()
        for oracle in oracles:
            oracle.step()

    assert_same(parameters, [p.detach().numpy() for p in expected])


@pytest.mark.parametrize(
    "solver, lr",
    [
        (torch.optim.RMSprop, 0.01),
        (torch.optim.Adam, 0.01),
        (torch.optim.Adagrad, 0.01),
        (functools.partial(torch.optim.RMSprop, alpha=0.5), 0.01),
        (functools.partial(torch.optim.RMSprop, alpha=0.5, lr=0.3), 0.3),
        (functools.partial(torch.optim.SGD, momentum=0.5, weight_decay=0.1), 0.01),
    ],
    ids=["class", "adam", "adagrad", "partial", "own rate", "sgd"],
)
def test_users_optimizer_takes_its_own_steps(solver, lr):
    recipe = make_recipe(solver=solver)
    parameters, expected = make_parameters(), make_parameters()
    optimizer = make(recipe, parameters)
    step = make_step(optimizer, recipe)
    oracle = solver([*expected[::2], *expected[1::2]], lr=lr)

    for t in range(5):
        set_gradients(parameters, make_arrays(t + 1))
        set_gradients(expected, make_arrays(t + 1))
        step()
        oracle.step()

    assert isinstance(optimizer, getattr(solver, "func", solver))
    assert optimizer.param_groups[0]["lr"] == lr
    assert_same(parameters, [p.detach().numpy() for p in expected], tolerance=0)


@pytest.mark.parametrize(
    "solver, reason",
    [
        (functools.partial(torch.optim.SGD, nonsense=1), "nonsense"),
        (functools.partial(torch.optim.SGD, momentum=-1), "Invalid momentum"),
        pytest.param(
            getattr(torch.optim, "Muon", None),
            "2D",
            marks=pytest.mark.skipif(
                not hasattr(torch.optim, "Muon"), reason="torch has Muon from 2.9 on"
            ),
        ),
    ],
    ids=["unknown option", "bad option", "weights only"],
)
def test_users_optimizer_that_cannot_be_made_is_refused(solver, reason):
    recipe = make_recipe(solver=solver)

    with pytest.raises(ValueError, match=reason) as error:
        make(recipe, make_parameters())

    assert str(error.value) == (
        f"The 'solver' parameter of MLPClassifier, {solver!r}, could not be made an "
        "optimizer of the network's 4 parameter tensors with lr=0.01: "
        f"{error.value.__cause__}"
    )


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", torch.optim.RMSprop])
def test_step_is_noticed_by_torchs_schedulers(solver):
    # They warn if the optimizer took no step before their own.
    recipe = make_recipe(solver=solver)
    parameters = make_parameters()
    optimizer = make(recipe, parameters)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    step = make_step(optimizer, recipe)

    set_gradients(parameters, make_arrays(1))
    step()
    scheduler.step()

    assert optimizer.param_groups[0]["lr"] == 0.005


# --- import time ------------------------------------------------------------------

CODE = """
import sys
import torch
from sknn_deep.training import Recipe
from sknn_deep import MLPClassifier
from sknn_deep.optimizers._optimizers import make_optimizer, make_step

def has_compiler():
    return "torch._dynamo" in sys.modules

def make(solver):
    recipe = Recipe(solver=solver, **{options!r})
    weight, bias = (torch.zeros(3, requires_grad=True) for _ in range(2))
    weight.grad, bias.grad = torch.ones(3), torch.ones(3)
    return make_step(make_optimizer(recipe, [weight], [bias], owner="Net"), recipe)

steps = [make(solver) for solver in ("adam", "adamw", "sgd")]
print(has_compiler())
for step in steps:
    step()
    print(has_compiler())

X, y = [[0.0], [1.0]], [0, 1]
clf = MLPClassifier((3,), device="cpu").partial_fit(X, y, classes=y)
clf.set_params(dropout=0.5).partial_fit(X, y)
print(has_compiler())
"""


@pytest.fixture(scope="module")
def compiler_imports():
    """Whether a fresh process had torch's compiler after each thing it did."""
    options = dataclasses.asdict(make_recipe())
    del options["solver"]

    done = subprocess.run(
        [sys.executable, "-c", CODE.format(options=options)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stderr
    names = ("made", "adam", "adamw", "sgd", "changed")
    return dict(zip(names, done.stdout.split(), strict=True))


def test_optimizers_are_made_without_torchs_compiler(compiler_imports):
    # Its import takes some two seconds in each new process.
    assert compiler_imports["made"] == "False"


def test_optimizers_go_on_without_torchs_compiler(compiler_imports):
    assert set(compiler_imports.values()) == {"False"}, compiler_imports


# --- states ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "solver", ["adam", "adamw", "sgd", torch.optim.NAdam, torch.optim.RAdam], ids=str
)
def test_optimizer_that_loads_a_state_goes_on_to_the_bit(solver):
    """NAdam's float32 product is not that of float64 parameters."""
    recipe = make_recipe(solver=solver, learning_rate_init=0.1)
    parameters = make_parameters()
    optimizer = make(recipe, parameters)
    for seed in range(3):
        set_gradients(parameters, make_arrays(seed))
        make_step(optimizer, recipe)()
    copies = [p.detach().clone().requires_grad_() for p in parameters]
    other = make(recipe, copies)

    set_optimizer_state(other, copy.deepcopy(get_optimizer_state(optimizer)))

    for ours, like in zip(copies, parameters, strict=True):
        assert other.state[ours].keys() == optimizer.state[like].keys()
        for name, value in optimizer.state[like].items():
            assert other.state[ours][name].dtype == value.dtype
    for seed in range(3, 6):
        for some, opt in ((parameters, optimizer), (copies, other)):
            set_gradients(some, make_arrays(seed))
            make_step(opt, recipe)()
    assert all(map(torch.equal, copies, parameters))
