"""Codes of an autoencoder, or of any transformer, scattered in two dimensions."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from sknn_deep.inspection._arguments import check_plot_params
from sknn_deep.inspection._codes import (
    check_y,
    is_date,
    is_number,
    number_classes,
    project,
)
from sknn_deep.inspection._decoded_plane import decode_plane, draw_plane
from sknn_deep.inspection._labels import densest_points, place_texts
from sknn_deep.inspection._style import (
    COLORS,
    LABEL_SIZE,
    MARKERS,
    OTHERS_COLOR,
    TICK_SIZE,
    label_axes,
    make_axes,
    merge_style,
)
from sknn_deep.metrics import neighbors_accuracy, trustworthiness_of

# The most that names may cover of the points, as a share of the axes.
_MAX_COVERED = 0.1

# Names of a legend's column, and characters of a name where there are several columns.
_MAX_IN_COLUMN = 12


class LatentSpaceDisplay:
    """Two components of a code, scattered, and coloured by class or by a number.

    Every class has a colour and a marker of its own, an entry in the legend, and its
    name where its points are densest, so that it can be told from the others without
    seeing colours. Names that would cover a tenth of the axes stand in the legend only.
    Of more than 20 classes the 19 largest have that, and the others are grey. A number
    or a date has a colour bar.

    It is recommended to use
    :func:`~sknn_deep.inspection.LatentSpaceDisplay.from_estimator` or
    :func:`~sknn_deep.inspection.LatentSpaceDisplay.from_codes` to create it.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
        The points to draw.

    y : ndarray of shape (n_samples,), default=None
        Classes, or a number, by which the points are coloured.

    y_type : {"auto", "class", "number"}, default="auto"
        What `y` is. "auto" takes for a number dates, and what has fractions or more
        than 20 different values, and all else for classes.

    y_name : str, default=None
        Title of the legend or label of the colour bar.

    axis_names : pair of str, default=("Component 0", "Component 1")
        Labels of the axes.

    title : str, default=None
        Title of the axes.

    plane : DecodedPlane, default=None
        Images to draw behind the points, with their place.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    image_ : matplotlib AxesImage or None
        The images behind the points; None where there are none.

    scatter_ : matplotlib PathCollection
        The points, in the order of `codes`.

    texts_ : list of matplotlib Text
        Names of the classes among their points, where they are written there.

    legend_ : matplotlib Legend or None
        None where there are no classes.

    colorbar_ : matplotlib Colorbar or None
        None where `y` is not a number.

    See Also
    --------
    ReconstructionDisplay : What is reconstructed from a code.
    LossCurveDisplay : How the training went.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sknn_deep.inspection import LatentSpaceDisplay
    >>> iris = load_iris()
    >>> pca = PCA(n_components=2).fit(iris.data)
    >>> species = iris.target_names[iris.target]
    >>> display = LatentSpaceDisplay.from_estimator(pca, iris.data, species)
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['setosa', 'versicolor', 'virginica']
    """

    def __init__(
        self,
        *,
        codes,
        y=None,
        y_type="auto",
        y_name=None,
        axis_names=("Component 0", "Component 1"),
        title=None,
        plane=None,
    ):
        self.codes = codes
        self.y = y
        self.y_type = y_type
        self.y_name = y_name
        self.axis_names = axis_names
        self.title = title
        self.plane = plane

    def plot(
        self,
        ax=None,
        *,
        label_classes=True,
        scatter_kwargs=None,
        text_kwargs=None,
        legend_kwargs=None,
        image_kwargs=None,
    ):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure if None. The legend stands to the right of
            them: a figure with ``layout="constrained"`` leaves room for it.

        label_classes : bool, default=True
            Whether the name of each class is written where its points are densest, or
            where another name is, at the densest place of its own that is free. Names
            that would cover a tenth of the axes are left to the legend.

        scatter_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.scatter`.

        text_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.text` for the names.

        legend_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.legend`.

        image_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.imshow` for images behind the
            points.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LatentSpaceDisplay`
            This object, with what was drawn as attributes.
        """
        from matplotlib.collections import PathCollection

        self.ax_ = make_axes(ax, figsize=(8.5, 6.5))
        self.figure_ = self.ax_.figure
        label_axes(self.ax_, *self.axis_names)
        if self.title is not None:
            self.ax_.set_title(self.title, fontsize=LABEL_SIZE)
        self.texts_, self.legend_, self.colorbar_ = [], None, None
        self.image_ = None
        if self.plane is not None:
            self.image_ = draw_plane(self.ax_, self.plane, image_kwargs)
        # Fewer points are drawn larger; none so small that its shape is lost.
        size = float(np.clip(60_000 / len(self.codes), 12, 60))
        style = {"s": size, "alpha": 0.7, "linewidth": 0}
        style = merge_style(style, scatter_kwargs, PathCollection)
        if self.y is None:
            style = {"color": COLORS[0], **style}
            self.scatter_ = self.ax_.scatter(*self.codes.T, **style)
        elif is_number(self.y, self.y_type):
            self._draw_numbers(style)
        else:
            names, n_others, numbers = number_classes(self.y)
            looks = _make_looks(len(names), style)
            of_others = {"color": OTHERS_COLOR, "marker": ".", **_of_all(style)}
            all_looks = [*looks, of_others] if n_others else looks
            all_names = [*names, f"{n_others} others"] if n_others else names
            self._draw_classes(numbers, all_looks, style)
            self.legend_ = self._add_legend(all_names, all_looks, legend_kwargs)
            if label_classes:
                self._label_classes(names, numbers, looks, text_kwargs)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        components=(0, 1),
        reduce=None,
        random_state=None,
        y_type="auto",
        y_name=None,
        n_decoded=None,
        image_shape=None,
        show_scores=False,
        ax=None,
        **plot_params,
    ):
        """Draw the codes that a fitted transformer gives for X.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or a fitted :class:`~sklearn.pipeline.Pipeline` of
            such.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What is transformed.

        y : array-like of shape (n_samples,), default=None
            See :meth:`from_codes`, as for all that follows.

        components : pair of int, default=(0, 1)
            The components to draw.

        reduce : {"pca", "tsne"}, transformer or None, default=None
            How the code is reduced before.

        random_state : int, RandomState instance or None, default=None
            Determines the reduction.

        y_type : {"auto", "class", "number"}, default="auto"
            What `y` is.

        y_name : str, default=None
            What `y` is called.

        n_decoded : int, default=None
            Number of images along each axis that are drawn behind the points: what
            ``inverse_transform`` makes of the plane there. None draws none. For images,
            and codes of two components.

        image_shape : tuple of int, (height, width) or (height, width, 3), default=None
            Shape of these images; None is a square in grey.

        show_scores : bool, default=False
            Whether the title has the scores of
            :func:`~sknn_deep.metrics.trustworthiness_scorer` and, where `y` has
            classes, :func:`~sknn_deep.metrics.neighbors_accuracy_scorer`, for the two
            dimensions that are drawn.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure if None.

        **plot_params : dict
            Further arguments of :meth:`plot`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LatentSpaceDisplay`
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``transform``, or with `n_decoded` no
            ``inverse_transform``.
        ValueError
            As :meth:`from_codes`, or if images cannot be decoded from these codes.

        See Also
        --------
        LatentSpaceDisplay.from_codes : The same for codes that are there already.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.decomposition import PCA
        >>> from sknn_deep.inspection import LatentSpaceDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> pca = PCA(n_components=5).fit(X)
        >>> display = LatentSpaceDisplay.from_estimator(pca, X, y, components=(0, 3))
        >>> display.ax_.get_ylabel(), display.colorbar_.ax.get_ylabel()
        ('Component 3 of 5', 'target')
        """
        check_plot_params(plot_params, cls, "from_estimator")
        if not hasattr(estimator, "transform"):
            raise TypeError(
                f"{cls.__name__}.from_estimator needs an estimator with `transform`. "
                f"Got {type(estimator).__name__}, which has none. If it has "
                "`fit_transform`, pass its result to from_codes."
            )
        check_is_fitted(estimator)
        codes = check_array(estimator.transform(X))
        plane = None
        if n_decoded is not None:
            _check_shown_as_it_is(components, reduce, owner=cls.__name__)
            plane = decode_plane(
                estimator, codes, n_decoded, image_shape, owner=cls.__name__
            )
        display = cls._of_codes(
            codes, y, components, reduce, random_state, y_type, y_name
        )
        display.plane = plane
        if show_scores:
            display.title = _say_scores(display, X)
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_codes(
        cls,
        codes,
        y=None,
        *,
        components=(0, 1),
        reduce=None,
        random_state=None,
        y_type="auto",
        y_name=None,
        ax=None,
        **plot_params,
    ):
        """Draw codes.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            The codes, one a row.

        y : array-like of shape (n_samples,), default=None
            Classes, or a number, by which the points are coloured.

        components : pair of int, default=(0, 1)
            The columns to draw, counted from 0: of the codes, or of what `reduce`
            makes of them.

        reduce : {"pca", "tsne"}, transformer or None, default=None
            How the codes are reduced before. None takes them as they are, "pca" their
            principal components, "tsne" their embedding in two dimensions by
            :class:`~sklearn.manifold.TSNE`, and a transformer, of which a clone is
            fitted, what its ``fit_transform`` gives.

        random_state : int, RandomState instance or None, default=None
            Determines the reduction. Ignored unless `reduce` is "pca" or "tsne".

        y_type : {"auto", "class", "number"}, default="auto"
            What `y` is. "auto" takes for a number dates, and what has fractions or more
            than 20 different values, and all else for classes.

        y_name : str, default=None
            Title of the legend or label of the colour bar. None takes the name of a
            Series.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure if None.

        **plot_params : dict
            Further arguments of :meth:`plot`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LatentSpaceDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If `components`, `reduce` or `y_type` is none of the above, or a number `y`
            is not finite.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn_deep.inspection import LatentSpaceDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> display = LatentSpaceDisplay.from_codes(X, y, reduce="pca")
        >>> display.ax_.get_xlabel()
        'Principal component 0 (92% of variance)'
        """
        check_plot_params(plot_params, cls, "from_codes")
        display = cls._of_codes(
            check_array(codes), y, components, reduce, random_state, y_type, y_name
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def _of_codes(cls, codes, y, components, reduce, random_state, y_type, y_name):
        if y is not None:
            y_name = getattr(y, "name", None) if y_name is None else y_name
            y = check_y(y, y_type, len(codes), owner=cls.__name__)
        points, axis_names = project(
            codes, components, reduce, random_state, owner=cls.__name__
        )
        return cls(
            codes=points, y=y, y_type=y_type, y_name=y_name, axis_names=axis_names
        )

    def _draw_numbers(self, style: dict) -> None:
        values, ticks = _date_scale(self.y) if is_date(self.y) else (self.y, {})
        style = {"c": values, "cmap": "viridis", **style}
        self.scatter_ = self.ax_.scatter(*self.codes.T, **style)
        self.colorbar_ = self.figure_.colorbar(self.scatter_, ax=self.ax_, **ticks)
        self.colorbar_.solids.set_alpha(1)
        self.colorbar_.ax.tick_params(labelsize=TICK_SIZE)
        self.colorbar_.set_label(self.y_name or "y", fontsize=LABEL_SIZE)

    def _draw_classes(self, numbers, looks: list[dict], style: dict) -> None:
        """Draw the points of all classes, in the order of the rows.

        Class by class, the last ones would cover the first ones.
        """
        from matplotlib.colors import to_rgba_array
        from matplotlib.markers import MarkerStyle

        colors = to_rgba_array([look["color"] for look in looks])
        markers = [MarkerStyle(look["marker"]) for look in looks]
        paths = [m.get_path().transformed(m.get_transform()) for m in markers]
        style = {"color": colors[numbers], **style}
        self.scatter_ = self.ax_.scatter(*self.codes.T, **style)
        if "marker" not in style:
            # `scatter` has one marker for all points, its collection one for each.
            self.scatter_.set_paths([paths[i] for i in numbers])

    def _add_legend(self, names: list[str], looks: list[dict], legend_kwargs):
        from matplotlib.lines import Line2D

        dot = {"linestyle": "none", "markersize": 10, "markeredgewidth": 0}
        handles = [Line2D([], [], **dot, **look) for look in looks]
        is_wide = max(map(len, names)) > _MAX_IN_COLUMN
        outside = {
            "loc": "center left",
            "bbox_to_anchor": (1.01, 0.5),
            "ncols": 1 if is_wide else 1 + (len(names) - 1) // _MAX_IN_COLUMN,
            "fontsize": TICK_SIZE,
            "columnspacing": 1,
            "handletextpad": 0.3,
            "title": self.y_name,
            "title_fontsize": TICK_SIZE,
        }
        return self.ax_.legend(handles, names, **{**outside, **(legend_kwargs or {})})

    def _label_classes(self, names, numbers, looks: list[dict], text_kwargs) -> None:
        from matplotlib.text import Text

        centred = {"horizontalalignment": "center", "verticalalignment": "center"}
        defaults = {**centred, "fontsize": TICK_SIZE, "fontweight": "bold"}
        style = merge_style(defaults, text_kwargs, Text)
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.9}
        extent = np.ptp(self.codes, axis=0)
        extent[extent == 0] = 1
        choices = [
            densest_points(self.codes / extent, numbers == i) * extent
            for i in range(len(names))
        ]
        for name, look, places in zip(names, looks, choices, strict=True):
            x0, x1 = places[0]
            framed = {"bbox": {**box, "edgecolor": look["color"], "linewidth": 2}}
            self.texts_.append(self.ax_.text(x0, x1, name, **{**framed, **style}))
        if not place_texts(self.texts_, choices, _MAX_COVERED):
            while self.texts_:
                self.texts_.pop().remove()


def _check_shown_as_it_is(components, reduce, *, owner: str) -> None:
    if tuple(components) != (0, 1) or reduce is not None:
        raise ValueError(
            f"n_decoded of {owner} decodes the plane that is drawn, which must be the "
            "code itself: leave components and reduce as they are, or set "
            "n_decoded=None."
        )


def _say_scores(display: LatentSpaceDisplay, X) -> str:
    """Say how well the points that are drawn keep neighbors, and classes."""
    said = [f"trustworthiness {trustworthiness_of(X, display.codes):.3f}"]
    y = display.y
    if y is not None and not is_number(y, display.y_type):
        said.append(f"5-NN accuracy {neighbors_accuracy(display.codes, y):.3f}")
    return ", ".join(said)


def _date_scale(y: np.ndarray) -> tuple[np.ndarray, dict]:
    """Give dates as numbers, and what writes them as dates beside a colour bar."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    locator = AutoDateLocator()
    ticks = {"ticks": locator, "format": ConciseDateFormatter(locator)}
    return date2num(y), ticks


def _make_looks(n_classes: int, style: dict) -> list[dict]:
    """Give each class a colour and a marker, unless the style has one for all."""
    return [
        {
            "color": COLORS[i % len(COLORS)],
            # More classes than colours: the same colour with another shape.
            "marker": MARKERS[(i + i // len(COLORS)) % len(MARKERS)],
            **_of_all(style),
        }
        for i in range(n_classes)
    ]


def _of_all(style: dict) -> dict:
    """Give the colour and marker that a style has for all classes."""
    return {k: style[k] for k in ("color", "marker") if k in style}
