"""Many fits at once: those that can be are trained as stacks."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise

import torch
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator

from sknn_deep._sklearn_private import has_callbacks
from sknn_deep.fitting._own_code import has_own_training
from sknn_deep.fitting._solvers import FitPlan, end_epochs
from sknn_deep.gradients import stack_family, stacked_gradient
from sknn_deep.machine import networks_for_a_core, thread_count
from sknn_deep.training import Run, place_in_stack, run_family, train_stack

# A stack of fewer small networks brings next to nothing.
_FEWEST_SMALL = 8
# On a GPU a stack only has to fit in its memory. On a CPU a step's calls cost the less
# for each network the more there are, until nothing stays in a core's cache; and the
# smaller the stacks, the less is lost where one core is late. The bytes are those that
# `_most_in_a_stack` counts.
_MAX_BYTES = 2**30
_MAX_ON_CPU = 40
_CACHED_BYTES = 24 * 2**20


def may_be_stacked(estimator: BaseEstimator) -> bool:
    """Tell by the parameters whether a fit may be trained in a stack.

    This is asked before it is planned, and so of parameters that nobody has checked.
    :func:`family_of` tells in the end.
    """
    if not hasattr(estimator, "solver"):
        return False  # networks for tables, whose steps are of another kind
    solver, verbose = estimator.solver, estimator.verbose
    callbacks = estimator.callbacks
    return not (
        not isinstance(solver, str)
        or solver == "lbfgs"
        or (isinstance(verbose, int) and verbose > 0)
        or (isinstance(callbacks, list | tuple) and len(callbacks) > 0)
        or estimator.compile is True
        or estimator.max_time is not None
        or getattr(estimator, "normalization", None) is not None
        or has_callbacks(estimator)
        or has_own_training(estimator)
    )


def family_of(estimator: BaseEstimator, plan: FitPlan) -> tuple | None:
    """Give what fits must have in common to be trained as a stack, None if they cannot.

    Those that cannot are trained one after the other: L-BFGS and optimizers of the
    user's own, normalization, noise and the other variants of autoencoders, mixed
    precision, compilation, callbacks, `verbose`, `max_time`, rows that stay sparse,
    subclasses with a training of their own, and ``partial_fit``, which keeps the
    optimizer.
    """
    if plan.run is None or plan.incremental or plan.placement.autocast is not None:
        return None
    if estimator.compile:
        return None
    if has_callbacks(estimator) or has_own_training(estimator):
        return None
    network = stack_family(plan.net.module_, plan.net.criterion_)
    training = run_family(plan.run)
    return None if network is None or training is None else (network, training)


def train_together(
    estimators: Sequence[BaseEstimator],
    plans: Sequence[FitPlan],
    *,
    on_epoch: Callable[[int], None] = lambda n_running: None,
) -> tuple[list[Exception | None], list[bool]]:
    """Train planned fits, which are then only to be ended.

    Returns
    -------
    errors : list of Exception or None
        What each fit failed with.

    stacked : list of bool
        Whether each was trained in a stack.
    """
    errors: list[Exception | None] = [None] * len(plans)
    stacked = [False] * len(plans)
    parts = divide_into_stacks(estimators, plans)
    stacks = [members for members in parts if len(members) > 1]
    outcomes = _train_stacks([[plans[i].run for i in s] for s in stacks], on_epoch)
    for members, outcome in zip(stacks, outcomes, strict=True):
        for i, error in zip(members, outcome, strict=True):
            stacked[i] = True
            errors[i] = error or end_epochs_of(estimators[i], plans[i])
    for members in parts:
        if len(members) == 1:
            (i,) = members
            errors[i] = train_alone(estimators[i], plans[i])
    return errors, stacked


def _train_stacks(
    stacks: list[list[Run]], on_epoch: Callable[[int], None]
) -> list[list[Exception | None]]:
    """Train stacks side by side, each in one thread, as far as that is faster.

    Threads that share each matrix product wait for each other at its end; those that
    have a stack of their own do not.
    """
    n_workers = count_workers(stacks)
    if n_workers < 2:
        return [
            train_stack(runs, stacked_gradient, on_epoch=on_epoch) for runs in stacks
        ]
    is_over = threading.Event()
    config = get_config()

    def check(n_running: int) -> None:
        if is_over.is_set():
            raise KeyboardInterrupt
        on_epoch(n_running)

    def train(runs: list[Run]) -> list[Exception | None]:
        with config_context(**config), thread_count(1):
            return train_stack(runs, stacked_gradient, on_epoch=check)

    with ThreadPoolExecutor(n_workers) as pool:
        futures = [pool.submit(train, runs) for runs in stacks]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()  # raises the error of a stack
            return [future.result() for future in futures]
        except BaseException:
            is_over.set()  # for the others to end with their epoch
            pool.shutdown(cancel_futures=True)
            raise


def count_workers(stacks: list[list[Run]]) -> int:
    """Tell how many stacks are to be trained side by side."""
    n_large = sum(len(runs) >= _least_in_a_stack(runs[0]) for runs in stacks)
    return max(1, min(n_large, count_cores(stacks)))


def count_cores(stacks: list[list[Run]]) -> int:
    """Tell how many stacks can be trained side by side."""
    devices = {run.net.placement.device.type for runs in stacks for run in runs}
    return torch.get_num_threads() if devices <= {"cpu"} else 1


def divide_into_stacks(estimators, plans) -> list[list[int]]:
    """Divide the numbers of the plans into stacks of similar size."""
    families = defaultdict(list)
    alone = []
    for i, (estimator, plan) in enumerate(zip(estimators, plans, strict=True)):
        family = family_of(estimator, plan)
        if family is None:
            alone.append([i])
        else:
            families[family].append(i)
    stacks = []
    for members in families.values():
        members.sort(key=lambda i: place_in_stack(plans[i].run))
        n_cores = count_cores([[plans[i].run for i in members]])
        n_most = _most_in_a_stack(plans[members[0]], n_cores)
        n_least = _least_in_a_stack(plans[members[0]].run)
        stacks += _divide(members, n_most=n_most, n_least=n_least, n_cores=n_cores)
    return stacks + alone


def _divide(
    members: list[int], *, n_most: int, n_least: int, n_cores: int
) -> list[list[int]]:
    """Divide into parts of almost the same length, as many for each core.

    No part is larger than `n_most`, nor, for the sake of the cores, smaller than
    `n_least`.
    """
    n_fewest = -(-len(members) // n_most)
    n_parts = -(-n_fewest // n_cores) * n_cores
    n_parts = max(n_fewest, min(n_parts, len(members) // n_least))
    bounds = [len(members) * part // n_parts for part in range(n_parts + 1)]
    return [members[a:b] for a, b in pairwise(bounds)]


def _least_in_a_stack(run: Run) -> int:
    """Tell with how many networks like this one a core is given a stack of its own."""
    parameters = list(run.net.module_.parameters())
    # One of its own is no stack.
    return max(2, networks_for_a_core(parameters, run.batches.batch_size))


def _most_in_a_stack(plan: FitPlan, n_stacks: int) -> int:
    """Tell how many networks are trained together at most, in each of some stacks."""
    parameters = list(plan.net.module_.parameters())
    n_parameters = sum(p.numel() for p in parameters)
    n_units = sum(p.shape[0] for p in parameters if p.ndim == 1)
    # Parameters, gradients and two moments; inputs and some arrays for each layer.
    n_rows = plan.run.batches.batch_size
    n_numbers = 4 * n_parameters + n_rows * (plan.samples.X.shape[1] + 5 * n_units)
    n_bytes = n_numbers * parameters[0].element_size()
    fitting = _MAX_BYTES // n_stacks // n_bytes
    if plan.placement.device.type == "cpu":
        cached = max(_FEWEST_SMALL, _CACHED_BYTES // n_bytes)
        fitting = min(fitting, cached, _MAX_ON_CPU)
    return max(1, fitting)


def train_alone(estimator: BaseEstimator, plan: FitPlan) -> Exception | None:
    try:
        estimator._train(plan)
    except Exception as error:
        return error
    return None


def end_epochs_of(estimator: BaseEstimator, plan: FitPlan) -> Exception | None:
    try:
        end_epochs(plan.net, keep_optimizer=False)
        estimator._warn_unless_converged(plan)
    except Exception as error:
        return error
    return None
