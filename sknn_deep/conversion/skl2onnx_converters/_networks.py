"""Converters of this package's estimators for skl2onnx."""

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    Int64TensorType,
    StringTensorType,
)

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._fitted_parts import check_mean, parts_of
from sknn_deep.conversion._onnx_graph import (
    add_label,
    add_parts,
    check_opset,
    label_table,
)
from sknn_deep.conversion._own_onnx import example_rows, export_module
from sknn_deep.conversion._own_torch import is_own, own_sequence
from sknn_deep.conversion._parts import Activation, n_outputs_of
from sknn_deep.conversion.skl2onnx_converters._graph import (
    ContainerGraph,
    add_inputs,
    dtype_of_inputs,
    number_type,
)
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
)

_OPTIONS = {
    "nocl": [False, True],
    "output_class_labels": [False, True],
    "raw_scores": [False, True],
    "zipmap": [True, False, "columns"],
}
# What skl2onnx's converter of CalibratedClassifierCV calls the scores of its networks.
# It asks for raw ones of whoever has the option, where scikit-learn calibrates
# probabilities, as the classifier has no decision_function.
_TO_CALIBRATE = "uncal_probability"


def register() -> None:
    update_registered_converter(
        MLPClassifier,
        "SknnDeepMLPClassifier",
        _set_classifier_types,
        _convert_classifier,
        options=_OPTIONS,
    )
    update_registered_converter(
        NetClassifier,
        "SknnDeepNetClassifier",
        _set_classifier_types,
        _convert_own_classifier,
        options={k: v for k, v in _OPTIONS.items() if k != "raw_scores"},
    )
    for cls in (
        *(MLPRegressor, NetRegressor),
        *(AutoencoderTransformer, NeighborAutoencoder),
    ):
        update_registered_converter(
            cls, f"SknnDeep{cls.__name__}", set_output_type, convert_numbers
        )


def set_output_type(operator) -> None:
    """Set what a converter of numbers to numbers gives."""
    export, network = _export_for(operator), operator.raw_operator
    if is_own(network):
        is_coder = isinstance(network, AutoencoderTransformer | NeighborAutoencoder)
        n_outputs = network.n_components if is_coder else network.n_outputs_
    else:
        n_outputs = n_outputs_of(parts_of(network, export)[0])
    operator.outputs[0].type = number_type(export.dtype, None, n_outputs)


def convert_numbers(scope, operator, container) -> None:
    if is_own(operator.raw_operator):
        graph = ContainerGraph(scope, container, operator)
        _embed_own(graph, operator, operator.outputs[0].full_name)
        return
    parts, _, _ = parts_of(operator.raw_operator, _export_for(operator))
    graph = ContainerGraph(scope, container, operator)
    check_opset(parts, graph.opset)
    X = add_inputs(graph, operator)
    graph.rename(add_parts(graph, parts, X), operator.outputs[0].full_name)


def _export_for(operator) -> Export:
    return Export(
        "skl2onnx", dtype_of_inputs(operator), False, "inputs of DoubleTensorType"
    )


def _embed_own(graph: ContainerGraph, operator, output: str) -> None:
    """Add what torch's exporter makes of a network of the user's own."""
    network = operator.raw_operator
    sequence, _ = own_sequence(network, _export_for(operator))
    rows = example_rows(network, graph.dtype)
    model = export_module(sequence, rows, "output", graph.opset, owner=network)
    graph.embed(model.graph, {"X": add_inputs(graph, operator), "output": output})


# --- classes --------------------------------------------------------------------------


def _classes_of(scope, clf: MLPClassifier | NetClassifier) -> np.ndarray:
    has_classes = not scope.get_options(clf, {"nocl": False})["nocl"]
    return clf.classes_ if has_classes else np.arange(len(clf.classes_))


def _set_classifier_types(operator) -> None:
    clf = operator.raw_operator
    n_classes = len(clf.classes_)
    dtype = dtype_of_inputs(operator)
    if clf._target.kind == "multilabel":
        label = Int64TensorType([None, n_classes])
    else:
        table = label_table(_classes_of(operator.scope_inst, clf))
        types = {"O": StringTensorType, "f": DoubleTensorType, "i": Int64TensorType}
        label = types[table.dtype.kind]([None])
    operator.outputs[0].type = label
    operator.outputs[1].type = number_type(dtype, None, n_classes)


def _convert_classifier(scope, operator, container) -> None:
    clf = operator.raw_operator
    label, scores = operator.outputs
    is_raw = container.get_options(clf, {"raw_scores": False})["raw_scores"]
    is_raw = is_raw and scores.raw_name != _TO_CALIBRATE
    export = _export_for(operator)
    if hasattr(clf, "estimators_"):
        check_mean(clf, export, is_raw=is_raw)
    parts, _, _ = parts_of(clf, export)
    if is_raw and isinstance(parts[-1], Activation):
        parts = parts[:-1]
    graph = ContainerGraph(scope, container, operator)
    check_opset(parts, graph.opset)
    graph.rename(add_parts(graph, parts, add_inputs(graph, operator)), scores.full_name)
    name = add_label(
        graph,
        clf,
        scores.full_name,
        threshold=0.0 if is_raw else 0.5,
        classes=_classes_of(scope, clf),
    )
    graph.rename(name, label.full_name)


def _convert_own_classifier(scope, operator, container) -> None:
    clf = operator.raw_operator
    label, scores = operator.outputs
    graph = ContainerGraph(scope, container, operator)
    _embed_own(graph, operator, scores.full_name)
    classes = _classes_of(scope, clf)
    name = add_label(graph, clf, scores.full_name, classes=classes)
    graph.rename(name, label.full_name)
