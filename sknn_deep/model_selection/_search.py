"""Searches whose candidates, folds and seeds are trained as one computation."""

import sys
import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.utils import indexable
from tqdm.auto import tqdm

from sknn_deep._sklearn_private import (
    CallbackSupportMixin,
    check_method_params,
    fit_context,
    has_callbacks,
    insert_error_scores,
    scorers_of,
    warn_or_raise_about_fit_failures,
)
from sknn_deep.model_selection._evaluation import evaluate
from sknn_deep.parameters import (
    SEARCH_SCORING,
    ValidationMixin,
    check_scorer_names,
    names_our_words,
)

# What "scoring" may be where there may be several metrics.
SEVERAL_SCORERS = [*SEARCH_SCORING, list, tuple, dict]


class _Rounds(NamedTuple):
    """What was evaluated so far: by a search at once, by halving in rounds.

    Attributes
    ----------
    candidates : list of dict

    out : list of dict
        What came of each candidate and split, candidate by candidate.

    stacked : list of bool
        Whether all networks of a candidate were trained in stacks.

    more : dict of list
        What else the results have of each candidate.
    """

    candidates: list[dict]
    out: list[dict]
    stacked: list[bool]
    more: dict[str, list]

    def add(self, candidates, out, stacked, more: dict[str, list]) -> None:
        self.candidates.extend(candidates)
        self.out.extend(out)
        self.stacked.extend(stacked)
        for name, values in more.items():
            self.more.setdefault(name, []).extend(values)


class BatchedSearchMixin(ValidationMixin, CallbackSupportMixin):
    """The part of a search that fits: candidates are evaluated all at once."""

    def _validate_params(self):
        super()._validate_params()
        check_scorer_names(self.scoring, owner=type(self).__name__)

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params):
        """Fit and score all candidates, and refit the best one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their labels or numbers; None for an autoencoder.

        **params : dict of str -> object
            Passed to ``fit`` of the estimator, to the scorer and to the splitter.
            Arrays with as many rows as X are split as X is.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter is not valid, if all fits failed, or if one did and
            ``error_score="raise"``.
        """
        if has_callbacks(self):
            # scikit-learn's callbacks want to be told of each fit.
            return self._fit_one_by_one(X, y, **params)
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self._checked_cv_orig = cv
        self.n_splits_ = cv.get_n_splits(X, y, **routed.splitter.split)
        rounds = _Rounds([], [], [], {})

        def evaluate_candidates(
            candidates, cv=cv, more_results=None, callback_ctx=None, **options
        ):
            """Fit and score some candidates, and give what came of their fits."""
            candidates = list(candidates)  # a sampler draws anew each time
            splits = self._make_splits(cv, X, y, routed.splitter.split)
            out, stacked = self._evaluate(
                candidates,
                X,
                y,
                splits,
                scorer=scorers,
                fit_params=routed.estimator.fit,
                score_params=routed.scorer.score,
                **options,
            )
            rounds.add(candidates, out, stacked, more_results or {})
            return out

        def format_results():
            """Give the results of all candidates so far."""
            return self._format_results(
                rounds.candidates,
                self.n_splits_,
                rounds.out,
                {**rounds.more, "batched": rounds.stacked},
            )

        split_params = routed.splitter.split
        results = self._search(evaluate_candidates, format_results, X, y, split_params)
        first_scores = rounds.out[0]["test_scores"]
        self.multimetric_ = isinstance(first_scores, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first_scores)
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            self._select_best(results, refit_metric)
        if self.refit:
            self._refit(X, y, routed.estimator.fit)
        self.scorer_ = scorers_of(scorers) or scorers
        self.cv_results_ = results
        return self

    def _search(
        self, evaluate_candidates, format_results, X, y, split_params: dict
    ) -> dict:
        """Evaluate all candidates, and give the results."""
        evaluate_candidates(self._candidates())
        return format_results()

    def _evaluate(self, candidates: list[dict], X, y, splits, **options):
        """Fit and score candidates as one computation."""
        if not candidates or not splits:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no "
                "candidates?"
            )
        options |= {
            "return_train_score": self.return_train_score,
            "error_score": self.error_score,
            "verbose": self.verbose,
        }
        with self._progress(len(candidates), len(splits)) as on_epoch:
            out, stacked = self._train(
                candidates, X, y, splits, on_epoch=on_epoch, **options
            )
        self._look_at_failures(out)
        if callable(self.scoring):
            insert_error_scores(out, self.error_score)
        return out, stacked

    def _train(self, candidates: list[dict], X, y, splits, **options):
        """Train and score what is to be had of the candidates."""
        return evaluate(
            clone(self.estimator),
            X,
            y,
            candidates,
            splits,
            n_jobs=self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            **options,
        )

    def _look_at_failures(self, out: list[dict]) -> None:
        """Warn of fits that failed, or raise if all did."""
        warn_or_raise_about_fit_failures(out, self.error_score)

    def _fit_one_by_one(self, X, y, **params):
        super().fit(X, y, **params)
        n_candidates = len(self.cv_results_["params"])
        self.cv_results_["batched"] = np.zeros(n_candidates, dtype=bool)
        return self

    def _make_splits(self, cv, X, y, split_params: dict) -> list[tuple]:
        splits = list(cv.split(X, y, **split_params))
        if len(splits) != self.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. Expected "
                f"{self.n_splits_} splits, got {len(splits)}"
            )
        return splits

    @contextmanager
    def _progress(self, n_candidates: int, n_splits: int):
        """Give what is to be called after each epoch of a stack, with a bar or not."""
        if self.verbose <= 0:
            yield lambda n_running: None
            return
        n_fits = n_candidates * n_splits
        print(
            f"Fitting {n_splits} folds for each of {n_candidates} candidates, "
            f"totalling {n_fits} fits"
        )
        with tqdm(unit="epoch", file=sys.stderr) as bar:
            # An epoch of a stack is one of each network in it.
            yield bar.update

    def _select_best(self, results: dict, refit_metric: str) -> None:
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, X, y, fit_params: dict) -> None:
        best = clone(self.best_params_, safe=False)
        self.best_estimator_ = clone(self.estimator).set_params(**best)
        start = time.perf_counter()
        if y is None:
            self.best_estimator_.fit(X, **fit_params)
        else:
            self.best_estimator_.fit(X, y, **fit_params)
        self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


class BatchedGridSearchCV(BatchedSearchMixin, GridSearchCV):
    """Exhaustive search over a grid, whose networks are trained together.

    It takes the place of scikit-learn's ``GridSearchCV`` for the estimators of this
    package, alone or as the last step of a Pipeline. Networks that may share a batch of
    matrix products are trained as stacks, each exactly as if it were fitted alone: it
    has its own random numbers, its own stopping, and leaves the stack when it is done.
    Steps before the network are fitted once for each fold and for each setting of their
    own.

    To share a stack networks need the same shapes, activations, loss, kind of optimizer
    and number of batches. The numbers may differ: learning rate and its
    schedule, `alpha`, momentum, betas, `epsilon`, dropout (where there is any), label
    smoothing, class weights, `max_iter`, `tol`, `clip_grad_norm`, seed. What cannot be
    stacked is fitted one after the other, by `n_jobs` workers: networks of one's own,
    those for tables, ``solver="lbfgs"`` and optimizers of one's own, normalization,
    noisy, sparse and variational autoencoders, rows of few numbers that are not zero,
    ``precision="bfloat16"``, ``compile=True``, `callbacks`, `max_time` and `verbose` of
    the estimator, and subclasses, those of Pipeline too, with a ``fit`` or other
    training of their own. So are ensembles, with `n_estimators` above 1, each of which
    trains its own networks together.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline that ends in one. Any other is
        fitted as by ``GridSearchCV``.

    param_grid : dict or list of dict
        Lists of values by parameter name, as ``GridSearchCV`` takes them.

    scoring : str, callable, list, tuple or dict, default=None
        One metric or several; None is the estimator's ``score``.

    n_jobs : int, default=None
        Number of processes for what cannot be stacked. None is one.

    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows, and by which metric.

    cv : int, cross-validation generator or iterable, default=None
        How the rows are split; None is 5 folds.

    verbose : int, default=0
        1 shows a progress bar over the epochs of all networks; more also prints what is
        fitted alone.

    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are handed to the processes ahead of time.

    error_score : "raise" or numeric, default=np.nan
        The score of a fit that fails, or "raise".

    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores on the training rows.

    Attributes
    ----------
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
    BatchedRandomizedSearchCV : The same for a random sample of the candidates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.model_selection import BatchedGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16,), max_iter=20, tol=0, random_state=0)
    >>> search = BatchedGridSearchCV(
    ...     make_pipeline(StandardScaler(), network.set_params(learning_rate="cosine")),
    ...     {"mlpclassifier__learning_rate_init": [0.001, 0.01, 0.1]},
    ... ).fit(X, y)
    >>> search.best_params_
    {'mlpclassifier__learning_rate_init': 0.1}
    >>> search.cv_results_["batched"]
    array([ True,  True,  True])
    """

    _parameter_constraints: dict = {
        **GridSearchCV._parameter_constraints,
        "scoring": SEVERAL_SCORERS,
    }
    __init__ = names_our_words(GridSearchCV.__init__)

    def _candidates(self) -> ParameterGrid:
        return ParameterGrid(self.param_grid)


class BatchedRandomizedSearchCV(BatchedSearchMixin, RandomizedSearchCV):
    """Search over a random sample of candidates, whose networks are trained together.

    It takes the place of scikit-learn's ``RandomizedSearchCV`` for the estimators of
    this package, alone or as the last step of a Pipeline. What is trained together is
    told by :class:`BatchedGridSearchCV`.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline that ends in one. Any other is
        fitted as by ``RandomizedSearchCV``.

    param_distributions : dict or list of dict
        Lists of values, or distributions with a ``rvs`` method, by parameter name.

    n_iter : int, default=10
        Number of candidates.

    scoring : str, callable, list, tuple or dict, default=None
        One metric or several; None is the estimator's ``score``.

    n_jobs : int, default=None
        Number of processes for what cannot be stacked. None is one.

    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows, and by which metric.

    cv : int, cross-validation generator or iterable, default=None
        How the rows are split; None is 5 folds.

    verbose : int, default=0
        1 shows a progress bar over the epochs of all networks; more also prints what is
        fitted alone.

    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are handed to the processes ahead of time.

    random_state : int, RandomState instance or None, default=None
        Draws the candidates. It does not seed the networks, whose `random_state` does.

    error_score : "raise" or numeric, default=np.nan
        The score of a fit that fails, or "raise".

    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores on the training rows.

    Attributes
    ----------
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
    BatchedGridSearchCV : The same for all combinations of some values.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.model_selection import BatchedRandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BatchedRandomizedSearchCV(
    ...     MLPClassifier((16,), learning_rate="cosine", max_iter=20, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-3, 1e-1)},
    ...     n_iter=4,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> len(search.cv_results_["params"])
    4
    """

    _parameter_constraints: dict = {
        **RandomizedSearchCV._parameter_constraints,
        "scoring": SEVERAL_SCORERS,
    }
    __init__ = names_our_words(RandomizedSearchCV.__init__)

    def _candidates(self) -> ParameterSampler:
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )
