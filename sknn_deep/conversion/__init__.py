"""What a fitted estimator is to other tools: torch module, ONNX, scikit-learn."""

from sknn_deep.conversion._network_parts import parts_of_decoder
from sknn_deep.conversion._onnx import to_onnx
from sknn_deep.conversion._parts import Activation, LayerNorm, Linear
from sknn_deep.conversion._skl2onnx import register_skl2onnx
from sknn_deep.conversion._sklearn_mlp import to_sklearn
from sknn_deep.conversion._torch import to_torch

__all__ = [
    "Activation",
    "LayerNorm",
    "Linear",
    "parts_of_decoder",
    "register_skl2onnx",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
