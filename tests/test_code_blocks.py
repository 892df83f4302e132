"""The blocks of pages are run and compared with what the pages say that they print."""

import pytest

from tests.code_blocks import (
    find_difference,
    find_unmet,
    run_python_blocks,
)
from tests.write_outputs import write_outputs

PAGE = """Text.

```python{word}
{code}
```
{output}
More text.
"""


@pytest.fixture(autouse=True)
def cpu_only(monkeypatch):
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)


@pytest.fixture
def make_page(tmp_path):
    def make(code, printed=None, word=""):
        path = tmp_path / "page.md"
        output = "" if printed is None else f"\n```output\n{printed}\n```\n"
        path.write_text(PAGE.format(code=code, output=output, word=word))
        return path

    return make


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("accuracy 0.953", "accuracy 0.961"),
        ("accuracy 0.953.", "accuracy 0.961."),
        ("loss 2.31", "loss 2.40"),
        ("found: 69.6%", "found: 71%"),
        ("found: 2 %", "found: 3.3 %"),
        ("-1.3e-4", "1e-5"),
        ("[[1.   0.   0.  ]]", "[[0.99 0.01 0.  ]]"),
        ("[ 5 10]", "[5 10]"),
        ("a long line", "a long\nline"),
        ("{'alpha': 1.0, 'hidden_layer_sizes': (32, 16)}",) * 2,
    ],
)
def test_outputs_agree_within_the_tolerance(expected, got):
    assert find_difference(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("accuracy 0.953", "precision 0.953"),
        ("accuracy 0.953", "accuracy 0.90"),
        ("accuracy 0.953", "accuracy -0.953"),
        ("accuracy 0.953", "accuracy nan"),
        ("2 layers", "3 layers"),
        ("found: 50%", "found: 53%"),
        ("found: 50%", "found: 50"),
        ("dense_1", "dense_2"),
        ("float32", "float64"),
        ("64-100-10", "64-120-10"),
        ("two words", "twowords"),
        ("even odd", "even odd even"),
        ("even odd even", "even odd"),
        ("even", ""),
    ],
)
def test_outputs_differ(expected, got):
    assert find_difference(expected, got) is not None


def test_page_with_the_right_output_passes(make_page):
    run_python_blocks(make_page("print('accuracy', 0.95)", "accuracy 0.96"))


def test_page_without_an_output_passes(make_page):
    run_python_blocks(make_page("print('accuracy', 0.95)"))


def test_page_with_a_wrong_output_is_told_by_line_and_both_texts(make_page):
    page = make_page("print('accuracy', 0.5)", "accuracy 0.96")

    with pytest.raises(AssertionError) as error:
        run_python_blocks(page)

    message = str(error.value)
    assert page.read_text().splitlines()[8 - 1] == "accuracy 0.96"
    assert "page.md, line 8: expected '0.96', got '0.5'" in message
    assert "expected:\naccuracy 0.96\n" in message
    assert "got:\naccuracy 0.5\n" in message


def test_output_of_a_block_that_prints_nothing_is_wrong(make_page):
    with pytest.raises(AssertionError, match=r"page\.md, line 8"):
        run_python_blocks(make_page("x = 1", "accuracy 0.96"))


def test_output_behind_no_python_block_is_refused(make_page):
    page = make_page("print(1)", "1")
    page.write_text(page.read_text().replace("\n```output", "\nSo:\n\n```output"))

    with pytest.raises(AssertionError, match="right behind"):
        run_python_blocks(page)


def test_addresses_in_memory_are_left_out(make_page):
    run_python_blocks(make_page("print(object())", "<object object at 0x...>"))


def test_text_block_behind_a_python_block_is_no_output(make_page):
    page = make_page("print(1)", "2")
    page.write_text(page.read_text().replace("```output", "```text"))

    run_python_blocks(page)


@pytest.mark.parametrize("word", ["", " no-output"])
@pytest.mark.parametrize("needed", ["no-such-package", "scikit-learn>=1000"])
def test_block_that_needs_what_is_not_here_is_left_out(make_page, word, needed):
    page = make_page("raise ValueError", word=f"{word} needs-{needed}")
    page.write_text("```python\nx = 1\n```\n" + page.read_text())

    run_python_blocks(page)

    assert find_unmet(page) == [needed]


def test_block_that_needs_what_is_here_runs_and_is_compared(make_page):
    page = make_page("print(1)", "2", word=" needs-scikit-learn>=1.6")

    with pytest.raises(AssertionError, match="expected '2', got '1'"):
        run_python_blocks(page)

    assert find_unmet(page) == []


def test_written_output_stays_where_the_block_does_not_run(make_page, tmp_path):
    page = make_page("print(1)", "2", word=" needs-no-such-package")
    before = page.read_text()

    write_outputs(page, tmp_path)

    assert page.read_text() == before


@pytest.mark.parametrize("printed", [None, "accuracy 0.1"])
def test_written_output_is_what_is_printed(make_page, tmp_path, printed):
    code = "print('accuracy', 0.95)\nprint('word ' * 20)"
    page = make_page(code, printed)

    write_outputs(page, tmp_path)

    words = " ".join(["word"] * 17) + "\n" + " ".join(["word"] * 3)
    expected = PAGE.format(
        code=code, word="", output=f"\n```output\naccuracy 0.95\n{words}\n```\n"
    )
    assert page.read_text() == expected
    run_python_blocks(page)
    write_outputs(page, tmp_path)
    assert page.read_text() == expected


@pytest.mark.parametrize(("code", "word"), [("print(1)", " no-output"), ("x = 1", "")])
def test_no_output_is_written_where_none_belongs(make_page, tmp_path, code, word):
    page = make_page(code, "2", word=word)

    write_outputs(page, tmp_path)

    assert page.read_text() == PAGE.format(code=code, word=word, output="")


def test_shown_figures_are_saved_and_numbered(make_page, tmp_path, capsys, pyplot):
    page = make_page(
        "import matplotlib.pyplot as plt\n"
        "for n in (1, 2):\n"
        "    plt.figure(figsize=(n, 1))\n"
        "    plt.show()"
    )
    page.write_text(page.read_text() + "![One](../images/guide/page_1.png)\n")
    images = tmp_path / "images"
    images.mkdir()
    (images / "page_3.png").touch()

    write_outputs(page, images)

    assert sorted(path.name for path in images.iterdir()) == [
        "page_1.png",
        "page_2.png",
    ]
    assert pyplot.imread(images / "page_2.png").shape[:2] == (100, 200)
    assert capsys.readouterr().out == (
        "page.md has no line ![...](../images/guide/page_2.png)\n"
    )
