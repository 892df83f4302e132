"""What outlives the process: files of fitted models, torch modules, ONNX."""

from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._load import load
from sknn_deep.persistence._onnx import to_onnx
from sknn_deep.persistence._save import save
from sknn_deep.persistence._skl2onnx import register_skl2onnx
from sknn_deep.persistence._sklearn_mlp import to_sklearn
from sknn_deep.persistence._torch import to_torch

__all__ = [
    "ModelFileError",
    "load",
    "register_skl2onnx",
    "save",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
