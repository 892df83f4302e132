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
pa = pytest.importorskip("pyarrow")

OWNER = "TabularMLPClassifier"
NAN = np.nan

SIZES = ("8", "16", "32", "64")
NUMBERS = [
    *(pa.type_for_alias(f"{sign}int{n}") for sign in ("", "u") for n in SIZES),
    *(pa.type_for_alias(f"float{n}") for n in SIZES[1:]),
    *(make(9, 2) for make in (pa.decimal128, pa.decimal256)),
]
TEXT = [pa.string(), pa.large_string(), pa.string_view()]


def of_pandas(values, dtype):
    return pd.Series(values, dtype=dtype, name="x")


def of_arrow(values, kind):
    return of_pandas(values, pd.ArrowDtype(kind))


def arrow_categories(values):
    encoded = pa.array(values).dictionary_encode()
    return pd.Series(pd.arrays.ArrowExtensionArray(encoded))


# Two values with a missing one between, and whether the type is categorical.
PANDAS = {
    **{f"float{n}": (of_pandas([1.0, NAN, 2.0], f"float{n}"), False) for n in (16, 32)},
    "float64": (of_pandas([1.0, NAN, 2.0], float), False),
    **{
        f"{sign}Int{n}": (of_pandas([1, None, 2], f"{sign}Int{n}"), False)
        for sign in ("", "U")
        for n in SIZES
    },
    "Float32": (of_pandas([1.0, None, 2.0], "Float32"), False),
    "Float64": (of_pandas([1.0, None, 2.0], "Float64"), False),
    "boolean": (of_pandas([True, None, False], "boolean"), False),
    "Sparse": (of_pandas([1.0, NAN, 2.0], "Sparse[float]"), False),
    **{f"arrow {kind}": (of_arrow([1, None, 2], kind), False) for kind in NUMBERS},
    "arrow bool": (of_arrow([True, None, False], pa.bool_()), False),
    "object of numbers": (of_pandas([1, None, 2.5], object), False),
    "object of bool": (of_pandas([True, None, False], object), False),
    "Decimal": (pd.Series([decimal.Decimal(1), None, decimal.Decimal(2)]), False),
    "str": (pd.Series(["a", None, "b"]), True),
    "string": (of_pandas(["a", None, "b"], "string"), True),
    "string[python]": (of_pandas(["a", None, "b"], "string[python]"), True),
    "string[pyarrow]": (of_pandas(["a", None, "b"], "string[pyarrow]"), True),
    **{f"arrow {kind}": (of_arrow(["a", None, "b"], kind), True) for kind in TEXT},
    "digits": (pd.Series(["1", None, "2"]), True),
    "object of text": (of_pandas(["a", None, "b"], object), True),
    "object of both": (of_pandas(["a", NAN, 2], object), True),
    "category": (of_pandas(["a", None, "b"], "category"), True),
    "category of int": (of_pandas([1, None, 2], "category"), True),
    "category of bool": (of_pandas([True, None, False], "category"), True),
    "category of intervals": (pd.cut(pd.Series([1.0, NAN, 5.0]), 2), True),
    "arrow dictionary": (arrow_categories(["a", None, "b"]), True),
    "arrow dictionary of int": (arrow_categories([1, None, 2]), True),
}
POLARS_NUMBERS = [
    *(getattr(pl, f"{sign}Int{n}") for sign in ("", "U") for n in (*SIZES, "128")),
    *(getattr(pl, f"Float{n}") for n in SIZES[1:]),
]
POLARS = {
    **{
        str(kind): (pl.Series([1, None, 2], dtype=kind), False)
        for kind in POLARS_NUMBERS
    },
    "Boolean": (pl.Series([True, None, False]), False),
    "Decimal": (pl.Series([decimal.Decimal(1), None, decimal.Decimal(2)]), False),
    "String": (pl.Series(["a", None, "b"]), True),
    "Categorical": (pl.Series(["a", None, "b"], dtype=pl.Categorical), True),
    "Enum": (pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"])), True),
    "Object": (pl.Series(["a", None, 2], dtype=pl.Object), True),
    "Object of numbers": (pl.Series([1, None, 2], dtype=pl.Object), False),
}
DATES = [
    pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])),
    pd.Series(pd.to_datetime(["2020-01-01", None]).tz_localize("UTC")),
    pd.Series(pd.to_timedelta([1, 2], unit="D")),
    pd.Series(pd.period_range("2020", periods=2)),
    of_pandas([datetime.date(2020, 1, 1), None], object),
    *(
        of_arrow([None, None], kind)
        for kind in (
            pa.date32(),
            pa.date64(),
            pa.time32("s"),
            pa.time64("us"),
            pa.timestamp("s"),
            pa.duration("s"),
        )
    ),
    pl.Series([datetime.date(2020, 1, 1), None]),
    pl.Series([datetime.datetime(2020, 1, 1), None]),
    pl.Series([datetime.timedelta(1), None]),
    pl.Series([datetime.time(1), None]),
]
MAPS = [pl.Map] if hasattr(pl, "Map") else []  # polars 2.1 has it
UNREADABLE = [
    pd.Series([[1, 2], [3]]),
    pd.Series([{"a": 1}, None]),
    pd.Series([(1, 2), (3,)]),
    pd.Series([1j, 2j]),
    of_pandas([b"a", b"b"], object),
    pd.Series(pd.interval_range(0, 2)),
    of_arrow([[1], None], pa.list_(pa.int64())),
    of_arrow([{"a": 1}, None], pa.struct([("a", pa.int64())])),
    of_arrow([b"a", None], pa.binary()),
    pl.Series([[1, 2], [3]]),
    pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2)),
    pl.Series([{"a": 1}]),
    pl.Series([b"a"]),
    *(
        [pl.Series([{"a": 1}], dtype=pl.Map(pl.String, pl.Int8))]
        if hasattr(pl, "Map")
        else []
    ),
]
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
    frames = [series for series, _ in POLARS.values()]
    others = [
        series for series in (*DATES, *UNREADABLE) if isinstance(series, pl.Series)
    ]
    seen = {type(s.dtype).__name__ for s in (*frames, *others)}
    seen |= {s.dtype.__name__ for s in (*frames, *others) if isinstance(s.dtype, type)}

    assert known - ABSTRACT - {"Null"} == (seen - {"DataTypeClass"})


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
