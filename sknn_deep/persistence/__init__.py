"""What outlives the process: files of fitted models, conversions to others."""

from sknn_deep.conversion import register_skl2onnx, to_onnx, to_sklearn, to_torch
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._load import load
from sknn_deep.persistence._save import save

__all__ = [
    "ModelFileError",
    "load",
    "register_skl2onnx",
    "save",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
