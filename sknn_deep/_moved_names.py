"""Where the names that earlier versions wrote are now, and what they did not have.

A pickle names each class by its module, and Python imports that module. Where it is
gone, the finder below stands in for it with what :data:`MOVED` tells, in any
``pickle.load``: the package itself is imported first.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# "module.name" as it was pickled -> "module.name" as it is. Only of modules that are
# gone: one that stays must go on to have the names that were pickled by it.
MOVED: dict[str, str] = {
    "sknn_deep.estimators._targets.ClassTarget": "sknn_deep.data._targets.ClassTarget",
    "sknn_deep.estimators._targets.NumberTarget": (
        "sknn_deep.data._targets.NumberTarget"
    ),
    "sknn_deep.modules._gradient.dense_weights": (
        "sknn_deep.gradients._gradient.penalized_weights"
    ),
    "sknn_deep.modules._gradient.explicit_gradient": (
        "sknn_deep.gradients._gradient.explicit_gradient"
    ),
    "sknn_deep.modules._gradient.fastest_gradient": (
        "sknn_deep.gradients._gradient.fastest_gradient"
    ),
    "sknn_deep.modules._gradient.recorded_gradient": (
        "sknn_deep.gradients._gradient.recorded_gradient"
    ),
    "sknn_deep.persistence._onnx.to_onnx": "sknn_deep.conversion._onnx.to_onnx",
    "sknn_deep.persistence._torch.to_torch": "sknn_deep.conversion._torch.to_torch",
    "sknn_deep.training._optimizers.Adam": "sknn_deep.optimizers._optimizers.Adam",
    "sknn_deep.training._optimizers.AdamW": "sknn_deep.optimizers._optimizers.AdamW",
    "sknn_deep.training._optimizers.SGD": "sknn_deep.optimizers._optimizers.SGD",
    "sknn_deep.training._placement.Placement": (
        "sknn_deep.machine._placement.Placement"
    ),
}

# Parameters that came after 0.1, by the estimator's class, with what it did instead.
ADDED: dict[str, dict[str, Any]] = {
    "AutoencoderTransformer": {"encoder": None, "decoder": None},
    "MLPRegressor": {"out_activation": "identity"},
}


def parameters_since(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    """Give the parameters that an estimator lacks since an earlier version wrote it."""
    names = [base.__name__ for base in cls.__mro__]
    added = {k: v for name in names for k, v in ADDED.get(name, {}).items()}
    return {name: value for name, value in added.items() if name not in state}


class _FormerModule(ModuleType):
    """A module that is gone; its names are looked up where they are now."""

    def __getattr__(self, name: str):
        place = MOVED.get(f"{self.__name__}.{name}")
        if place is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, _, current_name = place.rpartition(".")
        return getattr(import_module(module), current_name)


class _FormerModules(MetaPathFinder, Loader):
    """Finds modules that are gone, and the folders that were above them."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if not any(old.startswith(f"{fullname}.") for old in MOVED):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _FormerModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is: names are looked up when asked for."""


def find_moved_names() -> None:
    """Let Python ask here for modules that it finds nowhere else."""
    sys.meta_path.append(_FormerModules())
