"""Trials that a study is asked for, and told of, in batches."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from sknn_deep.model_selection._joint import JointFit
from sknn_deep.model_selection._search_space import SearchSpace


class Batch:
    """Trials that are evaluated together, and what their pruner thinks of them.

    Parameters
    ----------
    trials : list of optuna.Trial

    Attributes
    ----------
    pruned : set of int
        Indices, in the batch, of those that were pruned.
    """

    def __init__(self, trials: list):
        self.trials = trials
        self.pruned: set[int] = set()
        self._latest: dict[tuple[int, int], float] = {}

    def take_score(self, joint: JointFit, score: float) -> None:
        """Take note of how well a network does after an epoch."""
        self._latest[joint.fit.candidate, joint.fit.split] = score

    def report(self, moved: Sequence[JointFit], n_splits: int) -> set[int]:
        """Report the epoch of those that moved; give the numbers of whom is pruned.

        The fold whose network has stopped by itself counts with its last score. A trial
        with a fold that has none is not reported.
        """
        epochs: dict[int, int] = {}
        for joint in moved:
            number = joint.fit.candidate
            epochs[number] = max(epochs.get(number, 0), joint.n_epochs)
        pruned = set()
        for number in sorted(epochs):
            scores = [
                self._latest.get((number, split), math.nan) for split in range(n_splits)
            ]
            mean = float(np.mean(scores))
            if not math.isfinite(mean):
                continue
            trial = self.trials[number]
            trial.report(mean, step=epochs[number] - 1)
            if trial.should_prune():
                pruned.add(number)
        self.pruned |= pruned
        return pruned


class _StoppableStudy:
    """What callbacks get in place of the study, which only its own loop can stop."""

    def __init__(self, study):
        self._study = study
        self.is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True

    def __getattr__(self, name: str):
        return getattr(self._study, name)


class TrialLoop:
    """Asks a study for batches of trials, and tells it what came of them.

    Parameters
    ----------
    study : optuna.Study

    space : SearchSpace

    n_trials : int or None
        How many; None is no limit.

    timeout : float or None
        Seconds after which no batch begins; None is no limit.

    n_parallel : int
        Trials of a batch.

    Attributes
    ----------
    trials : list of optuna.trial.FrozenTrial
        Those that were evaluated, and told.

    n_told : int
        Number of these, and of those that the space has pruned before.
    """

    def __init__(
        self,
        study,
        space: SearchSpace,
        *,
        n_trials: int | None,
        timeout: float | None,
        n_parallel: int,
    ):
        self.study = study
        self.space = space
        self.n_trials = math.inf if n_trials is None else n_trials
        self.n_parallel = n_parallel
        self.deadline = math.inf if timeout is None else time.monotonic() + timeout
        self.trials: list = []
        self.n_told = 0
        self.is_exhausted = False  # the sampler has tried all there is

    def run(
        self, evaluate: Callable[[list[dict], Batch], Sequence[float]], callbacks
    ) -> None:
        """Go on until there were enough trials, or a callback stops it.

        `evaluate` gives a value for each trial of a batch; `callbacks` are called with
        the study and each trial.
        """
        study = _StoppableStudy(self.study)
        while self.n_told < self.n_trials and not study.is_stopped:
            if self.is_exhausted:
                break
            if self.n_told and time.monotonic() >= self.deadline:
                break
            told = self._run_batch(evaluate)
            self.n_told += len(told)
            for trial in told:
                for callback in callbacks:
                    callback(study, trial)

    def _run_batch(self, evaluate) -> list:
        """Ask, evaluate and tell a batch; where that fails, all of its trials fail."""
        from optuna.trial import TrialState

        batch = Batch([])
        try:
            for _ in range(int(min(self.n_parallel, self.n_trials - self.n_told))):
                batch.trials.append(self.study.ask(self.space.distributions))
            candidates, told = self._make_candidates(batch)
            values = evaluate(candidates, batch) if candidates else []
        except BaseException:
            for trial in batch.trials:
                self._tell(trial, state=TrialState.FAIL)
            raise
        for number, (trial, value) in enumerate(zip(batch.trials, values, strict=True)):
            if number in batch.pruned:
                self.trials.append(self._tell(trial, state=TrialState.PRUNED))
            elif math.isfinite(value):
                self.trials.append(self._tell(trial, float(value)))
            else:
                self.trials.append(self._tell(trial, state=TrialState.FAIL))
        told += self.trials[len(self.trials) - len(candidates) :]
        return sorted(told, key=lambda trial: trial.number)

    def _make_candidates(self, batch: Batch) -> tuple[list[dict], list]:
        """Give the parameters of a batch's trials.

        Those that the space prunes are told, given too, and leave the batch.
        """
        from optuna import TrialPruned
        from optuna.trial import TrialState

        candidates, pruned = [], []
        for trial in list(batch.trials):
            try:
                candidates.append(self.space.parameters_of(trial))
            except TrialPruned:
                batch.trials.remove(trial)
                pruned.append(self._tell(trial, state=TrialState.PRUNED))
        return candidates, pruned

    def _tell(self, trial, value: float | None = None, state=None):
        try:
            return self.study.tell(trial, value, state=state)
        except RuntimeError as error:
            # A sampler with nothing left to try stops its study, which Optuna allows
            # in its own loop alone; the trial was told by then.
            if "Study.stop" not in str(error):
                raise
            self.is_exhausted = True
            return self.study.get_trials(deepcopy=False)[trial.number]
