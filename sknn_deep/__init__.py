"""Deep networks as scikit-learn estimators."""

from typing import TYPE_CHECKING

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


# By this, a type checker would take any name for one of ours.
if not TYPE_CHECKING:

    def __getattr__(name):
        return get_submodule(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
