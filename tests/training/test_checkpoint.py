"""The state of a training as data, and that a training goes on from it."""

import copy
import math

import numpy as np
import pytest
import skorch.callbacks
import torch
from skorch.callbacks import Callback

from sknn_deep.gradients import explicit_kind, penalized_weights, recorded_kind
from sknn_deep.machine import Placement
from sknn_deep.modules import MLP, CrossEntropy, Dense, glorot_uniform_
from sknn_deep.rows import Batches, DenseRows, device_permutations, numpy_permutations
from sknn_deep.training import (
    CompactHistory,
    Convergence,
    Net,
    Run,
    StateKeeper,
    TrainingState,
    copy_state,
)
from tests.training.recipes import make_recipe

N_ROWS, BATCH_SIZE, N_EPOCHS = 30, 8, 6


class Keeper(StateKeeper):
    """Keeps states in memory; may start from one, and interrupt after one."""

    def __init__(self, start=None, interrupt_after=math.inf):
        self.start = start
        self.interrupt_after = interrupt_after
        self.states = []

    def restore(self, state):
        if self.start is not None:
            state.load_state_dict(copy.deepcopy(self.start))

    def keep(self, state):
        self.states.append(copy.deepcopy(state.state_dict()))
        if len(self.states) >= self.interrupt_after:
            raise KeyboardInterrupt


def make_net(
    *,
    gradient=explicit_kind,
    dropout=0.0,
    callbacks=None,
    verbose=0,
    **recipe,
):
    fields = {
        "solver": "sgd",
        "alpha": 1e-3,
        "batch_size": BATCH_SIZE,
        "learning_rate_init": 0.1,
        "max_iter": N_EPOCHS,
        "n_iter_no_change": 100,
    }
    net = Net(
        MLP,
        CrossEntropy,
        recipe=make_recipe(**{**fields, **recipe}),
        placement=Placement(torch.device("cpu"), torch.float64),
        gradient=gradient,
        penalized=penalized_weights,
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


def make_batches(permute="numpy"):
    rng = np.random.default_rng(0)
    X = torch.tensor(rng.normal(size=(N_ROWS, 4)))
    y = torch.tensor(rng.integers(3, size=N_ROWS))
    permutes = {
        "none": None,
        "numpy": numpy_permutations(N_ROWS, np.random.RandomState(0)),
        "device": device_permutations(N_ROWS, make_generator()),
    }
    return Batches(
        DenseRows(X), y, None, batch_size=BATCH_SIZE, permute=permutes[permute]
    )


def make_generator():
    return torch.Generator().manual_seed(0)


def train(net, keeper=None, *, permute="numpy", evaluate=None):
    batches, generator = make_batches(permute), make_generator()
    if permute == "device":
        batches.permute = device_permutations(N_ROWS, generator)
    recipe = net.recipe
    run = Run(
        net,
        batches,
        recipe.max_iter,
        Convergence(recipe.tol, recipe.n_iter_no_change),
        generator=generator,
        evaluate=evaluate,
    )
    return net.train(run, keeper)


def scores_of(net):
    """Make a validation score that depends on the weights alone."""

    def evaluate():
        first = next(net.module_.parameters())
        return 1.0, math.sin(1e4 * first.sum().item())

    return evaluate


def results_of(net):
    # What callbacks note of single batches is not kept; no two epochs last as long.
    epochs = [
        {k: v for k, v in epoch.items() if k not in ("batches", "dur")}
        for epoch in net.history
    ]
    return {
        "weights": copy_state(net.module_),
        "best": getattr(net, "best_state_", None),
        "history": epochs,
        "merits": net.best_merits_,
        "n_seen": net.n_seen_,
        "converged": net.converged_,
        "rate": [group["lr"] for group in net.optimizer_.param_groups],
    }


def assert_equal(ours, expected):
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)


def assert_goes_on(options, *, permute="numpy"):
    """Hold a training that goes on from any epoch to the one that was not stopped."""
    gradient_and_net = dict(options)
    early = options.get("early_stopping", False)

    def run(keeper):
        net = make_net(**gradient_and_net)
        train(net, keeper, permute=permute, evaluate=scores_of(net) if early else None)
        return net

    whole = Keeper()
    expected = run(whole)
    assert len(whole.states) == len(expected.history) > 2
    for n_epochs, state in enumerate(whole.states, start=1):
        net = run(Keeper(state))
        assert net.n_resumed_ == n_epochs
        assert_equal(results_of(net), results_of(expected))


TRAININGS = {
    "sgd": {},
    "plain descent": {"momentum": 0.0},
    "adam": {"solver": "adam"},
    "adamw, one cycle": {"solver": "adamw", "learning_rate": "one_cycle"},
    "torch's optimizer": {"solver": torch.optim.RMSprop, "learning_rate": "cosine"},
    "dropout": {"dropout": 0.3},
    "autograd": {"dropout": 0.3, "gradient": recorded_kind},
    "inverse scaling": {"learning_rate": "invscaling"},
    "adaptive": {"learning_rate": "adaptive", "tol": 1e9, "n_iter_no_change": 1},
    "no improvement": {"tol": 1e9, "n_iter_no_change": 2},
    "early stopping": {"early_stopping": True},
    "stopped early": {"early_stopping": True, "tol": 1e9, "n_iter_no_change": 2},
}


@pytest.mark.parametrize("options", TRAININGS.values(), ids=TRAININGS)
def test_state_goes_on_as_if_nothing_had_happened(options):
    assert_goes_on(options)


@pytest.mark.parametrize("permute", ["none", "device"])
def test_state_goes_on_with_other_row_orders(permute):
    assert_goes_on({"dropout": 0.3}, permute=permute)


def test_state_holds_what_skorchs_early_stopping_learnt():
    def make_callbacks():
        stopping = skorch.callbacks.EarlyStopping(
            monitor="train_loss", patience=3, threshold=1e9, sink=lambda text: None
        )
        return [stopping]

    whole = Keeper()
    expected = train(make_net(callbacks=make_callbacks(), max_iter=50), whole)
    assert len(expected.history) == 4

    net = train(
        make_net(callbacks=make_callbacks(), max_iter=50), Keeper(whole.states[1])
    )

    assert net.n_resumed_ == 2
    assert_equal(results_of(net), results_of(expected))


def test_state_holds_how_far_skorchs_scheduler_is():
    def make_callbacks():
        schedule = torch.optim.lr_scheduler.StepLR
        return [skorch.callbacks.LRScheduler(schedule, step_size=2, gamma=0.1)]

    whole = Keeper()
    expected = train(make_net(callbacks=make_callbacks()), whole)

    for state in whole.states:
        net = train(make_net(callbacks=make_callbacks()), Keeper(state))
        assert_equal(results_of(net), results_of(expected))


def test_state_tells_when_a_training_is_finished():
    by_last_epoch, by_itself = Keeper(), Keeper()
    train(make_net(), by_last_epoch)
    train(make_net(tol=1e9, n_iter_no_change=2), by_itself)

    assert [s["is_finished"] for s in by_last_epoch.states] == [False] * 5 + [True]
    assert [s["is_finished"] for s in by_itself.states] == [False] * 3 + [True]


def test_state_of_a_training_that_is_finished_trains_no_more():
    keeper = Keeper()
    train(make_net(), keeper)
    net = make_net(gradient=None)  # no step could be made
    net.gradient = explicit_kind
    net.run_single_epoch = None

    train(net, Keeper(keeper.states[-1]))

    assert_equal(copy_state(net.module_), keeper.states[-1]["module"])


def test_state_is_kept_until_an_interruption_that_says_so():
    keeper = Keeper(interrupt_after=2)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        net = train(make_net(), keeper)

    assert len(net.history) == 2
    assert_equal(copy_state(net.module_), keeper.states[-1]["module"])


@pytest.mark.parametrize("verbose", [0, 2])
def test_interruption_between_epochs_says_so(verbose, monkeypatch):
    net = make_net(verbose=verbose)
    notify = net.notify

    def interrupt(name, **arguments):
        notify(name, **arguments)
        if name == "on_epoch_end" and len(net.history) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(net, "notify", interrupt)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        train(net)

    assert len(net.history) == 3


def test_state_of_an_epoch_that_a_callback_ends_is_not_kept():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    keeper = Keeper()

    net = train(make_net(callbacks=[Stop()]), keeper)

    assert len(net.history) == 3
    assert [state["n_epochs"] for state in keeper.states] == [1, 2]


def test_state_is_in_the_types_of_data():
    keeper = Keeper()
    net = make_net(early_stopping=True, solver="adam", dropout=0.3)
    train(net, keeper, evaluate=scores_of(net))

    assert types_in(keeper.states[-1]) <= {
        *(bool, int, float, str, type(None), dict, list, tuple),
        *(torch.Tensor, np.ndarray),
    }


def types_in(value):
    if isinstance(value, dict):
        return {dict}.union(
            *(types_in(item) for pair in value.items() for item in pair)
        )
    if isinstance(value, list | tuple):
        return {type(value)}.union(*map(types_in, value))
    return {type(value)}


def test_state_is_that_of_a_training_that_follows_another():
    net = make_net()
    train(net)
    keeper = Keeper()
    train(net, keeper)

    assert len(net.history) == 2 * N_EPOCHS
    assert [state["n_epochs"] for state in keeper.states] == [1, 2, 3, 4, 5, 6]
    (table,) = keeper.states[-1]["history"]
    assert len(table["train_loss"]) == N_EPOCHS


def test_state_before_the_training_is_empty():
    net = make_net()
    net.begin_training(N_EPOCHS, 0)

    run = Run(net, make_batches(), N_EPOCHS, Convergence(1e-4, 10))
    state = TrainingState(run).state_dict()

    assert (state["n_epochs"], state["history"], state["generator"]) == (0, [], None)


def test_history_as_columns_becomes_its_epochs_again_without_batches():
    history = [
        {"batches": [{"x": 1}], "epoch": 1, "train_loss": 0.5, "best": True},
        {"batches": [{}], "epoch": 2, "train_loss": math.inf, "best": False},
        {"batches": [{}], "epoch": 3, "train_loss": 0.25, "best": True, "event": None},
    ]

    tables = CompactHistory(history).to_tables(batches=False)
    rows = list(CompactHistory.from_tables(tables))

    assert rows == [{**epoch, "batches": [{}]} for epoch in history]
    assert [type(v) for row in rows for v in row.values()] == [
        type(v) for epoch in history for v in epoch.values()
    ]
