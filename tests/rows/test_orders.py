"""Orders of rows: each row once, and from the random numbers that were given."""

import numpy as np
import pytest
import sklearn.utils
import torch

from sknn_deep.rows import block_permutations, device_permutations, numpy_permutations


def test_numpy_permutations_are_scikit_learns_shuffles():
    random_state, oracle_state = np.random.RandomState(3), np.random.RandomState(3)
    permute = numpy_permutations(17, random_state)
    expected = np.arange(17)

    for _ in range(4):
        expected = sklearn.utils.shuffle(expected, random_state=oracle_state)

        np.testing.assert_array_equal(permute().numpy(), expected)

    assert random_state.randint(2**30) == oracle_state.randint(2**30)


def test_numpy_permutations_given_out_are_not_changed_later():
    permute = numpy_permutations(17, np.random.RandomState(0))
    first = permute()
    before = first.clone()

    permute()

    assert torch.equal(first, before)


def test_device_permutations_follow_from_the_generator_alone():
    before = torch.get_rng_state()
    one, other = (
        device_permutations(17, torch.Generator().manual_seed(0)) for _ in range(2)
    )

    first, second = one(), one()

    assert torch.equal(first, other())
    assert torch.equal(second, other())
    assert not torch.equal(first, second)
    assert sorted(first.tolist()) == list(range(17))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("n_rows", "window_rows"), [(1, 1), (10, 3), (1000, 300), (5000, 1024), (700, 9999)]
)
def test_block_permutations_have_each_row_once_and_differ(n_rows, window_rows):
    permute = block_permutations(n_rows, window_rows, np.random.RandomState(0))

    orders = [permute().tolist() for _ in range(3)]

    assert all(sorted(order) == list(range(n_rows)) for order in orders)
    assert n_rows == 1 or orders[0] != orders[1] != orders[2]


def test_block_permutations_follow_from_the_random_state():
    first, second = (
        block_permutations(3000, 512, np.random.RandomState(5))() for _ in range(2)
    )

    assert torch.equal(first, second)


def test_block_permutations_read_blocks_of_neighbors_in_a_window():
    n_rows, window_rows = 2**17, 2**13
    order = block_permutations(n_rows, window_rows, np.random.RandomState(0))().numpy()

    for start in range(0, n_rows, window_rows):
        rows = np.sort(order[start : start + window_rows])
        n_runs = 1 + np.count_nonzero(np.diff(rows) != 1)
        assert n_runs <= 256 + 2  # blocks that the window's borders cut
        assert n_runs > 200


def test_block_permutations_mix_rows_that_are_sorted_by_class():
    n_rows, window_rows = 2**17, 2**13
    classes = np.arange(n_rows) * 10 // n_rows
    order = block_permutations(n_rows, window_rows, np.random.RandomState(0))().numpy()

    for start in range(0, n_rows, window_rows):
        counts = np.bincount(classes[order[start : start + window_rows]], minlength=10)
        # Four deviations of 256 blocks of one class each.
        assert np.abs(counts / window_rows - 0.1).max() < 4 * np.sqrt(0.09 / 256)
