"""The state of a training between two epochs: given as data, and taken back."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from sknn_deep.optimizers import get_optimizer_state, set_optimizer_state
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._run import Run

# Types of a callback's attributes that are taken for data.
_DATA = (bool, int, float, str, type(None), Tensor, np.ndarray, np.generic)


class TrainingState:
    """How far a training is, and all that its next epoch depends on.

    Parameters
    ----------
    run : Run
        With the weights that the training starts from, and batches that were not yet
        iterated.

    Attributes
    ----------
    n_epochs : int
        Whole epochs of this training so far.

    is_over : bool
        Whether the training has ended by itself before its last epoch.

    is_cut_short : bool
        Whether a callback or the clock ended it; the state may go on in another run.
    """

    def __init__(self, run: Run):
        self.run = run
        self.net = run.net
        self.n_epochs = 0
        self.is_over = False
        self.is_cut_short = False
        self._n_records_before = len(run.net.history)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.is_over or self.n_epochs >= self.run.epochs

    @property
    def has_ended(self) -> bool:
        """Whether no epoch of this run is to come."""
        return self.is_cut_short or self.is_finished

    def forget_unfinished_epoch(self) -> None:
        """Drop what the history has of an epoch that is not whole."""
        del self.net.history[self._n_records_before + self.n_epochs :]

    def state_dict(self) -> dict[str, Any]:
        """Give the state as tensors, arrays, numbers, and lists and dicts of them.

        Tensors and arrays are not copied: the next epoch changes them.
        """
        net, run = self.net, self.run
        n_before, history = self._n_records_before, net.history
        if n_before:
            history = CompactHistory(history[n_before:])
        return {
            "n_epochs": self.n_epochs,
            "is_over": self.is_over,
            "is_finished": self.is_finished,
            "diverged": net.diverged_,
            "n_seen": net.n_seen_,
            "module": dict(net.module_.state_dict()),
            "best_state": getattr(net, "best_state_", None),
            "best_merits": net.best_merits_,
            "optimizer": get_optimizer_state(net.optimizer_),
            "convergence": dataclasses.asdict(run.convergence),
            "generator": None if run.generator is None else run.generator.get_state(),
            "history": history.to_tables(batches=False),
            "callbacks": {
                name: dict(_learned(callback)) for name, callback in net.callbacks_
            },
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a training that has not begun where the one of `state` was."""
        net = self.net
        self.n_epochs, self.is_over = state["n_epochs"], state["is_over"]
        net.n_resumed_ = self.n_epochs
        net.diverged_, net.n_seen_ = state["diverged"], state["n_seen"]
        net.module_.load_state_dict(state["module"])
        if state["best_state"] is not None:
            for name, value in net.best_state_.items():
                value.copy_(state["best_state"][name])
        net.best_merits_ = state["best_merits"]
        set_optimizer_state(net.optimizer_, state["optimizer"])
        for name, value in state["convergence"].items():
            setattr(self.run.convergence, name, value)
        self._draw_again()
        if self.run.generator is not None:
            self.run.generator.set_state(state["generator"])
        net.history[self._n_records_before :] = CompactHistory.from_tables(
            state["history"]
        )
        callbacks = dict(net.callbacks_)
        for name in callbacks.keys() & state["callbacks"].keys():
            _teach(callbacks[name], state["callbacks"][name])

    def _draw_again(self) -> None:
        """Draw the row orders of the epochs that are over.

        Each takes a small share of its epoch's time, and an order a number for each
        row, which need not be kept.
        """
        if self.run.batches.permute is not None:
            for _ in range(self.n_epochs):
                self.run.batches.permute()


# --- callbacks ------------------------------------------------------------------------


def _learned(callback) -> Iterator[tuple[str, Any]]:
    """Give what a callback learnt, if it is data or has a ``state_dict``."""
    for name, value in vars(callback).items():
        if not name.endswith("_") or name.startswith("_"):
            continue
        if _has_state(value):
            yield name, value.state_dict()
        elif _is_data(value):
            yield name, value


def _teach(callback, learned: dict[str, Any]) -> None:
    for name, value in learned.items():
        own: Any = getattr(callback, name, None)
        if _has_state(own):
            own.load_state_dict(value)
        else:
            setattr(callback, name, value)


def _has_state(value) -> bool:
    has_methods = hasattr(value, "state_dict") and hasattr(value, "load_state_dict")
    return has_methods and not isinstance(value, type)


def _is_data(value) -> bool:
    if isinstance(value, dict):
        return all(map(_is_data, value.keys())) and all(map(_is_data, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_data, value))
    return isinstance(value, _DATA)
