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
    LayerNorm,
    Linear,
    Mean,
    Part,
    n_features_of,
    n_outputs_of,
)
from sknn_deep.estimators import MLPClassifier

# The defaults, which OMLT 1.2 wants to be told.
_GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}

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
    output = "raw" if export.is_raw else output_of(step)
    graph.rename(add_parts(graph, parts, "X"), output)
    described = [_describe(output, export.dtype, "n_rows", n_outputs_of(parts))]
    if output == "probabilities" and has_label:
        graph.rename(add_label(graph, step, output), "label")
        described.insert(0, describe_label(step))
    X = _describe("X", export.dtype, "n_rows", n_features_of(parts))
    name = type(step).__name__
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        helper.make_graph(graph.nodes, name, [X], described, graph.constants),
        producer_name="sknn_deep",
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
    )


def output_of(step: BaseEstimator) -> str:
    """Name what a step with a network gives."""
    method = method_of(step)
    return _OUTPUTS[type(step).__name__ if method is None else method.name]


def _describe(name: str, dtype: np.dtype, *shape: int | str):
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

    def node(self, operator: str, *inputs: str, **attributes) -> str:
        """Add a node with one output, and give the name of that."""
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, inputs, [name], name=name, **attributes)
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
        assert self.nodes[-1].output == [output]
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
        case Activation(name) if name in _SINGLE and graph.dtype == np.float64:
            return _in_single(graph, name, X)
        case Activation(name):
            return _add_activation(graph, name, X)


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
        return _describe("label", np.dtype(np.int64), "n_rows", len(clf.classes_))
    return _describe("label", label_table(clf.classes_).dtype, "n_rows")


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
