"""What is said of others' words: ours, by the tables of words."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import TypeVar, cast

from sklearn.base import BaseEstimator

from sknn_deep._sklearn_private import StrOptions, make_constraint
from sknn_deep.parameters._words import (
    AUTOENCODER_FIT_ARGUMENTS,
    AUTOENCODER_METHODS,
    FIT_ARGUMENTS,
    FUNCTIONS,
    METHODS,
    NEEDLESS_PARAMETERS,
    NEIGHBOR_PARAMETERS,
    OTHER_WEIGHTS,
    OWN_NET_PARAMETERS,
    PARAMETERS,
    SEARCH_PARAMETERS,
    SETTLED_FOR_TABLES,
    TABLE_PARAMETERS,
    VALUES,
)

_Method = TypeVar("_Method", bound=Callable)


def names_our_words(method: _Method) -> _Method:
    """Let the error of a keyword that ``__init__`` or ``fit`` has not name ours.

    So of any other method that takes data, such as ``predict``.
    """
    is_init = method.__name__ == "__init__"
    known = set(inspect.signature(method).parameters)
    say = (
        say_our_parameters
        if is_init
        else functools.partial(_say_our_arguments, known=known)
    )

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except TypeError as error:
            unknown = [name for name in kwargs if name not in known]
            about = f"{method.__qualname__}() "
            is_missing = str(error).startswith(f"{about}missing ")
            is_too_many = not is_init and str(error).startswith(f"{about}takes ")
            if not unknown and not is_missing and not is_too_many:
                raise
            # Python names the class that has the code, be it a mixin.
            name = f"{type(self).__name__}.{method.__name__}"
            message = str(error).replace(method.__qualname__, name)
            said = _say_named_arguments(known) if is_too_many else say(unknown, self)
            raise TypeError(f"{message}.{said}") from None

    return cast(_Method, wrapper)


def say_our_parameters(unknown: Iterable[str], estimator: BaseEstimator) -> str:
    """Say what parameters that are not there are called here."""
    said, known = "", estimator._get_param_names()
    if "estimator" in known:
        return _say_our_search_parameters(unknown, known)
    for name in unknown:
        ours = PARAMETERS.get(name)
        if "module" in known:
            ours = OWN_NET_PARAMETERS.get(ours or name, ours)
        if "n_neighbors" in known:
            ours = NEIGHBOR_PARAMETERS.get(name, ours)
        is_of_tables = "categorical_features" in known
        if is_of_tables:
            ours = TABLE_PARAMETERS.get(name, ours)
        if name in FIT_ARGUMENTS:
            argument = _fit_argument(name, estimator).rstrip(",")
            said += f" {name!r} is passed to fit, as {argument}."
        elif is_of_tables and _first_word(ours or name) in SETTLED_FOR_TABLES:
            said += f" {name!r} is not to be chosen here: the recipe for tables has it."
        elif "out_activation" in (name, ours) and "class_weight" in known:
            said += f" {name!r} is not needed: a classifier gives probabilities."
        elif ours == "criterion":
            said += f" {name!r} is called {ours} here."
        elif name in NEEDLESS_PARAMETERS:
            said += f" {name!r} is not needed: {NEEDLESS_PARAMETERS[name]}."
        elif "loss" in (name, ours) and "loss" not in known:
            said += f" {name!r} is not needed: the loss is the cross entropy."
        elif ours is not None:
            said += f" {name!r} is called {ours} here."
        else:
            said += say_what_is_alike(name, known)
    return said


def say_what_is_alike(
    name: str, known: Iterable[str], *, n: int = 1, cutoff: float = 0.81
) -> str:
    """Ask whether one of up to `n` names that are known was meant; nothing if none is.

    `cutoff` is difflib's. By the default "y_val" is no misspelt "X_val", which has four
    letters of five, 0.8.
    """
    return _ask(difflib.get_close_matches(name, sorted(known), n=n, cutoff=cutoff))


def _ask(names: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(map(repr, names))}?" if names else ""


def _say_our_search_parameters(unknown: Iterable[str], known: Iterable[str]) -> str:
    said = ""
    for name in unknown:
        if name not in SEARCH_PARAMETERS:
            said += say_what_is_alike(name, known)
        for ours in SEARCH_PARAMETERS.get(name, ()):
            _, is_needless, reason = ours.partition("needless: ")
            if is_needless:
                said += f" {name!r} is not needed: {reason}."
            elif _first_word(ours) in known:
                said += f" {name!r} is called {ours} here."
    return said


def _first_word(words: str) -> str:
    return words.split()[0].rstrip(",")


def say_full_names(unknown: Iterable[str], estimator: BaseEstimator) -> str:
    """Say of parameters that an estimator has not what its parts call them.

    `unknown` are names without the prefix of a step, or with another one: "alpha" of a
    Pipeline may be ``"mlpclassifier__alpha"``.
    """
    said, known = "", list(estimator.get_params())
    for name in unknown:
        last = name.rpartition("__")[2]
        words = (last, _first_word(PARAMETERS[last]) if last in PARAMETERS else last)
        said += _ask([k for k in known if k.rpartition("__")[2] in words][:3])
    return said


def _fit_argument(name: str, estimator: BaseEstimator) -> str:
    """Give our word for an argument of ``fit``; nothing if there is none."""
    is_autoencoder = hasattr(type(estimator), "inverse_transform")
    words = AUTOENCODER_FIT_ARGUMENTS if is_autoencoder else FIT_ARGUMENTS
    return words.get(name, "")


def _say_named_arguments(known: Iterable[str]) -> str:
    """Say of too many arguments which have to be named."""
    named = [f"{name}={name}" for name in ("X_val", "y_val") if name in known]
    if not named:  # a method that takes rows alone
        return ""
    return f" Validation rows are passed by name, as {', '.join(named)}."


def _say_our_arguments(
    unknown: Iterable[str], estimator: BaseEstimator, *, known: Iterable[str]
) -> str:
    """Say what arguments that a method such as ``fit`` has not are called here."""
    class_name = type(estimator).__name__
    owner = f"{class_name}(...)"
    said = ""
    for name in unknown:
        is_ours = name in estimator._get_param_names()
        ours = _fit_argument(name, estimator)
        if ours:
            _, is_needless, reason = ours.partition("needless: ")
            said += f" {name!r} is "
            said += f"not needed: {reason}." if is_needless else f"called {ours} here."
        elif is_ours:
            said += f" Pass it to {owner}."
        elif name in PARAMETERS:
            said += f" Pass it to {owner}, where it is called {PARAMETERS[name]}."
        elif name == "return_std":
            said += f" Intervals are those of {class_name}(quantile=[0.1, 0.9])."
        else:
            said += say_what_is_alike(name, known)
    return said


def say_our_method(name: str, cls: type[BaseEstimator]) -> str:
    """Say what a method or attribute is called here; nothing if there is no such."""
    ours = METHODS.get(name) or FUNCTIONS.get(name)
    if ours is None and hasattr(cls, "inverse_transform"):
        ours = AUTOENCODER_METHODS.get(name)
    if ours is None and not hasattr(cls, name):
        ours = OTHER_WEIGHTS.get(name)
    if ours is None:
        return ""
    _, is_needless, reason = ours.partition("needless: ")
    if is_needless:
        return f" {name!r} is not needed: {reason}."
    if ours.isidentifier() and not hasattr(cls, ours):
        return ""
    return f" {name!r} is called {ours} here."


def say_our_values(estimator: BaseEstimator) -> str:
    """Say what the values of an estimator's parameters are called here."""
    said = ""
    for name in (*VALUES, "n_components", "callbacks"):
        constraints = estimator._parameter_constraints.get(name, ())
        options = {
            option
            for constraint in constraints
            if isinstance(constraint, StrOptions)
            for option in constraint.options
        }
        value = getattr(estimator, name, None)
        is_valid = any(
            make_constraint(constraint).is_satisfied_by(value)
            for constraint in constraints
        )
        if constraints and not is_valid:
            said += say_our_value(name, value, options)
    return said


def say_our_value(name: str, value, options) -> str:
    """Say what a parameter's value is called here; nothing where nobody knows.

    `options` are the strings that the parameter takes.
    """
    if name == "learning_rate" and isinstance(value, Real):
        return (
            f" A number is given as learning_rate_init={value!r}; learning_rate is its "
            "schedule."
        )
    if name == "callbacks":
        return " A single one is given in a list: callbacks=[callback]."
    if name in ("loss", "n_components") and isinstance(value, tuple | list):
        return (
            f" Numbers of units are given as hidden_layer_sizes={value!r}; {name} is "
            "the first parameter."
        )
    if name == "n_components" and (value is None or isinstance(value, float)):
        return (
            " It is the width of the code. An autoencoder cannot choose it by a share "
            "of the variance, or keep all, as PCA does; "
            "PCA(n_components=0.95).fit(X).n_components_ is a width to start from."
        )
    if name == "normalization" and value is True:
        return " It is named: normalization='batch' or 'layer'."
    value = _name_of_layer(value)
    if value is None and name in ("activation", "latent_activation", "out_activation"):
        return " None is called 'identity' here."
    if not isinstance(value, str):
        return ""
    lower = value.lower()
    words = {option: repr(option) for option in options} | VALUES.get(name, {})
    ours = words.get(lower) or words.get(lower.removesuffix("loss").rstrip("_"))
    if ours is None and name == "scoring":
        ours = _scorer_of(lower, options)
        if ours is None:
            return say_what_is_alike(lower, options, n=3, cutoff=0.8)
    return _say_our_word(value, ours, options)


def _say_our_word(value: str, ours: str | None, options) -> str:
    """Say what a value is called here, if the parameter takes that."""
    if ours is None:
        return ""
    _, is_needless, reason = ours.partition("needless: ")
    if is_needless:
        return f" {value!r} is not needed: {reason}."
    is_option = not ours.startswith("'") or ours.strip("'") in options
    if is_option:
        return f" {value!r} is called {ours} here."
    if ours == "'binary_cross_entropy'":
        return (
            f" {value!r} is the loss of classifiers, such as MLPClassifier, which have "
            "it by themselves."
        )
    return ""


def _scorer_of(metric: str, options) -> str | None:
    """Give the scorer of a metric: its name is shorter, and negated for an error."""
    short = metric.removesuffix("_loss").removesuffix("_score")
    for scorer in (short, f"neg_{metric}", f"neg_{short}_score", f"neg_{short}"):
        if scorer in options:
            return repr(scorer)
    return None


def _name_of_layer(value):
    """Give the name of a layer of torch, or of its class, such as nn.ReLU."""
    cls = value if isinstance(value, type) else type(value)
    return cls.__name__ if cls.__module__.startswith("torch.nn") else value
