"""The skorch net that the estimators train."""

import copy
import dataclasses
import fnmatch
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from torch import Tensor, nn

from sknn_deep.machine import Placement, device_or_cpu
from sknn_deep.optimizers import (
    forget_training,
    get_optimizer_state,
    is_own,
    make_optimizer,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.rows import Batches
from sknn_deep.training._callbacks import (
    UNWATCHED,
    StateKeeper,
    Watched,
    make_reporters,
)
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._epochs import check_schedules, make_deadline, run_epochs
from sknn_deep.training._forward_pass import ForwardPass
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._loss_sum import make_loss_sum
from sknn_deep.training._prediction import map_blocks
from sknn_deep.training._protocols import ChoosesGradient
from sknn_deep.training._recipe import Recipe
from sknn_deep.training._run import Run
from sknn_deep.training._step import planned_step

# What a training leaves in the net beside the network, its optimizer and the history.
RESULTS = (
    "best_merits_",
    "converged_",
    "diverged_",
    "forward_pass_",
    "n_epochs_",
    "n_resumed_",
    "n_seen_",
)


class Net(NeuralNet):
    """A skorch net whose epoch is a loop over tensors that are already in place.

    skorch's history, callbacks and ``save_params`` work as in any net. Overridden are:

    - ``initialize_optimizer``: scikit-learn's solvers, and what is not penalized;
    - ``initialize_history``: which epochs were the best;
    - ``fit_loop``: a :class:`Run` instead of a ``DataLoader``, scikit-learn's rules for
      stopping and for the learning rate;
    - ``run_single_epoch``: no synchronization with the device before the epoch's end,
      and hooks of single batches only if a callback defines them;
    - ``forward_iter``: blocks of rows without a ``DataLoader``.

    Parameters
    ----------
    module : type of torch.nn.Module

    criterion : type of torch.nn.Module
        A loss that takes (output, target, weight).

    recipe : Recipe

    placement : Placement

    gradient : callable
        Takes module and loss; chooses the kind of their gradients.

    penalized : callable
        Gives the parameters of a module that the L2 penalty is about.

    owner : str
        Name of the estimator, for messages.

    remedy : str
        What to do first if the training diverges, for messages.

    rates : sequence of (str, float)
        Patterns of parameters' names, with ``*`` for any letters, and the learning
        rates that these begin with.

    Attributes
    ----------
    converged_ : bool
        Whether the last training ended by itself before its last epoch, or followed a
        schedule to its end.

    diverged_ : bool
        Whether the last training ended with a loss that is not finite.

    n_epochs_ : int
        The most epochs of the last training.

    n_resumed_ : int
        Epochs of the last training that were gone through before it, by the fit whose
        state it was put back to.

    n_seen_ : int
        Rows seen so far, each epoch counted.

    step_plan_ : StepPlan
        How the steps of the last training in this process were computed, and why so:
        ``print`` shows it as a table.

    best_state_ : dict of Tensor
        The parameters of the epoch with the best validation score. Only with
        ``early_stopping``, and only while training.

    forward_pass_ : ForwardPass or None
        What a pass of rows was seen to do. None, where nobody looked, is what it does
        in dense layers.
    """

    # Pickles of 0.1 have no such attributes.
    forward_pass_: ForwardPass | None = None
    rates: Sequence[tuple[str, float]] = ()
    # Set by skorch.
    callbacks: Any
    callbacks_: list[tuple[str, Callback]]

    def __init__(
        self,
        module: type[nn.Module],
        criterion: type[nn.Module],
        *,
        recipe: Recipe,
        placement: Placement,
        gradient: ChoosesGradient,
        penalized: Callable[[nn.Module], list[Tensor]],
        owner: str = "Net",
        remedy: str = "scale X first",
        rates: Sequence[tuple[str, float]] = (),
        train_split=None,
        verbose: int | bool = 0,
        **kwargs,
    ):
        of_skorch = {
            "device": str(placement.device),
            "max_epochs": recipe.max_iter,
            "lr": recipe.learning_rate_init,
            "batch_size": recipe.batch_size,
            **kwargs,
        }
        super().__init__(
            module, criterion, train_split=train_split, verbose=verbose, **of_skorch
        )
        self.recipe = recipe
        self.placement = placement
        self.gradient = gradient
        self.penalized = penalized
        self.owner = owner
        self.remedy = remedy
        self.rates = rates

    @property
    def _default_callbacks(self):
        reporters = [(type(cb).__name__, cb) for cb in make_reporters(self.verbose)]
        return [("epoch_timer", EpochTimer()), *reporters]

    def initialize_callbacks(self):
        if self.callbacks or self.get_params_for("callbacks"):
            return super().initialize_callbacks()
        # skorch's makes a class in each call, for those of the user's.
        self.callbacks_ = [
            (name, cb.initialize()) for name, cb in self.get_default_callbacks()
        ]
        return self

    def initialize_history(self):
        self.best_merits_ = {}
        if self.history_ is None:
            self.history_ = CompactHistory()
        return super().initialize_history()

    @NeuralNet.history.setter
    def history(self, value: list[dict]) -> None:
        if not isinstance(value, CompactHistory):  # such as one of skorch's load_params
            value = CompactHistory(value)
        self.history_ = value

    def initialize_optimizer(self, triggered_directly=None):
        if self.recipe.solver == "lbfgs":  # SciPy's has no state to keep
            self.optimizer_ = None
            return self
        weights = self.penalized(self.module_)
        ids = {id(w) for w in weights}
        others = [
            p for p in self.module_.parameters() if p.requires_grad and id(p) not in ids
        ]
        self.optimizer_ = make_optimizer(
            self.recipe, weights, others, owner=self.owner, rates=self._own_rates()
        )
        return self

    def renew_optimizer(self) -> None:
        """Let the next training begin without what this one's left in the optimizer.

        One that was made by others, or that a callback may have changed, is made anew.
        """
        if self._others() or self.rates or not is_own(self.optimizer_):
            self.initialize_optimizer()
        else:
            forget_training(self.optimizer_, self.recipe.learning_rate_init)

    def _own_rates(self) -> list[tuple[list[Tensor], float]]:
        """Find the parameters that have a learning rate of their own, by their names.

        As in skorch, one belongs to the first pattern that its name matches.
        """
        if not self.rates:
            return []
        left = dict(self.get_all_learnable_params())
        found = []
        for pattern, rate in self.rates:
            names = [name for name in left if fnmatch.fnmatch(name, pattern)]
            if not names:
                raise ValueError(
                    f"solver__param_groups of {self.owner} has the pattern "
                    f"{pattern!r}, which no name of a parameter matches that is left. "
                    f"Names are {', '.join(left)}."
                )
            found.append(([left.pop(name) for name in names], rate))
        return found

    def train(self, run: Run, keeper: StateKeeper | None = None):
        """Go on training, as ``partial_fit`` of any skorch net does."""
        return self.partial_fit(run.batches, run=run, keeper=keeper)

    def fit_loop(
        self,
        X: Batches,
        y=None,
        epochs: int | None = None,
        *,
        run: Run,
        keeper: StateKeeper | None = None,
        **fit_params,
    ):
        """Train for some epochs, or until there is no improvement.

        Parameters
        ----------
        X : Batches
            Features, targets and weights: those of the run.

        y, epochs : None
            Not used: the run has both.

        run : Run

        keeper : StateKeeper or None
            Keeps the state of the training after each epoch, and puts back that of an
            earlier one before the first.
        """
        check_schedules(self)
        deadline = make_deadline(self.recipe.max_time)
        self.begin_training(run.epochs, run.n_seen)
        watched = Watched.by(self.callbacks_, apart=run.scorings)
        state = TrainingState(run)
        try:
            if keeper is not None:
                keeper.restore(state)
            with planned_step(run, watched=watched, n_epochs_before=state.n_epochs) as (
                batches,
                step,
            ):
                run_epochs(
                    state,
                    batches,
                    step,
                    watched=watched,
                    keeper=keeper,
                    deadline=deadline,
                )
        except KeyboardInterrupt:
            state.forget_unfinished_epoch()
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return self

    def begin_training(self, n_epochs: int, n_seen: int) -> None:
        """Forget how the last training ended."""
        self.n_epochs_, self.n_seen_ = n_epochs, n_seen
        self.n_resumed_ = 0
        # Whoever leaves the loop early, a callback included, has a reason to.
        self.converged_ = True
        self.diverged_ = False
        if self.recipe.early_stopping:
            self.keep_best()

    def keep_best(self) -> None:
        """Keep the parameters as they are now."""
        self.best_state_ = copy_state(self.module_)

    def run_single_epoch(
        self, iterator, training, prefix, step_fn, watched=UNWATCHED, **fit_params
    ):
        """Go through the batches, and record their mean loss."""
        device = self.placement.device
        total = make_loss_sum(device)
        terms = {name: make_loss_sum(device) for name in self.criterion_.terms()}
        is_shown = bool(watched.batches)
        for batch in iterator:
            if is_shown:
                # A callback may keep what the next batch overwrites.
                batch = tuple(None if t is None else t.clone() for t in batch)
                self.notify("on_batch_begin", batch=batch[:2], training=training)
            step = step_fn(batch)
            if is_shown:
                # Clones can be differentiated, what inference mode makes cannot.
                step["loss"] = step["loss"].clone()
                if isinstance(step["y_pred"], Tensor):
                    step["y_pred"] = step["y_pred"].clone()
            n_rows = batch[0].shape[0]
            total.add(step["loss"], n_rows)
            for name, term in terms.items():
                term.add(step[name], n_rows)
            if is_shown:
                self.history.record_batch(prefix + "_loss", step["loss"].item())
                self.history.record_batch(prefix + "_batch_size", n_rows)
                self.notify("on_batch_end", batch=batch[:2], training=training, **step)
        if not is_shown:
            self.history.new_batch()  # skorch's Checkpoint looks for a last batch
        self._record_loss(prefix, total.mean(), len(iterator))
        for name, term in terms.items():
            self.history[-1][f"{prefix}_{name}"] = term.mean()

    def record_epoch(self, X: Batches, loss: float) -> None:
        """Take note of an epoch whose batches went through a stack of networks."""
        self.history.new_batch()
        self._record_loss("train", loss, len(X))

    def _record_loss(self, prefix: str, loss: float, n_batches: int) -> None:
        epoch = self.history[-1]
        self._record(epoch, prefix + "_loss", loss)
        epoch[prefix + "_batch_count"] = n_batches

    def record_validation(self, loss: float, score: float) -> None:
        """Take note of how an epoch's network does on other rows."""
        epoch = self.history[-1]
        self._record(epoch, "valid_loss", loss)
        self._record(epoch, "valid_score", score, higher_is_better=True)

    def _record(
        self, epoch: dict, name: str, value: float, *, higher_is_better=False
    ) -> None:
        """Record a number of an epoch, and whether it is the best so far."""
        merit = value if higher_is_better else -value
        is_best = merit > self.best_merits_.get(name, -math.inf)
        if is_best:
            self.best_merits_[name] = merit
        epoch[name] = value
        epoch[f"{name}_best"] = is_best

    def has_no_score(self) -> bool:
        """Tell whether the validation score was NaN in every epoch of a sound fit."""
        has_trained = len(self.history) > 0 and not self.diverged_
        return has_trained and "valid_score" not in self.best_merits_

    @contextmanager
    def extra_callbacks(self, callbacks: list[tuple[str, Callback]]):
        """Have more callbacks for a while."""
        before = self.callbacks_
        self.callbacks_ = [*before, *callbacks]
        try:
            yield
        finally:
            self.callbacks_ = before

    def _others(self) -> list[tuple[str, Callback]]:
        """List the callbacks that are not there by default."""
        return self.callbacks_[len(self._default_callbacks) :]

    def go_on_from(self, net: "Net") -> None:
        """Take over optimizer, history and callbacks of a net with the same layers."""
        set_optimizer_state(self.optimizer_, get_optimizer_state(net.optimizer_))
        self.history_ = copy.copy(net.history_)
        self.best_merits_ = dict(net.best_merits_)
        self.forward_pass_ = net.forward_pass_
        self.callbacks = net.callbacks
        n_default = len(self._default_callbacks)
        self.callbacks_ = [*self.callbacks_[:n_default], *net._others()]

    def change_recipe(self, recipe: Recipe) -> None:
        """Go on with the same optimizer, if it is of the same kind, by a new recipe."""
        before, self.recipe = self.recipe, recipe
        if recipe == before:
            return
        if dataclasses.replace(recipe, batch_size=before.batch_size) == before:
            return  # no optimizer knows the size of batches
        kept = self.optimizer_
        self.initialize_optimizer()
        if recipe.solver != before.solver:
            return
        for group, new in zip(
            kept.param_groups, self.optimizer_.param_groups, strict=True
        ):
            group.update({k: v for k, v in new.items() if k not in ("params", "lr")})
        self.optimizer_ = kept
        if recipe.learning_rate_init != before.learning_rate_init:
            set_learning_rate(kept, recipe.learning_rate_init)

    def __setstate__(self, state: dict) -> None:
        """Come to the CPU where a pickle's device is missing.

        skorch looks for CUDA alone, and not for its second device.
        """
        device = device_or_cpu(torch.device(state["device"]))
        super().__setstate__({**state, "device": str(device)})
        if self.history_ is not None:
            self.history = self.history_  # of version 0.1, a list of dicts
        self.placement = dataclasses.replace(self.placement, device=device)

    def move_to(self, placement: Placement) -> None:
        """Go on in another precision."""
        self.module_.to(placement.dtype)
        self.placement = placement

    def divergence_message(self) -> str:
        """Say where the numbers ran away, and what to do about it."""
        where = "with L-BFGS"
        if self.optimizer_ is not None:
            rate = self.optimizer_.param_groups[0]["lr"]
            where = f"in epoch {len(self.history)} at the learning rate {rate:.3g}"
        return (
            "Solver produced non-finite parameter weights. The input data may contain "
            f"large values and need to be preprocessed. {self.owner} diverged {where}: "
            f"{self.remedy}, then try a smaller learning_rate_init."
        )

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the module's output for one block of rows after the other.

        `X` is rows, or an array or CSR matrix of shape ``(n_samples, n_features)``.
        """
        self._set_training(training)
        return self.map_blocks(self.module_, X, device=device, takes_sparse=True)

    def map_blocks(
        self,
        function: Callable[[Tensor], Tensor],
        X,
        *,
        device="cpu",
        takes_sparse: bool = False,
        finish: Callable[[Tensor], Any] = lambda block: block,
    ):
        """Yield what `function` makes of one block of rows after the other."""
        return map_blocks(
            self,
            function,
            X,
            device=device,
            takes_sparse=takes_sparse,
            finish=finish,
        )


def copy_state(module: nn.Module) -> dict[str, Tensor]:
    """Copy the parameters and buffers of `module`."""
    return {name: value.clone() for name, value in module.state_dict().items()}
