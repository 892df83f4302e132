"""Where pip finds the package: the one place that the lines of all pages follow.

A release on PyPI changes SOURCE to "sknn-deep", and

    python -m tests.install_lines

writes that into the README and all pages. The two commands of the README, which need
the examples and the tests, are run in a clone, and stay as they are. So do extras, such
as "sknn-deep[onnx]": pip finds what they need by the package that is installed.
"""

import re
from pathlib import Path

# "." is a clone of the repository.
SOURCE = "."

ROOT = Path(__file__).resolve().parents[1]
# Lines that end with the package: nothing is run behind it. A notebook has no clone.
IN_A_SHELL = re.compile(r"(?m)(?<=python -m pip install )(--no-deps )?(\.|sknn-deep)$")
IN_A_NOTEBOOK = re.compile(r"(?m)(?<=%pip install )(sknn_deep-\*\.whl|sknn-deep)$")
# Stands on the page about the installation as long as it is true.
IN_A_CLONE = (
    "Lines that end with a dot are run in a clone of the repository, the folder with\n"
    "`pyproject.toml`. There `python -m pip wheel --no-deps .` makes the wheel that "
    "notebooks\ninstall.\n"
)


def find_pages() -> list[Path]:
    """List the README and the pages of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_source(text: str) -> str:
    """Give the text of a page with the lines that SOURCE makes."""
    text = IN_A_SHELL.sub(rf"\g<1>{SOURCE}", text)
    return IN_A_NOTEBOOK.sub("sknn_deep-*.whl" if SOURCE == "." else SOURCE, text)


def main() -> None:
    for page in find_pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(with_source(text), encoding="utf-8")


if __name__ == "__main__":
    main()
