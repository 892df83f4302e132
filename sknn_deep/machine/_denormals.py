"""Numbers too small for their type's full precision, taken for zero.

Where a feature is zero for many steps, the moments of its weights shrink towards zero
and become such numbers, and so do weights under an L2 penalty. Some processors take a
hundred times as long for a product of them.
"""

import ctypes
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sknn_deep._torch_private import find_torch_library

# What fenv_t takes at most: 32 bytes on x86-64.
_ENVIRONMENT_BYTES = 128


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Let torch take denormal numbers for zero in what the calling thread does.

    ``torch.set_flush_denormal`` is about that thread alone. OpenMP's, by which torch
    divides its work, are given its floating-point environment where they can be.
    """
    if _are_flushed():
        yield
        return
    n_threads = torch.get_num_threads()
    _set(True, n_threads)
    try:
        yield
    finally:
        _set(False, n_threads)


def _are_flushed() -> bool:
    smallest_normal = sys.float_info.min
    return smallest_normal / 2 == 0.0


def _set(is_flushed: bool, n_threads: int) -> None:
    torch.set_flush_denormal(is_flushed)
    if n_threads > 1:
        _copy_environment(n_threads)


def _copy_environment(n_threads: int) -> None:
    """Give OpenMP's threads the calling one's floating-point environment, if we can."""
    library = _find_openmp()
    if library is not None:
        environment = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
        library.fegetenv(environment)
        library.GOMP_parallel(library.fesetenv, environment, n_threads, 0)


@functools.cache
def _find_openmp() -> ctypes.CDLL | None:
    return find_torch_library("GOMP_parallel", "fegetenv", "fesetenv")
