"""One batch of each of several networks at a time, as one array."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sknn_deep.rows._base import Rows
from sknn_deep.rows._batches import Batches
from sknn_deep.rows._orders import Permutations
from sknn_deep.rows._rows import memory_of

# Rows of all networks together whose targets and weights are picked at once: enough for
# the calls to cost nothing, few enough to take little memory.
_ROWS_AT_ONCE = 2**20


class SharedRows(NamedTuple):
    """A batch's rows of several networks, of which neighbors may see the same ones.

    Attributes
    ----------
    X : Tensor of shape (n_groups, n_batch, n_features)

    bounds : tuple of (int, int)
        The networks of each group, from the first one to the one after the last.
    """

    X: Tensor
    bounds: tuple[tuple[int, int], ...]

    @property
    def n_batch(self) -> int:
        return self.X.shape[1]

    def of_each(self) -> Tensor:
        """Give those of each network, ``(n_networks, n_batch, n_features)``."""
        return _repeat(self.X, self.bounds)


# Rows, targets and weights, of all networks.
StackedBatch = tuple[SharedRows, Tensor, Tensor | None]
Permute = Callable[[], Tensor]  # draws the order of an epoch


class StackedBatches:
    """One batch of each of several networks at a time, epoch after epoch.

    Sources that would draw the same orders have them drawn once: :meth:`close` lets the
    others catch up, for whoever goes on with them alone.

    Parameters
    ----------
    sources : sequence of Batches
        With as many batches each, of the same size but for the last, no two of which
        draw from one generator. Those that share their rows should stand side by side,
        and among them those that go through them in the same order: their rows are
        gathered once.

    Attributes
    ----------
    batch_sizes : Tensor of shape (n_batches, n_sources)
        How many rows each batch has. Where a source's last batch is smaller than
        another's, a row without weight fills it up.
    """

    def __init__(self, sources: Sequence[Batches]):
        self._n_sources = len(sources)
        self._leading, self._following = _lead([source.permute for source in sources])
        self._bounds = _find_alike(sources, self._leading)
        self._leaders = [sources[start] for start, _ in self._bounds]
        self._gather: Callable[[Tensor], Tensor] | None = None
        first = sources[0]
        device = first.rows.slice(0, 0).device
        self.batch_sizes = torch.full(
            (len(first), len(sources)), first.batch_size, device=device
        )
        last = [source.n_last for source in sources]
        self.batch_sizes[-1] = torch.tensor(last, device=device)
        # Of the last batch, where some have fewer rows than others.
        self._is_own_row: Tensor | None = None
        if len(set(last)) > 1:
            numbers = torch.arange(max(last), device=device)
            self._is_own_row = numbers < self.batch_sizes[-1, :, None]

    def __iter__(self) -> Iterator[StackedBatch]:
        """Go through an epoch.

        Yields
        ------
        X : SharedRows
            Overwritten by the next ones.

        target : Tensor of shape (n_sources, n_batch) or (n_sources, n_batch, n_outputs)

        weight : Tensor of shape (n_sources, n_batch), or None
        """
        drawn = {
            permute: None if permute is None else permute()
            for permute in dict.fromkeys(self._leading)
        }
        orders = [
            leader.rows_in(drawn[self._leading[start]])
            for leader, (start, _) in zip(self._leaders, self._bounds, strict=True)
        ]
        return self._of_one(orders[0]) if len(orders) == 1 else self._of_many(orders)

    def close(self) -> None:
        """Let each source's own orders go on from where the shared ones are."""
        for permutations, leading in self._following:
            permutations.catch_up(leading)

    def _of_one(self, order: Tensor | None) -> Iterator[StackedBatch]:
        """Give all sources the batches of the first."""
        bounds = self._bounds
        for X, target, weight in self._leaders[0].in_order(order):
            assert isinstance(X, Tensor), "rows that are shared are dense"
            yield (
                SharedRows(X.unsqueeze(0), bounds),
                _repeat(target.unsqueeze(0), bounds),
                None if weight is None else _repeat(weight.unsqueeze(0), bounds),
            )

    def _of_many(self, orders: list[Tensor | None]) -> Iterator[StackedBatch]:
        leaders, bounds = self._leaders, self._bounds
        first = leaders[0]
        X_like: Tensor = first.rows.slice(0, 0)
        gather = self._gather = self._gather or _make_gather(leaders, X_like)
        size = first.batch_size
        n_rows = max(leader.n_rows for leader in leaders)
        filled = [
            _fill_up(order, leader.n_rows, n_rows, device=X_like.device)
            for order, leader in zip(orders, leaders, strict=True)
        ]
        span = max(1, _ROWS_AT_ONCE // (self._n_sources * size)) * size
        for start in range(0, n_rows, span):
            rows = [order[start : start + span] for order in filled]
            targets = _select([source.target for source in leaders], rows, bounds)
            weights = _select([source.weight for source in leaders], rows, bounds)
            index = torch.stack(rows)  # (n_groups, n_span)
            for first_row in range(0, index.shape[1], size):
                batch = slice(first_row, first_row + size)
                shared = SharedRows(gather(index[:, batch]), bounds)
                weight = None if weights is None else weights[:, batch]
                is_last = start + first_row + size >= n_rows
                if is_last and self._is_own_row is not None:
                    own = self._is_own_row.to(X_like.dtype)
                    weight = own if weight is None else weight * own
                yield (
                    shared,
                    shared.of_each() if targets is None else targets[:, batch],
                    weight,
                )


def _lead(
    permutes: Sequence[Permute | None],
) -> tuple[list[Permute | None], list[tuple[Permutations, Permutations]]]:
    """Let the first of those that would draw the same orders draw for all of them.

    Returns
    -------
    leading : list
        Who draws, for each source.

    following : list of (Permutations, Permutations)
        Those that do not draw, and who does it for them.
    """
    first: dict[bytes, Permutations] = {}
    leading, following = list(permutes), []
    for i, permute in enumerate(permutes):
        if isinstance(permute, Permutations):
            leading[i] = leader = first.setdefault(permute.state(), permute)
            if leader is not permute:
                following.append((permute, leader))
    return leading, following


def _fill_up(order: Tensor | None, n_own: int, n_rows: int, *, device) -> Tensor:
    """Give an order of `n_own` rows, and its last one again up to `n_rows`.

    A row of the same batch, whose outputs are finite where the network's are.
    """
    if order is None:
        order = torch.arange(n_own, device=device)
    return torch.cat([order, order[-1:].expand(n_rows - n_own)])


def _select(
    parts: Sequence[Tensor | None],
    rows: Sequence[Tensor],
    bounds: tuple[tuple[int, int], ...],
) -> Tensor | None:
    """Pick rows of each part, for each source; the parts are all there or none is."""
    picked = [
        part.index_select(0, index)
        for part, index in zip(parts, rows, strict=True)
        if part is not None
    ]
    return _repeat(torch.stack(picked), bounds) if picked else None


def _repeat(groups: Tensor, bounds: tuple[tuple[int, int], ...]) -> Tensor:
    """Give each source what its group has; `groups` has the groups in front."""
    n_sources = bounds[-1][1]
    if len(bounds) == n_sources:
        return groups
    if len(bounds) == 1:
        return groups.expand(n_sources, *groups.shape[1:])
    sizes = torch.tensor([stop - start for start, stop in bounds], device=groups.device)
    return groups.repeat_interleave(sizes, dim=0, output_size=n_sources)


def _make_gather(
    sources: Sequence[Batches], X_like: Tensor
) -> Callable[[Tensor], Tensor]:
    """Make what gathers the rows that an index (n_groups, n_batch) names."""
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


def _find_alike(
    sources: Sequence[Batches], leading: Sequence[Permute | None]
) -> tuple[tuple[int, int], ...]:
    """Find neighbors that give the same batches, as those of one fold and seed."""
    bounds = [(0, 1)]
    for i in range(1, len(sources)):
        start, _ = bounds[-1]
        is_same_order = leading[i] is leading[start]
        if is_same_order and _are_alike(sources[i], sources[start]):
            bounds[-1] = (start, i + 1)
        else:
            bounds.append((i, i + 1))
    return tuple(bounds)


def _are_alike(one: Batches, other: Batches) -> bool:
    return (
        one.rows.address == other.rows.address
        and _are_equal(one.target, other.target)
        and _are_equal(one.weight, other.weight)
        and _are_equal(one.subset, other.subset)
    )


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return memory_of(one) == memory_of(other) or torch.equal(one, other)
