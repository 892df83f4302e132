"""What becomes of a parameter's old name until it is removed."""

import warnings

from sklearn.base import BaseEstimator

# The default of the old name, which stays in the signature for two minor versions.
DEPRECATED = "deprecated"


def resolve_renamed(estimator: BaseEstimator, old: str, new: str, *, removed_in: str):
    """Give the value of a parameter that has got another name.

    Parameters
    ----------
    estimator : BaseEstimator
        It has both parameters. The default of the old one is DEPRECATED.
    old, new : str
        The names.
    removed_in : str
        The version that no longer knows the old name.

    Returns
    -------
    object
        The value of the old name where it is set, or else of the new one.

    Warns
    -----
    FutureWarning
        If the old name is set.
    """
    value = getattr(estimator, old)
    if isinstance(value, str) and value == DEPRECATED:
        return getattr(estimator, new)
    warnings.warn(
        f"The parameter {old!r} of {type(estimator).__name__} is called {new!r} now, "
        f"and is removed in version {removed_in}. Write {new}={value!r}.",
        FutureWarning,
        stacklevel=2,
    )
    return value
