"""The README is a program: its Python blocks run, and its commands are as stated."""

from pathlib import Path

from tests.code_blocks import find_broken_links, read_code_blocks, run_python_blocks

README = Path(__file__).resolve().parents[1] / "README.md"


def test_readme_python_blocks_run_in_order(tmp_path, monkeypatch, pyplot):
    monkeypatch.chdir(tmp_path)

    run_python_blocks(README)


def test_readme_has_exactly_two_commands():
    commands = [code for _, code in read_code_blocks(README, "bash")]

    assert commands == [
        "python -m pip install . && python examples/quickstart.py\n",
        'python -m pip install ".[tests]" && python -m pytest -n 2\n',
    ]


def test_readme_commands_come_before_the_first_python_block():
    last_command_line, _ = read_code_blocks(README, "bash")[-1]
    first_python_line, _ = read_code_blocks(README, "python")[0]

    assert last_command_line < first_python_line


def test_readme_links_lead_to_files_that_exist():
    assert find_broken_links(README) == []
