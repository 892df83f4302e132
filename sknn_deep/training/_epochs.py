"""The rules by which an epoch ends, and with it a training.

They are the same for a network that trains alone and for one in a stack.
"""

import math
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from skorch.callbacks import LRScheduler

from sknn_deep.machine import flushed_denormals
from sknn_deep.optimizers import inverse_scaling, set_learning_rate
from sknn_deep.rows import Batches
from sknn_deep.training._callbacks import UNWATCHED, StateKeeper, Watched, overrides
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._run import Run

if TYPE_CHECKING:
    from sknn_deep.training._net import Net

# Of learning_rate="adaptive", as in scikit-learn's SGDOptimizer.
_LOWEST_RATE = 1e-6
_RATE_DIVISOR = 5


def run_epochs(
    state: TrainingState,
    batches: Batches,
    step,
    *,
    watched: Watched = UNWATCHED,
    keeper: StateKeeper | None = None,
    deadline: float = math.inf,
) -> None:
    """Train to the end of the run, or until a rule or a callback ends it before.

    It trains on `batches`; callbacks are shown those of the run, the same with dense
    rows.
    """
    while not state.has_ended:
        run_epoch(state, batches, step, watched)
        close_epoch(state, keeper=keeper, deadline=deadline)
    end_run(state)


def run_epoch(
    state: TrainingState, batches: Batches, step, watched: Watched = UNWATCHED
) -> None:
    """Go once through the batches."""
    net = state.net
    net.notify("on_epoch_begin", dataset_train=state.run.batches, dataset_valid=None)
    if net.callbacks:
        _check_nothing_frozen(net)
    if not net.module_.training:
        net.module_.train()
    is_flushed = net.step_plan_.denormals == "flushed"
    with flushed_denormals() if is_flushed else nullcontext():
        net.run_single_epoch(
            batches, training=True, prefix="train", step_fn=step, watched=watched
        )


def close_epoch(
    state: TrainingState,
    *,
    keeper: StateKeeper | None = None,
    deadline: float = math.inf,
) -> None:
    """Validate after an epoch whose loss is recorded; tell whether it is the last."""
    net, run = state.net, state.run
    loss = net.history[-1]["train_loss"]
    _judge_epoch(run, loss)
    state.n_epochs += 1
    state.is_cut_short = is_stopped_after(run)
    if state.is_cut_short:
        return
    state.is_over = should_stop(net, run.convergence, loss)
    if keeper is not None:
        keeper.keep(state)
    state.is_cut_short = not state.is_over and _is_late(net, deadline)


def end_run(state: TrainingState) -> None:
    """Take note of a training that went through all of its epochs."""
    if not (state.is_over or state.is_cut_short):
        state.net.converged_ = state.net.recipe.has_step_schedule


def _judge_epoch(run: Run, loss: float) -> None:
    """Record the validation, update what decides on stopping, and the rate."""
    net, recipe = run.net, run.net.recipe
    net.n_seen_ += run.batches.n_rows
    if run.evaluate is not None:
        valid_loss, score = run.evaluate()
        score = score if math.isfinite(loss) else math.nan
        net.record_validation(valid_loss, score)
    if recipe.early_stopping:
        if run.convergence.add(score):
            net.keep_best()
    else:
        run.convergence.add(-loss)
        if not math.isfinite(loss):
            raise ValueError(net.divergence_message())
    if recipe.solver == "sgd" and recipe.learning_rate == "invscaling":
        rate = inverse_scaling(recipe.learning_rate_init, net.n_seen_, recipe.power_t)
        set_learning_rate(net.optimizer_, rate)


def is_stopped_after(run: Run) -> bool:
    """Tell the callbacks of an epoch's end; ask whether one ends the training."""
    net, of_epoch = run.net, {"dataset_train": run.batches, "dataset_valid": None}
    try:
        if run.scorings:
            _notify_all_but_scorings(run, of_epoch)
        else:
            net.notify("on_epoch_end", **of_epoch)
    except KeyboardInterrupt:
        # skorch's word for it; if nobody here can have said so, it was the user.
        if not any(overrides(cb, "on_epoch_end") for _, cb in net._others()):
            raise
        return True
    except KeyError as error:
        # As skorch's history says what it has not.
        if "'valid_" not in str(error) or "valid_loss" in net.history[-1]:
            raise
        raise ValueError(
            f"A callback of {net.owner} asks for the validation of an epoch, but "
            "there are no rows to validate on. Pass X_val to `fit`, and y_val "
            "where there is a y, or set early_stopping=True, or let the callback "
            f"monitor 'train_loss'. skorch says: {error.args[0]}"
        ) from error
    return False


def _notify_all_but_scorings(run: Run, of_epoch: dict) -> None:
    """Notify the callbacks of an epoch's end, but for those that score otherwise."""
    for name, callback in run.net.callbacks_:
        if name in run.scorings:
            run.scorings[name]()
        else:
            callback.on_epoch_end(run.net, **of_epoch)


def should_stop(net: "Net", convergence: Convergence, loss: float) -> bool:
    """Tell whether the training is over, after an epoch; adapt the rate if not."""
    recipe = net.recipe
    if not math.isfinite(loss):
        net.diverged_ = True
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
        _log(net, f"{message} Stopping.")
        return True
    rate = net.optimizer_.param_groups[0]["lr"]
    if rate <= _LOWEST_RATE:
        _log(net, f"{message} Learning rate too small. Stopping.")
        return True
    rate /= _RATE_DIVISOR
    set_learning_rate(net.optimizer_, rate)
    convergence.n_no_improvement = 0
    _log(net, f"{message} Setting learning rate to {rate:f}")
    return False


def make_deadline(max_time: float | None) -> float:
    """Tell after which time no epoch begins any more."""
    return math.inf if max_time is None else time.monotonic() + max_time


def _is_late(net: "Net", deadline: float) -> bool:
    is_late = time.monotonic() >= deadline
    if is_late:
        _log(net, f"{net.recipe.max_time} seconds have passed. Stopping.")
    return is_late


def _log(net: "Net", message: str) -> None:
    if net.verbose >= 2:
        print(message)


def check_schedules(net: "Net") -> None:
    """Refuse a scheduler whose rates would be overwritten before each step."""
    if net.recipe.has_step_schedule and any(
        isinstance(cb, LRScheduler) for _, cb in net.callbacks_
    ):
        raise ValueError(
            f"{net.owner} has two schedules of the learning rate: the callback "
            f"LRScheduler, and learning_rate={net.recipe.learning_rate!r}. Leave "
            "the callback out, or set learning_rate='constant'."
        )


def _check_nothing_frozen(net: "Net") -> None:
    if not hasattr(net.module_, "is_chain"):
        return  # a network of the user's own, whose gradient is recorded
    frozen = [n for n, p in net.get_all_learnable_params() if not p.requires_grad]
    if frozen:
        raise ValueError(
            f"{net.owner} trains all parameters of its network, but a callback "
            f"has frozen {', '.join(frozen)}. Leave the callback out, or train "
            "`net_.module_` in a loop of your own."
        )
