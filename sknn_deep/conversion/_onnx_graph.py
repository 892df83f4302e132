"""Parts as an ONNX graph."""

import math

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from sklearn.base import BaseEstimator

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._linear_steps import Clip
from sknn_deep.conversion._network_parts import method_of
from sknn_deep.conversion._parts import (
    Activation,
    Bounds,
    Embedding,
    LayerNorm,
    Linear,
    Mean,
    Part,
    Sort,
    n_features_of,
    n_outputs_of,
)
from sknn_deep.estimators import MLPClassifier

# The defaults, which OMLT 1.2 wants to be told.
_GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}

# The operators for strings, in the newest version that skl2onnx 1.20 takes.
ML = "ai.onnx.ml"
ML_OPSET = 3
# How onnxruntime writes NaN, None and pandas' NA in an array of strings.
GAPS = ("nan", "None", "<NA>")

_LAYER_NORM_OPSET = 17
_MISH_OPSET = 18
_GELU_OPSET = 20

# One operator, with these attributes.
_OPERATORS = {
    "elu": ("Elu", {}),
    "exp": ("Exp", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hardswish": ("HardSwish", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "logistic": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "tanh": ("Tanh", {}),
}
_CLIPS = {"hardtanh": Clip(-1.0, 1.0), "relu6": Clip(0.0, 6.0)}

# For which onnxruntime has no kernel in float64, or not in each opset.
_SINGLE = (
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "mish",
    "selu",
    "softplus",
    "softsign",
)


# What the last step gives, by its class or by the method that it calls.
_OUTPUTS = {
    "hidden_features": "hidden_features",
    "inverse_transform": "reconstructions",
    "transform": "codes",
    "AutoencoderTransformer": "codes",
    "NeighborAutoencoder": "codes",
    "MLPClassifier": "probabilities",
    "MLPRegressor": "predictions",
    "NetClassifier": "probabilities",
    "NetRegressor": "predictions",
    "TabularMLPClassifier": "probabilities",
    "TabularMLPRegressor": "predictions",
}


def make_model(
    parts: list[Part],
    step: BaseEstimator,
    export: Export,
    opset: int,
    *,
    has_label: bool,
) -> ModelProto:
    """Make the model; `step` is the last of the networks that `parts` came from."""
    check_opset(parts, opset)
    graph = Graph(export.dtype, opset)
    X = describe("X", export.dtype, "n_rows", n_features_of(parts))
    scores = add_parts(graph, parts, "X")
    return finish_model(graph, scores, parts, step, [X], export, has_label=has_label)


def finish_model(
    graph: "Graph",
    scores: str,
    parts: list[Part],
    step: BaseEstimator,
    inputs: list,
    export: Export,
    *,
    has_label: bool,
) -> ModelProto:
    """Make the model of a graph that gives `scores`, and add its label."""
    output = "raw" if export.is_raw else output_of(step)
    graph.rename(scores, output)
    outputs = [describe(output, export.dtype, "n_rows", n_outputs_of(parts))]
    if output == "probabilities" and has_label:
        graph.rename(add_label(graph, step, output), "label")
        outputs.insert(0, describe_label(step))
    opsets = [helper.make_opsetid("", graph.opset)]
    if any(node.domain == ML for node in graph.nodes):
        opsets.append(helper.make_opsetid(ML, ML_OPSET))
    name = type(step).__name__
    return helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, outputs, graph.constants),
        producer_name="sknn_deep",
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
    )


def output_of(step: BaseEstimator) -> str:
    """Name what a step with a network gives."""
    method = method_of(step)
    return _OUTPUTS[type(step).__name__ if method is None else method.name]


def describe(name: str, dtype: np.dtype, *shape: int | str):
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    return helper.make_tensor_value_info(name, kind, shape)


class Graph:
    """Nodes and constants, as they are added.

    Parameters
    ----------
    dtype : dtype
        float32 or float64, of numbers.

    opset : int
        Version of the operators.
    """

    def __init__(self, dtype: np.dtype, opset: int):
        self.dtype = dtype
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(
        self, operator: str, *inputs: str, n_outputs: int = 1, **attributes
    ) -> str:
        """Add a node, and give the name of its first output."""
        name = f"{operator}_{len(self.nodes)}"
        outputs = [name, *(f"{name}_{i}" for i in range(1, n_outputs))]
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, name=name, **attributes)
        )
        return name

    def constant(self, array, kind: str = "constant", dtype=None) -> str:
        """Add numbers, or strings, and give their name."""
        name = f"{kind}_{len(self.constants)}"
        array = np.array(array, dtype or self.dtype, order="C")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def rename(self, output: str, new: str) -> None:
        """Give what the last node gives another name."""
        assert self.nodes[-1].output[0] == output
        self.nodes[-1].output[0] = new


def add_parts(graph: Graph, parts: list[Part], X: str) -> str:
    """Add what computes `parts` of `X`, and give the name of what comes out."""
    for part in parts:
        X = _add_part(graph, part, X)
    return X


def _add_part(graph: Graph, part: Part, X: str) -> str:
    match part:
        case Linear(weight, bias, _):
            weight = graph.constant(weight, "weight")
            bias = graph.constant(bias, "bias")
            return graph.node("Gemm", X, weight, bias, **_GEMM)
        case LayerNorm(weight, bias, eps):
            weight, bias = graph.constant(weight, "scale"), graph.constant(bias, "bias")
            return graph.node(
                "LayerNormalization", X, weight, bias, axis=-1, epsilon=eps
            )
        case Clip(low, high):
            return graph.node("Clip", X, graph.constant(low), graph.constant(high))
        case Mean(members):
            total, *others = [add_parts(graph, member, X) for member in members]
            for output in others:
                total = graph.node("Add", total, output)
            return graph.node("Mul", total, graph.constant(1 / len(members)))
        case Bounds(low, high):
            X = graph.node("Max", X, graph.constant(low, "low"))
            return graph.node("Min", X, graph.constant(high, "high"))
        case Sort(n_columns):
            k = graph.constant([n_columns], "k", np.int64)
            return graph.node("TopK", X, k, n_outputs=2, largest=0)
        case Embedding():
            return _add_embedding(graph, part, X)
        case Activation(name) if name in _SINGLE and graph.dtype == np.float64:
            return _in_single(graph, name, X)
        case Activation(name):
            return _add_activation(graph, name, X)


def _add_embedding(graph: Graph, part: Embedding, X: str) -> str:
    """Add what numbers and categories are embedded in, beside the columns."""

    def columns(start: int, stop: int, axis=1) -> str:
        ends = (graph.constant([end], "end", np.int64) for end in (start, stop, axis))
        return graph.node("Slice", X, *ends)

    parts = [columns(0, part.n_plain)] if part.n_plain else []
    if len(part.frequency):
        n_numbers, _, n_out = part.weight.shape
        last = graph.constant([2], "axis", np.int64)
        x = graph.node("Unsqueeze", columns(0, n_numbers), last)
        phase = graph.node("Mul", x, graph.constant(part.frequency, "frequency"))
        phase = graph.node("Add", phase, graph.constant(part.shift, "shift"))
        waves = graph.node("Unsqueeze", graph.node("Cos", phase), last)
        combined = graph.node("MatMul", waves, graph.constant(part.weight, "weight"))
        shape = graph.constant([-1, n_numbers * n_out], "shape", np.int64)
        combined = graph.node("Reshape", combined, shape)
        bias = graph.constant(part.bias.reshape(1, -1), "bias")
        parts.append(graph.node("Add", combined, bias))
    for i, table in enumerate(part.tables):
        code = columns(part.n_plain + i, part.n_plain + i + 1)
        code = graph.node("Reshape", code, graph.constant([-1], "shape", np.int64))
        code = graph.node("Cast", code, to=TensorProto.INT64)
        parts.append(graph.node("Gather", graph.constant(table, "table"), code))
    return graph.node("Concat", *parts, axis=1)


def _in_single(graph: Graph, name: str, X: str) -> str:
    """Compute an activation in float32, between layers of float64."""
    X = graph.node("Cast", X, to=TensorProto.FLOAT)
    graph.dtype = np.dtype(np.float32)
    X = _add_activation(graph, name, X)
    graph.dtype = np.dtype(np.float64)
    return graph.node("Cast", X, to=TensorProto.DOUBLE)


def _add_activation(graph: Graph, name: str, X: str) -> str:
    if name in _CLIPS:
        return _add_part(graph, _CLIPS[name], X)
    if name == "silu":
        return graph.node("Mul", X, graph.node("Sigmoid", X))
    if name == "gelu":
        return _add_gelu(graph, X)
    if name == "mish":
        return _add_mish(graph, X)
    operator, attributes = _OPERATORS[name]
    return graph.node(operator, X, **attributes)


def _add_gelu(graph: Graph, X: str) -> str:
    if graph.opset >= _GELU_OPSET:
        return graph.node("Gelu", X)
    ratio = graph.node("Mul", X, graph.constant(math.sqrt(0.5)))
    share = graph.node("Add", graph.node("Erf", ratio), graph.constant(1.0))
    return graph.node("Mul", graph.node("Mul", X, graph.constant(0.5)), share)


def _add_mish(graph: Graph, X: str) -> str:
    if graph.opset >= _MISH_OPSET:
        return graph.node("Mish", X)
    return graph.node("Mul", X, graph.node("Tanh", graph.node("Softplus", X)))


def check_opset(parts: list[Part], opset: int) -> None:
    """Refuse an opset that has no operator for one of the parts."""
    for part in parts:
        if isinstance(part, Mean):
            for member in part.members:
                check_opset(member, opset)
        elif isinstance(part, LayerNorm) and opset < _LAYER_NORM_OPSET:
            raise ValueError(
                "to_onnx needs an opset that has LayerNormalization for "
                f"normalization='layer': set target_opset to {_LAYER_NORM_OPSET} or "
                f"more. Got {opset}."
            )


# --- labels ---------------------------------------------------------------------------


def add_label(
    graph: Graph, clf: MLPClassifier, scores: str, *, threshold=0.5, classes=None
) -> str:
    """Add what ``predict`` gives, and give its name.

    Parameters
    ----------
    graph : Graph

    clf : MLPClassifier

    scores : str
        Name of what is largest for the class that is predicted.

    threshold : float, default=0.5
        Above which a label of several is predicted.

    classes : ndarray or None, default=None
        Instead of those of `clf`.
    """
    if clf._target.kind == "multilabel":
        is_above = graph.node("Greater", scores, graph.constant(threshold))
        return graph.node("Cast", is_above, to=TensorProto.INT64)
    table = label_table(clf.classes_ if classes is None else classes)
    label = graph.node("ArgMax", scores, axis=1, keepdims=0)
    if table.dtype != np.int64 or np.any(table != np.arange(len(table))):
        label = graph.node(
            "Gather", graph.constant(table, "classes", table.dtype), label
        )
    return label


def describe_label(clf: MLPClassifier):
    if clf._target.kind == "multilabel":
        return describe("label", np.dtype(np.int64), "n_rows", len(clf.classes_))
    return describe("label", label_table(clf.classes_).dtype, "n_rows")


def label_table(classes: np.ndarray) -> np.ndarray:
    """Give classes in a type that ONNX has."""
    if classes.dtype.kind in "biu":
        return classes.astype(np.int64)
    if classes.dtype.kind == "f":
        return classes.astype(np.float64)
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(object)
    raise TypeError(
        "to_onnx can write labels that are numbers or strings. Got classes_ of dtype "
        f'{classes.dtype}, with {classes[0]!r}: fit to strings, or set output="raw", '
        "which has no labels."
    )
