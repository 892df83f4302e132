"""As many threads as the work is worth, for as long as it lasts."""

import functools
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController
from torch import nn

# Floating-point operations under which a second thread costs more than it brings: 0.02
# GFLOP take some 0.3 ms on one core, and a thread that sleeps may take longer to wake.
_ONE_THREAD_BELOW = 2e7

# Operations for each row and weight: two, and twice as many for the gradients.
_FORWARD, _STEP = 2, 6

# Seconds for which the number for new threads counts as known, if it is that of the
# calling thread: looking it up takes a new thread, and as long as a small prediction.
_KNOWN_FOR = 1.0

_lock = threading.Lock()
_n_running = 0
_for_new_threads = 1
_known_until = 0.0
_of_this_thread = threading.local()
_n_limiting = 0
_limit = None


def threads_for(
    module: nn.Module, n_rows: int, *, density: float = 1.0, is_training: bool = True
) -> int | None:
    """Tell how many threads `n_rows` at a time are worth; None is all that there are.

    `density` is the share of the first layer's products that are computed.
    """
    parameters = list(module.parameters())
    n_products = sum(p.numel() for p in parameters)
    n_products -= (1 - density) * parameters[0].numel()
    n_flops = (_STEP if is_training else _FORWARD) * n_rows * n_products
    is_small = parameters[0].device.type == "cpu" and n_flops < _ONE_THREAD_BELOW
    return 1 if is_small else None


def _in_new_thread(function: Callable, *arguments):
    """Call where nothing but the process-wide number is known."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))
    thread.start()
    thread.join()
    return results[0]


def _look_up(own: int) -> None:
    """Find out the number for new threads."""
    global _for_new_threads, _known_until
    now = time.perf_counter()
    if _for_new_threads != own or now >= _known_until:
        _for_new_threads = _in_new_thread(torch.get_num_threads)
        _known_until = now + _KNOWN_FOR


@contextmanager
def thread_count(n_threads: int | None):
    """Let torch use `n_threads` threads; None is what it used before.

    ``torch.set_num_threads`` sets the number for the calling thread, and for all that
    start later. Work may run side by side in threads of their own: each goes back to
    its own number, and the last one to the number for new threads that the first found.
    """
    global _n_running
    with _lock:
        # torch reads a thread's number late: asking first makes it the thread's own.
        now = before = torch.get_num_threads()
        if _n_running > 0 and not hasattr(_of_this_thread, "is_known"):
            before = _for_new_threads  # it may have begun with one of ours
        _of_this_thread.is_known = True
        inside = n_threads or before
        is_change = not now == before == inside
        if is_change:
            if _n_running == 0:
                _look_up(now)
            _n_running += 1
            torch.set_num_threads(inside)
    try:
        yield
    finally:
        if is_change:
            _go_back(before)


def _go_back(number: int) -> None:
    """Give the calling thread its number again, and if it is the last, new threads."""
    global _n_running
    with _lock:
        _n_running -= 1
        torch.set_num_threads(number)
        if _n_running == 0 and number != _for_new_threads:
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
