"""What is computed: networks and losses, in torch alone."""

from sknn_deep.modules._activations import ACTIVATIONS, OUT_ACTIVATIONS, Activation
from sknn_deep.modules._autoencoder import NOISES, Autoencoder
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
from sknn_deep.modules._mask_pool import MaskPool
from sknn_deep.modules._mlp import MLP, DenseStack
from sknn_deep.modules._random_layers import (
    Dropout,
    GaussianNoise,
    MaskingNoise,
    RandomLayer,
    StackedDropout,
    dropout_mask,
)
from sknn_deep.modules._summary import LayerSummary, ModelSummary, summarize
from sknn_deep.modules._tabular import (
    N_PERIODIC,
    CategoryEmbedding,
    PeriodicEmbedding,
    TabularMLP,
)
from sknn_deep.modules._tabular_start import start_from_data

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NOISES",
    "NORMALIZATIONS",
    "N_PERIODIC",
    "OUT_ACTIVATIONS",
    "AbsoluteError",
    "Activation",
    "Autoencoder",
    "AutoencoderLoss",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CategoryEmbedding",
    "CrossEntropy",
    "Dense",
    "DenseBlock",
    "DenseStack",
    "Dropout",
    "GaussianNoise",
    "Huber",
    "LayerSummary",
    "Loss",
    "MaskPool",
    "MaskingNoise",
    "MeanOverFeatures",
    "ModelSummary",
    "PeriodicEmbedding",
    "Poisson",
    "Quantile",
    "RandomLayer",
    "SquaredError",
    "StackedDropout",
    "TabularMLP",
    "dropout_mask",
    "glorot_uniform_",
    "row_shares",
    "stack_losses",
    "start_from_data",
    "summarize",
]
