import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknn_deep.columns import read_table
from tests.columns.kinds import (
    DATES,
    NAN,
    PANDAS,
    POLARS,
    UNREADABLE,
    arrow_categories,
    of_arrow,
    of_pandas,
    pa,
)

OWNER = "TabularMLPClassifier"

# No types of columns of their own, or what others register.
ABSTRACT = {"DataType", "BaseExtension", "Extension", "Unknown", "Utf8"}


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


def test_these_are_all_types_that_polars_has():
    known = {name for name in dir(pl) if is_type_of_polars(getattr(pl, name))}
    series = [*(s for s, _ in POLARS.values()), *DATES, *UNREADABLE]
    seen = {s.dtype.base_type().__name__ for s in series if isinstance(s, pl.Series)}

    assert known - ABSTRACT - {"Null"} == seen


def is_type_of_polars(value):
    return isinstance(value, type) and issubclass(value, pl.DataType)


def test_these_are_all_types_that_pandas_has():
    known = {name for name in dir(pd) if name.endswith("Dtype")}
    series = [*(s for s, _ in PANDAS.values()), *DATES, *UNREADABLE]
    seen = {type(s.dtype).__name__ for s in series if isinstance(s, pd.Series)}

    assert known - seen == set()


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"x": [None, None]}),
        of_arrow([None, None], pa.null()).to_frame(),
        of_pandas([None, None], object).to_frame(),
        of_pandas([NAN, NAN], float).to_frame(),
    ],
    ids=lambda frame: str(frame["x"].dtype),
)
def test_column_without_values_or_type_is_numbers_that_are_missing(frame):
    column = read_one(frame)

    assert not column.is_category
    assert np.isnan(column.as_numbers(owner=OWNER)).all()


@pytest.mark.parametrize(
    "frame",
    [
        of_pandas([None, None], "string").to_frame(),
        of_pandas([None, None], "category").to_frame(),
        arrow_categories(pa.array([None, None], pa.string())).to_frame("x"),
        pl.DataFrame({"x": pl.Series([None, None], dtype=pl.String)}),
        pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Enum(["a"]))}),
    ],
    ids=lambda frame: str(frame["x"].dtype),
)
def test_category_without_values_is_one_that_is_missing(frame):
    column = read_one(frame)

    assert column.is_category
    assert column.as_codes()[0].tolist() == [-1, -1]


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float16", "longdouble", "bool"])
def test_array_of_numbers_is_read(dtype):
    numbers = read_one(np.array([[1], [0]], dtype=dtype)).as_numbers(owner=OWNER)

    assert numbers.dtype == np.float64 and numbers.tolist() == [1, 0]


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


@pytest.mark.parametrize("values", DATES, ids=lambda values: str(values.dtype))
def test_dates_are_refused_with_the_name_of_the_column_and_a_way_out(values):
    frame = values.to_frame("since")

    with pytest.raises(TypeError) as caught:
        read_table(frame, owner=OWNER)

    assert str(caught.value).startswith(
        "TabularMLPClassifier cannot read the column 'since', which holds "
    )
    assert "skrub's DatetimeEncoder" in str(caught.value)


@pytest.mark.parametrize("values", UNREADABLE, ids=lambda values: str(values.dtype))
def test_what_is_neither_number_nor_category_is_refused(values):
    with pytest.raises(TypeError, match="Turn it into numbers or strings first"):
        read_table(values.to_frame("x"), owner=OWNER)


def test_column_of_text_that_is_not_to_be_categorical_is_refused():
    column = read_one(pd.DataFrame({"city": ["Ulm", "Bonn"]}))

    with pytest.raises(ValueError, match=r"got 'Ulm' in the column 'city'"):
        column.as_numbers(owner=OWNER)
