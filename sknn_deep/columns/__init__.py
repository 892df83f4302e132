"""What is in the columns of a table: read by value, and encoded for a network."""

from sknn_deep.columns._encoder import TableEncoder
from sknn_deep.columns._read import Column, count_rows, is_frame, read_columns
from sknn_deep.columns._selection import find_categorical

__all__ = [
    "Column",
    "TableEncoder",
    "count_rows",
    "find_categorical",
    "is_frame",
    "read_columns",
]
