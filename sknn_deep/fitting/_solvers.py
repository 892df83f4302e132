"""The two ways to train a net: epochs of batches, or L-BFGS on all rows at once."""

import cmath
import copy
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning

from sknn_deep.data import Samples
from sknn_deep.machine import Placement
from sknn_deep.modules import RandomLayer
from sknn_deep.optimizers import add_penalty, minimize_lbfgs
from sknn_deep.rows import (
    Batches,
    MappedArray,
    as_tensor,
    block_permutations,
    device_permutations,
    numpy_permutations,
    place_targets,
)
from sknn_deep.training import (
    Convergence,
    Net,
    Recipe,
    Run,
    StateKeeper,
    copy_state,
    planned_gradient,
)


@dataclass
class FitPlan:
    """A fit that only needs to be trained.

    Attributes
    ----------
    net : Net

    samples : Samples
        To train on.

    placement : Placement
        Where and in what precision the net is to be afterwards.

    run : Run or None
        The training; None with L-BFGS.

    incremental : bool
        Whether it is one call of ``partial_fit``.

    valid : Samples or None
        To validate on, where the user gave them.

    split : tuple of ndarray or None
        Indices of the rows to train on and of those to validate on, where a splitter
        says so.
    """

    net: Net
    samples: Samples
    placement: Placement
    run: Run | None = None
    incremental: bool = False
    valid: Samples | None = None
    split: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self):
        self.n_epochs_before = len(self.net.history)


def make_generator(
    net: Net, random_state: np.random.RandomState, n_seen: int
) -> torch.Generator | None:
    """Make the generator of dropout masks and noise, and of orders off the CPU.

    Seeded anew at each call of ``partial_fit``, it also depends on how many rows were
    seen before, so that no two calls draw the same masks.
    """
    random_layers = [m for m in net.module_.modules() if isinstance(m, RandomLayer)]
    seen = net.forward_pass_
    is_random = random_layers or (seen is not None and seen.draws_globally)
    if net.placement.device.type == "cpu" and not is_random:
        return None
    generator = torch.Generator(net.placement.device)
    seed = int(random_state.randint(np.iinfo(np.int32).max))
    return generator.manual_seed(seed + n_seen)


def make_batches(
    net: Net,
    samples: Samples,
    target: np.ndarray | None,
    rows: np.ndarray | None,
    *,
    random_state: np.random.RandomState,
    generator: torch.Generator | None,
) -> Batches:
    """Bring the samples to the device, and put their `rows` into batches."""
    device = net.placement.device
    n_rows = len(samples) if rows is None else len(rows)
    permute = None
    is_mapped = isinstance(samples.X, MappedArray)
    if is_mapped and rows is not None:
        rows = np.sort(rows)  # neighbors are read together
    if net.recipe.shuffle and is_mapped:
        window_rows = samples.X.window_rows(net.recipe.batch_size)
        permute = block_permutations(n_rows, window_rows, random_state, device)
    elif net.recipe.shuffle and device.type == "cpu":
        # One row has one order, which nothing is drawn for.
        permute = numpy_permutations(n_rows, random_state) if n_rows > 1 else None
    elif net.recipe.shuffle:
        permute = device_permutations(n_rows, generator)
    return Batches(
        samples.place(net.placement),
        *place_targets(target, samples.weight, net.placement),
        batch_size=net.recipe.batch_size,
        permute=permute,
        subset=None if rows is None else as_tensor(rows, device=device),
    )


def renew_convergence(convergence: Convergence | None, recipe: Recipe) -> Convergence:
    """Start to watch for convergence, or go on where the last training ended."""
    if convergence is None:
        return Convergence(recipe.tol, recipe.n_iter_no_change)
    convergence = copy.copy(convergence)
    convergence.tol = recipe.tol
    convergence.n_iter_no_change = recipe.n_iter_no_change
    return convergence


def run_epochs(
    run: Run, *, keep_optimizer: bool, keeper: StateKeeper | None = None
) -> None:
    """Train by ``net.partial_fit``.

    If that fails, a net whose optimizer is kept is as it was before; any other is the
    fit's own, and of no more use.
    """
    net = run.net
    state = copy_state(net.module_) if keep_optimizer else None
    try:
        net.train(run, keeper)
        end_epochs(net, keep_optimizer=keep_optimizer)
    except BaseException:
        if state is not None:
            net.module_.load_state_dict(state)
            net.initialize_optimizer()
            net.module_.eval()
        raise


def end_epochs(net: Net, *, keep_optimizer: bool) -> None:
    """Take the best weights, with early stopping, and check them.

    Where no epoch had a score, the last weights stay.

    The optimizer starts afresh afterwards unless it is to be kept.
    """
    if net.recipe.early_stopping:
        if net.has_no_score():
            warnings.warn(
                f"{net.owner} stops by a validation score that was no number in any "
                "epoch: the weights are those of the last one. Validate on other rows, "
                "or by another scoring.",
                stacklevel=2,
            )
        else:
            net.module_.load_state_dict(net.best_state_)
        del net.best_state_
    check_finite(net)
    net.module_.eval()
    if not keep_optimizer:
        net.renew_optimizer()


def run_lbfgs(
    net: Net,
    samples: Samples,
    target: np.ndarray | None,
    *,
    max_fun: int,
) -> tuple[OptimizeResult, float]:
    """Train with SciPy's L-BFGS-B; return its result, and the loss to report."""
    recipe = net.recipe
    batches = Batches(
        samples.place(net.placement),
        *place_targets(target, samples.weight, net.placement),
        batch_size=len(samples),
    )

    def objective(*, as_reported: bool = False) -> float:
        """Compute the loss, and leave its gradient in the parameters."""
        value, output = gradient.compute(X, target, weight)
        if as_reported:
            value = value * net.criterion_.reported_scale(output)
        pairs = gradient.penalized()
        return add_penalty(value, pairs, recipe.alpha, weight, len(samples)).item()

    run = Run(net, batches, recipe.max_iter, renew_convergence(None, recipe))
    with planned_gradient(run) as (_, batches, gradient):
        ((X, target, weight),) = batches
        result = minimize_lbfgs(
            net.module_,
            objective,
            max_iter=recipe.max_iter,
            max_fun=max_fun,
            tol=recipe.tol,
        )
        loss = objective(as_reported=True)
    check_finite(net)
    net.module_.eval()
    return result, loss


def check_finite(net: Net) -> None:
    with torch.inference_mode():
        are_finite = all(map(is_finite, net.module_.parameters()))
    if not are_finite:
        raise ValueError(net.divergence_message())


def is_finite(parameter: torch.Tensor) -> bool:
    # A sum is quick; one that overflows says nothing.
    return cmath.isfinite(parameter.sum().item()) or bool(parameter.isfinite().all())


def warn_unless_converged(
    net: Net, advice: str, *, constant: str, stacklevel: int
) -> None:
    """Give at most one ConvergenceWarning.

    `constant` is what a network that has learnt nothing predicts.
    """
    if net.diverged_:
        message = f"{net.divergence_message()} The best weights so far were restored."
    elif not net.converged_:
        message = (
            f"Stochastic Optimizer: Maximum iterations ({net.recipe.max_iter}) reached "
            f"and the optimization hasn't converged yet.{advice}"
        )
    elif advice:
        message = f"The training ended with a network worse than {constant}.{advice}"
    else:
        return
    warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel + 1)
