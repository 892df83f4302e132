"""What skl2onnx is told of networks, and of steps for which its own falls short."""

from sknn_deep.conversion.skl2onnx_converters._model import convert_whole
from sknn_deep.conversion.skl2onnx_converters._networks import register

__all__ = ["convert_whole", "register"]
