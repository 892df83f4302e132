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

    def objective(log_temperature: float) -> float:
        losses = log_losses(
            outputs / np.exp(log_temperature),
            target,
            held_by,
            out_activation=out_activation,
        )
        return np.average(losses, weights=weight) + log_temperature**2 / len(losses)

    bounds = np.log(_LOWEST), np.log(_HIGHEST)
    return float(np.exp(minimize_scalar(objective, bounds=bounds, method="bounded").x))


def log_losses(
    outputs: np.ndarray, target: np.ndarray, held_by: np.ndarray, *, out_activation: str
) -> np.ndarray:
    """Give the log-loss of each row, the sum over the labels, by mean probabilities.

    Parameters are those of :func:`fit_temperature`.

    Returns
    -------
    losses : float64 ndarray of shape (n_rows,)
    """
    shares = held_by.T / held_by.sum(axis=1)  # (n_members, n_rows)
    if out_activation == "logistic":
        signed = np.where(target, outputs, -outputs)  # log-odds of what is right
        p = np.einsum("kn,kno->no", shares, expit(signed))
    else:
        right = softmax(outputs, axis=-1)[:, np.arange(len(target)), target]
        p = np.einsum("kn,kn->n", shares, right)[:, None]
    return -np.log(np.maximum(p, np.finfo(np.float64).tiny)).sum(axis=1)
