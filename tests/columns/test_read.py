import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknn_deep.columns import read_table
from tests.requirements import is_met

if not is_met("numpy>=2.0"):
    pytest.skip("needs numpy>=2.0: pyarrow 26", allow_module_level=True)

OWNER = "TabularMLPClassifier"
NAN = np.nan

# Two values with a missing one between, and whether the type is categorical.
PANDAS = {
    "float64": (pd.Series([1.0, NAN, 2.0]), False),
    "float32": (pd.Series([1.0, NAN, 2.0], dtype="float32"), False),
    "Int64": (pd.Series([1, None, 2], dtype="Int64"), False),
    "UInt8": (pd.Series([1, None, 2], dtype="UInt8"), False),
    "Float32": (pd.Series([1.0, None, 2.0], dtype="Float32"), False),
    "boolean": (pd.Series([True, None, False], dtype="boolean"), False),
    "double[pyarrow]": (pd.Series([1.0, None, 2.0], dtype="double[pyarrow]"), False),
    "int32[pyarrow]": (pd.Series([1, None, 2], dtype="int32[pyarrow]"), False),
    "bool[pyarrow]": (pd.Series([True, None, False], dtype="bool[pyarrow]"), False),
    "object of numbers": (pd.Series([1, None, 2.5], dtype=object), False),
    "object of bool": (pd.Series([True, None, False], dtype=object), False),
    "Decimal": (pd.Series([decimal.Decimal(1), None, decimal.Decimal(2)]), False),
    "str": (pd.Series(["a", None, "b"]), True),
    "string": (pd.Series(["a", None, "b"], dtype="string"), True),
    "string[pyarrow]": (pd.Series(["a", None, "b"], dtype="string[pyarrow]"), True),
    "digits": (pd.Series(["1", None, "2"]), True),
    "object of text": (pd.Series(["a", None, "b"], dtype=object), True),
    "object of both": (pd.Series(["a", NAN, 2], dtype=object), True),
    "category": (pd.Series(["a", None, "b"], dtype="category"), True),
    "category of int": (pd.Series([1, None, 2], dtype="category"), True),
    "category of intervals": (pd.cut(pd.Series([1.0, NAN, 5.0]), 2), True),
}
POLARS = {
    "Float32": (pl.Series([1.0, None, 2.0], dtype=pl.Float32), False),
    "Int8": (pl.Series([1, None, 2], dtype=pl.Int8), False),
    "UInt64": (pl.Series([1, None, 2], dtype=pl.UInt64), False),
    "Boolean": (pl.Series([True, None, False]), False),
    "Decimal": (pl.Series([decimal.Decimal(1), None, decimal.Decimal(2)]), False),
    "String": (pl.Series(["a", None, "b"]), True),
    "Categorical": (pl.Series(["a", None, "b"], dtype=pl.Categorical), True),
    "Enum": (pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"])), True),
}


def read_one(X):
    return read_table(X, owner=OWNER).columns[0]


@pytest.mark.parametrize("kind", PANDAS)
def test_column_of_pandas_is_read_by_its_values(kind):
    series, is_category = PANDAS[kind]
    column = read_one(series.to_frame("x"))

    check(column, is_category, series.iloc[0], series.iloc[2])


@pytest.mark.parametrize("kind", POLARS)
def test_column_of_polars_is_read_by_its_values(kind):
    series, is_category = POLARS[kind]
    column = read_one(pl.DataFrame({"x": series}))

    check(column, is_category, series[0], series[2])


def check(column, is_category, first, last):
    assert column.is_category == is_category
    if is_category:
        codes, values = column.as_codes()
        assert codes[1] == -1
        assert [values[codes[0]], values[codes[2]]] == [first, last]
    else:
        numbers = column.as_numbers(owner=OWNER)
        assert numbers.dtype == np.float64
        np.testing.assert_array_equal(numbers, [float(first), NAN, float(last)])


def test_null_column_of_polars_is_numbers_that_are_all_missing():
    column = read_one(pl.DataFrame({"x": [None, None]}))

    assert np.isnan(column.as_numbers(owner=OWNER)).all()


def test_objects_of_an_array_are_read_column_by_column():
    X = np.array([[1, "a"], [None, "b"], [2.5, pd.NA]], dtype=object)
    numbers, text = read_table(X, owner=OWNER).columns

    np.testing.assert_array_equal(numbers.as_numbers(owner=OWNER), [1, NAN, 2.5])
    assert not numbers.is_category and text.is_category
    assert text.as_codes()[0].tolist() == [0, 1, -1]


def test_text_of_an_array_stays_text():
    column = read_one(np.array([["1"], ["2"]]))

    assert column.is_category
    assert column.as_codes()[1] == ["1", "2"]


def test_every_mark_of_a_missing_value_is_one():
    values = np.array(["a", None, float("nan"), np.nan, pd.NA, pd.NaT], dtype=object)

    codes, known = read_one(values[:, None]).as_codes()

    assert known == ["a"]
    assert codes.tolist() == [0, -1, -1, -1, -1, -1]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])),
        pd.Series(pd.to_timedelta([1, 2], unit="D")),
        pd.Series(pd.period_range("2020", periods=2)),
        pd.Series([datetime.date(2020, 1, 1), None], dtype=object),
        pd.Series(pd.to_datetime(["2020-01-01", None])).astype(
            "timestamp[ns][pyarrow]"
        ),
        pl.Series([datetime.date(2020, 1, 1), None]),
        pl.Series([datetime.datetime(2020, 1, 1), None]),
        pl.Series([datetime.timedelta(1), None]),
        pl.Series([datetime.time(1), None]),
    ],
)
def test_dates_are_refused_with_the_name_of_the_column_and_a_way_out(values):
    frame = values.to_frame("since")

    with pytest.raises(TypeError) as caught:
        read_table(frame, owner=OWNER)

    assert str(caught.value).startswith(
        "TabularMLPClassifier cannot read the column 'since', which holds "
    )
    assert "skrub's DatetimeEncoder" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([[1, 2], [3]]),
        pd.Series([{"a": 1}, None]),
        pd.Series([(1, 2), (3,)]),
        pd.Series([1j, 2j]),
        pd.Series([b"a", b"b"], dtype=object),
        pl.Series([[1, 2], [3]]),
        pl.Series([{"a": 1}]),
        pl.Series([b"a"]),
    ],
)
def test_what_is_neither_number_nor_category_is_refused(values):
    with pytest.raises(TypeError, match="Turn it into numbers or strings first"):
        read_table(values.to_frame("x"), owner=OWNER)


def test_column_of_text_that_is_not_to_be_categorical_is_refused():
    column = read_one(pd.DataFrame({"city": ["Ulm", "Bonn"]}))

    with pytest.raises(ValueError, match=r"got 'Ulm' in the column 'city'"):
        column.as_numbers(owner=OWNER)
