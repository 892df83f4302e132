"""How well the network does on rows that it is not trained on."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring

from sknn_deep._sklearn_private import takes_weights
from sknn_deep.data import Samples
from sknn_deep.rows import place_targets
from sknn_deep.training import Net


def make_evaluate(
    estimator: BaseEstimator, net: Net, valid: Samples
) -> Callable[[], tuple[float, float]]:
    """Make the function that gives loss and score on the validation samples.

    The score is NaN where the loss is not finite.
    """
    rows = valid.place(net.placement)
    target, weight = place_targets(
        estimator._encode(valid), valid.weight, net.placement
    )
    target = rows.slice(0, len(valid)) if target is None else target
    score_of = make_score(estimator, net, valid)

    def evaluate() -> tuple[float, float]:
        output = net.forward(rows, device=net.device)
        loss = net.criterion_(output, target, weight).item()
        loss *= net.criterion_.reported_scale(output)
        score = float(score_of(output, loss)) if np.isfinite(loss) else np.nan
        return loss, score

    return evaluate


def make_default_score(
    estimator: BaseEstimator, net: Net, samples: Samples
) -> Callable[[], float]:
    """Make the function that gives the default score on samples at any time.

    It is NaN where an output is not finite.
    """
    rows = samples.place(net.placement)

    def score() -> float:
        output = estimator._activate(net.forward(rows, device=net.device))
        if not np.isfinite(output).all():
            return np.nan
        return float(estimator._default_score(output, samples))

    return score


def make_score(
    estimator: BaseEstimator, net: Net, valid: Samples
) -> Callable[[torch.Tensor, float], float]:
    """Make what early stopping watches: the default score, "loss", or a scorer."""
    if estimator.scoring == "loss":
        return lambda output, loss: -loss
    if estimator.scoring is None:
        return lambda output, loss: estimator._default_score(
            estimator._activate(output), valid
        )
    scorer = check_scoring(estimator, estimator.scoring)
    weight = {}
    if valid.weight is not None and takes_weights(scorer):
        weight["sample_weight"] = valid.weight
    view = copy.copy(estimator)
    view.net_ = net
    # The validation rows are an array already, whatever the user passed.
    vars(view).pop("feature_names_in_", None)
    return lambda output, loss: scorer(view, valid.X, valid.y, **weight)
