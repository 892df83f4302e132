"""The plane of a code, decoded at the points of a lattice."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_array

from sknn_deep.inspection._reconstruction import (
    check_goes_back,
    check_image_shape,
    make_dense,
)
from sknn_deep.inspection._style import merge_style

_MARGIN = 0.03  # around the codes, as a share of the plane


class DecodedPlane(NamedTuple):
    """Images that points of a plane are decoded to.

    Attributes
    ----------
    images : ndarray of shape (n, n, height, width) or (n, n, height, width, 3)
        From the lowest second component up, each row from the lowest first component.

    extent : tuple of float
        Left, right, bottom and top end of the plane.
    """

    images: np.ndarray
    extent: tuple[float, float, float, float]

    def mosaic(self) -> np.ndarray:
        """Give one image of all, from the top to the bottom."""
        rows = [np.concatenate(list(row), axis=1) for row in self.images[::-1]]
        return np.concatenate(rows, axis=0)


def decode_plane(
    estimator, codes: np.ndarray, n_images: int, image_shape, *, owner: str
) -> DecodedPlane:
    """Decode the middle of each of `n_images` times `n_images` fields of the plane.

    Together the fields cover the codes.
    """
    check_goes_back(estimator, owner=owner)
    if not isinstance(n_images, Integral) or n_images < 1:
        raise ValueError(
            f"n_decoded of {owner} must be an integer of at least 1, or None. Got "
            f"{n_images!r}."
        )
    if codes.shape[1] != 2:
        raise ValueError(
            f"n_decoded of {owner} decodes points of a plane, and needs codes of two "
            f"components. Got {codes.shape[1]}: use n_components=2, or n_decoded=None."
        )
    low, high = codes.min(axis=0), codes.max(axis=0)
    # Points at the edge are drawn as a whole.
    room = np.where(high > low, (high - low) * _MARGIN, 0.5)
    low, high = low - room, high + room
    centres = low + (np.arange(n_images)[:, None] + 0.5) / n_images * (high - low)
    first, second = np.meshgrid(*centres.T)  # rows have one second component
    points = np.column_stack([first.ravel(), second.ravel()]).astype(codes.dtype)
    decoded = check_array(make_dense(estimator.inverse_transform(points)))
    shape = check_image_shape(image_shape, decoded.shape[1], owner=owner)
    images = decoded.reshape(n_images, n_images, *shape)
    return DecodedPlane(images, (low[0], high[0], low[1], high[1]))


def draw_plane(ax, plane: DecodedPlane, image_kwargs: dict | None):
    """Draw the images pale, for the points to be seen before them."""
    from matplotlib.image import AxesImage

    style = {"cmap": "gray_r", "alpha": 0.3, "aspect": "auto", "zorder": 0}
    style = merge_style(style, image_kwargs, AxesImage)
    image = ax.imshow(plane.mosaic(), extent=plane.extent, **style)
    # Digits that touch would be stripes.
    left, right, bottom, top = plane.extent
    gap = {"color": ax.get_facecolor(), "linewidth": 2.5, "zorder": image.get_zorder()}
    n_images = len(plane.images)
    ax.vlines(np.linspace(left, right, n_images + 1), bottom, top, **gap)
    ax.hlines(np.linspace(bottom, top, n_images + 1), left, right, **gap)
    return image
