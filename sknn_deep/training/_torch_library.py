"""Functions of the libraries that torch is built on, which Python has no way to."""

import ctypes
from pathlib import Path

import torch


def find_torch_library(*names: str) -> ctypes.CDLL | None:
    """Find the library by which torch itself would call functions of these names.

    The libraries that it needs are searched, too. None where they are not to be found.
    """
    for path in (Path(torch.__file__).parent / "lib").glob("*torch_cpu.*"):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        if all(hasattr(library, name) for name in names):
            return library
    return None
