"""The README is a program: its Python blocks run, and its commands are as stated."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def read_code_blocks(path, language):
    """Return the fenced blocks of one language as (first line number, code)."""
    text = path.read_text(encoding="utf-8")
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        (text.count("\n", 0, block.start(1)) + 1, block.group(1)) for block in blocks
    ]


def test_readme_python_blocks_run_in_order(tmp_path, monkeypatch, pyplot):
    readme = ROOT / "README.md"
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}

    blocks = read_code_blocks(readme, "python")
    assert blocks
    for first_line, code in blocks:
        # Blank lines in front make a traceback point at the line of the README.
        source = "\n" * (first_line - 1) + code
        exec(compile(source, str(readme), "exec"), namespace)


def test_readme_has_exactly_two_commands():
    readme = ROOT / "README.md"
    commands = [code for _, code in read_code_blocks(readme, "bash")]

    assert commands == [
        "python -m pip install . && python examples/quickstart.py\n",
        'python -m pip install ".[tests]" && python -m pytest\n',
    ]


def test_readme_commands_come_before_the_first_python_block():
    readme = ROOT / "README.md"
    last_command_line, _ = read_code_blocks(readme, "bash")[-1]
    first_python_line, _ = read_code_blocks(readme, "python")[0]

    assert last_command_line < first_python_line


def test_readme_links_lead_to_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", text)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
