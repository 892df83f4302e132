"""Boxes pushed apart, and where a group of points is densest."""

import numpy as np
import pytest

from sknn_deep.inspection._labels import (
    choose_places,
    densest_points,
    spread_boxes,
)

LOW, HIGH = np.zeros(2), np.full(2, 100.0)


def count_overlaps(centres, half_sizes):
    apart = np.abs(centres[:, None] - centres)
    overlap = (half_sizes[:, None] + half_sizes - apart > 1e-3).all(axis=-1)
    return np.triu(overlap, k=1).sum()


@pytest.mark.parametrize("seed", range(5))
def test_spread_boxes_leaves_no_overlap(seed):
    rng = np.random.default_rng(seed)
    half_sizes = rng.uniform(2, 6, size=(15, 2))
    centres = rng.uniform(30, 60, size=(15, 2))
    assert count_overlaps(centres, half_sizes) > 0

    moved = spread_boxes(centres, half_sizes, LOW, HIGH)

    assert count_overlaps(moved, half_sizes) == 0
    assert (moved - half_sizes >= LOW).all() and (moved + half_sizes <= HIGH).all()


def test_spread_boxes_parts_boxes_at_one_place():
    half_sizes = np.full((4, 2), 5.0)

    moved = spread_boxes(np.full((4, 2), 100.0), half_sizes, LOW, HIGH)

    assert count_overlaps(moved, half_sizes) == 0


def test_spread_boxes_moves_nothing_that_need_not_move():
    centres = np.array([[10.0, 10.0], [50.0, 50.0], [51.0, 50.0]])

    moved = spread_boxes(centres, np.full((3, 2), 5.0), LOW, HIGH)

    np.testing.assert_array_equal(moved[0], centres[0])
    # By as little as need be: 9 in all, on one axis.
    np.testing.assert_allclose(moved[1:], [[45.5, 50], [55.5, 50]])


def test_spread_boxes_ends_where_there_is_no_room():
    half_sizes = np.full((9, 2), 40.0)

    moved = spread_boxes(np.full((9, 2), 50.0), half_sizes, LOW, HIGH)

    assert np.isfinite(moved).all()


def test_boxes_choose_places_where_none_covers_another():
    rng = np.random.default_rng(0)
    half_sizes = np.full((6, 2), [6.0, 3.0])
    choices = [rng.normal(50, 15, size=(40, 2)) for _ in range(6)]
    first = np.array([places[0] for places in choices])

    centres = choose_places(choices, half_sizes)

    assert count_overlaps(first, half_sizes) > 0 == count_overlaps(centres, half_sizes)
    for centre, places in zip(centres, choices, strict=True):
        assert centre in places


def test_a_box_takes_the_first_of_its_places_that_is_free():
    alone = np.array([[0.0, 0.0]])
    choices = [np.array([[0.0, 1.0], [3.0, 0.0], [9.0, 0.0], [0.0, 9.0]]), alone]

    centres = choose_places(choices, np.full((2, 2), 2.0))

    np.testing.assert_array_equal(centres, [[9, 0], [0, 0]])


def test_a_box_without_a_free_place_has_its_first_one():
    choices = [np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[0.0, 0.0]])]

    centres = choose_places(choices, np.full((2, 2), 2.0))

    np.testing.assert_array_equal(centres, [[1, 1], [0, 0]])


@pytest.mark.parametrize("n_points", [1, 2, 5, 2000])
def test_densest_point_is_one_of_the_points(n_points):
    points = np.random.default_rng(0).normal(size=(n_points, 2))

    assert densest_points(points, np.ones(n_points, bool))[0] in points


def test_densest_point_lies_in_the_denser_group():
    rng = np.random.default_rng(0)
    wide, dense = rng.normal(0, 5, size=(1500, 2)), rng.normal(50, 1, size=(1500, 2))

    x, y = densest_points(np.concatenate([wide, dense]), np.ones(3000, bool))[0]

    assert abs(x - 50) < 2 and abs(y - 50) < 2


def test_densest_point_lies_where_no_other_class_is():
    rng = np.random.default_rng(0)
    shared, alone = rng.normal(0, 1, size=(1500, 2)), rng.normal(50, 1.2, (1200, 2))
    points = np.concatenate([shared, alone, rng.normal(0, 1, size=(4000, 2))])
    is_own = np.arange(6700) < 2700

    x, y = densest_points(points, is_own)[0]

    assert abs(densest_points(points[is_own], is_own[is_own])[0, 0]) < 2
    assert abs(x - 50) < 2 and abs(y - 50) < 2
