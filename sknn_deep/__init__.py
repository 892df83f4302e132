"""Deep networks as scikit-learn estimators."""

from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
)

__version__ = "0.1.0"

__all__ = ["AutoencoderTransformer", "MLPClassifier", "MLPRegressor"]
