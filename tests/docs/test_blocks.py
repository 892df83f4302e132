"""The pages outside the user guide: their Python blocks, links and commands."""

import re
from pathlib import Path

import pytest

from tests.code_blocks import find_broken_links, run_python_blocks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", ["index.md", "install.md"])
def test_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    run_python_blocks(DOCS / name)


@pytest.mark.parametrize("name", ["index.md", "install.md", "contributing.md"])
def test_page_links_lead_to_files_that_exist(name):
    assert find_broken_links(DOCS / name) == []


def test_landing_page_has_the_commands_of_the_readme():
    commands = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    landing = (DOCS / "index.md").read_text(encoding="utf-8")

    assert commands.findall(landing) == commands.findall(readme)
