"""From the columns of a table to what a network for tables takes."""

import warnings
from dataclasses import dataclass

import numpy as np

from sknn_deep.columns._categories import Categories
from sknn_deep.columns._read import Column, Table
from sknn_deep.columns._scale import apply_scale, learn_scale

# As many values, of which none was fitted, are no chance.
_MANY_UNKNOWN = 10


@dataclass
class TableEncoder:
    """How the columns of a table become one matrix of numbers.

    Its columns are first the numbers; then plain ones, which are the indicators of
    missing numbers and the columns of few categories; then codes of many categories.

    Attributes
    ----------
    is_categorical : bool ndarray of shape (n_features,)

    categories : list of Categories
        One for each categorical column.

    shows_missing : bool ndarray of shape (n_numbers,)
        Whether there is an indicator of the column's missing numbers.

    median, factor : float64 ndarray of shape (n_numbers + n_plain,)
        What is subtracted, and then multiplied with.
    """

    is_categorical: np.ndarray
    categories: list[Categories]
    shows_missing: np.ndarray
    median: np.ndarray
    factor: np.ndarray

    def __post_init__(self):
        # Pickles have them as dicts.
        self.categories = [
            Categories(**c) if isinstance(c, dict) else c for c in self.categories
        ]

    @classmethod
    def fit(
        cls,
        table: Table,
        is_categorical: np.ndarray,
        *,
        max_onehot: int,
        owner: str,
    ) -> "TableEncoder":
        """Learn the encoding of a table."""
        columns = table.columns
        categories = [
            Categories.of(column, max_onehot)
            for column, is_one in zip(columns, is_categorical, strict=True)
            if is_one
        ]
        nothing = np.empty(0)
        encoder = cls(is_categorical, categories, nothing, nothing, nothing)
        numbers = encoder._numbers(columns, owner)
        missing = np.isnan(numbers)
        encoder.shows_missing = missing.any(axis=0) & ~missing.all(axis=0)
        plain = encoder._plain(numbers, encoder._codes(columns))
        encoder.median, encoder.factor = learn_scale(np.hstack([numbers, plain]))
        return encoder

    @property
    def n_numbers(self) -> int:
        return len(self.shows_missing)

    @property
    def n_plain(self) -> int:
        return len(self.median) - self.n_numbers

    @property
    def n_categories(self) -> list[int]:
        """Number of categories of each column of codes."""
        return [len(c) for c in self.categories if c.as_codes]

    def encode(self, table: Table, *, owner: str) -> np.ndarray:
        """Encode a table with the columns that were fitted.

        Returns
        -------
        encoded : float32 ndarray of shape (n_samples, n_encoded)
        """
        columns = table.columns
        numbers = self._numbers(columns, owner, is_fitted=True)
        codes = self._codes(columns)
        self._warn_of_unknown(columns, codes, owner)
        values = np.hstack([numbers, self._plain(numbers, codes)])
        scaled = apply_scale(values, self.median, self.factor)
        kept = [
            code[:, None]
            for code, c in zip(codes, self.categories, strict=True)
            if c.as_codes
        ]
        return np.hstack([scaled, *kept]).astype(np.float32)

    def _numbers(
        self, columns: list[Column], owner: str, *, is_fitted: bool = False
    ) -> np.ndarray:
        """Give the columns of numbers, float64 of shape (n_samples, n_numbers)."""
        numbers = [
            column.as_numbers(owner=owner, is_fitted=is_fitted)
            for column, is_one in zip(columns, self.is_categorical, strict=True)
            if not is_one
        ]
        for column, values in zip(
            np.array(columns, dtype=object)[~self.is_categorical], numbers, strict=True
        ):
            if np.isinf(values).any():
                raise ValueError(
                    f"Input X contains infinity or a value too large for float64. "
                    f"{owner} found it in the column {column.label}: NaN is for "
                    "missing numbers."
                )
        if not numbers:
            first = columns[0]
            return np.empty((len(first.as_codes()[0]), 0))
        return np.stack(numbers, axis=1)

    def _categorical(self, columns: list[Column]) -> list[Column]:
        return [
            column
            for column, is_one in zip(columns, self.is_categorical, strict=True)
            if is_one
        ]

    def _codes(self, columns: list[Column]) -> list[np.ndarray]:
        return [
            c.encode(column)
            for c, column in zip(
                self.categories, self._categorical(columns), strict=True
            )
        ]

    def _warn_of_unknown(
        self, columns: list[Column], codes: list[np.ndarray], owner: str
    ) -> None:
        """Name a column whose values look as if they came in another form."""
        categorical = self._categorical(columns)
        for known, column, code in zip(
            self.categories, categorical, codes, strict=True
        ):
            given, values = column.as_codes()
            is_there = given >= 0
            is_known = code[is_there] < len(known.values)
            is_constant = len(known.values) < 2  # and tells nothing anyway
            if len(is_known) < _MANY_UNKNOWN or is_known.any() or is_constant:
                continue
            came = values[given[is_there][0]]
            warnings.warn(
                f"{owner} was fitted to none of the values in the column "
                f"{column.label}: {_to_python(came)!r} came, for instance, and "
                f"{_to_python(known.values[0])!r} was fitted. All of them count as "
                "unknown: pass them in the form of the fit.",
                stacklevel=2,
            )

    def _plain(self, numbers: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
        """Give what is not embedded, before it is scaled."""
        indicators = np.isnan(numbers[:, self.shows_missing]).astype(np.float64)
        few = [
            c.to_columns(code)
            for code, c in zip(codes, self.categories, strict=True)
            if not c.as_codes
        ]
        return np.hstack([indicators, *few])


def _to_python(value):
    """Leave out the type of a NumPy scalar."""
    return value.item() if isinstance(value, np.generic) else value
