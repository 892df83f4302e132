"""A candidate of a search: its estimator with the parameters that are tried."""

from sklearn.base import BaseEstimator, clone

from sknn_deep.estimators import BaseNetEstimator
from sknn_deep.parameters import say_full_names


def with_parameters(estimator: BaseEstimator, parameters: dict) -> BaseEstimator:
    """Copy an estimator with other parameters; where it has not, say which step has."""
    own = clone(estimator)
    try:
        return own.set_params(**clone(parameters, safe=False))
    except ValueError as error:
        known = own.get_params()
        known_with_own = {"": own, **known}
        unknown = [
            name
            for name in parameters
            # A network says itself what its parameter is called.
            if name not in known
            and not isinstance(
                known_with_own.get(name.rpartition("__")[0]), BaseNetEstimator
            )
        ]
        said = say_full_names(unknown, own)
        if not said:
            raise
        raise ValueError(f"{error}{said}") from None
