"""How scikit-learn sees a network: the estimators."""

from sknn_deep.estimators._autoencoder_transformer import AutoencoderTransformer
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._classifier import MLPClassifier
from sknn_deep.estimators._ensemble import EnsembleMixin
from sknn_deep.estimators._neighbor_autoencoder import NeighborAutoencoder
from sknn_deep.estimators._net_classifier import NetClassifier
from sknn_deep.estimators._net_regressor import NetRegressor
from sknn_deep.estimators._regressor import MLPRegressor
from sknn_deep.estimators._tabular_classifier import TabularMLPClassifier
from sknn_deep.estimators._tabular_regressor import TabularMLPRegressor

__all__ = [
    "AutoencoderTransformer",
    "BaseNetEstimator",
    "EnsembleMixin",
    "MLPClassifier",
    "MLPRegressor",
    "NeighborAutoencoder",
    "NetClassifier",
    "NetRegressor",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
]
