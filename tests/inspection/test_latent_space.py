"""LatentSpaceDisplay: codes scattered by class or by a number."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep.inspection import LatentSpaceDisplay
from sknn_deep.inspection._codes import is_number
from sknn_deep.inspection._style import OTHERS_COLOR
from sknn_deep.metrics import neighbors_accuracy_scorer, trustworthiness_scorer


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(0).normal(size=(60, 4))


@pytest.fixture(scope="module")
def fitted(digits):
    return make_pipeline(StandardScaler(), PCA(n_components=4)).fit(digits.X)


def drawn(display):
    return np.asarray(display.scatter_.get_offsets())


def legend_texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_latent_space_display_draws_what_the_estimator_gives(pyplot, digits, fitted):
    display = LatentSpaceDisplay.from_estimator(fitted, digits.X, components=(2, 0))

    np.testing.assert_array_equal(drawn(display), fitted.transform(digits.X)[:, [2, 0]])
    assert display.ax_.get_xlabel() == "Component 2 of 4"
    assert display.ax_.get_ylabel() == "Component 0 of 4"
    assert display.legend_ is None and display.colorbar_ is None


def test_latent_space_display_colours_marker_and_legend_of_a_class_match(
    pyplot, digits, fitted
):
    display = LatentSpaceDisplay.from_estimator(fitted, digits.X, digits.y)

    of_points = display.scatter_.get_facecolors()
    paths = display.scatter_.get_paths()
    seen = set()
    for label, handle in enumerate(display.legend_.legend_handles):
        rows = np.flatnonzero(digits.y == label)
        colors = {to_hex(color) for color in of_points[rows]}
        assert colors == {to_hex(handle.get_color())}
        marker = handle._marker
        path = marker.get_path().transformed(marker.get_transform())
        for row in rows:
            np.testing.assert_array_equal(paths[row].vertices, path.vertices)
        seen.add((colors.pop(), handle.get_marker()))
    assert legend_texts(display) == [str(label) for label in range(10)]
    assert len({color for color, _ in seen}) == 10
    assert len({marker for _, marker in seen}) == 10


def test_latent_space_display_more_classes_than_colours_stay_apart(pyplot, codes):
    y = np.arange(60) % 20

    display = LatentSpaceDisplay.from_codes(codes, y, y_type="class")

    handles = display.legend_.legend_handles
    assert len({(h.get_color(), h.get_marker()) for h in handles}) == 20


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (["b", "a"], ["a", "b"]),
        ([True, False], ["False", "True"]),
        ([0.0, 3.0], ["0.0", "3.0"]),
        (pd.Categorical(["b", "a"]), ["a", "b"]),
    ],
    ids=["str", "bool", "float", "categorical"],
)
def test_latent_space_display_classes_of_any_kind(pyplot, codes, y, names):
    display = LatentSpaceDisplay.from_codes(codes, pd.Series(y).repeat(30))

    assert legend_texts(display) == names
    assert sorted(text.get_text() for text in display.texts_) == names


def test_latent_space_display_names_the_largest_of_many_classes(pyplot):
    y = np.repeat(np.arange(25), [9, *[2] * 22, 1, 7]).astype(str)
    codes = np.random.default_rng(0).normal(size=(len(y), 2))

    display = LatentSpaceDisplay.from_codes(codes, y)

    *names, others = legend_texts(display)
    assert others == "6 others"
    assert len(names) == 19 and {"0", "24"} <= set(names) and "23" not in names
    assert [text.get_text() for text in display.texts_] == names
    grey = [
        to_hex(color) == OTHERS_COLOR for color in display.scatter_.get_facecolors()
    ]
    np.testing.assert_array_equal(grey, ~np.isin(y, names))
    panel = display.ax_.get_position()
    assert panel.width > 0.5 and panel.height > 0.8


def test_latent_space_display_takes_missing_classes_for_one_more(pyplot, codes):
    y = np.array(["b", None, "a"] * 20, dtype=object)

    display = LatentSpaceDisplay.from_codes(codes, y)

    assert legend_texts(display) == ["None", "a", "b"]


@pytest.mark.parametrize("name", ["age", None])
def test_latent_space_display_takes_the_name_of_a_series(pyplot, codes, name):
    y = pd.Series(np.arange(60.0), name=name)

    by_number = LatentSpaceDisplay.from_codes(codes, y)
    by_class = LatentSpaceDisplay.from_codes(codes, y % 2, y_name="mine")

    assert by_number.colorbar_.ax.get_ylabel() == (name or "y")
    assert by_class.legend_.get_title().get_text() == "mine"


def test_latent_space_display_number_has_a_colour_bar(pyplot):
    X, y = load_diabetes(return_X_y=True)
    display = LatentSpaceDisplay.from_codes(X, y)

    np.testing.assert_array_equal(display.scatter_.get_array(), y)
    assert display.colorbar_.mappable is display.scatter_
    assert display.legend_ is None and display.texts_ == []


@pytest.mark.parametrize(
    ("y", "y_type", "expected"),
    [
        (np.arange(20), "auto", False),
        (np.arange(21), "auto", True),
        (np.arange(21.0), "auto", True),
        (np.arange(20.0), "auto", False),
        (np.array([0.5, 1.0]), "auto", True),
        (np.arange(30).astype(str), "auto", False),
        (np.array([True, False]), "auto", False),
        (np.arange(3), "number", True),
        (np.arange(30) / 7, "class", False),
    ],
)
def test_latent_space_display_tells_numbers_from_classes(y, y_type, expected):
    assert is_number(y, y_type) is expected


def test_latent_space_display_class_names_do_not_overlap(pyplot, codes):
    y = np.arange(60) % 12
    # All classes around one point, in the corner of the picture.
    codes = np.concatenate([codes[:, :2] / 1000, [[50.0, 50.0]]])

    display = LatentSpaceDisplay.from_codes(codes, np.append(y, 0))

    display.figure_.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in display.texts_]
    panel = display.ax_.get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert panel.x0 <= box.x0 and box.x1 <= panel.x1
        assert panel.y0 <= box.y0 and box.y1 <= panel.y1


def test_latent_space_display_writes_a_name_where_the_class_is(pyplot):
    # Two groups: the median of the class lies between them, where it has no points.
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(100, 2))
    codes[:60] += 100

    display = LatentSpaceDisplay.from_codes(codes, np.zeros(100, dtype=int))

    x0, x1 = display.texts_[0].get_position()
    assert abs(x0 - 100) < 1 and abs(x1 - 100) < 1


def test_latent_space_display_can_leave_out_the_names(pyplot, codes):
    display = LatentSpaceDisplay.from_codes(codes, codes[:, 0] > 0, label_classes=False)

    assert display.texts_ == [] and display.ax_.texts[:] == []


@pytest.mark.parametrize("length, has_texts", [(3, True), (20, False)])
def test_latent_space_display_leaves_long_names_to_the_legend(
    pyplot, length, has_texts
):
    codes = np.random.default_rng(0).normal(size=(300, 2))
    names = np.array([chr(97 + i) * length for i in range(15)])

    display = LatentSpaceDisplay.from_codes(codes, names[np.arange(300) % 15])

    assert [t.get_text() for t in display.texts_] == list(names) * has_texts
    assert list(display.ax_.texts) == display.texts_
    assert [t.get_text() for t in display.legend_.get_texts()] == list(names)


def test_latent_space_display_has_room_beside_many_long_names(pyplot):
    codes = np.random.default_rng(0).normal(size=(300, 2))
    names = np.array([f"a name that nobody would read {i:02d}" for i in range(25)])

    display = LatentSpaceDisplay.from_codes(codes, names[np.arange(300) % 25])
    display.figure_.draw_without_rendering()

    shown = [text.get_text() for text in display.legend_.get_texts()]
    assert shown[:2] == ["a name that…ould read 00", "a name that…ould read 01"]
    panel = display.ax_.get_position()
    assert panel.width > 0.5


def test_latent_space_display_dates_have_a_colour_bar(pyplot):
    codes = np.random.default_rng(0).normal(size=(300, 2))
    days = np.arange("2020-01-01", "2020-10-27", dtype="M8[D]")

    display = LatentSpaceDisplay.from_codes(codes, days)
    display.figure_.draw_without_rendering()

    assert display.legend_ is None
    values = display.scatter_.get_array()
    np.testing.assert_array_equal(np.diff(values), 1)
    labels = [t.get_text() for t in display.colorbar_.ax.get_yticklabels()]
    assert "Mar" in labels


def test_latent_space_display_reduces_by_pca(pyplot, codes):
    display = LatentSpaceDisplay.from_codes(codes, reduce="pca", components=(1, 3))

    pca = PCA().fit(codes)
    np.testing.assert_allclose(drawn(display), pca.transform(codes)[:, [1, 3]])
    share = pca.explained_variance_ratio_[3]
    label = f"Principal component 3 ({share:.0%} of variance)"
    assert display.ax_.get_ylabel() == label


def test_latent_space_display_reduces_by_tsne(pyplot, codes):
    display = LatentSpaceDisplay.from_codes(codes, reduce="tsne", random_state=3)

    embedded = TSNE(random_state=3).fit_transform(codes)
    np.testing.assert_array_equal(drawn(display), embedded)
    assert display.ax_.get_xlabel() == "t-SNE dimension 0"


def test_latent_space_display_reduces_by_a_clone_of_a_transformer(pyplot, codes):
    reduce = TSNE(perplexity=5, random_state=0)

    display = LatentSpaceDisplay.from_codes(codes, reduce=reduce)

    assert not hasattr(reduce, "embedding_")
    embedded = TSNE(perplexity=5, random_state=0).fit_transform(codes)
    np.testing.assert_array_equal(drawn(display), embedded)
    assert display.ax_.get_ylabel() == "TSNE 1"


def test_latent_space_display_draws_on_the_given_axes(pyplot, codes):
    figure, axes = pyplot.subplots(1, 2)

    display = LatentSpaceDisplay.from_codes(codes, codes[:, 0], ax=axes[1])

    assert display.ax_ is axes[1] and display.figure_ is figure
    assert not axes[0].collections


def test_latent_space_display_style_goes_over_the_defaults(pyplot, codes):
    display = LatentSpaceDisplay.from_codes(
        codes,
        codes[:, 0] > 0,
        scatter_kwargs={"s": 3, "marker": "x", "lw": 1},
        text_kwargs={"size": 5, "color": "red"},
        legend_kwargs={"title": "mine", "loc": "best"},
    )

    assert display.scatter_.get_sizes() == [3]
    assert display.scatter_.get_linewidths() == [1]
    assert len(display.scatter_.get_paths()) == 1
    assert {h.get_marker() for h in display.legend_.legend_handles} == {"x"}
    assert {text.get_fontsize() for text in display.texts_} == {5}
    assert display.legend_.get_title().get_text() == "mine"
    by_number = LatentSpaceDisplay.from_codes(
        codes, codes[:, 0], scatter_kwargs={"cmap": "cividis"}
    )
    assert by_number.scatter_.get_cmap().name == "cividis"


def test_latent_space_display_constructor_only_stores(codes):
    display = LatentSpaceDisplay(codes=codes, y=[1])

    assert display.codes is codes and display.y == [1]
    assert not [name for name in vars(display) if name.endswith("_")]


def test_latent_space_display_leaves_its_input_as_it_was(pyplot, codes):
    before = codes.copy()
    style = {"s": 3}

    LatentSpaceDisplay.from_codes(codes, codes[:, 0], scatter_kwargs=style)

    np.testing.assert_array_equal(codes, before)
    assert style == {"s": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"components": (0, 4)},
            r"two different integers from 0 to 3, .* Got \(0, 4\)",
        ),
        ({"components": (1, 1)}, r"Got \(1, 1\)"),
        ({"components": (-1, 0)}, r"Got \(-1, 0\)"),
        ({"components": (0, 1, 2)}, r"Got \(0, 1, 2\)"),
        ({"components": (0.0, 1)}, r"Got \(0\.0, 1\)"),
        ({"components": (0, 2), "reduce": "tsne"}, "from 0 to 1, .*"),
        ({"components": (0, 2), "reduce": PCA(2)}, "from 0 to 1, .*"),
        ({"reduce": "umap"}, "must be None, 'pca', 'tsne' or a transf.* 'umap'\\.$"),
        ({"reduce": "t-SNE"}, "Got 't-SNE'\\. 't-SNE' is called 'tsne' here\\.$"),
        ({"reduce": "TSNE"}, "Got 'TSNE'\\. 'TSNE' is called 'tsne' here\\.$"),
        ({"reduce": "PCA"}, "Got 'PCA'\\. 'PCA' is called 'pca' here\\.$"),
        ({"y": [0] * 60, "y_type": "int"}, "auto, class, number. Got 'int'"),
        (
            {"y": ["a"] * 60, "y_type": "number"},
            "needs numbers or dates in y. .* y_type='class'",
        ),
        ({"y": [np.nan] * 60}, "Input y contains NaN"),
        ({"y": np.full(60, "NaT", "M8[D]")}, "dates that are missing"),
        (
            {"y": [0] * 59},
            r"y of LatentSpaceDisplay must have one value for each of the 60 rows\. "
            r"Got 59\.",
        ),
        (
            {"y": np.eye(3)[[0] * 60]},
            r"y of LatentSpaceDisplay must have one value for each row\. Got an array "
            r"of shape \(60, 3\): of one-hot classes, pass np\.argmax\(y, axis=1\)\.",
        ),
    ],
)
def test_latent_space_display_refuses(codes, arguments, message):
    with pytest.raises(ValueError, match=message):
        LatentSpaceDisplay.from_codes(codes, **arguments)


@pytest.mark.parametrize("reduce", [None, "pca"])
def test_latent_space_display_refuses_a_single_component(codes, reduce):
    with pytest.raises(ValueError, match=r"two components. Got codes with 1: use a tr"):
        LatentSpaceDisplay.from_codes(codes[:, :1], reduce=reduce)


def test_latent_space_display_refuses_what_cannot_transform(digits):
    pipe = make_pipeline(StandardScaler(), TSNE())
    message = "needs an estimator with `transform`. Got Pipeline, .* to from_codes"

    with pytest.raises(TypeError, match=message):
        LatentSpaceDisplay.from_estimator(pipe, digits.X)


def test_latent_space_display_refuses_what_is_not_fitted(digits):
    with pytest.raises(NotFittedError, match="PCA instance is not fitted"):
        LatentSpaceDisplay.from_estimator(PCA(), digits.X)


# --- scores, and the plane decoded ----------------------------------------------------


@pytest.fixture(scope="module")
def plane(digits):
    return PCA(n_components=2).fit(digits.X)


def test_latent_space_display_shows_scores(pyplot, digits, plane):
    display = LatentSpaceDisplay.from_estimator(
        plane, digits.X, digits.y, show_scores=True
    )

    trust = trustworthiness_scorer(plane, digits.X)
    accuracy = neighbors_accuracy_scorer(plane, digits.X, digits.y)
    said = f"trustworthiness {trust:.3f}, 5-NN accuracy {accuracy:.3f}"
    assert display.ax_.get_title() == said


def test_latent_space_display_shows_no_accuracy_without_classes(pyplot, digits, plane):
    X = digits.X
    for y in (None, X[:, 20] + 0.5):
        display = LatentSpaceDisplay.from_estimator(plane, X, y, show_scores=True)
        assert display.ax_.get_title().startswith("trustworthiness 0.")
        assert "accuracy" not in display.ax_.get_title()


def test_latent_space_display_scores_the_components_that_are_drawn(
    pyplot, digits, fitted
):
    display = LatentSpaceDisplay.from_estimator(
        fitted, digits.X, components=(2, 3), show_scores=True
    )
    other = LatentSpaceDisplay.from_estimator(fitted, digits.X, show_scores=True)

    assert display.ax_.get_title() != other.ax_.get_title()


def test_latent_space_display_decodes_the_plane_behind_the_points(
    pyplot, digits, plane
):
    display = LatentSpaceDisplay.from_estimator(plane, digits.X, n_decoded=3)

    codes = plane.transform(digits.X)
    room = 0.03 * np.ptp(codes, axis=0)
    left, bottom = codes.min(axis=0) - room
    right, top = codes.max(axis=0) + room
    np.testing.assert_allclose(display.image_.get_extent(), (left, right, bottom, top))
    mosaic = display.image_.get_array()
    assert mosaic.shape == (24, 24)
    # The middle of the lowest row, second from the left: the mosaic begins at the top.
    point = [[left + (right - left) / 2, bottom + (top - bottom) / 6]]
    expected = plane.inverse_transform(point).reshape(8, 8)
    np.testing.assert_allclose(mosaic[16:, 8:16], expected, atol=1e-5)
    assert display.image_.get_zorder() < display.scatter_.get_zorder()


def test_latent_space_display_leaves_gaps_between_the_images(pyplot, digits, plane):
    display = LatentSpaceDisplay.from_estimator(plane, digits.X, n_decoded=3)

    upright, level = (c for c in display.ax_.collections if c is not display.scatter_)
    left, right, bottom, top = display.image_.get_extent()
    x = [segment[0, 0] for segment in upright.get_segments()]
    y = [segment[0, 1] for segment in level.get_segments()]
    np.testing.assert_allclose(x, np.linspace(left, right, 4))
    np.testing.assert_allclose(y, np.linspace(bottom, top, 4))
    assert display.image_.get_zorder() == upright.get_zorder() == level.get_zorder()


def test_latent_space_display_styles_the_images(pyplot, digits, plane):
    display = LatentSpaceDisplay.from_estimator(
        plane, digits.X, n_decoded=2, image_shape=(4, 16), image_kwargs={"alpha": 1}
    )

    assert display.image_.get_alpha() == 1
    assert display.image_.get_array().shape == (8, 32)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_decoded": 0}, "n_decoded of LatentSpaceDisplay must be an integer of at"),
        ({"n_decoded": 3, "components": (1, 0)}, "leave components and reduce as they"),
        ({"n_decoded": 3, "reduce": "pca"}, "leave components and reduce as they are"),
        ({"n_decoded": 3, "image_shape": (3, 3)}, "image_shape of LatentSpaceDisplay"),
    ],
)
def test_latent_space_display_refuses_planes_that_it_cannot_draw(
    params, message, digits, plane
):
    with pytest.raises(ValueError, match=message):
        LatentSpaceDisplay.from_estimator(plane, digits.X, **params)


def test_latent_space_display_decodes_codes_of_two_components_only(digits, fitted):
    with pytest.raises(ValueError, match=r"needs codes of two components\. Got 4"):
        LatentSpaceDisplay.from_estimator(fitted, digits.X, n_decoded=3)
