"""Parameters: kept by clone, refused if unknown, and each of them heard."""

import ast
import inspect
import re
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from numpydoc.docscrape import NumpyDocString
from sklearn.base import clone
from skorch.callbacks import EpochScoring
from torch import nn

from sknn_deep import AutoencoderTransformer, MLPRegressor
from tests.estimators.fits import (
    ESTIMATORS,
    PLAIN,
    SGD,
    BatchLog,
    StopAfterTwo,
    make,
    output_of,
)


def other_values(Estimator):
    """Give a valid value other than the default to every parameter."""
    values = {
        "hidden_layer_sizes": (7, 5),
        "decoder_hidden_layer_sizes": [4],
        "activation": ["tanh", "silu"],
        "latent_activation": "tanh",
        "out_activation": "logistic",
        "loss": "poisson",
        "solver": partial(torch.optim.RMSprop, alpha=0.9),
        "learning_rate": "cosine",
        "batch_size": 17,
        "random_state": 5,
        "n_iter_no_change": np.inf,
        "normalization": "batch",
        "noise": "gaussian",
        "dropout": [0.1, 0.2],
        "class_weight": {0: 1.0, 1: 2.0},
        "scoring": lambda estimator, X, y: 0.0,
        "max_time": 10.0,
        "clip_grad_norm": 0.5,
        "device": torch.device("cpu"),
        "precision": "float32",
        "encoder": nn.Identity,
        "decoder": nn.Flatten,
    }
    if Estimator is AutoencoderTransformer:
        values["loss"] = "absolute_error"
    for name, default in Estimator().get_params().items():
        if name == "callbacks":
            values[name] = [BatchLog(), ("scoring", EpochScoring("accuracy"))]
        elif isinstance(default, bool):
            values[name] = not default
        elif name not in values:
            values[name] = default + (1 if isinstance(default, int) else 0.05)
    return {name: values[name] for name in Estimator().get_params()}


# B22: A clone has every parameter, and the constructor does nothing but store them.
@pytest.mark.must_never("B22")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clone_keeps_every_parameter(Estimator):
    values = other_values(Estimator)
    estimator = Estimator(**values)
    callbacks = values.pop("callbacks")

    cloned = clone(estimator).get_params(deep=False)

    copies = cloned.pop("callbacks")
    # scikit-learn copies callables such as functools.partial, and keeps functions.
    solver, own = cloned.pop("solver"), values.pop("solver")
    assert (solver.func, solver.keywords) == (own.func, own.keywords)
    assert cloned == values
    defaults = Estimator().get_params()
    assert [name for name in values if values[name] == defaults[name]] == []
    assert type(copies[0]) is BatchLog
    assert copies[1][0] == "scoring"
    assert copies[1][1].get_params() == callbacks[1][1].get_params()


@pytest.mark.must_never("B22")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_init_only_assigns(Estimator):
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(Estimator.__init__))).body
    statements = [ast.unparse(statement) for statement in function.body]

    names = inspect.signature(Estimator).parameters
    assert statements == [f"self.{name} = {name}" for name in names]


@pytest.mark.must_never("B22")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_changes_no_parameter(Estimator, diabetes):
    X, y = diabetes
    params = {"hidden_layer_sizes": [6, 5], "callbacks": [BatchLog()]}
    n_hidden = 4 if Estimator is AutoencoderTransformer else 2
    params |= {"dropout": [0.1] * n_hidden, "activation": ["relu"] * n_hidden}
    copies = {name: list(value) for name, value in params.items()}
    estimator = make(Estimator, **params)
    before = estimator.get_params()

    estimator.fit(X, y > 0)

    assert estimator.get_params() == before
    assert params == copies
    assert vars(params["callbacks"][0]) == {}


# B23: An unknown parameter raises.
@pytest.mark.must_never("B23")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_unknown_parameter_raises(Estimator):
    with pytest.raises(ValueError, match="Invalid parameter 'bogus'"):
        Estimator().set_params(bogus=1)


LBFGS = {"solver": "lbfgs", "max_iter": 500}


STOP = {"early_stopping": True, "learning_rate": "constant", "max_iter": 40}


# Two values of a parameter, and the other parameters under which it is not ignored.
TWO_VALUES = {
    "hidden_layer_sizes": ((5,), (6,), {}),
    "activation": ("relu", "tanh", {}),
    "solver": ("adam", "sgd", {}),
    "alpha": (0.1, 1.0, {}),
    "batch_size": (20, 30, {}),
    "learning_rate": ("one_cycle", "cosine", {}),
    "learning_rate_init": (0.01, 0.02, {}),
    "power_t": (0.1, 0.5, SGD | {"learning_rate": "invscaling"}),
    "max_iter": (2, 3, {}),
    "shuffle": (True, False, {"batch_size": 50}),
    "random_state": (0, 1, {}),
    "n_estimators": (1, 2, {}),
    "tol": (0.0, 1.0, PLAIN | {"n_iter_no_change": 1}),
    "momentum": (0.1, 0.9, SGD),
    "nesterovs_momentum": (True, False, SGD),
    "early_stopping": (True, False, {}),
    "validation_fraction": (0.1, 0.3, {"early_stopping": True}),
    "beta_1": (0.5, 0.9, {}),
    "beta_2": (0.9, 0.999, {}),
    "epsilon": (1e-8, 1e-1, {}),
    "n_iter_no_change": (1, 3, PLAIN | {"tol": 1.0}),
    "max_fun": (4, 9, LBFGS),
    "huber_delta": (0.1, 1.0, {"loss": "huber"}),
    "quantile": (0.1, 0.9, {"loss": "quantile"}),
    "normalize_y": (False, True, {}),
    "dropout": (0.1, 0.2, {}),
    "normalization": (None, "batch", {}),
    "label_smoothing": (0.0, 0.1, {}),
    "class_weight": (None, {0: 2.0}, {}),
    "scoring": (None, lambda estimator, X, y: 0.0, STOP | {"learning_rate_init": 0.1}),
    "max_time": (1e-9, None, {"max_iter": 5}),
    "clip_grad_norm": (1e-3, None, SGD),
    "precision": ("float32", "float64", {}),
    "warm_start": (False, True, {}),
    "callbacks": (None, [StopAfterTwo()], {}),
    "n_components": (1, 2, {}),
    "decoder_hidden_layer_sizes": ((5,), (6,), {}),
    "latent_activation": ("identity", "tanh", {}),
    "out_activation": ("identity", "logistic", {}),
    "noise": (None, "gaussian", {}),
    "noise_level": (0.1, 0.2, {"noise": "gaussian"}),
    "sparsity_penalty": (0.0, 0.1, {}),
    "variational": (False, True, {}),
    "kl_weight": (0.1, 1.0, {"variational": True}),
    "encoder": (
        lambda: nn.Linear(30, 2),
        lambda: nn.Sequential(nn.Linear(30, 3), nn.Linear(3, 2)),
        {"decoder": lambda: nn.Linear(2, 30)},
    ),
    "decoder": (
        lambda: nn.Linear(2, 30),
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 30)),
        {"encoder": lambda: nn.Linear(30, 2)},
    ),
}


LOSSES = {
    MLPRegressor: ("squared_error", "poisson"),
    AutoencoderTransformer: ("squared_error", "absolute_error"),
}


# What only says where to compute, how, and whom to tell: the same model comes out.
SAME_MODEL = {"verbose", "device", "compile"}


TUNABLE = [
    (Estimator, name)
    for Estimator in ESTIMATORS
    for name in Estimator().get_params()
    if name not in SAME_MODEL
]


EACH_TUNABLE = pytest.mark.parametrize(
    ("Estimator", "name"), TUNABLE, ids=[f"{E.__name__}-{n}" for E, n in TUNABLE]
)


def two_values(Estimator, name):
    """Give two values and what they need; a parameter without an entry fails here."""
    if name == "loss":
        return *LOSSES[Estimator], {}
    if name == "out_activation" and Estimator is MLPRegressor:
        return "identity", "softplus", {}  # y is above 0, and not below 1
    assert name in TWO_VALUES, f"{name} of {Estimator.__name__} is in no test: add it"
    return TWO_VALUES[name]


def unit_data(Estimator, cancer):
    """Give 120 rows between 0 and 1, and a target for the estimator."""
    X, y = cancer
    X = ((X - X.min(0)) / (X.max(0) - X.min(0)))[:120]
    return X, 3 * X[:, 0] if Estimator is MLPRegressor else y[:120]


def are_different(Estimator, name, values, context, data):
    """Tell whether two values of a parameter, set by set_params, give two models."""
    outputs = []
    for value in values:
        estimator = make(Estimator, **context).set_params(**{name: value}).fit(*data)
        if name == "warm_start":
            estimator.fit(*data)
        outputs.append(output_of(estimator, data[0]))
    return outputs[0].shape != outputs[1].shape or not np.array_equal(*outputs)


def text_of(Estimator, name):
    """Give what the docstring says of a parameter, on one line."""
    for entry in NumpyDocString(inspect.getdoc(Estimator))["Parameters"]:
        if name == entry.name:
            return " ".join(" ".join(entry.desc).split())
    raise AssertionError(f"{Estimator.__name__} does not describe {name}")


# B24: Two values of a parameter give two models, or its description says where it is
# ignored.
@pytest.mark.must_never("B24")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@EACH_TUNABLE
def test_every_parameter_makes_a_difference(Estimator, name, cancer):
    *values, context = two_values(Estimator, name)

    data = unit_data(Estimator, cancer)

    assert are_different(Estimator, name, values, context, data)


# L-BFGS refuses what makes the loss random.
NOT_WITH_LBFGS = {
    "solver",
    "dropout",
    "noise",
    "noise_level",
    "variational",
    "kl_weight",
}


WITH_SOLVERS = [
    (Estimator, name, solver)
    for Estimator, name in TUNABLE
    for solver in ("adam", "sgd", "lbfgs")
    # One half of an autoencoder without the other is refused.
    if name not in ("solver", "encoder", "decoder")
    and not (solver == "lbfgs" and name in NOT_WITH_LBFGS)
]


@pytest.mark.must_never("B24")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("Estimator", "name", "solver"),
    WITH_SOLVERS,
    ids=[f"{E.__name__}-{name}-{solver}" for E, name, solver in WITH_SOLVERS],
)
def test_a_parameter_that_is_ignored_says_so(Estimator, name, solver, cancer):
    """Without the settings that a parameter needs, its description tells of them."""
    *values, _ = two_values(Estimator, name)
    if name == "normalization":
        values = [None, "layer"]  # "batch" is refused by L-BFGS
    context = {"solver": solver, "learning_rate": "constant", "tol": 1e-9}
    if name == "tol":
        context["n_iter_no_change"] = 1  # eight epochs are few for the default
    data = unit_data(Estimator, cancer)
    text = text_of(Estimator, name)

    if not are_different(Estimator, name, values, context, data):
        assert re.search("Only used|[Ii]gnored", text), text
    elif solver == "lbfgs":
        assert 'gnored when ``solver="lbfgs"``' not in text


@pytest.mark.must_never("B24")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("value", [True, 2])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_verbose_is_heard_and_changes_no_model(Estimator, value, cancer, capfd):
    data = unit_data(Estimator, cancer)

    assert not are_different(Estimator, "verbose", [False, value], {}, data)

    out, err = capfd.readouterr()
    assert (out == "", err == "") == ((True, False) if value is True else (False, True))
