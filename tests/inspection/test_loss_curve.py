"""LossCurveDisplay: losses and scores per epoch."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, MLPRegressor
from sknn_deep.inspection import LossCurveDisplay


class Trained(BaseEstimator):
    """A fitted estimator that has nothing but curves."""

    def __init__(self, n_epochs=5, *, early_stopping=False, scores=None, **attributes):
        self.early_stopping = early_stopping
        self.loss_curve_ = [1 / epoch for epoch in range(1, n_epochs + 1)]
        self.validation_scores_ = scores
        self.validation_loss_curve_ = scores and [2.0 - score for score in scores]
        for name, value in attributes.items():
            setattr(self, name, value)

    def fit(self, X, y):
        return self


SCORES = [0.5, 0.7, 0.9, 0.9, 0.8]


def make_stopped(**attributes):
    return Trained(**{"early_stopping": True, "scores": SCORES, **attributes})


def legend_texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


@pytest.fixture(scope="module")
def small(digits):
    return digits.X[:300], digits.y[:300]


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((8,), early_stopping=True, tol=1, n_iter_no_change=3),
        SklearnMLPClassifier((8,), early_stopping=True, tol=1, n_iter_no_change=3),
        MLPRegressor(
            hidden_layer_sizes=(8,), early_stopping=True, tol=1e9, n_iter_no_change=3
        ),
    ],
    ids=["classifier", "sklearn", "regressor"],
)
def test_loss_curve_display_shows_what_the_estimator_recorded(pyplot, small, estimator):
    fitted = estimator.set_params(random_state=0).fit(*small)
    name = type(fitted).__name__

    display = LossCurveDisplay.from_estimator(fitted)

    epochs = np.arange(1, fitted.n_iter_ + 1)
    line = display.loss_lines_[name]
    np.testing.assert_array_equal(line.get_xdata(), epochs)
    np.testing.assert_array_equal(line.get_ydata(), fitted.loss_curve_)
    line = display.score_lines_[name]
    np.testing.assert_array_equal(line.get_xdata(), epochs)
    np.testing.assert_array_equal(line.get_ydata(), fitted.validation_scores_)
    has_validation_loss = hasattr(fitted, "validation_loss_curve_")
    assert (name in display.validation_loss_lines_) == has_validation_loss
    best = fitted.validation_scores_.index(fitted.best_validation_score_) + 1
    assert [m.get_xdata() for m in display.best_epoch_markers_] == [[best], [best]]
    assert f"best epoch ({best})" in legend_texts(display)
    assert display.legend_.get_title().get_text() == name


def test_loss_curve_display_names_its_axes(pyplot):
    display = LossCurveDisplay.from_estimator(make_stopped())

    assert display.ax_.get_ylabel() == "Loss"
    assert display.score_ax_.get_ylabel() == "Validation score"
    assert display.score_ax_.get_xlabel() == "Epoch"
    # The axis below has the epochs of both.
    assert display.ax_.get_xlabel() == ""
    assert display.ax_.get_shared_x_axes().joined(display.ax_, display.score_ax_)


def test_loss_curve_display_without_validation_has_one_panel(pyplot):
    display = LossCurveDisplay.from_estimator(Trained(), name="net")

    assert display.score_ax_ is None
    assert display.score_lines_ == display.validation_loss_lines_ == {}
    assert display.best_epoch_markers_ == []
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.figure_.axes == [display.ax_]
    assert legend_texts(display) == ["training loss"]
    assert display.legend_.get_title().get_text() == "net"


def test_loss_curve_display_goes_into_a_pipeline(pyplot):
    last = Trained()

    display = LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), last))

    assert list(display.loss_lines_) == ["Trained"]
    np.testing.assert_array_equal(display.loss_curves["Trained"], last.loss_curve_)


def test_loss_curve_display_several_have_a_colour_each(pyplot):
    estimators = {"one": make_stopped(), "two": make_stopped(), "plain": Trained()}

    display = LossCurveDisplay.from_estimators(estimators)

    colors = {name: line.get_color() for name, line in display.loss_lines_.items()}
    assert len(set(colors.values())) == 3
    for lines in (display.validation_loss_lines_, display.score_lines_):
        assert {name: line.get_color() for name, line in lines.items()} == {
            "one": colors["one"],
            "two": colors["two"],
        }
    assert len(display.best_epoch_markers_) == 4
    assert legend_texts(display) == [
        *estimators,
        "training loss",
        "validation loss",
        "best epoch",
    ]


def test_loss_curve_display_puts_a_legend_of_six_beside_the_curves(pyplot):
    estimators = {"one": make_stopped(), "two": make_stopped(), "plain": Trained()}

    display = LossCurveDisplay.from_estimators(estimators)

    display.figure_.draw_without_rendering()
    assert len(legend_texts(display)) == 6
    legend, axes = display.legend_.get_window_extent(), display.ax_.get_window_extent()
    assert legend.x0 > axes.x1


def test_loss_curve_display_numbers_classes_that_come_twice(pyplot, small):
    other = SklearnMLPClassifier(tol=1, n_iter_no_change=1).fit(*small)

    display = LossCurveDisplay.from_estimators([Trained(), other, Trained()])

    assert list(display.loss_lines_) == ["Trained 1", "MLPClassifier", "Trained 2"]


def test_loss_curve_display_of_many_keeps_its_panels(pyplot):
    display = LossCurveDisplay.from_estimators([make_stopped() for _ in range(24)])

    display.figure_.draw_without_rendering()
    losses, scores = display.ax_.get_position(), display.score_ax_.get_position()
    assert losses.height > 0.5 and scores.height > 0.3
    assert losses.width > 0.4


def test_loss_curve_display_has_colours_for_any_number(pyplot):
    estimators = {f"net {i}": Trained() for i in range(30)}

    display = LossCurveDisplay.from_estimators(estimators)

    colors = {tuple(line.get_color()) for line in display.loss_lines_.values()}
    assert len(colors) == 30


@pytest.mark.parametrize(
    ("attributes", "best"),
    [
        ({}, [3, 3]),
        ({"early_stopping": False}, []),
        ({"validation_scores_": [np.nan, 0.2, 0.1, 0.2, np.nan]}, [2, 2]),
        ({"validation_scores_": [np.nan] * 5}, []),
    ],
    ids=["first of the best", "not kept", "nan", "all nan"],
)
def test_loss_curve_display_marks_the_epoch_that_was_kept(pyplot, attributes, best):
    display = LossCurveDisplay.from_estimator(make_stopped(**attributes))

    markers = display.best_epoch_markers_
    assert [int(marker.get_xdata()[0]) for marker in markers] == best


def test_loss_curve_display_marks_the_validation_loss_if_there_is_one(pyplot):
    display = LossCurveDisplay.from_estimator(make_stopped())

    on_loss, on_score = display.best_epoch_markers_
    assert on_loss.axes is display.ax_ and on_score.axes is display.score_ax_
    assert on_loss.get_ydata() == [2.0 - 0.9]
    assert on_score.get_ydata() == [0.9]


@pytest.mark.parametrize(
    ("estimator", "label"),
    [
        (MLPClassifier(), "Validation accuracy"),
        (MLPRegressor(), "Validation $R^2$"),
        (MLPClassifier(scoring="loss"), "Validation score (-loss)"),
        (MLPClassifier(scoring="neg_log_loss"), "Validation neg log loss"),
        (MLPClassifier(scoring=lambda estimator, X, y: 0.0), "Validation score"),
    ],
    ids=["classifier", "regressor", "loss", "name", "callable"],
)
def test_loss_curve_display_says_what_the_score_is(pyplot, estimator, label):
    # What the display reads of a fitted estimator, without a fit.
    estimator.net_ = None
    estimator.loss_curve_ = estimator.validation_scores_ = SCORES

    display = LossCurveDisplay.from_estimator(estimator)

    assert display.score_ax_.get_ylabel() == label


def test_loss_curve_display_different_scores_are_just_scores(pyplot):
    estimators = [make_stopped(scoring="r2"), make_stopped(scoring="accuracy")]

    display = LossCurveDisplay.from_estimators(estimators)

    assert display.score_ax_.get_ylabel() == "Validation score"


def test_loss_curve_display_divides_the_given_axes(pyplot):
    figure, axes = pyplot.subplots(1, 2)
    before = axes[0].get_position()

    display = LossCurveDisplay.from_estimator(make_stopped(), ax=axes[0])

    assert display.ax_ is axes[0] and display.figure_ is figure
    upper, lower = display.ax_.get_position(), display.score_ax_.get_position()
    assert lower.y1 < upper.y0
    assert (upper.x0, upper.y1) == pytest.approx((before.x0, before.y1))
    assert (lower.x1, lower.y0) == pytest.approx((before.x1, before.y0))


def test_loss_curve_display_takes_a_pair_of_axes(pyplot):
    _, axes = pyplot.subplots(1, 2)

    display = LossCurveDisplay.from_estimator(make_stopped(), ax=axes)

    assert display.ax_ is axes[0] and display.score_ax_ is axes[1]


def test_loss_curve_display_can_leave_out_the_scores(pyplot):
    _, ax = pyplot.subplots()

    display = LossCurveDisplay.from_estimator(make_stopped(), ax=ax, show_scores=False)

    assert display.score_ax_ is None and display.score_lines_ == {}
    assert display.figure_.axes == [ax]
    assert len(display.best_epoch_markers_) == 1


def test_loss_curve_display_log_scale_names_more_than_powers_of_ten(pyplot):
    display = LossCurveDisplay.from_estimator(Trained(), log_scale=True)

    display.figure_.draw_without_rendering()
    low, high = display.ax_.get_ylim()
    named = [
        label.get_text()
        for label in display.ax_.get_yticklabels()
        if low <= label.get_position()[1] <= high
    ]
    assert display.ax_.get_yscale() == "log"
    assert named == ["0.2", "0.5", "1"]


def test_loss_curve_display_style_goes_over_the_defaults(pyplot):
    display = LossCurveDisplay.from_estimator(
        make_stopped(),
        name="net",
        loss_kwargs={"lw": 7, "c": "k"},
        validation_loss_kwargs={"ls": ":"},
        score_kwargs={"alpha": 0.5},
        best_epoch_kwargs={"marker": "o"},
        legend_kwargs={"title": "mine"},
    )

    loss = display.loss_lines_["net"]
    assert (loss.get_linewidth(), loss.get_color()) == (7, "k")
    assert display.validation_loss_lines_["net"].get_linestyle() == ":"
    assert display.score_lines_["net"].get_alpha() == 0.5
    assert {m.get_marker() for m in display.best_epoch_markers_} == {"o"}
    assert display.legend_.get_title().get_text() == "mine"


def test_loss_curve_display_constructor_only_stores():
    curves = {"net": [1.0]}

    display = LossCurveDisplay(loss_curves=curves)

    assert display.loss_curves is curves
    assert not [name for name in vars(display) if name.endswith("_")]


def test_loss_curve_display_plots_again_the_same(pyplot):
    display = LossCurveDisplay.from_estimator(make_stopped())
    first = display.figure_

    assert display.plot() is display
    assert display.figure_ is not first
    assert len(display.figure_.axes) == len(first.axes) == 2


def test_loss_curve_display_refuses_what_has_no_curve(small):
    X, y = small
    clf = MLPClassifier((8,), solver="lbfgs", alpha=1, tol=1, max_iter=200)
    search = GridSearchCV(
        SklearnMLPClassifier((8,), tol=10, n_iter_no_change=1), {"alpha": [1]}, cv=2
    )
    name = "LossCurveDisplay draws `loss_curve_`, the loss of each epoch. Got "
    cases = [
        (
            clf,
            "MLPClassifier with solver='lbfgs', which has none. Fit it with another ",
        ),
        (make_pipeline(StandardScaler()), "StandardScaler, which has none. Pass an "),
        (
            MLPClassifier(
                (8,), n_estimators=2, max_iter=300, tol=1, n_iter_no_change=1
            ),
            "MLPClassifier, which has none. Pass one of its estimators_",
        ),
        (search, "GridSearchCV, which has none. .* search, for example, its `best_es"),
    ]
    for estimator, message in cases:
        with pytest.raises(ValueError, match=name + message):
            LossCurveDisplay.from_estimator(estimator.fit(X, y))


def test_loss_curve_display_refuses_what_is_not_fitted():
    with pytest.raises(NotFittedError, match="MLPClassifier instance is not fitted"):
        LossCurveDisplay.from_estimator(MLPClassifier())


@pytest.mark.parametrize("estimators", [{}, []])
def test_loss_curve_display_refuses_no_estimators(estimators):
    with pytest.raises(ValueError, match=r"needs at least one fitted estimator\. Got"):
        LossCurveDisplay.from_estimators(estimators)


def test_loss_curve_display_refuses_the_logarithm_of_zero(pyplot):
    display = LossCurveDisplay(loss_curves={"net": [1.0, 0.0]})

    with pytest.raises(ValueError, match=r"above 0\. The lowest of net is 0: set log_"):
        display.plot(log_scale=True)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("n_axes", [1, 3])
def test_loss_curve_display_refuses_another_number_of_axes(pyplot, n_axes):
    _, axes = pyplot.subplots(n_axes, squeeze=False)

    with pytest.raises(ValueError, match=f"or a pair of .* Got {n_axes} Axes"):
        LossCurveDisplay.from_estimator(make_stopped(), ax=axes.ravel())


def test_loss_curve_display_refuses_to_divide_axes_outside_a_grid(pyplot):
    ax = pyplot.figure().add_axes((0.1, 0.1, 0.8, 0.8))

    with pytest.raises(ValueError, match=r"Pass a pair of Axes, one made by plt\.subp"):
        LossCurveDisplay.from_estimator(make_stopped(), ax=ax)
