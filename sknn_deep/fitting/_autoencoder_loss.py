"""What an autoencoder is trained to keep small."""

from sknn_deep.modules import (
    AbsoluteError,
    AutoencoderLoss,
    BinaryCrossEntropy,
    MeanOverFeatures,
    NeighborLoss,
    SquaredError,
)

# Each as a mean over the features; twice the squared error's half is the whole.
LOSSES = {
    "squared_error": lambda: MeanOverFeatures(SquaredError(), factor=2.0),
    "absolute_error": lambda: MeanOverFeatures(AbsoluteError()),
    "binary_cross_entropy": lambda: MeanOverFeatures(BinaryCrossEntropy()),
}


def make_loss(loss: str, sparsity_penalty: float, kl_weight: float) -> AutoencoderLoss:
    """Make the criterion of an autoencoder."""
    return AutoencoderLoss(LOSSES[loss](), sparsity_penalty, kl_weight)


def make_neighbor_loss(
    loss: str, neighbors_weight: float, exaggeration: float, sparsity_penalty: float
) -> NeighborLoss:
    """Make the criterion of an autoencoder that keeps neighbors."""
    reconstruction = LOSSES[loss]()
    return NeighborLoss(
        reconstruction, neighbors_weight, exaggeration, sparsity_penalty
    )
