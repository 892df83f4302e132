"""One temperature, by which probabilities become those that come true."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax

_LOWEST, _HIGHEST = 0.1, 20.0


def fit_temperature(
    outputs: np.ndarray,
    target: np.ndarray,
    held_by: np.ndarray,
    weight: np.ndarray | None,
    *,
    out_activation: str,
) -> float:
    """Find what to divide log-odds by, on rows that were not trained on.

    It minimizes the mean log-loss of the networks' mean probabilities, plus
    ``log(temperature)**2 / n_rows``: without that a handful of rows that are all right
    would ask for probabilities of 1.

    Parameters
    ----------
    outputs : float64 ndarray of shape (n_members, n_rows, n_outputs)

    target : ndarray
        Class numbers of shape (n_rows,) with ``out_activation="softmax"``, otherwise
        bool of shape (n_rows, n_outputs).

    held_by : bool ndarray of shape (n_rows, n_members)
        Which networks predict a row.

    weight : ndarray of shape (n_rows,) or None

    out_activation : {"softmax", "logistic"}

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. "On calibration of modern neural
    networks." ICML 2017. https://doi.org/10.48550/arXiv.1706.04599
    """
    shares = held_by.T / held_by.sum(axis=1)  # (n_members, n_rows)
    if out_activation == "logistic":
        signed = np.where(target, outputs, -outputs)  # log-odds of what is right

    def probabilities(temperature: float) -> np.ndarray:
        """Give those of what is right, of shape (n_rows,) or (n_rows, n_outputs)."""
        if out_activation == "logistic":
            return np.einsum("kn,kno->no", shares, expit(signed / temperature))
        p = softmax(outputs / temperature, axis=-1)
        return np.einsum("kn,kn->n", shares, p[:, np.arange(len(target)), target])

    def objective(log_temperature: float) -> float:
        p = probabilities(np.exp(log_temperature)).reshape(len(target), -1)
        losses = -np.log(np.maximum(p, np.finfo(np.float64).tiny)).sum(axis=1)
        return np.average(losses, weights=weight) + log_temperature**2 / len(losses)

    bounds = np.log(_LOWEST), np.log(_HIGHEST)
    return float(np.exp(minimize_scalar(objective, bounds=bounds, method="bounded").x))
