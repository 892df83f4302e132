"""The code blocks of a Markdown file, to be run as the reader would run them.

A ``python`` block may have an ``output`` block behind it, with what it prints. A block
that begins with ``python no-output`` has none: what it prints depends on the machine or
the time. One that begins with ``python needs-REQUIREMENT``, such as ``needs-optuna`` or
``needs-scikit-learn>=1.9``, is left out where one of these is not met.
``python -m tests.write_outputs`` writes the ``output`` blocks.
"""

import contextlib
import io
import math
import re
from pathlib import Path
from typing import NamedTuple

import sklearn
import torch

from tests.requirements import is_met

PYTHON_BLOCK = re.compile(
    r"^```python(?P<varies> no-output)?(?P<needs>(?: needs-\S+)*)\n"
    r"(?P<code>.*?)^```$"
    r"(?P<shown>\n\n```output\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)

# The same code prints other numbers on another processor, which adds in another order
# or by wider registers. A training makes the differences grow: of some hundred rows a
# few change sides, and it stops some epochs sooner. Five in a hundred, or 0.02 of what
# is mostly an accuracy or a loss, leave room for that, and are too little to make the
# page's words untrue. Small whole numbers have to be equal.
RELATIVE_TOLERANCE = 0.05
ABSOLUTE_TOLERANCE = 0.02

# The digits of names ("float32", "layer_0") are not numbers. A percentage is one.
NUMBER = r"(?<![\w.])(?:(?<!\w)[-+])?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?!\w)(?: ?%)?"
TOKEN = re.compile(rf"(?P<number>{NUMBER})|\w+|[^\w\s]")


class PythonBlock(NamedTuple):
    first_line: int  # of the code
    code: str
    varies: bool
    needs: list[str]  # requirements
    output: str | None  # what the page says that it prints
    output_line: int  # of the output, if there is one
    code_end: int  # where in the text the block ends without its output
    end: int  # and with it


def read_code_blocks(path: Path, language: str) -> list[tuple[int, str]]:
    """Return the fenced blocks of one language as (first line number, code)."""
    text = path.read_text(encoding="utf-8")
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        (text.count("\n", 0, block.start(1)) + 1, block.group(1)) for block in blocks
    ]


def read_python_blocks(text: str) -> list[PythonBlock]:
    """Return the ``python`` blocks of a page with their outputs."""
    blocks = []
    for match in PYTHON_BLOCK.finditer(text):
        code_end = match.start("shown") if match["shown"] else match.end()
        blocks.append(
            PythonBlock(
                first_line=text.count("\n", 0, match.start("code")) + 1,
                code=match["code"],
                varies=bool(match["varies"]),
                needs=re.findall(r"(?<= needs-)\S+", match["needs"]),
                output=match["output"],
                output_line=text.count("\n", 0, code_end) + 4,
                code_end=code_end,
                end=match.end(),
            )
        )
    n_outputs = len(re.findall("^```output$", text, re.MULTILINE))
    assert n_outputs == sum(block.output is not None for block in blocks), (
        "an output block stands right behind the python block that prints it"
    )
    return blocks


def find_unmet(path: Path) -> list[str]:
    """Return the requirements without which some ``python`` blocks are left out."""
    blocks = read_python_blocks(path.read_text(encoding="utf-8"))
    needed = {needed for block in blocks for needed in block.needs}
    return sorted(requirement for requirement in needed if not is_met(requirement))


def capture_prints(path: Path) -> list[tuple[PythonBlock, str]]:
    """Run the ``python`` blocks in their order, in one namespace; return the prints.

    Blocks that need what is not here are left out.
    scikit-learn's configuration, which a page may change, is put back.
    """
    blocks = read_python_blocks(path.read_text(encoding="utf-8"))
    assert blocks, f"{path} has no python block"
    unmet = set(find_unmet(path))
    blocks = [block for block in blocks if not unmet.intersection(block.needs)]
    namespace = {"__name__": "__main__"}
    prints = []
    with sklearn.config_context():
        for block in blocks:
            # Blank lines in front make a traceback point at the line of the page.
            source = "\n" * (block.first_line - 1) + block.code
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile(source, str(path), "exec"), namespace)
            # Addresses in memory are never the same.
            text = re.sub(r"\b0x[0-9a-f]+", "0x...", printed.getvalue())
            prints.append((block, text))
    return prints


def run_python_blocks(path: Path) -> None:
    """Run the ``python`` blocks and compare what they print with their outputs.

    A block without an output may print what it likes. On a GPU, which draws other
    random numbers, the blocks are run and nothing is compared.
    """
    prints = capture_prints(path)
    if torch.accelerator.is_available():
        return
    for block, printed in prints:
        if block.output is None:
            continue
        difference = find_difference(block.output, printed)
        assert difference is None, (
            f"{path.name}, line {block.output_line}: {difference}\n"
            f"expected:\n{block.output}\ngot:\n{printed}\n"
            "python -m tests.write_outputs writes what is printed into the page."
        )


def find_difference(expected: str, got: str) -> str | None:
    """Return the first difference of two outputs in words, None where there is none.

    Numbers may differ by a tolerance. White space does not matter: it depends on the
    width of the numbers and of the page.
    """
    expected_tokens = list(TOKEN.finditer(expected))
    got_tokens = list(TOKEN.finditer(got))
    for one, other in zip(expected_tokens, got_tokens, strict=False):
        if not _is_equal(one, other):
            return f"expected {one[0]!r}, got {other[0]!r}"
    n_expected, n_got = len(expected_tokens), len(got_tokens)
    if n_expected != n_got:
        return f"expected {n_expected} words, numbers and signs, got {n_got}"
    return None


def _is_equal(expected: re.Match, got: re.Match) -> bool:
    if not (expected["number"] and got["number"]):
        return expected[0] == got[0]
    if expected[0].endswith("%") != got[0].endswith("%"):
        return False
    return math.isclose(
        _to_number(expected[0]),
        _to_number(got[0]),
        rel_tol=RELATIVE_TOLERANCE,
        abs_tol=ABSOLUTE_TOLERANCE,
    )


def _to_number(token: str) -> float:
    return float(token.rstrip("% ")) / (100 if token.endswith("%") else 1)


def find_broken_links(path: Path) -> list[str]:
    """Return the links to files, relative to `path`, that are not there."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)", text)
    assert links, f"{path} has no link to a file"
    return [link for link in links if not (path.parent / link).exists()]
