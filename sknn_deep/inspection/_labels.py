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


def move_apart(texts: list, max_share: float) -> bool:
    """Move texts of one axes, as little as need be, until none covers another.

    Tells whether there is room: if they would cover more than `max_share` of the axes,
    they stay where they are.
    """
    ax = texts[0].axes
    # Where the texts are is known only when the layout of the figure is.
    ax.figure.get_figure(root=True).draw_without_rendering()
    boxes = [(text.get_bbox_patch() or text).get_window_extent() for text in texts]
    panel = ax.get_window_extent()
    covered = sum(box.width * box.height for box in boxes)
    if covered > max_share * panel.width * panel.height:
        return False
    centres = np.array([(box.min + box.max) / 2 for box in boxes])
    half_sizes = np.array([box.size for box in boxes]) / 2 + _PADDING
    moved = spread_boxes(centres, half_sizes, panel.min, panel.max)
    anchors = ax.transData.transform([text.get_position() for text in texts])
    places = ax.transData.inverted().transform(anchors + moved - centres)
    for text, place in zip(texts, places, strict=True):
        text.set_position(place)
    return True


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
