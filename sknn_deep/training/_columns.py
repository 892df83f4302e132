"""Columns of values that are alike, in as few bytes as give them back exactly."""

from array import array
from copy import copy

import numpy as np

# Whole numbers in a row; True and False; numbers; a count of blanks; all else.
Column = range | bytearray | array | int | list

_INTEGER_CODES = "bhiq"
_CODES = {np.dtype(code).str[1:]: code for code in (*_INTEGER_CODES, "f", "d")}


def is_blank(value) -> bool:
    """Tell whether `value` is one empty record, as of batches that nobody watched."""
    return (
        type(value) is list
        and len(value) == 1
        and type(value[0]) is dict
        and not value[0]
    )


def make_column(values: list) -> Column:
    """Put values into the narrowest column that holds them."""
    types = set(map(type, values))
    if types == {bool}:
        return bytearray(values)
    if types == {int}:
        return _make_integers(values)
    if types == {float}:
        narrow = array("f", values)
        return narrow if narrow.tolist() == values else array("d", values)
    return len(values) if all(map(is_blank, values)) else list(values)


def _make_integers(values: list[int]) -> Column:
    if _goes_on(values, values[0]):
        return range(values[0], values[0] + len(values))
    for code in _INTEGER_CODES:
        try:
            return array(code, values)
        except OverflowError:
            continue
    return list(values)


def extend_column(column: Column, values: list) -> Column:
    """Add values to a column; it is made anew, and wider, where it cannot hold them."""
    if type(column) is list:
        column.extend(values)
        return column
    types = set(map(type, values))
    if type(column) is range and types == {int} and _goes_on(values, column.stop):
        return range(column.start, column.stop + len(values))
    if type(column) is int and all(map(is_blank, values)):
        return column + len(values)
    if type(column) is bytearray and types == {bool}:
        column.extend(values)
        return column
    if type(column) is array and _fits(values, types, column.typecode):
        column.extend(array(column.typecode, values))
        return column
    return make_column([*values_of(column), *values])


def _goes_on(values: list[int], start: int) -> bool:
    return values == list(range(start, start + len(values)))


def _fits(values: list, types: set[type], code: str) -> bool:
    if code == "d":
        return types == {float}
    if code == "f":
        return types == {float} and array(code, values).tolist() == values
    if types != {int}:
        return False
    limit = 2 ** (8 * array(code).itemsize - 1)
    return -limit <= min(values) and max(values) < limit


def value_at(column: Column, i: int):
    """Give the value at a place that there is, not counted from the end."""
    if isinstance(column, int):
        return [{}]
    return bool(column[i]) if type(column) is bytearray else column[i]


def values_of(column: Column) -> list:
    if isinstance(column, int):
        return [[{}] for _ in range(column)]
    return list(map(bool, column)) if type(column) is bytearray else list(column)


def length_of(column: Column) -> int:
    return column if isinstance(column, int) else len(column)


def split_column(column: Column, n: int) -> tuple[Column, list]:
    """Divide a column into its first `n` values and a list of the others."""
    if isinstance(column, int):
        return n, [[{}] for _ in range(column - n)]
    return column[:n], values_of(column[n:])


# --- columns as data ------------------------------------------------------------------

# What a column is to tools that keep data: a range as its bounds, numbers as an array.
PlainColumn = dict[str, int] | np.ndarray | int | list


def to_plain(column: Column) -> PlainColumn:
    if isinstance(column, range):
        return {"start": column.start, "stop": column.stop}
    if isinstance(column, bytearray):
        return np.array(column, dtype=np.uint8).view(bool)
    return np.array(column) if isinstance(column, array) else copy(column)


def from_plain(data: PlainColumn) -> Column:
    """Make a column of what :func:`to_plain` gave, or of any list."""
    if isinstance(data, dict):
        return range(data["start"], data["stop"])
    if isinstance(data, list):
        return make_column(data)
    if isinstance(data, int):
        return data
    if data.dtype == bool:
        return bytearray(data.tobytes())
    data = data.astype(data.dtype.newbyteorder("="))
    return array(_CODES[data.dtype.str[1:]], data.tobytes())
