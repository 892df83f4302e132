"""A search whose candidates Optuna proposes, and whose networks train together."""

import copy
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from sknn_deep._sklearn_private import (
    BaseSearchCV,
    HasMethods,
    Interval,
    warn_or_raise_about_fit_failures,
)
from sknn_deep.model_selection._joint import JointFit, JointFits
from sknn_deep.model_selection._search import SEVERAL_SCORERS, BatchedSearchMixin
from sknn_deep.model_selection._search_space import SearchSpace
from sknn_deep.model_selection._trials import Batch, TrialLoop
from sknn_deep.parameters import names_our_words


class _Shared:
    """Takes the place of what ``clone`` is not to copy."""

    def __init__(self, value):
        self.value = value

    def __sklearn_clone__(self):
        return self.value


class BatchedOptunaSearchCV(BatchedSearchMixin, BaseSearchCV):
    """Search by Optuna, whose trials' networks are trained together.

    Optuna's sampler [1]_ is asked for some trials at a time, whose networks are trained
    on all folds as one computation. What is trained together, and what alone, is said
    in :class:`~sknn_deep.model_selection.BatchedGridSearchCV`. After each epoch the
    mean score of a trial's networks on their folds can be reported, and the pruner may
    stop the trial: its networks then leave their stacks, and cost nothing more.

    A batch has a price. Its trials are proposed without knowing of each other's scores,
    and only trials of earlier batches have scores that the pruner can compare with:
    with the default, the first sixteen are not pruned by ``MedianPruner``. TPE keeps
    the trials of a batch apart by its "constant liar", which takes those that still
    run for bad ones; it is the default from Optuna 5.0 on, and before that an argument
    of ``TPESampler``. A smaller `n_parallel_trials` lowers the price, and also the
    gain.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline that ends in one. Any other is
        fitted one candidate and fold after the other.

    param_distributions : dict or callable
        Of each parameter, by name, a distribution of Optuna, a frozen one of SciPy, or
        a list of values. SciPy's uniform, loguniform and randint become Optuna's; any
        other is searched over its quantiles, and these are the trial's parameter.
        Values that Optuna does not store, such as tuples, are called in the trial what
        ``repr`` gives. Or a function that takes a trial and gives the dict of the
        parameters to be set, for spaces in which one depends on another. Where it
        raises ``optuna.TrialPruned``, the trial is pruned and nothing is fitted.

    n_trials : int or None, default=10
        Number of trials. None is no limit: `timeout`, or a callback, ends the search.

    timeout : float or None, default=None
        Seconds after which no batch begins. One that has begun is trained to its end.

    n_parallel_trials : int, default=16
        Trials of a batch.

    study : optuna.Study, callable or None, default=None
        A study that maximizes, which goes on from the trials that it has, and is
        not copied by ``clone``; or a function without arguments that makes one for each
        fit, as cross-validation around the search needs. None makes one in memory, with
        ``TPESampler``, seeded by `random_state`, and ``MedianPruner``.

    enable_pruning : bool, default=False
        Whether to report each epoch, and to let the study's pruner stop trials. A trial
        whose estimator trains no single network in epochs, as with ``solver="lbfgs"``
        or `n_estimators` above 1, goes to its end. The rows of all folds are held at
        once.

    cv : int, cross-validation generator or iterable, default=None
        How the rows are split; None is 5 folds.

    scoring : str, callable, list, tuple or dict, default=None
        One metric or several; None is the estimator's ``score``.

    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows, and by which metric.

    error_score : "raise" or numeric, default=np.nan
        The score of a fit that fails, or "raise".

    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores on the training rows.

    random_state : int, RandomState instance or None, default=None
        Seeds the sampler of the study that is made where `study` is None. It does not
        seed the networks, whose `random_state` does.

    callbacks : list of callable or None, default=None
        Called as ``callback(study, trial)`` for each trial of a batch when all are
        told, as Optuna's ``optimize`` calls them. ``study.stop()`` there ends the
        search.

    verbose : int, default=0
        1 shows a progress bar over the epochs of all networks; more also prints what is
        fitted alone.

    Attributes
    ----------
    study_ : optuna.Study
        The study that proposed the candidates.

    trials_ : list of optuna.trial.FrozenTrial
        The trials of this fit, in the order of ``cv_results_``. Those that the function
        `param_distributions` pruned are in ``study_.trials`` alone.

    best_trial_ : optuna.trial.FrozenTrial
        That of the best candidate. A trial of an earlier fit, or of somebody else, may
        be better: ``study_.best_trial``.

    cv_results_ : dict of ndarray of shape (n_candidates,)
        Of scikit-learn's keys, and "batched": whether all networks of a candidate were
        trained in stacks. The fit time of a network is its equal share of its stack's.

    best_estimator_ : estimator
        The best candidate, fitted to all rows. Only if `refit` is not False.

    best_score_ : float
        Its mean score on the folds.

    best_params_ : dict
        Its parameters.

    best_index_ : int
        Its place in ``cv_results_``.

    scorer_ : callable or dict
        What scored.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the refit took.

    multimetric_ : bool
        Whether there are several metrics.

    classes_ : ndarray of shape (n_classes,)
        Of the best estimator, if it is a classifier.

    n_features_in_ : int
        Number of features that were fitted.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Their names, where X has names that are all strings.

    See Also
    --------
    BatchedRandomizedSearchCV : Candidates that do not depend on each other's scores.
    BatchedHalvingRandomSearchCV : Few epochs for the bad ones, without a study.

    References
    ----------
    .. [1] Akiba, T., Sano, S., Yanase, T., Ohta, T. and Koyama, M. "Optuna: a
       next-generation hyperparameter optimization framework." KDD 2019.
       https://doi.org/10.1145/3292500.3330701

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.model_selection import BatchedOptunaSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BatchedOptunaSearchCV(
    ...     MLPClassifier((16,), learning_rate="cosine", max_iter=20, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-3, 1e-1)},
    ...     n_trials=6,
    ...     n_parallel_trials=3,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.best_trial_.params == search.best_params_
    True
    """

    _parameter_constraints: dict = {
        **{
            name: constraint
            for name, constraint in BaseSearchCV._parameter_constraints.items()
            if name not in ("n_jobs", "pre_dispatch")
        },
        "scoring": SEVERAL_SCORERS,
        "param_distributions": [dict, callable],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "timeout": [Interval(Real, 0, None, closed="left"), None],
        "n_parallel_trials": [Interval(Integral, 1, None, closed="left")],
        "study": [callable, HasMethods(["ask", "tell"]), None],
        "enable_pruning": ["boolean"],
        "random_state": ["random_state"],
        "callbacks": [list, tuple, None],
    }

    @names_our_words
    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_trials=10,
        timeout=None,
        n_parallel_trials=16,
        study=None,
        enable_pruning=False,
        cv=None,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=False,
        random_state=None,
        callbacks=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            verbose=verbose,
        )
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.n_parallel_trials = n_parallel_trials
        self.study = study
        self.enable_pruning = enable_pruning
        self.random_state = random_state
        self.callbacks = callbacks

    def __sklearn_clone__(self):
        stand_in = copy.copy(self)
        stand_in.study = _Shared(self.study)
        stand_in.callbacks = _Shared(self.callbacks)
        return super(BatchedOptunaSearchCV, stand_in).__sklearn_clone__()

    @property
    def best_trial_(self):
        """The trial of the best candidate."""
        return self.trials_[self.best_index_]

    # --- asking and telling ----------------------------------------------------------

    def _search(self, evaluate_candidates, format_results, X, y, split_params):
        everything: list[dict] = []

        def evaluate(candidates: list[dict], batch: Batch) -> list[float]:
            out = evaluate_candidates(candidates, batch=batch)
            everything.extend(out)
            scores = [self._number_in(result["test_scores"]) for result in out]
            return np.reshape(scores, (len(candidates), -1)).mean(axis=1).tolist()

        self._ask_and_tell(evaluate)
        warn_or_raise_about_fit_failures(everything, self.error_score)
        return format_results() | self._results_of_trials()

    def _run_search(self, evaluate_candidates, *, callback_ctx):
        """Search as scikit-learn's do, where callbacks are told of each fit."""
        of_search = callback_ctx.subcontext(task_name="search", max_subtasks=None)
        of_search.call_on_fit_task_begin(estimator=self)

        def evaluate(candidates: list[dict], batch: Batch) -> list[float]:
            of_batch = of_search.subcontext(
                task_name="batch-of-trials",
                max_subtasks=len(candidates) * self.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=self)
            results = evaluate_candidates(candidates, callback_ctx=of_batch)
            of_batch.call_on_fit_task_end(estimator=self)
            name = f"mean_test_{self.refit}"
            values = results[name if name in results else "mean_test_score"]
            return values[-len(candidates) :].tolist()

        self._ask_and_tell(evaluate)
        of_search.call_on_fit_task_end(estimator=self)

    def _fit_one_by_one(self, X, y, **params):
        super()._fit_one_by_one(X, y, **params)
        self.cv_results_ |= self._results_of_trials()
        return self

    def _ask_and_tell(
        self, evaluate: Callable[[list[dict], Batch], Sequence[float]]
    ) -> None:
        """Let the study propose candidates, in batches, until there were enough."""
        self._check_one_metric()
        self.study_ = make_study(self.study, self.random_state)
        loop = TrialLoop(
            self.study_,
            SearchSpace(self.param_distributions),
            n_trials=self.n_trials,
            timeout=self.timeout,
            n_parallel=self.n_parallel_trials,
        )
        try:
            loop.run(evaluate, self.callbacks or [])
        finally:
            self.trials_ = loop.trials
        if not loop.trials:
            raise self._error_of_no_trial(loop.n_told)

    def _check_one_metric(self) -> None:
        """Refuse several metrics of which none is named."""
        is_several = isinstance(self.scoring, list | tuple | set | dict)
        if is_several and not isinstance(self.refit, str):
            raise self._error_of_metrics()

    def _error_of_metrics(self) -> ValueError:
        return ValueError(
            "BatchedOptunaSearchCV tells its study one number for each trial: set "
            "refit to the name of one of the metrics in 'scoring'. Got "
            f"refit={self.refit!r}."
        )

    def _error_of_no_trial(self, n_trials: int) -> ValueError:
        """Say that nothing is left to choose from."""
        return ValueError(
            f"None of the {n_trials} trials of BatchedOptunaSearchCV was completed: "
            "they were pruned or have failed. Let the pruner wait for longer, or look "
            "at the warnings of the fits."
        )

    def _number_in(self, score) -> float:
        """Give a score, or of several metrics that of the one that is named."""
        if not isinstance(score, dict):
            return float(score)
        if not isinstance(self.refit, str) or self.refit not in score:
            raise self._error_of_metrics()
        return float(score[self.refit])

    # --- training --------------------------------------------------------------------

    def _train(self, candidates, X, y, splits, *, batch: Batch, on_epoch, **options):
        if not self.enable_pruning:
            return super()._train(
                candidates, X, y, splits, on_epoch=on_epoch, **options
            )
        fits = JointFits(
            clone(self.estimator),
            X,
            y,
            candidates,
            splits,
            after_epoch=lambda joint: batch.take_score(joint, self._score_of(joint)),
            **options,
        )
        fits.prepare_scores(options["scorer"])
        with fits:
            while moved := fits.advance():
                on_epoch(len(moved))
                fits.give_up(batch.report(moved, len(splits)))
        numbers = range(len(candidates))
        return fits.results(numbers), fits.stacked(numbers)

    def _look_at_failures(self, out: list[dict]) -> None:
        """Wait for the end of the search: a batch may fail as a whole."""

    def _score_of(self, joint: JointFit) -> float:
        """Score a network as it is; NaN where that fails."""
        try:
            return self._number_in(joint.score())
        except Exception:  # it is raised, or warned of, when the fit is over
            return math.nan

    # --- results ---------------------------------------------------------------------

    def _results_of_trials(self) -> dict:
        return {
            "number": np.array([trial.number for trial in self.trials_]),
            "state": np.array([trial.state.name for trial in self.trials_]),
        }

    def _select_best(self, results, refit_metric):
        """Choose among the trials that were completed."""
        is_complete = results["state"] == "COMPLETE"
        if not is_complete.any():
            raise self._error_of_no_trial(len(is_complete))
        if callable(self.refit):
            super()._select_best(results, refit_metric)
            return
        scores = results[f"mean_test_{refit_metric}"]
        self.best_index_ = int(np.argmax(np.where(is_complete, scores, -np.inf)))
        self.best_score_ = scores[self.best_index_]
        self.best_params_ = results["params"][self.best_index_]


def make_study(study, random_state):
    """Give the study of a fit: the given one, the one that is made, or our own."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "BatchedOptunaSearchCV needs Optuna, which proposes its candidates: "
            "python -m pip install optuna"
        ) from error
    if study is None:
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        sampler = optuna.samplers.TPESampler(seed=int(seed))
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # of each study it tells
        try:
            return optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(verbosity)
    if not hasattr(study, "ask"):
        study = study()
    directions = [direction.name for direction in study.directions]
    if directions != ["MAXIMIZE"]:
        raise ValueError(
            "The 'study' of BatchedOptunaSearchCV must maximize one number, as all "
            f"scores are better the higher they are. Got the directions {directions}: "
            "make it by optuna.create_study(direction='maximize')."
        )
    return study
