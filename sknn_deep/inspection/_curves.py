"""The curves that a fitted estimator has to show."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def last_step(estimator):
    """Return the last step of a pipeline, and everything else as it is."""
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def add_names(estimators) -> dict:
    """Name estimators by their classes, with numbers where a class comes twice."""
    names = [type(last_step(estimator)).__name__ for estimator in estimators]
    numbered = [
        name if names.count(name) == 1 else f"{name} {names[:i].count(name) + 1}"
        for i, name in enumerate(names)
    ]
    return dict(zip(numbered, estimators, strict=True))


def check_has_curve(estimator, *, owner: str):
    """Return the fitted estimator, or last step of a pipeline, that has the curve."""
    check_is_fitted(estimator)
    fitted = last_step(estimator)
    if _curve(fitted, "loss_curve_") is not None:
        return fitted
    came = type(fitted).__name__
    remedy = (
        "Pass an estimator that was trained epoch by epoch; of a search, for example, "
        "its `best_estimator_`."
    )
    if hasattr(fitted, "estimators_"):
        remedy = (
            "Pass one of its estimators_, or all of them to "
            "LossCurveDisplay.from_estimators."
        )
    if getattr(fitted, "solver", None) == "lbfgs":
        came += " with solver='lbfgs'"
        remedy = "Fit it with another solver."
    raise ValueError(
        f"{owner} draws `loss_curve_`, the loss of each epoch. Got {came}, which has "
        f"none. {remedy}"
    )


def collect_curves(fitted: dict, attribute: str) -> dict:
    """Give the curves of those estimators that have them, by name."""
    curves = {name: _curve(estimator, attribute) for name, estimator in fitted.items()}
    return {name: curve for name, curve in curves.items() if curve is not None}


def best_epoch(fitted) -> int | None:
    """Give the epoch, counted from 1, whose weights early stopping kept."""
    scores = _curve(fitted, "validation_scores_")
    stopped = getattr(fitted, "early_stopping", False)
    if scores is None or not stopped or np.isnan(scores).all():
        return None
    return int(np.nanargmax(scores)) + 1


def score_name(fitted) -> str:
    """Say what the validation scores of a fitted estimator are."""
    scoring = getattr(fitted, "scoring", None)
    if isinstance(scoring, str):
        return "score (-loss)" if scoring == "loss" else scoring.replace("_", " ")
    if scoring is None and is_classifier(fitted):
        return "accuracy"
    if scoring is None and is_regressor(fitted):
        return "$R^2$"
    return "score"


def _curve(fitted, attribute: str):
    """Return a curve of at least one epoch, or None."""
    curve = getattr(fitted, attribute, None)
    return None if curve is None or len(curve) == 0 else curve
