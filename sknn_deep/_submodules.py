"""The modules that `sknn_deep` imports when they are asked for, and what is in them."""

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

NAMES = {
    "callbacks": ("Checkpoint",),
    "inspection": (
        "LatentSpaceDisplay",
        "LossCurveDisplay",
        "ReconstructionDisplay",
        "latent_space_to_html",
    ),
    "metrics": ("neighbors_accuracy_scorer", "trustworthiness_scorer"),
    "model_selection": (
        "BatchedGridSearchCV",
        "BatchedHalvingGridSearchCV",
        "BatchedHalvingRandomSearchCV",
        "BatchedOptunaSearchCV",
        "BatchedRandomizedSearchCV",
    ),
    "modules": ("ConvDecoder", "ConvEncoder", "ConvNet"),
    "persistence": ("ModelFileError", "register_skl2onnx"),
}
_MODULES = {name: module for module, names in NAMES.items() for name in names}


def get_submodule(name: str):
    """Give a module that is asked for as an attribute of `sknn_deep`."""
    if name in NAMES:
        return import_module(f"sknn_deep.{name}")
    if name in _MODULES:
        place = f"sknn_deep.{_MODULES[name]}"
        raise AttributeError(
            f"module 'sknn_deep' has no attribute {name!r}. {name} is in {place}."
        )
    raise AttributeError(f"module 'sknn_deep' has no attribute {name!r}")


class _MisplacedNames(MetaPathFinder):
    """Says where a name is; ``from sknn_deep import name`` looks for a module last."""

    def find_spec(self, fullname, path=None, target=None) -> None:
        package, _, name = fullname.rpartition(".")
        if package == "sknn_deep" and name in _MODULES:
            place = f"sknn_deep.{_MODULES[name]}"
            raise ImportError(
                f"cannot import name {name!r} from 'sknn_deep'. {name} is in {place}: "
                f"from {place} import {name}",
                name=name,
            )


def find_misplaced_names() -> None:
    """Let Python ask here for names of `sknn_deep` that it finds nowhere else."""
    sys.meta_path.append(_MisplacedNames())
