"""Rows, targets and weights, from plain to hostile, in many containers."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
import torch
from hypothesis import strategies as st
from sklearn.base import is_classifier, is_regressor

NAN, INF = float("nan"), float("inf")


# --- the numbers of X -----------------------------------------------------------------


def _with(values, *others):
    values = values.copy()
    for i, other in enumerate(others[: values.size]):
        values.flat[(3 * i) % values.size] = other
    return values


# From numbers around 0 to what X holds.
GENTLE = {
    "normal": lambda v: v,
    "unit": lambda v: np.clip(np.abs(v) / 4, 0, 1),
    "counts": lambda v: np.round(4 * v),
    "constant": lambda v: np.full_like(v, 0.25),
    "zero": np.zeros_like,
    "constant column": lambda v: np.where(np.arange(v.shape[-1]) == 0, 3.0, v),
    "large": lambda v: 1e4 * v,
    "tiny": lambda v: 1e-30 * v,
}

EXTREME = {
    "huge": lambda v: 1e18 * v,
    "beyond float32": lambda v: 1e50 * v,
    "enormous": lambda v: 1e160 * v,
    "largest": lambda v: np.clip(v, -1, 1) * np.finfo(float).max,
    "denormal": lambda v: v * 1e-310,
    "one huge": lambda v: _with(v, 1e300),
    "one above float32": lambda v: _with(v, 1e39),
    "mixed magnitudes": lambda v: v * np.logspace(-300, 300, v.size).reshape(v.shape),
    "NaN": lambda v: _with(v, NAN),
    "infinite": lambda v: _with(v, INF, -INF),
}


# --- containers -----------------------------------------------------------------------


def _cast(dtype):
    def cast(values):
        with np.errstate(all="ignore"):
            return values.astype(dtype)

    return cast


def _torch(dtype):
    return lambda values: torch.from_numpy(values.copy()).to(dtype)


def _sparse(form):
    return lambda values: getattr(sp, form)(np.nan_to_num(values))


def _read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def _memory_mapped(values):
    path = Path(tempfile.mkdtemp(prefix="sknn_deep_")) / "values.npy"
    np.save(path, values)
    mapped = np.load(path, mmap_mode="r")
    path.unlink()
    path.parent.rmdir()
    return mapped


def _duplicated_csr(values):
    values = np.nan_to_num(values)
    matrix = sp.csr_matrix(values)
    n = matrix.indices.repeat(2)
    halves = (matrix.data / 2).repeat(2)
    return sp.csr_matrix((halves, n, matrix.indptr * 2), shape=values.shape)


def _long_indices(values):
    matrix = sp.csr_matrix(np.nan_to_num(values))
    matrix.indices = matrix.indices.astype(np.int64)
    matrix.indptr = matrix.indptr.astype(np.int64)
    return matrix


def _strided(values):
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)[::2, ::2]


def _nullable(values):
    return pd.DataFrame(values).add_prefix("x").astype("Float64")


def _with_missing(values):
    frame = _nullable(values)
    frame.iloc[0, 0] = pd.NA
    return frame


FRIENDLY = {
    "float64": lambda v: v,
    "float32": _cast(np.float32),
    "float16": _cast(np.float16),
    "int64": _cast(np.int64),
    "int8": _cast(np.int8),
    "uint16": _cast(np.uint16),
    "bool": _cast(bool),
    "longdouble": _cast(np.longdouble),
    "big-endian": _cast(">f8"),
    "object": _cast(object),
    "Fortran order": np.asfortranarray,
    "negative strides": lambda v: v[::-1, ::-1],
    "strided": _strided,
    "read-only": _read_only,
    "memory-mapped": _memory_mapped,
    "lists": np.ndarray.tolist,
    "tuples": lambda v: tuple(map(tuple, v)),
    "list of arrays": list,
    "DataFrame": lambda v: pd.DataFrame(v).add_prefix("x"),
    "DataFrame, numbered columns": pd.DataFrame,
    "DataFrame, float32": lambda v: pd.DataFrame(_cast(np.float32)(v)),
    "DataFrame, nullable": _nullable,
    "DataFrame, odd index": lambda v: pd.DataFrame(v, index=[7] * len(v)),
    "DataFrame, twice the same name": lambda v: pd.DataFrame(
        v, columns=["x"] * v.shape[1]
    ),
    "polars": lambda v: pl.DataFrame({f"x{i}": c for i, c in enumerate(v.T.copy())}),
    "csr_matrix": _sparse("csr_matrix"),
    "csr_array": _sparse("csr_array"),
    "csc_matrix": _sparse("csc_matrix"),
    "coo_array": _sparse("coo_array"),
    "lil_matrix": _sparse("lil_matrix"),
    "dok_matrix": _sparse("dok_matrix"),
    "bsr_matrix": _sparse("bsr_matrix"),
    "csr, float32": lambda v: _sparse("csr_matrix")(_cast(np.float32)(v)),
    "csr, int": lambda v: _sparse("csr_matrix")(_cast(np.int64)(np.nan_to_num(v))),
    "csr, bool": lambda v: _sparse("csr_matrix")(_cast(bool)(np.nan_to_num(v))),
    "csr, duplicates": _duplicated_csr,
    "csr, long indices": _long_indices,
    "torch float64": _torch(torch.float64),
    "torch float32": _torch(torch.float32),
    "torch bfloat16": _torch(torch.bfloat16),
    "torch float16": _torch(torch.float16),
    "torch int": _torch(torch.int32),
    "torch bool": _torch(torch.bool),
    "torch, transposed": lambda v: torch.from_numpy(v.T.copy()).T,
    "torch, with gradient": lambda v: torch.from_numpy(v.copy()).requires_grad_(),
}


def _matrix(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(values)


class _Generator:
    """Rows that can only be gone through."""

    def __init__(self, values):
        self.values = values

    def __iter__(self):
        return iter(self.values.tolist())


UNFRIENDLY = {
    "text": _cast(str),
    "bytes": _cast("S8"),
    "complex": _cast(complex),
    "object with None": lambda v: _with(v.astype(object), None),
    "object with text": lambda v: _with(v.astype(object), "a"),
    "object with lists": lambda v: _with(v.astype(object), [1, 2]),
    "object with complex": lambda v: _with(v.astype(object), 1j),
    "object with enormous ints": lambda v: _with(v.astype(object), 10**400),
    "dates": lambda v: np.zeros(v.shape, "M8[s]"),
    "durations": lambda v: np.zeros(v.shape, "m8[s]"),
    "records": lambda v: np.zeros(len(v), [("a", float), ("b", float)]),
    "masked": lambda v: np.ma.masked_greater(v, 0),
    "np.matrix": _matrix,
    "1-D": lambda v: v[:, 0] if v.shape[1] else v.ravel(),
    "3-D": lambda v: v[:, :, None],
    "0-D": lambda v: np.array(1.0),
    "no rows": lambda v: v[:0],
    "no columns": lambda v: v[:, :0],
    "empty list": lambda v: [],
    "list of empty": lambda v: [[]],
    "None": lambda v: None,
    "a text": lambda v: "X",
    "a number": lambda v: 3.0,
    "dict": lambda v: {"a": v},
    "set": lambda v: {1, 2},
    "generator": _Generator,
    "ragged": lambda v: [[1.0], *v.tolist(), [1.0, 2.0]],
    "Series": lambda v: pd.Series(v[:, 0] if v.shape[1] else []),
    "DataFrame, missing": _with_missing,
    "DataFrame, text": lambda v: pd.DataFrame(v).add_prefix("x").assign(t="a"),
    "DataFrame, category": lambda v: pd.DataFrame(v).add_prefix("x").astype("category"),
    "DataFrame, dates": lambda v: pd.DataFrame(v).assign(t=pd.Timestamp(0)),
    "DataFrame, mixed names": lambda v: pd.DataFrame(v).rename(columns={0: "a"}),
    "DataFrame, empty": lambda v: pd.DataFrame(),
    "polars, missing": lambda v: pl.DataFrame({"a": [None, *v[1:, 0].tolist()]}),
    "polars, text": lambda v: pl.DataFrame({"a": ["b"] * len(v)}),
    "csr, NaN": lambda v: sp.csr_matrix(_with(v, NAN)),
    "csr, complex": lambda v: sp.csr_matrix(np.nan_to_num(v).astype(complex)),
    "csr, no rows": lambda v: sp.csr_matrix((0, v.shape[1])),
    "coo, 1-D": lambda v: sp.coo_array(np.arange(3.0)),
    "torch complex": _torch(torch.complex64),
    "torch sparse": lambda v: torch.from_numpy(v.copy()).to_sparse(),
    "torch meta": lambda v: torch.empty(v.shape, device="meta"),
    "torch 0-D": lambda v: torch.tensor(1.0),
    "object()": lambda v: object(),
}


@st.composite
def rows(draw, n_rows=None, n_columns=None, hostile: bool = True):
    """Draw X; also give how many rows it should have."""
    n_rows = draw(st.sampled_from([1, 2, 3, 8, 20, 30])) if n_rows is None else n_rows
    n_columns = draw(st.integers(1, 4)) if n_columns is None else n_columns
    values = _normal(draw, (n_rows, n_columns))
    kinds, containers = GENTLE, FRIENDLY
    if hostile:
        kinds = draw(st.sampled_from([GENTLE, GENTLE, EXTREME]))
        containers = draw(st.sampled_from([FRIENDLY, FRIENDLY, FRIENDLY, UNFRIENDLY]))
    with np.errstate(all="ignore"):
        values = kinds[draw(st.sampled_from(list(kinds)))](values)
        container = containers[draw(st.sampled_from(list(containers)))]
        return container(np.asarray(values))


def _normal(draw, shape) -> np.ndarray:
    seed = draw(st.integers(0, 99))
    return np.random.RandomState(seed).standard_normal(shape)


# --- targets --------------------------------------------------------------------------


def _classes(*labels, dtype=None):
    return lambda v: np.array(labels, dtype=dtype)[np.arange(len(v)) % len(labels)]


def _wrap(make, wrap):
    return lambda v: wrap(make(v))


_TWO, _THREE = _classes(0, 1), _classes(0, 1, 2)


def _indicators(n_labels):
    return lambda v: (np.arange(len(v))[:, None] % (n_labels + 1) > range(n_labels)) * 1


LABELS = {
    "two": _TWO,
    "three": _THREE,
    "one": _classes(5),
    "each its own": lambda v: np.arange(len(v)),
    "one rare": lambda v: (np.arange(len(v)) == 0).astype(int),
    "negative": _classes(-7, 3),
    "int8": _classes(-128, 127, dtype=np.int8),
    "uint64": _classes(0, 2**64 - 1, dtype=np.uint64),
    "int64 ends": _classes(-(2**63), 2**63 - 1),
    "floats": _classes(0.0, 1.0, 2.0),
    "float32": _classes(0.0, 1.0, dtype=np.float32),
    "float16": _classes(0.0, 1.0, 3.0, dtype=np.float16),
    "text": _classes("b", "a", "ccc"),
    "text of two": _classes("no", "yes"),
    "empty text": _classes("", "a"),
    "bytes": _classes(b"a", b"b"),
    "bool": _classes(False, True),
    "object text": _classes("b", "a", dtype=object),
    "object ints": _classes(2, 1, 3, dtype=object),
    "object bool": _classes(True, False, dtype=object),
    "object mixed": _classes(1, "a", dtype=object),
    "object None": _classes(1, None, dtype=object),
    "object text None": _classes("a", None, dtype=object),
    "object NaN": _classes(1, NAN, dtype=object),
    "object tuples": lambda v: [(0, 1)] * len(v),
    "list": _wrap(_THREE, np.ndarray.tolist),
    "list of text": _wrap(_classes("a", "b"), np.ndarray.tolist),
    "list of bool": _wrap(_classes(True, False), np.ndarray.tolist),
    "column": _wrap(_TWO, lambda y: y[:, None]),
    "column of text": _wrap(_classes("a", "b"), lambda y: y[:, None]),
    "two columns": _indicators(2),
    "three columns": _indicators(3),
    "one column of bool": _wrap(_classes(False, True), lambda y: y[:, None]),
    "columns of bool": _wrap(_indicators(2), lambda y: y.astype(bool)),
    "columns of floats": _wrap(_indicators(2), lambda y: y.astype(float)),
    "columns of lists": _wrap(_indicators(3), np.ndarray.tolist),
    "columns of 1 and -1": _wrap(_indicators(2), lambda y: 2 * y - 1),
    "columns all zero": lambda v: np.zeros((len(v), 2), int),
    "columns all one": lambda v: np.ones((len(v), 3), int),
    "columns, sparse": _wrap(_indicators(3), sp.csr_matrix),
    "columns, csc_array": _wrap(_indicators(2), sp.csc_array),
    "columns, coo": _wrap(_indicators(2), sp.coo_matrix),
    "one sparse column": _wrap(_TWO, lambda y: sp.csr_matrix(y[:, None])),
    "sparse classes": lambda v: sp.csr_matrix(np.arange(len(v))[:, None]),
    "no labels": lambda v: np.zeros((len(v), 0), int),
    "multioutput": lambda v: np.arange(2 * len(v)).reshape(-1, 2),
    "Series": _wrap(_classes("a", "b"), pd.Series),
    "Series of text dtype": _wrap(
        _classes("a", "b"), lambda y: pd.Series(y, dtype="string")
    ),
    "Categorical": _wrap(_classes("a", "b"), lambda y: pd.Series(pd.Categorical(y))),
    "Categorical itself": _wrap(_classes("a", "b"), pd.Categorical),
    "Series of Int64": _wrap(_THREE, lambda y: pd.Series(y, dtype="Int64")),
    "Series of boolean": _wrap(
        _classes(False, True), lambda y: pd.Series(y, dtype="boolean")
    ),
    "Series with NA": _wrap(
        _THREE, lambda y: pd.Series([pd.NA, *y[1:]], dtype="Int64")
    ),
    "DataFrame": _wrap(_indicators(2), lambda y: pd.DataFrame(y).add_prefix("y")),
    "polars": _wrap(_classes("a", "b"), pl.Series),
    "polars ints": _wrap(_THREE, pl.Series),
    "torch": _wrap(_THREE, lambda y: torch.from_numpy(y)),
    "torch bool": _wrap(_TWO, lambda y: torch.from_numpy(y).bool()),
    "torch columns": _wrap(_indicators(2), lambda y: torch.from_numpy(y)),
    "torch bfloat16": _wrap(_TWO, lambda y: torch.from_numpy(y).bfloat16()),
    "dates": lambda v: (np.arange(len(v)) % 2).astype("M8[D]"),
}

NUMBERS = {
    "normal": lambda v: v[:, 0],
    "float32": lambda v: v[:, 0].astype(np.float32),
    "float16": lambda v: v[:, 0].astype(np.float16),
    "longdouble": lambda v: v[:, 0].astype(np.longdouble),
    "positive": lambda v: np.exp(v[:, 0]),
    "counts": lambda v: np.arange(len(v)) % 4,
    "constant": lambda v: np.full(len(v), 3.0),
    "constant, large": lambda v: np.full(len(v), 1e8 + 0.1),
    "zero": lambda v: np.zeros(len(v)),
    "bool": _classes(False, True),
    "huge": lambda v: 1e30 * v[:, 0],
    "enormous": lambda v: 1e200 * v[:, 0],
    "largest": lambda v: np.sign(v[:, 0]) * np.finfo(float).max,
    "tiny": lambda v: 1e-200 * v[:, 0],
    "denormal": lambda v: 1e-318 * v[:, 0],
    "int64 ends": _classes(-(2**63), 2**63 - 1),
    "uint64": _classes(0, 2**64 - 1, dtype=np.uint64),
    "list": lambda v: v[:, 0].tolist(),
    "object": lambda v: v[:, 0].astype(object),
    "object enormous": lambda v: _with(v[:, 0].astype(object), 10**400),
    "object text": lambda v: _with(v[:, 0].astype(object), "a"),
    "text": lambda v: v[:, 0].astype(str),
    "text of letters": _classes("a", "b"),
    "two columns": lambda v: np.stack([v[:, 0], v[:, 0] ** 2], axis=1),
    "two columns of ints": lambda v: np.arange(2 * len(v)).reshape(-1, 2),
    "column": lambda v: v[:, :1],
    "one constant column": lambda v: np.stack([v[:, 0], 0 * v[:, 0]], axis=1),
    "no columns": lambda v: v[:, :0],
    "many columns": lambda v: np.tile(v[:, :1], 7),
    "sparse": lambda v: sp.csr_matrix(v[:, :1]),
    "Series": lambda v: pd.Series(v[:, 0]),
    "Series of Float64": lambda v: pd.Series(v[:, 0], dtype="Float64"),
    "DataFrame": lambda v: pd.DataFrame(v[:, :1]).assign(b=1.0),
    "polars": lambda v: pl.Series(v[:, 0].copy()),
    "torch": lambda v: torch.from_numpy(v[:, 0].copy()),
    "torch bfloat16": lambda v: torch.from_numpy(v.copy())[:, 0].bfloat16(),
    "torch, with gradient": lambda v: torch.from_numpy(v.copy())[:, 0].requires_grad_(),
    "read-only": lambda v: _read_only(v[:, 0]),
    "dates": lambda v: np.arange(len(v)).astype("M8[D]"),
    "durations": lambda v: np.arange(len(v)).astype("m8[D]"),
}

NO_TARGETS = {
    "too few": lambda v: np.arange(max(len(v) - 1, 0)) % 2,
    "too many": lambda v: np.arange(len(v) + 1) % 2,
    "NaN": lambda v: _with(v[:, 0], NAN),
    "infinite": lambda v: _with(v[:, 0], INF),
    "continuous": lambda v: v[:, 0] + 0.5,
    "complex": lambda v: v[:, 0] + 1j,
    "3-D": lambda v: np.zeros((len(v), 2, 2)),
    "0-D": lambda v: np.array(1),
    "None": lambda v: None,
    "a number": lambda v: 1,
    "a text": lambda v: "y",
    "empty": lambda v: [],
    "dict": lambda v: {"a": 1},
    "set": lambda v: {0, 1},
    "list of sets": lambda v: [{0}] * len(v),
    "list of None": lambda v: [None] * len(v),
    "ragged": lambda v: [[0], *[[0, 1]] * (len(v) - 1)],
    "objects": lambda v: [object() for _ in v],
    "torch complex": lambda v: torch.zeros(len(v), dtype=torch.complex64),
    "torch sparse": lambda v: torch.zeros(len(v)).to_sparse(),
    "torch meta": lambda v: torch.zeros(len(v), device="meta"),
    "all of X": lambda v: v,
}

PLAIN_LABELS = ["two", "three", "text", "bool", "three columns"]
PLAIN_NUMBERS = ["normal", "positive", "counts", "two columns", "float32"]


@st.composite
def targets(draw, model, n_rows: int, hostile: bool = True):
    """Draw y for a model; an autoencoder ignores it."""
    values = _normal(draw, (n_rows, 1))
    if not (is_classifier(model) or is_regressor(model)):
        return draw(st.sampled_from([None, np.zeros(n_rows), "y", object]))
    own = LABELS if is_classifier(model) else NUMBERS
    plain = PLAIN_LABELS if is_classifier(model) else PLAIN_NUMBERS
    kinds = {name: own[name] for name in plain}
    if hostile:
        kinds = draw(st.sampled_from([kinds, own, own, LABELS, NUMBERS, NO_TARGETS]))
    with np.errstate(all="ignore"):
        return kinds[draw(st.sampled_from(list(kinds)))](values)


# --- weights --------------------------------------------------------------------------

WEIGHTS = {
    "none": lambda v: None,
    "positive": lambda v: np.exp(v),
    "ones": np.ones_like,
    "ints": lambda v: np.arange(len(v)) % 3 + 1,
    "float32": lambda v: np.exp(v).astype(np.float32),
    "some zero": lambda v: np.arange(len(v)) % 3,
    "all but one zero": lambda v: np.arange(len(v)) == 0,
    "all but two zero": lambda v: (np.arange(len(v)) < 2) * 0.5,
    "list": lambda v: np.exp(v).tolist(),
    "Series": lambda v: pd.Series(np.exp(v)),
    "polars": lambda v: pl.Series(np.exp(v)),
    "torch": lambda v: torch.from_numpy(np.exp(v)),
    "number": lambda v: 2.0,
}

ODD_WEIGHTS = {
    "all zero": np.zeros_like,
    "negative": lambda v: -np.exp(v),
    "one negative": lambda v: _with(np.exp(v), -1e-9),
    "NaN": lambda v: _with(np.exp(v), NAN),
    "infinite": lambda v: _with(np.exp(v), INF),
    "huge": lambda v: 1e300 * np.exp(v),
    "largest": lambda v: np.full(len(v), np.finfo(float).max),
    "tiny": lambda v: 1e-300 * np.exp(v),
    "below float32": lambda v: 1e-50 * np.exp(v),
    "beyond float32": lambda v: 1e50 * np.exp(v),
    "denormal": lambda v: np.full(len(v), 5e-324),
    "mixed magnitudes": lambda v: np.logspace(-300, 300, len(v)),
    "too few": lambda v: np.ones(len(v) - 1),
    "too many": lambda v: np.ones(len(v) + 1),
    "2-D": lambda v: np.ones((len(v), 1)),
    "text": lambda v: ["a"] * len(v),
    "a text": lambda v: "balanced",
    "complex": lambda v: np.ones(len(v), complex),
    "object None": lambda v: [None] * len(v),
    "sparse": lambda v: sp.csr_matrix(np.ones((len(v), 1))),
    "dict": lambda v: {0: 1.0},
    "empty": lambda v: [],
    "zero": lambda v: 0,
    "torch complex": lambda v: torch.ones(len(v), dtype=torch.complex64),
    "dates": lambda v: np.ones(len(v)).astype("M8[s]"),
}


@st.composite
def weights(draw, n_rows: int, hostile: bool = True):
    kinds = WEIGHTS
    if hostile and draw(st.integers(0, 2)) == 0:
        kinds = ODD_WEIGHTS
    values = _normal(draw, n_rows)
    return kinds[draw(st.sampled_from(list(kinds)))](values)
