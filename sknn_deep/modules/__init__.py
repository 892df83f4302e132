"""What is computed: networks and losses, in torch alone."""

from sknn_deep.modules._activations import ACTIVATIONS, OUT_ACTIVATIONS
from sknn_deep.modules._autoencoder import NOISES, Autoencoder, scaled_code
from sknn_deep.modules._blocks import (
    NORMALIZATIONS,
    BatchNorm,
    Dense,
    DenseBlock,
    glorot_uniform_,
)
from sknn_deep.modules._losses import (
    AbsoluteError,
    AutoencoderLoss,
    AutoencoderOutput,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanOverFeatures,
    Poisson,
    Quantile,
    SquaredError,
    row_shares,
    stack_losses,
)
from sknn_deep.modules._mlp import MLP, DenseStack
from sknn_deep.modules._neighbor_loss import NeighborLoss
from sknn_deep.modules._random_layers import (
    Dropout,
    GaussianNoise,
    MaskingNoise,
    RandomLayer,
    StackedDropout,
    dropout_mask,
)
from sknn_deep.modules._summary import LayerSummary, ModelSummary, summarize

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NOISES",
    "NORMALIZATIONS",
    "OUT_ACTIVATIONS",
    "AbsoluteError",
    "Autoencoder",
    "AutoencoderLoss",
    "AutoencoderOutput",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Dense",
    "DenseBlock",
    "DenseStack",
    "Dropout",
    "GaussianNoise",
    "Huber",
    "LayerSummary",
    "Loss",
    "MaskingNoise",
    "MeanOverFeatures",
    "ModelSummary",
    "NeighborLoss",
    "Poisson",
    "Quantile",
    "RandomLayer",
    "SquaredError",
    "StackedDropout",
    "dropout_mask",
    "glorot_uniform_",
    "row_shares",
    "scaled_code",
    "stack_losses",
    "summarize",
]
