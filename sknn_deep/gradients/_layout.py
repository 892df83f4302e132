"""Which weights of dense layers are transposed in memory while they are trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

# A product writes its result by the register, into rows that fill four of them or none:
# shorter ones take up to four times as long.
_SHORT_BYTES = 256
_REGISTER = 16  # numbers of float32

# With fewer units, rows as long as the output would be short themselves.
_MIN_UNITS = 32


def is_faster_transposed(parameter: Tensor) -> bool:
    """Tell whether ``(n_out, n_in)`` weights are faster to train as ``(n_in, n_out)``.

    That is so where few features meet many units, for the product that gives the
    weights' gradient. Only on a processor; biases stay as they are.
    """
    if parameter.ndim != 2 or parameter.device.type != "cpu":
        return False
    n_out, n_in = parameter.shape
    is_short = n_in * parameter.itemsize < _SHORT_BYTES and n_in % _REGISTER != 0
    return is_short and n_out >= _MIN_UNITS


def is_faster_transposed_in_stack(parameter: Tensor, *, is_first: bool) -> bool:
    """Tell the same of weights in a stack, where the units lie in rows.

    Past the first layer, products into few rows are slower than into few columns.
    """
    if is_first or parameter.ndim != 2 or parameter.device.type != "cpu":
        return is_faster_transposed(parameter)
    n_out, n_in = parameter.shape
    return n_out < min(_MIN_UNITS, n_in)


def is_stored_transposed(array: Tensor) -> bool:
    """Tell whether an array's last two dimensions are swapped in memory."""
    return array.ndim > 1 and array.mT.is_contiguous() and not array.is_contiguous()


def copy_contiguous(array: Tensor) -> Tensor:
    """Copy to new memory, in the usual order."""
    if array.is_contiguous():
        return array.clone()
    copy = torch.empty(array.shape, dtype=array.dtype, device=array.device)
    if is_stored_transposed(array):
        # Written with gaps and read without them, the copy is divided among threads.
        copy.mT.copy_(array.mT)
        return copy
    return copy.copy_(array)


def view_part(part: Tensor, shape: Sequence[int], *, transposed: bool) -> Tensor:
    """View part of a buffer as an array; its last two dimensions may be swapped there.

    Parameters
    ----------
    part : Tensor of shape (n_elements,)

    shape : sequence of int

    transposed : bool

    Returns
    -------
    array : Tensor of shape `shape`
    """
    if not transposed:
        return part.view(*shape)
    *stack, n_rows, n_columns = shape
    return part.view(*stack, n_columns, n_rows).mT
