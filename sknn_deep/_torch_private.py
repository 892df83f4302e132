"""The only place that uses what torch marks private, or has not always had.

Each way around an older version says which version makes it needless.
"""

import ctypes
from pathlib import Path

import torch

fused_adam = torch._fused_adam_
fused_adamw = torch._fused_adamw_
fused_sgd = torch._fused_sgd_


def current_device_index() -> int:
    """Give the number of the accelerator that is current in this thread.

    Until torch 2.8, which gave it this name, is the oldest.
    """
    if hasattr(torch.accelerator, "current_device_index"):
        return torch.accelerator.current_device_index()
    return torch.accelerator.current_device_idx()


def let_graph_draw(graph: torch.cuda.CUDAGraph, generator: torch.Generator) -> None:
    """Let the kernels of a graph that is yet to be captured draw from a generator.

    From 2.14 on torch finds the generator by itself, and warns if it is told.
    """
    if torch.__version__ < (2, 14):  # type: ignore[operator]
        graph.register_generator_state(generator)


def occupy_gpu(n_cycles: int) -> None:
    """Let the current GPU do nothing else for a while."""
    torch.cuda._sleep(n_cycles)


def find_torch_library(*names: str) -> ctypes.CDLL | None:
    """Find the library by which torch itself would call functions of these names.

    They are functions of the libraries that torch is built on, which Python has no way
    to. The libraries that those need are searched, too. None where they are not to be
    found.
    """
    for path in (Path(torch.__file__).parent / "lib").glob("*torch_cpu.*"):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        if all(hasattr(library, name) for name in names):
            return library
    return None


__all__ = [
    "current_device_index",
    "find_torch_library",
    "fused_adam",
    "fused_adamw",
    "fused_sgd",
    "let_graph_draw",
    "occupy_gpu",
]
