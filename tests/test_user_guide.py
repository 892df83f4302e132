"""The user guide is true: its Python blocks run, and it knows every message of ours."""

import ast
import re
from pathlib import Path

import pytest

from tests.code_blocks import (
    find_broken_links,
    find_unmet,
    run_python_blocks,
)

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "user_guide"
PAGES = sorted(GUIDE.glob("*.md"))
CHAPTERS = [page for page in PAGES if page.name != "index.md"]


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_page_python_blocks_run_in_order(page, tmp_path, monkeypatch, pyplot):
    monkeypatch.chdir(tmp_path)

    run_python_blocks(page)

    if unmet := find_unmet(page):
        pytest.skip(f"all blocks ran but those that need {', '.join(unmet)}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_links_lead_to_files_that_exist(page):
    assert find_broken_links(page) == []


def test_every_figure_that_is_shown_stands_on_its_page_once():
    images = [
        name
        for page in CHAPTERS
        for name in re.findall(
            r"^!\[.+\]\(\.\./images/guide/(.*)\)$",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]
    shown = [
        f"{page.stem}_{n + 1}.png"
        for page in CHAPTERS
        for n in range(page.read_text(encoding="utf-8").count("plt.show()\n"))
    ]
    files = [path.name for path in (ROOT / "docs/images/guide").iterdir()]

    assert images == shown
    assert sorted(images) == sorted(files)


def test_index_lists_every_chapter():
    index = (GUIDE / "index.md").read_text(encoding="utf-8")

    assert [page.name for page in CHAPTERS if f"]({page.name})" not in index] == []


def test_index_lists_the_chapters_as_the_side_bar_does():
    index = (GUIDE / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[.+\]\((\w+)\.md\):$", index, re.MULTILINE)
    lists = re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.DOTALL | re.MULTILINE)
    chapters = [line for text in lists for line in text.split() if line[0] != ":"]
    in_side_bar = [name for name in chapters if (GUIDE / f"{name}.md").is_file()]

    assert listed == in_side_bar


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_ends_each_block_before_it_begins_another(page):
    begun = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            assert begun is None or line == "```", f"lines {begun} and {number}"
            begun = number if begun is None else None
    assert begun is None


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_page_says_how_to_install_onnxruntime_before_it_imports_it(page):
    before, *after = page.read_text(encoding="utf-8").split("import onnxruntime\n")

    assert not after or re.search(r"pip install [^`]*\bonnxruntime\b", before)


# --- the page about errors ----------------------------------------------------------

# Messages that are put together where they are returned, not where they are raised.
MAKERS_OF_MESSAGES = {
    "_error_of_no_trial",
    "_advise_on_gaps",
    "_advise_on_images",
    "_advise_on_infinity",
    "_advise_on_instance",
    "_advise_on_module",
    "_advise_on_text",
    "_export_message",
    "_say_named_arguments",
    "_say_our_arguments",
    "_say_our_search_parameters",
    "_say_our_word",
    "_say_what_it_takes",
    "advise_on_a_pipeline",
    "advise_on_scale",
    "divergence_message",
    "missing_message",
    "say_full_names",
    "say_other_scale",
    "say_our_method",
    "say_our_parameters",
    "say_our_value",
    "say_y_is_no_numbers",
    "warn_unless_converged",
}
# What only those who write a new loss meet.
OF_DEVELOPERS = {"NotImplementedError"}


def find_messages():
    """Give the fixed parts of all error and warning messages, by file and line."""
    for path in sorted((ROOT / "sknn_deep").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_raise = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            if is_raise and ast.unparse(node.exc.func) not in OF_DEVELOPERS:
                message = node.exc.args[0] if node.exc.args else None
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "warnings.warn",
                "warn",
                "error.add_note",
            ):
                message = node.args[0]
            elif isinstance(node, ast.FunctionDef) and node.name in MAKERS_OF_MESSAGES:
                message = node
            else:
                continue
            parts = {part for part in fixed_parts(message) if len(part.split()) >= 3}
            yield f"{path.relative_to(ROOT)}:{node.lineno}", parts


def fixed_parts(message):
    """Give the literal texts of a message, without the docstring of its maker."""
    if message is None:
        return
    if isinstance(message, ast.FunctionDef):
        for statement in message.body[1:]:
            yield from fixed_parts(statement)
        return
    for node in ast.walk(message):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield " ".join(node.value.split())


def test_page_about_errors_has_every_message():
    page = (GUIDE / "errors.md").read_text(encoding="utf-8")
    page = re.sub(r"\s+", " ", page)

    missing = [
        f"{where}: {part}"
        for where, parts in find_messages()
        for part in sorted(parts)
        if part not in page
    ]

    assert missing == []


def test_page_about_errors_has_no_message_that_is_gone():
    page = (GUIDE / "errors.md").read_text(encoding="utf-8")
    known = {part for _, parts in find_messages() for part in parts}

    gone = []
    for entry in page.split("```text\n")[1:]:
        message, _, explanation = entry.partition("```\n")
        message = " ".join(message.split())
        is_ours = "scikit-learn's" not in explanation
        if is_ours and not any(part in message for part in known):
            gone.append(message)

    assert gone == []
