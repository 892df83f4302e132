"""Where the numbers live, and in which precision they are computed."""

import logging
import multiprocessing
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from sknn_deep._torch_private import current_device_index

_logger = logging.getLogger("sknn_deep")


@dataclass(frozen=True)
class Placement:
    """Device and number types of one fit.

    Attributes
    ----------
    device : torch.device

    dtype : torch.dtype
        Of parameters, probabilities and predicted numbers.

    autocast : torch.dtype or None
        Type of mixed-precision arithmetic, in which X is kept too.
    """

    device: torch.device
    dtype: torch.dtype
    autocast: torch.dtype | None = None

    @property
    def X_dtype(self) -> torch.dtype:
        return self.autocast or self.dtype

    def names(self) -> dict[str, str | None]:
        """Give the fields as text, such as "cuda:0" and "float32"."""
        return {
            "device": str(self.device),
            "dtype": _NAMES[self.dtype],
            "autocast": None if self.autocast is None else _NAMES[self.autocast],
        }

    @classmethod
    def of_names(cls, device: str, dtype: str, autocast: str | None) -> "Placement":
        """Make what :meth:`names` tells of, on the CPU if the device is missing."""
        return cls(
            device_or_cpu(torch.device(device)),
            _DTYPES[dtype],
            None if autocast is None else _DTYPES[autocast],
        )


_DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def resolve_device(device: str | torch.device, *, owner: str) -> torch.device:
    """Turn "auto" into a device, and check that a named one is there.

    "auto" is the accelerator that torch reports (CUDA, MPS, XPU ...), else the CPU.
    Where there are several, processes that were started by another one, such as those
    of ``n_jobs``, spread over them.

    The device has its number: which one "cuda" is may change, and differs from thread
    to thread.
    """
    if isinstance(device, str) and device == "auto":
        resolved = _find_device()
        _logger.debug("%s: device='auto' is %s here", owner, resolved)
        return resolved
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"The 'device' parameter of {owner} must be 'auto' or a torch device such "
            f"as 'cpu', 'cuda', 'cuda:1' or 'mps'. Got {device!r} instead."
        ) from error
    if resolved.type == "cpu":
        return torch.device("cpu")  # "cpu:0" is a name that torch cannot read again
    n_devices = count_devices(resolved.type)
    if n_devices == 0:
        raise ValueError(
            f"{owner} was asked for device={str(device)!r}, but this torch "
            f"({torch.__version__}) finds no such device here. Use device='cpu', or "
            f"device='auto' for the fastest that is there."
        )
    if (resolved.index or 0) >= n_devices:
        raise ValueError(
            f"{owner} was asked for device={str(device)!r}, but the number of "
            f"devices of type {resolved.type!r} here is {n_devices}."
        )
    return resolved if resolved.index is not None else _current(resolved.type)


def count_devices(kind: str) -> int:
    """Count the devices of a type, such as "cuda", that torch finds here."""
    if kind == "cpu":
        return 1
    accelerator = _find_accelerator()
    is_of_kind = accelerator is not None and accelerator.type == kind
    return torch.accelerator.device_count() if is_of_kind else 0


def device_or_cpu(device: torch.device) -> torch.device:
    """Give `device` if it is there, else the CPU."""
    is_there = (device.index or 0) < count_devices(device.type)
    return device if is_there else torch.device("cpu")


def _find_accelerator() -> torch.device | None:
    if not torch.accelerator.is_available():
        return None
    return torch.accelerator.current_accelerator()


def _find_device() -> torch.device:
    accelerator = _find_accelerator()
    if accelerator is None:
        return torch.device("cpu")
    kind = accelerator.type
    n_devices = torch.accelerator.device_count()
    if n_devices < 2 or multiprocessing.parent_process() is None:
        return _current(kind)
    # Processes that are started together have numbers in a row.
    return torch.device(kind, os.getpid() % n_devices)


def _current(kind: str) -> torch.device:
    return torch.device(kind, current_device_index())


def resolve_placement(
    device: str | torch.device,
    precision: str,
    X_dtype: np.dtype,
    *,
    owner: str,
) -> Placement:
    """Turn `device`, `precision` and the type of X into a :class:`Placement`.

    With ``precision="auto"`` the CPU computes in X's own type, as scikit-learn does
    (float32 stays, all else is float64), and accelerators in float32.
    """
    resolved = resolve_device(device, owner=owner)
    if precision == "bfloat16":
        return Placement(resolved, torch.float32, autocast=torch.bfloat16)
    if precision == "auto":
        keeps_double = resolved.type == "cpu" and X_dtype != np.float32
        precision = "float64" if keeps_double else "float32"
    if precision == "float64" and resolved.type == "mps":
        raise ValueError(
            f"{owner} was asked for precision='float64', which the device "
            f"{str(resolved)!r} cannot compute. Use precision='float32' or "
            "device='cpu'."
        )
    return Placement(resolved, _DTYPES[precision])


# Of a GPU's free memory, what an array may take; the work with it needs some too.
_ROOM = 0.75


def has_room(device: torch.device, n_bytes: int) -> bool:
    """Tell whether an array of `n_bytes` may stay on `device`.

    Only NVIDIA's and AMD's GPUs are asked; others share the host's memory, mostly.
    """
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return n_bytes <= _ROOM * (free + cached)


def made_on_cpu() -> AbstractContextManager:
    """Let tensors be made on the CPU, whatever the user's default device is.

    Inside ``torch.device``, each call of torch takes a microsecond more.
    """
    # get_default_device of torch 2.6 knows no ``with torch.device``, and fails where a
    # default was set and taken back.
    is_default = torch.empty(0).device.type == "cpu"
    return nullcontext() if is_default else torch.device("cpu")


def sum_dtype(device: str | torch.device) -> torch.dtype:
    """Give the type in which losses are added up; MPS has no float64."""
    is_mps = torch.device(device).type == "mps"
    return torch.float32 if is_mps else torch.float64


def autocast(
    device: str | torch.device, dtype: torch.dtype | None
) -> AbstractContextManager:
    """Compute in mixed precision with `dtype`, or as usual if it is None."""
    if dtype is None:
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=dtype)
