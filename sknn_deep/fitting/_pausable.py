"""Trainings that wait after each epoch, until somebody lets them go on."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sklearn import config_context, get_config
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from sknn_deep.fitting._solvers import FitPlan
from sknn_deep.fitting._together import (
    count_workers,
    divide_into_stacks,
    end_epochs_of,
    train_alone,
)
from sknn_deep.gradients import stacked_gradient
from sknn_deep.machine import thread_count
from sknn_deep.training import Net, Outcome, copy_state, train_stack

# What is to be called after an epoch.
Pause = Callable[[], None]


class _Abandoned(BaseException):
    """Ends a training that nobody waits for any more."""


class PausableTraining:
    """A training in a thread of its own, which waits before each epoch.

    One epoch follows another when :meth:`advance` is called. Used as a context manager,
    it ends the training behind it.

    Parameters
    ----------
    train : callable (pause)
        Trains, and calls `pause` after each epoch.

    Attributes
    ----------
    is_over : bool
        Whether the training has ended.
    """

    def __init__(self, train: Callable[[Pause], None]):
        self._train = train
        self._config = get_config()
        self._may_go_on = threading.Semaphore(0)
        self._has_stopped = threading.Semaphore(0)
        self._is_abandoned = False
        self._error: BaseException | None = None
        self.is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def advance(self) -> None:
        """Train to the end of the next epoch, or of the training; raise its error."""
        self._may_go_on.release()
        self._has_stopped.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def __enter__(self) -> "PausableTraining":
        return self

    def __exit__(self, *raised) -> None:
        self._is_abandoned = True
        self._may_go_on.release()
        self._thread.join()

    def _pause(self) -> None:
        self._has_stopped.release()
        self._wait()

    def _wait(self) -> None:
        self._may_go_on.acquire()
        if self._is_abandoned:
            raise _Abandoned

    def _run(self) -> None:
        try:
            self._wait()
            with config_context(**self._config):
                self._train(self._pause)
        except _Abandoned:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.is_over = True
            self._has_stopped.release()


class AfterEpoch(Callback):
    """Calls a function after each epoch of a network, which may end its training.

    Parameters
    ----------
    function : callable (net)
        Tells whether it is to end.
    """

    def __init__(self, function: Callable[[Net], bool]):
        self.function = function

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        if self.function(net):
            raise KeyboardInterrupt  # skorch's word for the end of the training


@contextmanager
def best_weights(net: Net) -> Iterator[None]:
    """Let a network that stops early have its best weights for a while."""
    best = getattr(net, "best_state_", None)
    if best is None or net.has_no_score():
        yield
        return
    now = copy_state(net.module_)
    net.module_.load_state_dict(best)
    try:
        yield
    finally:
        net.module_.load_state_dict(now)


class PlannedTraining:
    """The training of some planned fits: of a stack, or of one network alone.

    Parameters
    ----------
    estimators, plans : sequences

    after_epoch : callable (number)
        Called after each epoch with the number, in these sequences, of each network
        that has gone through it.

    one_thread : bool
        Whether it takes one thread, as others train at the same time.

    Attributes
    ----------
    errors : list of Exception or None
        What each fit has failed with.
    """

    def __init__(
        self,
        estimators: Sequence[BaseEstimator],
        plans: Sequence[FitPlan],
        after_epoch: Callable[[int], None],
        *,
        one_thread: bool,
    ):
        self.estimators, self.plans = estimators, plans
        self.after_epoch = after_epoch
        self.n_threads = 1 if one_thread else None
        self.errors: list[Exception | None] = [None] * len(plans)

    @property
    def is_stack(self) -> bool:
        return len(self.plans) > 1

    def __call__(self, pause: Pause) -> None:
        """Train, and call `pause` after each epoch."""
        if self.is_stack:
            self._train_stack(pause)
        else:
            self._train_alone(pause)

    def _train_stack(self, pause: Pause) -> None:
        numbers = {id(plan.run): i for i, plan in enumerate(self.plans)}

        def after_epoch(outcomes: list[Outcome]) -> None:
            for run, error in outcomes:
                number = numbers[id(run)]
                self.errors[number] = error
                self.after_epoch(number)
            pause()

        with thread_count(self.n_threads):
            errors = train_stack(
                [plan.run for plan in self.plans],
                stacked_gradient,
                after_epoch=after_epoch,
            )
        self.errors = [
            error or end_epochs_of(estimator, plan)
            for error, estimator, plan in zip(
                errors, self.estimators, self.plans, strict=True
            )
        ]

    def _train_alone(self, pause: Pause) -> None:
        (estimator,), (plan,) = self.estimators, self.plans

        def after_epoch(net) -> bool:
            self.after_epoch(0)
            pause()
            return plan.run.is_given_up

        watcher = [("after_epoch", AfterEpoch(after_epoch))]
        with plan.net.extra_callbacks(watcher):
            self.errors = [train_alone(estimator, plan)]


def planned_trainings(
    estimators: Sequence[BaseEstimator],
    plans: Sequence[FitPlan],
    after_epoch: Callable[[int], None],
) -> Iterator[tuple[list[int], PlannedTraining]]:
    """Divide planned fits into trainings; yield the numbers of the fits with each."""
    parts = divide_into_stacks(estimators, plans)
    one_thread = count_workers([[plans[i].run for i in part] for part in parts]) > 1
    for part in parts:
        yield (
            part,
            PlannedTraining(
                [estimators[i] for i in part],
                [plans[i] for i in part],
                lambda k, part=part: after_epoch(part[k]),
                one_thread=one_thread,
            ),
        )
