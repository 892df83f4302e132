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
        owners = {name: known.get(name.rpartition("__")[0], own) for name in parameters}
        unknown = [
            name
            for name, owner in owners.items()
            # A network says itself what its parameter is called.
            if name not in known and not isinstance(owner, BaseNetEstimator)
        ]
        raise ValueError(f"{error}{say_full_names(unknown, own)}") from None
