"""As many threads as the work is worth, for as long as it lasts."""

import functools
import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from sknn_deep.machine._own_threads import find_libraries, own_threads
from sknn_deep.machine._process_threads import process_threads

# Floating-point operations of a step, and of a block of a prediction, under which a
# second thread costs more than it brings: 0.02 GFLOP take some 0.3 ms on one core, and
# a thread that sleeps may take longer to wake.
_STEP_IN_ONE_THREAD_BELOW = 2e7
_BLOCK_IN_ONE_THREAD_BELOW = 1e7
# Floating-point operations of float32 in a step of a stack, some 1 ms, from which on
# two stacks side by side take less time than one after the other: their threads wait
# for each other between any two calls, as Python runs in one at a time.
_STACK_IN_OWN_THREAD_FROM = 8e7
# Multiplications that torch's libraries do in the calling thread anyway.
_ALONE_ANYWAY = 1e4

_lock = threading.Lock()
_n_limiting = 0
_limit = None


def threads_for_step(
    parameters: Sequence[Tensor],
    n_rows: int,
    *,
    density: float = 1.0,
    n_products: float | None = None,
) -> int | None:
    """Tell how many threads a step of `n_rows` is worth; None is all that there are.

    `density` is the share of the first layer's products that are computed; `n_products`
    is how many a row takes, if that was counted. In dense layers it is one for each
    parameter.
    """
    n_products = n_products or _count_products(parameters, density)
    is_small = _count_operations(n_products, n_rows) < _STEP_IN_ONE_THREAD_BELOW
    return 1 if is_small and parameters[0].device.type == "cpu" else None


def threads_for_block(n_products: float, device: torch.device) -> int | None:
    """Tell the same of a block of rows that passes the network.

    `n_products` is how many multiplications all of its rows take together. Where they
    are so few that no library starts a thread, nothing is to be set.
    """
    if n_products <= _ALONE_ANYWAY or device.type != "cpu":
        return None
    return 1 if 2 * n_products < _BLOCK_IN_ONE_THREAD_BELOW else None


def networks_for_a_core(parameters: Sequence[Tensor], n_rows: int) -> int:
    """Tell how many networks like one are worth a thread of their own.

    They take a step of `n_rows` rows each as one computation.
    """
    n_operations = _count_operations(_count_products(parameters), n_rows)
    n_operations *= parameters[0].element_size() / 4
    return math.ceil(_STACK_IN_OWN_THREAD_FROM / n_operations)


def threads_for_stack(
    parameters: Sequence[Tensor], n_rows: int, n_networks: int
) -> int | None:
    """Tell how many threads a step of such networks is worth; None is all there are.

    Threads that share each product wait for each other, above all where another process
    wants a core, so that what is not worth two stacks is not worth two threads.
    """
    is_small = n_networks < 2 * networks_for_a_core(parameters, n_rows)
    return 1 if is_small and parameters[0].device.type == "cpu" else None


def _count_operations(n_products: float, n_rows: int) -> float:
    """Count two for each row and weight, and twice as many for the gradients."""
    return 6 * n_rows * n_products


def _count_products(parameters: Sequence[Tensor], density: float = 1.0) -> float:
    n_products = sum(map(Tensor.numel, parameters))
    return n_products - (1 - density) * parameters[0].numel()


def thread_count(n_threads: int | None) -> AbstractContextManager:
    """Let torch use `n_threads` threads in a training; None is what it used before."""
    if find_libraries() is None:
        return process_threads(n_threads)
    return nullcontext() if n_threads is None else own_threads(n_threads)


def prediction_threads(n_threads: int | None) -> AbstractContextManager:
    """Let torch use `n_threads` threads, where no other thread comes to know of it.

    Predictions are made in many threads at once, and while others start.
    """
    if n_threads is None or find_libraries() is None:
        return nullcontext()
    return own_threads(n_threads)


@contextmanager
def one_blas_thread():
    """Let NumPy's and SciPy's BLAS use one thread.

    OpenBLAS keeps its threads spinning for a while after each call, on the cores that
    torch's threads want. Their number is the process's: of uses side by side, the first
    sets it and the last sets it back.
    """
    global _n_limiting, _limit
    with _lock:
        if _n_limiting == 0:
            _limit = _find_blas().limit(limits=1)
        _n_limiting += 1
    try:
        yield
    finally:
        with _lock:
            _n_limiting -= 1
            if _n_limiting == 0:
                _limit.restore_original_limits()


@functools.cache
def _find_blas() -> ThreadpoolController:
    return ThreadpoolController().select(internal_api="openblas")
