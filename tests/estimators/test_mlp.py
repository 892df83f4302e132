"""What the classifier and the regressor share beyond scikit-learn's MLP."""

import copy
import functools
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    LRScheduler,
)
from torch import nn

import sknn_deep.fitting._solvers as solvers
import sknn_deep.machine._threads as threads_file
from sknn_deep import MLPClassifier, MLPRegressor
from sknn_deep.modules import ACTIVATIONS, BatchNorm
from sknn_deep.optimizers import STEP_SCHEDULES
from sknn_deep.training import Net
from tests.estimators.fits import threads_of_a_new_thread, weights_of

MLPS = [MLPClassifier, MLPRegressor]
# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "hidden_layer_sizes": (8, 6),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "max_iter": 5,
    "random_state": 0,
}
EXACT = {"device": "cpu", "precision": "float64"}
UNCONVERGED = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


def make(Estimator, **params):
    return Estimator(**QUICK | params)


@pytest.fixture(scope="module")
def data():
    """200 rows of ten features, and a target that both estimators take."""
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:200], (y[:200] > 140).astype(float)


def output_of(estimator, X):
    """Return log-odds or numbers, computed by NumPy from the weights."""
    a = X
    for i, (coef, intercept) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ):
        z = a @ coef + intercept
        a = np.maximum(z, 0) if i < len(estimator.coefs_) - 1 else z
    return a


def start_of(estimator, X, y):
    """Return the module that training starts from."""
    still = copy.deepcopy(estimator)
    still.set_params(learning_rate_init=1e-300, solver="sgd", max_iter=1)
    still.set_params(learning_rate="cosine", early_stopping=False)
    return still.fit(X, y).net_.module_


# --- bad input ------------------------------------------------------------------------

NAMES = "'" + "', '".join(sorted(ACTIVATIONS)) + "'"
# Parameters, and the whole message; {} is the estimator's name.
BAD = [
    (
        {"activation": ["relu", "swish"]},
        f"The 'activation' parameter of {{}} must be among [{NAMES}], or a list of "
        "them. Got 'swish' instead. 'swish' is called 'silu' here.",
    ),
    (
        {"activation": ["relu"]},
        "The 'activation' parameter of {} must name one activation for each of the 2 "
        "hidden layers. Got 1: ['relu'].",
    ),
    (
        {"dropout": -0.1},
        "The 'dropout' parameter of {} must be a float in the range [0.0, 1.0) or an "
        "array-like. Got -0.1 instead.",
    ),
    (
        {"dropout": [0.5]},
        "The 'dropout' parameter of {} must be one number, or one for each of the 2 "
        "hidden layers. Got 1: [0.5].",
    ),
    (
        {"dropout": [0.5, 1.0]},
        "The 'dropout' parameter of {} must be in the range [0.0, 1.0). Got 1.0 "
        "instead.",
    ),
    (
        {"hidden_layer_sizes": (8.5,)},
        "hidden_layer_sizes must be integers, got [8.5].",
    ),
    ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must be > 0, got [8, 0]."),
    (
        {"max_time": 0},
        "The 'max_time' parameter of {} must be a float in the range (0.0, inf) or "
        "None. Got 0 instead.",
    ),
    (
        {"clip_grad_norm": -1.0},
        "The 'clip_grad_norm' parameter of {} must be a float in the range (0.0, inf) "
        "or None. Got -1.0 instead.",
    ),
    (
        {"callbacks": "bar"},
        "The 'callbacks' parameter of {} must be an instance of 'list', an instance of "
        "'tuple' or None. Got 'bar' instead. A single one is given in a list: "
        "callbacks=[callback].",
    ),
    (
        {"compile": "yes"},
        "The 'compile' parameter of {} must be an instance of 'bool' or an instance of "
        f"'numpy.{np.bool_.__name__}'. Got 'yes' instead.",
    ),
    (
        {"solver": "lbfgs", "dropout": 0.1},
        "solver='lbfgs' of {} needs a loss that depends on the weights alone: set "
        "dropout=0 and normalization to None or 'layer', or choose another solver.",
    ),
    (
        {"solver": "lbfgs", "normalization": "batch"},
        "solver='lbfgs' of {} needs a loss that depends on the weights alone: set "
        "dropout=0 and normalization to None or 'layer', or choose another solver.",
    ),
    (
        {"solver": torch.optim.LBFGS},
        "The 'solver' parameter of {}, <class 'torch.optim.lbfgs.LBFGS'>, computes the "
        "loss several times a step, which batches are not for. Use solver='lbfgs', or "
        "an optimizer that takes one gradient a step.",
    ),
]


@pytest.mark.parametrize(("params", "message"), BAD, ids=[str(p) for p, _ in BAD])
@pytest.mark.parametrize("Estimator", MLPS)
def test_bad_parameters_raise_before_training(
    Estimator, params, message, data, monkeypatch
):
    def step(*args, **kwargs):
        raise AssertionError("a training step was taken")

    monkeypatch.setattr(Net, "run_single_epoch", step)

    with pytest.raises(ValueError) as caught:
        make(Estimator, **params).fit(*data)

    assert str(caught.value) == message.format(Estimator.__name__)


@pytest.mark.parametrize(
    ("params", "allowed"),
    [
        ({"activation": "tangent"}, set(ACTIVATIONS)),
        ({"solver": "newton"}, {"lbfgs", "sgd", "adam", "adamw"}),
        ({"normalization": "group"}, {"batch", "layer"}),
        ({"precision": "half"}, {"auto", "float32", "float64", "bfloat16"}),
        (
            {"learning_rate": "linear"},
            {
                *("constant", "invscaling", "adaptive"),
                *STEP_SCHEDULES,
            },
        ),
    ],
    ids=["activation", "solver", "normalization", "precision", "learning_rate"],
)
@pytest.mark.parametrize("Estimator", MLPS)
def test_a_name_that_is_not_allowed_raises_with_those_that_are(
    Estimator, params, allowed, data
):
    ((name, value),) = params.items()

    with pytest.raises(ValueError) as caught:
        make(Estimator, **params).fit(*data)

    message = str(caught.value)
    assert message.startswith(
        f"The '{name}' parameter of {Estimator.__name__} must be a str among {{"
    )
    assert message.endswith(f"Got {value!r} instead.")
    listed = re.search(r"\{(.*?)\}", message).group(1)
    assert re.findall(r"'(.*?)'", listed) == sorted(allowed)


@pytest.mark.parametrize(
    ("params", "message"), BAD[:8], ids=[str(p) for p, _ in BAD[:8]]
)
def test_bad_parameters_raise_in_partial_fit_too(params, message, data):
    with pytest.raises(ValueError) as caught:
        make(MLPRegressor, **params).partial_fit(*data)

    assert str(caught.value) == message.format("MLPRegressor")


@pytest.mark.parametrize("callbacks", [[3], [("name", 3)]], ids=str)
def test_what_is_no_callback_is_named(callbacks, data):
    with pytest.raises((TypeError, ValueError), match="'callbacks' parameter of"):
        make(MLPRegressor, callbacks=callbacks).fit(*data)


@pytest.mark.parametrize("Estimator", MLPS)
def test_half_a_validation_set_raises(Estimator, data):
    X, y = data
    name = Estimator.__name__

    for given, missing in (
        ({"X_val": X}, "y_val"),
        ({"y_val": y}, "X_val"),
        ({"sample_weight_val": y}, "X_val"),
    ):
        with pytest.raises(ValueError) as caught:
            make(Estimator).fit(X, y, **given)
        assert str(caught.value) == (
            f"{name}.fit needs X_val and y_val together. Got no {missing}."
        )
    with pytest.raises(ValueError, match=f"X has 3 features, but {name} is expecting"):
        make(Estimator).fit(X, y, X_val=X[:, :3], y_val=y)


@pytest.mark.parametrize(
    "changed", [{"hidden_layer_sizes": (3,)}, {"normalization": "batch"}]
)
@pytest.mark.parametrize("Estimator", MLPS)
def test_warm_start_refuses_other_layers(Estimator, changed, data):
    estimator = make(Estimator, warm_start=True).fit(*data)
    before = weights_of(estimator)

    with pytest.raises(ValueError) as caught:
        estimator.set_params(**changed).fit(*data)

    assert str(caught.value) == (
        f"{Estimator.__name__} cannot go on training: the layers that its parameters "
        "describe are not those of the network it has. Restore the parameters, or fit "
        "a new estimator."
    )
    assert_array_equal(weights_of(estimator), before)


@pytest.mark.parametrize(
    "method",
    ["predict", "score", "summary", "hidden_features", "coefs_", "intercepts_"],
)
@pytest.mark.parametrize("Estimator", MLPS)
def test_what_needs_a_fit_says_so(Estimator, method, data):
    estimator = Estimator()
    message = f"This {Estimator.__name__} instance is not fitted yet."

    with pytest.raises((NotFittedError, AttributeError), match=message):
        member = getattr(estimator, method)
        member(*data) if method == "score" else member(
            *() if method == "summary" else data[:1]
        )


# --- the network ----------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_network_is_torchs(activation, data):
    """With the same weights, modules made by hand give the same output."""
    X, y = data
    reg = make(MLPRegressor, activation=activation, **EXACT).fit(X, y)
    by_hand = []
    for coef, intercept in zip(reg.coefs_, reg.intercepts_, strict=True):
        linear = nn.Linear(*coef.shape, dtype=torch.float64)
        linear.load_state_dict(
            {"weight": torch.tensor(coef.T), "bias": torch.tensor(intercept)}
        )
        by_hand += [linear, ACTIVATIONS[activation].module()]

    with torch.no_grad():
        expected = nn.Sequential(*by_hand[:-1])(torch.from_numpy(X))[:, 0]

    assert_allclose(reg.predict(X), expected.numpy(), rtol=1e-10)


def test_each_layer_may_have_its_own_activation(data):
    X, y = data
    reg = make(MLPRegressor, activation=["tanh", "logistic"], **EXACT).fit(X, y)

    a = np.tanh(X @ reg.coefs_[0] + reg.intercepts_[0])
    a = 1 / (1 + np.exp(-(a @ reg.coefs_[1] + reg.intercepts_[1])))

    assert_allclose(reg.predict(X), (a @ reg.coefs_[2] + reg.intercepts_[2])[:, 0])


@pytest.mark.parametrize("Estimator", MLPS)
def test_a_list_of_one_value_is_the_value(Estimator, data):
    one = make(Estimator, activation="silu", dropout=0.2).fit(*data)
    several = make(Estimator, activation=("silu",) * 2, dropout=[0.2, 0.2]).fit(*data)

    assert_array_equal(weights_of(one), weights_of(several))


def test_dropout_of_one_layer_only(data):
    reg = make(MLPRegressor, dropout=[0.0, 0.4]).fit(*data)

    modules = [type(m).__name__ for m in reg.net_.module_.modules()]
    assert modules.count("Dropout") == 1
    assert not hasattr(reg.net_.module_[0], "dropout")
    assert reg.net_.module_[1].dropout.p == 0.4


def test_dropout_hinders_training_not_prediction(data):
    """Without noise, the expected output is what is predicted."""
    X, y = data
    plain = make(MLPRegressor, max_iter=20).fit(X, y)
    dropped = make(MLPRegressor, max_iter=20, dropout=0.5).fit(X, y)

    assert dropped.loss_ > plain.loss_
    assert_allclose(dropped.predict(X), output_of(dropped, X)[:, 0])


def test_batch_normalization_predicts_by_running_statistics(data):
    X, y = data
    reg = make(MLPRegressor, normalization="batch", **EXACT).fit(X, y)
    a = X
    for i, block in enumerate(reg.net_.module_):
        a = a @ block.dense.weight.detach().numpy().T
        a = a + block.dense.bias.detach().numpy()
        if i < 2:
            norm = block.normalization
            assert isinstance(norm, BatchNorm) and norm.num_batches_tracked == 5
            mean, var = norm.running_mean.numpy(), norm.running_var.numpy()
            scaled = (a - mean) / np.sqrt(var + norm.eps)
            gain, shift = (p.detach().numpy() for p in (norm.weight, norm.bias))
            a = np.maximum(scaled * gain + shift, 0)

    assert_allclose(reg.predict(X), a[:, 0])


def test_layer_normalization_predicts_row_by_row(data):
    X, y = data
    reg = make(MLPRegressor, normalization="layer", **EXACT).fit(X, y)
    a = X
    for i, block in enumerate(reg.net_.module_):
        a = a @ block.dense.weight.detach().numpy().T
        a = a + block.dense.bias.detach().numpy()
        if i < 2:
            gain, shift = (p.detach().numpy() for p in block.normalization.parameters())
            variance = a.var(axis=1, keepdims=True)
            a = (a - a.mean(axis=1, keepdims=True)) / np.sqrt(variance + 1e-5)
            a = np.maximum(a * gain + shift, 0)

    assert_allclose(reg.predict(X), a[:, 0])


@pytest.mark.parametrize("Estimator", MLPS)
def test_hidden_features_are_the_activations(Estimator, data):
    X, y = data
    estimator = make(Estimator, **EXACT, dropout=0.3).fit(X, y)
    first = np.maximum(X @ estimator.coefs_[0] + estimator.intercepts_[0], 0)
    second = np.maximum(first @ estimator.coefs_[1] + estimator.intercepts_[1], 0)

    for layer, expected in ((-1, second), (1, second), (0, first), (-2, first)):
        assert_allclose(estimator.hidden_features(X, layer=layer), expected, atol=1e-12)
    assert estimator.hidden_features(X[:1]).shape == (1, 6)


@pytest.mark.parametrize("Estimator", MLPS)
def test_hidden_features_name_the_layers_there_are(Estimator, data):
    X, y = data
    name = Estimator.__name__

    for layer in (2, -3):
        with pytest.raises(ValueError) as caught:
            make(Estimator).fit(X, y).hidden_features(X, layer=layer)
        assert str(caught.value) == (
            f"layer must be from -2 to 1: this {name} has 2 hidden layer(s). "
            f"Got {layer}."
        )
    with pytest.raises(ValueError, match=f"This {name} has no hidden layer"):
        make(Estimator, hidden_layer_sizes=()).fit(X, y).hidden_features(X)


def test_summary_lists_layers_shapes_and_parameters(data):
    params = {"normalization": "batch", "dropout": [0.1, 0.0], "precision": "float32"}
    reg = make(MLPRegressor, hidden_layer_sizes=(1000, 20), **params).fit(*data)

    summary = reg.summary()

    lines = str(summary).splitlines()
    assert lines[0] == 'Model: "MLPRegressor"'
    assert [line.split() for line in lines[4:-4]] == [
        ["dense_1", "(Dense)", "(None,", "1000)", "11,000"],
        ["batchnorm_1", "(BatchNorm)", "(None,", "1000)", "4,000"],
        ["relu_1", "(ReLU)", "(None,", "1000)", "0"],
        ["dropout_1", "(Dropout)", "(None,", "1000)", "0"],
        ["dense_2", "(Dense)", "(None,", "20)", "20,020"],
        ["batchnorm_2", "(BatchNorm)", "(None,", "20)", "80"],
        ["relu_2", "(ReLU)", "(None,", "20)", "0"],
        ["dense_3", "(Dense)", "(None,", "1)", "21"],
    ]
    assert lines[-3:] == [
        "Total params: 35,121 (137.19 KB)",
        "Trainable params: 33,081",
        "Non-trainable params: 2,040",
    ]
    assert summary.n_trainable == sum(p.numel() for p in reg.net_.module_.parameters())
    assert "<td>20,020</td>" in summary._repr_html_()


@pytest.mark.parametrize("Estimator", MLPS)
def test_net_is_a_skorch_net(Estimator, data):
    estimator = make(Estimator).fit(*data)

    assert isinstance(estimator.net_, skorch.NeuralNet)
    assert estimator.net_.history[:, "train_loss"] == estimator.loss_curve_
    assert all(isinstance(s, float) for s in estimator.net_.history[:, "dur"])


# --- precision ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "X_dtype", "dtype"),
    [
        ("auto", "f4", "f4"),
        ("auto", "f8", "f8"),
        ("auto", "i8", "f8"),
        ("auto", "f2", "f8"),
        ("float32", "f8", "f4"),
        ("float64", "f4", "f8"),
        ("bfloat16", "f8", "f4"),
    ],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("Estimator", MLPS)
@UNCONVERGED
def test_precision_is_the_type_of_all_that_comes_back(
    Estimator, solver, precision, X_dtype, dtype, data
):
    X, y = (3 * data[0]).astype(X_dtype), data[1]

    estimator = make(Estimator, precision=precision, device="cpu", solver=solver)
    estimator.fit(X, y)

    arrays = [*estimator.coefs_, *estimator.intercepts_, estimator.hidden_features(X)]
    if Estimator is MLPClassifier:
        arrays += [estimator.predict_proba(X), estimator.predict_log_proba(X)]
    else:
        arrays += [estimator.predict(X)]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("Estimator", MLPS)
def test_bfloat16_is_near_float32(Estimator, data):
    X, y = data
    params = {"max_iter": 20}
    mixed = make(Estimator, precision="bfloat16", **params).fit(X, y)
    single = make(Estimator, precision="float32", **params).fit(X, y)

    assert not np.array_equal(weights_of(mixed), weights_of(single))
    assert mixed.score(X, y) == pytest.approx(single.score(X, y), abs=0.05)
    assert mixed.loss_ == pytest.approx(single.loss_, rel=0.05)


# --- optimizers and schedules ---------------------------------------------------------


def test_sgd_of_torch_is_sgd(data):
    """The penalty enters the gradient of any solver but adamw."""
    params = {"alpha": 0.5, "momentum": 0.0, "batch_size": 40}

    named = make(MLPRegressor, solver="sgd", **params, **EXACT).fit(*data)
    own = make(MLPRegressor, solver=torch.optim.SGD, **params, **EXACT).fit(*data)

    assert_allclose(weights_of(own), weights_of(named), rtol=1e-9, atol=1e-12)


@UNCONVERGED
def test_a_partial_may_bring_its_own_rate(data):
    params = {"learning_rate": "constant", "batch_size": 40, **EXACT}
    solver = functools.partial(torch.optim.RMSprop, lr=0.003)

    own = make(MLPRegressor, solver=solver, **params).fit(*data)

    params["learning_rate_init"] = 0.003
    named = make(MLPRegressor, solver=torch.optim.RMSprop, **params).fit(*data)
    assert_allclose(weights_of(own), weights_of(named), rtol=1e-12)


@UNCONVERGED
def test_adamw_is_torchs(data):
    X, y = data
    reg = make(
        MLPRegressor,
        solver="adamw",
        alpha=0.3,
        learning_rate="constant",
        shuffle=False,
        **EXACT,
    )
    module = start_of(reg, X, y)
    weights = [block.dense.weight for block in module]
    biases = [block.dense.bias for block in module]
    optimizer = torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": 0.3},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=0.02,
    )
    target = torch.from_numpy(y)[:, None]
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (module(torch.from_numpy(X)) - target).square().mean() / 2
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    reg.fit(X, y)

    assert_allclose(reg.loss_curve_, losses, rtol=1e-10)
    for coef, weight in zip(reg.coefs_, weights, strict=True):
        # Ours computes Adam's epsilon as scikit-learn does.
        assert_allclose(coef.T, weight.detach().numpy(), rtol=1e-5, atol=1e-8)


class RateLog(Callback):
    """Writes down the learning rate of each step."""

    rates: list = []

    def on_batch_end(self, net, **kwargs):
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


@pytest.fixture
def rate_log():
    RateLog.rates.clear()
    yield RateLog
    RateLog.rates.clear()


def torch_rates(schedule, n_steps):
    """Return the rates that torch's own schedulers give."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.02)
    if schedule == "one_cycle":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.02, total_steps=n_steps, cycle_momentum=False
        )
    else:
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_step_schedules_are_torchs(schedule, solver, data, rate_log):
    make(
        MLPRegressor,
        learning_rate=schedule,
        solver=solver,
        batch_size=30,
        tol=1e9,  # ignored
        callbacks=[rate_log()],
    ).fit(*data)

    assert len(rate_log.rates) == 5 * 7
    assert_allclose(rate_log.rates, torch_rates(schedule, 35), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_step_schedules_are_constant_in_partial_fit(schedule, data, rate_log):
    reg = make(MLPRegressor, learning_rate=schedule, callbacks=[rate_log()])

    for _ in range(3):
        reg.partial_fit(*data)

    assert rate_log.rates == [0.02] * 3


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_partial_fit_after_a_schedule_starts_from_its_peak(schedule, data, rate_log):
    reg = make(MLPRegressor, learning_rate=schedule, callbacks=[rate_log()]).fit(*data)
    rate_log.rates.clear()

    reg.partial_fit(*data)

    assert rate_log.rates == [0.02]


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_step_schedules_may_stop_early(schedule, data):
    params = {"early_stopping": True, "n_iter_no_change": 2, "tol": 10.0}
    reg = make(MLPRegressor, learning_rate=schedule, max_iter=50, **params).fit(*data)

    assert reg.n_iter_ == 4  # the first epoch, and more than two without improvement


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_gradients_are_clipped_to_a_norm(clip, data):
    X, y = data
    params = {
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate": "constant",
        "learning_rate_init": 1.0,
        "max_iter": 1,
        **EXACT,
    }
    before = make(MLPRegressor, **params | {"learning_rate_init": 1e-300})
    free = make(MLPRegressor, **params)
    clipped = make(MLPRegressor, clip_grad_norm=clip, **params)
    for reg in (before, free, clipped):
        reg.partial_fit(X, y)

    gradient = weights_of(before) - weights_of(free)
    step = weights_of(before) - weights_of(clipped)

    factor = min(1, clip / np.linalg.norm(gradient))
    assert_allclose(step, factor * gradient, rtol=1e-4, atol=1e-12)


# --- stopping -------------------------------------------------------------------------


def test_max_time_ends_training_between_epochs(data, monkeypatch):
    now = 0.0

    def monotonic():
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr("sknn_deep.training._epochs.time.monotonic", monotonic)
    reg = make(MLPRegressor, max_iter=1000, max_time=4.5, learning_rate="constant")

    reg.fit(*data)  # no ConvergenceWarning

    assert 1 < reg.n_iter_ < 8
    assert np.isfinite(reg.predict(data[0])).all()


def test_max_time_is_kept(data):
    reg = make(MLPRegressor, max_iter=10**6, max_time=0.2, learning_rate="constant")
    start = time.monotonic()

    reg.set_params(tol=0.0, n_iter_no_change=np.inf).fit(*data)

    assert 0.2 < time.monotonic() - start < 5
    assert 1 < reg.n_iter_ < 10**6


@pytest.mark.parametrize("Estimator", MLPS)
def test_a_validation_set_is_monitored_and_changes_nothing(Estimator, data):
    X, y = data
    alone = make(Estimator).fit(X[:150], y[:150])

    watched = make(Estimator).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])

    assert_array_equal(weights_of(watched), weights_of(alone))
    assert len(watched.validation_scores_) == len(watched.validation_loss_curve_) == 5
    assert watched.validation_scores_[-1] == pytest.approx(
        watched.score(X[150:], y[150:])
    )
    assert watched.best_validation_score_ == max(watched.validation_scores_)
    assert alone.validation_scores_ is None


@pytest.mark.parametrize("Estimator", MLPS)
def test_a_validation_set_takes_the_place_of_the_split(Estimator, data):
    X, y = data
    params = {"early_stopping": True, "validation_fraction": 0.5}

    estimator = make(Estimator, **params).fit(X, y, X_val=X[:30], y_val=y[:30])

    assert estimator.t_ == 5 * 200
    assert estimator.score(X[:30], y[:30]) == pytest.approx(
        estimator.best_validation_score_
    )


def test_a_validation_set_must_have_the_same_names(data):
    X, y = data
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(10)])
    renamed = frame.rename(columns={"x0": "z"})

    make(MLPRegressor).fit(frame, y, X_val=frame, y_val=y)
    with pytest.raises(ValueError, match="feature names should match"):
        make(MLPRegressor).fit(frame, y, X_val=renamed, y_val=y)


@pytest.mark.parametrize("Estimator", MLPS)
def test_weights_are_changed_where_they_are_and_not_replaced(Estimator, data):
    estimator = make(Estimator).fit(*data)

    for arrays in (estimator.coefs_, estimator.intercepts_):
        with pytest.raises(TypeError, match="Write into one"):
            arrays[0] = np.zeros_like(arrays[0])
    estimator.coefs_[0][:] = 1
    estimator.coefs_[0] *= 3
    estimator.intercepts_[-1] += 1

    assert (estimator.coefs_[0] == 3).all()
    copies = copy.deepcopy(estimator.coefs_)
    copies[0] = 0  # a list as any
    assert type(copies) is list


# --- callbacks ------------------------------------------------------------------------


def test_callbacks_are_told_of_each_epoch_on_copies(data):
    X, y = data
    scoring = EpochScoring("r2", on_train=True, name="r2")
    reg = make(MLPRegressor, callbacks=[("own", scoring)], batch_size=30, alpha=0.0)

    reg.fit(X, y)

    # Each batch is scored as it passes, before its update, as in the loss.
    r2 = 1 - 2 * np.array(reg.loss_curve_) / np.var(y)
    assert_allclose(reg.net_.history[:, "r2"], r2)
    assert "own" in dict(reg.net_.callbacks_)
    assert not hasattr(scoring, "best_score_")


@pytest.mark.parametrize("changed", [{"dropout": 0.2}, {"verbose": 1}], ids=str)
def test_a_network_described_anew_goes_on_with_all_that_was_learnt(
    changed, data, capsys
):
    scoring = EpochScoring("r2", on_train=True, name="r2")
    reg = make(MLPRegressor, callbacks=[("own", scoring)])
    reg.partial_fit(*data).partial_fit(*data)
    callback = dict(reg.net_.callbacks_)["own"]
    history = list(reg.net_.history)
    step = next(iter(reg.net_.optimizer_.state.values()))["step"].item()

    reg.set_params(**changed).partial_fit(*data)

    assert dict(reg.net_.callbacks_)["own"] is callback
    assert len(reg.net_.history[:, "r2"]) == 3
    assert reg.net_.history[:2] == history
    assert next(iter(reg.net_.optimizer_.state.values()))["step"].item() == 1.5 * step
    assert bool(capsys.readouterr().err) == ("verbose" in changed)


def test_skorchs_early_stopping_stops(data):
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=print)
    reg = make(MLPRegressor, callbacks=[stop], max_iter=50)

    reg.fit(*data)

    assert reg.n_iter_ == 3


def test_skorchs_scheduler_sets_the_rate(data, rate_log):
    scheduler = LRScheduler("StepLR", step_size=2, gamma=0.1)
    reg = make(
        MLPRegressor, callbacks=[rate_log(), scheduler], learning_rate="constant"
    )

    with pytest.warns(ConvergenceWarning):
        reg.fit(*data)

    assert_allclose(rate_log.rates, [0.02, 0.02, 0.002, 0.002, 0.0002])


def test_skorchs_checkpoint_saves_the_best(data, tmp_path):
    X, y = data
    checkpoint = Checkpoint(monitor="valid_score_best", dirname=tmp_path)
    reg = make(
        MLPRegressor,
        callbacks=[checkpoint],
        early_stopping=True,
        learning_rate_init=0.3,
        max_iter=12,
    )

    reg.fit(X, y)

    state = torch.load(tmp_path / "params.pt", weights_only=True)
    assert_array_equal(state["2.dense.weight"].numpy().T, reg.coefs_[2])


def test_a_frozen_layer_is_refused(data):
    reg = make(MLPRegressor, callbacks=[Freezer("0.dense*")])

    with pytest.raises(ValueError) as caught:
        reg.fit(*data)

    assert str(caught.value).startswith(
        "MLPRegressor trains all parameters of its network, but a callback has frozen "
        "0.dense.weight, 0.dense.bias."
    )


@pytest.mark.parametrize("Estimator", MLPS)
def test_scikit_learns_callbacks_are_told_of_each_epoch(
    Estimator, data, capsys, sklearn_callback
):
    X, y = data
    scoring = "accuracy" if Estimator is MLPClassifier else "r2"
    monitor = sklearn_callback.ScoringMonitor(scoring=scoring)
    estimator = make(Estimator).set_callbacks(monitor, sklearn_callback.ProgressBar())

    estimator.fit(X, y)

    log = monitor.get_logs(select="most_recent").data
    scores = [task[scoring] for task in log if task["task_name"] == "epoch"]
    assert len(scores) == 5
    assert scores[-1] == pytest.approx(estimator.score(X, y))
    plain = make(Estimator).fit(X, y)
    assert_array_equal(weights_of(estimator), weights_of(plain))


# --- what is printed ------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [0, False])
@pytest.mark.parametrize("Estimator", MLPS)
def test_verbose_0_prints_nothing(Estimator, verbose, data, capsys):
    make(Estimator, verbose=verbose, early_stopping=True).fit(*data)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, True])
@pytest.mark.parametrize("Estimator", MLPS)
def test_verbose_1_shows_a_bar_on_stderr(Estimator, verbose, data, capsys):
    estimator = make(Estimator, verbose=verbose, early_stopping=True).fit(*data)

    out, err = capsys.readouterr()
    assert out == ""
    assert "5/5" in err
    assert f"loss={estimator.loss_:.4g}" in err
    assert f"valid_score={estimator.validation_scores_[-1]:.4g}" in err


@pytest.mark.parametrize("Estimator", MLPS)
def test_verbose_2_prints_lines_on_stdout(Estimator, data, capsys):
    estimator = make(Estimator, verbose=2, early_stopping=True).fit(*data)

    out, err = capsys.readouterr()
    expected = []
    for i in range(5):
        expected.append(f"Iteration {i + 1}, loss = {estimator.loss_curve_[i]:.8f}")
        expected.append(f"Validation score: {estimator.validation_scores_[i]:f}")
    assert out.splitlines() == expected
    assert err == ""


# --- randomness and threads -----------------------------------------------------------


@pytest.mark.parametrize("Estimator", MLPS)
def test_a_generator_goes_on_from_fit_to_fit(Estimator, data):
    one, two = (
        make(Estimator, random_state=np.random.RandomState(0), dropout=0.2)
        for _ in range(2)
    )

    first, second = (weights_of(one.fit(*data)) for _ in range(2))

    assert not np.array_equal(first, second)
    assert_array_equal(weights_of(two.fit(*data)), first)
    assert_array_equal(weights_of(two.fit(*data)), second)


def test_calls_of_partial_fit_draw_other_masks(data):
    """A seed is not a mask: the same rows twice are dropped out otherwise."""
    X, y = data
    params = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1e-9}
    reg = make(MLPRegressor, dropout=0.5, **params)

    losses = [reg.partial_fit(X, y).loss_ for _ in range(4)]

    assert len(set(losses)) == 4
    again = make(MLPRegressor, dropout=0.5, **params)
    assert [again.partial_fit(X, y).loss_ for _ in range(4)] == losses


def test_fits_side_by_side_are_those_one_by_one(data):
    n_threads = torch.get_num_threads(), threads_of_a_new_thread()
    settings = [(E, seed) for E in MLPS for seed in range(4)]
    barrier = threading.Barrier(4)

    def fit(setting):
        Estimator, seed = setting
        barrier.wait(timeout=60)
        estimator = make(Estimator, random_state=seed, dropout=0.2, max_iter=20)
        return weights_of(estimator.fit(*data))

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit, settings))

    assert (torch.get_num_threads(), threads_of_a_new_thread()) == n_threads
    for (Estimator, seed), weights in zip(settings, together, strict=True):
        alone = make(Estimator, random_state=seed, dropout=0.2, max_iter=20).fit(*data)
        assert_array_equal(weights_of(alone), weights)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fit_leaves_the_number_of_threads(n_threads, data):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads)
        make(MLPRegressor).fit(*data)
        make(MLPRegressor, batch_size=200, hidden_layer_sizes=(3000, 50)).fit(*data)
        after = torch.get_num_threads(), threads_of_a_new_thread()
    finally:
        torch.set_num_threads(before)

    assert after == (n_threads, n_threads)


@pytest.mark.parametrize("n_rows, expected", [(100, 1), (1000, 2)])
def test_lbfgs_takes_threads_that_fit_all_rows(n_rows, expected, monkeypatch):
    n_parameters = (1 + 1) * 6 + (6 + 1) * 1
    monkeypatch.setattr(
        threads_file, "_STEP_IN_ONE_THREAD_BELOW", 6 * 500 * n_parameters
    )
    seen = []
    minimize = solvers.minimize_lbfgs

    def watch(*args, **options):
        seen.append(torch.get_num_threads())
        return minimize(*args, **options)

    monkeypatch.setattr(solvers, "minimize_lbfgs", watch)
    X = np.linspace(-1, 1, n_rows)[:, None]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        reg = MLPRegressor(
            hidden_layer_sizes=6, solver="lbfgs", alpha=0, tol=0.1, random_state=0
        )
        reg.fit(X, X[:, 0] ** 2)
    finally:
        torch.set_num_threads(before)

    assert seen == [expected]


def test_a_failed_fit_leaves_the_number_of_threads(data):
    X, y = data
    before = torch.get_num_threads(), threads_of_a_new_thread()

    with pytest.raises(ValueError, match="diverged"):
        make(MLPRegressor, solver="sgd", learning_rate_init=1e9).fit(1e9 * X, y)

    assert (torch.get_num_threads(), threads_of_a_new_thread()) == before


@pytest.mark.parametrize("Estimator", MLPS)
def test_scores_that_are_no_numbers_leave_the_last_weights(Estimator, data):
    X, y = data
    params = {"max_iter": 3, "n_iter_no_change": np.inf, "random_state": 0}
    estimator = Estimator(
        early_stopping=True, scoring=lambda *arguments: np.nan, **params
    )
    last = Estimator(**params)

    with pytest.warns() as caught:
        estimator.fit(X, y, X_val=X, y_val=y)
    with pytest.warns(ConvergenceWarning):
        last.fit(X, y)

    messages = [str(warning.message) for warning in caught]
    assert messages[0] == (
        f"{Estimator.__name__} stops by a validation score that was no number in any "
        "epoch: the weights are those of the last one. Validate on other rows, or by "
        "another scoring."
    )
    assert len(messages) == 2 and "Maximum iterations (3)" in messages[1]
    for ours, expected in zip(estimator.coefs_, last.coefs_, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_numbers_of_numpy_are_taken_in_range_checks(data):
    ours = make(MLPClassifier, alpha=np.float32(0.125), **EXACT).fit(*data)

    expected = make(MLPClassifier, alpha=0.125, **EXACT).fit(*data)
    assert_array_equal(weights_of(ours), weights_of(expected))
