"""The skorch net that the estimators train."""

import copy
import dataclasses
import math
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, LRScheduler
from torch import Tensor, nn

from sknn_deep.machine import (
    MIN_STEPS,
    Capture,
    GraphedWork,
    Placement,
    autocast,
    captures,
    device_or_cpu,
    flushed_denormals,
    prediction_threads,
    thread_count,
    threads_for_block,
    threads_for_step,
)
from sknn_deep.rows import Batches, Rows, make_rows, rows_per_block
from sknn_deep.training._callbacks import (
    UNWATCHED,
    StateKeeper,
    Watched,
    make_reporters,
    overrides,
)
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._forward_pass import ForwardPass
from sknn_deep.training._history import CompactHistory
from sknn_deep.training._loss_sum import make_loss_sum
from sknn_deep.training._optimizers import (
    DeviceRates,
    get_optimizer_state,
    is_own,
    make_optimizer,
    make_patient_step,
    make_step,
    set_learning_rate,
    set_optimizer_state,
)
from sknn_deep.training._penalties import add_penalty
from sknn_deep.training._recipe import Recipe
from sknn_deep.training._schedules import STEP_SCHEDULES, constant, inverse_scaling

# Of learning_rate="adaptive", as in scikit-learn's SGDOptimizer.
_LOWEST_RATE = 1e-6
_RATE_DIVISOR = 5

# What a training leaves in the net beside the network, its optimizer and the history.
RESULTS = (
    "best_merits_",
    "converged_",
    "diverged_",
    "n_epochs_",
    "n_resumed_",
    "n_seen_",
)


class Net(NeuralNet):
    """A skorch net whose epoch is a loop over tensors that are already in place.

    skorch's history, callbacks and ``save_params`` work as in any net. Overridden are:

    - ``initialize_optimizer``: scikit-learn's solvers, and what is not penalized;
    - ``initialize_history``: which epochs were the best;
    - ``fit_loop``: :class:`Batches` instead of a ``DataLoader``, scikit-learn's rules
      for stopping and for the learning rate;
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
        Makes a context manager that yields how to compute the gradient.

    penalized : callable
        Gives the parameters of a module that the L2 penalty is about.

    owner : str
        Name of the estimator, for messages.

    remedy : str
        What to do first if the training diverges, for messages.

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

    best_state_ : dict of Tensor
        The parameters of the epoch with the best validation score. Only with
        ``early_stopping``, and only while training.

    forward_pass_ : ForwardPass or None
        What a pass of rows was seen to do. None, where nobody looked, is what it does
        in dense layers.
    """

    def __init__(
        self,
        module: type[nn.Module],
        criterion: type[nn.Module],
        *,
        recipe: Recipe,
        placement: Placement,
        gradient: Callable[..., AbstractContextManager],
        penalized: Callable[[nn.Module], list[Tensor]],
        owner: str = "Net",
        remedy: str = "scale X first",
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
        self.forward_pass_: ForwardPass | None = None

    @property
    def _default_callbacks(self):
        reporters = [(type(cb).__name__, cb) for cb in make_reporters(self.verbose)]
        return [("epoch_timer", EpochTimer()), *reporters]

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
        others = [
            p
            for p in self.module_.parameters()
            if p.requires_grad and all(p is not w for w in weights)
        ]
        self.optimizer_ = make_optimizer(self.recipe, weights, others, owner=self.owner)
        return self

    def fit_loop(
        self,
        X: Batches,
        y=None,
        epochs: int | None = None,
        *,
        convergence: Convergence,
        generator: torch.Generator | None = None,
        evaluate: Callable[[], tuple[float, float]] | None = None,
        n_seen: int = 0,
        keeper: StateKeeper | None = None,
        **fit_params,
    ):
        """Train for some epochs, or until there is no improvement.

        Parameters
        ----------
        X : Batches
            Features, targets and weights.

        y : None
            Not used: `X` has the targets.

        epochs : int or None
            None is the recipe's ``max_iter``.

        convergence : Convergence
            Updated after each epoch.

        generator : torch.Generator or None
            Where dropout masks come from.

        evaluate : callable or None
            Gives the loss and the score on the validation set.

        n_seen : int
            Rows seen before, which inverse scaling counts.

        keeper : StateKeeper or None
            Keeps the state of the training after each epoch, and puts back that of an
            earlier one before the first.
        """
        self._check_schedules()
        epochs = self.max_epochs if epochs is None else epochs
        max_time = self.recipe.max_time
        deadline = math.inf if max_time is None else time.monotonic() + max_time
        self.begin_training(epochs, n_seen)
        watched = Watched.by(callback for _, callback in self.callbacks_)
        state = TrainingState(self, X, convergence, generator)
        try:
            if keeper is not None:
                keeper.restore(state)
            with (
                self._make_gradient(
                    n_rows=X.batch_size,
                    generator=generator,
                    free_layout=self._updates_unseen(watched),
                    sparse_rows=(
                        self._steps_unseen(watched) and self.wants_sparse(X, epochs)
                    ),
                ) as gradient,
                self.suit(X, gradient) as batches,
                self._captures(
                    gradient,
                    X,
                    generator,
                    watched,
                    n_steps=(epochs - state.n_epochs) * len(X),
                ) as capture,
            ):
                step = self._make_train_step(
                    gradient,
                    watched,
                    n_steps=epochs * len(X),
                    n_taken=state.n_epochs * len(X),
                    capture=capture,
                )
                self._run_epochs(
                    state, batches, step, evaluate, watched, keeper, deadline
                )
        except KeyboardInterrupt:
            state.forget_unfinished_epoch()
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return self

    def _make_gradient(self, **options) -> AbstractContextManager:
        if self.forward_pass_ and self.forward_pass_.draws_globally:
            options["draws_globally"] = True
        return self.gradient(self.module_, self.criterion_, **options)

    def begin_training(self, n_epochs: int, n_seen: int) -> None:
        """Forget how the last training ended."""
        self.n_epochs_, self.n_seen_ = n_epochs, n_seen
        self.n_resumed_ = 0
        # Whoever leaves the loop early, a callback included, has a reason to.
        self.converged_ = True
        self.diverged_ = False
        if self.recipe.early_stopping:
            self.best_state_ = copy_state(self.module_)

    def _run_epochs(
        self,
        state: TrainingState,
        batches: Batches,
        step,
        evaluate,
        watched: Watched,
        keeper: StateKeeper | None,
        deadline: float,
    ) -> None:
        X, convergence = state.batches, state.convergence
        while not state.is_finished:
            self._run_epoch(X, batches, step, convergence, evaluate, watched)
            state.n_epochs += 1
            if self._is_stopped_after(state.batches):
                return
            state.is_over = self.should_stop(state.convergence)
            if keeper is not None:
                keeper.keep(state)
            if state.is_over or self._is_late(deadline):
                return
        if not state.is_over:
            self.converged_ = self.recipe.has_step_schedule

    def _run_epoch(
        self,
        X: Batches,
        batches: Batches,
        step,
        convergence: Convergence,
        evaluate,
        watched: Watched = UNWATCHED,
    ) -> None:
        """Train on `batches`; callbacks are shown `X`, the same with dense rows."""
        self.notify("on_epoch_begin", dataset_train=X, dataset_valid=None)
        if self.callbacks:
            self._check_nothing_frozen()
        if not self.module_.training:
            self.module_.train()
        # What callbacks compute, they compute with all numbers.
        with flushed_denormals() if watched == UNWATCHED else nullcontext():
            self.run_single_epoch(
                batches, training=True, prefix="train", step_fn=step, watched=watched
            )
        self.end_epoch(X, convergence, evaluate)

    def _is_stopped_after(self, X: Batches) -> bool:
        """Tell the callbacks of an epoch's end; ask whether one ends the training."""
        try:
            self.notify("on_epoch_end", dataset_train=X, dataset_valid=None)
        except KeyboardInterrupt:
            # skorch's word for it; if nobody here can have said so, it was the user.
            if not any(overrides(cb, "on_epoch_end") for _, cb in self._others()):
                raise
            return True
        except KeyError as error:
            # As skorch's history says what it has not.
            if "'valid_" not in str(error) or "valid_loss" in self.history[-1]:
                raise
            raise ValueError(
                f"A callback of {self.owner} asks for the validation of an epoch, but "
                "there are no rows to validate on. Pass X_val to `fit`, and y_val "
                "where there is a y, or set early_stopping=True, or let the callback "
                f"monitor 'train_loss'. skorch says: {error.args[0]}"
            ) from error
        return False

    def _check_schedules(self) -> None:
        """Refuse a scheduler whose rates would be overwritten before each step."""
        if self.recipe.has_step_schedule and any(
            isinstance(cb, LRScheduler) for _, cb in self.callbacks_
        ):
            raise ValueError(
                f"{self.owner} has two schedules of the learning rate: the callback "
                f"LRScheduler, and learning_rate={self.recipe.learning_rate!r}. Leave "
                "the callback out, or set learning_rate='constant'."
            )

    def _check_nothing_frozen(self) -> None:
        if not hasattr(self.module_, "is_chain"):
            return  # a network of the user's own, whose gradient is recorded
        frozen = [n for n, p in self.get_all_learnable_params() if not p.requires_grad]
        if frozen:
            raise ValueError(
                f"{self.owner} trains all parameters of its network, but a callback "
                f"has frozen {', '.join(frozen)}. Leave the callback out, or train "
                "`net_.module_` in a loop of your own."
            )

    def wants_sparse(self, X: Batches, n_epochs: int) -> bool:
        """Tell whether the first layer had better be given sparse rows."""
        return self._takes_sparse_rows and X.are_faster_sparse(
            self._n_first_units, n_epochs
        )

    @property
    def _takes_sparse_rows(self) -> bool:
        return getattr(self.module_, "takes_sparse_rows", False)

    @property
    def _n_first_units(self) -> int:
        return len(next(self.module_.parameters()))

    @contextmanager
    def suit(self, batches: Batches, gradient):
        """Give batches as the gradient takes them; use threads as a step is worth."""
        if gradient.takes_sparse:
            batches = batches.kept_sparse(self._n_first_units)
        parameters = list(self.module_.parameters())
        n_threads = threads_for_step(
            parameters,
            batches.batch_size,
            density=batches.density,
            n_products=self.forward_pass_ and self.forward_pass_.n_products,
        )
        with thread_count(n_threads):
            yield batches

    def _captures(
        self, gradient, X: Batches, generator, watched: Watched, n_steps: int
    ) -> AbstractContextManager[Capture | None]:
        """Capture steps, if there are enough of them and they can be replayed."""
        if n_steps < MIN_STEPS or not self._can_replay(gradient, X, watched):
            return nullcontext()
        return captures(next(self.module_.parameters()).device, generator)

    def _can_replay(self, gradient, X: Batches, watched: Watched) -> bool:
        """Tell whether nothing but numbers in memory differs from step to step.

        The kernels read rates in float32 alone, which is not exact enough for float64.
        """
        return (
            self.placement.dtype == torch.float32
            and gradient.keeps_memory
            and X.keeps_memory
            and self._steps_unseen(watched)
        )

    def _steps_unseen(self, watched: Watched) -> bool:
        """Tell whether nobody's code but ours sees anything of a step."""
        return self._updates_unseen(watched) and not watched.batches

    def _updates_unseen(self, watched: Watched) -> bool:
        """Tell whether nobody's code but ours sees gradients before the update."""
        return is_own(self.optimizer_) and not watched.gradients

    def _make_train_step(
        self,
        gradient,
        watched: Watched = UNWATCHED,
        *,
        n_steps: int,
        n_taken: int = 0,
        capture: Capture | None = None,
    ) -> Callable:
        """Make what happens to a batch: gradient, penalty, rate, update.

        `n_taken` of the training's `n_steps` were taken before. With `capture`, all but
        the rate is replayed as a graph.
        """
        recipe, optimizer, criterion = self.recipe, self.optimizer_, self.criterion_
        rates = None if capture is None else DeviceRates(optimizer, recipe)
        if gradient.keeps_memory:
            update = make_step(optimizer, recipe, rates)
        else:
            update = make_patient_step(optimizer, recipe)
        schedule = STEP_SCHEDULES.get(recipe.learning_rate, constant)
        is_scheduled = schedule is not constant
        parameters = list(self.module_.parameters())
        groups = optimizer.param_groups
        # As torch's schedulers do, for the next training to begin where this one did.
        peaks = [group.setdefault("initial_lr", group["lr"]) for group in groups]

        def work(batch) -> dict[str, Tensor]:
            X, target, weight = batch
            value, output = gradient.compute(X, target, weight)
            scale = criterion.reported_scale(output)
            if scale != 1:
                value = value * scale
            if recipe.adds_penalty:
                pairs = gradient.penalized()
                value = add_penalty(value, pairs, recipe.alpha, weight, X.shape[0])
            if recipe.clip_grad_norm is not None:
                nn.utils.clip_grad_norm_(parameters, recipe.clip_grad_norm)
            if watched.gradients:
                self.notify(
                    "on_grad_computed",
                    named_parameters=list(self.get_all_learnable_params()),
                    batch=batch[:2],
                    training=True,
                )
            update()
            return {"loss": value, "y_pred": output, **criterion.terms()}

        if capture is not None:
            work = GraphedWork(work, capture)

        def step(batch) -> dict[str, Tensor]:
            nonlocal n_taken
            if is_scheduled:
                share = schedule(n_taken, n_steps)
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * share
                n_taken += 1
            if rates is not None:
                rates.refresh()
            return work(batch)

        return step

    def run_single_epoch(
        self, iterator, training, prefix, step_fn, watched=UNWATCHED, **fit_params
    ):
        """Go through the batches, and record their mean loss."""
        device = self.placement.device
        total = make_loss_sum(device)
        terms = {name: make_loss_sum(device) for name in self.criterion_.terms()}
        for batch in iterator:
            if watched.batches:
                # A callback may keep what the next batch overwrites.
                batch = tuple(None if t is None else t.clone() for t in batch)
                self.notify("on_batch_begin", batch=batch[:2], training=training)
            step = step_fn(batch)
            if watched.batches:
                # Clones can be differentiated, what inference mode makes cannot.
                step["loss"] = step["loss"].clone()
                if isinstance(step["y_pred"], Tensor):
                    step["y_pred"] = step["y_pred"].clone()
            n_rows = batch[0].shape[0]
            total.add(step["loss"], n_rows)
            for name, term in terms.items():
                term.add(step[name], n_rows)
            if watched.batches:
                self.history.record_batch(prefix + "_loss", step["loss"].item())
                self.history.record_batch(prefix + "_batch_size", n_rows)
                self.notify("on_batch_end", batch=batch[:2], training=training, **step)
        if not watched.batches:
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

    def end_epoch(
        self,
        X: Batches,
        convergence: Convergence,
        evaluate: Callable[[], tuple[float, float]] | None,
    ) -> None:
        """Record the validation, update what decides on stopping, and the rate."""
        recipe = self.recipe
        self.n_seen_ += X.n_rows
        epoch = self.history[-1]
        loss = epoch["train_loss"]
        if evaluate is not None:
            valid_loss, score = evaluate()
            score = score if math.isfinite(loss) else math.nan
            self._record(epoch, "valid_loss", valid_loss)
            self._record(epoch, "valid_score", score, higher_is_better=True)
        if recipe.early_stopping:
            if convergence.add(score):
                self.best_state_ = copy_state(self.module_)
        else:
            convergence.add(-loss)
            if not math.isfinite(loss):
                raise ValueError(self.divergence_message())
        if recipe.solver == "sgd" and recipe.learning_rate == "invscaling":
            rate = inverse_scaling(
                recipe.learning_rate_init, self.n_seen_, recipe.power_t
            )
            set_learning_rate(self.optimizer_, rate)

    def _record(
        self, epoch: dict, name: str, value: float, *, higher_is_better=False
    ) -> None:
        """Record a number of this epoch, and whether it is the best so far."""
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

    def should_stop(self, convergence: Convergence) -> bool:
        """Tell whether the training is over, after an epoch; adapt the rate if not."""
        recipe = self.recipe
        if not math.isfinite(self.history[-1]["train_loss"]):
            self.diverged_ = True
            return True
        if recipe.has_step_schedule and not recipe.early_stopping:
            return False
        if not convergence.is_exhausted:
            return False
        what = "Validation score" if recipe.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={recipe.tol:f} for "
            f"{recipe.n_iter_no_change} consecutive epochs."
        )
        if recipe.solver != "sgd" or recipe.learning_rate != "adaptive":
            self._log(f"{message} Stopping.")
            return True
        rate = self.optimizer_.param_groups[0]["lr"]
        if rate <= _LOWEST_RATE:
            self._log(f"{message} Learning rate too small. Stopping.")
            return True
        rate /= _RATE_DIVISOR
        set_learning_rate(self.optimizer_, rate)
        convergence.n_no_improvement = 0
        self._log(f"{message} Setting learning rate to {rate:f}")
        return False

    def _is_late(self, deadline: float) -> bool:
        is_late = time.monotonic() >= deadline
        if is_late:
            self._log(f"{self.recipe.max_time} seconds have passed. Stopping.")
        return is_late

    def _log(self, message: str) -> None:
        if self.verbose >= 2:
            print(message)

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the module's output for one block of rows after the other.

        `X` is rows, or an array or CSR matrix of shape ``(n_samples, n_features)``.
        """
        self._set_training(training)
        return self.map_blocks(self.module_, X, device=device, takes_sparse=True)

    def _n_widest(self, parameters: list[Tensor]) -> int:
        """Tell how many numbers of a row the widest layer may give."""
        if self.forward_pass_ is not None:
            return self.forward_pass_.n_units
        return max(max(p.shape) for p in parameters)

    def map_blocks(
        self,
        function: Callable[[Tensor], Tensor],
        X,
        *,
        device="cpu",
        takes_sparse: bool = False,
        finish: Callable[[Tensor], Any] = lambda block: block,
    ):
        """Yield what `function` makes of one block of rows after the other.

        With `takes_sparse`, it gets a SparseBatch where that is faster. Where the
        device has not enough memory for a block, the blocks become smaller. `finish`
        gets what was made, in the type of the parameters and on `device`.
        """
        where = self.placement
        rows, seen = X, self.forward_pass_
        if not isinstance(X, Rows):
            rows = make_rows(
                X,
                where.X_dtype,
                where.device,
                resident=False,
                keeps_integers=seen is not None and seen.takes_integers,
            )
        parameters = list(self.module_.parameters())
        n_units = self._n_widest(parameters)
        if takes_sparse and self._takes_sparse_rows and rows.can_stay_sparse:
            n_units = max(p.shape[0] for p in parameters)
            rows = rows.kept_sparse(n_units)
        n_block = rows_per_block(n_units, where.device)
        n_threads = threads_for_block(
            parameters,
            min(n_block, rows.shape[0]),
            density=rows.density,
            n_products=seen and seen.n_products,
        )
        start = 0
        while start < rows.shape[0]:
            try:
                with (
                    prediction_threads(n_threads),
                    torch.inference_mode(),
                    autocast(self.device, where.autocast),
                ):
                    output = function(rows.slice(start, start + n_block))
                    block = finish(output.to(device, where.dtype))
            except torch.OutOfMemoryError:
                if n_block == 1:
                    raise
                n_block //= 2
                continue
            start += n_block
            yield block


def copy_state(module: nn.Module) -> dict[str, Tensor]:
    """Copy the parameters and buffers of `module`."""
    return {name: value.clone() for name, value in module.state_dict().items()}
