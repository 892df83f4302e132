"""Gathered batches: the rows that were asked for, in memory that is kept."""

import numpy as np
import pytest
import torch

import sknn_deep.rows._gatherer as gatherer_file
from sknn_deep.rows._gatherer import Gatherer


def make_X():
    return np.random.default_rng(0).normal(size=(10, 3))


@pytest.mark.parametrize("parts", ["X", "X y", "X w", "X y w"])
@pytest.mark.parametrize("at_once", [1, 3 * 24 * 2, 2**18], ids=["1", "2", "all"])
def test_gatherer_gives_the_rows_in_batches(parts, at_once, monkeypatch):
    monkeypatch.setattr(gatherer_file, "_BYTES_AT_ONCE", at_once)
    X, y = torch.from_numpy(make_X()), torch.arange(10)
    weight = y + 0.5
    y = y if "y" in parts else None
    weight = weight if "w" in parts else None
    gatherer = Gatherer((X, y, weight), batch_size=3)

    for seed in range(2):
        order = torch.randperm(10, generator=torch.Generator().manual_seed(seed))
        expected = iter(order.split(3))
        for index in order.split(gatherer.n_at_once):
            for batch in gatherer.gather(index):
                rows = next(expected)
                for part, got in zip((X, y, weight), batch, strict=True):
                    if part is None:
                        assert got is None
                    else:
                        assert torch.equal(got, part[rows])
        assert next(expected, None) is None


def test_gatherer_keeps_its_memory_and_its_batches():
    X = torch.from_numpy(make_X())
    gatherer = Gatherer((X, None), batch_size=3)

    first = gatherer.gather(torch.arange(10))
    again = gatherer.gather(torch.arange(9, -1, -1))
    fewer = gatherer.gather(torch.tensor([4, 5]))

    assert again is first
    assert fewer[0][0].data_ptr() == first[0][0].data_ptr()


def test_gatherer_takes_rows_more_than_once():
    X = torch.from_numpy(make_X())
    gatherer = Gatherer((X,), batch_size=6, n_rows=20)
    order = torch.arange(20) % 10

    batches = [
        batch
        for index in order.split(gatherer.n_at_once)
        for (batch,) in gatherer.gather(index)
    ]
    assert [len(batch) for batch in batches] == [6, 6, 6, 2]
    assert torch.equal(batches[1], X[order[6:12]])
