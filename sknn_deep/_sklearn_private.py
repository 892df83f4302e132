"""The only place that imports what scikit-learn marks private."""

import functools
import inspect

from sklearn import get_config
from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer
from sklearn.model_selection._search import (
    BaseSearchCV,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.model_selection._split import _CVIterableWrapper
from sklearn.model_selection._validation import _fit_and_score, _score
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    make_constraint,
)
from sklearn.utils._param_validation import StrOptions as _StrOptions
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.optimize import _check_optimize_result
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _num_samples,
)

# What ``check_cv`` makes of a list of splits.
ListOfSplits = _CVIterableWrapper

check_method_params = _check_method_params
check_optimize_result = _check_optimize_result
check_partial_fit_first_call = _check_partial_fit_first_call
check_sample_weight = _check_sample_weight
fit_and_score = _fit_and_score
fit_context = _fit_context
insert_error_scores = _insert_error_scores
num_samples = _num_samples
safe_split = _safe_split
score = _score
warn_or_raise_about_fit_failures = _warn_or_raise_about_fit_failures


def partial_fit_context(partial_fit):
    """Wrap ``partial_fit`` so that each call checks the parameters.

    scikit-learn's own context checks them in the first call only, although
    ``set_params`` may change them before any.
    """
    in_context = _fit_context(prefer_skip_nested_validation=True)(partial_fit)

    @functools.wraps(partial_fit)
    def checked(estimator, *args, **kwargs):
        if not get_config()["skip_parameter_validation"]:
            estimator._validate_params()
        return in_context(estimator, *args, **kwargs)

    return checked


class StrOptions(_StrOptions):
    """scikit-learn's, which tells of its strings in alphabetical order."""

    def __str__(self):
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


# Where scikit-learn keeps callbacks: those that were set, and those around a fit.
CALLBACK_ATTRIBUTES = ("_skl_callbacks", "_parent_callback_ctx", "_callback_fit_ctx")


def has_callbacks(estimator) -> bool:
    """Tell whether scikit-learn's callbacks are set, here or around this fit."""
    set_here, set_around, _ = CALLBACK_ATTRIBUTES
    return hasattr(estimator, set_here) or hasattr(estimator, set_around)


def scorers_of(scorer) -> dict | None:
    """Give the scorers of several metrics by their names; None of a single one."""
    return scorer._scorers if isinstance(scorer, _MultimetricScorer) else None


def takes_weights(scorer) -> bool:
    """Tell whether a scorer, or any callable in its place, takes sample weights."""
    function = scorer._score_func if isinstance(scorer, _BaseScorer) else scorer
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return takes_any or "sample_weight" in parameters


__all__ = [
    "CALLBACK_ATTRIBUTES",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "ListOfSplits",
    "Options",
    "StrOptions",
    "check_method_params",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_and_score",
    "fit_context",
    "has_callbacks",
    "insert_error_scores",
    "make_constraint",
    "num_samples",
    "partial_fit_context",
    "safe_split",
    "score",
    "scorers_of",
    "takes_weights",
    "warn_or_raise_about_fit_failures",
]
