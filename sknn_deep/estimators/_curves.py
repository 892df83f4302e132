"""The curves of a training, under scikit-learn's names."""

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep.training import Convergence

_CURVES = {
    "loss_curve_": "train_loss",
    "validation_scores_": "valid_score",
    "validation_loss_curve_": "valid_loss",
}


def forget_curves(estimator: BaseEstimator) -> None:
    """Drop what an earlier training left."""
    for name in (*_CURVES, "best_loss_", "best_validation_score_", "_convergence"):
        vars(estimator).pop(name, None)
    estimator.n_iter_ = estimator.t_ = 0


def forget_network(estimator: BaseEstimator) -> None:
    """Drop what is about a single network."""
    forget_curves(estimator)
    for name in ("net_", "t_", "_keeps_optimizer", "_no_improvement_count"):
        vars(estimator).pop(name, None)


def extend_curves(
    estimator: BaseEstimator,
    history: list[dict],
    convergence: Convergence,
    *,
    has_valid: bool,
) -> None:
    """Set the curves and their best values, after `history`'s epochs.

    As in scikit-learn, ``best_loss_`` is None with early stopping; what is about
    validation is None without a validation set.
    """
    for name, key in _CURVES.items():
        before = getattr(estimator, name, None) or []
        setattr(estimator, name, [*before, *(e[key] for e in history if key in e)])
    estimator.n_iter_ = len(history)
    estimator.loss_ = estimator.loss_curve_[-1] if estimator.loss_curve_ else np.nan
    estimator.best_loss_ = None if estimator.early_stopping else -convergence.best
    estimator._no_improvement_count = convergence.n_no_improvement
    if has_valid:
        scores = [s for s in estimator.validation_scores_ if np.isfinite(s)]
        estimator.best_validation_score_ = max(scores, default=-np.inf)
    else:
        estimator.validation_scores_ = estimator.validation_loss_curve_ = None
        estimator.best_validation_score_ = None
