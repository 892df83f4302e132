"""torch's number of threads where it is the process's: for a while, and then back."""

import threading
from collections.abc import Callable
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_n_running = 0
_for_new_threads = 1
_of_this_thread = threading.local()


def _in_new_thread(function: Callable, *arguments):
    """Call where nothing but the process-wide number is known."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))
    thread.start()
    thread.join()
    return results[0]


@contextmanager
def process_threads(n_threads: int | None):
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
