"""As many threads as the work is worth, for as long as it lasts."""

import functools
import threading
from collections.abc import Callable
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController
from torch import nn

# Floating-point operations of a step under which a second thread costs more than it
# brings: 0.02 GFLOP take some 0.5 ms on one core.
_ONE_THREAD_BELOW = 2e7

_lock = threading.Lock()
_n_running = 0
_for_new_threads = 1
_of_this_thread = threading.local()
_n_limiting = 0
_limit = None


def threads_for(module: nn.Module, n_rows: int, *, density: float = 1.0) -> int | None:
    """Tell how many threads a step of `n_rows` is worth; None is all that there are.

    `density` is the share of the first layer's products that are computed.
    """
    parameters = list(module.parameters())
    n_products = sum(p.numel() for p in parameters)
    n_products -= (1 - density) * parameters[0].numel()
    n_flops = 6 * n_rows * n_products
    is_small = parameters[0].device.type == "cpu" and n_flops < _ONE_THREAD_BELOW
    return 1 if is_small else None


def _in_new_thread(function: Callable, *arguments):
    """Call where nothing but the process-wide number is known."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))
    thread.start()
    thread.join()
    return results[0]


@contextmanager
def thread_count(n_threads: int | None):
    """Let torch use `n_threads` threads; None is what it used before.

    ``torch.set_num_threads`` sets the number for the calling thread, and for all that
    start later. Fits may run side by side in threads of their own: each goes back to
    its own number, and the last one to the number for new threads that the first found.
    """
    global _n_running, _for_new_threads
    depth = getattr(_of_this_thread, "depth", 0)
    with _lock:
        # torch reads a thread's number late: asking first makes it the thread's own.
        before = torch.get_num_threads()
        if _n_running == 0:
            _for_new_threads = _in_new_thread(torch.get_num_threads)
        elif depth == 0:
            before = _for_new_threads  # this thread began with a number of another fit
        _n_running += 1
        torch.set_num_threads(n_threads or before)
    _of_this_thread.depth = depth + 1
    try:
        yield
    finally:
        _of_this_thread.depth = depth
        with _lock:
            _n_running -= 1
            torch.set_num_threads(before)
            if _n_running == 0 and before != _for_new_threads:
                _in_new_thread(torch.set_num_threads, _for_new_threads)


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
