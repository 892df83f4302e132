"""Several quantiles of one column."""

from collections.abc import Sequence, Set
from numbers import Real

import numpy as np
from sklearn.metrics import d2_pinball_score


def check_quantiles(quantile, y: np.ndarray, *, owner: str) -> tuple[float, ...] | None:
    """Return several quantiles as a tuple; a number that is checked already is None."""
    if isinstance(quantile, Real):
        return None
    try:
        # A set has no order.
        levels = () if isinstance(quantile, Set) else quantile
        quantiles = tuple(float(level) for level in levels)
    except (TypeError, ValueError):  # names, or columns of numbers
        quantiles = ()
    if not quantiles or not np.all(np.diff((0.0, *quantiles, 1.0)) > 0):
        raise ValueError(
            f"The 'quantile' parameter of {owner} must be a number between 0 and 1, or "
            f"several in increasing order. Got {quantile!r}."
        )
    if y.ndim > 1:
        raise ValueError(
            f"{owner} predicts several quantiles of one column: y must be a vector. "
            f"Got shape {y.shape}."
        )
    return quantiles


def check_scoring_of_quantiles(
    scoring, quantiles: tuple[float, ...] | None, *, owner: str
) -> None:
    """Refuse a scorer of scikit-learn's, all of which judge a single column of y."""
    if len(quantiles or ()) > 1 and isinstance(scoring, str) and scoring != "loss":
        raise ValueError(
            f"scoring={scoring!r} of {owner} judges a single column, and "
            f"{len(quantiles or ())} quantiles are predicted: set scoring=None for the "
            "mean of their d2_pinball_score, 'loss', or a function "
            "scorer(estimator, X, y)."
        )


def mean_d2_pinball_score(
    y: np.ndarray,
    y_pred: np.ndarray,
    quantiles: Sequence[float],
    sample_weight: np.ndarray | None,
) -> float:
    """Average the D2 of the quantiles, each a column of `y_pred`."""
    scores = [
        d2_pinball_score(y, column, alpha=level, sample_weight=sample_weight)
        for level, column in zip(quantiles, y_pred.T, strict=True)
    ]
    return float(np.mean(scores))
