"""Columns hold values in few bytes, and give back the very values."""

import math
from array import array

import numpy as np
import pytest
import torch

from sknn_deep.training._columns import (
    extend_column,
    from_plain,
    length_of,
    make_column,
    split_column,
    to_plain,
    value_at,
    values_of,
)

# Values, and what the column of them has to be.
COLUMNS = {
    "consecutive": ([7, 8, 9], range(7, 10)),
    "bool": ([True, False, True], bytearray(b"\1\0\1")),
    "small int": ([1, 1, -128], array("b", [1, 1, -128])),
    "int": ([1, 300, 1], array("h", [1, 300, 1])),
    "large int": ([2**40, 1, 2], array("q", [2**40, 1, 2])),
    "huge int": ([2**70, 1, 2], [2**70, 1, 2]),
    "float32": ([0.5, -0.0, math.inf], array("f", [0.5, -0.0, math.inf])),
    "float64": ([0.1, 0.5, 1e300], array("d", [0.1, 0.5, 1e300])),
    "blank": ([[{}], [{}], [{}]], 3),
    "mixed": ([1, 1.0, True], [1, 1.0, True]),
    "text": (["a", None, "c"], ["a", None, "c"]),
    "numpy": ([np.float64(1), np.float32(2), 3.0], None),
    "tensor": ([torch.ones(2), torch.zeros(()), 1.0], None),
    "nested": ([[{}], [{"x": [1, {}]}], [{}]], None),
    "not blank": ([[{}], [np.ones(2)], [torch.ones(2)]], None),
}
every_kind = pytest.mark.parametrize("name", COLUMNS)


def are_same(one, other):
    """Compare values by their types and all their digits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(are_same, one, other))
    return one is other or repr(one) == repr(other)


@every_kind
def test_column_gives_its_values_back(name):
    values, expected = COLUMNS[name]
    column = make_column(values)

    if expected is not None:
        assert are_same(column, expected)
    assert length_of(column) == 3
    assert are_same(values_of(column), values)
    assert are_same([value_at(column, i) for i in range(3)], values)


@every_kind
@pytest.mark.parametrize("more", COLUMNS)
def test_column_takes_more_values_of_any_kind(name, more):
    values, _ = COLUMNS[name]
    others, _ = COLUMNS[more]

    column = extend_column(make_column(values), others)

    assert are_same(values_of(column), values + others)
    first, rest = split_column(column, 2)
    assert are_same(values_of(first), values[:2])
    assert are_same(rest, values[2:] + others)


@every_kind
def test_column_stays_as_narrow_as_it_can(name):
    values, _ = COLUMNS[name]
    more = [10, 11] if name == "consecutive" else values[::-1]

    column = extend_column(make_column(values), more)

    assert are_same(column, make_column(values + more))


def test_column_of_floats_goes_on_with_nan():
    column = extend_column(make_column([0.5, 1.0]), [math.nan, 0.5])
    wide = extend_column(column, [math.nan])

    assert wide is column
    assert values_of(wide)[:2] == [0.5, 1.0]
    assert np.isnan(wide).tolist() == [False, False, True, False, True]


def test_durations_from_the_clock_take_four_bytes():
    # A difference of two times in seconds since 1970 is a multiple of 2**-22 s.
    seconds = np.random.default_rng(0).uniform(0, 4, 99).tolist()
    durations = [1.7e9 + x - 1.7e9 for x in seconds]

    assert make_column(durations).typecode == "f"


@every_kind
def test_column_as_data_is_plain_and_becomes_the_column_again(name):
    values, _ = COLUMNS[name]
    column = make_column(values)
    data = to_plain(column)

    assert type(data) in (dict, list, int, np.ndarray)
    assert are_same(from_plain(data), column)


def test_column_is_made_of_an_array_of_another_byte_order():
    swapped = np.array([0.1, 2.5]).astype(">f8")

    assert from_plain(swapped) == array("d", [0.1, 2.5])
