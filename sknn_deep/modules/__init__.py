"""What is computed: networks, losses and their gradients, in torch alone."""

from sknn_deep.modules._activations import ACTIVATIONS, OUT_ACTIVATIONS
from sknn_deep.modules._backpropagation import can_backpropagate
from sknn_deep.modules._blocks import (
    NORMALIZATIONS,
    BatchNorm,
    Dense,
    DenseBlock,
    glorot_uniform_,
)
from sknn_deep.modules._dropout import Dropout
from sknn_deep.modules._gradient import (
    Gradient,
    dense_weights,
    explicit_gradient,
    recorded_gradient,
)
from sknn_deep.modules._losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    Poisson,
    Quantile,
    SquaredError,
)
from sknn_deep.modules._mlp import MLP, DenseStack
from sknn_deep.modules._summary import LayerSummary, ModelSummary, summarize

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NORMALIZATIONS",
    "OUT_ACTIVATIONS",
    "AbsoluteError",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Dense",
    "DenseBlock",
    "DenseStack",
    "Dropout",
    "Gradient",
    "Huber",
    "LayerSummary",
    "Loss",
    "ModelSummary",
    "Poisson",
    "Quantile",
    "SquaredError",
    "can_backpropagate",
    "dense_weights",
    "explicit_gradient",
    "glorot_uniform_",
    "recorded_gradient",
    "summarize",
]
