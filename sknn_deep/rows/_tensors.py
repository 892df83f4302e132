"""Arrays as tensors."""

import ctypes
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensor(
    array: np.ndarray,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Give `array` to torch, without a copy where its type and place are right.

    Read-only memory is shared too: nothing here writes to it, and torch would warn.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if min(array.strides, default=0) < 0 or not (
        array.flags.writeable or (array.flags.c_contiguous and array.size)
    ):
        array = array.copy()
    elif not array.flags.writeable:
        address = array.__array_interface__["data"][0]
        memory: Any = (ctypes.c_char * array.nbytes).from_address(address)
        memory.owner = array  # keeps the array alive as long as the tensor
        array = np.frombuffer(memory, dtype=array.dtype).reshape(array.shape)
    return torch.from_numpy(array).to(device=device, dtype=dtype)
