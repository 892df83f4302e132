"""The number of threads of the calling thread alone, which torch has no function for.

``torch.set_num_threads`` also sets the number for all threads that start later. OpenMP
and MKL, by which torch divides its work, have a number for each thread.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from threadpoolctl import LibController, ThreadpoolController

from sknn_deep._torch_private import find_torch_library


class _Libraries(NamedTuple):
    """What divides torch's work among threads.

    Attributes
    ----------
    openmp : list of LibController
        One for each library that is loaded; torch's is among them.

    set_mkl : callable (int) -> int, or None
        Sets MKL's number for the calling thread, and gives the one before. None where
        torch has no MKL.
    """

    openmp: list[LibController]
    set_mkl: Callable[[int], int] | None


@functools.cache
def find_libraries() -> _Libraries | None:
    """Find the libraries; None where that is not possible."""
    openmp = ThreadpoolController().select(user_api="openmp").lib_controllers
    set_mkl = _find_mkl() if torch.backends.mkl.is_available() else None
    if not openmp or (torch.backends.mkl.is_available() and set_mkl is None):
        return None
    libraries = _Libraries(openmp, set_mkl)
    expected = torch.get_num_threads() + 1
    with _set(libraries, expected):
        is_right = torch.get_num_threads() == expected
    return libraries if is_right else None


def _find_mkl() -> Callable[[int], int] | None:
    library = find_torch_library("MKL_Set_Num_Threads_Local")
    return None if library is None else library.MKL_Set_Num_Threads_Local


@contextmanager
def own_threads(n_threads: int) -> Iterator[None]:
    """Let torch use `n_threads` threads for what the calling thread does."""
    # torch sets a thread's number when it is first asked for it.
    if torch.get_num_threads() == n_threads:
        yield
        return
    libraries = find_libraries()
    assert libraries is not None, "who calls has found them"
    with _set(libraries, n_threads):
        yield


@contextmanager
def _set(libraries: _Libraries, n_threads: int) -> Iterator[None]:
    before = [library.num_threads for library in libraries.openmp]
    for library in libraries.openmp:
        library.set_num_threads(n_threads)
    mkl_before = 0 if libraries.set_mkl is None else libraries.set_mkl(n_threads)
    try:
        yield
    finally:
        for library, number in zip(libraries.openmp, before, strict=True):
            library.set_num_threads(number)
        if libraries.set_mkl is not None:
            libraries.set_mkl(mkl_before)
