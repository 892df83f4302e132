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
from sknn_deep.modules._convolutional import ConvDecoder, ConvEncoder, ConvNet
from sknn_deep.modules._dry_run import DryRun, TrainingRun, dry_run, training_run
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
from sknn_deep.modules._raw_outputs import (
    PROBABILITY_LOSSES,
    RAW_LOSSES,
    RawOutputLoss,
    TorchLoss,
    as_columns,
    is_loss_class,
    n_binary_outputs,
)
from sknn_deep.modules._summary import (
    LayerSummary,
    ModelSummary,
    summarize,
    summarize_layers,
)

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NOISES",
    "NORMALIZATIONS",
    "OUT_ACTIVATIONS",
    "PROBABILITY_LOSSES",
    "RAW_LOSSES",
    "AbsoluteError",
    "Autoencoder",
    "AutoencoderLoss",
    "AutoencoderOutput",
    "BatchNorm",
    "BinaryCrossEntropy",
    "ConvDecoder",
    "ConvEncoder",
    "ConvNet",
    "CrossEntropy",
    "Dense",
    "DenseBlock",
    "DenseStack",
    "Dropout",
    "DryRun",
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
    "RawOutputLoss",
    "SquaredError",
    "StackedDropout",
    "TorchLoss",
    "TrainingRun",
    "as_columns",
    "dropout_mask",
    "dry_run",
    "glorot_uniform_",
    "is_loss_class",
    "n_binary_outputs",
    "row_shares",
    "scaled_code",
    "stack_losses",
    "summarize",
    "summarize_layers",
    "training_run",
]
