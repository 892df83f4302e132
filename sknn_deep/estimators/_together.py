"""Many fits at once: those that can be are trained as stacks."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._solvers import FitPlan, end_epochs
from sknn_deep.modules import stack_family, stacked_gradient
from sknn_deep.training import run_family, train_stack

# Larger stacks leave a processor's cache; on a GPU they only have to fit in its memory.
_MAX_ON_CPU = 32
_MAX_BYTES = 2**30


def family_of(estimator: BaseNetEstimator, plan: FitPlan) -> tuple | None:
    """Give what fits must have in common to be trained as a stack, None if they cannot.

    Those that cannot are trained one after the other: L-BFGS and optimizers of the
    user's own, normalization, noise and the other variants of autoencoders, mixed
    precision, compilation, callbacks, `verbose`, `max_time`, and ``partial_fit``, which
    keeps the optimizer.
    """
    if plan.run is None or plan.incremental or plan.placement.autocast is not None:
        return None
    if estimator.compile:
        return None
    if estimator._has_callbacks():
        return None
    network = stack_family(plan.net.module_, plan.net.criterion_)
    training = run_family(plan.run)
    return None if network is None or training is None else (network, training)


def train_together(
    estimators: Sequence[BaseNetEstimator],
    plans: Sequence[FitPlan],
    *,
    on_epoch: Callable[[int], None] = lambda n_running: None,
) -> tuple[list[Exception | None], list[bool]]:
    """Train planned fits, and end them.

    Returns
    -------
    errors : list of Exception or None
        What each fit failed with.

    stacked : list of bool
        Whether each was trained in a stack.
    """
    errors: list[Exception | None] = [None] * len(plans)
    stacked = [False] * len(plans)
    for members in _stacks(estimators, plans):
        if len(members) == 1:
            (i,) = members
            errors[i] = _train_alone(estimators[i], plans[i])
            continue
        outcome = train_stack(
            [plans[i].run for i in members], stacked_gradient, on_epoch=on_epoch
        )
        for i, error in zip(members, outcome, strict=True):
            stacked[i] = True
            errors[i] = error or _end(estimators[i], plans[i])
    return errors, stacked


def _stacks(estimators, plans) -> list[list[int]]:
    """Divide the numbers of the plans into stacks of similar size."""
    families = defaultdict(list)
    alone = []
    for i, (estimator, plan) in enumerate(zip(estimators, plans, strict=True)):
        family = family_of(estimator, plan)
        if family is None:
            alone.append([i])
        else:
            families[family].append(i)
    return [
        stack
        for members in families.values()
        for stack in _divide(members, _most_in_a_stack(plans[members[0]]))
    ] + alone


def _divide(members: list[int], n_most: int) -> list[list[int]]:
    """Divide into as few parts of almost the same length as there may be."""
    n_parts = -(-len(members) // n_most)
    bounds = [len(members) * part // n_parts for part in range(n_parts + 1)]
    return [members[a:b] for a, b in pairwise(bounds)]


def _most_in_a_stack(plan: FitPlan) -> int:
    """Tell how many networks are trained together at most."""
    parameters = list(plan.net.module_.parameters())
    n_parameters = sum(p.numel() for p in parameters)
    n_units = sum(p.shape[0] for p in parameters if p.ndim == 1)
    # Parameters, gradients and two moments; inputs and some arrays for each layer.
    n_rows = plan.run.batches.batch_size
    n_numbers = 4 * n_parameters + n_rows * (plan.samples.X.shape[1] + 5 * n_units)
    fitting = _MAX_BYTES // (n_numbers * parameters[0].element_size())
    if plan.placement.device.type == "cpu":
        fitting = min(fitting, _MAX_ON_CPU)
    return max(1, fitting)


def _train_alone(estimator: BaseNetEstimator, plan: FitPlan) -> Exception | None:
    try:
        estimator._train(plan)
        estimator._end_fit(plan)
    except Exception as error:
        return error
    return None


def _end(estimator: BaseNetEstimator, plan: FitPlan) -> Exception | None:
    try:
        end_epochs(plan.net, keep_optimizer=False)
        estimator._end_fit(plan)
    except Exception as error:
        return error
    return None
