"""Columns of every type that pandas and polars have, each with a missing value."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.requirements import is_met

if not is_met("numpy>=2.0"):
    pytest.skip("needs numpy>=2.0: pyarrow 26", allow_module_level=True)
pa = pytest.importorskip("pyarrow")

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
