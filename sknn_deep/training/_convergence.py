"""When to stop: the loss, or the validation score, no longer improves."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Convergence:
    """Counts epochs without improvement, as scikit-learn's MLP does.

    What is watched is a number of which higher is better: the validation score, or the
    negated training loss.

    Parameters
    ----------
    tol : float
        An epoch improves on the best one if it is better by at least `tol`.

    n_iter_no_change : float
        How many epochs in a row may fail to improve.

    best : float
        The highest number so far.

    n_no_improvement : int
        Epochs in a row that did not improve.
    """

    tol: float
    n_iter_no_change: float
    best: float = -np.inf
    n_no_improvement: int = 0

    def add(self, value: float) -> bool:
        """Take note of an epoch's number; tell whether it is the best so far."""
        if value < self.best + self.tol:
            self.n_no_improvement += 1
        else:
            self.n_no_improvement = 0
        is_best = value > self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def is_exhausted(self) -> bool:
        return self.n_no_improvement > self.n_iter_no_change
