"""Many networks of the same shapes, trained as one computation."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from sknn_deep.training._batches import Batches, DenseRows
from sknn_deep.training._convergence import Convergence
from sknn_deep.training._mapped_rows import MappedRows
from sknn_deep.training._net import Net
from sknn_deep.training._placement import sum_dtype
from sknn_deep.training._schedules import STEP_SCHEDULES, constant
from sknn_deep.training._stacked_optimizers import (
    Numbers,
    StackedOptimizer,
    numbers_of,
    optimizer_family,
)
from sknn_deep.training._threads import thread_count


@dataclass
class Run:
    """All that a training needs.

    Attributes
    ----------
    net : Net

    batches : Batches

    epochs : int

    convergence : Convergence

    generator : torch.Generator or None
        Where dropout masks come from.

    evaluate : callable or None
        Gives the loss and the score on the validation set.

    n_seen : int
        Rows seen before, which inverse scaling counts.
    """

    net: Net
    batches: Batches
    epochs: int
    convergence: Convergence
    generator: torch.Generator | None = None
    evaluate: Callable[[], tuple[float, float]] | None = None
    n_seen: int = 0


def run_family(run: Run) -> tuple | None:
    """Give what runs must have in common to be trained as a stack, None if they cannot.

    That is how many rows and batches there are, and the kind of optimizer; the numbers
    of the recipe may differ.
    """
    recipe = run.net.recipe
    optimizer = optimizer_family(recipe)
    has_limits = recipe.max_time is not None or run.net.verbose
    if optimizer is None or has_limits or run.net.callbacks:
        return None
    batches = run.batches
    if isinstance(batches.rows, MappedRows):
        return None  # each network would hold a window of its own
    shape = (batches.n_rows, batches.batch_size, batches.weight is None)
    return optimizer, shape, batches.target is None


def train_stack(
    runs: Sequence[Run],
    gradient: Callable[..., AbstractContextManager],
    *,
    on_epoch: Callable[[int], None] = lambda n_running: None,
) -> list[Exception | None]:
    """Train networks of one family together, each as if it were alone.

    Parameters
    ----------
    runs : sequence of Run

    gradient : callable (modules, losses, *, n_rows, generators)
        Makes a context manager that yields a ``StackedGradient``.

    on_epoch : callable (n_running)
        Called after each epoch with the number of networks that took part in it.

    Returns
    -------
    errors : list of Exception or None
        What the training of each network ended with, if it failed.
    """
    errors: list[Exception | None] = [None] * len(runs)
    for run in runs:
        run.net.begin_training(run.epochs, run.n_seen)
        run.net.notify("on_train_begin", X=run.batches, y=None)
    # Equal numbers side by side share a kernel call.
    order = sorted(range(len(runs)), key=lambda i: _numbers_at_start(runs[i]))
    trainees = [_Trainee(runs[i], i) for i in order]
    staying = list(range(len(trainees)))
    optimizer = None
    with thread_count(None):
        while trainees:
            with gradient(
                [t.net.module_ for t in trainees],
                [t.net.criterion_ for t in trainees],
                n_rows=trainees[0].run.batches.batch_size,
                generators=[t.run.generator for t in trainees],
            ) as stacked:
                optimizer = _renew_optimizer(optimizer, trainees, stacked, staying)
                step = _make_step(trainees, stacked, optimizer)
                staying = list(range(len(trainees)))
                while len(staying) == len(trainees):
                    _run_epoch(trainees, step)
                    on_epoch(len(trainees))
                    staying = [
                        k for k, t in enumerate(trainees) if not t.has_ended(errors)
                    ]
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
        self.schedule = STEP_SCHEDULES.get(recipe.learning_rate, constant)
        self.peak = recipe.learning_rate_init
        self.n_steps = run.epochs * len(run.batches)
        self.n_taken = 0
        self.n_epochs = 0
        self.loss = 0.0

    def numbers(self) -> Numbers:
        """Give the numbers of the next step."""
        (group, *_) = self.net.optimizer_.param_groups
        if self.schedule is not constant:
            group["lr"] = self.peak * self.schedule(self.n_taken, self.n_steps)
            self.n_taken += 1
        return numbers_of(self.net.recipe, group["lr"])

    def has_ended(self, errors: list[Exception | None]) -> bool:
        """Close an epoch; tell whether it was the last one."""
        run, net = self.run, self.net
        self.n_epochs += 1
        try:
            net.record_epoch(run.batches, self.loss)
            net.end_epoch(run.batches, run.convergence, run.evaluate)
        except Exception as error:
            errors[self.number] = error
            return True
        net.notify("on_epoch_end", dataset_train=run.batches, dataset_valid=None)
        if net.should_stop(run.convergence):
            return True
        if self.n_epochs < run.epochs:
            return False
        net.converged_ = net.recipe.has_step_schedule
        return True


def _numbers_at_start(run: Run) -> tuple:
    recipe = run.net.recipe
    numbers = numbers_of(recipe, recipe.learning_rate_init)
    return *numbers, recipe.learning_rate, run.epochs, recipe.alpha


def _renew_optimizer(
    optimizer: StackedOptimizer | None, trainees: list[_Trainee], stacked, staying
) -> StackedOptimizer:
    """Make the optimizer, or go on with that of the trainees who stay."""
    if optimizer is None:
        optimizer = StackedOptimizer(
            optimizer_family(trainees[0].net.recipe),
            stacked.values,
            stacked.gradients,
            n_penalized=stacked.n_penalized,
        )
    else:
        optimizer = optimizer.take(staying, stacked.values, stacked.gradients)
    if optimizer.family[0] == "sgd" and optimizer.moments:
        for k, trainee in enumerate(trainees):
            _lend_velocity(trainee.net, optimizer, k)
    return optimizer


def _lend_velocity(net: Net, optimizer: StackedOptimizer, k: int) -> None:
    """Let a net's own optimizer see its momentum, which a change of rate rescales."""
    (velocities,) = optimizer.moments
    owners = {p.data_ptr(): p for p in net.module_.parameters()}
    for values, velocity in zip(
        optimizer.values.arrays, velocities.arrays, strict=True
    ):
        p = owners[values[k].data_ptr()]
        net.optimizer_.state[p]["momentum_buffer"] = velocity[k]


def _run_epoch(trainees: list[_Trainee], step: Callable) -> None:
    """Go once through the batches of all networks, and keep their mean losses."""
    for t in trainees:
        t.net.notify("on_epoch_begin", dataset_train=t.run.batches, dataset_valid=None)
    device = trainees[0].net.device
    total = torch.zeros(len(trainees), dtype=sum_dtype(device), device=device)
    for batch in _stacked_batches([t.run.batches for t in trainees]):
        total.add_(step(batch), alpha=batch[0].shape[1])
    # The epoch's only synchronization.
    for t, loss in zip(trainees, total.tolist(), strict=True):
        t.loss = loss / t.run.batches.n_rows


def _stacked_batches(sources: list[Batches]):
    """Yield one batch of each source at a time, with the sources in front."""
    orders = [source.draw_order() for source in sources]
    if _are_alike(sources, orders):
        for batch in sources[0].in_order(orders[0]):
            yield tuple(
                None if part is None else part.expand(len(sources), *part.shape)
                for part in batch
            )
        return
    memory: dict[tuple[str, int], Tensor] = {}

    def stack(name: str, parts: Sequence[Tensor]) -> Tensor:
        """Stack into the memory that this kind of parts had in the last batch."""
        key = name, parts[0].shape[0]  # the last batch may be smaller
        memory[key] = torch.stack(parts, out=memory.get(key))
        return memory[key]

    batches = [s.in_order(order) for s, order in zip(sources, orders, strict=True)]
    for parts in zip(*batches, strict=True):
        X, target, weight = zip(*parts, strict=True)
        X_stack = stack("X", X)
        is_own_target = target[0] is X[0]
        yield (
            X_stack,
            X_stack if is_own_target else stack("target", target),
            None if weight[0] is None else stack("weight", weight),
        )


def _are_alike(sources: list[Batches], orders: list[Tensor | None]) -> bool:
    """Tell whether all sources give the same batches, as those of one fold and seed."""
    first, *others = sources
    if not isinstance(first.rows, DenseRows):
        return False
    return all(
        isinstance(other.rows, DenseRows)
        and _same_memory(other.rows.X, first.rows.X)
        and _are_equal(other.target, first.target)
        and _are_equal(other.weight, first.weight)
        and _are_equal(other.subset, first.subset)
        and _are_equal(order, orders[0])
        for other, order in zip(others, orders[1:], strict=True)
    )


def _same_memory(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return _same_memory(one, other) or torch.equal(one, other)


def _make_step(
    trainees: list[_Trainee], stacked, optimizer: StackedOptimizer
) -> Callable[[tuple], Tensor]:
    """Make what happens to a batch: gradients, penalties, rates, update."""
    recipes = [t.net.recipe for t in trainees]
    add_penalties = _make_add_penalties(recipes, stacked)
    clip = _make_clip(recipes, stacked)
    criterion = trainees[0].net.criterion_

    def step(batch) -> Tensor:
        X, target, weight = batch
        values, outputs = stacked.compute(X, target, weight)
        values = values * criterion.reported_scale(outputs)
        values = add_penalties(values, weight, X.shape[1])
        clip()
        optimizer.step([t.numbers() for t in trainees])
        return values

    return step


def _make_add_penalties(recipes, stacked) -> Callable:
    """Make what adds ``alpha / (2 n) * sum(W**2)`` to losses and gradients."""
    alphas = [r.alpha if r.adds_penalty else 0.0 for r in recipes]
    if not any(alphas):
        return lambda values, weight, n_rows: values
    pairs = [
        (W.flatten(1), gradient.flatten(1))
        for W, gradient in zip(
            stacked.values.arrays[: stacked.n_penalized],
            stacked.gradients.arrays[: stacked.n_penalized],
            strict=True,
        )
    ]
    alpha = pairs[0][0].new_tensor(alphas)  # (n_networks,)

    def add_penalties(values: Tensor, weight: Tensor | None, n_rows: int) -> Tensor:
        if weight is None:
            strength = alpha / n_rows
        else:
            n = weight.sum(dim=1).clamp_min(torch.finfo(weight.dtype).tiny)
            strength = alpha / n
        for W, gradient in pairs:
            square = torch.linalg.vecdot(W, W)
            gradient.addcmul_(W, strength[:, None])
            values = values + square * strength / 2
        return values

    return add_penalties


def _make_clip(recipes, stacked) -> Callable[[], None]:
    """Make what scales down the gradients of each network whose norm is too large."""
    limits = [r.clip_grad_norm for r in recipes]
    if all(limit is None for limit in limits):
        return lambda: None
    arrays = [array.flatten(1) for array in stacked.gradients.arrays]
    limit = arrays[0].new_tensor([float("inf") if x is None else x for x in limits])
    has_limit = torch.tensor([x is not None for x in limits], device=limit.device)

    def clip() -> None:
        # As torch.nn.utils.clip_grad_norm_ does, with the same small number.
        norms = torch.stack([torch.linalg.vector_norm(a, dim=1) for a in arrays])
        norm = torch.linalg.vector_norm(norms, dim=0)
        share = (limit / (norm + 1e-6)).clamp_max(1.0)
        # Without a limit an infinite norm is no reason to divide by it.
        share = share.where(has_limit, 1.0)
        for array in arrays:
            array.mul_(share[:, None])

    return clip
