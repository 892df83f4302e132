"""Whether an estimator runs the code of the class that it is made from, or its own."""

import functools
import inspect

from sklearn.base import BaseEstimator

_PACKAGE = __name__.partition(".")[0]


def has_own_training(estimator: BaseEstimator, *methods: str) -> bool:
    """Tell whether a network estimator has code of its own for its training.

    That is any method that has a leading underscore here, or is among `methods`. What
    is left comes after the training, as ``predict`` and ``score`` do.
    """
    ours = [cls for cls in type(estimator).__mro__ if is_of_package(cls)]
    inner = frozenset().union(*map(inner_methods, ours))
    return overrides(estimator, ours[0], inner.union(methods))


def is_of_package(cls: type) -> bool:
    """Tell whether a class is one of this package."""
    return cls.__module__.partition(".")[0] == _PACKAGE


@functools.cache
def inner_methods(cls: type) -> frozenset[str]:
    """Give the names of the methods with a leading underscore that a class defines."""
    kinds = (property, staticmethod, classmethod)
    return frozenset(
        name
        for name, value in vars(cls).items()
        if name.startswith("_")
        and not name.startswith("__")
        and (callable(value) or isinstance(value, kinds))
    )


def overrides(instance, cls: type, names: frozenset[str]) -> bool:
    """Tell whether an instance, or its class, has another thing than `cls` there."""
    if not names.isdisjoint(vars(instance)):
        return True
    own = type(instance)
    missing = object()  # an abstract class of ours has no ``fit``
    return own is not cls and any(
        inspect.getattr_static(own, name, missing)
        is not inspect.getattr_static(cls, name, missing)
        for name in names
    )
