"""Rows that pass a network without training, a block at a time."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sknn_deep.machine import autocast, prediction_threads, threads_for_block
from sknn_deep.rows import Rows, make_rows, rows_per_block

if TYPE_CHECKING:
    from sknn_deep.training._net import Net


def map_blocks(
    net: "Net",
    function: Callable[[Tensor], Tensor],
    X,
    *,
    device,
    takes_sparse: bool,
    finish: Callable[[Tensor], Any],
) -> Iterator:
    """Yield what `function` makes of one block of rows after the other.

    With `takes_sparse`, it gets a SparseBatch where that is faster. Where the device
    has not enough memory for a block, the blocks become smaller. `finish` gets what was
    made, in the type of the parameters and on `device`.
    """
    where = net.placement
    rows = X if isinstance(X, Rows) else _place(net, X)
    sparse = None
    if takes_sparse and getattr(net.module_, "takes_sparse_rows", False):
        sparse = rows.kept_sparse()
    rows = rows if sparse is None else sparse
    n_rows = rows.shape[0]
    n_block, n_threads = _plan_blocks(net, rows, is_sparse=sparse is not None)
    start = 0
    while start < n_rows:
        try:
            with (
                prediction_threads(n_threads),
                torch.inference_mode(),
                autocast(net.device, where.autocast),
            ):
                output = function(rows.slice(start, start + n_block))
                block = finish(output.to(device, where.dtype))
        except torch.OutOfMemoryError:
            if n_block == 1:
                raise
            n_block //= 2
            continue
        start += n_block
        yield block


def _place(net: "Net", X) -> Rows:
    """Make rows of an array, a CSR matrix or a mapped array."""
    where, seen = net.placement, net.forward_pass_
    return make_rows(
        X,
        where.X_dtype,
        where.device,
        resident=False,
        keeps_integers=seen is not None and seen.takes_integers,
    )


def _plan_blocks(net: "Net", rows: Rows, *, is_sparse: bool) -> tuple[int, int | None]:
    """Tell how many rows to pass at once, and in how many threads; None is all.

    Of sparse rows, features do not count among the units of the widest layer.
    """
    seen, device = net.forward_pass_, net.placement.device
    if seen is not None:
        n_units, n_products = seen.n_units, seen.n_products
    else:
        sizes = sizes_of(net.module_)
        n_units = sizes.widest_output if is_sparse else sizes.widest
        n_products = sizes.n_parameters - (1 - rows.density) * sizes.n_first
    n_block = rows_per_block(n_units, device)
    n_products *= min(n_block, rows.shape[0])
    return n_block, threads_for_block(n_products, device)


class Sizes(NamedTuple):
    """What the parameters of a network tell of its work.

    Attributes
    ----------
    widest : int
        The most numbers that a dense layer takes or gives for a row.

    widest_output : int
        The most that one gives.

    n_parameters : int

    n_first : int
        Of them, those of the first layer's weights.
    """

    widest: int
    widest_output: int
    n_parameters: int
    n_first: int


# By the network, and as long as that lives: to go through its parameters takes as long
# as a layer. A network whose layers somebody has replaced predicts the same, by blocks
# of another size.
_known: WeakKeyDictionary[nn.Module, Sizes] = WeakKeyDictionary()


def sizes_of(module: nn.Module) -> Sizes:
    """Look for the sizes of a network, once."""
    sizes = _known.get(module)
    if sizes is None:
        parameters = list(module.parameters())
        sizes = _known[module] = Sizes(
            widest=max(max(p.shape) for p in parameters),
            widest_output=max(p.shape[0] for p in parameters),
            n_parameters=sum(map(Tensor.numel, parameters)),
            n_first=parameters[0].numel(),
        )
    return sizes
