"""Captured steps: what replays on a GPU, held to the same steps one by one.

Without a GPU, `emulate` stands in for CUDA: it records the kernels that a function
calls, with the very tensors and numbers that they got, undoes what they did, and
replays them. As with CUDA, numbers are frozen, memory is not, and what waits for the
device is refused.
"""

import contextlib
import dataclasses
import functools
import math
import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import sknn_deep.machine._graphs as graphs_file
import sknn_deep.training._step as step_file
import sknn_deep.training._step_plan as plan_file
from sknn_deep.gpu_report._list import list_checks, run_check
from sknn_deep.gradients import explicit_kind, penalized_weights, recorded_kind
from sknn_deep.machine import Placement
from sknn_deep.machine._graphs import GraphedWork, captures
from sknn_deep.modules import MLP, CrossEntropy, Dense, glorot_uniform_
from sknn_deep.optimizers._optimizers import DeviceRates, make_optimizer, make_step
from sknn_deep.rows import Batches, DenseRows, SparseRows, numpy_permutations
from sknn_deep.training import Convergence, Net, Run
from tests.training import recipes

CPU = torch.device("cpu")
N_ROWS, BATCH_SIZE = 30, 8

# What waits for a number of the device, or sends it one that Python made.
_REFUSED = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.lift_fresh.default,
}


# --- CUDA's graphs, emulated ----------------------------------------------------------


class _Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = []
        self.undo = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in _REFUSED:
            raise RuntimeError(f"{function} is not permitted when stream is capturing")
        for argument, value in _bind(function, args, kwargs):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tree_leaves(value):
                    saved = tensor.clone()
                    self.undo.append(functools.partial(tensor.copy_, saved))
            if isinstance(value, torch.Generator):
                state = value.get_state()
                self.undo.append(functools.partial(value.set_state, state))
        result = function(*args, **kwargs)
        self.calls.append((function, args, kwargs, result))
        return result


def _bind(function, args, kwargs):
    arguments = function._schema.arguments
    yield from zip(arguments, args, strict=False)
    for argument in arguments[len(args) :]:
        if kwargs.get(argument.name) is not None:
            yield argument, kwargs[argument.name]


def emulate(function):
    """Record what `function` does without doing it; give its result, and a replay."""
    recorder = _Recorder()
    with recorder:
        result = function()
    with torch.inference_mode():
        for undo in reversed(recorder.undo):
            undo()

    @torch.inference_mode()
    def replay():
        for call, args, kwargs, expected in recorder.calls:
            leaves = zip(
                tree_leaves(expected), tree_leaves(call(*args, **kwargs)), strict=True
            )
            for kept, new in leaves:
                if isinstance(kept, torch.Tensor) and not _share_memory(kept, new):
                    kept.copy_(new)

    return result, replay


def _share_memory(a, b):
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def test_emulated_capture_does_nothing_and_its_replay_does_all():
    total, step = torch.zeros(3), torch.ones(3)
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()

    def add():
        noise = torch.empty(3).normal_(generator=generator)
        total.add_(step * 2 + noise)
        return {"noise": noise}

    result, replay = emulate(add)

    assert torch.equal(total, torch.zeros(3))
    assert torch.equal(generator.get_state(), state)
    step.fill_(5.0)
    replay()
    replay()
    expected = torch.Generator().manual_seed(0)
    noises = [torch.empty(3).normal_(generator=expected) for _ in range(2)]
    assert torch.equal(total, (10 + noises[0]) + (10 + noises[1]))
    assert torch.equal(result["noise"], noises[1])


def test_emulated_capture_freezes_numbers():
    total, number = torch.zeros(()), 1.0
    _, replay = emulate(lambda: {"total": total.add_(number)})

    number = 100.0
    replay()

    assert total.item() == 1.0 != number


@pytest.mark.parametrize(
    "wait",
    [torch.Tensor.item, torch.Tensor.nonzero, lambda t: t + torch.tensor([1.0])],
    ids=["item", "nonzero", "tensor"],
)
def test_emulated_capture_refuses_to_wait(wait):
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        emulate(lambda: {"value": wait(torch.ones(()))})


# --- GraphedWork ----------------------------------------------------------------------


class Work:
    """Adds up the first array of each batch; knows how often Python called it."""

    def __init__(self, width=2):
        self.total = torch.zeros(width)
        self.n_calls = 0

    def __call__(self, batch):
        self.n_calls += 1
        X, *_ = batch
        self.total.add_(X.sum(dim=0))
        return {"mean": X.mean(dim=0)}


def test_work_is_captured_at_the_fourth_call_and_replayed():
    work = Work()
    graphed = GraphedWork(work, emulate)
    X = torch.zeros(3, 2)
    expected = torch.zeros(2)

    for i in range(10):
        X.fill_(i)
        expected += 3 * i
        result = graphed((X, None))

        assert work.n_calls == min(i + 1, 4)
        assert torch.equal(work.total, expected)
        assert torch.equal(result["mean"], torch.full((2,), float(i)))


def test_each_place_in_memory_is_captured():
    work = Work()
    graphed = GraphedWork(work, emulate)
    memory = torch.arange(12.0).view(6, 2)
    whole, part, other = (memory, None), (memory[:2], None), (memory[2:4], None)

    for _ in range(6):
        for batch in (whole, part, other):
            assert torch.equal(graphed(batch)["mean"], batch[0].mean(dim=0))

    assert work.n_calls == 3 * 4
    expected = 6 * (memory.sum(dim=0) + memory[:4].sum(dim=0))
    assert torch.equal(work.total, expected)


def test_failed_capture_warns_once_and_all_goes_on():
    def fail(function):
        raise RuntimeError("operation not permitted when stream is capturing")

    work = Work()
    graphed = GraphedWork(work, fail)
    X = torch.ones(3, 2)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(10):
            graphed((X, None))

    (warning,) = caught
    assert warning.category is RuntimeWarning
    assert str(warning.message) == (
        "A step of the training could not be captured as a CUDA graph, and is started "
        "kernel by kernel instead, which is slower: operation not permitted when "
        "stream is capturing"
    )
    assert torch.equal(work.total, torch.full((2,), 30.0))


def test_failed_capture_tells_what_broke_it():
    def fail(function):
        try:
            raise RuntimeError("operation not permitted when stream is capturing")
        finally:
            raise RuntimeError("operation failed due to a previous error")

    graphed = GraphedWork(Work(), fail)
    batch = (torch.ones(3, 2), None)
    with pytest.warns(RuntimeWarning, match=r"slower: operation not permitted"):
        for _ in range(4):
            graphed(batch)


def test_ctrl_c_in_a_capture_is_not_swallowed():
    def interrupt(function):
        raise KeyboardInterrupt

    graphed = GraphedWork(Work(), interrupt)
    batch = (torch.ones(3, 2), None)
    for _ in range(3):
        graphed(batch)

    with pytest.raises(KeyboardInterrupt):
        graphed(batch)


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu"])
def test_nothing_is_captured_but_on_cuda(device):
    with captures(torch.device(device), None) as capture:
        assert capture is None


@pytest.mark.parametrize("fails", [False, True])
def test_graphs_end_with_the_context_even_if_somebody_holds_them(fails, monkeypatch):
    class Graph:
        is_reset = False

        def replay(self):
            pass

        def reset(self):
            self.is_reset = True

    graphs = [Graph(), Graph()]
    queue = iter(graphs)
    monkeypatch.setattr(
        graphs_file,
        "_capture_cuda_graph",
        lambda function, device, generator: (function(), next(queue)),
    )

    with (
        pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext(),
        captures(torch.device("cuda"), None) as capture,
    ):
        for graph in graphs:
            assert capture(lambda: {"loss": 1}) == ({"loss": 1}, graph.replay)
        assert not any(graph.is_reset for graph in graphs)
        if fails:
            raise ZeroDivisionError

    assert all(graph.is_reset for graph in graphs)


# --- the rates ------------------------------------------------------------------------


def test_device_rates_follow_the_groups():
    groups = [{"params": [torch.zeros(2)]}, {"params": [torch.zeros(3)], "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.25)
    rates = DeviceRates(optimizer, make_recipe())
    first, second = rates.tensors
    rates.refresh()
    assert (first.item(), second.item()) == (0.25, 0.5)

    optimizer.param_groups[1]["lr"] = 0.125
    rates.refresh()

    assert rates.tensors[0] is first and rates.tensors[1] is second
    assert (first.item(), second.item()) == (0.25, 0.125)
    assert first.dtype == second.dtype == torch.float32


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("epsilon", [1e-8, 0.1])
def test_replayed_steps_are_those_that_are_not(solver, epsilon):
    recipe = make_recipe(solver=solver, epsilon=epsilon)
    ours, theirs = ([torch.ones(3), torch.ones(2)] for _ in range(2))
    optimizers = [
        make_optimizer(recipe, [a], [b], owner="MLPClassifier")
        for a, b in (ours, theirs)
    ]
    rates = DeviceRates(optimizers[0], recipe)
    step = make_step(optimizers[0], recipe, rates)
    step_of_theirs = make_step(optimizers[1], recipe)
    for p in ours:
        p.grad = torch.zeros_like(p)
    replay = None

    for t in range(8):
        if t == 5:  # as when training goes on later
            rates = DeviceRates(optimizers[0], recipe)
            step, replay = make_step(optimizers[0], recipe, rates), None
        for p, q in zip(ours, theirs, strict=True):
            p.grad.copy_(torch.linspace(-1, t, len(p)))
            q.grad = p.grad.clone()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (t + 1)
        rates.refresh()
        if t == 3:
            _, replay = emulate(lambda step=step: step() or {})
        step() if replay is None else replay()
        step_of_theirs()

        for p, q in zip(ours, theirs, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-6)


# --- the net --------------------------------------------------------------------------


make_recipe = functools.partial(
    recipes.make_recipe,
    alpha=0.01,
    batch_size=BATCH_SIZE,
    learning_rate_init=0.05,
    max_iter=30,
    tol=0.0,
    n_iter_no_change=math.inf,
)


def make_net(
    *,
    gradient=explicit_kind,
    dtype=torch.float32,
    autocast=None,
    activation="relu",
    dropout=0.0,
    label_smoothing=0.0,
    callbacks=None,
    **recipe,
):
    if autocast is not None:
        gradient = functools.partial(gradient, autocast=autocast)
    net = Net(
        MLP,
        CrossEntropy,
        recipe=make_recipe(**recipe),
        placement=Placement(CPU, dtype, autocast),
        gradient=gradient,
        penalized=penalized_weights,
        owner="MLPClassifier",
        callbacks=callbacks,
        module__layer_units=(4, 6, 3),
        module__activations=[activation],
        module__dropout=[dropout],
        module__dtype=dtype,
        criterion__label_smoothing=label_smoothing,
    ).initialize()
    layers = [m for m in net.module_.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(0))
    return net


def make_batches(net, *, weighted=False, shuffle=True, sparse=False):
    rng = np.random.default_rng(0)
    X = torch.tensor(rng.normal(size=(N_ROWS, 4)), dtype=net.placement.X_dtype)
    y = torch.tensor(rng.integers(3, size=N_ROWS))
    weight = torch.tensor(rng.uniform(size=N_ROWS), dtype=net.placement.dtype)
    return Batches(
        SparseRows(X.numpy(), X.dtype, CPU) if sparse else DenseRows(X),
        y,
        weight if weighted else None,
        batch_size=BATCH_SIZE,
        permute=numpy_permutations(N_ROWS, np.random.RandomState(0))
        if shuffle
        else None,
    )


def train(net, batches=None, **options):
    run = Run(
        net,
        batches or make_batches(net),
        net.recipe.max_iter,
        Convergence(net.recipe.tol, net.recipe.n_iter_no_change),
        generator=torch.Generator().manual_seed(0),
        **options,
    )
    return net.train(run)


class Captures:
    """Makes captures, and counts how many were made and replayed."""

    def __init__(self):
        self.n_captured = 0
        self.n_replayed = 0

    @contextlib.contextmanager
    def open(self, device, generator):
        yield self.capture

    def capture(self, function):
        self.n_captured += 1
        result, replay = emulate(function)

        def counting_replay():
            self.n_replayed += 1
            replay()

        return result, counting_replay


@pytest.fixture
def emulated(monkeypatch):
    emulated = Captures()
    monkeypatch.setattr(step_file, "captures", emulated.open)
    monkeypatch.setattr(plan_file, "can_capture", lambda device: True)
    # All four batches of an epoch in one place, as on a GPU, and the smaller last one.
    monkeypatch.setattr("sknn_deep.rows._gatherer._BYTES_AT_ONCE", 1)
    return emulated


def losses_of(net):
    return np.array(net.history[:, "train_loss"])


def assert_same_training(net, expected, **tolerances):
    np.testing.assert_allclose(losses_of(net), losses_of(expected), **tolerances)
    pairs = zip(net.module_.parameters(), expected.module_.parameters(), strict=True)
    for p, q in pairs:
        np.testing.assert_allclose(p.detach(), q.detach(), **tolerances)


VARIANTS = {
    "adam": {},
    "adamw": {"solver": "adamw"},
    "sgd": {"solver": "sgd"},
    "sgd without momentum": {"solver": "sgd", "momentum": 0.0},
    "one_cycle": {"learning_rate": "one_cycle"},
    "cosine": {"solver": "adamw", "learning_rate": "cosine"},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 0.1,
        "n_iter_no_change": 2,
    },
    "dropout": {"dropout": 0.4},
    "no penalty": {"alpha": 0.0},
    "clipping": {"clip_grad_norm": 0.1},
    "label smoothing": {"label_smoothing": 0.2},
    "tanh": {"activation": "tanh"},
    "mish": {"activation": "mish"},
    "bfloat16": {"autocast": torch.bfloat16},
}


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_replayed_training_is_the_same(variant, weighted, emulated, monkeypatch):
    net = make_net(**variant)
    train(net, make_batches(net, weighted=weighted))
    assert emulated.n_captured == 2  # whole batches, and the last of each epoch
    n_steps = 4 * len(net.history)
    assert emulated.n_replayed == n_steps - 2 * 3

    monkeypatch.setattr(graphs_file, "_N_BEFORE_CAPTURE", math.inf)
    one_by_one = make_net(**variant)
    train(one_by_one, make_batches(net, weighted=weighted))
    assert emulated.n_captured == 2
    assert_same_training(net, one_by_one, rtol=0, atol=0)

    monkeypatch.undo()
    on_host = make_net(**variant)
    train(on_host, make_batches(net, weighted=weighted))
    # Adam's epsilon differs, and rates are rounded to float32.
    if "autocast" in variant:  # which makes more of small differences
        np.testing.assert_allclose(losses_of(net), losses_of(on_host), rtol=2e-2)
    else:
        assert_same_training(net, on_host, rtol=1e-3, atol=1e-3)


def test_replayed_training_goes_on_with_its_optimizer(emulated, monkeypatch):
    nets = []
    for n_before in (3, math.inf):
        monkeypatch.setattr(graphs_file, "_N_BEFORE_CAPTURE", n_before)
        net = make_net()
        train(net)
        net.train(Run(net, make_batches(net), 40, Convergence(0.0, math.inf)))
        nets.append(net)

    assert emulated.n_captured == 4
    assert_same_training(*nets, rtol=0, atol=0)


class BatchHook(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


class GradientHook(Callback):
    def on_grad_computed(self, net, named_parameters, **kwargs):
        pass


@pytest.mark.parametrize(
    "options, data",
    [
        ({"callbacks": [BatchHook()]}, {}),
        ({"callbacks": [GradientHook()]}, {}),
        ({"dtype": torch.float64}, {}),
        ({"gradient": recorded_kind}, {}),
        ({"solver": torch.optim.Adam}, {}),
        ({"max_iter": 24}, {}),
        ({}, {"shuffle": False}),
    ],
    ids=[
        "batch hook",
        "gradient hook",
        "float64",
        "autograd",
        "solver",
        "few steps",
        "rows in order",
    ],
)
def test_what_changes_from_step_to_step_is_not_captured(options, data, emulated):
    net = make_net(**options)
    train(net, make_batches(net, **data))

    assert emulated.n_captured == 0


# --- what the report on a GPU checks --------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [check for check in list_checks() if check.part == "captured graph"],
    ids=lambda check: check.name,
)
def test_checks_of_captured_graphs_hold_for_emulated_ones(check, emulated):
    if check.name == "in two threads":
        pytest.skip("the emulation sees the kernels of one thread")

    outcome = run_check(dataclasses.replace(check, needs_cuda=False), CPU)

    differing = [c.what for c in outcome.comparisons if not c.holds]
    if check.name == "beside the CPU":  # whose steps are captured here, too
        assert (differing, emulated.n_captured) == (["captures, off from 2"], 4)
    else:
        assert (outcome.status, emulated.n_captured) == ("ok", 2), outcome
