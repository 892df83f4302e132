"""Fits of many candidates that go on side by side, epoch by epoch."""

import copy
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknn_deep.estimators import BaseNetEstimator, EnsembleMixin
from sknn_deep.fitting import (
    AfterEpoch,
    PausableTraining,
    PlannedTraining,
    best_weights,
    count_workers,
    planned_trainings,
)
from sknn_deep.model_selection._candidates import with_parameters
from sknn_deep.model_selection._evaluation import (
    Fit,
    end_planned,
    plan_fits,
    quick_score,
    result_of,
)
from sknn_deep.model_selection._folds import last_step
from sknn_deep.training import Net


@dataclass
class JointFit:
    """A fit among others.

    Attributes
    ----------
    fit : Fit

    net : Net or None
        That of the network, once it has gone through an epoch.

    n_epochs : int
        Epochs that it has gone through.

    is_given_up : bool
        Whether it is to end after this epoch.

    score : callable () or None
        Scores the network as it is now on the rows to test on.
    """

    fit: Fit
    net: Net | None = None
    n_epochs: int = 0
    is_given_up: bool = False
    score: Callable[[], Any] | None = None

    @property
    def is_training(self) -> bool:
        """Whether what it has learnt is in the net alone."""
        return self.net is not None and not hasattr(
            last_step(self.fit.estimator), "net_"
        )

    def result(self, **options) -> dict:
        """Score the fit, also in the middle of its training, by its best weights."""
        if not self.is_training or self.fit.error is not None:
            return result_of(self.fit, **options)
        with best_weights(self.net):
            return result_of(replace(self.fit, estimator=self.view()), **options)

    def view(self) -> BaseEstimator:
        """Give the estimator as it is now, to predict with."""
        estimator = self.fit.estimator
        network = copy.copy(last_step(estimator))
        network.net_ = self.net
        if not isinstance(estimator, Pipeline):
            return network
        view = copy.copy(estimator)
        view.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], network)]
        return view


@dataclass
class _Training:
    """Fits that are trained as one: a stack, or one of them alone."""

    fits: list[JointFit]
    paused: PausableTraining
    planned: PlannedTraining | None = None

    @property
    def running(self) -> list[JointFit]:
        return [f for f in self.fits if not f.is_given_up]

    def advance(self) -> None:
        start = time.perf_counter()
        running = self.running
        self.paused.advance()
        for joint in running:
            joint.fit.seconds += (time.perf_counter() - start) / len(running)


class JointFits:
    """Fits of all candidates to all splits, each epoch of which is waited for.

    Networks that may be stacked train in stacks, others one at a time, those that are
    not trained in epochs to their end. Used as a context manager, within which the
    training goes on by :meth:`advance`.

    Parameters
    ----------
    estimator, X, y, candidates, splits
        As of :func:`~sknn_deep.model_selection._evaluation.evaluate`.

    after_epoch : callable (JointFit)
        Called after each epoch of a network, while others may go on.

    **options
        How fits are scored, as ``evaluate`` has them.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        X,
        y,
        candidates: Sequence[dict],
        splits: Sequence[tuple],
        *,
        after_epoch: Callable[[JointFit], None] = lambda joint: None,
        **options,
    ):
        some = range(len(splits))
        fits = plan_fits(estimator, X, y, candidates, splits, some, **options)
        for fit in fits:
            if fit.plan is None and fit.error is None:
                fit.estimator = with_parameters(estimator, candidates[fit.candidate])
        self.fits = [JointFit(fit) for fit in fits]
        self._after_epoch = after_epoch
        self._options = options

    def prepare_scores(self, scorer) -> None:
        """Have all fits scored in the middle of their training."""
        for joint in self.fits:
            plan = joint.fit.plan
            quick = None if plan is None else quick_score(joint.fit, plan.net, scorer)
            joint.score = quick or _any_score(joint, scorer)

    def __enter__(self) -> "JointFits":
        with ExitStack() as stack:
            self._stacks = list(self._start_stacks(stack))
            self._alone += list(self._start_alone(stack))
            n_workers = _count_workers(self._stacks)
            self._pool = stack.enter_context(ThreadPoolExecutor(n_workers))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *raised) -> None:
        self._open.close()

    def _start_stacks(self, stack: ExitStack) -> Iterator[_Training]:
        """Start what is planned; yield the stacks, and keep what shares none."""
        self._alone: list[_Training] = []
        fits = [joint for joint in self.fits if joint.fit.plan is not None]
        for members, training in planned_trainings(
            [last_step(joint.fit.estimator) for joint in fits],
            [joint.fit.plan for joint in fits],
            lambda i: self._count_epoch(fits[i], fits[i].fit.plan.net),
        ):
            for i in members:
                fits[i].fit.is_stacked = training.is_stack
            paused = stack.enter_context(PausableTraining(training))
            part = _Training([fits[i] for i in members], paused, training)
            if training.is_stack:
                yield part
            else:
                self._alone.append(part)

    def _start_alone(self, stack: ExitStack) -> Iterator[_Training]:
        for joint in self.fits:
            if joint.fit.plan is None and joint.fit.error is None:
                train = self._train_alone(joint)
                yield _Training([joint], stack.enter_context(PausableTraining(train)))

    def _train_alone(self, joint: JointFit) -> Callable:
        fit = joint.fit

        def train(pause) -> None:
            def after_epoch(net) -> bool:
                self._count_epoch(joint, net)
                pause()
                return joint.is_given_up

            last, fold = last_step(fit.estimator), fit.fold
            y = [] if fold.y_train is None else [fold.y_train]
            try:
                if has_epochs(last):
                    watcher = ("after_epoch", AfterEpoch(after_epoch))
                    last.set_params(callbacks=[*(last.callbacks or []), watcher])
                fit.estimator.fit(fold.X_train, *y, **fold.fit_params)
            except Exception as error:
                fit.error = error

        return train

    def _count_epoch(self, joint: JointFit, net: Net) -> None:
        joint.net = net
        joint.n_epochs += 1
        self._after_epoch(joint)

    def advance(self) -> list[JointFit]:
        """Let all that still train go through an epoch; tell which did."""
        before = [joint.n_epochs for joint in self.fits]
        stacks = [part for part in self._stacks if not part.paused.is_over]
        # Stacks that have lost networks may be too small to go on side by side.
        each = self._pool.map if _count_workers(stacks) > 1 else map
        list(each(_Training.advance, stacks))
        for part in self._alone:
            if not part.paused.is_over:
                part.advance()
        for part in (*self._stacks, *self._alone):
            self._end(part)
        moved = [
            joint
            for joint, n_epochs in zip(self.fits, before, strict=True)
            if joint.n_epochs > n_epochs
        ]
        if self._options["error_score"] == "raise":
            for joint in self.fits:
                if joint.fit.error is not None:
                    raise joint.fit.error
        return moved

    def _end(self, part: _Training) -> None:
        """Take note of errors, and of what is over."""
        if part.planned is None:
            return
        for joint, error in zip(part.fits, part.planned.errors, strict=True):
            joint.fit.error = error
            if part.paused.is_over and joint.fit.plan is not None:
                end_planned(joint.fit)

    def give_up(self, candidates: Collection[int]) -> None:
        """Let all fits of some candidates end with the epoch that is over."""
        for joint in self.fits:
            if joint.fit.candidate not in candidates:
                continue
            joint.is_given_up = True
            if joint.fit.plan is not None:
                joint.fit.plan.run.is_given_up = True

    def results(self, candidates: Sequence[int]) -> list[dict]:
        """Score some candidates as they are now, the splits of each side by side."""
        results = []
        for candidate in candidates:
            of_splits = [j for j in self.fits if j.fit.candidate == candidate]
            for joint in sorted(of_splits, key=lambda j: j.fit.split):
                results.append(joint.result(**self._options))
        return results

    def stacked(self, candidates: Sequence[int]) -> list[bool]:
        """Tell of some candidates whether all their networks were in stacks."""
        alone = {j.fit.candidate for j in self.fits if not j.fit.is_stacked}
        return [candidate not in alone for candidate in candidates]


def _count_workers(stacks: Sequence[_Training]) -> int:
    plans = [[joint.fit.plan for joint in part.running] for part in stacks]
    runs = [[plan.run for plan in of_stack if plan] for of_stack in plans]
    return count_workers([of_stack for of_stack in runs if of_stack])


def _any_score(joint: JointFit, scorer) -> Callable[[], Any]:
    fold = joint.fit.fold
    y = [] if fold.y_test is None else [fold.y_test]
    return lambda: scorer(joint.view(), fold.X_test, *y, **fold.test_score_params)


def has_epochs(network: BaseEstimator) -> bool:
    """Tell whether an estimator trains one network in epochs, which callbacks see."""
    if not isinstance(network, BaseNetEstimator):
        return False
    if getattr(network, "solver", None) == "lbfgs":
        return False
    return not isinstance(network, EnsembleMixin) or network.n_estimators == 1
