"""Successive halving whose networks are trained together, round by round."""

from collections import defaultdict
from contextlib import ExitStack

import numpy as np
from sklearn.base import clone

from sknn_deep._sklearn_private import (
    SklearnHalvingGridSearchCV,
    SklearnHalvingRandomSearchCV,
    run_halving,
)
from sknn_deep.model_selection._folds import last_step
from sknn_deep.model_selection._joint import JointFits, has_epochs
from sknn_deep.model_selection._search import BatchedSearchMixin
from sknn_deep.parameters import SEARCH_SCORING, names_our_words, say_full_names


class BatchedHalvingMixin(BatchedSearchMixin):
    """A search in rounds: which candidates, with what resources, says scikit-learn."""

    def _search(self, evaluate_candidates, format_results, X, y, split_params):
        self._check_resource()
        results = {}
        with ExitStack() as stack:
            options = {"survivors": _Survivors(self, stack)} if self.warm_start else {}

            def evaluate_round(*args, **params):
                evaluate_candidates(*args, **params, **options)
                results.update(format_results())
                return results

            run_halving(self, evaluate_round, X, y, split_params)
        return results

    def _check_resource(self) -> None:
        """Name a resource that a part of the estimator has, or has by another word."""
        if self.resource in ("n_samples", *self.estimator.get_params()):
            return
        said = say_full_names([self.resource], self.estimator)
        if said:
            raise ValueError(
                f"Cannot use resource={self.resource} which is not supported by "
                f"estimator {type(self.estimator).__name__}.{said}"
            )

    def _train(self, candidates, X, y, splits, *, survivors=None, **options):
        if survivors is None:
            return super()._train(candidates, X, y, splits, **options)
        return survivors.train(candidates, X, y, splits, **options)

    def _fit_one_by_one(self, X, y, **params):
        if self.warm_start:
            raise ValueError(
                f"{type(self).__name__} fits anew in each round where scikit-learn's "
                "callbacks are told of each fit: set warm_start=False, or leave the "
                "callbacks out."
            )
        return super()._fit_one_by_one(X, y, **params)

    def _select_best(self, results, refit_metric):
        super()._select_best(results, refit_metric)
        # scikit-learn's halving chooses by a callable, which leaves the score out.
        self.best_score_ = results["mean_test_score"][self.best_index_]


class _Survivors:
    """Networks that go on from round to round, of the candidates that are left.

    Parameters
    ----------
    search : BatchedHalvingGridSearchCV or BatchedHalvingRandomSearchCV

    stack : ExitStack
        At whose end all trainings end.
    """

    def __init__(self, search, stack: ExitStack):
        self._search = search
        self._stack = stack
        self._n_epochs = 0
        # The first round's, and the numbers there of those that are left.
        self._fits: JointFits | None = None
        self._numbers: dict[tuple, list[int]] = {}

    def train(self, candidates: list[dict], X, y, splits, *, on_epoch, **options):
        """Train a round's candidates to where it ends, and score them."""
        if self._fits is None:
            self._start(candidates, X, y, splits, **options)
        n_epochs = candidates[0][self._search.resource]
        numbers = self._find(candidates)
        everybody = {joint.fit.candidate for joint in self._fits.fits}
        self._fits.give_up(everybody.difference(numbers))
        while self._n_epochs < n_epochs:
            on_epoch(len(self._fits.advance()))
            self._n_epochs += 1
        return self._fits.results(numbers), self._fits.stacked(numbers)

    def _start(self, candidates: list[dict], X, y, splits, **options) -> None:
        search = self._search
        if search.resource.rpartition("__")[2] != "max_iter":
            raise ValueError(self._say_needs(search.estimator))
        most = {search.resource: search.max_resources_}
        fits = JointFits(
            clone(search.estimator),
            X,
            y,
            [candidate | most for candidate in candidates],
            splits,
            **options,
        )
        for joint in fits.fits:
            if not has_epochs(last_step(joint.fit.estimator)):
                raise ValueError(self._say_needs(joint.fit.estimator))
        self._fits = self._stack.enter_context(fits)

    def _say_needs(self, estimator) -> str:
        search = self._search
        return (
            f"{type(search).__name__} with warm_start=True needs a network of this "
            "package, trained in epochs and not one of an ensemble, and its max_iter "
            f"as the resource. Got {last_step(estimator)!r} and "
            f"resource={search.resource!r}: set warm_start=False."
        )

    def _find(self, candidates: list[dict]) -> list[int]:
        """Find candidates again by their parameters, which are the same objects."""
        keys = [
            tuple(
                (name, id(value))
                for name, value in sorted(candidate.items())
                if name != self._search.resource
            )
            for candidate in candidates
        ]
        known = self._numbers or {}
        self._numbers = defaultdict(list)
        numbers = []
        for number, key in enumerate(keys):
            numbers.append(known[key].pop(0) if known else number)
            self._numbers[key].append(numbers[-1])
        return numbers


class BatchedHalvingGridSearchCV(BatchedHalvingMixin, SklearnHalvingGridSearchCV):
    """Successive halving over a grid, whose networks are trained together.

    All candidates are fitted with few resources, the best of them with more, and so on
    to the last round [1]_. It takes the place of scikit-learn's
    ``HalvingGridSearchCV``, with the same rounds and candidates in them, and needs no
    import from ``sklearn.experimental``. What is trained together, and what alone, is
    said in :class:`~sknn_deep.model_selection.BatchedGridSearchCV`.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline that ends in one. Any other is
        fitted as by scikit-learn's search.

    param_grid : dict or list of dict
        Lists of values by parameter name, as ``GridSearchCV`` takes them.

    factor : int or float, default=3
        One of so many candidates goes on to the next round, which has so many times the
        resources.

    resource : "n_samples" or str, default="n_samples"
        What grows from round to round: the number of rows, or a number that the
        estimator has as a parameter, such as "max_iter".

    max_resources : int or "auto", default="auto"
        The most that a candidate may be given. "auto" is the number of rows, and only
        for ``resource="n_samples"``.

    min_resources : {"exhaust", "smallest"} or int, default="exhaust"
        What each candidate is given in the first round. "exhaust" is such that the last
        round takes as much as it may. "smallest" is 1, or of rows ``2 * n_splits``, for
        a classifier times the number of classes.

    aggressive_elimination : bool, default=False
        Whether the first rounds are repeated until few enough candidates are left,
        where there are not resources enough.

    warm_start : bool, default=False
        Whether a network that is left goes on in the next round from where it was, and
        does not start afresh, as it does in scikit-learn's search. A schedule of the
        learning rate then spans `max_resources` epochs, of which a round sees a part;
        with a constant rate the scores are the same either way. Needs the network's
        `max_iter` as the resource, and networks that are trained in epochs; `n_jobs` is
        then not used, and the fit time of a candidate counts from its first epoch. The
        refit starts afresh.

    cv : int, cross-validation generator or iterable, default=5
        How the rows are split. Each call of its ``split`` must give the same parts.

    scoring : str, callable or None, default=None
        One metric; None is the estimator's ``score``.

    refit : bool, default=True
        Whether to fit the best candidate to all rows.

    error_score : "raise" or numeric, default=np.nan
        The score of a fit that fails, or "raise".

    return_train_score : bool, default=True
        Whether ``cv_results_`` has scores on the training rows.

    random_state : int, RandomState instance or None, default=None
        Determines which rows a round takes, if ``resource="n_samples"``.

    n_jobs : int, default=None
        Number of processes for what cannot be stacked. None is one.

    verbose : int, default=0
        1 prints the rounds, and shows a progress bar over the epochs of each; more also
        prints what is fitted alone.

    Attributes
    ----------
    n_resources_ : list of int
        The resources of each round.

    n_candidates_ : list of int
        The number of candidates in each round.

    n_remaining_candidates_ : int
        Number of candidates left after the last round.

    n_iterations_ : int
        Number of rounds.

    n_possible_iterations_ : int
        Number of rounds for which there are resources enough.

    n_required_iterations_ : int
        Number of rounds after which fewer than `factor` candidates are left.

    min_resources_ : int
        The resources of the first round.

    max_resources_ : int
        The most resources of any.

    cv_results_ : dict of ndarray
        As of scikit-learn's search: "iter" and "n_resources" say which round, and
        "batched" whether all networks of a candidate were trained in stacks.

    best_estimator_ : estimator
        The best candidate of the last round, fitted to all rows. Only if `refit`.

    best_score_ : float
        Its mean score on the folds.

    best_params_ : dict
        Its parameters.

    best_index_ : int
        Its place in ``cv_results_``.

    scorer_ : callable
        What scored.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the refit took.

    multimetric_ : bool
        False.

    classes_ : ndarray of shape (n_classes,)
        Of the best estimator, if it is a classifier.

    n_features_in_ : int
        Number of features that were fitted.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Their names, where X has names that are all strings.

    See Also
    --------
    BatchedHalvingRandomSearchCV : The same for a random sample of the candidates.
    BatchedGridSearchCV : Gives all candidates all resources.

    References
    ----------
    .. [1] L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, "Hyperband: a
       novel bandit-based approach to hyperparameter optimization", Journal of Machine
       Learning Research 18, 2018. https://jmlr.org/papers/v18/16-558.html

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.model_selection import BatchedHalvingGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BatchedHalvingGridSearchCV(
    ...     MLPClassifier((16,), learning_rate="one_cycle", random_state=0),
    ...     {"learning_rate_init": [0.001, 0.003, 0.01, 0.03, 0.1]},
    ...     resource="max_iter",
    ...     max_resources=20,
    ... ).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([5, 2], [6, 18])
    """

    _parameter_constraints: dict = {
        **SklearnHalvingGridSearchCV._parameter_constraints,
        "scoring": SEARCH_SCORING,
        "warm_start": ["boolean"],
    }

    @names_our_words
    def __init__(
        self,
        estimator,
        param_grid,
        *,
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="exhaust",
        aggressive_elimination=False,
        warm_start=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            param_grid,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.warm_start = warm_start


class BatchedHalvingRandomSearchCV(BatchedHalvingMixin, SklearnHalvingRandomSearchCV):
    """Successive halving over random candidates, whose networks are trained together.

    All candidates are fitted with few resources, the best of them with more, and so on
    to the last round [1]_. It takes the place of scikit-learn's
    ``HalvingRandomSearchCV``, with the same rounds and candidates in them, and needs no
    import from ``sklearn.experimental``. What is trained together, and what alone, is
    said in :class:`~sknn_deep.model_selection.BatchedGridSearchCV`.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline that ends in one. Any other is
        fitted as by scikit-learn's search.

    param_distributions : dict or list of dict
        Lists of values, or distributions with ``rvs``, by parameter name.

    n_candidates : "exhaust" or int, default="exhaust"
        Number of candidates in the first round. "exhaust" is such that the last round
        takes as much as it may.

    factor : int or float, default=3
        One of so many candidates goes on to the next round, which has so many times the
        resources.

    resource : "n_samples" or str, default="n_samples"
        What grows from round to round: the number of rows, or a number that the
        estimator has as a parameter, such as "max_iter".

    max_resources : int or "auto", default="auto"
        The most that a candidate may be given. "auto" is the number of rows, and only
        for ``resource="n_samples"``.

    min_resources : {"exhaust", "smallest"} or int, default="smallest"
        What each candidate is given in the first round. "exhaust" is such that the last
        round takes as much as it may. "smallest" is 1, or of rows ``2 * n_splits``, for
        a classifier times the number of classes.

    aggressive_elimination : bool, default=False
        Whether the first rounds are repeated until few enough candidates are left,
        where there are not resources enough.

    warm_start : bool, default=False
        Whether a network that is left goes on in the next round from where it was, and
        does not start afresh, as it does in scikit-learn's search. A schedule of the
        learning rate then spans `max_resources` epochs, of which a round sees a part;
        with a constant rate the scores are the same either way. Needs the network's
        `max_iter` as the resource, and networks that are trained in epochs; `n_jobs` is
        then not used, and the fit time of a candidate counts from its first epoch. The
        refit starts afresh.

    cv : int, cross-validation generator or iterable, default=5
        How the rows are split. Each call of its ``split`` must give the same parts.

    scoring : str, callable or None, default=None
        One metric; None is the estimator's ``score``.

    refit : bool, default=True
        Whether to fit the best candidate to all rows.

    error_score : "raise" or numeric, default=np.nan
        The score of a fit that fails, or "raise".

    return_train_score : bool, default=True
        Whether ``cv_results_`` has scores on the training rows.

    random_state : int, RandomState instance or None, default=None
        Determines the candidates, and which rows a round takes, if
        ``resource="n_samples"``.

    n_jobs : int, default=None
        Number of processes for what cannot be stacked. None is one.

    verbose : int, default=0
        1 prints the rounds, and shows a progress bar over the epochs of each; more also
        prints what is fitted alone.

    Attributes
    ----------
    n_resources_ : list of int
        The resources of each round.

    n_candidates_ : list of int
        The number of candidates in each round.

    n_remaining_candidates_ : int
        Number of candidates left after the last round.

    n_iterations_ : int
        Number of rounds.

    n_possible_iterations_ : int
        Number of rounds for which there are resources enough.

    n_required_iterations_ : int
        Number of rounds after which fewer than `factor` candidates are left.

    min_resources_ : int
        The resources of the first round.

    max_resources_ : int
        The most resources of any.

    cv_results_ : dict of ndarray
        As of scikit-learn's search: "iter" and "n_resources" say which round, and
        "batched" whether all networks of a candidate were trained in stacks.

    best_estimator_ : estimator
        The best candidate of the last round, fitted to all rows. Only if `refit`.

    best_score_ : float
        Its mean score on the folds.

    best_params_ : dict
        Its parameters.

    best_index_ : int
        Its place in ``cv_results_``.

    scorer_ : callable
        What scored.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the refit took.

    multimetric_ : bool
        False.

    classes_ : ndarray of shape (n_classes,)
        Of the best estimator, if it is a classifier.

    n_features_in_ : int
        Number of features that were fitted.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Their names, where X has names that are all strings.

    See Also
    --------
    BatchedHalvingGridSearchCV : The same for all combinations of some values.
    BatchedRandomizedSearchCV : Gives all candidates all resources.

    References
    ----------
    .. [1] L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, "Hyperband: a
       novel bandit-based approach to hyperparameter optimization", Journal of Machine
       Learning Research 18, 2018. https://jmlr.org/papers/v18/16-558.html

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.model_selection import BatchedHalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BatchedHalvingRandomSearchCV(
    ...     MLPClassifier((16,), learning_rate="one_cycle", random_state=0),
    ...     {"learning_rate_init": loguniform(1e-3, 1e-1)},
    ...     resource="max_iter",
    ...     min_resources=3,
    ...     max_resources=30,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([10, 4, 2], [3, 9, 27])
    """

    _parameter_constraints: dict = {
        **SklearnHalvingRandomSearchCV._parameter_constraints,
        "scoring": SEARCH_SCORING,
        "warm_start": ["boolean"],
    }

    @names_our_words
    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_candidates="exhaust",
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="smallest",
        aggressive_elimination=False,
        warm_start=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.warm_start = warm_start
