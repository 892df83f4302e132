"""What is in the columns of a table: read by value, and encoded for a network."""

from sknn_deep.columns._categories import Categories
from sknn_deep.columns._encoder import TableEncoder
from sknn_deep.columns._read import (
    Table,
    is_frame,
    keep_numbers,
    read_table,
    refuse_sparse,
)
from sknn_deep.columns._selection import find_categorical

__all__ = [
    "Categories",
    "Table",
    "TableEncoder",
    "find_categorical",
    "is_frame",
    "keep_numbers",
    "read_table",
    "refuse_sparse",
]
