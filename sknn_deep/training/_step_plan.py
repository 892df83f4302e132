"""How a step is computed: each choice is made here, with its reason."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from sknn_deep.machine import MIN_STEPS, can_capture, threads_for_step
from sknn_deep.optimizers import is_own
from sknn_deep.rows import Batches
from sknn_deep.training._callbacks import UNWATCHED, Watched
from sknn_deep.training._protocols import GradientKind, StackedGradient

if TYPE_CHECKING:
    from sknn_deep.training._net import Net
    from sknn_deep.training._run import Run


@dataclass(frozen=True)
class StepPlan:
    """How a training computes its steps, and why so.

    Prints as a table: a choice in each line, and its reason.

    Attributes
    ----------
    gradient : {"explicit", "recorded", "compiled", "stacked"}
        Written out, recorded by autograd, that of a compiled network, or written out
        for several networks at once.

    rows : {"dense", "sparse"}
        Whether the first layer multiplies by zeros too.

    layout : tuple of str
        Names of the weights that are transposed in memory; printed as "usual" if there
        are none.

    captured : bool
        Whether steps are replayed as a CUDA graph.

    threads : int or None
        Of the processor; None is as many as torch has.

    denormals : {"kept", "flushed"}
        Whether numbers too small for their type's full precision are taken for zero.

    reasons : dict of str to str
        Why each of them is so, by its name.
    """

    gradient: str
    rows: str
    layout: tuple[str, ...]
    captured: bool
    threads: int | None
    denormals: str
    reasons: dict[str, str] = field(compare=False)

    def __str__(self) -> str:
        shown = {
            "gradient": self.gradient,
            "rows": self.rows,
            "layout": ", ".join(self.layout) or "usual",
            "captured": "yes" if self.captured else "no",
            "threads": "all" if self.threads is None else str(self.threads),
            "denormals": self.denormals,
        }
        width = max(map(len, shown.values()))
        return "\n".join(
            f"{name:<10}{value:<{width}}  {self.reasons[name]}"
            for name, value in shown.items()
        )


def resolve_step(
    kind: GradientKind,
    run: "Run",
    *,
    watched: Watched = UNWATCHED,
    n_epochs_before: int = 0,
) -> tuple[StepPlan, Batches]:
    """Decide how a training computes its steps; give its batches as they come then.

    Parameters
    ----------
    kind : GradientKind
        The gradient that is chosen for the network.

    run : Run

    watched : Watched
        What callbacks see of each step.

    n_epochs_before : int
        Epochs of the run that are over.
    """
    net, seen = run.net, run.net.forward_pass_
    with_scipy = net.recipe.solver == "lbfgs"
    n_left = (run.epochs - n_epochs_before) * len(run.batches)
    parameters = dict(net.module_.named_parameters())
    first = next(iter(parameters.values()))
    updates = "" if with_scipy else _who_sees_updates(net, watched)
    steps = updates or _said(watched.batches, "looks at batches")
    n_units = len(first) if first.ndim else 1
    batches, why_rows = _choose_rows(kind, run, n_units, steps)
    is_sparse = batches is not run.batches
    seen_by = "SciPy takes weights as they are" if with_scipy else updates
    layout = () if seen_by else kind.faster_transposed(parameters)
    if is_sparse:
        layout = tuple({next(iter(parameters)): None} | dict.fromkeys(layout))
    why_one_by_one = _why_not_captured(kind, net, run.batches, n_left, steps)
    threads = threads_for_step(
        list(parameters.values()),
        batches.batch_size,
        density=batches.density,
        n_products=None if seen is None else seen.n_products,
    )
    denormals, why_denormals = _choose_denormals(watched, with_scipy)
    plan = StepPlan(
        gradient=kind.name,
        rows="sparse" if is_sparse else "dense",
        layout=layout,
        captured=not why_one_by_one,
        threads=threads,
        denormals=denormals,
        reasons={
            "gradient": kind.reason,
            "rows": why_rows,
            "layout": _why_layout(layout, seen_by),
            "captured": why_one_by_one or "nothing but numbers differs between steps",
            "threads": _why_threads(threads, first),
            "denormals": why_denormals,
        },
    )
    return plan, batches


def plan_of_stack(
    net: "Net", stacked: StackedGradient, n_networks: int, threads: int | None
) -> StepPlan:
    """Tell how the steps of a net are computed in a stack with others."""
    names = {p: name for name, p in net.module_.named_parameters()}
    layout = tuple(
        names[p]
        for p, is_transposed in zip(
            _of(net, stacked.parameters), stacked.values.transposed, strict=True
        )
        if is_transposed
    )
    first = next(net.module_.parameters())
    return StepPlan(
        gradient="stacked",
        rows="dense",
        layout=layout,
        captured=False,
        threads=threads,
        denormals="flushed",
        reasons={
            "gradient": f"{n_networks} networks of the same shapes",
            "rows": "of all networks side by side",
            "layout": _why_layout(layout, ""),
            "captured": "a stack is large enough to keep a GPU at work",
            "threads": _why_threads(threads, first),
            "denormals": "no callback computes meanwhile",
        },
    )


def _of(net: "Net", parameters: list[list]) -> list:
    """Find the parameters of one of the nets of a stack."""
    first = next(net.module_.parameters())
    return next(own for own in parameters if any(p is first for p in own))


def _said(names: tuple[str, ...], what: str) -> str:
    return f"the callback {names[0]} {what}" if names else ""


def _who_sees_updates(net: "Net", watched: Watched) -> str:
    """Tell whose code, if not ours alone, sees gradients before the update."""
    if not is_own(net.optimizer_):
        return f"{type(net.optimizer_).__name__} is no optimizer of ours"
    return _said(watched.gradients, "looks at gradients")


def _choose_rows(
    kind: GradientKind, run: "Run", n_units: int, seen_by: str
) -> tuple[Batches, str]:
    """Give the batches of a run as they are, or without zeros, and why so."""
    if not kind.is_explicit:
        return run.batches, "only written-out gradients multiply by sparse rows"
    if not getattr(run.net.module_, "takes_sparse_rows", False):
        return run.batches, "the network takes dense rows only"
    if seen_by:
        return run.batches, seen_by
    without_zeros = run.batches.without_zeros(n_units, run.epochs)
    if without_zeros is None:
        return run.batches, "leaving out zeros would not save enough"
    return without_zeros, "leaving out zeros saves more than it costs"


def _why_layout(layout: tuple[str, ...], seen_by: str) -> str:
    if layout:
        return "products are faster so, of few features or of sparse rows"
    return seen_by or "no product is faster with transposed weights"


def _why_not_captured(
    kind: GradientKind, net: "Net", batches: Batches, n_steps: int, seen_by: str
) -> str:
    """Tell what keeps steps from being replayed; nothing if they can be.

    The kernels read rates in float32 alone, which is not exact enough for float64.
    """
    reasons = {
        "only a CUDA device replays steps": not can_capture(net.placement.device),
        "only written-out gradients stay in one place": not kind.is_explicit,
        f"fewer than {MIN_STEPS} steps are not worth it": n_steps < MIN_STEPS,
        "rates are in float32": net.placement.dtype != torch.float32,
        "batches do not come in the same memory": not batches.keeps_memory,
        seen_by: bool(seen_by),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _why_threads(threads: int | None, like: torch.Tensor) -> str:
    if like.device.type != "cpu":
        return "the device computes"
    if threads is None:
        return "a step is large enough for all"
    return "a step is so small that a second thread costs more than it brings"


def _choose_denormals(watched: Watched, with_scipy: bool) -> tuple[str, str]:
    if with_scipy:
        return "kept", "SciPy computes meanwhile"
    if watched == UNWATCHED:
        return "flushed", "products of them take up to a hundred times as long"
    names = watched.batches + watched.gradients
    return "kept", f"the callback {names[0]} may compute with them"
