"""The only place that imports what scikit-learn marks private, or has not always had.

Each way around an older version says which version makes it needless.
"""

import functools
import inspect
from collections import UserList

import numpy as np
from sklearn import __version__, get_config
from sklearn.base import _fit_context
from sklearn.metrics._scorer import (
    _BaseScorer,
    _MultimetricScorer,
    _PassthroughScorer,
)
from sklearn.model_selection._search import (
    BaseSearchCV,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.model_selection._search_successive_halving import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
)
from sklearn.model_selection._split import _CVIterableWrapper
from sklearn.model_selection._validation import _fit_and_score, _score
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    make_constraint,
)
from sklearn.utils._param_validation import StrOptions as _StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import _BaseComposition, _safe_split
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.optimize import _check_optimize_result
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _check_y,
    _num_samples,
)

# What ``check_cv`` makes of a list of splits.
ListOfSplits = _CVIterableWrapper

# Which scikit-learn's public folder has only after an import of sklearn.experimental.
SklearnHalvingGridSearchCV = HalvingGridSearchCV
SklearnHalvingRandomSearchCV = HalvingRandomSearchCV

# Pipelines, ColumnTransformers and whatever else has estimators by name.
Composition = _BaseComposition

check_method_params = _check_method_params
check_optimize_result = _check_optimize_result
check_y = _check_y
check_partial_fit_first_call = _check_partial_fit_first_call
fit_and_score = _fit_and_score
fit_context = _fit_context
insert_error_scores = _insert_error_scores
num_samples = _num_samples
safe_split = _safe_split
score = _score
warn_or_raise_about_fit_failures = _warn_or_raise_about_fit_failures


class _NoTask:
    """Stands for what scikit-learn's callbacks are told of, where there are none."""

    def subcontext(self, **task) -> "_NoTask":
        return self

    def call_on_fit_task_begin(self, **task) -> "_NoTask":
        return self

    def call_on_fit_task_end(self, **task) -> None:
        pass


def run_halving(search, evaluate_candidates, X, y, split_params: dict) -> None:
    """Let a halving search of scikit-learn's choose what is evaluated in each round.

    Its rounds are told to callbacks from scikit-learn 1.9 on.
    """
    search._n_samples_orig = _num_samples(X)
    search._check_input_parameters(X=X, y=y, split_params=split_params)
    tasks = (
        {"callback_ctx": _NoTask()}
        if "callback_ctx" in inspect.signature(search._run_search).parameters
        else {}
    )
    search._run_search(evaluate_candidates, **tasks)


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


try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ModuleNotFoundError:  # until scikit-learn 1.9 is the oldest

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Takes the place of scikit-learn's, and says what is missing."""

        def set_callbacks(self, *callbacks):
            """Refuse callbacks, which scikit-learn has from version 1.9 on.

            Parameters
            ----------
            *callbacks : object
                Callbacks of scikit-learn.

            Raises
            ------
            ImportError
                Always.
            """
            raise ImportError(
                f"set_callbacks of {type(self).__name__} needs scikit-learn 1.9 or "
                f"newer, whose callbacks it takes; this is {__version__}. Upgrade "
                "scikit-learn, or pass skorch's callbacks as the parameter 'callbacks'."
            )

    def with_callbacks(fit_method):
        """Give ``fit_method`` itself: there are no callbacks to be told of it."""
        return fit_method


# Where scikit-learn keeps callbacks: those that were set, and those around a fit.
CALLBACK_ATTRIBUTES = ("_skl_callbacks", "_parent_callback_ctx", "_callback_fit_ctx")


def has_callbacks(estimator) -> bool:
    """Tell whether scikit-learn's callbacks are set, here or around this fit."""
    set_here, set_around, _ = CALLBACK_ATTRIBUTES
    set_for_it = vars(estimator)
    return set_here in set_for_it or set_around in set_for_it


def check_sample_weight(sample_weight, X, **options) -> np.ndarray:
    """Validate sample weights; one of them has to be other than zero."""
    weight = _check_sample_weight(sample_weight, X, **options)
    if not weight.any():  # until scikit-learn 1.9 is the oldest
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def plain_list(value):
    """Give the list in a ``UserList``, and anything else as it is.

    Until scikit-learn 1.7 is the oldest: a ColumnTransformer keeps the columns of its
    remainder in one that warns of what 1.7 changes.
    """
    return value.data if isinstance(value, UserList) else value


def balanced_class_weights(
    classes: np.ndarray, y: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Give each class a weight by which all classes have the same sum over the rows."""
    if "sample_weight" in inspect.signature(compute_class_weight).parameters:
        return compute_class_weight(
            "balanced", classes=classes, y=y, sample_weight=weight
        )
    # Until scikit-learn 1.7 is the oldest.
    sums = np.bincount(np.searchsorted(classes, y), weights=weight)
    return sums.sum() / (len(classes) * sums)


def clips(scaler) -> bool:
    """Tell whether what a scaler gives is cut off at the ends of its range."""
    return getattr(scaler, "clip", False)  # until scikit-learn 1.8 is the oldest


def mlp_has_poisson() -> bool:
    """Tell whether scikit-learn's MLPRegressor can predict by the exponential."""
    parameters = inspect.signature(SklearnRegressor).parameters
    return "loss" in parameters  # until scikit-learn 1.7 is the oldest


def scorers_of(scorer) -> dict | None:
    """Give the scorers of several metrics by their names; None of a single one."""
    return scorer._scorers if isinstance(scorer, _MultimetricScorer) else None


def is_own_score(scorer) -> bool:
    """Tell whether a scorer calls ``score`` of the estimator, and nothing else."""
    return isinstance(scorer, _PassthroughScorer)


def is_scorer(scoring) -> bool:
    """Tell whether a callable is a scorer that scikit-learn made."""
    return isinstance(scoring, _BaseScorer | _PassthroughScorer)


def takes_weights(scorer) -> bool:
    """Tell whether a scorer, or any callable in its place, takes sample weights."""
    function = scorer._score_func if isinstance(scorer, _BaseScorer) else scorer
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return takes_any or "sample_weight" in parameters


__all__ = [
    "CALLBACK_ATTRIBUTES",
    "BaseSearchCV",
    "CallbackSupportMixin",
    "Composition",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "ListOfSplits",
    "Options",
    "StrOptions",
    "balanced_class_weights",
    "check_method_params",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "check_y",
    "clips",
    "fit_and_score",
    "fit_context",
    "has_callbacks",
    "insert_error_scores",
    "is_own_score",
    "is_scorer",
    "make_constraint",
    "mlp_has_poisson",
    "num_samples",
    "partial_fit_context",
    "plain_list",
    "safe_split",
    "score",
    "scorers_of",
    "takes_weights",
    "warn_or_raise_about_fit_failures",
    "with_callbacks",
]
