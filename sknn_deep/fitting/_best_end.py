"""Which of the weights that a training passed by is kept."""

from collections.abc import Sequence

import numpy as np

_N_STANDARD_ERRORS = 2


def choose_end(losses: Sequence[np.ndarray], weight: np.ndarray | None) -> int:
    """Choose the last one that is as good as the best, as far as the rows can tell.

    That is within two standard errors of the mean difference of the two, by which
    chance alone hardly ever goes: what was trained for longer is given up only where
    it shows to be worse.

    Parameters
    ----------
    losses : sequence of ndarray of shape (n_rows,)
        Of each candidate, in the order of the training, the losses of rows that were
        not trained on.

    weight : ndarray of shape (n_rows,) or None
    """
    means = [np.average(loss, weights=weight) for loss in losses]
    best = int(np.argmin(means))
    for later in range(len(losses) - 1, best, -1):
        more = losses[later] - losses[best]
        bound = _N_STANDARD_ERRORS * _standard_error(more, weight)
        if means[later] - means[best] <= bound:
            return later
    return best


def _standard_error(values: np.ndarray, weight: np.ndarray | None) -> float:
    """Give that of the weighted mean; of one row nothing is known."""
    shares = np.ones(len(values)) if weight is None else weight
    shares = shares / shares.sum()
    left = 1 - shares @ shares
    if left <= 0:
        return np.inf
    residual = shares * (values - shares @ values)
    return float(np.sqrt(residual @ residual / left))
