"""Names written into a picture, moved apart where they would overlap."""

import numpy as np
from scipy.spatial.distance import cdist

_PADDING = 2.0  # pixels


def densest_point(points: np.ndarray, share: float = 0.2) -> np.ndarray:
    """Return the point that has `share` of all points in the smallest circle round it.

    Unlike a mean or a median, it lies among the points where they form two groups.
    """
    points = points[:: -(-len(points) // 500)]  # a few hundred show where it is
    rank = int(share * len(points))
    radii = np.partition(cdist(points, points), rank, axis=1)[:, rank]
    return points[radii.argmin()]


def covered_share(texts: list) -> float:
    """Tell what share of their axes texts would cover if none covered another."""
    panel = texts[0].axes.get_window_extent()
    areas = [box.width * box.height for box in _find_boxes(texts)]
    return sum(areas) / (panel.width * panel.height)


def move_apart(texts: list) -> None:
    """Move texts of one axes, as little as need be, until none covers another."""
    ax = texts[0].axes
    boxes = _find_boxes(texts)
    centres = np.array([(box.min + box.max) / 2 for box in boxes])
    half_sizes = np.array([box.size for box in boxes]) / 2 + _PADDING
    panel = ax.get_window_extent()
    moved = spread_boxes(centres, half_sizes, panel.min, panel.max)
    anchors = ax.transData.transform([text.get_position() for text in texts])
    places = ax.transData.inverted().transform(anchors + moved - centres)
    for text, place in zip(texts, places, strict=True):
        text.set_position(place)


def _find_boxes(texts: list) -> list:
    """Find where texts are, which is known only when the figure has its layout."""
    texts[0].figure.get_figure(root=True).draw_without_rendering()
    return [(text.get_bbox_patch() or text).get_window_extent() for text in texts]


def spread_boxes(centres, half_sizes, low, high, n_steps: int = 500) -> np.ndarray:
    """Push overlapping boxes apart, along the axis on which they overlap less.

    Parameters
    ----------
    centres : ndarray of shape (n_boxes, 2)
        Where the boxes would be.

    half_sizes : ndarray of shape (n_boxes, 2)
        Half of their widths and heights.

    low, high : array-like of shape (2,)
        Corners of the area that they stay in.

    n_steps : int, default=500
        Where there is no room for all, the pushing ends here.

    Returns
    -------
    centres : ndarray of shape (n_boxes, 2)
        Where the boxes can be.
    """
    centres = np.clip(centres, low + half_sizes, high - half_sizes)
    number = np.arange(len(centres))
    # Boxes at the same place part by their numbers.
    by_number = np.sign(number[:, None] - number)[..., None]
    for _ in range(n_steps):
        apart = centres[:, None] - centres  # (n_boxes, n_boxes, 2)
        overlap = half_sizes[:, None] + half_sizes - np.abs(apart)
        touching = (overlap > 1e-6).all(axis=-1) & (number[:, None] != number)
        if not touching.any():
            break
        on_axis = overlap.argmin(axis=-1)[..., None] == np.arange(2)
        direction = np.where(apart == 0, by_number, np.sign(apart))
        push = np.where(touching[..., None] & on_axis, direction * overlap / 2, 0)
        centres = centres + push.sum(axis=1)
        centres = np.clip(centres, low + half_sizes, high - half_sizes)
    return centres
