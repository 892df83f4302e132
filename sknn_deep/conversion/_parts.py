"""The parts that a fitted estimator is taken apart into, to be written elsewhere."""

from typing import NamedTuple

import numpy as np

from sknn_deep.columns import TableEncoder
from sknn_deep.conversion._linear_steps import Clip


class Linear(NamedTuple):
    """Computes ``X @ weight + bias``.

    Attributes
    ----------
    weight : ndarray of shape (n_in, n_out)

    bias : ndarray of shape (n_out,)

    center : ndarray of shape (n_in,) or None
        About the means of the columns of X, where they are far from zero.
    """

    weight: np.ndarray
    bias: np.ndarray
    center: np.ndarray | None = None

    def rounded(self, dtype: np.dtype) -> "Linear":
        """Round so that what is lost of the weights is not lost at the center."""
        weight, bias = self.weight.astype(dtype), self.bias
        if self.center is not None:
            bias = bias + self.center @ (self.weight - weight)
        return Linear(weight, bias.astype(dtype))


class LayerNorm(NamedTuple):
    """Normalizes each row over its columns.

    Attributes
    ----------
    weight, bias : ndarray of shape (n_columns,)

    eps : float
    """

    weight: np.ndarray
    bias: np.ndarray
    eps: float


class Activation(NamedTuple):
    """One of ``ACTIVATIONS`` or ``OUT_ACTIVATIONS``."""

    name: str


class Bounds(NamedTuple):
    """Keeps each column between two numbers, `low` and `high` of shape (n_columns,)."""

    low: np.ndarray
    high: np.ndarray


class Sort(NamedTuple):
    """Sorts each row of so many columns."""

    n_columns: int


class Columns(NamedTuple):
    """Encodes the columns of a table."""

    encoder: TableEncoder


class Embedding(NamedTuple):
    """Appends what numbers and categories are embedded in to encoded columns.

    Attributes
    ----------
    n_plain : int
        Columns of the input before those of codes.

    frequency, shift : ndarray of shape (n_numbers, n_frequencies)
        In radians. There are no `n_numbers` where numbers are not embedded.

    weight : ndarray of shape (n_numbers, n_frequencies, n_out)

    bias : ndarray of shape (n_numbers, n_out)

    tables : list of ndarray of shape (n_categories + 1, n_embedded)
        One for each column of codes; the last row is that of unknown ones.
    """

    n_plain: int
    frequency: np.ndarray
    shift: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    tables: list[np.ndarray]


class Mean(NamedTuple):
    """The mean of what several lists of parts give."""

    members: list[list]


Part = (
    Linear | LayerNorm | Activation | Clip | Bounds | Sort | Columns | Embedding | Mean
)


def n_features_of(parts: list[Part]) -> int:
    """Give the number of columns that parts take."""
    first = parts[0]
    if isinstance(first, Mean):
        return n_features_of(first.members[0])
    return first.weight.shape[0]  # each network begins with a dense layer


def n_outputs_of(parts: list[Part]) -> int:
    """Give the number of columns that comes out of parts."""
    last = next(part for part in reversed(parts) if isinstance(part, Linear | Mean))
    return n_outputs_of(last.members[0]) if isinstance(last, Mean) else len(last.bias)
