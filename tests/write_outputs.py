"""Write what the Python blocks of a page print, and the figures they show, into docs/.

    python -m tests.write_outputs PAGE.md [PAGE.md ...]

Behind each block that prints, but for those that begin with ``python no-output``, the
page gets an ``output`` block, or a new one in place of the old. Each call of
``plt.show()`` saves a figure as ``docs/images/guide/<page>_<n>.png``; its line,
``![What it shows](../images/guide/<page>_<n>.png)``, is written by hand, once.
"""

import argparse
import contextlib
import io
import tempfile
import textwrap
import warnings
from pathlib import Path
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import torch
from PIL import Image

from tests.code_blocks import capture_prints, read_code_blocks

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images" / "guide"
# As wide as code. White space does not count where outputs are compared.
LINE_LENGTH = 88


def write_outputs(page: Path, images: Path) -> None:
    """Run a page, write its outputs into it, and its figures into a folder."""
    text = page.read_text(encoding="utf-8")
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        saved_figures(images, page.stem.lower()) as names,
    ):
        prints = capture_prints(page)

    pieces, position = [], 0
    for block, printed in prints:
        pieces.append(text[position : block.code_end])
        if printed and not block.varies:
            pieces.append(f"\n\n```output\n{wrap(printed)}```")
        position = block.end
    pieces.append(text[position:])
    page.write_text("".join(pieces), encoding="utf-8")

    for name in names:
        if f"/{name})" not in text:
            print(f"{page.name} has no line ![...](../images/guide/{name})")


@contextlib.contextmanager
def saved_figures(images: Path, stem: str):
    """Let ``plt.show()`` save the open figures, and yield the names of the files."""
    names = []

    def show():
        for number in plt.get_fignums():
            names.append(f"{stem}_{len(names) + 1}.png")
            save_figure(plt.figure(number), images / names[-1])
        plt.close("all")

    images.mkdir(parents=True, exist_ok=True)
    plt.close("all")
    with mock.patch.object(plt, "show", show):
        yield names
    for path in images.glob(f"{stem}_[0-9]*.png"):
        if path.name not in names:
            path.unlink()


def save_figure(figure, path: Path) -> None:
    """Save with a palette of 256 colors, which makes the file three times as small."""
    with io.BytesIO() as buffer:
        figure.savefig(buffer, dpi=100)
        image = Image.open(buffer).convert("RGB")
    # Colors that are far from all others have a place in it, however few pixels. It is
    # then brought closer to the many: greys would have a tint.
    palette = image.quantize(
        256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE, kmeans=3
    )
    palette.save(path, optimize=True)


def wrap(printed: str) -> str:
    lines = []
    for line in printed.splitlines():
        if len(line) > LINE_LENGTH:
            lines += textwrap.wrap(line, LINE_LENGTH, break_on_hyphens=False)
        else:
            lines.append(line.rstrip())
    return "\n".join(lines).strip("\n") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.write_outputs", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE.md")
    pages = parser.parse_args().pages
    if torch.accelerator.is_available():
        parser.error("the outputs are those of a CPU: hide the GPU from torch")
    matplotlib.use("Agg")
    warnings.simplefilter("error")  # as in the tests
    for page in pages:
        if read_code_blocks(page, "python"):
            write_outputs(page.resolve(), IMAGES)


if __name__ == "__main__":
    main()
