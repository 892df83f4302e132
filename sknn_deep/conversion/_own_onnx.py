"""Networks of the user's own as ONNX models, by torch's exporter."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import ModelProto
from sklearn.base import BaseEstimator
from torch import nn

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._fitted_parts import steps_of
from sknn_deep.conversion._network_parts import is_own
from sknn_deep.conversion._onnx_graph import (
    Graph,
    add_label,
    describe_label,
    output_of,
)

# The first that torch's exporter to ONNX writes; earlier ones are made of it.
_OWN_OPSET = 18

# Those that say, at each export, what cannot be helped.
_LOGGERS = ("torch.onnx", "torch.fx", "torch.export", "onnxscript", "onnx_ir")


def make_own_model(
    estimator: BaseEstimator,
    sequence: nn.Module,
    step: BaseEstimator,
    export: Export,
    opset: int,
    *,
    has_label: bool,
) -> ModelProto:
    """Make the model of a network of the user's own, or of a Pipeline with one.

    `sequence` and `step` are what :func:`own_sequence` gives of `estimator`.
    """
    output = "raw" if export.is_raw else output_of(step)
    model = export_module(
        sequence, example_rows(estimator, export.dtype), output, opset, owner=step
    )
    if output == "probabilities" and has_label:
        _add_label(model, step, export.dtype, opset)
    model.graph.name = type(step).__name__
    return model


def export_module(
    module: nn.Module, rows: torch.Tensor, output: str, opset: int, *, owner
) -> ModelProto:
    """Let torch write a module that takes `rows`, or any number of such ones."""
    name = type(owner).__name__
    try:
        with _quiet():
            model = _exported(module, rows, output, opset)
    except ImportError as error:
        raise ImportError(
            f"to_onnx needs onnxscript for the network of {name}: install it with "
            'python -m pip install "sknn-deep[onnx]".'
        ) from error
    except Exception as error:  # whatever a forward of the user's own leads to
        raise TypeError(_export_message(name, error)) from error
    if opset < _OWN_OPSET and not _is_valid(model, opset):
        raise ValueError(
            f"torch {torch.__version__} cannot write the network of {name} with an "
            f"opset below {_OWN_OPSET}: set target_opset to that. Got {opset}."
        )
    _forget_origins(model)
    _name_rows(model)
    return model


def _exported(
    module: nn.Module, rows: torch.Tensor, output: str, opset: int
) -> ModelProto:
    # By itself torch's exporter tries other ways too, and prints of each. strict=True,
    # the default until torch 2.7, compiles, which ends after eight networks.
    program = torch.export.export(
        module,
        (rows,),
        dynamic_shapes=({0: torch.export.Dim("n_rows")},),
        strict=False,
    )
    model = torch.onnx.export(
        program,
        dynamo=True,
        input_names=["X"],
        output_names=[output],
        opset_version=opset,
        verbose=False,
    ).model_proto
    if not model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise ValueError(f"it came out for {len(rows)} rows alone.")
    return model


def _export_message(name: str, error: Exception) -> str:
    reason = str(error.__cause__ or error).strip().partition("\n")[0]
    return (
        f"torch {torch.__version__} cannot export the network of {name} for any number "
        f"of rows: {reason} Let its forward compute with tensors alone, without a "
        "choice by their values, and with X.shape[0] in the place of len(X); or use "
        "to_torch."
    )


def _is_valid(model: ModelProto, opset: int) -> bool:
    """Tell whether a model came out in an opset, with operators as they are there."""
    if any(put.version != opset for put in model.opset_import if not put.domain):
        return False
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError:
        return False
    return True


def example_rows(estimator: BaseEstimator, dtype: np.dtype) -> torch.Tensor:
    """Make rows of the shape and the type that an estimator takes."""
    first = next(iter(steps_of(estimator)))
    shape, kind = (first.n_features_in_,), getattr(torch, dtype.name)
    if is_own(first):
        shape = getattr(first, "input_shape_", shape)
        member = getattr(first, "estimators_", [first])[0]
        seen = member.net_.forward_pass_
        kind = torch.int64 if seen is not None and seen.takes_integers else kind
    return torch.zeros(3, *shape, dtype=kind)


def _add_label(
    model: ModelProto, clf: BaseEstimator, dtype: np.dtype, opset: int
) -> None:
    graph = Graph(dtype, opset)
    graph.rename(add_label(graph, clf, "probabilities"), "label")
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants)
    model.graph.output.insert(0, describe_label(clf))


def _forget_origins(model: ModelProto) -> None:
    """Remove where in which files of this machine each operation came from."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for part in (model, graph, *graph.node, *graph.initializer, *values):
        del part.metadata_props[:]
        part.doc_string = ""
    model.producer_name, model.producer_version = "sknn_deep", ""
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)


def _name_rows(model: ModelProto) -> None:
    """Call the number of rows by our name, and not by a symbol of torch's."""
    graph = model.graph
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param == symbol:
                size.dim_param = "n_rows"


@contextmanager
def _quiet() -> Iterator[None]:
    """Let torch's exporter keep to itself what it writes to logs and warns of."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
