"""Networks that are trained together, against each of them alone."""

import dataclasses
import functools

import numpy as np
import pytest
import scipy.sparse
import torch
from skorch.callbacks import Callback

import sknn_deep.machine._threads as threads_file
from sknn_deep.gradients import explicit_kind, penalized_weights, stacked_gradient
from sknn_deep.machine import Placement
from sknn_deep.modules import MLP, CrossEntropy, Dense, SquaredError, glorot_uniform_
from sknn_deep.rows import Batches, make_rows, numpy_permutations
from sknn_deep.training import (
    Convergence,
    Net,
    Run,
    copy_state,
    run_family,
    train_stack,
)
from tests.training import recipes

N_ROWS = 20
CPU = torch.device("cpu")


make_recipe = functools.partial(
    recipes.make_recipe, max_iter=10, tol=0.0, n_iter_no_change=100
)


def make_net(recipe, *, seed, dtype, dropout, loss, callbacks, verbose=0):
    net = Net(
        MLP,
        loss,
        recipe=recipe,
        placement=Placement(CPU, dtype),
        gradient=explicit_kind,
        penalized=penalized_weights,
        owner="MLPClassifier",
        callbacks=callbacks,
        verbose=verbose,
        module__layer_units=(4, 5, 3),
        module__activations=["tanh"],
        module__dropout=[dropout],
        module__dtype=dtype,
    ).initialize()
    layers = [m for m in net.module_.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(seed))
    return net


def make_run(
    seed=0,
    *,
    dtype=torch.float64,
    dropout=0.0,
    weighted=False,
    sparse=False,
    loss=CrossEntropy,
    n_rows=N_ROWS,
    callbacks=None,
    verbose=0,
    subset=None,
    **recipe,
):
    """Make a run with data and random numbers of its own."""
    recipe = make_recipe(**recipe)
    net = make_net(
        recipe,
        seed=seed,
        dtype=dtype,
        dropout=dropout,
        loss=loss,
        callbacks=callbacks,
        verbose=verbose,
    )
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    X = scipy.sparse.csr_array(X) if sparse else X
    y = torch.tensor(rng.integers(3, size=n_rows))
    if loss is SquaredError:
        y = torch.tensor(rng.normal(size=(n_rows, 3)), dtype=dtype)
    weight = torch.tensor(rng.uniform(size=n_rows), dtype=dtype) if weighted else None
    batches = Batches(
        make_rows(X, dtype, CPU),
        y,
        weight,
        batch_size=recipe.batch_size,
        permute=(
            numpy_permutations(
                n_rows if subset is None else len(subset), np.random.RandomState(seed)
            )
            if recipe.shuffle
            else None
        ),
        subset=subset,
    )
    return Run(
        net,
        batches,
        epochs=recipe.max_iter,
        convergence=Convergence(recipe.tol, recipe.n_iter_no_change),
        generator=torch.Generator().manual_seed(seed) if dropout else None,
    )


def train_alone(run):
    return run.net.train(run)


def history_of(net):
    return [
        {name: value for name, value in epoch.items() if name not in ("dur", "batches")}
        for epoch in net.history
    ]


def assert_same_runs(ours, theirs, tolerance=1e-10):
    """Compare all that a training leaves behind."""
    for name, value in copy_state(theirs.net.module_).items():
        torch.testing.assert_close(
            ours.net.module_.state_dict()[name], value, rtol=tolerance, atol=tolerance
        )
    assert len(ours.net.history) == len(theirs.net.history)
    for a, b in zip(history_of(ours.net), history_of(theirs.net), strict=True):
        assert a == pytest.approx(b, rel=tolerance, abs=tolerance)
    for name in ("converged_", "diverged_", "n_seen_", "n_epochs_"):
        assert getattr(ours.net, name) == getattr(theirs.net, name)
    assert ours.convergence.n_no_improvement == theirs.convergence.n_no_improvement
    assert ours.convergence.best == pytest.approx(
        theirs.convergence.best, rel=tolerance
    )


def assert_stack_equals_each_alone(settings, tolerance=1e-10, **common):
    make_all = [
        lambda seed=seed, own=own: make_run(seed, **{**common, **own})
        for seed, own in enumerate(settings)
    ]
    together = [make() for make in make_all]
    assert len({run_family(run) for run in together}) == 1

    errors = train_stack(together, stacked_gradient)

    assert errors == [None] * len(settings)
    for ours, make in zip(together, make_all, strict=True):
        theirs = make()
        train_alone(theirs)
        assert_same_runs(ours, theirs, tolerance)
    return together


SETTINGS = {
    "rates": [{"learning_rate_init": rate} for rate in (0.001, 0.01, 0.1, 0.01)],
    "penalties": [{"alpha": alpha} for alpha in (0.0, 1.0, 0.1)],
    "schedules": [
        {"learning_rate": "one_cycle"},
        {"learning_rate": "cosine"},
        {"learning_rate": "constant"},
        {"learning_rate": "cosine", "max_iter": 4},
    ],
    "epochs": [{"max_iter": n} for n in (3, 1, 7, 3)],
    "clipping": [{"clip_grad_norm": limit} for limit in (None, 0.01, 1.0)],
    "tol": [
        {"tol": tol, "n_iter_no_change": 1, "max_iter": 20} for tol in (0, 0.02, 0.5)
    ],
    "shuffling": [{"shuffle": False}, {"shuffle": True}],
    "last batches": [
        {"n_rows": n, "alpha": 0.1 * n, "shuffle": n != 21, "max_iter": n - 10}
        for n in (20, 18, 21, 24, 20)
    ],
    "last batches, dropout": [
        {"n_rows": n, "dropout": 0.1 * k, "max_iter": n - 10}
        for k, n in enumerate((20, 18, 21, 23, 20), start=1)
    ],
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_stack_trains_each_network_as_if_alone(settings, solver):
    assert_stack_equals_each_alone(settings, solver=solver)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterovs_momentum", [False, True])
def test_stack_follows_every_schedule_of_sgd(momentum, nesterovs_momentum):
    settings = [
        {"learning_rate": "constant"},
        {"learning_rate": "invscaling"},
        {"learning_rate": "invscaling", "power_t": 0.2},
        {"learning_rate": "adaptive"},
        {"learning_rate": "one_cycle"},
        {"learning_rate": "cosine", "max_iter": 5},
    ]

    runs = assert_stack_equals_each_alone(
        settings,
        solver="sgd",
        momentum=momentum,
        nesterovs_momentum=nesterovs_momentum,
        learning_rate_init=0.1,
        tol=0.05,
        n_iter_no_change=1,
        max_iter=15,
    )

    assert len({len(run.net.history) for run in runs}) > 2


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_stack_goes_on_when_a_network_leaves(solver):
    running = []
    runs = [make_run(seed, max_iter=n, solver=solver) for seed, n in enumerate([2, 4])]

    train_stack(runs, stacked_gradient, on_epoch=running.append)

    assert running == [2, 2, 1, 1]
    alone = make_run(1, max_iter=4, solver=solver)
    train_alone(alone)
    assert_same_runs(runs[1], alone)


@pytest.mark.parametrize(
    "common",
    [
        {"weighted": True, "alpha": 0.5},
        {"sparse": True},
        {"loss": SquaredError, "alpha": 0.5},
        {"loss": SquaredError, "weighted": True},
        {"subset": torch.arange(3, 16)},
        {"n_rows": 16},
        {"batch_size": 100},
        {"batch_size": 1, "max_iter": 2},
    ],
    ids=lambda common: "-".join(map(str, common)),
)
def test_stack_trains_on_any_batches(common):
    assert_stack_equals_each_alone(
        [{}, {"alpha": 1.0}, {"learning_rate_init": 0.1}],
        **{"max_iter": 4, **common},
    )


def test_stack_draws_each_networks_dropout_masks():
    settings = [
        {"dropout": p, "max_iter": n} for p, n in [(0.1, 6), (0.5, 3), (0.9, 8)]
    ]

    assert_stack_equals_each_alone(settings)


@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str
)
@pytest.mark.parametrize("n_networks", [3, 135])
def test_stack_of_any_size_leaves_the_weights_of_a_network_alone(
    dtype, tolerance, n_networks
):
    def make(k):
        return make_run(
            k,
            dtype=dtype,
            dropout=0.1 + 0.1 * (k % 3),
            learning_rate_init=[0.001, 0.01][k % 2],
            alpha=[0.0, 1e-3, 1e-1][k % 3],
        )

    runs = [make(k) for k in range(n_networks)]

    errors = train_stack(runs, stacked_gradient)

    assert errors == [None] * n_networks
    for k in sorted({0, 1, 2, n_networks // 2, n_networks - 1}):
        alone = make(k)
        train_alone(alone)
        assert_same_runs(runs[k], alone, tolerance)
        assert len(alone.net.history) == 10


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("limit, expected", [(1e6, 1), (1.0, 3)])
def test_stack_of_small_networks_takes_one_thread(limit, expected, monkeypatch):
    monkeypatch.setattr(threads_file, "_STACK_IN_OWN_THREAD_FROM", limit)
    n_threads = []

    train_stack(
        [make_run(seed=seed) for seed in range(3)],
        stacked_gradient,
        on_epoch=lambda n_running: n_threads.append(torch.get_num_threads()),
    )

    assert set(n_threads) == {expected}


def test_stack_of_one_trains_it_as_if_alone():
    assert_stack_equals_each_alone([{"alpha": 0.1}])


# --- validation --------------------------------------------------------------------


def with_scores(run, scores):
    """Give a run an evaluation whose scores are known."""
    calls = iter(scores)

    def evaluate():
        return 1.0, next(calls)

    return dataclasses.replace(run, evaluate=evaluate)


def test_stack_stops_each_network_by_its_own_score_and_keeps_its_best_weights():
    scores = [[0.5, 0.9, 0.1, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]]

    def make(k):
        run = make_run(k, early_stopping=True, n_iter_no_change=1, max_iter=6)
        return with_scores(run, scores[k])

    runs = [make(0), make(1)]
    train_stack(runs, stacked_gradient)

    assert [len(run.net.history) for run in runs] == [4, 6]
    for k, run in enumerate(runs):
        alone = make(k)
        train_alone(alone)
        assert_same_runs(run, alone)
        torch.testing.assert_close(run.net.best_state_, alone.net.best_state_)
    second_epoch = make_run(0, max_iter=2)
    train_alone(second_epoch)
    torch.testing.assert_close(
        runs[0].net.best_state_, copy_state(second_epoch.net.module_)
    )


# --- failures ----------------------------------------------------------------------


def test_stack_lets_a_network_diverge_without_harm_to_the_others():
    def make(k):
        rate = [0.01, 1e300, 0.1][k]
        return make_run(k, solver="sgd", loss=SquaredError, learning_rate_init=rate)

    runs = [make(k) for k in range(3)]
    with np.errstate(all="ignore"):
        first, second, third = train_stack(runs, stacked_gradient)

    assert first is None and third is None
    assert isinstance(second, ValueError)
    assert "diverged in epoch" in str(second)
    for k in (0, 2):
        alone = make(k)
        train_alone(alone)
        assert_same_runs(runs[k], alone)
    with pytest.raises(ValueError) as caught:
        train_alone(make(1))
    assert str(caught.value) == str(second)


def test_stack_reports_an_evaluation_that_fails():
    def fail():
        raise RuntimeError("no score today")

    runs = [make_run(0, max_iter=3), make_run(1, max_iter=3)]
    runs[0] = dataclasses.replace(runs[0], evaluate=fail)

    first, second = train_stack(runs, stacked_gradient)

    assert str(first) == "no score today"
    assert second is None
    assert len(runs[1].net.history) == 3


def test_stack_leaves_the_memory_of_every_network_its_own():
    runs = [make_run(k, max_iter=k + 1) for k in range(3)]

    train_stack(runs, stacked_gradient)

    for run in runs:
        for p in run.net.module_.parameters():
            assert p.untyped_storage().nbytes() == p.numel() * p.element_size()
            assert p.grad is None
            assert p.isfinite().all()


# --- which runs may share a stack --------------------------------------------------


def test_run_family_ignores_numbers():
    runs = [
        make_run(0),
        make_run(1, learning_rate_init=0.1, alpha=1.0, beta_1=0.5, epsilon=1e-3),
        make_run(2, learning_rate="cosine", max_iter=3, tol=0.1, shuffle=False),
        make_run(3, clip_grad_norm=1.0, early_stopping=True, n_iter_no_change=2),
    ]

    assert len({run_family(run) for run in runs}) == 1
    assert run_family(runs[0]) is not None


def test_run_family_tells_apart_what_may_not_differ():
    runs = [
        make_run(),
        make_run(solver="adamw"),
        make_run(solver="sgd"),
        make_run(solver="sgd", momentum=0.0),
        make_run(solver="sgd", nesterovs_momentum=False),
        make_run(batch_size=7),
        make_run(n_rows=16),  # a batch less
        make_run(weighted=True),
        make_run(dropout=0.5, n_rows=24),  # no batch smaller than others
    ]
    autoencoding = make_run()
    autoencoding.batches.target = None
    families = [run_family(run) for run in [*runs, autoencoding]]

    assert None not in families
    assert len(set(families)) == len(families)


@pytest.mark.parametrize(
    "options",
    [
        {"solver": torch.optim.RMSprop},
        {"max_time": 10.0},
        {"verbose": 1},
        {"callbacks": [Callback()]},
    ],
    ids=["optimizer", "max_time", "verbose", "callbacks"],
)
def test_run_family_of_what_cannot_be_stacked_is_none(options):
    assert run_family(make_run(**options)) is None
