"""Orders in which each row comes with one of its neighbors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from sknn_deep.neighbors import NeighborGraph, PairOrders
from sknn_deep.neighbors._pairs import walk_lengths


def make_ring(n_rows):
    """From each row to the next one."""
    return NeighborGraph(np.arange(n_rows + 1), np.roll(np.arange(n_rows), -1))


def make_orders(graph, *, batch_size=4, n_epochs=0, shuffle=True, seed=0):
    return PairOrders(
        graph,
        batch_size=batch_size,
        n_epochs=n_epochs,
        shuffle=shuffle,
        random_state=np.random.RandomState(seed),
        device=torch.device("cpu"),
    )


def pairs_of(order, batch_size):
    """Give rows and partners of the batches of an epoch."""
    batches = [batch.chunk(2) for batch in order.split(2 * batch_size)]
    rows, partners = map(torch.cat, zip(*batches, strict=True))
    return rows.numpy(), partners.numpy()


@pytest.mark.parametrize("n_rows", [8, 10, 3])  # 10 leaves a batch of two
def test_an_epoch_has_each_row_once_with_its_neighbor(n_rows):
    order = make_orders(make_ring(n_rows))()

    rows, partners = pairs_of(order, batch_size=4)
    assert order.dtype == torch.int64
    assert_array_equal(np.sort(rows), np.arange(n_rows))
    assert not np.array_equal(rows, np.arange(n_rows))
    assert_array_equal(partners, (rows + 1) % n_rows)


def test_without_shuffling_rows_come_in_their_order():
    rows, _ = pairs_of(make_orders(make_ring(10), shuffle=False)(), batch_size=4)

    assert_array_equal(rows, np.arange(10))


def test_walks_become_shorter_over_the_first_half():
    assert_array_equal(
        walk_lengths(np.arange(16), 16), [4, 4, 3, 3, 2, 2, 1, 1] + [1] * 8
    )
    assert_array_equal(walk_lengths(np.arange(3), 0), 1)


def test_partners_are_as_many_edges_away_as_walks_are_long():
    orders = make_orders(make_ring(40), batch_size=5, n_epochs=2)

    for lengths in ([4] * 10 + [3] * 10 + [2] * 10 + [1] * 10, [1] * 40):
        rows, partners = pairs_of(orders(), batch_size=5)
        assert_array_equal((partners - rows) % 40, lengths)


def test_partners_are_drawn_evenly_from_the_neighbors():
    matrix = np.zeros((4, 4))
    matrix[0, 1:] = 1
    orders = make_orders(NeighborGraph.of_matrix(csr_array(matrix)))

    drawn = []
    for _ in range(300):
        rows, partners = pairs_of(orders(), batch_size=4)
        drawn.append(partners[rows == 0][0])
        # Those without neighbors are their own.
        assert_array_equal(partners[rows != 0], rows[rows != 0])
    counts = np.bincount(drawn, minlength=4)
    assert counts[0] == 0
    assert (abs(counts[1:] - 100) < 30).all()  # over three deviations


def test_orders_are_those_of_the_seed():
    graph = make_ring(10)
    first, again, other = (make_orders(graph, seed=seed) for seed in (0, 0, 1))

    orders = [first() for _ in range(3)]
    assert all(torch.equal(order, again()) for order in orders)
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], other())
