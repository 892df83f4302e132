import numpy as np
import pytest

from sknn_deep.fitting import hold_back, hold_back_by_splits


def split(n_rows, n_members, fraction, strata=None):
    return hold_back(
        n_rows,
        n_members,
        fraction,
        strata=strata,
        random_state=np.random.RandomState(0),
    )


@pytest.mark.parametrize(("n_rows", "n_members"), [(100, 2), (101, 5), (20, 10)])
def test_parts_are_disjoint_while_there_are_enough_rows(n_rows, n_members):
    held = split(n_rows, n_members, 0.1)

    assert (held.valid.sum(axis=0) == n_rows // 10).all()
    assert held.valid.sum(axis=1).max() == 1
    assert (held.train == ~held.valid).all()


def test_parts_cover_all_rows_where_they_overlap():
    held = split(50, 3, 0.5)

    assert (held.valid.sum(axis=0) == 25).all()
    assert len(held.rows) == 50


def test_every_part_has_the_shares_of_the_classes():
    strata = np.repeat([0, 1, 2], [500, 400, 100])
    held = split(1000, 4, 0.1, strata)

    for member in range(4):
        counts = np.bincount(strata[held.valid[:, member]])
        assert np.abs(counts - [50, 40, 10]).max() <= 2


@pytest.mark.parametrize("n_rows", [1, 2, 9])
def test_few_rows_are_all_trained_on(n_rows):
    held = split(n_rows, 2, 0.1)

    assert held.train.all()
    assert len(held.rows) == 0


def test_each_network_trains_on_something():
    assert split(2, 2, 0.999).train.sum(axis=0).tolist() == [1, 1]


def test_networks_take_the_last_splits_in_turn():
    splits = [([0, 1], [2]), ([1, 2], [0]), ([0], [1])]
    two = hold_back_by_splits(splits, 3, 2)
    four = hold_back_by_splits(splits[:2], 3, 4)

    assert two.valid.T.astype(int).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert two.train.T.astype(int).tolist() == [[0, 1, 1], [1, 0, 0]]
    assert four.valid.T.astype(int).tolist() == [[0, 0, 1], [1, 0, 0]] * 2
