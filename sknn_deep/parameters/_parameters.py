"""The training parameters that all estimators share: what is allowed, and checks."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.metrics import get_scorer_names

from sknn_deep._sklearn_private import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sknn_deep.modules import ACTIVATIONS, NORMALIZATIONS
from sknn_deep.optimizers import SOLVERS, STEP_SCHEDULES
from sknn_deep.parameters._answers import say_our_value

ACTIVATION = StrOptions(set(ACTIVATIONS))

TRAINING_CONSTRAINTS: dict = {
    "activation": [ACTIVATION, list, tuple],
    "solver": [StrOptions(set(SOLVERS)), callable],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [
        StrOptions({"constant", "invscaling", "adaptive", *STEP_SCHEDULES})
    ],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="left"),
        HasMethods(["split", "get_n_splits"]),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "normalization": [StrOptions(set(NORMALIZATIONS)), None],
    "max_time": [Interval(Real, 0, None, closed="neither"), None],
    "clip_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "device": [str, torch.device],
    "precision": [StrOptions({"auto", "float32", "float64", "bfloat16"})],
    "compile": ["boolean"],
    "callbacks": [list, tuple, None],
}


class _ScorerNames(StrOptions):
    """The names of scikit-learn's scorers, too many for a message, and some more."""

    def __init__(self, *more: str):
        super().__init__({*get_scorer_names(), *more})
        self._more = more

    def __str__(self):
        more = "".join(f"{name!r}, " for name in self._more)
        return f"{more}a name that sklearn.metrics.get_scorer_names() lists"


SCORING = [_ScorerNames("loss"), callable, None]
SEARCH_SCORING = [_ScorerNames(), callable, None]


def check_scorer_names(scoring, *, owner: str) -> None:
    """Refuse names of no scorer among those of several metrics."""
    if not isinstance(scoring, list | tuple | dict):
        return
    known = get_scorer_names()
    for name in scoring.values() if isinstance(scoring, dict) else scoring:
        if isinstance(name, str) and name not in known:
            raise InvalidParameterError(
                f"The 'scoring' parameter of {owner} must have names that "
                f"sklearn.metrics.get_scorer_names() lists. Got {name!r} among them."
                + say_our_value("scoring", name, known)
            )


def check_hidden_layer_sizes(
    sizes, name: str = "hidden_layer_sizes"
) -> tuple[int, ...]:
    """Return the widths of the hidden layers as a tuple."""
    sizes = list(sizes) if np.iterable(sizes) else [sizes]
    if [size for size in sizes if not isinstance(size, Integral)]:
        raise ValueError(f"{name} must be integers, got {sizes}.")
    if [size for size in sizes if size <= 0]:
        raise ValueError(f"{name} must be > 0, got {sizes}.")
    return tuple(map(int, sizes))


def check_activations(activation, n_layers: int, *, owner: str) -> tuple[str, ...]:
    """Return one name for each hidden layer."""
    if isinstance(activation, str):
        return (activation,) * n_layers
    known = list(ACTIVATIONS)  # a list asks nothing of what is looked for in it
    unknown = [name for name in activation if name not in known]
    if unknown:
        raise ValueError(
            f"The 'activation' parameter of {owner} must be among "
            f"{sorted(ACTIVATIONS)}, or a list of them. Got {unknown[0]!r} instead."
            + say_our_value("activation", unknown[0], ACTIVATIONS)
        )
    if len(activation) != n_layers:
        raise ValueError(
            f"The 'activation' parameter of {owner} must name one activation for each "
            f"of the {n_layers} hidden layers. Got {len(activation)}: {activation!r}."
        )
    return tuple(activation)


def check_dropout(dropout, n_layers: int, *, owner: str) -> tuple[float, ...]:
    """Return one probability for each hidden layer."""
    if isinstance(dropout, Real):
        return (float(dropout),) * n_layers
    probabilities = tuple(dropout)
    if len(probabilities) != n_layers:
        raise ValueError(
            f"The 'dropout' parameter of {owner} must be one number, or one for each "
            f"of the {n_layers} hidden layers. Got {len(probabilities)}: {dropout!r}."
        )
    for p in probabilities:
        if not isinstance(p, Real) or not 0 <= float(p) < 1:
            raise ValueError(
                f"The 'dropout' parameter of {owner} must be in the range [0.0, 1.0). "
                f"Got {p!r} instead."
            )
    return tuple(float(p) for p in probabilities)
