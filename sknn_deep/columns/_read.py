"""The columns of a DataFrame or an array, as numbers or as values with codes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse

# What no column of a table can hold, by words in the name of a dtype or a type, and
# what to do about it.
_DATES = ("date", "time", "period", "duration")
_ADVICE_ON_DATES = (
    "Turn it into numbers first, with skrub's DatetimeEncoder in a Pipeline for "
    "instance, or leave it out."
)
# What pandas has no answer for of Arrow's types, or another one than for its own.
_TEXT_OF_ARROW = ("dictionary", "string_view")
_ADVICE = "Turn it into numbers or strings first, or leave it out."


@dataclass
class Column:
    """One column of a table.

    Attributes
    ----------
    label : str
        How to call it in a message.

    numbers : float64 ndarray of shape (n_samples,) or None
        NaN is missing.

    codes : int ndarray of shape (n_samples,) or None
        Numbers of its values, -1 where it is missing.

    values : list
        By code.

    is_category : bool
        Whether its type says that it is one: strings, categories, objects.

    is_declared : bool
        Whether its type is for categories alone, so that it is meant as one.

    in_text_array : bool
        Whether it stands in an array of text, which made text of numbers too.
    """

    label: str
    numbers: np.ndarray | None = None
    codes: np.ndarray | None = None
    values: list | None = None
    is_category: bool = False
    is_declared: bool = False
    in_text_array: bool = False

    def as_numbers(self, *, owner: str, is_fitted: bool = False) -> np.ndarray:
        """Give the numbers; refuse anything else, which a fit could have taken."""
        if self.numbers is not None:
            return self.numbers
        if all(map(is_number, self.values)):
            table = np.array([*map(float, self.values), np.nan])
            return table[self.codes]
        text = next(value for value in self.values if not is_number(value))
        if self.in_text_array:
            raise ValueError(
                f"{owner} got {text!r} in the column {self.label}, which is to hold "
                "numbers. NumPy makes text of numbers that stand beside text: pass a "
                "DataFrame with the columns, or an array made with dtype=object."
            )
        if is_fitted:
            raise ValueError(
                f"{owner} got {text!r} in the column {self.label}, which held numbers "
                "in the fit. Bring it to numbers, by pd.to_numeric for instance, or "
                "fit again."
            )
        raise ValueError(
            f"{owner} got {text!r} in the column {self.label}, which is no number. "
            "Name the column in categorical_features, or leave "
            "categorical_features='from_dtype'."
        )

    def take(self, rows: np.ndarray) -> "Column":
        """Select rows."""
        return replace(
            self,
            numbers=None if self.numbers is None else self.numbers[rows],
            codes=None if self.codes is None else self.codes[rows],
        )

    def as_codes(self) -> tuple[np.ndarray, list]:
        """Give codes, -1 where it is missing, and the values that they number."""
        if self.codes is not None:
            return self.codes, self.values
        values, codes = np.unique(self.numbers, return_inverse=True)
        n_known = len(values) - int(len(values) > 0 and np.isnan(values[-1]))
        return np.where(codes < n_known, codes, -1), values[:n_known].tolist()


class Table:
    """The columns of a table, of as many rows each.

    It has what is asked of an array of numbers where rows are counted and selected.

    Parameters
    ----------
    columns : list of Column
    """

    dtype = np.dtype(np.float64)

    def __init__(self, columns: list[Column]):
        self.columns = columns

    @property
    def shape(self) -> tuple[int, int]:
        first = self.columns[0]
        n_rows = len(first.codes if first.numbers is None else first.numbers)
        return n_rows, len(self.columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> "Table":
        return Table([column.take(rows) for column in self.columns])


def is_frame(X) -> bool:
    """Tell whether X is a DataFrame of pandas or polars."""
    return hasattr(X, "columns") and hasattr(X, "dtypes") and len(X.shape) == 2


def keep_numbers(X):
    """Make objects of a list of which NumPy would make text, numbers among it."""
    if not isinstance(X, list | tuple):
        return X
    try:
        is_text = np.asarray(X).dtype.kind == "U"
    except (ValueError, TypeError, OverflowError):  # which validation tells of
        return X
    return np.asarray(X, dtype=object) if is_text else X


def refuse_sparse(X, *, owner: str) -> None:
    if issparse(X):
        raise TypeError(
            f"Sparse data was passed, but dense data is required: {owner} takes tables "
            "of dense columns. Use X.toarray(), or MLPClassifier and MLPRegressor, "
            "which take sparse matrices."
        )


def read_table(X, *, owner: str) -> Table:
    """Read the columns of a DataFrame, or of a two-dimensional array.

    Raises
    ------
    TypeError
        If a column holds what is neither a number nor a category, such as dates.
    """
    if not is_frame(X):
        n_features = X.shape[1]
        columns = (
            _read_array(X[:, i], f"at index {i}", owner) for i in range(n_features)
        )
    elif hasattr(X, "iloc"):
        columns = (
            _read_pandas(X.iloc[:, i], repr(name), owner)
            for i, name in enumerate(X.columns)
        )
    else:
        columns = (_read_polars(X[name], repr(name), owner) for name in X.columns)
    return Table(list(columns))


# --- kinds of columns -----------------------------------------------------------------


def _read_array(values: np.ndarray, label: str, owner: str) -> Column:
    kind = values.dtype.kind
    if kind in "biuf":
        return Column(label, numbers=values.astype(np.float64))
    if kind in "UT":
        column = _read_objects(values.astype(object), label, owner)
        return replace(column, in_text_array=True)
    if kind == "O":
        return _read_objects(values, label, owner)
    raise _unreadable(values.dtype, label, owner)


def _read_pandas(series, label: str, owner: str) -> Column:
    import pandas as pd
    from pandas.api.types import (
        is_bool_dtype,
        is_complex_dtype,
        is_numeric_dtype,
        is_string_dtype,
    )

    dtype, name = series.dtype, str(series.dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy().astype(np.intp)
        column = Column(label, None, codes, list(dtype.categories), is_category=True)
        return replace(column, is_declared=True)
    if name.startswith(_TEXT_OF_ARROW):
        column = _read_category(_as_objects(series.tolist()), label, owner)
        return replace(column, is_declared=name.startswith("dictionary"))
    if name == "null[pyarrow]" or (isinstance(dtype, np.dtype) and dtype.kind == "O"):
        return _read_objects(series.to_numpy(dtype=object), label, owner)
    is_number = is_numeric_dtype(dtype) and not is_complex_dtype(dtype)
    if is_number or is_bool_dtype(dtype):
        if "decimal" in name:
            series = series.astype("double[pyarrow]")
        return Column(label, series.to_numpy(dtype=np.float64, na_value=np.nan))
    if is_string_dtype(dtype):
        codes, values = series.factorize()
        return Column(label, None, codes, list(values), is_category=True)
    raise _unreadable(dtype, label, owner)


def _read_polars(series, label: str, owner: str) -> Column:
    dtype = series.dtype
    name = str(dtype)
    if dtype.is_numeric() or name in ("Boolean", "Null"):
        floats = series.cast(type(series)([0.0]).dtype)
        return Column(label, floats.to_numpy().astype(np.float64))
    if name.startswith(("String", "Categorical", "Enum", "Object")):
        read = _read_objects if name == "Object" else _read_category
        column = read(_as_objects(series.to_list()), label, owner)
        return replace(column, is_declared=name.startswith(("Categorical", "Enum")))
    raise _unreadable(dtype, label, owner)


def _as_objects(values: list) -> np.ndarray:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def _read_category(objects: np.ndarray, label: str, owner: str) -> Column:
    """Read Python objects of a type that says that they are categories."""
    codes, known = _number_values(objects, label, owner)
    return Column(label, None, codes, known, is_category=True)


def _read_objects(objects: np.ndarray, label: str, owner: str) -> Column:
    """Read Python objects: numbers if all of them are, otherwise categories."""
    codes, known = _number_values(objects, label, owner)
    if all(map(is_number, known)):
        floats = np.array([*map(float, known), np.nan])
        return Column(label, floats[codes])
    return Column(label, None, codes, known, is_category=True)


def _number_values(
    objects: np.ndarray, label: str, owner: str
) -> tuple[np.ndarray, list]:
    """Give codes of Python objects, -1 for missing ones, and the values by code."""
    numbers: dict[Any, int] = {}
    try:
        codes = np.fromiter(
            (numbers.setdefault(value, len(numbers)) for value in objects),
            dtype=np.intp,
            count=len(objects),
        )
    except TypeError:  # a list has no hash
        odd = next(value for value in objects if not _is_hashable(value))
        raise _unreadable(type(odd).__name__, label, owner) from None
    known = [value for value in numbers if not is_missing(value)]
    for value in known:
        if _is_unreadable(value):
            raise _unreadable(type(value).__name__, label, owner)
    new_codes = {value: code for code, value in enumerate(known)}
    table = np.array([new_codes.get(v, -1) for v in numbers], dtype=np.intp)
    return (table[codes] if len(numbers) else codes), known


# --- kinds of values ------------------------------------------------------------------


def is_missing(value) -> bool:
    """Tell whether a value is None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and value != value


def is_number(value) -> bool:
    return isinstance(value, Real | Decimal | np.bool_)


def _is_hashable(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_unreadable(value) -> bool:
    """Tell whether a value in a column of objects is one that no column may have."""
    kind = type(value).__name__.lower()
    is_date = any(word in kind for word in _DATES)
    return is_date or (isinstance(value, Iterable | complex) and not _is_text(value))


def _is_text(value) -> bool:
    return isinstance(value, str)


def _unreadable(kind, label: str, owner: str) -> TypeError:
    is_date = any(word in str(kind).lower() for word in _DATES)
    return TypeError(
        f"{owner} cannot read the column {label}, which holds {kind}: a column has "
        f"numbers, bool, strings or categories. "
        f"{_ADVICE_ON_DATES if is_date else _ADVICE}"
    )
