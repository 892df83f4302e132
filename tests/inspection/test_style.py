"""What all displays share: colours that stay apart, and no matplotlib at import."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sknn_deep import inspection
from sknn_deep.inspection._style import COLORS, MARKERS

# Complete loss of one kind of cone, on linear RGB: Machado, Oliveira, Fernandes 2009,
# https://doi.org/10.1109/TVCG.2009.113
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
RGB_TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]


def to_lab(colors, vision):
    """Return CIELAB coordinates of colours as somebody sees them, (n_colors, 3)."""
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISIONS[vision]), 0, 1)
    ratio = seen @ np.transpose(RGB_TO_XYZ) / [0.95047, 1, 1.08883]
    cube_root = np.where(
        ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / 3 * (29 / 6) ** 2 + 4 / 29
    )
    x, y, z = cube_root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def smallest_difference(colors, vision):
    lab = to_lab(colors, vision)
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)
    return distances[np.triu_indices(len(colors), k=1)].min()


@pytest.mark.parametrize("vision", VISIONS)
def test_style_ten_colours_stay_apart_in_every_vision(vision):
    # Of matplotlib's own ten colours, two are 5 apart in protanopia.
    assert smallest_difference(COLORS, vision) > 15


@pytest.mark.parametrize("vision", VISIONS)
def test_style_two_colours_of_one_fit_are_far_apart(vision):
    assert smallest_difference(COLORS[:2], vision) > 50


def test_style_colours_stand_out_on_white():
    lightness = to_lab(COLORS, "normal")[:, 0]

    assert lightness.max() < 75


def test_style_each_colour_has_a_marker():
    assert len(set(MARKERS)) == len(set(COLORS)) == 10


@pytest.mark.parametrize("name", sorted(inspection.__all__))
def test_inspection_all_names_exist(name):
    assert hasattr(inspection, name)


def test_inspection_import_leaves_out_matplotlib():
    code = "import sys, sknn_deep.inspection; print('matplotlib' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "False", done.stderr
