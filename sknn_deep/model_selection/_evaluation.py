"""Fit and score all candidates on all splits, their networks in stacks."""

import copy
import itertools
import math
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sknn_deep._sklearn_private import (
    fit_and_score,
    is_own_score,
    num_samples,
    score,
    scorers_of,
)
from sknn_deep.fitting import (
    FitPlan,
    family_of,
    is_of_package,
    make_default_score,
    may_be_stacked,
    train_together,
)
from sknn_deep.model_selection._candidates import with_parameters
from sknn_deep.model_selection._folds import Fold, fold_bytes, is_network, last_step
from sknn_deep.training import Net

# Networks that are planned at a time: enough for some stacks on each core, of which one
# that is late takes fewer.
_N_AT_A_TIME = 128
# Training rows of several folds are held at a time up to this.
_MAX_FOLD_BYTES = 2**30


@dataclass
class Fit:
    """One candidate on one split.

    Attributes
    ----------
    candidate, split : int
        Their numbers.

    estimator : estimator
        With the candidate's parameters.

    parameters : dict
        These.

    fold : Fold

    plan : FitPlan or None
        What is left to be trained of a fit that may be stacked.

    seconds : float

    error : Exception or None
        What it failed with.

    is_stacked : bool
    """

    candidate: int
    split: int
    estimator: BaseEstimator
    parameters: dict
    fold: Fold
    plan: FitPlan | None = None
    seconds: float = 0.0
    error: Exception | None = None
    is_stacked: bool = False


def evaluate(
    estimator: BaseEstimator,
    X,
    y,
    candidates: Sequence[dict],
    splits: Sequence[tuple],
    *,
    n_jobs: int | None,
    pre_dispatch,
    on_epoch: Callable[[int], None],
    **options,
) -> tuple[list[dict], list[bool]]:
    """Fit and score every candidate on every split.

    Returns
    -------
    results : list of dict
        What scikit-learn's ``_fit_and_score`` gives for each candidate and split, the
        splits of a candidate side by side.

    stacked : list of bool
        Whether all networks of a candidate were trained in stacks.
    """
    results: dict[tuple[int, int], dict] = {}
    alone: list[tuple[int, int]] = []
    for some in _divide_splits(X, splits, len(candidates)):
        fits = plan_fits(estimator, X, y, candidates, splits, some, **options)
        planned = []
        for fit in fits:
            if fit.plan is None and fit.error is None:
                alone.append((fit.candidate, fit.split))
            else:
                planned.append(fit)
        _train(planned, on_epoch)
        for fit in planned:
            results[fit.candidate, fit.split] = result_of(fit, **options)
    alone.sort()  # candidate after candidate, as scikit-learn does
    of_one = Parallel(n_jobs=n_jobs, pre_dispatch=pre_dispatch)(
        delayed(fit_and_score)(
            clone(estimator),
            X,
            y,
            train=splits[split][0],
            test=splits[split][1],
            parameters=candidates[candidate],
            split_progress=(split, len(splits)),
            candidate_progress=(candidate, len(candidates)),
            return_n_test_samples=True,
            return_times=True,
            **options,
        )
        for candidate, split in alone
    )
    results.update(zip(alone, of_one, strict=True))
    pairs = itertools.product(range(len(candidates)), range(len(splits)))
    stacked = [
        all(results[c, s].pop("is_stacked", False) for s in range(len(splits)))
        for c in range(len(candidates))
    ]
    return [results[pair] for pair in pairs], stacked


def _divide_splits(X, splits: Sequence[tuple], n_candidates: int) -> list[list[int]]:
    """Divide the numbers of the splits into parts that are in memory at a time."""
    by_fits = -(-_N_AT_A_TIME // max(1, n_candidates))
    by_memory = _MAX_FOLD_BYTES // max(1, fold_bytes(X, splits[0][0]))
    n = max(1, min(by_fits, by_memory))
    numbers = range(len(splits))
    return [list(numbers[start : start + n]) for start in numbers[::n]]


def plan_fits(
    estimator, X, y, candidates, splits, some, *, fit_params, score_params, **options
) -> list[Fit]:
    """Plan the fits to some of the splits, as far as they can be stacked."""
    fits = []
    clones = [with_parameters(estimator, parameters) for parameters in candidates]
    for split in some:
        train, test = splits[split]
        fold = Fold(estimator, X, y, train, test, fit_params, score_params)
        for number, parameters in enumerate(candidates):
            own = _clone_again(clones[number])
            fit = Fit(number, split, own, parameters, fold)
            fits.append(fit)
            if is_network(own) and may_be_stacked(last_step(own)):
                _plan(fit, options["error_score"])
    return fits


def _clone_again(estimator: BaseEstimator) -> BaseEstimator:
    """Clone a clone; by a copy, which takes a tenth of the time, where it is the same.

    The steps before a network are shared: a fold fits clones of them.
    """
    network = last_step(estimator)
    may_hold_more = type(estimator) not in (type(network), Pipeline)
    if may_hold_more or not is_network(estimator):
        return clone(estimator)
    if not all(map(_is_plain, vars(network).values())):
        return clone(estimator)
    own = copy.copy(estimator)
    if isinstance(own, Pipeline):
        own.steps = [*own.steps[:-1], (own.steps[-1][0], copy.copy(network))]
    return own


def _is_plain(value) -> bool:
    """Tell whether a parameter never changes, so that estimators may share it."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def _plan(fit: Fit, error_score) -> None:
    """Plan a fit, unless it turns out that it cannot be stacked."""
    start = time.perf_counter()
    try:
        plan = fit.fold.plan(fit.estimator, fit.parameters)
    except Exception as error:
        if error_score == "raise":
            raise
        fit.error = error
    else:
        if family_of(last_step(fit.estimator), plan) is None:
            return
        fit.plan = plan
    fit.seconds = time.perf_counter() - start


def _train(fits: Sequence[Fit], on_epoch: Callable[[int], None]) -> None:
    """Train what is planned, and share the time out evenly."""
    planned = [fit for fit in fits if fit.plan is not None]
    if not planned:
        return
    start = time.perf_counter()
    errors, stacked = train_together(
        [last_step(fit.estimator) for fit in planned],
        [fit.plan for fit in planned],
        on_epoch=on_epoch,
    )
    seconds = (time.perf_counter() - start) / len(planned)
    for fit, error, is_stacked in zip(planned, errors, stacked, strict=True):
        fit.seconds += seconds
        fit.error = error
        fit.is_stacked = is_stacked
        end_planned(fit)


def end_planned(fit: Fit) -> None:
    """Let the estimator take over what was trained."""
    if fit.error is None:
        last_step(fit.estimator)._end_fit(fit.plan)
    fit.plan = None


def result_of(fit: Fit, *, scorer, error_score, return_train_score, **others) -> dict:
    """Score a fit, in the form of scikit-learn's ``_fit_and_score``."""
    fold = fit.fold
    result = {
        "fit_error": None,
        "n_test_samples": num_samples(fold.X_test),
        "fit_time": fit.seconds,
        "score_time": 0.0,
        "is_stacked": fit.is_stacked,
    }
    if fit.error is not None:
        if error_score == "raise":
            raise fit.error
        result["fit_error"] = "".join(traceback.format_exception(fit.error))
        result["test_scores"] = _error_scores(scorer, error_score)
        if return_train_score:
            result["train_scores"] = _error_scores(scorer, error_score)
        return result
    start = time.perf_counter()
    result["test_scores"] = _test_scores(fit, scorer, error_score)
    result["score_time"] = time.perf_counter() - start
    if return_train_score:
        result["train_scores"] = score(
            fit.estimator,
            fold.X_train,
            fold.y_train,
            scorer,
            fold.train_score_params,
            error_score,
        )
    return result


def _test_scores(fit: Fit, scorer, error_score) -> float | dict[str, float]:
    quick = None
    if fit.is_stacked:
        quick = quick_score(fit, last_step(fit.estimator).net_, scorer)
    if quick is not None and math.isfinite(value := quick()):
        return value
    fold = fit.fold
    return score(
        fit.estimator,
        fold.X_test,
        fold.y_test,
        scorer,
        fold.test_score_params,
        error_score,
    )


def quick_score(fit: Fit, net: Net, scorer) -> Callable[[], float] | None:
    """Make what gives the default score of a fit's network at any time, quickly.

    A check of the rows, and scikit-learn's metrics, take longer than an epoch does. It
    is NaN where ``score`` would have something to say about the outputs, and None where
    it may be another number.
    """
    network = last_step(fit.estimator)
    is_default = is_own_score(scorer) and not fit.fold.test_score_params
    if not is_default or not is_of_package(type(network)):
        return None
    if type(fit.estimator) not in (Pipeline, type(network)):
        return None
    try:
        samples = fit.fold.test_samples(fit.estimator, fit.parameters)
    except Exception:  # rows that ``score`` has another word for
        return None
    # An autoencoder, or weights of classes, which ``score`` has none of.
    if samples.y is None or samples.weight is not None:
        return None
    return make_default_score(network, net, samples)


def _error_scores(scorer, error_score: float) -> float | dict[str, float]:
    scorers = scorers_of(scorer)
    return error_score if scorers is None else dict.fromkeys(scorers, error_score)
