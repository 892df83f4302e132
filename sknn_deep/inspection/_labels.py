"""Names written into a picture, where none of them covers another."""

import numpy as np
from scipy.spatial.distance import cdist

_PADDING = 2.0  # pixels


def densest_points(points: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    """Give points where the name of a class may stand, the best one first.

    They are of the denser half, in the order of the circle round each that has a fifth
    of the class in it: unlike a mean or a median, such a point lies among the others
    where they form two groups. Where other classes are close, it counts as a larger
    circle.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Those of all classes.

    is_own : bool ndarray of shape (n_points,)
        Which are of the class.

    Returns
    -------
    places : ndarray of shape (n_places, 2)
    """
    # Some of them show where they are.
    own = points[is_own][:: _step(is_own.sum(), 500)]
    step = _step(len(points), 3000)
    radii = np.sort(cdist(own, own), axis=1)
    close, wide = (radii[:, int(share * len(own))] for share in (0.05, 0.2))
    is_close = cdist(own, points[::step]) <= close[:, None]
    n_own = np.count_nonzero(is_close & is_own[::step], axis=1)
    share = (n_own + 1) / (np.count_nonzero(is_close, axis=1) + 1)
    order = np.argsort(wide / share, kind="stable")
    return own[order[: -(-len(own) // 2)]]


def _step(n: int, n_most: int) -> int:
    return -(-int(n) // n_most)


def place_texts(texts: list, choices: list[np.ndarray], max_share: float) -> bool:
    """Move texts of one axes to places of theirs where none covers another.

    Parameters
    ----------
    texts : list of matplotlib Text

    choices : list of ndarray of shape (n_places, 2)
        Where each text may stand, the best place first. Those that find none are moved
        aside, as little as need be.

    max_share : float
        Where they would cover more of the axes than this, they stay where they are.

    Returns
    -------
    has_room : bool
    """
    ax = texts[0].axes
    # Where the texts are is known only when the layout of the figure is.
    ax.figure.get_figure(root=True).draw_without_rendering()
    boxes = [(text.get_bbox_patch() or text).get_window_extent() for text in texts]
    panel = ax.get_window_extent()
    covered = sum(box.width * box.height for box in boxes)
    if covered > max_share * panel.width * panel.height:
        return False
    half_sizes = np.array([box.size for box in boxes]) / 2 + _PADDING
    anchors = ax.transData.transform([text.get_position() for text in texts])
    # From where a text is anchored to the centre of its box.
    offsets = np.array([(box.min + box.max) / 2 for box in boxes]) - anchors
    places = [
        np.clip(
            ax.transData.transform(points) + offset, panel.min + half, panel.max - half
        )
        for points, offset, half in zip(choices, offsets, half_sizes, strict=True)
    ]
    centres = choose_places(places, half_sizes)
    centres = spread_boxes(centres, half_sizes, panel.min, panel.max)
    positions = ax.transData.inverted().transform(centres - offsets)
    for text, position in zip(texts, positions, strict=True):
        text.set_position(position)
    return True


def choose_places(choices: list[np.ndarray], half_sizes: np.ndarray) -> np.ndarray:
    """Give each box the first of its places at which it covers no other.

    Parameters
    ----------
    choices : list of ndarray of shape (n_places, 2)
        Centres that each box may have, the best one first; it stays there if all are
        taken.

    half_sizes : ndarray of shape (n_boxes, 2)
        Half of their widths and heights.

    Returns
    -------
    centres : ndarray of shape (n_boxes, 2)
    """
    centres = np.array([places[0] for places in choices])
    # Boxes whose places lie close together have the fewest to choose from.
    widths = [np.ptp(places, axis=0).max() for places in choices]
    placed: list[int] = []
    for i in np.argsort(widths, kind="stable"):
        apart = np.abs(choices[i][:, None] - centres[placed])  # (n_places, n_placed, 2)
        is_free = (apart >= half_sizes[i] + half_sizes[placed]).any(axis=-1).all(axis=1)
        if is_free.any():
            centres[i] = choices[i][is_free.argmax()]
        placed.append(i)
    return centres


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
