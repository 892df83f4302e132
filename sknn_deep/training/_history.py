"""A net's history as columns, which are smaller than its epochs, and back."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np


def columns_of(history: list[dict]) -> Iterator[dict[str, list]]:
    """Turn runs of epochs with the same records into columns.

    What callbacks recorded of single batches is left out: it can be large.
    """
    for names, epochs in groupby(history, key=tuple):
        epochs = list(epochs)
        yield {
            name: _column([epoch[name] for epoch in epochs])
            for name in names
            if name != "batches"
        }


def _column(values: list) -> np.ndarray | list:
    """Make an array of numbers that are all of one type."""
    types = {type(value) for value in values}
    return np.array(values) if types in ({float}, {bool}) else values


def rows_of(tables: list[dict[str, list]]) -> Iterator[dict]:
    """Turn columns into epochs again."""
    for table in tables:
        columns = [list(map(_plain, column)) for column in table.values()]
        for row in zip(*columns, strict=True):
            yield {"batches": [{}], **dict(zip(table, row, strict=True))}


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
