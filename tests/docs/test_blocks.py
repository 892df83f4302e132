"""The Python blocks outside the user guide, and those that need an optional package."""

import re
from pathlib import Path

import pytest

from tests.code_blocks import find_broken_links, run_python_blocks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FENCE = r"^```python{needs}\n(.*?)^```$"


def find_blocks(path, needs=""):
    text = path.read_text(encoding="utf-8")
    return re.findall(FENCE.format(needs=needs), text, re.DOTALL | re.MULTILINE)


def list_optional_blocks():
    """List page, package and code of the blocks that need an optional package."""
    pages = sorted(DOCS.glob("*.md")) + sorted((DOCS / "user_guide").glob("*.md"))
    return [
        pytest.param(page, package, code, id=f"{page.stem}-{package}")
        for page in pages
        for package, code in find_blocks(page, needs=r" needs-(\w+)")
    ]


@pytest.mark.parametrize(("page", "package", "code"), list_optional_blocks())
def test_block_runs_after_the_first_where_its_package_is(
    page, package, code, monkeypatch, tmp_path
):
    pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    # The first block of a page loads the data and makes what the others use.
    namespace = {"__name__": "__main__"}

    for block in (find_blocks(page)[0], code):
        exec(compile(block, str(page), "exec"), namespace)


def test_installation_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    run_python_blocks(DOCS / "install.md")


@pytest.mark.parametrize("name", ["index.md", "install.md", "contributing.md"])
def test_page_links_lead_to_files_that_exist(name):
    assert find_broken_links(DOCS / name) == []


def test_landing_page_has_the_commands_of_the_readme():
    commands = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    landing = (DOCS / "index.md").read_text(encoding="utf-8")

    assert commands.findall(landing) == commands.findall(readme)
