"""How scikit-learn sees a network: estimators, their data and their targets."""

from sknn_deep.estimators._autoencoder_transformer import AutoencoderTransformer
from sknn_deep.estimators._classifier import MLPClassifier
from sknn_deep.estimators._regressor import MLPRegressor

__all__ = ["AutoencoderTransformer", "MLPClassifier", "MLPRegressor"]
