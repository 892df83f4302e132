"""Whether parameters are valid, by scikit-learn's constraints and without its loop.

Its validation reads the constructor's signature, and makes all constraints anew, in
each call: some 150 microseconds, as long as several steps of a small network take.
"""

import functools
import inspect
from typing import Any

from sklearn.base import BaseEstimator

from sknn_deep._sklearn_private import InvalidParameterError, make_constraint
from sknn_deep.parameters._answers import say_our_method, say_our_values

_NO_VALUE = object()


@functools.cache
def _constraints(cls: type[BaseEstimator]) -> list[tuple[str, Any, list]]:
    """List the parameters of a class: name, a default that is valid, constraints."""
    parameters = inspect.signature(cls.__init__).parameters
    listed = []
    for name in cls._get_param_names():
        allowed = cls._parameter_constraints.get(name, "no_validation")
        if allowed != "no_validation":
            constraints = list(map(make_constraint, allowed))
            default = parameters[name].default
            is_valid = _satisfies(default, constraints)
            listed.append((name, default if is_valid else _NO_VALUE, constraints))
    return listed


def _satisfies(value, constraints: list) -> bool:
    return any(constraint.is_satisfied_by(value) for constraint in constraints)


def has_valid_parameters(estimator: BaseEstimator) -> bool:
    """Tell whether scikit-learn's validation would have nothing to refuse."""
    cls: Any = type(estimator)
    for name, default, constraints in _constraints(cls):
        value = getattr(estimator, name, _NO_VALUE)
        if value is not default and not _satisfies(value, constraints):
            return False
    return True


class ValidationMixin:
    """Validates parameters, and says what others' values are called here."""

    def _has_valid_parameters(self) -> bool:
        return has_valid_parameters(self)

    def _validate_params(self):
        if self._has_valid_parameters():
            return
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{error}{say_our_values(self)}") from None


class AnsweringMixin(ValidationMixin):
    """Validates parameters, and answers others' methods by ours."""

    def __getattr__(self, name: str):
        """Answer a method of other packages by ours; called for what is missing."""
        is_public = not name.startswith("_")
        if is_public and (said := say_our_method(name, type(self))):
            owner = type(self).__name__
            raise AttributeError(f"{owner!r} object has no attribute {name!r}.{said}")
        return object.__getattribute__(self, name)  # which fails in its own words
