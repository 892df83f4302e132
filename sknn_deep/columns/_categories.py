"""Categories by value, as codes and as columns of numbers."""

from dataclasses import dataclass

import numpy as np

from sknn_deep.columns._read import Column


@dataclass
class Categories:
    """The values of a categorical column, and how they become numbers.

    Attributes
    ----------
    values : list
        Those that are not missing, sorted.

    has_missing : bool
        Whether missing is a value too: it was in the rows that were fitted.

    as_codes : bool
        Whether the column is to be embedded.
    """

    values: list
    has_missing: bool
    as_codes: bool

    @classmethod
    def of(cls, column: Column, max_onehot: int) -> "Categories":
        """Learn the values of a column."""
        codes, values = column.as_codes()
        n_rows = np.bincount(codes + 1, minlength=len(values) + 1)
        seen = [v for v, n in zip(values, n_rows[1:], strict=True) if n]
        has_missing = bool(n_rows[0])
        return cls(sort_values(seen), has_missing, len(seen) + has_missing > max_onehot)

    def __len__(self) -> int:
        """Number of values, missing included."""
        return len(self.values) + self.has_missing

    def encode(self, column: Column) -> np.ndarray:
        """Give a code for each row: missing comes last, and then what is unknown."""
        codes, values = column.as_codes()
        known = {value: code for code, value in enumerate(self.values)}
        of_missing = len(self.values)  # if it was not there, it is unknown
        table = [*(known.get(value, len(self)) for value in values), of_missing]
        return np.array(table, dtype=np.intp)[codes]

    def to_columns(self, codes: np.ndarray) -> np.ndarray:
        """Give codes as columns of 0 and 1, those of two values as one of -1 and 1.

        What is unknown is 0 in all of them; so is, beside two values, what is missing.

        Returns
        -------
        columns : float64 ndarray of shape (n_samples, n_columns)
        """
        if len(self.values) == 2:
            table = np.array([-1.0, 1.0, 0.0, 0.0])
            return table[codes][:, None]
        return (codes[:, None] == np.arange(len(self))).astype(np.float64)

    def to_array(self) -> np.ndarray:
        """Give the values as the user sees them, with NaN for missing as the last."""
        values = [*self.values, *([np.nan] if self.has_missing else [])]
        if all(isinstance(value, int | float) for value in values):
            return np.array(values)
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array


def sort_values(values: list) -> list:
    """Sort values; those of types that have no order, by type and text."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=lambda value: (type(value).__name__, str(value)))
