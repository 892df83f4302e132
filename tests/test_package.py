"""The package as a whole: what it exports, what it imports and who imports whom."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sknn_deep
from sknn_deep._submodules import NAMES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sknn_deep"


def run_in_root(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def find_private_sklearn_names(path):
    """Return the imports from scikit-learn in which some part starts with `_`."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [
        name
        for name in names
        if name.startswith("sklearn.")
        and any(part.startswith("_") for part in name.split("."))
    ]


def find_private_torch_names(path):
    """Return the names of torch, as they are written, with a part that starts with `_`.

    Dunder names such as ``torch.__version__`` are public.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if re.match(r"torch\b.*\._(?!_)", name)]


@pytest.mark.parametrize("name", sorted(sknn_deep.__all__))
def test_package_all_names_exist(name):
    assert hasattr(sknn_deep, name)


def test_package_all_has_no_name_twice():
    assert len(set(sknn_deep.__all__)) == len(sknn_deep.__all__)


def test_package_version_is_that_of_the_installed_distribution():
    try:
        installed = importlib.metadata.version("sknn-deep")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("sknn-deep is not installed: python -m pip install .")

    assert installed == sknn_deep.__version__


@pytest.mark.parametrize(
    "name",
    [
        *("dask", "matplotlib", "onnx", "onnxscript", "safetensors", "skops", "sphinx"),
        "sknn_deep.gpu_report",
    ],
)
def test_package_import_leaves_out(name, modules_after_import):
    assert name not in modules_after_import


@pytest.fixture(scope="module")
def modules_after_import():
    """Names of the modules that a fresh process has after `import sknn_deep`."""
    done = run_in_root(
        sys.executable, "-c", "import sys, sknn_deep; print(*sys.modules)"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_package_imports_a_module_when_it_is_asked_for():
    code = (
        "import sys, sknn_deep; name = 'sknn_deep.model_selection'; "
        "assert name not in sys.modules and 'model_selection' in dir(sknn_deep); "
        "sknn_deep.model_selection.BatchedGridSearchCV"
    )
    done = run_in_root(sys.executable, "-c", code)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", NAMES)
def test_package_knows_what_its_modules_have(module):
    found = set(getattr(sknn_deep, module).__all__) - set(sknn_deep.__all__)

    if module == "modules":  # most of which are for developers
        assert found > set(NAMES[module])
    else:
        assert found == set(NAMES[module])


@pytest.mark.parametrize(
    ("name", "module"), [(name, m) for m, names in NAMES.items() for name in names]
)
def test_package_says_in_which_module_a_name_is(name, module):
    with pytest.raises(ImportError) as error:
        exec(f"from sknn_deep import {name}")
    assert str(error.value) == (
        f"cannot import name {name!r} from 'sknn_deep'. {name} is in sknn_deep."
        f"{module}: from sknn_deep.{module} import {name}"
    )
    with pytest.raises(AttributeError) as error:
        getattr(sknn_deep, name)
    assert str(error.value) == (
        f"module 'sknn_deep' has no attribute {name!r}. {name} is in sknn_deep."
        f"{module}."
    )


def test_package_has_nothing_else():
    assert not hasattr(sknn_deep, "nothing")
    with pytest.raises(ImportError, match=r"^cannot import name 'nothing' from"):
        exec("from sknn_deep import nothing")


def test_package_imports_private_sklearn_names_in_one_file_only():
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in PACKAGE.rglob("*.py")
        if path.name != "_sklearn_private.py"
        and (names := find_private_sklearn_names(path))
    }

    assert found == {}


def test_package_uses_private_torch_names_in_one_file_only():
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in PACKAGE.rglob("*.py")
        if (names := find_private_torch_names(path))
    }

    assert list(found) == ["sknn_deep/_torch_private.py"]


def test_package_import_contracts_hold():
    lint_imports = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if lint_imports is None:
        pytest.skip('import-linter is not installed: python -m pip install ".[dev]"')

    done = run_in_root(lint_imports, "--no-cache")

    assert done.returncode == 0, done.stdout + done.stderr
