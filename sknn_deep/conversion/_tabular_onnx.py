"""An estimator for tables as an ONNX model, from the columns as they are."""

import numpy as np
from onnx import ModelProto, TensorProto, helper
from sklearn.base import BaseEstimator

from sknn_deep.columns import TableEncoder
from sknn_deep.conversion._export import Export
from sknn_deep.conversion._onnx_graph import (
    GAPS,
    ML,
    Graph,
    add_parts,
    check_opset,
    describe,
    finish_model,
)
from sknn_deep.conversion._parts import Part

_LARGEST = 1e100  # whose square is a number


def make_table_model(
    parts: list[Part],
    estimator: BaseEstimator,
    export: Export,
    opset: int,
    *,
    has_label: bool,
) -> ModelProto:
    """Make the model; the first of the parts is the encoding of the columns."""
    check_opset(parts, opset)
    graph = Graph(export.dtype, opset)
    names = _names_of(estimator)
    inputs = _describe_inputs(estimator, names, export.dtype)
    encoded = _add_columns(graph, parts[0].encoder, names)
    scores = add_parts(graph, parts[1:], encoded)
    model = finish_model(
        graph, scores, parts, estimator, inputs, export, has_label=has_label
    )
    _check_names(names or [], model)
    return model


def _check_names(names: list[str], model: ModelProto) -> None:
    """Refuse columns that cannot be inputs: names of a graph are there once."""
    taken = {"", *(constant.name for constant in model.graph.initializer)}
    taken |= {name for node in model.graph.node for name in node.output}
    refused = sorted({n for n in names if n in taken or names.count(n) > 1})
    if refused:
        raise ValueError(
            "to_onnx names an input after each column, and cannot do so for "
            f"{refused}: the file has the name already, or it is empty. Rename these "
            "columns before the fit."
        )


def _names_of(estimator: BaseEstimator) -> list[str] | None:
    """Name the inputs of the columns; None is one for all, which are numbers."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    if not any(map(_is_text, estimator._encoder.categories)):
        return None
    return [f"x{i}" for i in range(estimator.n_features_in_)]


def _is_text(categories) -> bool:
    return all(isinstance(value, str) for value in categories.values)


def _describe_inputs(estimator: BaseEstimator, names, dtype: np.dtype) -> list:
    n_features = estimator.n_features_in_
    if names is None:
        return [describe("X", dtype, "n_rows", n_features)]
    encoder = estimator._encoder
    kinds = [dtype] * n_features
    places = np.flatnonzero(encoder.is_categorical)
    for place, categories in zip(places, encoder.categories, strict=True):
        if _is_text(categories):
            kinds[place] = np.dtype(object)
        elif not all(_is_number(value) for value in categories.values):
            raise TypeError(
                "to_onnx can write categories that are strings, or numbers and bool, "
                f"in one column. Got {categories.values[0]!r} and others in the column "
                f"{names[place]!r}: fit to strings."
            )
    return [
        describe(name, kind, "n_rows", 1)
        for name, kind in zip(names, kinds, strict=True)
    ]


def _is_number(value) -> bool:
    return isinstance(value, bool | int | float | np.bool_ | np.number)


# --- columns --------------------------------------------------------------------------


def _add_columns(graph: Graph, encoder: TableEncoder, names: list[str] | None) -> str:
    """Add what encodes the columns, and give its name."""
    places = np.flatnonzero(encoder.is_categorical)
    codes = [
        _add_codes(graph, _add_column(graph, names, place), categories)
        for place, categories in zip(places, encoder.categories, strict=True)
    ]
    values = [_add_column(graph, names, place) for place in _places(encoder)]
    values = [graph.node("Cast", name, to=TensorProto.DOUBLE) for name in values]
    values += [
        graph.node("Cast", graph.node("IsNaN", values[i]), to=TensorProto.DOUBLE)
        for i in np.flatnonzero(encoder.shows_missing)
    ]
    for code, categories in zip(codes, encoder.categories, strict=True):
        if not categories.as_codes:
            table = categories.to_columns(np.arange(len(categories) + 1))
            table = graph.constant(table, "rows", np.float64)
            values.append(graph.node("Gather", table, _as_vector(graph, code)))
    parts = [_add_scale(graph, encoder, values)] if values else []
    parts += [
        code
        for code, categories in zip(codes, encoder.categories, strict=True)
        if categories.as_codes
    ]
    kind = helper.np_dtype_to_tensor_dtype(graph.dtype)
    parts = [graph.node("Cast", part, to=kind) for part in parts]
    return graph.node("Concat", *parts, axis=1)


def _places(encoder: TableEncoder) -> np.ndarray:
    return np.flatnonzero(~encoder.is_categorical)


def _add_column(graph: Graph, names: list[str] | None, place: int) -> str:
    """Give the name of a column of shape (n_rows, 1)."""
    if names is not None:
        return names[place]
    index = graph.constant([place], "column", np.int64)
    return graph.node("Gather", "X", index, axis=1)


def _as_vector(graph: Graph, column: str) -> str:
    return graph.node("Reshape", column, graph.constant([-1], "shape", np.int64))


def _add_scale(graph: Graph, encoder: TableEncoder, values: list[str]) -> str:
    """Add what brings the values between -3 and 3, in float64."""

    def constant(array):
        return graph.constant(array, "constant", np.float64)

    X = graph.node("Concat", *values, axis=1)
    X = graph.node("Sub", X, constant(encoder.median))
    X = graph.node("Mul", X, constant(encoder.factor))
    X = graph.node("Clip", X, constant(-_LARGEST), constant(_LARGEST))
    third = graph.node("Div", X, constant(3.0))
    square = graph.node("Mul", third, third)
    root = graph.node("Sqrt", graph.node("Add", square, constant(1.0)))
    X = graph.node("Div", X, root)
    is_missing = graph.node("IsNaN", X)
    return graph.node("Where", is_missing, constant(0.0), X)


def _add_codes(graph: Graph, column: str, categories) -> str:
    """Add what gives the number of a category, int64 of shape (n_rows, 1)."""
    missing, unknown = len(categories.values), len(categories)
    if _is_text(categories):
        gaps = [gap for gap in GAPS if gap not in categories.values]
        keys = [*categories.values, *gaps]
        return graph.node(
            "LabelEncoder",
            column,
            domain=ML,
            keys_strings=keys,
            values_int64s=[*range(missing), *[missing] * len(gaps)],
            default_int64=unknown,
        )
    if len(np.unique(np.asarray(categories.values, graph.dtype))) < missing:
        raise ValueError(
            f"to_onnx cannot tell all categories of {column!r} apart in "
            f"{graph.dtype}: some are the same number there. Pass dtype='float64'."
        )
    values = graph.constant([categories.values], "categories")
    is_equal = graph.node("Equal", column, values)
    is_equal = graph.node("Concat", is_equal, graph.node("IsNaN", column), axis=1)
    found = graph.node("Cast", is_equal, to=TensorProto.DOUBLE)
    steps = np.append(np.arange(missing), missing)[:, None] - unknown
    code = graph.node("MatMul", found, graph.constant(steps, "steps", np.float64))
    code = graph.node("Add", code, graph.constant(unknown, "unknown", np.float64))
    return graph.node("Cast", code, to=TensorProto.INT64)
