"""The skorch net: a loop's numbers, scikit-learn's rules, skorch's hooks."""

import contextlib
import copy
import dataclasses
import functools
import itertools
import math
import pickle
import time
import warnings

import numpy as np
import pytest
import scipy.sparse
import skorch.callbacks
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

import sknn_deep.machine._threads as threads_file
import sknn_deep.training._net as net_file
import sknn_deep.training._prediction as prediction_file
from sknn_deep import MLPClassifier
from sknn_deep.gradients import explicit_kind, penalized_weights, recorded_kind
from sknn_deep.machine import Placement
from sknn_deep.modules import MLP, CrossEntropy, Dense, glorot_uniform_
from sknn_deep.optimizers import add_penalty, one_cycle
from sknn_deep.rows import Batches, DenseRows, SparseRows, numpy_permutations
from sknn_deep.training import RESULTS, Convergence, Net, Run, copy_state
from sknn_deep.training._loss_sum import DeviceLossSum
from tests.estimators.fits import make, weights_of
from tests.training import recipes

N_ROWS, BATCH_SIZE = 30, 8
N_BATCHES = 4
GRADIENTS = {"explicit": explicit_kind, "recorded": recorded_kind}

both_gradients = pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)


make_recipe = functools.partial(
    recipes.make_recipe,
    solver="sgd",
    batch_size=BATCH_SIZE,
    learning_rate_init=0.1,
    max_iter=3,
    momentum=0.0,
    nesterovs_momentum=False,
    n_iter_no_change=100,
)


def make_net(
    *, gradient=explicit_kind, callbacks=None, dropout=0.0, verbose=0, **recipe
):
    net = Net(
        MLP,
        CrossEntropy,
        recipe=make_recipe(**recipe),
        placement=Placement(torch.device("cpu"), torch.float64),
        gradient=gradient,
        penalized=penalized_weights,
        owner="MLPClassifier",
        callbacks=callbacks,
        verbose=verbose,
        module__layer_units=(4, 6, 3),
        module__activations=["tanh"],
        module__dropout=[dropout],
        module__dtype=torch.float64,
    ).initialize()
    layers = [m for m in net.module_.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(0))
    return net


def make_arrays(weighted=False):
    rng = np.random.default_rng(0)
    X = torch.tensor(rng.normal(size=(N_ROWS, 4)))
    y = torch.tensor(rng.integers(3, size=N_ROWS))
    return X, y, torch.tensor(rng.uniform(size=N_ROWS)) if weighted else None


def make_batches(weighted=False, shuffle=True):
    X, y, weight = make_arrays(weighted)
    permute = numpy_permutations(N_ROWS, np.random.RandomState(0)) if shuffle else None
    return Batches(DenseRows(X), y, weight, batch_size=BATCH_SIZE, permute=permute)


def train(net, batches=None, *, convergence=None, keeper=None, epochs=None, **options):
    if convergence is None:
        convergence = Convergence(net.recipe.tol, net.recipe.n_iter_no_change)
    run = Run(
        net,
        batches or make_batches(),
        net.recipe.max_iter if epochs is None else epochs,
        convergence,
        generator=torch.Generator().manual_seed(0),
        **options,
    )
    return net.train(run, keeper)


def parameters_of(net):
    return [p.detach().clone() for p in net.module_.parameters()]


def assert_usable(net):
    """Check that a net whose training ended early is left as any other."""
    parameters = list(net.module_.parameters())
    assert all(p.isfinite().all() and p.grad is None for p in parameters)
    assert all(
        p.untyped_storage().nbytes() == p.numel() * p.element_size() for p in parameters
    )
    assert net.forward(make_arrays()[0].numpy()).shape == (N_ROWS, 3)
    n_before = len(net.history)
    train(net, epochs=1)
    assert len(net.history) == n_before + 1


# --- the loop -------------------------------------------------------------------------


@both_gradients
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_net_equals_a_loop_by_hand(gradient, weighted, alpha):
    net = make_net(gradient=gradient, alpha=alpha, momentum=0.9)
    module, loss = copy.deepcopy(net.module_), CrossEntropy()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    losses = []
    batches = make_batches(weighted)
    for _ in range(3):
        total = 0.0
        for X, y, weight in batches:
            n = len(X) if weight is None else weight.sum()
            penalty = sum(w.square().sum() for w in penalized_weights(module))
            value = loss(module(X), y, weight) + alpha / (2 * n) * penalty
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(X)
        losses.append(total / N_ROWS)

    train(net, make_batches(weighted))

    torch.testing.assert_close(
        parameters_of(net), list(module.parameters()), rtol=1e-10, atol=1e-10
    )
    assert net.history[:, "train_loss"] == pytest.approx(losses, rel=1e-10)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
def test_net_trains_alike_with_either_gradient(solver):
    def train_with(gradient):
        net = make_net(gradient=gradient, solver=solver, alpha=0.1, dropout=0.3)
        return parameters_of(train(net))

    torch.testing.assert_close(
        train_with(explicit_kind),
        train_with(recorded_kind),
        rtol=1e-9,
        atol=1e-9,
    )


def test_net_trains_on_sparse_rows_as_on_dense_ones():
    X, y, _ = make_arrays()
    X = X.clamp_min(0)
    sparse = SparseRows(
        scipy.sparse.csr_array(X.numpy()), torch.float64, torch.device("cpu")
    )

    def train_on(rows):
        return parameters_of(
            train(make_net(), Batches(rows, y, None, batch_size=BATCH_SIZE))
        )

    torch.testing.assert_close(train_on(sparse), train_on(DenseRows(X)))


def test_net_leaves_torchs_global_generator_alone():
    before = torch.get_rng_state()

    train(make_net(dropout=0.5))

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_net_trains_with_threads_that_fit_a_batch(n_threads, monkeypatch):
    n_flops = 6 * BATCH_SIZE * sum(p.numel() for p in make_net().module_.parameters())
    limit = n_flops if n_threads == 3 else n_flops + 1
    monkeypatch.setattr(threads_file, "_STEP_IN_ONE_THREAD_BELOW", limit)
    seen = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(torch.get_num_threads())

    train(make_net(callbacks=[Count()], max_iter=1))

    assert seen == [n_threads]
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_add_penalty_equals_autograd(weighted):
    alpha, n_rows = 0.3, 7
    rng = np.random.default_rng(0)
    weight = torch.tensor(rng.uniform(size=n_rows)) if weighted else None
    n = n_rows if weight is None else weight.sum()
    penalized = [
        torch.tensor(rng.normal(size=shape), requires_grad=True)
        for shape in [(3, 4), (4, 2)]
    ]
    penalty = alpha / (2 * n) * sum(w.square().sum() for w in penalized)
    penalty.backward()
    expected = [1 + w.grad for w in penalized]
    for w in penalized:
        w.grad = torch.ones_like(w)

    pairs = [(w.detach().view(-1), w.grad.view(-1)) for w in penalized]
    value = add_penalty(torch.tensor(2.0).double(), pairs, alpha, weight, n_rows)

    torch.testing.assert_close(value, 2 + penalty.detach())
    torch.testing.assert_close([w.grad for w in penalized], expected)


def test_add_penalty_of_a_batch_of_zero_weight_is_finite():
    w, gradient = torch.zeros(4).double(), torch.ones(4).double()
    weight = torch.zeros(3).double()

    value = add_penalty(torch.ones(()).double(), [(w, gradient)], 0.3, weight, 3)

    assert value == 1
    assert torch.equal(gradient, torch.ones_like(w))


def test_copy_state_shares_no_memory():
    net = make_net()
    state = copy_state(net.module_)

    train(net)

    before = make_net().module_.state_dict()
    torch.testing.assert_close(state, dict(before), rtol=0, atol=0)


# --- prediction -----------------------------------------------------------------------


@pytest.mark.parametrize("n_block", [1, 7, 30, 1000])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, DenseRows])
def test_net_forward_in_blocks_equals_one_pass(monkeypatch, n_block, kind):
    monkeypatch.setattr(
        prediction_file, "rows_per_block", lambda n_units, device: n_block
    )
    net = make_net(dropout=0.5)
    X = make_arrays()[0]
    expected = net.module_.eval()(X).detach()

    output = net.forward(kind(X) if kind is DenseRows else kind(X.numpy()))

    assert output.dtype == torch.float64
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)


def short_of_memory(function, n_most):
    """Fail as a device does, for more than `n_most` rows."""

    def call(X):
        if len(X) > n_most:
            raise torch.OutOfMemoryError
        return function(X)

    return call


@pytest.mark.parametrize("n_most", [1, 7, 1000])
def test_net_passes_smaller_blocks_where_memory_is_short(n_most):
    net = make_net()
    X, *_ = make_arrays()
    function = short_of_memory(net.module_, n_most)

    blocks = list(net.map_blocks(function, X.numpy()))

    expected = torch.cat(list(net.map_blocks(net.module_, X.numpy())))
    torch.testing.assert_close(torch.cat(blocks), expected)
    assert max(map(len, blocks)) <= n_most


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("limit, expected", [(1e6, 1), (1.0, 3)])
def test_net_passes_small_blocks_in_one_thread(limit, expected, monkeypatch):
    monkeypatch.setattr(threads_file, "_BLOCK_IN_ONE_THREAD_BELOW", limit)
    monkeypatch.setattr(threads_file, "_ALONE_ANYWAY", 0)  # which this network is below
    net, n_threads = make_net(), []

    def watch(X):
        n_threads.append(torch.get_num_threads())
        return X

    list(net.map_blocks(watch, make_arrays()[0].numpy(), finish=watch))

    assert n_threads == [expected, expected]
    assert torch.get_num_threads() == 3


def test_net_raises_where_there_is_no_memory_for_one_row():
    X, *_ = make_arrays()

    with pytest.raises(torch.OutOfMemoryError):
        list(make_net().map_blocks(short_of_memory(len, 0), X.numpy()))


def test_net_forward_of_an_array_of_another_type_computes_in_the_nets():
    X = make_arrays()[0].numpy().astype(np.float32)

    output = make_net().forward(X)

    torch.testing.assert_close(output, make_net().forward(X.astype(np.float64)))


def test_net_forward_records_nothing_and_leaves_training_mode():
    net = make_net()
    net.module_.train()

    output = net.forward(make_arrays()[0].numpy())

    assert not output.requires_grad
    assert not net.module_.training


def test_net_in_mixed_precision_gives_the_placements_dtype():
    net = make_net()
    net.move_to(Placement(torch.device("cpu"), torch.float32, torch.bfloat16))
    X = make_arrays()[0].numpy()

    output = net.forward(X)

    assert output.dtype == torch.float32
    torch.testing.assert_close(
        output.double(), make_net().forward(X), rtol=0.1, atol=0.05
    )


# --- skorch ---------------------------------------------------------------------------


def test_net_history_has_skorchs_columns():
    net = train(make_net())

    assert net.history[:, "epoch"] == [1, 2, 3]
    assert net.history[:, "train_batch_count"] == [N_BATCHES] * 3
    assert all(duration >= 0 for duration in net.history[:, "dur"])
    losses = net.history[:, "train_loss"]
    least = list(itertools.accumulate(losses, min))
    assert net.history[:, "train_loss_best"] == [
        loss == lowest for loss, lowest in zip(losses, least, strict=True)
    ]


def test_net_goes_on_with_its_history():
    net = train(train(make_net()), epochs=2)

    assert net.history[:, "epoch"] == [1, 2, 3, 4, 5]


def test_net_history_of_validation_marks_the_best():
    results = iter([(3.0, 0.1), (2.0, 0.3), (2.5, 0.2)])
    net = make_net(early_stopping=True)

    train(net, evaluate=lambda: next(results))

    assert net.history[:, ("valid_loss", "valid_loss_best")] == [
        (3.0, True),
        (2.0, True),
        (2.5, False),
    ]
    assert net.history[:, ("valid_score", "valid_score_best")] == [
        (0.1, True),
        (0.3, True),
        (0.2, False),
    ]


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_net_parameters_are_saved_and_loaded(tmp_path, solver):
    names = ("f_params", "f_optimizer", "f_history", "f_criterion")
    paths = {name: tmp_path / name for name in names}
    options = {"solver": solver, "momentum": 0.9, "learning_rate_init": 0.01}
    net = train(make_net(**options))
    net.save_params(**paths)

    loaded = make_net(**options)
    loaded.load_params(**paths)

    X = make_arrays()[0].numpy()
    torch.testing.assert_close(loaded.forward(X), net.forward(X), rtol=0, atol=0)
    assert loaded.history[:, "train_loss"] == net.history[:, "train_loss"]
    # The optimizer's state came along: training goes on as if nothing had happened.
    torch.testing.assert_close(
        parameters_of(train(loaded)), parameters_of(train(net)), rtol=1e-12, atol=0
    )


def repickle(net):
    return pickle.loads(pickle.dumps(net))


@pytest.mark.parametrize("make_copy", [copy.deepcopy, repickle])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_net_copy_goes_on_as_the_net_itself(make_copy, solver):
    net = train(make_net(solver=solver, momentum=0.9))

    copied = make_copy(net)

    before = parameters_of(net)
    after = parameters_of(train(copied))
    assert all(map(torch.equal, parameters_of(net), before))
    torch.testing.assert_close(after, parameters_of(train(net)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("device", ["cuda:1", "xpu", "mps"])
def test_net_of_a_device_that_is_not_here_comes_to_the_cpu(device, monkeypatch):
    net = train(make_net())
    net.device = device
    net.placement = dataclasses.replace(net.placement, device=torch.device(device))
    pickled = pickle.dumps(net)
    # A machine with a single NVIDIA GPU.
    for module in (torch.cuda, torch.accelerator):
        monkeypatch.setattr(module, "is_available", lambda: True)
        monkeypatch.setattr(module, "device_count", lambda: 1)
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda: torch.device("cuda")
    )

    loaded = pickle.loads(pickled)

    assert loaded.device == "cpu"
    assert loaded.placement.device == torch.device("cpu")
    assert all(map(torch.equal, parameters_of(loaded), parameters_of(net)))


class Recorder(Callback):
    """Notes which hooks are called, in order."""

    def initialize(self):
        self.calls_ = []
        return self


def recording(*hooks):
    """Make a callback that defines `hooks` only."""

    def make_hook(name):
        return lambda self, net, **kwargs: self.calls_.append((name, kwargs))

    return type("Recorder", (Recorder,), {hook: make_hook(hook) for hook in hooks})()


def names_called(callback):
    return [name for name, _ in callback.calls_]


def test_net_calls_batch_hooks_for_each_batch():
    callback = recording(
        "on_train_begin",
        "on_epoch_begin",
        "on_batch_begin",
        "on_grad_computed",
        "on_batch_end",
        "on_epoch_end",
        "on_train_end",
    )
    net = make_net(callbacks=[callback], max_iter=2)

    train(net)

    (_, callback) = net.callbacks_[-1]
    batch = ["on_batch_begin", "on_grad_computed", "on_batch_end"]
    epoch = ["on_epoch_begin", *batch * N_BATCHES, "on_epoch_end"]
    assert names_called(callback) == ["on_train_begin", *epoch * 2, "on_train_end"]


def test_net_batch_hooks_get_what_skorch_gives_them():
    net = make_net(callbacks=[recording("on_batch_begin", "on_batch_end")], max_iter=1)
    X, y, _ = make_arrays()

    train(net, make_batches(shuffle=False))

    (_, callback) = net.callbacks_[-1]
    begin, end = (kwargs for _, kwargs in callback.calls_[:2])
    assert begin["training"] is end["training"] is True
    assert torch.equal(end["batch"][1], y[:BATCH_SIZE])
    assert end["batch"][0].shape == (BATCH_SIZE, 4)
    expected = CrossEntropy()(make_net().module_(X[:BATCH_SIZE]), y[:BATCH_SIZE])
    assert end["loss"].item() == pytest.approx(expected.item(), rel=1e-12)
    assert not any(t.is_inference() for t in (end["loss"], end["y_pred"]))
    assert net.history[-1, "batches", :, "train_batch_size"] == [8, 8, 8, 6]
    assert net.history[-1, "batches", 0, "train_loss"] == pytest.approx(
        expected.item(), rel=1e-12
    )


@both_gradients
def test_net_batch_hooks_may_keep_what_they_get(gradient):
    # As skorch's EpochScoring does, which scores the outputs at the end of the epoch.
    seen = []

    class Keep(Callback):
        def on_batch_end(self, net, batch, y_pred, **kwargs):
            seen.append(((*batch, y_pred), copy.deepcopy((*batch, y_pred.detach()))))

    train(make_net(gradient=gradient, callbacks=[Keep()], max_iter=1))

    for kept, expected in seen:
        assert all(map(torch.equal, kept, expected))


@both_gradients
def test_net_scores_the_training_by_skorchs_epoch_scoring(gradient):
    accuracies = []

    class Accuracy(Callback):
        def on_batch_end(self, net, batch, y_pred, **kwargs):
            accuracies.extend((y_pred.argmax(dim=1) == batch[1]).tolist())

    scoring = skorch.callbacks.EpochScoring(
        lambda net, X, y: float((net.predict(X).argmax(axis=1) == y).mean()),
        on_train=True,
        lower_is_better=False,
        name="accuracy",
    )
    net = make_net(gradient=gradient, callbacks=[Accuracy(), scoring], max_iter=1)

    train(net)

    assert net.history[:, "accuracy"] == [pytest.approx(np.mean(accuracies))]


def count_calls(monkeypatch, owner, name):
    """Count the calls of a method; the list has what it was first called with."""
    calls = []
    method = getattr(owner, name)

    def counted(self, *args, **kwargs):
        calls.append(args)
        return method(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls


def test_net_without_batch_hooks_notifies_nobody_of_a_batch(monkeypatch):
    calls = count_calls(monkeypatch, Net, "notify")
    net = make_net(callbacks=[recording("on_epoch_end")], max_iter=2)

    train(net)

    assert [name for name, *_ in calls] == [
        "on_train_begin",
        *["on_epoch_begin", "on_epoch_end"] * 2,
        "on_train_end",
    ]
    assert len(net.history[-1, "batches"]) < N_BATCHES


@both_gradients
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_net_waits_for_the_device_once_an_epoch(monkeypatch, gradient, solver):
    # As off the CPU, where a loss is not read at each step.
    monkeypatch.setattr(net_file, "make_loss_sum", DeviceLossSum)
    net = make_net(gradient=gradient, solver=solver, alpha=0.1, max_iter=5)
    train(net, epochs=1)  # what happens once in a training does not count
    calls = [count_calls(monkeypatch, torch.Tensor, n) for n in ("item", "tolist")]

    train(net, epochs=1)
    one = sum(map(len, calls))
    train(net, epochs=5)

    assert sum(map(len, calls)) - one == one + 4


@both_gradients
@pytest.mark.parametrize("limit", [1e-3, 1e9])
def test_net_clips_gradients_by_skorchs_callback(gradient, limit):
    callback = skorch.callbacks.GradientNormClipping(limit)
    options = {"gradient": gradient, "alpha": 0.1, "max_iter": 1}
    net = make_net(callbacks=[callback], **options)
    X, y, _ = make_arrays()
    batch = Batches(DenseRows(X), y, None, batch_size=N_ROWS)
    before = parameters_of(net)

    train(net, batch)

    steps = torch.cat(
        [(a - b).view(-1) for a, b in zip(parameters_of(net), before, strict=True)]
    )
    if limit < 1:
        assert steps.norm().item() == pytest.approx(0.1 * limit, rel=1e-3)
    else:
        torch.testing.assert_close(
            parameters_of(net), parameters_of(train(make_net(**options), batch))
        )


@both_gradients
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_net_clips_gradients_by_its_recipe_as_by_skorchs_callback(gradient, solver):
    options = {"gradient": gradient, "solver": solver, "alpha": 0.1}
    callback = skorch.callbacks.GradientNormClipping(0.01)

    torch.testing.assert_close(
        parameters_of(train(make_net(clip_grad_norm=0.01, **options))),
        parameters_of(train(make_net(callbacks=[callback], **options))),
    )


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
@pytest.mark.parametrize("step_every", ["epoch", "batch"])
def test_net_follows_skorchs_learning_rate_scheduler(solver, step_every):
    scheduler = skorch.callbacks.LRScheduler(
        torch.optim.lr_scheduler.ExponentialLR, gamma=0.5, step_every=step_every
    )
    net = make_net(solver=solver, callbacks=[scheduler])

    train(net)

    expected = [0.1 * 0.5**i for i in range(3 * N_BATCHES)]
    if step_every == "epoch":
        assert net.history[:, "event_lr"] == pytest.approx(expected[:3])
    else:
        rates = net.history[:, "batches", :, "event_lr"]
        assert list(itertools.chain.from_iterable(rates)) == pytest.approx(expected)


def test_net_with_skorchs_scheduler_equals_a_loop_by_hand():
    scheduler = skorch.callbacks.LRScheduler(
        torch.optim.lr_scheduler.ExponentialLR, gamma=0.5
    )
    net = make_net(callbacks=[scheduler])
    module = copy.deepcopy(net.module_)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    oracle = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    batches = make_batches()
    for _ in range(3):
        for X, y, _ in batches:
            optimizer.zero_grad()
            CrossEntropy()(module(X), y).backward()
            optimizer.step()
        oracle.step()

    train(net)

    torch.testing.assert_close(parameters_of(net), list(module.parameters()))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_net_refuses_two_schedules(schedule):
    net = make_net(
        learning_rate=schedule,
        callbacks=[skorch.callbacks.LRScheduler("StepLR", step_size=1)],
    )

    with pytest.raises(ValueError, match="has two schedules of the learning rate"):
        train(net)


def test_net_saves_its_best_epoch_by_skorchs_checkpoint(tmp_path):
    checkpoint = skorch.callbacks.Checkpoint(
        monitor="train_loss_best", dirname=tmp_path, load_best=True
    )
    net = make_net(callbacks=[checkpoint])

    train(net)

    loaded = make_net()
    loaded.load_params(checkpoint=checkpoint)
    torch.testing.assert_close(parameters_of(loaded), parameters_of(net))


def test_net_saves_its_last_epoch_by_skorchs_checkpoint(tmp_path):
    net = make_net(callbacks=[skorch.callbacks.TrainEndCheckpoint(dirname=tmp_path)])

    train(net)

    loaded = make_net()
    loaded.load_params(f_params=tmp_path / "train_end_params.pt")
    torch.testing.assert_close(parameters_of(loaded), parameters_of(net))


@both_gradients
@pytest.mark.parametrize("solver", ["adam", torch.optim.RMSprop])
def test_net_refuses_layers_that_skorchs_freezer_froze(gradient, solver):
    net = make_net(
        gradient=gradient,
        solver=solver,
        alpha=0.1,
        callbacks=[skorch.callbacks.Freezer("0.*")],
    )
    message = "a callback has frozen 0.dense.weight, 0.dense.bias. Leave the callback"

    with pytest.raises(ValueError, match=message):
        train(net)


def test_net_is_stopped_by_skorchs_early_stopping():
    stopping = skorch.callbacks.EarlyStopping(
        monitor="train_loss", patience=1, threshold=1e9, sink=lambda *args: None
    )
    net = make_net(callbacks=[stopping], max_iter=50)

    train(net)

    assert len(net.history) == 2
    assert net.converged_
    assert_usable(net)


@pytest.mark.parametrize("monitor", ["valid_loss", "valid_score"])
def test_net_tells_what_early_stopping_needs(monitor):
    stopping = skorch.callbacks.EarlyStopping(monitor=monitor)
    net = make_net(callbacks=[stopping])

    with pytest.raises(ValueError, match=r"no rows to validate on\. Pass X_val"):
        train(net)


def test_net_leaves_other_errors_of_callbacks_as_they_are():
    stopping = skorch.callbacks.EarlyStopping(monitor="my_loss")

    with pytest.raises(KeyError, match="my_loss"):
        train(make_net(callbacks=[stopping]))


def test_net_extra_callbacks_are_called_for_a_while():
    net = make_net(max_iter=1)
    callback = recording("on_epoch_end").initialize()

    with net.extra_callbacks([("extra", callback)]):
        train(net)
    train(net)

    assert names_called(callback) == ["on_epoch_end"]


# --- interruption and divergence ------------------------------------------------------


class InterruptAt:
    """A gradient that is interrupted in one of its batches."""

    def __init__(self, n_batches):
        self.n_left = n_batches

    def __call__(self, module, loss):
        kind = explicit_kind(module, loss)
        return kind._replace(make=functools.partial(self.interrupted, kind.make))

    def interrupted(self, make, *args, **kwargs):
        @contextlib.contextmanager
        def wrapped():
            with make(*args, **kwargs) as gradient:

                def compute(*batch):
                    self.n_left -= 1
                    if self.n_left < 0:
                        self.n_left = math.inf
                        raise KeyboardInterrupt
                    return gradient.compute(*batch)

                yield gradient._replace(compute=compute)

        return wrapped()


@pytest.mark.parametrize(
    "n_batches, n_epochs", [(0, 0), (2, 0), (2 * N_BATCHES + 1, 2)]
)
def test_net_interrupted_in_an_epoch_warns_and_stays_usable(n_batches, n_epochs):
    net = make_net(gradient=InterruptAt(n_batches))

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        train(net)

    assert len(net.history) == n_epochs
    assert all("train_loss" in epoch for epoch in net.history)
    assert net.n_seen_ == n_epochs * N_ROWS
    assert_usable(net)


def test_net_interrupted_in_the_validation_warns_and_leaves_whole_epochs():
    results = iter([(1.0, 0.5), KeyboardInterrupt()])

    def evaluate():
        result = next(results)
        if isinstance(result, KeyboardInterrupt):
            raise result
        return result

    net = make_net(early_stopping=True)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        train(net, evaluate=evaluate)

    assert net.history[:, "valid_score"] == [0.5]


@pytest.mark.parametrize(
    "hook, n_epochs",
    [("on_epoch_begin", 1), ("on_batch_end", 1), ("on_epoch_end", 2)],
)
def test_net_stopped_by_a_callback_has_whole_epochs_in_its_history(hook, n_epochs):
    # Raising KeyboardInterrupt is how skorch's callbacks stop a training.
    def stop(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt

    net = make_net(callbacks=[type("Stop", (Callback,), {hook: stop})()])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it warns is not asked here
        train(net)

    assert len(net.history) == n_epochs
    assert all("train_loss" in epoch for epoch in net.history)


def test_net_has_every_result_after_a_training():
    net = train(make_net())

    assert [name for name in RESULTS if not hasattr(net, name)] == []


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_net_that_diverges_raises(solver):
    net = make_net(solver=solver, alpha=1.0, learning_rate_init=1e300, max_iter=5)

    with pytest.raises(ValueError) as error:
        train(net)

    assert str(error.value) == (
        "Solver produced non-finite parameter weights. The input data may contain "
        "large values and need to be preprocessed. MLPClassifier diverged in epoch "
        f"{len(net.history)} at the learning rate 1e+300: scale X first, then try "
        "a smaller learning_rate_init."
    )


def test_net_that_diverges_with_early_stopping_keeps_the_best_parameters():
    results = itertools.repeat((1.0, math.nan))
    net = make_net(
        early_stopping=True, alpha=1.0, learning_rate_init=1e300, max_iter=50
    )
    before = parameters_of(net)

    train(net, evaluate=lambda: next(results))

    assert net.diverged_
    assert len(net.history) < 50
    assert all(map(torch.equal, net.best_state_.values(), before))


# --- stopping and rates ---------------------------------------------------------------


def test_net_early_stopping_keeps_the_state_of_the_best_epoch():
    states = []
    scores = iter([0.1, 0.5, 0.3, 0.5, 0.2])
    net = make_net(early_stopping=True, max_iter=5)

    def evaluate():
        states.append(copy_state(net.module_))
        return 1.0, next(scores)

    train(net, evaluate=evaluate)

    torch.testing.assert_close(net.best_state_, states[1], rtol=0, atol=0)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_net_stops_when_nothing_improves(early_stopping):
    net = make_net(
        early_stopping=early_stopping, tol=1e9, n_iter_no_change=2, max_iter=50
    )

    train(net, evaluate=(lambda: (1.0, 0.5)) if early_stopping else None)

    # The first epoch improves on minus infinity.
    assert len(net.history) == 1 + 3
    assert net.converged_


def test_net_that_reaches_its_last_epoch_has_not_converged():
    net = train(make_net())

    assert len(net.history) == 3
    assert not net.converged_
    assert not net.diverged_


def test_net_with_a_schedule_goes_through_all_epochs_and_has_converged():
    net = make_net(learning_rate="one_cycle", tol=1e9, n_iter_no_change=1, max_iter=9)

    train(net)

    assert len(net.history) == 9
    assert net.converged_


def test_net_with_a_schedule_may_stop_by_early_stopping():
    net = make_net(
        learning_rate="cosine",
        early_stopping=True,
        tol=1e9,
        n_iter_no_change=1,
        max_iter=9,
    )

    train(net, evaluate=lambda: (1.0, 0.5))

    assert len(net.history) == 3


class Rates(Callback):
    """Notes the learning rate of each step."""

    def initialize(self):
        self.rates_ = []
        return self

    def on_batch_end(self, net, **kwargs):
        self.rates_.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
def test_net_one_cycle_takes_torchs_rates(solver):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=3 * N_BATCHES, cycle_momentum=False
    )
    expected = []
    for _ in range(3 * N_BATCHES):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < 3 * N_BATCHES:
            oracle.step()
    net = make_net(solver=solver, learning_rate="one_cycle", callbacks=[Rates()])

    train(net)

    assert net.callbacks_[-1][1].rates_ == pytest.approx(expected, rel=1e-9)


def test_net_trained_again_with_a_schedule_reaches_its_peak_again():
    net = make_net(learning_rate="one_cycle", callbacks=[Rates()])
    shares = [one_cycle(step, 3 * N_BATCHES) for step in range(3 * N_BATCHES)]

    train(net)
    train(net)

    assert net.callbacks_[-1][1].rates_ == pytest.approx(
        [0.1 * share for share in shares + shares]
    )


def test_net_inverse_scaling_counts_the_rows_seen():
    net = make_net(learning_rate="invscaling", power_t=0.7, callbacks=[Rates()])

    train(net, n_seen=1000)

    assert net.n_seen_ == 1000 + 3 * N_ROWS
    assert net.callbacks_[-1][1].rates_[::N_BATCHES] == pytest.approx(
        [0.1, 0.1 / 1031**0.7, 0.1 / 1061**0.7]
    )


def test_net_adaptive_divides_its_rate_until_it_is_too_small(capsys):
    net = make_net(
        learning_rate="adaptive",
        learning_rate_init=1e-4,
        tol=1e9,
        n_iter_no_change=1,
        max_iter=50,
        callbacks=[Rates()],
        verbose=2,
    )

    train(net)

    rates = net.callbacks_[-1][1].rates_[::N_BATCHES]
    # The first epoch improves; then each second one without improvement divides.
    assert rates == pytest.approx([1e-4] * 3 + [2e-5] * 2 + [4e-6] * 2 + [8e-7] * 2)
    assert net.converged_
    message = "Training loss did not improve more than tol=1000000000.000000 for 1 "
    lines = [s for s in capsys.readouterr().out.splitlines() if "Iter" not in s]
    assert lines == [
        f"{message}consecutive epochs. {what}"
        for what in (
            "Setting learning rate to 0.000020",
            "Setting learning rate to 0.000004",
            "Setting learning rate to 0.000001",
            "Learning rate too small. Stopping.",
        )
    ]


def test_net_begins_no_epoch_after_its_time(monkeypatch):
    now = itertools.count()  # a second passes at each look at the clock
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    net = make_net(max_time=3, max_iter=50)

    train(net)

    assert len(net.history) == 3
    assert net.converged_


def test_net_without_a_schedule_keeps_its_rate():
    net = make_net(callbacks=[Rates()])

    train(net)

    assert set(net.callbacks_[-1][1].rates_) == {0.1}


# --- reports --------------------------------------------------------------------------


def test_net_prints_scikit_learns_lines(capsys):
    net = make_net(verbose=2, early_stopping=True)

    train(net, evaluate=lambda: (1.0, 0.25))

    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        line
        for i, loss in enumerate(net.history[:, "train_loss"])
        for line in (
            f"Iteration {i + 1}, loss = {loss:.8f}",
            "Validation score: 0.250000",
        )
    ]


@pytest.mark.parametrize("verbose", [1, True])
def test_net_shows_a_bar_over_the_epochs_on_stderr(capsys, verbose):
    net = make_net(verbose=verbose, early_stopping=True)

    train(net, evaluate=lambda: (1.0, 0.25))

    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert f"loss={net.history[-1, 'train_loss']:.4g}" in err
    assert "valid_score=0.25" in err


def test_net_bar_has_as_many_epochs_as_the_training(capsys):
    net = make_net(verbose=1, max_iter=50)

    train(net, epochs=2)

    assert "2/2" in capsys.readouterr().err


def test_net_with_a_bar_can_be_pickled_after_an_error(capsys):
    net = make_net(verbose=1, alpha=1.0, learning_rate_init=1e300, max_iter=5)

    with pytest.raises(ValueError, match="diverged"):
        train(net)

    pickle.dumps(net)


@pytest.mark.parametrize("verbose", [0, False])
def test_net_prints_nothing_by_default(capsys, verbose):
    train(make_net(verbose=verbose))

    assert capsys.readouterr() == ("", "")


def test_net_recipe_may_be_replaced():
    net = make_net()
    net.recipe = dataclasses.replace(net.recipe, max_iter=1, alpha=0.5)
    oracle = make_net(alpha=0.5)

    train(net, epochs=1)
    train(oracle, epochs=1)

    torch.testing.assert_close(parameters_of(net), parameters_of(oracle))


# B50: Parameters that were saved by skorch load as weights only.
@pytest.mark.must_never("B50")
def test_parameters_load_as_weights_only(cancer, tmp_path):
    clf = make(MLPClassifier).fit(*cancer)
    clf.net_.save_params(f_params=tmp_path / "params.pt")

    state = torch.load(tmp_path / "params.pt", weights_only=True)

    assert_array_equal(state["0.dense.weight"].numpy().T, clf.coefs_[0])
    other = make(MLPClassifier, random_state=1).fit(*cancer)
    other.net_.load_params(f_params=tmp_path / "params.pt")
    assert_array_equal(weights_of(other), weights_of(clf))
