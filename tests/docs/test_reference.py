"""The reference has all that is public."""

import importlib
import pkgutil
import re
from pathlib import Path

import sknn_deep
from sknn_deep import modules

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
# Networks that are ready to be used, in a folder whose other names are no promise.
PARTS = {modules.ConvDecoder, modules.ConvEncoder, modules.ConvNet}
# Folders that users need not know: their names are no promise.
INNER = {
    "columns",
    "conversion",
    "data",
    "estimators",
    "fitting",
    "gradients",
    "machine",
    "modules",
    "neighbors",
    "optimizers",
    "parameters",
    "rows",
    "training",
}


def public_objects():
    """Collect what the public modules export: objects, so that each counts once."""
    folders = {module.name for module in pkgutil.iter_modules(sknn_deep.__path__)}
    names = ["sknn_deep"] + [
        f"sknn_deep.{name}" for name in sorted(folders - INNER) if name[0] != "_"
    ]
    modules = [importlib.import_module(name) for name in names]
    return {getattr(module, name) for module in modules for name in module.__all__}


def listed_objects():
    """Collect what the tables of the reference name."""
    module = None
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = importlib.import_module(match[1])
        elif match := re.fullmatch(r" {3}([A-Za-z][\w.]*)", line):
            thing = module
            for name in match[1].split("."):
                thing = getattr(thing, name)
            yield thing


def test_reference_lists_each_public_name_once():
    listed = list(listed_objects())

    assert set(listed) == public_objects() | PARTS
    assert len(listed) == len(set(listed))
