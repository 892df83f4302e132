"""Rows that pass a network without training, a block at a time."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

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
    n_rows = rows.shape[0]
    if n_rows == 1 and torch.get_num_threads() == 1:
        return 1, None  # nothing to divide
    seen, parameters = net.forward_pass_, list(net.module_.parameters())
    if is_sparse:
        n_units = max(p.shape[0] for p in parameters)
    else:
        n_units = seen.n_units if seen else max(max(p.shape) for p in parameters)
    n_block = rows_per_block(n_units, net.placement.device)
    n_threads = threads_for_block(
        parameters,
        min(n_block, n_rows),
        density=rows.density,
        n_products=None if seen is None else seen.n_products,
    )
    return n_block, n_threads
