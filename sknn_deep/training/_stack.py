"""Many networks of the same shapes, trained as one computation."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing

import torch
from torch import Tensor

from sknn_deep.machine import (
    flushed_denormals,
    sum_dtype,
    thread_count,
    threads_for_stack,
)
from sknn_deep.optimizers import (
    STEP_SCHEDULES,
    Hyperparameters,
    StackedOptimizer,
    constant,
    group_equal,
    hyperparameters_of,
    make_add_penalties,
    make_clip,
    optimizer_family,
)
from sknn_deep.rows import StackedBatches
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._epochs import close_epoch, end_run
from sknn_deep.training._net import Net
from sknn_deep.training._protocols import StackedGradient
from sknn_deep.training._run import Run
from sknn_deep.training._step_plan import plan_of_stack

# A run, and what it has failed with.
Outcome = tuple[Run, Exception | None]


def run_family(run: Run) -> tuple | None:
    """Give what runs must have in common to be trained as a stack, None if they cannot.

    That is how many batches there are, and the kind of optimizer; the other
    hyperparameters of the recipe may differ, and the rows of the last batch.
    """
    recipe = run.net.recipe
    optimizer = optimizer_family(recipe)
    has_limits = recipe.max_time is not None or run.net.verbose
    if optimizer is None or has_limits or run.net.callbacks:
        return None
    batches = run.batches
    if not batches.can_be_shared:
        return None
    # Who draws masks must know a last batch by its size.
    is_even = run.generator is not None and batches.n_last == batches.batch_size
    shape = (len(batches), batches.batch_size, is_even, batches.weight is None)
    return optimizer, shape, batches.target is None


def train_stack(
    runs: Sequence[Run],
    gradient: Callable[..., AbstractContextManager[StackedGradient]],
    *,
    on_epoch: Callable[[int], None] = lambda n_running: None,
    after_epoch: Callable[[list[Outcome]], None] = lambda outcomes: None,
) -> list[Exception | None]:
    """Train networks of one family together, each as if it were alone.

    Parameters
    ----------
    runs : sequence of Run

    gradient : callable (modules, losses, *, n_rows, generators, n_last)
        Makes a context manager that yields a ``StackedGradient``.

    on_epoch : callable (n_running)
        Called after each epoch with the number of networks that took part in it.

    after_epoch : callable (outcomes)
        Called after each epoch, when it is closed, with the runs that took part in it,
        each with its error or None. Those that are given up then leave the stack.

    Returns
    -------
    errors : list of Exception or None
        What the training of each network ended with, if it failed.
    """
    errors: list[Exception | None] = [None] * len(runs)
    for run in runs:
        run.net.begin_training(run.epochs, run.n_seen)
        run.net.notify("on_train_begin", X=run.batches, y=None)
    order = sorted(range(len(runs)), key=lambda i: place_in_stack(runs[i]))
    trainees = [_Trainee(runs[i], i) for i in order]
    staying = list(range(len(trainees)))
    optimizer = None
    first = runs[0]
    n_threads = threads_for_stack(
        list(first.net.module_.parameters()), first.batches.batch_size, len(runs)
    )
    with thread_count(n_threads):
        while trainees:
            with (
                gradient(
                    [t.net.module_ for t in trainees],
                    [t.net.criterion_ for t in trainees],
                    n_rows=trainees[0].run.batches.batch_size,
                    generators=[t.run.generator for t in trainees],
                    n_last=[t.run.batches.n_last for t in trainees],
                ) as stacked,
                closing(StackedBatches([t.run.batches for t in trainees])) as batches,
            ):
                optimizer = _renew_optimizer(optimizer, trainees, stacked, staying)
                step = _make_step(trainees, stacked, optimizer)
                for t in trainees:
                    t.net.step_plan_ = plan_of_stack(
                        t.net, stacked, len(runs), n_threads
                    )
                staying = list(range(len(trainees)))
                while len(staying) == len(trainees):
                    _run_epoch(trainees, batches, step)
                    on_epoch(len(trainees))
                    staying = [
                        k for k, t in enumerate(trainees) if not t.has_ended(errors)
                    ]
                    after_epoch([(t.run, errors[t.number]) for t in trainees])
                    staying = [k for k in staying if not trainees[k].run.is_given_up]
            for k, trainee in enumerate(trainees):
                if k not in staying:
                    trainee.net.notify("on_train_end", X=trainee.run.batches, y=None)
            trainees = [trainees[k] for k in staying]
    return errors


class _Trainee:
    """A network in a stack, and how far its training is."""

    def __init__(self, run: Run, number: int):
        self.run = run
        self.number = number
        self.net = run.net
        recipe = run.net.recipe
        self.state = TrainingState(run)
        self.schedule = STEP_SCHEDULES.get(recipe.learning_rate, constant)
        self.peak = recipe.learning_rate_init
        self.n_taken = 0
        self.loss = 0.0

    def hyperparameters_of_epoch(self) -> tuple[Hyperparameters, ...]:
        """Give those of each step of the next epoch."""
        (group, *_) = self.net.optimizer_.param_groups
        recipe, n_steps = self.net.recipe, len(self.run.batches)
        if self.schedule is constant:
            return (hyperparameters_of(recipe, group["lr"]),) * n_steps
        taken = range(self.n_taken, self.n_taken + n_steps)
        rates = [self.peak * self.schedule(step, self.run.n_steps) for step in taken]
        self.n_taken += n_steps
        group["lr"] = rates[-1]
        return tuple(hyperparameters_of(recipe, rate) for rate in rates)

    def has_ended(self, errors: list[Exception | None]) -> bool:
        """Close an epoch; tell whether it was the last one."""
        try:
            self.net.record_epoch(self.run.batches, self.loss)
            close_epoch(self.state)
        except Exception as error:
            errors[self.number] = error
            return True
        if self.state.has_ended:
            end_run(self.state)
        return self.state.has_ended


def place_in_stack(run: Run) -> tuple:
    """Give what runs are sorted by, for those side by side to share most.

    The same rows in the same order share the gathering and the first product, and equal
    hyperparameters a call of the optimizer's kernel.
    """
    recipe = run.net.recipe
    common = hyperparameters_of(recipe, recipe.learning_rate_init)
    own = (*common, recipe.learning_rate, run.epochs, recipe.alpha)
    return run.batches.neighborhood(), own


def _renew_optimizer(
    optimizer: StackedOptimizer | None,
    trainees: list[_Trainee],
    stacked: StackedGradient,
    staying: list[int],
) -> StackedOptimizer:
    """Make the optimizer, or go on with that of the trainees who stay."""
    if optimizer is None:
        family = optimizer_family(trainees[0].net.recipe)
        assert family is not None, "others are no family of runs"
        optimizer = StackedOptimizer(
            family,
            stacked.values,
            stacked.gradients,
            n_penalized=stacked.n_penalized,
        )
    else:
        optimizer = optimizer.take(staying, stacked.values, stacked.gradients)
    if optimizer.family[0] == "sgd" and optimizer.moments:
        for k, trainee in enumerate(trainees):
            _share_velocity(trainee.net, stacked.parameters[k], optimizer, k)
    return optimizer


def _share_velocity(
    net: Net, parameters: Sequence[Tensor], optimizer: StackedOptimizer, k: int
) -> None:
    """Let a net's own optimizer see its momentum, which a change of rate rescales."""
    (velocities,) = optimizer.moments
    for p, velocity in zip(parameters, velocities.arrays, strict=True):
        net.optimizer_.state[p]["momentum_buffer"] = velocity[k]


def _run_epoch(
    trainees: list[_Trainee], batches: StackedBatches, step: Callable
) -> None:
    """Go once through the batches of all networks, and keep their mean losses."""
    for t in trainees:
        t.net.notify("on_epoch_begin", dataset_train=t.run.batches, dataset_valid=None)
    losses = []
    groups = group_equal([t.hyperparameters_of_epoch() for t in trainees])
    with flushed_denormals():
        for i, batch in enumerate(batches):
            common = [(runs, plan[i]) for plan, runs in groups.items()]
            losses.append(step(batch, common))
    dtype = sum_dtype(trainees[0].net.device)
    by_batch = torch.stack(losses).to(dtype)  # (n_batches, n_networks)
    total = by_batch.mul_(batches.batch_sizes).sum(dim=0)
    # The epoch's only synchronization.
    for t, loss in zip(trainees, total.tolist(), strict=True):
        t.loss = loss / t.run.batches.n_rows


def _make_step(
    trainees: list[_Trainee], stacked: StackedGradient, optimizer: StackedOptimizer
) -> Callable[..., Tensor]:
    """Make what happens to a batch: gradients, penalties, update."""
    recipes = [t.net.recipe for t in trainees]
    add_penalties = make_add_penalties(recipes, stacked)
    clip = make_clip(recipes, stacked)
    criterion = trainees[0].net.criterion_

    @torch.inference_mode()  # each call of torch takes some microsecond less
    def step(batch, groups) -> Tensor:
        X, target, weight = batch
        values, outputs = stacked.compute(X, target, weight)
        scale = criterion.reported_scale(outputs)
        if scale != 1.0:
            values = values * scale
        add_penalties(values, weight, X.n_batch)
        clip()
        optimizer.step(groups)
        return values

    return step
