"""The only place that imports what scikit-learn marks private."""

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.optimize import _check_optimize_result
from sklearn.utils.validation import _check_sample_weight

check_optimize_result = _check_optimize_result
check_partial_fit_first_call = _check_partial_fit_first_call
check_sample_weight = _check_sample_weight
fit_context = _fit_context

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
]
