"""What is computed: networks and losses, in torch alone."""

from sknn_deep.modules._activations import ACTIVATIONS, OUT_ACTIVATIONS, Activation
from sknn_deep.modules._autoencoder import NOISES, Autoencoder, scaled_code
from sknn_deep.modules._blocks import (
    NORMALIZATIONS,
    BatchNorm,
    Dense,
    DenseBlock,
    glorot_uniform_,
)
from sknn_deep.modules._convolutional import ConvDecoder, ConvEncoder, ConvNet
from sknn_deep.modules._dense_layers import (
    Scaling,
    fold_batch_norm,
    fold_layers,
    has_layer_norm,
    needs_folding,
    view_layers,
)
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
from sknn_deep.modules._mask_pool import MaskPool
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
from sknn_deep.modules._tabular import (
    N_PERIODIC,
    CategoryEmbedding,
    PeriodicEmbedding,
    StackedDense,
    StackedScale,
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
    "PROBABILITY_LOSSES",
    "RAW_LOSSES",
    "AbsoluteError",
    "Activation",
    "Autoencoder",
    "AutoencoderLoss",
    "AutoencoderOutput",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CategoryEmbedding",
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
    "MaskPool",
    "MaskingNoise",
    "MeanOverFeatures",
    "ModelSummary",
    "NeighborLoss",
    "PeriodicEmbedding",
    "Poisson",
    "Quantile",
    "RandomLayer",
    "RawOutputLoss",
    "Scaling",
    "SquaredError",
    "StackedDense",
    "StackedDropout",
    "StackedScale",
    "TabularMLP",
    "TorchLoss",
    "TrainingRun",
    "as_columns",
    "dropout_mask",
    "dry_run",
    "fold_batch_norm",
    "fold_layers",
    "glorot_uniform_",
    "has_layer_norm",
    "is_loss_class",
    "n_binary_outputs",
    "needs_folding",
    "row_shares",
    "scaled_code",
    "stack_losses",
    "start_from_data",
    "summarize",
    "summarize_layers",
    "training_run",
    "view_layers",
]
