"""What a module was pickled by is found where it has moved to."""

import importlib
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sknn_deep
from sknn_deep import _moved_names
from sknn_deep.training import Convergence
from tests.persistence.version_0_1.write import FOLDER

PACKAGE = Path(sknn_deep.__file__).parent


def move(root: Path, old: str, new: str) -> None:
    """Move a module of a copy of the package, and all that is imported from it."""
    source, target = (root / f"{name.replace('.', '/')}.py" for name in (old, new))
    target.parent.mkdir(exist_ok=True)
    source.rename(target)
    for file in root.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(
            text.replace(f"from {old} import", f"from {new} import"), "utf-8"
        )


def enter(root: Path, moved: dict[str, str]) -> None:
    file = root / "sknn_deep" / "_moved_names.py"
    with file.open("a", encoding="utf-8") as table:
        table.write(f"\nMOVED.update({moved})\n")


def test_pickles_of_version_0_1_load_after_modules_have_moved(tmp_path):
    """Also to a new folder, and the module whose name the pickle begins with."""
    shutil.copytree(
        PACKAGE, tmp_path / "sknn_deep", ignore=shutil.ignore_patterns("__pycache__")
    )
    moves = {
        "sknn_deep.training._recipe": "sknn_deep.fitting._plan",
        "sknn_deep.modules._mlp": "sknn_deep.modules._dense_stack",
        "sknn_deep.estimators._classifier": "sknn_deep.estimators._mlp_classifier",
    }
    for old, new in moves.items():
        move(tmp_path, old, new)
    code = (
        "import pickle, sys\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    model = pickle.load(file)\n"
        "print(type(model).__module__, type(model.net_.recipe).__module__,\n"
        "      type(model.net_.module_).__module__)\n"
    )

    def load():
        return subprocess.run(
            [sys.executable, "-c", code, FOLDER / "classifier.pkl"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    assert "No module named 'sknn_deep.estimators._classifier'" in load().stderr
    classes = ["Recipe", "MLP", "MLPClassifier"]
    moved = {
        f"{old}.{name}": f"{new}.{name}"
        for (old, new), name in zip(moves.items(), classes, strict=True)
    }
    enter(tmp_path, moved)

    loaded = load()

    assert loaded.stderr == ""
    assert loaded.stdout.split() == [
        "sknn_deep.estimators._mlp_classifier",
        "sknn_deep.fitting._plan",
        "sknn_deep.modules._dense_stack",
    ]


@pytest.mark.parametrize("old", sorted(_moved_names.MOVED))
def test_a_moved_name_is_found_by_its_old_place(old):
    module, _, name = old.rpartition(".")
    assert pickle.loads(f"c{module}\n{name}\n.".encode()).__name__ == name


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
