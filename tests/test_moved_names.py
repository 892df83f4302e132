"""What a module was pickled by is found where it has moved to."""

import importlib
import pickle
import sys

import pytest

import sknn_deep
from sknn_deep import _moved_names
from sknn_deep.training import Convergence


@pytest.mark.parametrize("old", sorted(_moved_names.MOVED))
def test_a_moved_name_is_found_by_its_old_place(old):
    module, _, name = old.rpartition(".")
    found = pickle.loads(f"c{module}\n{name}\n.".encode())
    assert found.__name__ == _moved_names.MOVED[old].rpartition(".")[2]


@pytest.fixture
def moved(monkeypatch):
    """Let two names be known by where they never were."""
    names = {
        "sknn_deep.gone.deeper.Counter": "sknn_deep.training._convergence.Convergence",
        "sknn_deep.training._gone.Classifier": "sknn_deep.MLPClassifier",
    }
    monkeypatch.setattr(_moved_names, "MOVED", names)
    yield
    for name in [n for n in sys.modules if n.startswith("sknn_deep.gone")]:
        del sys.modules[name]
    sys.modules.pop("sknn_deep.training._gone", None)


def test_names_in_folders_that_are_gone_are_found(moved):
    pickled = b"csknn_deep.gone.deeper\nCounter\n."
    assert pickle.loads(pickled) is Convergence
    pickled = b"csknn_deep.training._gone\nClassifier\n."
    assert pickle.loads(pickled) is sknn_deep.MLPClassifier


def test_names_that_never_were_are_not_found(moved):
    with pytest.raises(ModuleNotFoundError, match=r"sknn_deep\.nowhere"):
        importlib.import_module("sknn_deep.nowhere")
    with pytest.raises(ModuleNotFoundError, match=r"sknn_deep\.training\._go"):
        importlib.import_module("sknn_deep.training._go")
    with pytest.raises(AttributeError, match=r"'sknn_deep\.gone\.deeper' has no .*'X'"):
        importlib.import_module("sknn_deep.gone.deeper").X  # noqa: B018
