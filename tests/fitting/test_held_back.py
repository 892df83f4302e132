import numpy as np
import pytest

from sknn_deep.fitting import choose_end, hold_back, hold_back_by_splits


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


# --- which weights they choose ---

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=100)


def standard_error(values):
    return values.std(ddof=1) / np.sqrt(len(values))


def test_last_end_is_kept_where_it_is_best():
    assert choose_end([NOISE + 2, NOISE + 1, NOISE], None) == 2


def test_earlier_end_is_kept_where_the_last_is_clearly_worse():
    assert choose_end([NOISE + 2, NOISE, NOISE + 1], None) == 1


@pytest.mark.parametrize("n_errors, chosen", [(1.9, 1), (2.1, 0)])
def test_an_end_is_as_good_within_two_standard_errors(n_errors, chosen):
    difference = RNG.normal(size=100)
    difference += n_errors * standard_error(difference) - difference.mean()
    assert choose_end([NOISE, NOISE + difference], None) == chosen


def test_latest_of_those_that_are_as_good_is_kept():
    assert choose_end([NOISE, NOISE, NOISE + 1], None) == 1
    assert choose_end([NOISE, NOISE + 1, NOISE], None) == 2


def test_one_row_tells_nothing():
    assert choose_end([np.array([0.0]), np.array([9.0])], None) == 1
    weight = np.array([0.0, 3.0])
    assert choose_end([np.zeros(2), np.array([9.0, 9.0])], weight) == 1


def test_row_without_weight_is_not_asked():
    better, worse = np.append(NOISE, 1e6), np.append(NOISE + 1, 0.0)
    weight = np.append(np.ones(100), 0.0)
    assert choose_end([better, worse], weight) == 0
    assert choose_end([better[:100], worse[:100]], None) == 0


def test_equal_weights_are_no_weights():
    difference = RNG.normal(size=100)
    difference += standard_error(difference) * 1.99 - difference.mean()
    for weight in (None, np.full(100, 7.0)):
        assert choose_end([NOISE, NOISE + difference], weight) == 1
