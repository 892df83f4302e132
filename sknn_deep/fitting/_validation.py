"""How well the network does on rows that it is not trained on."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from skorch.callbacks import BatchScoring, Callback, EpochScoring, PassthroughScoring
from skorch.dataset import Dataset

from sknn_deep._sklearn_private import is_scorer, takes_weights
from sknn_deep.data import NumberTarget, Samples
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
    view = view_while_training(estimator, net)
    return lambda output, loss: scorer(view, valid.X, valid.y, **weight)


def view_while_training(estimator: BaseEstimator, net: Net) -> BaseEstimator:
    """Copy an estimator that is fitted, for a scorer to ask it what it predicts now."""
    view = copy.copy(estimator)
    view.net_ = net
    # The validation rows are an array already, whatever the user passed.
    vars(view).pop("feature_names_in_", None)
    return view


# --- skorch's callbacks that score ----------------------------------------------------


def make_scorings(
    estimator: BaseEstimator,
    net: Net,
    *,
    valid: Samples | None,
    train: tuple[Samples, np.ndarray | None] | None = None,
    view: BaseEstimator | None = None,
) -> dict[str, Callable[[], None]]:
    """Let skorch's ``EpochScoring`` ask the estimator in place of its net.

    A net gives what is not activated, and knows neither labels nor the unit of y. Its
    outputs are scored, as batches of training rows pass, where they are what is
    predicted, and by functions of the user's.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.

    net : Net

    valid : Samples or None
        Rows to validate on.

    train : tuple of (Samples, ndarray or None) or None
        Rows to train on, and the numbers of those that are, if these can be scored.

    view : estimator or None
        What is asked; None is a view of `estimator`.

    Returns
    -------
    scorings : dict of str to callable
        By the callbacks' names, what lets each of them score an epoch.
    """
    scorings = {}
    for name, callback in net.callbacks_:
        is_scoring = isinstance(
            callback, BatchScoring | EpochScoring | PassthroughScoring
        )
        if not is_scoring or _scores_outputs(callback, estimator):
            continue
        samples = _samples_to_score(callback, valid, train, owner=net.owner)
        asked = view_while_training(estimator, net) if view is None else view
        scorings[name] = _make_scoring(callback, asked, samples)
    return scorings


def _scores_outputs(callback: Callback, estimator: BaseEstimator) -> bool:
    """Tell whether a callback scores training rows by the outputs that passed."""
    if not callback.on_train or isinstance(callback, PassthroughScoring):
        return callback.on_train
    if isinstance(callback, EpochScoring) and not callback.use_caching:
        return False
    target = getattr(estimator, "_target", None)
    if target is None:  # an autoencoder, whose outputs are scored against no y
        return False
    scoring = callback.scoring_
    if not (scoring is None or isinstance(scoring, str) or is_scorer(scoring)):
        return True
    is_number = isinstance(target, NumberTarget)
    return is_number and target.out_activation == "identity" and target.mean is None


def _samples_to_score(callback: Callback, valid, train, *, owner: str) -> Samples:
    kind = type(callback).__name__
    if not isinstance(callback, EpochScoring):
        raise ValueError(
            f"{kind} is about batches: validation rows of {owner} pass in none, and of "
            "training rows it sees the network's raw outputs. Use EpochScoring, which "
            f"scores what {owner} predicts."
        )
    if callback.on_train and train is None:
        raise ValueError(
            f"{kind} of {owner} scores no training rows. Pass the rows to be scored to "
            "`fit`, as X_val and y_val, and set on_train=False."
        )
    if not callback.on_train and valid is None:
        raise ValueError(
            f"{kind} of {owner} scores validation rows, of which there are none. Pass "
            "X_val to `fit`, and y_val where there is a y, or set early_stopping=True, "
            "or let it score the training rows, by on_train=True."
        )
    if not callback.on_train:
        return valid
    samples, rows = train
    return samples if rows is None else samples.take(rows)


def _make_scoring(
    callback: EpochScoring, view: BaseEstimator, samples: Samples
) -> Callable[[], None]:
    net = view.net_
    data = Dataset(samples.X, samples.y)
    # What skorch's callbacks, and functions that score, look for in a net.
    view.use_caching, view.module_ = False, net.module_

    def score() -> None:
        epoch = net.history[-1]
        if np.isfinite([epoch["train_loss"], epoch.get("valid_loss", 0.0)]).all():
            view.history = net.history
            callback.on_epoch_end(view, dataset_train=data, dataset_valid=data)
            return
        net.history.record(callback.name_, np.nan)
        if callback.lower_is_better is not None:
            net.history.record(f"{callback.name_}_best", False)

    return score
