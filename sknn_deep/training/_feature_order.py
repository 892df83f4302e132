"""The first layer's weights, in another order of the features than X's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def features_in_order(
    weight: nn.Parameter, state: Iterable, order: Tensor
) -> Iterator[None]:
    """Lay weights, their gradient and moments in an order of features for a while.

    Parameters
    ----------
    weight : Parameter of shape (n_out, n_features)
        With a gradient.

    state : iterable
        What an optimizer keeps for the weights; moments are shaped as they are.

    order : int64 Tensor of shape (n_features,)
        Which feature comes in each place.
    """
    arrays = [
        array.detach().mT
        for array in (weight, weight.grad, *state)
        if isinstance(array, Tensor) and array.shape == weight.shape
    ]
    _reorder(arrays, order)
    try:
        yield
    finally:
        _reorder(arrays, order.argsort())


def _reorder(arrays: list[Tensor], order: Tensor) -> None:
    """Put the rows of each array in another order."""
    # In a single call, which Ctrl-C does not divide.
    torch._foreach_copy_(arrays, [array.index_select(0, order) for array in arrays])
