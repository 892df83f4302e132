"""As many threads as the work is worth, for as long as it lasts."""

import threading
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_n_running = 0
_n_threads_before = 1


@contextmanager
def thread_count(n_threads: int | None):
    """Let torch use `n_threads` threads; None is what it used before.

    ``torch.set_num_threads`` sets the number for the calling thread and for those that
    start later. Several fits may run side by side, so the number to go back to is the
    one that the first of them found.
    """
    global _n_running, _n_threads_before
    with _lock:
        if _n_running == 0:
            _n_threads_before = torch.get_num_threads()
        _n_running += 1
        torch.set_num_threads(n_threads or _n_threads_before)
    try:
        yield
    finally:
        with _lock:
            _n_running -= 1
            torch.set_num_threads(_n_threads_before)
