"""What keeps the package readable: short functions, files and folders of some size.

`python -m tests.test_sizes` prints the largest of each kind.
"""

import ast
from pathlib import Path
from typing import NamedTuple

import sknn_deep

PACKAGE = Path(sknn_deep.__file__).parent

LONGEST_BODY = 50
NINTH_DECILE_OF_BODIES = 17
LONGEST_FILE = 450
MOST_FILES_OF_A_FOLDER = 20


class Sized(NamedTuple):
    """How many lines of code something has, or how many files."""

    size: int
    name: str


def lines_of_code(text: str, node: ast.AST | None = None) -> int:
    """Count lines that are neither empty nor of a docstring, in a function's body."""
    tree = ast.parse(text) if node is None else node
    documented = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            ast.get_docstring(part) is not None
        ):
            doc = part.body[0]
            documented.update(range(doc.lineno, doc.end_lineno + 1))
    lines = text.splitlines()
    first, last = 1, len(lines)
    if node is not None:
        first, last = node.body[0].lineno, node.end_lineno
    numbers = (n for n in range(first, last + 1) if n not in documented)
    return sum(bool(lines[n - 1].strip()) for n in numbers)


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def sizes_of_files() -> list[Sized]:
    return [
        Sized(
            lines_of_code(path.read_text("utf-8")), path.relative_to(PACKAGE).as_posix()
        )
        for path in files()
    ]


def sizes_of_bodies() -> list[Sized]:
    sizes = []
    for path in files():
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            # A constructor has a line for each parameter.
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                name = f"{path.relative_to(PACKAGE).as_posix()}:{node.name}"
                sizes.append(Sized(lines_of_code(text, node), name))
    return sizes


def sizes_of_folders() -> list[Sized]:
    folders = {path.parent for path in files()}
    return [
        Sized(len(list(folder.glob("*.py"))), folder.relative_to(PACKAGE).as_posix())
        for folder in sorted(folders)
    ]


def too_large(sizes: list[Sized], limit: int) -> list[Sized]:
    return [sized for sized in sizes if sized.size > limit]


def ninth_decile(sizes: list[Sized]) -> int:
    return sorted(sizes)[int(0.9 * len(sizes))].size


def test_no_function_is_long():
    assert too_large(sizes_of_bodies(), LONGEST_BODY) == []


def test_most_functions_are_short():
    assert ninth_decile(sizes_of_bodies()) <= NINTH_DECILE_OF_BODIES


def test_no_file_is_long():
    assert too_large(sizes_of_files(), LONGEST_FILE) == []


def test_no_folder_has_many_files():
    assert too_large(sizes_of_folders(), MOST_FILES_OF_A_FOLDER) == []


def test_docstrings_and_empty_lines_are_not_counted():
    text = '''"""Doc."""

def f():
    """Doc,

    long.
    """
    a = 1

    return a
'''
    function = ast.parse(text).body[1]

    assert lines_of_code(text) == 3
    assert lines_of_code(text, function) == 2


if __name__ == "__main__":
    for kind in (sizes_of_bodies, sizes_of_files, sizes_of_folders):
        print(kind.__name__, *sorted(kind())[-5:], sep="\n    ")
    print("ninth decile of bodies:", ninth_decile(sizes_of_bodies()))
