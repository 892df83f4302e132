"""Processes that were started side by side, each of which trains the same model."""

import functools
import os
import threading
import warnings

import torch

_lock = threading.Lock()


def warn_of_replicas() -> None:
    """Warn, once in a process, if there are others that train a whole model each."""
    n_processes = count_processes()
    if n_processes > 1:
        with _lock:
            _warn_once(n_processes)


def count_processes() -> int:
    """Count the processes of torch's group, or of those that torchrun announces."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    size = os.environ.get("WORLD_SIZE", "")
    return int(size) if "RANK" in os.environ and size.isdecimal() else 1


# Python forgets which warnings it gave whenever somebody changes a filter, and
# scikit-learn does that in each search.
@functools.cache
def _warn_once(n_processes: int) -> None:
    warnings.warn(
        f"This is one of {n_processes} processes that were started together, by "
        "torchrun for instance. sknn_deep trains in one process: each of them trains a "
        "whole model on the rows that it is given, and they share neither work nor "
        "weights. Start one process, without torchrun. What several processes, GPUs or "
        "machines can share is a search, through joblib with Dask or Ray: see 'How do "
        "I search on a cluster?' in the user guide.",
        stacklevel=2,
    )
