"""Values of the estimators' parameters: allowed ones, and those just outside."""

import functools

import numpy as np
import torch
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)
from skorch.callbacks import EpochTimer

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.estimators._regression import LOSSES
from sknn_deep.modules import ACTIVATIONS
from sknn_deep.optimizers import STEP_SCHEDULES

NAN, INF = float("nan"), float("inf")


def make_no_optimizer(parameters, lr):
    return None


OF_ALL = {
    "activation": [
        *sorted(ACTIVATIONS),
        ["relu"],
        ("tanh", "gelu"),
        [],
        ["x"],
        [3],
        [["relu"]],
    ],
    "solver": [
        "adam",
        "adamw",
        "sgd",
        "lbfgs",
        torch.optim.RMSprop,
        functools.partial(torch.optim.SGD, momentum=0.5),
        make_no_optimizer,
    ],
    "alpha": [0, 1e-4, 1.0, 1e6, 1e300, np.float32(0.1), INF],
    "batch_size": ["auto", 1, 2, 7, 10**30, np.int64(5)],
    "learning_rate": ["constant", "invscaling", "adaptive", *STEP_SCHEDULES],
    "learning_rate_init": [1e-320, 1e-8, 1e-3, 0.1, 1, 1e3, 1e30, 1e300, INF],
    "power_t": [0.0, 0.5, 3, 1e6, INF],
    "max_iter": [1, 2, 3, np.int32(2), True],
    "shuffle": [False, np.bool_(True)],
    "random_state": [None, 0, 2**32 - 1, np.random.RandomState(0), np.int64(3)],
    "tol": [0, 1e-4, 1e30, INF],
    "warm_start": [True],
    "momentum": [0, 0.9, 1, 1.0],
    "nesterovs_momentum": [False],
    "early_stopping": [True],
    "validation_fraction": [
        *(0, 0.01, 0.1, 0.5, 0.9, 0.999),
        *(KFold(2), ShuffleSplit(random_state=0), TimeSeriesSplit(2), GroupKFold(2)),
        PredefinedSplit([0, 1, -1]),
    ],
    "beta_1": [0, 0.9, 1 - 1e-16, np.nextafter(1, 0)],
    "beta_2": [0, 0.999, np.nextafter(1, 0)],
    "epsilon": [1e-320, 1e-30, 1e-8, 1.0, 1e30, INF],
    "n_iter_no_change": [1, 2, INF, 10**30],
    "max_fun": [1, 2, 10**30],
    "dropout": [0.0, 0.5, np.nextafter(1, 0), [0.5], (0.1, 0.2), [], [1.0], ["a"]],
    "normalization": [None, "batch", "layer"],
    "scoring": ["loss", None],
    "max_time": [1e-9, 1e-320, 10, INF],
    "clip_grad_norm": [None, 1e-320, 1e-3, 1.0, 1e300, INF],
    "device": ["cpu", "auto", torch.device("cpu"), "nonsense", "meta", "cuda:7"],
    "precision": ["auto", "float32", "float64", "bfloat16"],
    "callbacks": [None, [], (), [EpochTimer()], [("a", EpochTimer())], ["x"], [1, 2]],
}

HIDDEN = [(), 3, (4,), (3, 2), [2], np.array([3, 2]), np.int64(3), (2, 2, 2), [[2]]]

OF_PERCEPTRONS = {
    "hidden_layer_sizes": HIDDEN,
    "n_estimators": [1, 2, 3],
}

OF_CLASSIFIERS = {
    **OF_ALL,
    **OF_PERCEPTRONS,
    "scoring": ["loss", None, "accuracy", "neg_log_loss", "roc_auc", "f1", "r2"],
    "label_smoothing": [0, 0.1, np.nextafter(1, 0)],
    "class_weight": [
        None,
        "balanced",
        {0: 2.0, 1: 1},
        {7: 2.0},
        {0: 0.0, 1: 0.0, 2: 0.0},
        {0: 1e300, 1: 1e-300},
        {0: -1.0},
        {0: NAN},
        {0: INF},
        {0: "a"},
        {"a": 2.0},
        {},
        [],
        [{0: 1, 1: 2}, {0: 1, 1: 2}],
        [{0: 1}, {1: 1}, {1: 2}],
        ["balanced", "balanced"],
        [1, 2],
    ],
}

OF_REGRESSORS = {
    **OF_ALL,
    **OF_PERCEPTRONS,
    "scoring": ["loss", None, "r2", "neg_mean_squared_error", "accuracy"],
    "loss": list(LOSSES),
    "huber_delta": [1e-320, 1.0, 1e300, INF],
    "quantile": [1e-320, 0.5, np.nextafter(1, 0)],
    "normalize_y": [True],
}

OF_AUTOENCODERS = {
    **OF_ALL,
    "hidden_layer_sizes": HIDDEN,
    "n_components": [1, 2, 5, np.int64(2)],
    "decoder_hidden_layer_sizes": [None, *HIDDEN],
    "latent_activation": sorted(ACTIVATIONS),
    "out_activation": ["identity", "logistic"],
    "loss": ["squared_error", "absolute_error", "binary_cross_entropy"],
    "noise": [None, "gaussian", "masking"],
    "noise_level": [0, 0.1, 0.999, 1, 1e30, 1e300, INF],
    "sparsity_penalty": [0, 0.1, 1e300, INF],
    "variational": [True],
    "kl_weight": [0, 1.0, 1e300, INF],
}

SMALL = {"max_iter": 2, "random_state": 0, "device": "cpu"}

ESTIMATORS = {
    MLPClassifier: (OF_CLASSIFIERS, {**SMALL, "hidden_layer_sizes": (3,)}),
    MLPRegressor: (OF_REGRESSORS, {**SMALL, "hidden_layer_sizes": (3,)}),
    AutoencoderTransformer: (OF_AUTOENCODERS, {**SMALL, "hidden_layer_sizes": (3,)}),
}

# What nobody should pass, but somebody will.
STRANGE = [
    None,
    0,
    -1,
    1,
    1.0,
    1.5,
    -1e-320,
    NAN,
    INF,
    -INF,
    True,
    "x",
    "",
    b"adam",
    1j,
    [],
    (),
    {},
    [None],
    [NAN],
    [-1],
    [0],
    [1.5],
    ["relu", None],
    np.array([]),
    np.array(0.5),
    np.array([[0.5]]),
    np.array(["a"]),
    np.nan,
    np.float32("nan"),
    np.str_("adam"),
    object,
    int,
    len,
    lambda *args, **kwargs: None,
]


# Values with which a fit would be long, or would print.
_LEFT_OUT = {"verbose", "compile"}


def _upto(n_most: int):
    return st.sampled_from(range(n_most + 1))


@st.composite
def parameters(draw, cls, n_most: int = 6, strange: bool = True) -> dict:
    """Draw parameters: the default of a small network but for a few."""
    allowed, small = ESTIMATORS[cls]
    names = [draw(st.sampled_from(sorted(allowed))) for _ in range(draw(_upto(n_most)))]
    drawn = {name: draw(st.sampled_from(allowed[name])) for name in names}
    if strange and draw(st.integers(0, 3)) == 0:
        others = sorted({*cls().get_params()} - _LEFT_OUT)
        drawn[draw(st.sampled_from(others))] = draw(st.sampled_from(STRANGE))
    return small | drawn


@st.composite
def estimators(draw, **options):
    """Draw an estimator that is not fitted."""
    cls = draw(st.sampled_from(list(ESTIMATORS)))
    return cls(**draw(parameters(cls, **options)))
