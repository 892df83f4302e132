"""The code blocks of a Markdown file, to be run as the reader would run them."""

import re
from pathlib import Path

import sklearn


def read_code_blocks(path: Path, language: str) -> list[tuple[int, str]]:
    """Return the fenced blocks of one language as (first line number, code)."""
    text = path.read_text(encoding="utf-8")
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        (text.count("\n", 0, block.start(1)) + 1, block.group(1)) for block in blocks
    ]


def run_python_blocks(path: Path) -> None:
    """Run the ``python`` blocks in their order, in one namespace.

    scikit-learn's configuration, which a page may change, is put back.
    """
    blocks = read_code_blocks(path, "python")
    assert blocks, f"{path} has no python block"
    namespace = {"__name__": "__main__"}
    with sklearn.config_context():
        for first_line, code in blocks:
            # Blank lines in front make a traceback point at the line of the page.
            source = "\n" * (first_line - 1) + code
            exec(compile(source, str(path), "exec"), namespace)


def find_broken_links(path: Path) -> list[str]:
    """Return the links to files, relative to `path`, that are not there."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)", text)
    assert links, f"{path} has no link to a file"
    return [link for link in links if not (path.parent / link).exists()]
