"""One batch of each of several networks at a time, as one array."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sknn_deep.rows._base import Rows
from sknn_deep.rows._batches import Batches
from sknn_deep.rows._rows import memory_of

# Rows of all networks together whose targets and weights are picked at once: enough for
# the calls to cost nothing, few enough to take little memory.
_ROWS_AT_ONCE = 2**20


def stacked_batches(
    sources: Sequence[Batches],
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Yield one batch of each source at a time, with the sources in front.

    Parameters
    ----------
    sources : sequence of Batches
        With as many rows and batches each. Those that share their rows should stand
        side by side.

    Yields
    ------
    X : Tensor of shape (n_sources, n_batch, n_features)
        Overwritten by the next one.

    target : Tensor of shape (n_sources, n_batch) or (n_sources, n_batch, n_outputs)

    weight : Tensor of shape (n_sources, n_batch), or None
    """
    orders = [source.draw_order() for source in sources]
    if _are_alike(sources, orders):
        for X, target, weight in sources[0].in_order(orders[0]):
            assert isinstance(X, Tensor), "rows that are shared are dense"
            yield (
                _repeat(X, len(sources)),
                _repeat(target, len(sources)),
                None if weight is None else _repeat(weight, len(sources)),
            )
        return
    first = sources[0]
    X_like: Tensor = first.rows.slice(0, 0)
    in_order = torch.arange(first.n_rows, device=X_like.device)
    drawn = [in_order if order is None else order for order in orders]
    gather = _make_gather(sources, X_like)
    size = first.batch_size
    span = max(1, _ROWS_AT_ONCE // (len(sources) * size)) * size
    for start in range(0, first.n_rows, span):
        rows = [order[start : start + span] for order in drawn]
        targets = _select([source.target for source in sources], rows)
        weights = _select([source.weight for source in sources], rows)
        index = torch.stack(rows)  # (n_sources, n_span)
        for first_row in range(0, index.shape[1], size):
            batch = slice(first_row, first_row + size)
            X = gather(index[:, batch])
            yield (
                X,
                X if targets is None else targets[:, batch],
                None if weights is None else weights[:, batch],
            )


def _select(parts: Sequence[Tensor | None], rows: Sequence[Tensor]) -> Tensor | None:
    """Pick rows of each part; the parts are all there or none is."""
    picked = [
        part.index_select(0, index)
        for part, index in zip(parts, rows, strict=True)
        if part is not None
    ]
    return torch.stack(picked) if picked else None


def _repeat(part: Tensor, n_sources: int) -> Tensor:
    """Show each source the same part, without a copy."""
    return part.expand(n_sources, *part.shape)


def _make_gather(
    sources: Sequence[Batches], X_like: Tensor
) -> Callable[[Tensor], Tensor]:
    """Make what gathers the rows that an index (n_sources, n_batch) names."""
    neighbours = _find_neighbours([source.rows for source in sources])

    @functools.cache  # the last batch may be smaller
    def make_buffer(n_batch: int) -> Tensor:
        return X_like.new_empty(len(sources), n_batch, X_like.shape[1])

    def gather(index: Tensor) -> Tensor:
        X = make_buffer(index.shape[1])
        for rows, start, stop in neighbours:
            out = X[start:stop].flatten(0, 1)
            rows.take(index[start:stop].flatten(), out=out)
        return X

    return gather


class _Neighbours(NamedTuple):
    """Sources from `start` to `stop` whose rows are the same."""

    rows: Rows
    start: int
    stop: int


def _find_neighbours(rows: Sequence[Rows]) -> list[_Neighbours]:
    neighbours: list[_Neighbours] = []
    for i, one in enumerate(rows):
        # Of others, a call for many networks would make as many dense at once.
        has_tensor = one.tensor is not None
        if has_tensor and neighbours and one.address == neighbours[-1].rows.address:
            neighbours[-1] = neighbours[-1]._replace(stop=i + 1)
        else:
            neighbours.append(_Neighbours(one, i, i + 1))
    return neighbours


def _are_alike(sources: Sequence[Batches], orders: Sequence[Tensor | None]) -> bool:
    """Tell whether all sources give the same batches, as those of one fold and seed."""
    first, *others = sources
    return all(
        other.rows.address == first.rows.address
        and _are_equal(other.target, first.target)
        and _are_equal(other.weight, first.weight)
        and _are_equal(order, orders[0])
        for other, order in zip(others, orders[1:], strict=True)
    )


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return memory_of(one) == memory_of(other) or torch.equal(one, other)
