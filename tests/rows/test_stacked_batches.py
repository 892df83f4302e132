"""Batches of several networks at a time against those of each alone."""

import contextlib

import numpy as np
import pytest
import scipy.sparse
import torch

from sknn_deep.rows import Batches, make_rows, numpy_permutations
from sknn_deep.rows import _stacked_batches as module
from sknn_deep.rows._stacked_batches import StackedBatches

CPU = torch.device("cpu")
N_ROWS, BATCH_SIZE = 23, 5


def make_X(seed, *, sparse=False):
    X = np.random.default_rng(seed).normal(size=(N_ROWS, 3))
    return scipy.sparse.csr_array(X) if sparse else X


def make_batches(seed, rows, *, shuffle=True, target=True, weighted=False, subset=None):
    rng = np.random.default_rng(seed)
    n_rows = N_ROWS if subset is None else len(subset)
    permute = numpy_permutations(n_rows, np.random.RandomState(seed))
    return Batches(
        rows,
        torch.tensor(rng.integers(3, size=N_ROWS)) if target else None,
        torch.tensor(rng.uniform(size=N_ROWS)) if weighted else None,
        batch_size=BATCH_SIZE,
        permute=permute if shuffle else None,
        subset=subset,
    )


def dense(seed):
    return make_rows(make_X(seed), torch.float64, CPU)


def sparse(seed):
    return make_rows(make_X(seed, sparse=True), torch.float64, CPU)


def sources_of(kind, **options):
    """Make the same sources at each call."""
    if kind == "sparse":
        return [make_batches(k, sparse(k), **options) for k in range(3)]
    if kind == "alike":
        return [make_batches(0, rows, **options) for rows in views(dense(0), 3)]
    if kind == "two alike":
        seeds = [0, 1, 1, 2]
        rows = views(dense(0), len(seeds))
        pairs = zip(seeds, rows, strict=True)
        return [make_batches(seed, own, **options) for seed, own in pairs]
    rows = views(dense(0), 2)
    if kind == "neighbours":
        rows += [dense(1)]
    return [make_batches(seed, own, **options) for seed, own in enumerate(rows)]


def views(rows, n):
    """Give the same rows, each with a buffer of its own."""
    return [make_rows(rows.X, torch.float64, CPU) for _ in range(n)]


KINDS = ["one array", "neighbours", "sparse", "alike", "two alike"]


@pytest.mark.parametrize("rows_at_once", [1, 40, 2**20])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weighted": True},
        {"target": False},
        {"shuffle": False},
        {"subset": torch.arange(0, N_ROWS, 2)},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_stacked_batches_are_those_of_each_source(
    kind, options, rows_at_once, monkeypatch
):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows_at_once)
    together, alone = sources_of(kind, **options), sources_of(kind, **options)
    stacked = StackedBatches(together)

    for _ in range(2):  # epochs
        n_batches = 0
        for batch, *own in zip(stacked, *alone, strict=True):
            n_batches += 1
            X, *values = batch
            assert X.n_batch == own[0][0].shape[0]
            batch = [X.of_each(), *values]
            for part, parts in zip(batch, zip(*own, strict=True), strict=True):
                if parts[0] is None:
                    assert part is None
                else:
                    torch.testing.assert_close(part, torch.stack(parts), rtol=0, atol=0)
        assert n_batches == len(together[0])


def test_sources_with_and_without_an_order_share_a_stack():
    def sources():
        rows = views(dense(0), 2)
        return [
            make_batches(0, own, shuffle=shuffle)
            for own, shuffle in zip(rows, (False, True), strict=True)
        ]

    for batch, *own in zip(StackedBatches(sources()), *sources(), strict=True):
        torch.testing.assert_close(batch[0].of_each(), torch.stack([b[0] for b in own]))


@pytest.mark.parametrize("rows_at_once", [1, 2**20])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_last_batches_are_filled_up_by_a_row_without_weight(
    weighted, shuffle, rows_at_once, monkeypatch
):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows_at_once)
    sizes = [23, 21, 22, 22]

    def sources():
        return [
            make_batches(
                0, own, weighted=weighted, shuffle=shuffle, subset=torch.arange(n)
            )
            for n, own in zip(sizes, views(dense(0), len(sizes)), strict=True)
        ]

    stacked, alone = StackedBatches(sources()), sources()

    assert stacked.batch_sizes.tolist() == [[5, 5, 5, 5]] * 4 + [[3, 1, 2, 2]]
    for _ in range(2):  # epochs
        for number, (batch, *own) in enumerate(zip(stacked, *alone, strict=True)):
            X, target, weight = batch
            assert (weight is None) == (not weighted and number < 4)
            for k, (own_X, own_target, own_weight) in enumerate(own):
                n = len(own_X)
                torch.testing.assert_close(X.of_each()[k, :n], own_X)
                torch.testing.assert_close(target[k, :n], own_target)
                if weight is not None:
                    own_weight = torch.ones(n) if own_weight is None else own_weight
                    torch.testing.assert_close(
                        weight[k, :n], own_weight, check_dtype=False
                    )
                    assert not weight[k, n:].any()


def test_rows_that_begin_at_the_same_place_are_told_apart():
    X = torch.from_numpy(make_X(0))
    views = [X, X[:3], X[:3].T, X[:3, :2]]
    rows = [make_rows(view, torch.float64, CPU) for view in views]

    assert len({r.X.data_ptr() for r in rows}) == 1
    assert len({r.address for r in rows}) == len(views)


@pytest.mark.parametrize("kind", ["alike", "two alike"])
def test_sources_go_on_from_where_their_stack_was(kind):
    together, alone = sources_of(kind), sources_of(kind)

    for left in (4, 2):  # some leave the stack, and the others go on
        with contextlib.closing(StackedBatches(together[:left])) as stacked:
            for _ in range(2):
                for batch, *own in zip(stacked, *alone[:left], strict=True):
                    expected = torch.stack([b[0] for b in own])
                    assert torch.equal(batch[0].of_each(), expected)
    for source, other in zip(together, alone, strict=True):
        assert torch.equal(source.permute(), other.permute())


def test_orders_that_are_the_same_are_drawn_once(monkeypatch):
    sources = sources_of("two alike")
    kind = type(sources[0].permute)
    drawn = []
    draw = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda p: drawn.append(p) or draw(p))

    list(StackedBatches(sources))
    assert drawn == [sources[0].permute, sources[1].permute, sources[3].permute]
