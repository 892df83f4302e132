"""Images before and after an autoencoder."""

import math
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from sknn_deep.inspection._arguments import check_plot_params
from sknn_deep.inspection._style import LABEL_SIZE, TICK_SIZE, make_axes

_GAP = 0.08  # between images, as a share of their width


class ReconstructionDisplay:
    """Original images above what a transformer reconstructs from their codes.

    The transformer is an autoencoder, or any other that can go back, as PCA.

    It is recommended to use
    :func:`~sknn_deep.inspection.ReconstructionDisplay.from_estimator` to create it.

    Parameters
    ----------
    originals : ndarray of shape (n_images, height, width) or \
            (n_images, height, width, 3)
        The images that went in, in grey or in colour.

    reconstructions : ndarray of the shape of `originals`
        The images that came out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with both rows of images.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    images_ : ndarray of shape (2, n_images) of matplotlib AxesImage
        The originals, and the reconstructions.

    errors_ : ndarray of shape (n_images,), float64
        Mean squared error of each image, in the units of the data.

    See Also
    --------
    LatentSpaceDisplay : The codes that the images are reconstructed from.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sknn_deep.inspection import ReconstructionDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> pca = PCA(n_components=8).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(pca, X, n_images=5)
    >>> display.images_.shape
    (2, 5)
    """

    def __init__(self, *, originals, reconstructions):
        self.originals = originals
        self.reconstructions = reconstructions

    def plot(self, ax=None, *, show_errors=False, image_kwargs=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure if None. The names of the rows stand to the
            left of them: a figure with ``layout="constrained"`` leaves room for them.

        show_errors : bool, default=False
            Whether the mean squared error of each image is written below it.

        image_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.imshow`. Its `vmin` and `vmax`
            are drawn as black and as white, or as the darkest and the brightest
            colour. They are 0 and 1 by default if all originals lie in between, else
            the lowest and the highest value of the originals.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.ReconstructionDisplay`
            This object, with what was drawn as attributes.
        """
        rows = np.stack([self.originals, self.reconstructions])
        n_images, height, width = rows.shape[1:4]
        style = {"cmap": "gray", **value_range(rows[0]), **(image_kwargs or {})}
        if rows.ndim == 5:
            rows = _scale_colors(rows, style.pop("vmin"), style.pop("vmax"))
        # The name of the errors is wider than one image.
        width_of_row = max(n_images * width / height, 2)
        size = (1.7 + width_of_row, 2.1 + 0.5 * show_errors)
        self.ax_ = make_axes(ax, figsize=size, layout="compressed")
        self.figure_ = self.ax_.figure
        self.images_ = _draw_rows(self.ax_, rows, style)
        self.errors_ = _mean_squared_errors(self.originals, self.reconstructions)
        if show_errors:
            centres = [0.5 + i * (1 + _GAP) for i in range(n_images)]
            texts = [f"{error:.3g}" for error in self.errors_]
            self.ax_.set_xticks(centres, texts, fontsize=TICK_SIZE)
            self.ax_.set_xlabel("Mean squared error", fontsize=LABEL_SIZE)
        return self

    @classmethod
    def from_estimator(
        cls, estimator, X, *, n_images=10, image_shape=None, ax=None, **plot_params
    ):
        """Draw images and what a fitted transformer reconstructs from their codes.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer with ``inverse_transform``, or a fitted
            :class:`~sklearn.pipeline.Pipeline` of such.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Images, one a row. Colours come last, as in
            ``images.reshape(len(images), -1)`` of images of shape (height, width, 3).

        n_images : int, default=10
            How many rows of X are drawn: the first ones, or all if X has fewer.

        image_shape : tuple of int, (height, width) or (height, width, 3), default=None
            Shape of an image. None takes a square image in grey.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure if None.

        **plot_params : dict
            Further arguments of :meth:`plot`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.ReconstructionDisplay`
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator cannot go to a code and back.

        ValueError
            If the rows of X are no images of `image_shape`.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.decomposition import PCA
        >>> from sknn_deep.inspection import ReconstructionDisplay
        >>> X, _ = load_digits(return_X_y=True)
        >>> pca = PCA(n_components=8).fit(X)
        >>> display = ReconstructionDisplay.from_estimator(
        ...     pca, X, image_shape=(8, 8), show_errors=True
        ... )
        >>> display.ax_.get_xlabel()
        'Mean squared error'
        """
        check_plot_params(plot_params, cls, "from_estimator")
        check_goes_back(estimator, owner=cls.__name__)
        if not isinstance(n_images, Integral) or n_images < 1:
            raise ValueError(
                f"n_images of {cls.__name__} must be an integer of at least 1. Got "
                f"{n_images!r}."
            )
        X = _first_rows(X, n_images)
        # First: the estimator says best what is wrong with X.
        codes = estimator.transform(X)
        originals = check_array(make_dense(X))
        shape = check_image_shape(image_shape, originals.shape[1], owner=cls.__name__)
        back = check_array(make_dense(estimator.inverse_transform(codes)))
        display = cls(
            originals=originals.reshape(-1, *shape),
            reconstructions=back.reshape(-1, *shape),
        )
        return display.plot(ax=ax, **plot_params)


# --- data ----------------------------------------------------------------------------


def check_goes_back(estimator, *, owner: str) -> None:
    missing = [
        method
        for method in ("transform", "inverse_transform")
        if not hasattr(estimator, method)
    ]
    if missing:
        raise TypeError(
            f"{owner} needs an estimator that goes to a code and back, with "
            f"`transform` and `inverse_transform`. Got "
            f"{type(estimator).__name__}, which has no "
            f"`{'` and no `'.join(missing)}`. Of a Pipeline, every step must have them."
        )
    check_is_fitted(estimator)


def _first_rows(X, n_rows: int):
    if hasattr(X, "iloc"):
        return X.iloc[:n_rows]
    return X.tocsr()[:n_rows] if hasattr(X, "tocsr") else X[:n_rows]


def make_dense(X):
    return X.toarray() if hasattr(X, "toarray") else X


def check_image_shape(
    image_shape, n_features: int, *, owner: str
) -> tuple[int, int] | tuple[int, int, int]:
    """Return the shape of an image of `n_features` numbers."""
    if image_shape is None:
        side = math.isqrt(n_features)
        if side**2 != n_features:
            raise ValueError(
                f"{owner} cannot tell the shape of the images: {n_features} features "
                "make no square image in grey. Give image_shape=(height, width), or "
                "(height, width, 3) for colour images; data that are no images cannot "
                "be drawn."
            )
        return side, side
    shape = tuple(image_shape)
    right_form = len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)
    if not right_form or math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape of {owner} must be (height, width) or (height, width, 3), "
            f"with as many numbers as X has features, {n_features}. Got {shape}, which "
            f"has {math.prod(shape)}."
        )
    return shape


def _mean_squared_errors(originals, reconstructions) -> np.ndarray:
    """Give the error of each image over all its pixels and colours."""
    difference = np.asarray(originals, dtype=np.float64) - reconstructions
    return (difference**2).reshape(len(difference), -1).mean(axis=1)


def value_range(originals: np.ndarray) -> dict[str, float]:
    low, high = originals.min(), originals.max()
    if low >= 0 and high <= 1:
        return {"vmin": 0, "vmax": 1}
    # Images that are all of one value have no range of their own.
    return {"vmin": low, "vmax": high if high > low else low + 1}


def _scale_colors(images: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bring colours to [0, 1]: imshow applies `vmin` and `vmax` to grey images only."""
    return np.clip((images - low) / (high - low), 0, 1)


# --- drawing -------------------------------------------------------------------------


def _draw_rows(ax, rows: np.ndarray, style: dict) -> np.ndarray:
    """Draw rows of images into one axes, in which every image is one unit wide."""
    from matplotlib.patches import Rectangle

    n_rows, n_images, height, width = rows.shape[:4]
    step_x, step_y = 1 + _GAP, height / width + _GAP
    images = np.empty((n_rows, n_images), dtype=object)
    for r, i in np.ndindex(n_rows, n_images):
        left, top = i * step_x, r * step_y
        extent = (left, left + 1, top + height / width, top)
        images[r, i] = ax.imshow(rows[r, i], extent=extent, **style)
        # Where the background is white, an image has no border of its own.
        frame = {"fill": False, "edgecolor": "0.7", "clip_on": False}
        ax.add_patch(Rectangle((left, top), 1, height / width, **frame))
    ax.set_xlim(0, n_images * step_x - _GAP)
    ax.set_ylim(n_rows * step_y - _GAP, 0)
    centres = [r * step_y + height / width / 2 for r in range(n_rows)]
    ax.set_yticks(centres, ["original", "reconstructed"], fontsize=LABEL_SIZE)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return images
