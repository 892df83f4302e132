"""The lines that install the package are the same on all pages."""

import re

import pytest

from tests import install_lines
from tests.code_blocks import read_code_blocks
from tests.install_lines import IN_A_CLONE, ROOT, SOURCE, find_pages, with_source

CPU_TORCH = (
    "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
)
PAGES = [pytest.param(page, id=page.stem) for page in find_pages()]


@pytest.mark.parametrize("page", PAGES)
def test_page_installs_the_package_from_where_it_is(page):
    text = page.read_text(encoding="utf-8")

    assert with_source(text) == text, "run python -m tests.install_lines"


@pytest.mark.parametrize("page", PAGES)
def test_page_gets_the_torch_without_cuda_by_the_same_line(page):
    text = page.read_text(encoding="utf-8")

    for line in re.findall(r"\S+ -m pip install torch\b[^`\n]*", text):
        assert line == CPU_TORCH


def test_installation_page_says_where_its_lines_are_run():
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")

    assert (IN_A_CLONE in page) == (SOURCE == ".")


def test_a_release_changes_all_lines_but_the_commands_of_a_clone(monkeypatch):
    monkeypatch.setattr(install_lines, "SOURCE", "sknn-deep")
    page = ROOT / "docs" / "install.md"
    text = with_source(page.read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [code for _, code in read_code_blocks(ROOT / "README.md", "bash")]

    assert "pip install .\n" not in text
    assert "python -m pip install sknn-deep\n" in text
    assert "%pip install sknn-deep\n" in text and ".whl\n" not in text
    assert all(command in with_source(readme) for command in commands)
