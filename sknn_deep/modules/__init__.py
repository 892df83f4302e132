"""What is computed: networks, losses and their gradients, in torch alone."""

from sknn_deep.modules._activations import ACTIVATIONS, OUT_ACTIVATIONS
from sknn_deep.modules._autoencoder import NOISES, Autoencoder
from sknn_deep.modules._backpropagation import can_backpropagate
from sknn_deep.modules._blocks import (
    NORMALIZATIONS,
    BatchNorm,
    Dense,
    DenseBlock,
    glorot_uniform_,
)
from sknn_deep.modules._gradient import (
    Gradient,
    dense_weights,
    explicit_gradient,
    fastest_gradient,
    recorded_gradient,
)
from sknn_deep.modules._losses import (
    AbsoluteError,
    AutoencoderLoss,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanOverFeatures,
    Poisson,
    Quantile,
    SquaredError,
)
from sknn_deep.modules._mlp import MLP, DenseStack
from sknn_deep.modules._random_layers import (
    Dropout,
    GaussianNoise,
    MaskingNoise,
    RandomLayer,
)
from sknn_deep.modules._stack import stack_family, stacked_gradient
from sknn_deep.modules._summary import LayerSummary, ModelSummary, summarize
from sknn_deep.modules._tabular import TabularMLP
from sknn_deep.modules._tabular_gradient import tabular_gradient
from sknn_deep.modules._tabular_start import start_from_data

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NOISES",
    "NORMALIZATIONS",
    "OUT_ACTIVATIONS",
    "AbsoluteError",
    "Autoencoder",
    "AutoencoderLoss",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Dense",
    "DenseBlock",
    "DenseStack",
    "Dropout",
    "GaussianNoise",
    "Gradient",
    "Huber",
    "LayerSummary",
    "Loss",
    "MaskingNoise",
    "MeanOverFeatures",
    "ModelSummary",
    "Poisson",
    "Quantile",
    "RandomLayer",
    "SquaredError",
    "TabularMLP",
    "can_backpropagate",
    "dense_weights",
    "explicit_gradient",
    "fastest_gradient",
    "glorot_uniform_",
    "recorded_gradient",
    "stack_family",
    "stacked_gradient",
    "start_from_data",
    "summarize",
    "tabular_gradient",
]
