"""The plan of a step: what is chosen, that it is done, and what it says."""

import functools

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sknn_deep import MLPClassifier
from sknn_deep.fitting._solvers import FitPlan
from sknn_deep.gradients._layout import is_stored_transposed
from sknn_deep.rows import SparseInput
from sknn_deep.training import planned_gradient
from sknn_deep.training._callbacks import Watched

N_ROWS = 400


class Batches(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


class Gradients(Callback):
    def on_grad_computed(self, net, **kwargs):
        pass


make = functools.partial(
    MLPClassifier,
    hidden_layer_sizes=(128,),
    batch_size=200,
    max_iter=20,
    random_state=0,
    device="cpu",
)


def make_data(n_features=20, share=1.0, dtype=np.float32):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, n_features)).astype(dtype)
    X[rng.random(X.shape) > share] = 0
    return X, rng.integers(2, size=N_ROWS)


def plan_fit(data=None, **params) -> FitPlan:
    estimator = make(**params)
    X, y = data or make_data()
    return estimator._plan_fit(estimator._check_fit(X, y))


def step_plan(data=None, **params):
    plan = plan_fit(data, **params)
    watched = Watched.by(plan.net.callbacks_)
    with planned_gradient(plan.run, watched=watched) as (step, _, _):
        return step


FEW_FEATURES = "products are faster so, of few features or of sparse rows"


@pytest.mark.parametrize(
    ("params", "choice", "value", "reason"),
    [
        ({}, "gradient", "explicit", "a plain chain of dense layers"),
        ({"normalization": "batch"}, "gradient", "recorded", "no plain chain"),
        ({}, "rows", "dense", "would not save enough"),
        ({"normalization": "layer"}, "rows", "dense", "only written-out gradients"),
        ({}, "layout", ("0.dense.weight",), FEW_FEATURES),
        ({"hidden_layer_sizes": 10}, "layout", (), "no product is faster"),
        (
            {"callbacks": [Gradients()]},
            "layout",
            (),
            "the callback Gradients looks at gradients",
        ),
        ({"solver": torch.optim.RMSprop}, "layout", (), "RMSprop is no optimizer of"),
        ({}, "captured", False, "only a CUDA device"),
        ({}, "threads", 1, "so small"),
        ({"hidden_layer_sizes": (2000, 2000)}, "threads", None, "large enough"),
        ({}, "denormals", "flushed", "a hundred times"),
        ({"callbacks": [Batches()]}, "denormals", "kept", "the callback Batches may"),
    ],
)
def test_step_plan_tells_each_choice_and_its_reason(params, choice, value, reason):
    plan = step_plan(**params)

    assert getattr(plan, choice) == value
    assert reason in plan.reasons[choice]


def test_gradient_of_a_compiled_network_is_chosen_by_the_user():
    net = plan_fit(compile=True).net

    kind = net.gradient(net.module_, net.criterion_)

    assert (kind.name, kind.reason) == ("compiled", "compile=True")


SPARSE = {"hidden_layer_sizes": (256,), "batch_size": 400, "max_iter": 200}


@pytest.mark.parametrize(
    ("callbacks", "rows", "reason"),
    [
        (None, "sparse", "leaving out zeros saves"),
        ([Batches()], "dense", "the callback Batches looks at batches"),
        ([("mine", Gradients())], "dense", "the callback mine looks at gradients"),
    ],
)
def test_step_plan_of_rows_with_many_zeros(callbacks, rows, reason):
    data = make_data(n_features=400, share=0.02)

    plan = step_plan(data, callbacks=callbacks, **SPARSE)

    assert plan.rows == rows
    assert reason in plan.reasons["rows"]


@pytest.mark.parametrize(
    ("data", "params"),
    [
        ((20, 1.0), {}),
        ((20, 1.0), {"callbacks": [Gradients()]}),
        ((400, 0.02), SPARSE),
        ((20, 1.0), {"normalization": "batch"}),
    ],
    ids=["few features", "watched", "zeros", "recorded"],
)
def test_step_plan_is_what_is_done(data, params):
    fit = plan_fit(make_data(*data), **params)
    watched = Watched.by(fit.net.callbacks_)

    with planned_gradient(fit.run, watched=watched) as (plan, batches, _):
        lying = {
            name
            for name, p in fit.net.module_.named_parameters()
            if is_stored_transposed(p.data)
        }
        X, *_ = next(iter(batches))

    assert lying == set(plan.layout)
    assert isinstance(X, SparseInput) == (plan.rows == "sparse")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "nothing but numbers differs"),
        ({"normalization": "batch"}, "only written-out gradients stay"),
        ({"max_iter": 10}, "fewer than 100 steps"),
        ({"precision": "float64"}, "rates are in float32"),
        ({"shuffle": False}, "do not come in the same memory"),
        ({"callbacks": [Gradients()]}, "the callback Gradients looks at gradients"),
        ({"callbacks": [Batches()]}, "the callback Batches looks at batches"),
    ],
    ids=lambda value: next(iter(value), "all") if isinstance(value, dict) else "",
)
def test_step_plan_tells_what_keeps_a_gpu_from_replaying(monkeypatch, changes, reason):
    monkeypatch.setattr(
        "sknn_deep.training._step_plan.can_capture", lambda device: True
    )

    plan = step_plan(**({"max_iter": 100} | changes))

    assert plan.captured == (not changes)
    assert reason in plan.reasons["captured"]


def test_step_plan_of_lbfgs_leaves_weights_as_they_are():
    X, y = make_data()

    plan = make(solver="lbfgs", max_iter=2, tol=10.0).fit(X, y).net_.step_plan_

    assert plan.layout == ()
    assert plan.reasons["layout"] == "SciPy takes weights as they are"
    assert plan.denormals == "kept"


def test_step_plan_of_an_ensemble_is_that_of_its_stack():
    X, y = make_data()
    ensemble = make(n_estimators=3, learning_rate="one_cycle", max_iter=2).fit(X, y)

    plans = [member.net_.step_plan_ for member in ensemble.estimators_]

    assert {plan.gradient for plan in plans} == {"stacked"}
    assert plans[0].reasons["gradient"] == "3 networks of the same shapes"
    assert plans[0].layout == ("0.dense.weight", "1.dense.weight")


def test_step_plan_prints_a_line_for_each_choice():
    lines = str(step_plan()).splitlines()

    assert [line.split()[0] for line in lines] == list(step_plan().reasons)
    assert lines[1].split(maxsplit=2) == [
        "rows",
        "dense",
        "leaving out zeros would not save enough",
    ]


def test_step_plan_cannot_be_changed():
    with pytest.raises(AttributeError):
        step_plan().threads = 2
