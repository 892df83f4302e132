"""What Optuna's sampler is asked for, and the parameters that become of it."""

import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

# Of a SciPy distribution that Optuna has no like of, this much of each tail is cut off.
_TAIL = 1e-6
# What Optuna stores of a choice.
_STORABLE = (bool, int, float, str, type(None))


class Dimension(NamedTuple):
    """One parameter of a space.

    Attributes
    ----------
    distribution : optuna.distributions.BaseDistribution
        What the sampler draws from.

    decode : callable
        Turns what it draws into the parameter.
    """

    distribution: Any
    decode: Callable[[Any], Any] = lambda value: value


class SearchSpace:
    """The parameters of a trial.

    Parameters
    ----------
    param_distributions : dict or callable
        As the search has it.
    """

    def __init__(self, param_distributions):
        self._define = None
        self._dimensions: dict[str, Dimension] = {}
        if isinstance(param_distributions, Mapping):
            for name, given in param_distributions.items():
                self._dimensions[name] = _make_dimension(name, given)
        else:
            self._define = param_distributions

    @property
    def distributions(self) -> dict:
        """What a trial is asked with."""
        return {
            name: dimension.distribution for name, dimension in self._dimensions.items()
        }

    def parameters_of(self, trial) -> dict[str, Any]:
        """Give the parameters of a trial that was asked with the distributions."""
        if self._define is None:
            return {
                name: dimension.decode(trial.params[name])
                for name, dimension in self._dimensions.items()
            }
        parameters = self._define(trial)
        if not isinstance(parameters, Mapping):
            raise TypeError(
                "param_distributions of BatchedOptunaSearchCV is a function, and must "
                "return a dict of the estimator's parameters for a trial. Got "
                f"{parameters!r}."
            )
        return dict(parameters)


def _make_dimension(name: str, given) -> Dimension:
    from optuna.distributions import BaseDistribution

    if isinstance(given, BaseDistribution):
        return Dimension(given)
    if hasattr(given, "dist") and hasattr(given, "ppf"):
        return _from_scipy(given)
    if isinstance(given, list | tuple | range | np.ndarray) and len(given):
        _warn_of_a_range(name, given)
        return _from_choices(list(given))
    raise TypeError(
        f"param_distributions of BatchedOptunaSearchCV has {given!r} for {name!r}, "
        "which is not a distribution of Optuna, a frozen one of SciPy, or a list of at "
        "least one value."
    )


def _warn_of_a_range(name: str, given) -> None:
    """Tell a tuple of two numbers, which elsewhere are bounds, from a range."""
    if not isinstance(given, tuple) or len(given) != 2:
        return
    if any(isinstance(end, bool) or not isinstance(end, Real) for end in given):
        return
    low, high = (end.item() if isinstance(end, np.generic) else end for end in given)
    if low < high:
        is_int = all(isinstance(end, Integral) for end in given)
        kind = "IntDistribution" if is_int else "FloatDistribution"
        warnings.warn(
            "param_distributions of BatchedOptunaSearchCV has a tuple for "
            f"{name!r}: two values are tried, {low} and {high}; a range is "
            f"optuna.distributions.{kind}({low}, {high}), and a list, "
            f"[{low}, {high}], are two values without this warning.",
            stacklevel=2,
        )


def _from_scipy(given) -> Dimension:
    """Have the same bounds, and the same scale; else search over the quantiles."""
    from optuna.distributions import FloatDistribution, IntDistribution

    kind, (low, high) = given.dist.name, given.support()
    if kind == "uniform":
        return Dimension(FloatDistribution(float(low), float(high)))
    if kind in ("loguniform", "reciprocal"):
        return Dimension(FloatDistribution(float(low), float(high), log=True))
    if kind == "randint":
        return Dimension(IntDistribution(int(low), int(high)))
    is_discrete = hasattr(given, "pmf")

    def decode(quantile: float):
        value = given.ppf(quantile)
        return int(value) if is_discrete else float(value)

    return Dimension(FloatDistribution(_TAIL, 1 - _TAIL), decode)


def _from_choices(choices: list) -> Dimension:
    """Name choices that Optuna cannot store by what is printed of them."""
    from optuna.distributions import CategoricalDistribution

    plain = [c.item() if isinstance(c, np.generic) else c for c in choices]
    if all(isinstance(choice, _STORABLE) for choice in plain):
        return Dimension(CategoricalDistribution(plain))
    by_name = {}
    for number, choice in enumerate(plain):
        name = repr(choice)
        by_name[name if name not in by_name else f"{name} ({number})"] = choice
    return Dimension(CategoricalDistribution(list(by_name)), by_name.__getitem__)
