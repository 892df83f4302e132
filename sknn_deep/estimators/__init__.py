"""How scikit-learn sees a network: estimators, their data and their targets."""

from sknn_deep.estimators._autoencoder_transformer import AutoencoderTransformer
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._classifier import MLPClassifier
from sknn_deep.estimators._dense_layers import fold_batch_norm
from sknn_deep.estimators._neighbor_autoencoder import NeighborAutoencoder
from sknn_deep.estimators._net_parts import NetParts, put_together, take_apart
from sknn_deep.estimators._own_code import has_own_training, inner_methods, overrides
from sknn_deep.estimators._regressor import MLPRegressor
from sknn_deep.estimators._solvers import FitPlan
from sknn_deep.estimators._targets import ClassTarget, NumberTarget
from sknn_deep.estimators._together import family_of, train_together

__all__ = [
    "AutoencoderTransformer",
    "BaseNetEstimator",
    "ClassTarget",
    "FitPlan",
    "MLPClassifier",
    "MLPRegressor",
    "NeighborAutoencoder",
    "NetParts",
    "NumberTarget",
    "family_of",
    "fold_batch_norm",
    "has_own_training",
    "inner_methods",
    "overrides",
    "put_together",
    "take_apart",
    "train_together",
]
