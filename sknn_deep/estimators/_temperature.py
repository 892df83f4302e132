"""One temperature, by which probabilities become those that come true."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

_LOWEST, _HIGHEST = 0.1, 20.0


def fit_temperature(
    probabilities_at: Callable[[float], np.ndarray], weight: np.ndarray | None
) -> float:
    """Find what to divide log-odds by, on rows that were not trained on.

    It minimizes their mean log-loss, plus ``log(temperature)**2 / n_rows``: without
    that a handful of rows that are all right asks for probabilities of 1.

    Parameters
    ----------
    probabilities_at : callable
        Gives the probability of each row's own class, an array of shape (n_rows,), at a
        temperature.

    weight : ndarray of shape (n_rows,) or None

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. "On calibration of modern neural
    networks." ICML 2017. https://doi.org/10.48550/arXiv.1706.04599
    """

    def objective(log_temperature: float) -> float:
        p = probabilities_at(np.exp(log_temperature)).astype(np.float64)
        losses = -np.log(np.maximum(p, np.finfo(np.float64).tiny))
        return np.average(losses, weights=weight) + log_temperature**2 / len(p)

    bounds = np.log(_LOWEST), np.log(_HIGHEST)
    return float(np.exp(minimize_scalar(objective, bounds=bounds).x))
