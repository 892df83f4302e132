"""Converters of scikit-learn's steps for which skl2onnx's own fall short.

Up to skl2onnx 1.20 that of SimpleImputer leaves out ``add_indicator`` and takes no gaps
in strings, that of OneHotEncoder knows neither ``infrequent_if_exist`` nor missing
numbers, that of KBinsDiscretizer not its default, and that of FunctionTransformer no
function. They are used for one conversion at a time; what skl2onnx does elsewhere is
as before.
"""

import functools

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import StringTensorType
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder

from sknn_deep.conversion._network_parts import network_of
from sknn_deep.conversion._onnx_graph import GAPS, ML
from sknn_deep.conversion.skl2onnx_converters._graph import (
    ContainerGraph,
    add_inputs,
    dtype_of_inputs,
    number_type,
)
from sknn_deep.conversion.skl2onnx_converters._networks import (
    convert_numbers,
    set_output_type,
)


def step_converters(dtype: np.dtype) -> dict:
    """Give arguments of ``convert_sklearn``; text becomes numbers of `dtype`."""
    one_hot = (
        functools.partial(_set_one_hot_type, dtype),
        functools.partial(_convert_one_hot, dtype),
    )
    functions = {
        FunctionTransformer: (_set_function_type, _convert_function),
        KBinsDiscretizer: (_set_bins_type, _convert_bins),
        OneHotEncoder: one_hot,
        SimpleImputer: (_set_imputer_type, _convert_imputer),
    }
    return {
        "custom_shape_calculators": {
            cls: set_type for cls, (set_type, _) in functions.items()
        },
        "custom_conversion_functions": {
            cls: convert for cls, (_, convert) in functions.items()
        },
    }


def _is_text(put) -> bool:
    return isinstance(put.type, StringTensorType)


def _is_gap(value) -> bool:
    return not isinstance(value, str) and str(value) in GAPS


# --- OneHotEncoder --------------------------------------------------------------------


def one_hot_table(encoder: OneHotEncoder, feature: int) -> np.ndarray:
    """Give the row that each category becomes.

    Returns
    -------
    table : ndarray of shape (n_categories + 1, n_columns) or (n_categories, n_columns)
        The last row is that of unknown ones, unless these are an error.
    """
    names = [str(category) for category in encoder.categories_[feature]]
    infrequent = getattr(encoder, "infrequent_categories_", None)
    rare = [] if infrequent is None else infrequent[feature]
    rare = [] if rare is None else [str(category) for category in rare]
    is_rare = np.isin(names, rare)
    column = np.where(is_rare, np.sum(~is_rare), np.cumsum(~is_rare) - 1)
    rows = np.eye(column.max() + 1)
    unknown = rows[-1:] if len(rare) else np.zeros((1, len(rows)))
    if encoder.handle_unknown == "ignore":
        unknown = np.zeros_like(unknown)
    table = rows[column]
    if encoder.handle_unknown != "error":
        table = np.vstack([table, unknown])
    dropped = None if encoder.drop_idx_ is None else encoder.drop_idx_[feature]
    return table if dropped is None else np.delete(table, column[dropped], axis=1)


def _set_one_hot_type(dtype, operator) -> None:
    encoder = operator.raw_operator
    widths = [one_hot_table(encoder, j).shape[1] for j in range(encoder.n_features_in_)]
    operator.outputs[0].type = number_type(dtype, None, sum(widths))


def _convert_one_hot(dtype, scope, operator, container) -> None:
    encoder = operator.raw_operator
    graph = ContainerGraph(scope, container, operator)
    graph.dtype = dtype
    columns = _add_columns(graph, operator.inputs)
    encoded = []
    for j, (column, is_text) in enumerate(columns):
        add_codes = _add_text_codes if is_text else _add_number_codes
        codes = add_codes(graph, column, encoder.categories_[j])
        table = graph.constant(one_hot_table(encoder, j), "rows")
        encoded.append(graph.node("Gather", table, codes))
    graph.rename(graph.node("Concat", *encoded, axis=1), operator.outputs[0].full_name)


def _add_columns(graph: ContainerGraph, inputs):
    """Add what makes vectors of the columns; tell whether each is text."""
    for put in inputs:
        for i in range(put.type.shape[1]):
            index = graph.constant(i, "column", np.int64)
            yield graph.node("Gather", put.full_name, index, axis=1), _is_text(put)


def _add_text_codes(graph: ContainerGraph, column: str, categories: np.ndarray) -> str:
    """Add what gives the number of each string's category, or how many there are."""
    keys = [str(category) for category in categories]
    codes = list(range(len(keys)))
    for code in np.flatnonzero([_is_gap(category) for category in categories])[:1]:
        others = [gap for gap in GAPS if gap not in keys]
        keys += others  # the same gap, written otherwise
        codes += [int(code)] * len(others)
    return graph.node(
        "LabelEncoder",
        column,
        domain=ML,
        keys_strings=keys,
        values_int64s=codes,
        default_int64=len(categories),
    )


def _add_number_codes(
    graph: ContainerGraph, column: str, categories: np.ndarray
) -> str:
    """Add what gives the number of each number's category, or how many there are."""
    try:
        numbers = [np.nan if _is_gap(value) else float(value) for value in categories]
    except ValueError:
        raise TypeError(
            f"OneHotEncoder has the categories {', '.join(map(repr, categories))}, and "
            "gets a column of numbers."
        ) from None
    column = graph.node("Unsqueeze", column, graph.constant([1], "axes", np.int64))
    is_equal = graph.node("Equal", column, graph.constant(numbers, "categories"))
    if np.isnan(numbers).any():
        is_gap = graph.constant(np.isnan(numbers), "gaps", bool)
        is_gap = graph.node("And", graph.node("IsNaN", column), is_gap)
        is_equal = graph.node("Or", is_equal, is_gap)
    unknown = len(numbers)
    steps = graph.constant(np.arange(unknown) - unknown, "steps")
    code = graph.node("MatMul", graph.cast(is_equal), steps)
    code = graph.node("Add", code, graph.constant(unknown))
    return graph.node("Cast", code, to=TensorProto.INT64)


# --- SimpleImputer --------------------------------------------------------------------


def _kept(imputer: SimpleImputer) -> np.ndarray:
    """Give the columns that are filled; others had nothing to learn from."""
    return np.flatnonzero([not _is_gap(value) for value in imputer.statistics_])


def _marked(imputer: SimpleImputer) -> np.ndarray:
    """Give the columns whose gaps are marked by one more column."""
    return imputer.indicator_.features_ if imputer.add_indicator else np.array([], int)


def _set_imputer_type(operator) -> None:
    imputer = operator.raw_operator
    width = len(_kept(imputer)) + len(_marked(imputer))
    operator.outputs[0].type = type(operator.inputs[0].type)([None, width])


def _convert_imputer(scope, operator, container) -> None:
    imputer = operator.raw_operator
    graph = ContainerGraph(scope, container, operator)
    is_text = _is_text(operator.inputs[0])
    kept, marked = _kept(imputer), _marked(imputer)
    if is_text:
        if len(marked):
            raise TypeError("SimpleImputer marks gaps of text, which ONNX cannot hold.")
        names = [put.full_name for put in operator.inputs]
        X = names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)
        fill = np.array([str(value) for value in imputer.statistics_], object)
    else:
        X = add_inputs(graph, operator)
        fill = np.where(
            np.isin(np.arange(len(imputer.statistics_)), kept), imputer.statistics_, 0
        )
    is_gap = _add_gaps(graph, X, imputer.missing_values, is_text)
    fill = graph.constant(fill[None], "fill", object if is_text else None)
    filled = graph.node("Where", is_gap, fill, X)
    outputs = [
        graph.node("Gather", filled, graph.constant(kept, "kept", np.int64), axis=1)
    ]
    if len(marked):
        marks = graph.node(
            "Gather", is_gap, graph.constant(marked, "marked", np.int64), axis=1
        )
        outputs.append(graph.cast(marks))
    graph.rename(graph.node("Concat", *outputs, axis=1), operator.outputs[0].full_name)


def _add_gaps(graph: ContainerGraph, X: str, missing_values, is_text: bool) -> str:
    """Add what tells where values are missing, and give its name."""
    if is_text:
        gaps = GAPS if _is_gap(missing_values) else (str(missing_values),)
        code = graph.node(
            "LabelEncoder",
            X,
            domain=ML,
            keys_strings=list(gaps),
            values_int64s=[1] * len(gaps),
            default_int64=0,
        )
        return graph.node("Cast", code, to=TensorProto.BOOL)
    if _is_gap(missing_values):
        return graph.node("IsNaN", X)
    return graph.node("Equal", X, graph.constant(missing_values))


# --- KBinsDiscretizer -----------------------------------------------------------------


def _bin_rows(binner: KBinsDiscretizer, feature: int) -> np.ndarray:
    """Give what each bin becomes, of shape (n_bins, n_columns)."""
    n_bins = binner.n_bins_[feature]
    return np.arange(n_bins)[:, None] if binner.encode == "ordinal" else np.eye(n_bins)


def _set_bins_type(operator) -> None:
    binner = operator.raw_operator
    widths = [_bin_rows(binner, j).shape[1] for j in range(binner.n_features_in_)]
    dtype = dtype_of_inputs(operator)
    operator.outputs[0].type = number_type(dtype, None, sum(widths))


def _convert_bins(scope, operator, container) -> None:
    binner = operator.raw_operator
    graph = ContainerGraph(scope, container, operator)
    X = add_inputs(graph, operator)
    outputs = []
    for j, edges in enumerate(binner.bin_edges_):
        rows = _bin_rows(binner, j)
        column = graph.node(
            "Gather", X, graph.constant([j], "column", np.int64), axis=1
        )
        inner = graph.constant(edges[1:-1], "edges")
        is_above = graph.node("Not", graph.node("Less", column, inner))
        steps = graph.constant(np.diff(rows, axis=0), "steps")
        first = graph.constant(rows[0], "first")
        outputs.append(graph.node("Gemm", graph.cast(is_above), steps, first))
    graph.rename(graph.node("Concat", *outputs, axis=1), operator.outputs[0].full_name)


# --- FunctionTransformer --------------------------------------------------------------


def _set_function_type(operator) -> None:
    step = operator.raw_operator
    if network_of(step) is not None:
        set_output_type(operator)
        return
    if step.func is not None:
        raise TypeError(
            "FunctionTransformer calls a function of yours, which is code: "
            f"{step.func!r}."
        )
    shapes = [put.type.shape[1] for put in operator.inputs]
    operator.outputs[0].type = type(operator.inputs[0].type)([None, sum(shapes)])


def _convert_function(scope, operator, container) -> None:
    if network_of(operator.raw_operator) is not None:
        convert_numbers(scope, operator, container)
        return
    graph = ContainerGraph(scope, container, operator)
    names = [put.full_name for put in operator.inputs]
    graph.rename(graph.node("Concat", *names, axis=1), operator.outputs[0].full_name)
