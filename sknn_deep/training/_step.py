"""What happens to a batch: gradient, penalty, rate, update."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from torch import Tensor, nn

from sknn_deep.machine import Capture, GraphedWork, captures, thread_count
from sknn_deep.optimizers import (
    STEP_SCHEDULES,
    DeviceRates,
    add_penalty,
    constant,
    make_patient_step,
    make_step,
)
from sknn_deep.rows import Batches
from sknn_deep.training._callbacks import UNWATCHED, Watched
from sknn_deep.training._protocols import Gradient
from sknn_deep.training._run import Run
from sknn_deep.training._step_plan import StepPlan, resolve_step

if TYPE_CHECKING:
    from sknn_deep.training._net import Net

Step = Callable[..., dict[str, Tensor]]


@contextmanager
def planned_gradient(
    run: Run, *, watched: Watched = UNWATCHED, n_epochs_before: int = 0
) -> Iterator[tuple[StepPlan, Batches, Gradient]]:
    """Plan the steps of a run; give its batches and gradient for a while, as planned.

    The plan stays as the net's ``step_plan_``.
    """
    net = run.net
    kind = net.gradient(net.module_, net.criterion_)
    seen, options = net.forward_pass_, {}
    if seen is not None and seen.draws_globally:
        options["draws_globally"] = True
    plan, batches = resolve_step(
        kind, run, watched=watched, n_epochs_before=n_epochs_before
    )
    net.step_plan_ = plan
    with (
        kind.make(
            net.module_,
            net.criterion_,
            n_rows=batches.batch_size,
            generator=run.generator,
            transposed=plan.layout,
            **options,
        ) as gradient,
        thread_count(plan.threads),
    ):
        yield plan, batches, gradient


@contextmanager
def planned_step(
    run: Run, *, watched: Watched = UNWATCHED, n_epochs_before: int = 0
) -> Iterator[tuple[Batches, Step]]:
    """Give the batches of a run, and what is done to each, for a while."""
    net = run.net
    with (
        planned_gradient(run, watched=watched, n_epochs_before=n_epochs_before) as (
            plan,
            batches,
            gradient,
        ),
        captures(net.placement.device, run.generator)
        if plan.captured
        else nullcontext() as capture,
    ):
        yield (
            batches,
            make_train_step(
                net,
                gradient,
                watched,
                n_steps=run.n_steps,
                n_taken=n_epochs_before * len(run.batches),
                may_miss=plan.gradient != "explicit",
                capture=capture,
            ),
        )


def make_train_step(
    net: "Net",
    gradient: Gradient,
    watched: Watched = UNWATCHED,
    *,
    n_steps: int,
    n_taken: int = 0,
    may_miss: bool = False,
    capture: Capture | None = None,
) -> Step:
    """Make what happens to a batch: gradient, penalty, rate, update.

    `n_taken` of the training's `n_steps` were taken before. `may_miss` tells that some
    gradients may be missing. With `capture`, all but the rate is replayed as a graph.
    """
    recipe, optimizer = net.recipe, net.optimizer_
    rates = None if capture is None else DeviceRates(optimizer, recipe)
    if may_miss:
        update = make_patient_step(optimizer, recipe)
    else:
        # Of gradients that it is shown, a callback may put others in their place.
        update = make_step(
            optimizer, recipe, rates, gradients_stay=not watched.gradients
        )
    schedule = STEP_SCHEDULES.get(recipe.learning_rate, constant)
    is_scheduled = schedule is not constant
    # As torch's schedulers do, for the next training to begin where this one did.
    peaks = [
        group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups
    ]
    work = _make_work(net, gradient, update, watched)
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


def _make_work(
    net: "Net", gradient: Gradient, update: Callable[[], None], watched: Watched
) -> Step:
    """Make all that happens to a batch but the rate."""
    recipe, criterion = net.recipe, net.criterion_
    max_norm = recipe.clip_grad_norm
    parameters = [] if max_norm is None else list(net.module_.parameters())

    def work(batch) -> dict[str, Tensor]:
        X, target, weight = batch
        value, output = gradient.compute(X, target, weight)
        scale = criterion.reported_scale(output)
        if scale != 1:
            value = value * scale
        if recipe.adds_penalty:
            pairs = gradient.penalized()
            value = add_penalty(value, pairs, recipe.alpha, weight, X.shape[0])
        if max_norm is not None:
            nn.utils.clip_grad_norm_(parameters, max_norm)
        if watched.gradients:
            net.notify(
                "on_grad_computed",
                named_parameters=list(net.get_all_learnable_params()),
                batch=batch[:2],
                training=True,
            )
        update()
        return {"loss": value, "y_pred": output, **criterion.terms()}

    return work
