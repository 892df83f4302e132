"""Deep networks as scikit-learn estimators."""

from sknn_deep._moved_names import find_moved_names
from sknn_deep._submodules import NAMES, find_misplaced_names, get_submodule
from sknn_deep.conversion import to_onnx, to_sklearn, to_torch
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep.persistence import load, save

__version__ = "0.1.0"

find_moved_names()
find_misplaced_names()

__all__ = [
    "AutoencoderTransformer",
    "MLPClassifier",
    "MLPRegressor",
    "NeighborAutoencoder",
    "NetClassifier",
    "NetRegressor",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "load",
    "save",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]


def __getattr__(name: str):
    return get_submodule(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
