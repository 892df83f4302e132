"""Loss and validation score per epoch."""

import numpy as np

from sknn_deep.inspection._arguments import check_plot_params
from sknn_deep.inspection._curves import (
    add_names,
    best_epoch,
    check_has_curve,
    collect_curves,
    last_step,
    score_name,
)
from sknn_deep.inspection._style import (
    COLORS,
    TICK_SIZE,
    label_axes,
    make_axes,
    merge_style,
)


class LossCurveDisplay:
    """Loss per epoch of one or several fitted estimators, and validation scores.

    The training loss is drawn solid, the validation loss dashed, and the validation
    score in a second panel below. A star marks the epoch whose weights early stopping
    kept. One estimator has a colour for each kind of curve; several have a colour each.

    Validation curves are drawn of estimators that predicted validation rows after each
    epoch: with `early_stopping`, or with `X_val` in `fit`. The estimators for tables
    predict the rows that they hold back in no epoch otherwise.

    It is recommended to use
    :func:`~sknn_deep.inspection.LossCurveDisplay.from_estimator` or
    :func:`~sknn_deep.inspection.LossCurveDisplay.from_estimators` to create it.

    Parameters
    ----------
    loss_curves : dict of str to array-like of shape (n_epochs,)
        Training loss of each epoch, by the name of the estimator.

    validation_loss_curves : dict of str to array-like of shape (n_epochs,), \
            default=None
        Validation losses, by the names of those estimators that have them.

    validation_scores : dict of str to array-like of shape (n_epochs,), default=None
        Validation scores, by the names of those estimators that have them.

    best_epochs : dict of str to int, default=None
        The epoch to mark, counted from 1, by the names of those estimators that have
        one.

    score_name : str, default="score"
        What the validation scores are, for the name of their axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.

    score_ax_ : matplotlib Axes or None
        Axes with the validation scores, None if none are drawn.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    loss_lines_ : dict of str to matplotlib Line2D
        Training losses, by name.

    validation_loss_lines_ : dict of str to matplotlib Line2D
        Validation losses, by name; without those that have none.

    score_lines_ : dict of str to matplotlib Line2D
        Validation scores, by name; without those that have none.

    best_epoch_markers_ : list of matplotlib Line2D
        The stars in both panels.

    legend_ : matplotlib Legend
        Legend in the axes with the losses.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Score over the number of samples.
    LatentSpaceDisplay : Codes of an autoencoder, scattered.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_deep import MLPClassifier
    >>> from sknn_deep.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(early_stopping=True, tol=0.1, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(clf)
    >>> display.ax_.get_ylabel(), display.score_ax_.get_ylabel()
    ('Loss', 'Validation accuracy')
    """

    def __init__(
        self,
        *,
        loss_curves,
        validation_loss_curves=None,
        validation_scores=None,
        best_epochs=None,
        score_name="score",
    ):
        self.loss_curves = loss_curves
        self.validation_loss_curves = validation_loss_curves
        self.validation_scores = validation_scores
        self.best_epochs = best_epochs
        self.score_name = score_name

    def plot(
        self,
        ax=None,
        *,
        log_scale=False,
        show_scores=True,
        loss_kwargs=None,
        validation_loss_kwargs=None,
        score_kwargs=None,
        best_epoch_kwargs=None,
        legend_kwargs=None,
    ):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or pair of matplotlib Axes, default=None
            Axes to draw on; a new figure if None. Where there are scores to draw, a
            pair takes the losses and the scores, and a single one is divided in two.

        log_scale : bool, default=False
            Whether the losses have a logarithmic axis.

        show_scores : bool, default=True
            Whether the validation scores are drawn, if there are any.

        loss_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.plot` for the training losses.

        validation_loss_kwargs : dict, default=None
            The same for the validation losses.

        score_kwargs : dict, default=None
            The same for the validation scores.

        best_epoch_kwargs : dict, default=None
            The same for the stars.

        legend_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.legend`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LossCurveDisplay`
            This object, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If `log_scale` is True and a loss is not positive, or if `ax` cannot take
            the scores.
        """
        from matplotlib.lines import Line2D

        validation_losses = self.validation_loss_curves or {}
        scores = (self.validation_scores or {}) if show_scores else {}
        if log_scale:
            _check_positive(self.loss_curves, validation_losses)
        self.ax_, self.score_ax_ = _make_panels(ax, with_scores=bool(scores))
        self.figure_ = self.ax_.figure

        train_colors, validation_colors = _make_colors(list(self.loss_curves))
        loss_kwargs = merge_style({"linewidth": 2.5}, loss_kwargs, Line2D)
        dashed = {"linewidth": 2.5, "linestyle": (0, (3, 1.2))}
        validation_loss_kwargs = merge_style(dashed, validation_loss_kwargs, Line2D)
        score_kwargs = merge_style({"linewidth": 2.5}, score_kwargs, Line2D)
        self.loss_lines_ = _draw_curves(
            self.ax_, self.loss_curves, train_colors, loss_kwargs
        )
        self.validation_loss_lines_ = _draw_curves(
            self.ax_, validation_losses, validation_colors, validation_loss_kwargs
        )
        self.score_lines_ = _draw_curves(
            self.score_ax_, scores, validation_colors, score_kwargs
        )
        self._mark_best_epochs(validation_colors, best_epoch_kwargs)
        self._name_axes(log_scale)
        self.legend_ = self._add_legend(legend_kwargs)
        return self

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **plot_params):
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted estimator that has ``loss_curve_``, ours or scikit-learn's, or a
            fitted :class:`~sklearn.pipeline.Pipeline` whose last step has it.

        name : str, default=None
            Title of the legend; the estimator's class if None.

        ax : matplotlib Axes or pair of matplotlib Axes, default=None
            Axes to draw on; a new figure if None.

        **plot_params : dict
            Further arguments of :meth:`plot`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LossCurveDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If the estimator has no ``loss_curve_``.

        See Also
        --------
        LossCurveDisplay.from_estimators : Several estimators in one picture.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from sknn_deep import MLPClassifier
        >>> from sknn_deep.inspection import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier(tol=0.1, random_state=0)
        >>> pipe = make_pipeline(StandardScaler(), clf).fit(X, y)
        >>> display = LossCurveDisplay.from_estimator(pipe, log_scale=True)
        >>> display.ax_.get_yscale()
        'log'
        """
        check_plot_params(plot_params, cls, "from_estimator")
        name = type(last_step(estimator)).__name__ if name is None else name
        return cls.from_estimators({name: estimator}, ax=ax, **plot_params)

    @classmethod
    def from_estimators(cls, estimators, *, ax=None, **plot_params):
        """Draw the curves of several fitted estimators in one picture.

        Parameters
        ----------
        estimators : dict of str to estimator, or list of estimators
            What :meth:`from_estimator` takes, by the names for the legend. Those of a
            list are named by their classes, with numbers where a class comes twice.

        ax : matplotlib Axes or pair of matplotlib Axes, default=None
            Axes to draw on; a new figure if None.

        **plot_params : dict
            Further arguments of :meth:`plot`.

        Returns
        -------
        display : :class:`~sknn_deep.inspection.LossCurveDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no estimator, or one has no ``loss_curve_``.

        See Also
        --------
        LossCurveDisplay.from_estimator : One estimator.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn_deep import MLPClassifier
        >>> from sknn_deep.inspection import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> estimators = {
        ...     f"alpha={alpha}": MLPClassifier(alpha=alpha, tol=0.1).fit(X, y)
        ...     for alpha in (0.0, 1.0)
        ... }
        >>> display = LossCurveDisplay.from_estimators(estimators)
        >>> list(display.loss_lines_)
        ['alpha=0.0', 'alpha=1.0']
        """
        check_plot_params(plot_params, cls, "from_estimators")
        named = estimators if isinstance(estimators, dict) else add_names(estimators)
        if not named:
            raise ValueError(
                f"{cls.__name__}.from_estimators needs at least one fitted estimator. "
                f"Got {estimators!r}."
            )
        fitted = {
            name: check_has_curve(estimator, owner=cls.__name__)
            for name, estimator in named.items()
        }
        scores = collect_curves(fitted, "validation_scores_")
        names_of_scores = {score_name(fitted[name]) for name in scores}
        display = cls(
            loss_curves=collect_curves(fitted, "loss_curve_"),
            validation_loss_curves=collect_curves(fitted, "validation_loss_curve_"),
            validation_scores=scores,
            best_epochs={
                name: epoch
                for name, estimator in fitted.items()
                if (epoch := best_epoch(estimator)) is not None
            },
            score_name=names_of_scores.pop() if len(names_of_scores) == 1 else "score",
        )
        return display.plot(ax=ax, **plot_params)

    def _mark_best_epochs(self, colors: dict, best_epoch_kwargs: dict | None) -> None:
        from matplotlib.lines import Line2D

        star = {"marker": "*", "markersize": 18, "linestyle": "none", "zorder": 3}
        star |= {"markeredgecolor": "black", "markeredgewidth": 0.8}
        star = merge_style(star, best_epoch_kwargs, Line2D)
        self.best_epoch_markers_ = []
        for name, epoch in (self.best_epochs or {}).items():
            loss_line = self.validation_loss_lines_.get(name, self.loss_lines_[name])
            for line in filter(None, (loss_line, self.score_lines_.get(name))):
                value = line.get_ydata()[epoch - 1]
                style = {"color": colors[name], **star}
                self.best_epoch_markers_ += line.axes.plot([epoch], [value], **style)

    def _name_axes(self, log_scale: bool) -> None:
        from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

        panels = [panel for panel in (self.ax_, self.score_ax_) if panel is not None]
        label_axes(self.ax_, "Epoch", "Loss")
        if log_scale:
            self.ax_.set_yscale("log")
            # Losses often stay within one decade: name more than its ends.
            self.ax_.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            self.ax_.yaxis.set_major_formatter("{x:g}")
            self.ax_.yaxis.set_minor_formatter(NullFormatter())
        if self.score_ax_ is not None:
            label_axes(self.score_ax_, "Epoch", f"Validation {self.score_name}")
            self.score_ax_.margins(y=0.12)  # room for the stars
            self.ax_.set_xlabel("")
            self.ax_.tick_params(labelbottom=False)
            self.figure_.align_ylabels(panels)
        for panel in panels:
            panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5]))
            panel.grid(alpha=0.3)

    def _add_legend(self, legend_kwargs: dict | None):
        """Name the kinds of curves, and the estimators where there are several."""
        several = len(self.loss_lines_) > 1
        color = "black" if several else None  # stands for all estimators
        handles = dict(self.loss_lines_) if several else {}
        if self.validation_loss_lines_ or not several:
            handles["training loss"] = _make_handle(self.loss_lines_, color)
        if self.validation_loss_lines_:
            handles["validation loss"] = _make_handle(
                self.validation_loss_lines_, color
            )
        if self.best_epoch_markers_:
            epoch = "" if several else f" ({next(iter(self.best_epochs.values()))})"
            star = {"": self.best_epoch_markers_[0]}
            handles[f"best epoch{epoch}"] = _make_handle(star, color)
        defaults = {"fontsize": TICK_SIZE, "title_fontsize": TICK_SIZE}
        defaults["title"] = None if several else next(iter(self.loss_lines_))
        if len(handles) > 5:
            # Inside the axes it would cover the curves.
            defaults |= {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}
        if len(handles) > 13:
            # In a column of all, the panel would be as high as that.
            defaults |= {"fontsize": "small", "labelspacing": 0.25}
            n_columns = 1 + (len(handles) - 1) // 20
            defaults |= {} if "ncol" in (legend_kwargs or {}) else {"ncols": n_columns}
        return self.ax_.legend(
            handles.values(), handles.keys(), **{**defaults, **(legend_kwargs or {})}
        )


def _check_positive(*collections: dict) -> None:
    """Refuse a logarithmic axis for what has no logarithm."""
    for name, curve in (item for curves in collections for item in curves.items()):
        if np.nanmin(curve) <= 0:
            raise ValueError(
                "log_scale=True of LossCurveDisplay needs losses above 0. The lowest "
                f"of {name} is {np.nanmin(curve):g}: set log_scale=False."
            )


def _make_panels(ax, *, with_scores: bool):
    """Give axes for the losses, and below them for the scores or None."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None and with_scores:
        return plt.subplots(
            2,
            figsize=(8, 7),
            height_ratios=(3, 2),
            layout="constrained",
            sharex=True,
        )[1]
    if ax is None or isinstance(ax, Axes):
        ax = make_axes(ax, figsize=(8, 5.5))
        return _divide(ax) if with_scores else (ax, None)
    panels = list(ax)
    if len(panels) != 2:
        raise ValueError(
            "ax of LossCurveDisplay must be one Axes, or a pair of which the second "
            f"takes the validation scores. Got {len(panels)} Axes."
        )
    return panels[0], panels[1] if with_scores else None


def _divide(ax):
    """Make room for the scores in the lower part of `ax`."""
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "LossCurveDisplay can divide only an Axes that stands in a grid of "
            "subplots, to draw the validation scores below the losses. Pass a pair of "
            "Axes, one made by plt.subplots, or show_scores=False."
        )
    upper, lower = place.subgridspec(2, 1, height_ratios=(3, 2))
    ax.set_subplotspec(upper)
    return ax, ax.figure.add_subplot(lower, sharex=ax)


def _make_colors(names: list[str]) -> tuple[dict, dict]:
    """Give the colours of training and validation curves by the estimators' names."""
    if len(names) == 1:
        return {names[0]: COLORS[0]}, {names[0]: COLORS[1]}
    if len(names) <= len(COLORS):
        colors = dict(zip(names, COLORS, strict=False))
    else:
        from matplotlib import colormaps

        # In order, and without the light end that gets lost on white.
        shades = colormaps["viridis"](np.linspace(0, 0.9, len(names)))
        colors = dict(zip(names, shades, strict=True))
    return colors, colors


def _draw_curves(ax, curves: dict, colors: dict, style: dict) -> dict:
    lines = {}
    for name, curve in curves.items():
        epochs = np.arange(1, len(curve) + 1)
        look = {"color": colors[name]}
        if len(curve) == 1:  # no line can be seen
            look["marker"] = "o"
        (lines[name],) = ax.plot(epochs, curve, **{**look, **style})
    return lines


def _make_handle(lines: dict, color: str | None):
    """Copy the look of the first line for a legend, in another colour if given."""
    from matplotlib.lines import Line2D

    handle = Line2D([], [])
    handle.update_from(next(iter(lines.values())))
    if color is not None:
        handle.set_color(color)
    return handle
