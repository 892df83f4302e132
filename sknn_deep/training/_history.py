"""skorch's history of a training, in little memory and at the same speed throughout."""

import functools
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from copy import copy
from itertools import groupby
from typing import Any

from skorch.history import History

from sknn_deep.training._columns import (
    Column,
    PlainColumn,
    extend_column,
    from_plain,
    is_blank,
    length_of,
    make_column,
    split_column,
    to_plain,
    value_at,
    values_of,
)

# Epochs that stay dicts. There are up to twice as many, to put away many in one go.
_N_RECENT = 32

PlainTable = dict[str, PlainColumn]


class CompactHistory(MutableSequence, History):
    """A skorch ``History`` whose older epochs are columns.

    skorch's is a list of dicts: each takes nearly a kilobyte, and each look at one
    copies the list. Here a look at an epoch takes the same time however many there are,
    and an old one takes some 14 bytes: a number for each name, as narrow as gives it
    back exactly, and nothing for what goes on as before, such as the epoch's number.
    What is no number is kept as it is.

    It is indexed, changed and written to files as skorch's is. An old epoch is made
    into a dict when it is asked for, and stays one when that is written to.

    A pickle has tables in it: dicts, lists, numbers and NumPy arrays, beside what
    callbacks recorded.

    Parameters
    ----------
    epochs : iterable of dict, default=()
    """

    def __init__(self, epochs: Iterable[dict] = ()):
        super().__init__()  # the list that this is by its type stays empty
        self._replace(epochs)

    def _replace(self, epochs: Iterable[dict]) -> None:
        self._tables: list[_Table] = []
        self._n_old = 0
        self._recent: list[dict] = []
        self.extend(epochs)

    # --- tables -------------------------------------------------------------------

    def to_tables(self, *, batches: bool = True) -> list[PlainTable]:
        """Give all epochs as columns, a table for each run of them with equal names.

        The batches are left out if they are not wanted: what callbacks recorded of them
        can be large.
        """
        if any(table.changed for table in self._tables):
            return CompactHistory(map(dict, self)).to_tables(batches=batches)
        tables = [*self._tables[:-1], *map(_Table.copy, self._tables[-1:])]
        _put_away(self._recent, tables)
        left_out = set() if batches else {"batches"}
        plain = (table.to_plain(left_out) for table in tables)
        return [table for table in plain if table]

    @classmethod
    def from_tables(cls, tables: Iterable[PlainTable]) -> "CompactHistory":
        """Make a history of tables; where one has no batches, nobody watched them."""
        history = cls()
        stored = list(map(_Table.from_plain, tables))
        if stored:
            history._recent = stored[-1].pop(_N_RECENT)
        history._tables = list(filter(len, stored))
        history._n_old = sum(map(len, history._tables))
        return history

    def __reduce__(self):
        return type(self), (), self.to_tables()

    def __setstate__(self, tables: list[PlainTable]) -> None:
        self.__dict__.update(vars(self.from_tables(tables)))

    # --- reading ------------------------------------------------------------------

    def column(self, name: str, start: int = 0) -> list:
        """Give what the epochs from number `start` on recorded by a name, if they did.

        This is ``history[start:, name]``, and empty where that raises a KeyError.
        """
        if start > 0:
            return [epoch[name] for epoch in self[start:] if name in epoch]
        values = []
        for table in self._tables:
            values += table.column(name)
        return values + [epoch[name] for epoch in self._recent if name in epoch]

    def __len__(self):
        return self._n_old + len(self._recent)

    def __iter__(self):
        for table in self._tables:
            yield from table
        yield from self._recent

    def __getitem__(self, i):
        if isinstance(i, int):
            return self._epoch(i)
        if isinstance(i, slice):
            return self._epochs(i)
        match i:
            case (int() as number, *rest):
                return History([self._epoch(number)])[0, *rest]
            case (slice() as epochs, str() as name) if epochs == slice(None):
                return self.column(name) or History(self)[i]
            case (slice() as epochs, *rest):
                return History(self._epochs(epochs))[:, *rest]
        return History(self)[i]  # which says what is wrong with it

    def _epoch(self, i: int) -> dict:
        i = i + len(self) if i < 0 else i
        if i >= self._n_old:
            return self._recent[i - self._n_old]
        for table in self._tables if i >= 0 else ():
            if i < len(table):
                return table.epoch(i)
            i -= len(table)
        raise IndexError("list index out of range")  # as skorch's says it

    def _epochs(self, epochs: slice) -> list[dict]:
        numbers = range(len(self))[epochs]
        if numbers and min(numbers[0], numbers[-1]) < self._n_old:
            return list(self)[epochs]
        return [self._recent[i - self._n_old] for i in numbers]

    def __eq__(self, other):
        return list(self) == list(other) if isinstance(other, list) else NotImplemented

    def __ne__(self, other):
        return not self == other

    def __add__(self, other):
        return list(self) + list(other)

    def __radd__(self, other):
        return list(other) + list(self)

    def __repr__(self):
        return repr(list(self))

    def copy(self) -> list[dict]:
        return list(self)

    # --- writing ------------------------------------------------------------------

    def append(self, epoch: dict) -> None:
        self._recent.append(epoch)
        if len(self._recent) >= 2 * _N_RECENT:
            _put_away(self._recent[:_N_RECENT], self._tables)
            del self._recent[:_N_RECENT]
            self._n_old += _N_RECENT

    def insert(self, i: int, epoch: dict) -> None:
        epochs = list(self)
        epochs.insert(i, epoch)
        self._replace(epochs)

    def __setitem__(self, i, value):
        epochs = list(self)
        epochs[i] = value
        self._replace(epochs)

    def __delitem__(self, i):
        epochs = list(self)
        del epochs[i]
        self._replace(epochs)

    def clear(self) -> None:
        self._replace([])

    def reverse(self) -> None:
        self._replace(list(self)[::-1])

    def sort(self, **options) -> None:
        self._replace(sorted(self, **options))


class _Table:
    """Old epochs in a row that recorded the same names.

    Parameters
    ----------
    columns : dict of str to Column

    Attributes
    ----------
    changed : dict of int to _OldEpoch
        Those that were written to since, by their number in the table.
    """

    def __init__(self, columns: dict[str, Column]):
        self.columns = columns
        self.changed: dict[int, _OldEpoch] = {}

    @classmethod
    def from_plain(cls, table: PlainTable) -> "_Table":
        columns = {name: from_plain(data) for name, data in table.items()}
        lengths = set(map(length_of, columns.values()))
        if len(lengths) != 1:
            raise ValueError("the columns of a history are not of one length")
        return cls({"batches": lengths.pop(), **columns})

    def to_plain(self, left_out: set[str]) -> PlainTable:
        return {
            name: to_plain(column)
            for name, column in self.columns.items()
            if name not in left_out
        }

    def copy(self) -> "_Table":
        return _Table({name: copy(column) for name, column in self.columns.items()})

    @property
    def shape(self) -> tuple[tuple[str, ...], bool]:
        return tuple(self.columns), type(self.columns.get("batches")) is int

    def __len__(self):
        return length_of(next(iter(self.columns.values())))

    def __iter__(self) -> Iterator[dict]:
        rows = zip(*map(values_of, self.columns.values()), strict=True)
        for row, values in enumerate(rows):
            if row in self.changed:
                yield self.changed[row]
            else:
                yield _OldEpoch(zip(self.columns, values, strict=True), self, row)

    def epoch(self, row: int) -> dict:
        if row in self.changed:
            return self.changed[row]
        values = ((name, value_at(c, row)) for name, c in self.columns.items())
        return _OldEpoch(values, self, row)

    def column(self, name: str) -> list:
        if self.changed:
            return [epoch[name] for epoch in self if name in epoch]
        return values_of(self.columns[name]) if name in self.columns else []

    def extend(self, epochs: list[dict]) -> None:
        for name, column in self.columns.items():
            values = [epoch[name] for epoch in epochs]
            self.columns[name] = extend_column(column, values)

    def pop(self, n: int) -> list[dict]:
        """Take away the last `n` epochs, or all if there are fewer."""
        n_left = max(0, len(self) - n)
        rest = {}
        for name, column in self.columns.items():
            self.columns[name], rest[name] = split_column(column, n_left)
        rows = zip(*rest.values(), strict=True)
        return [dict(zip(rest, values, strict=True)) for values in rows]


def _put_away(epochs: list[dict], tables: list[_Table]) -> None:
    """Move epochs to the end of `tables`."""
    # A table has the length of its columns, and needs one where an epoch was cleared.
    epochs = [epoch or {"batches": [{}]} for epoch in epochs]
    for shape, some in groupby(epochs, key=_shape):
        run = list(some)
        if tables and tables[-1].shape == shape:
            tables[-1].extend(run)
        else:
            names, _ = shape
            tables.append(
                _Table({name: make_column([e[name] for e in run]) for name in names})
            )


def _shape(epoch: dict) -> tuple[tuple[str, ...], bool]:
    """Tell what the epochs of a table have in common.

    Those that record batches are kept from those that do not, whose batches take no
    memory.
    """
    return tuple(epoch), is_blank(epoch.get("batches"))


def _recorded(write: Callable) -> Callable:
    """Let a method that changes a dict keep the change in the history."""

    @functools.wraps(write)
    def record(self, *args, **kwargs) -> Any:
        self._table.changed[self._row] = self
        return write(self, *args, **kwargs)

    return record


class _OldEpoch(dict):
    """An epoch out of a table, which keeps it if it is written to."""

    __slots__ = ("_row", "_table")

    def __init__(self, values: Iterable[tuple[str, Any]], table: _Table, row: int):
        super().__init__(values)
        self._table = table
        self._row = row

    __setitem__ = _recorded(dict.__setitem__)
    __delitem__ = _recorded(dict.__delitem__)
    __ior__ = _recorded(dict.__ior__)
    clear = _recorded(dict.clear)
    pop = _recorded(dict.pop)
    popitem = _recorded(dict.popitem)
    setdefault = _recorded(dict.setdefault)
    update = _recorded(dict.update)

    def __reduce__(self):
        return dict, (dict(self),)
