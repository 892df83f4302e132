"""The curves of a training, under scikit-learn's names."""

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep.training import CompactHistory, Convergence

CURVES = {
    "loss_curve_": "train_loss",
    "validation_scores_": "valid_score",
    "validation_loss_curve_": "valid_loss",
}


def forget_curves(estimator: BaseEstimator) -> None:
    """Drop what an earlier training left."""
    for name in (
        *estimator._curves,
        "best_loss_",
        "best_validation_score_",
        "_convergence",
    ):
        vars(estimator).pop(name, None)
    estimator.n_iter_ = estimator.t_ = 0


def forget_network(estimator: BaseEstimator) -> None:
    """Drop what is about a single network."""
    forget_curves(estimator)
    for name in ("net_", "t_", "_keeps_optimizer", "_no_improvement_count"):
        vars(estimator).pop(name, None)


def extend_curves(
    estimator: BaseEstimator,
    history: CompactHistory,
    start: int,
    convergence: Convergence,
    *,
    has_valid: bool,
) -> None:
    """Set the curves and their best values, after the epochs from number `start` on.

    As in scikit-learn, ``best_loss_`` is None with early stopping; what is about
    validation is None without a validation set. The curves grow where they are: to copy
    them in each call of ``partial_fit`` would cost as much as there were calls.
    """
    learnt = vars(estimator)
    best_score = learnt.get("best_validation_score_")
    for name, key in estimator._curves.items():
        curve = learnt.get(name) or []
        curve += history.column(key, start)
        setattr(estimator, name, curve)
    estimator.n_iter_ = len(history) - start
    estimator.loss_ = estimator.loss_curve_[-1] if estimator.loss_curve_ else np.nan
    estimator.best_loss_ = None if estimator.early_stopping else -convergence.best
    estimator._no_improvement_count = convergence.n_no_improvement
    if has_valid:
        new = filter(np.isfinite, history.column("valid_score", start))
        before = -np.inf if best_score is None else best_score
        estimator.best_validation_score_ = max([before, *new])
    else:
        estimator.validation_scores_ = estimator.validation_loss_curve_ = None
        estimator.best_validation_score_ = None
