"""A whole Pipeline as an ONNX model, by skl2onnx."""

import copy
from importlib import metadata

import numpy as np
import onnx
from onnx import ModelProto
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import StringTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline

from sknn_deep.conversion._network_parts import network_of
from sknn_deep.conversion._onnx_graph import ML, ML_OPSET, output_of
from sknn_deep.conversion._onnx_inputs import Input
from sknn_deep.conversion._skl2onnx import estimators_in
from sknn_deep.conversion.skl2onnx_converters._graph import number_type
from sknn_deep.conversion.skl2onnx_converters._networks import register
from sknn_deep.conversion.skl2onnx_converters._steps import step_converters


def convert_whole(
    estimator: BaseEstimator,
    inputs: list[Input],
    dtype: np.dtype,
    opset: int,
    *,
    lacks_rows: bool,
) -> ModelProto:
    """Convert all steps, or raise a TypeError with what skl2onnx lacks.

    `lacks_rows` tells that `inputs` are guessed, and that of a table.
    """
    register()
    _check_calibration(estimator)
    convertible = _convertible(estimator)
    try:
        model = convert_sklearn(
            convertible,
            name=type(estimator).__name__,
            initial_types=[(put.name, _type_of(put, dtype)) for put in inputs],
            target_opset={"": opset, ML: ML_OPSET},
            options=(
                {id(convertible): {"zipmap": False}}
                if is_classifier(convertible)
                else None
            ),
            final_types=_final_types(convertible),
            **step_converters(dtype),
        )
        _remove_unused(model)
        _set_opset(model, opset)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        return model
    except Exception as error:  # skl2onnx raises what it happens to
        reason = str(error).strip().partition("\n")[0]
        failure = (
            f"skl2onnx {metadata.version('skl2onnx')} cannot convert this "
            f"{type(estimator).__name__} in {dtype}: {reason}"
        )
        lacks_converter = isinstance(error, MissingConverter | MissingShapeCalculator)
        if lacks_rows and not lacks_converter:
            raise TypeError(
                "Pass X to to_onnx, a few rows of the table that was fitted: they show "
                "the names of the columns, and which hold numbers or strings. Without "
                f"them {failure}"
            ) from error
        raise TypeError(
            f"{failure} Pass the network's own step, and do the others in "
            "scikit-learn; in float32 skl2onnx knows more of them than in float64."
        ) from error


def _check_calibration(estimator: BaseEstimator) -> None:
    """Refuse what skl2onnx 1.20 converts to other numbers."""
    for found in estimators_in(estimator):
        if isinstance(found, CalibratedClassifierCV) and found.method != "sigmoid":
            raise TypeError(
                "skl2onnx converts CalibratedClassifierCV rightly with "
                f"method='sigmoid' alone. Got method={found.method!r}: calibrate by "
                "'sigmoid', or convert the network inside and calibrate what it gives."
            )


def _remove_unused(model: ModelProto) -> None:
    """Remove inputs and constants that no node takes.

    A runtime asks for such inputs all the same, and warns of such constants.
    """
    used = {name for node in model.graph.node for name in node.input}
    for values in (model.graph.input, model.graph.initializer):
        kept = [value for value in values if value.name in used]
        del values[:]
        values.extend(kept)


def _set_opset(model: ModelProto, opset: int) -> None:
    """Say which opset was asked for; skl2onnx says which its operators need."""
    for put in model.opset_import:
        if put.domain == "":
            put.version = opset
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)


def _convertible(estimator: BaseEstimator) -> BaseEstimator:
    """Give a copy without what matters to no prediction, but to skl2onnx.

    It does not convert a VotingClassifier with the default of ``flatten_transform``,
    which is about its ``transform``, nor one with a list of weights.
    """
    if type(estimator) is Pipeline:
        copied = copy.copy(estimator)
        *others, (name, last) = estimator.steps
        copied.steps = [*others, (name, _convertible(last))]
        return copied
    if type(estimator) is VotingClassifier:
        copied = copy.copy(estimator)
        copied.flatten_transform = False
        if copied.weights is not None:
            copied.weights = np.asarray(copied.weights)
        return copied
    return estimator


def _type_of(put: Input, dtype: np.dtype):
    if put.is_text:
        return StringTensorType([None, put.n_columns])
    return number_type(dtype, None, put.n_columns)


def _final_types(estimator: BaseEstimator) -> list | None:
    """Name the one output, where skl2onnx would call it "variable"."""
    if is_regressor(estimator):
        return [("predictions", None)]
    last = estimator
    while type(last) is Pipeline:
        last = last.steps[-1][1]
    if network_of(last) is None or is_classifier(last):
        return None
    return [(output_of(last), None)]
