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
    where, seen = net.placement, net.forward_pass_
    rows = X
    if not isinstance(X, Rows):
        rows = make_rows(
            X,
            where.X_dtype,
            where.device,
            resident=False,
            keeps_integers=seen is not None and seen.takes_integers,
        )
    parameters = list(net.module_.parameters())
    n_units = seen.n_units if seen else max(max(p.shape) for p in parameters)
    if takes_sparse and getattr(net.module_, "takes_sparse_rows", False):
        sparse = rows.kept_sparse()
        if sparse is not None:
            n_units = max(p.shape[0] for p in parameters)
            rows = sparse
    n_block = rows_per_block(n_units, where.device)
    n_threads = threads_for_block(
        parameters,
        min(n_block, rows.shape[0]),
        density=rows.density,
        n_products=seen and seen.n_products,
    )
    start = 0
    while start < rows.shape[0]:
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
