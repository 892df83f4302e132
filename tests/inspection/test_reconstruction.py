"""ReconstructionDisplay: images before and after."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, StandardScaler

from sknn_deep.inspection import ReconstructionDisplay


@pytest.fixture(scope="module")
def fitted(digits):
    pca = PCA(n_components=8, random_state=0)
    return make_pipeline(MaxAbsScaler(), pca).fit(digits.X)


@pytest.fixture(scope="module")
def colors():
    """Colour images of 4 by 6 pixels, in [0, 1]."""
    return np.random.default_rng(0).uniform(size=(30, 4 * 6 * 3))


def arrays(display):
    """Return what was drawn, of shape (2, n_images, height, width, ...)."""
    return np.array([[i.get_array() for i in row] for row in display.images_])


def test_reconstruction_display_draws_originals_above_reconstructions(
    pyplot, digits, fitted
):
    display = ReconstructionDisplay.from_estimator(fitted, digits.X, n_images=7)

    X = digits.X[:7]
    back = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_array_equal(arrays(display)[0], X.reshape(7, 8, 8))
    np.testing.assert_array_equal(arrays(display)[1], back.reshape(7, 8, 8))
    upper, lower = (image.get_window_extent() for image in display.images_[:, 0])
    assert upper.y0 > lower.y1 and upper.x0 == lower.x0
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["original", "reconstructed"]
    for row, label in zip(display.images_, display.ax_.get_yticklabels(), strict=True):
        bottom, top = row[0].get_extent()[2:]
        assert label.get_position()[1] == pytest.approx((bottom + top) / 2)


def test_reconstruction_display_images_do_not_overlap(pyplot, digits, fitted):
    display = ReconstructionDisplay.from_estimator(fitted, digits.X)

    display.figure_.draw_without_rendering()
    boxes = [image.get_window_extent() for image in display.images_.ravel()]
    assert len(boxes) == 20
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert box.width == pytest.approx(box.height)


@pytest.mark.parametrize("n_images", [1, 3, 10])
@pytest.mark.parametrize("image_shape", [(8, 8), (4, 16), (16, 4)])
def test_reconstruction_display_fits_its_figure(
    pyplot, digits, fitted, n_images, image_shape
):
    display = ReconstructionDisplay.from_estimator(
        fitted,
        digits.X,
        n_images=n_images,
        image_shape=image_shape,
        show_errors=True,
    )

    display.figure_.canvas.draw()
    drawn, figure = display.ax_.get_tightbbox(), display.figure_.bbox
    assert figure.x0 <= drawn.x0 and drawn.x1 <= figure.x1
    assert figure.y0 <= drawn.y0 and drawn.y1 <= figure.y1


def test_reconstruction_display_draws_all_of_few_rows(pyplot, digits, fitted):
    display = ReconstructionDisplay.from_estimator(fitted, digits.X[:3])

    assert display.images_.shape == (2, 3)


@pytest.mark.parametrize(
    "convert",
    [pd.DataFrame, scipy.sparse.csr_array, scipy.sparse.coo_array, np.ndarray.tolist],
)
def test_reconstruction_display_takes_any_container(pyplot, digits, convert):
    X = digits.X[:50]
    estimator = MaxAbsScaler().fit(convert(X))

    display = ReconstructionDisplay.from_estimator(estimator, convert(X), n_images=4)

    np.testing.assert_allclose(arrays(display)[0].reshape(4, 64), X[:4])
    np.testing.assert_allclose(arrays(display)[1].reshape(4, 64), X[:4], rtol=1e-6)


def test_reconstruction_display_takes_rows_by_their_place(pyplot, digits):
    index = np.arange(50.0)[::-1]
    frame = pd.DataFrame(digits.X[:50], index=index)

    display = ReconstructionDisplay.from_estimator(
        MaxAbsScaler().fit(frame), frame, n_images=4
    )

    np.testing.assert_array_equal(display.originals.reshape(4, 64), digits.X[:4])


def test_reconstruction_display_draws_colours(pyplot, colors):
    pca = PCA(n_components=2).fit(colors)

    display = ReconstructionDisplay.from_estimator(
        pca, colors, n_images=5, image_shape=(4, 6, 3)
    )

    drawn = arrays(display)
    assert drawn.shape == (2, 5, 4, 6, 3)
    np.testing.assert_allclose(drawn[0], colors[:5].reshape(5, 4, 6, 3))
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_reconstruction_display_scales_colours_of_any_range(pyplot, colors):
    pixels = np.round(255 * colors)
    low, high = pixels[:10].min(), pixels[:10].max()
    pca = PCA(n_components=2).fit(pixels)

    display = ReconstructionDisplay.from_estimator(pca, pixels, image_shape=(4, 6, 3))
    wanted = (pixels[:10] - low) / (high - low)
    np.testing.assert_allclose(arrays(display)[0].reshape(10, -1), wanted)

    display.plot(image_kwargs={"vmin": 0, "vmax": 255})
    np.testing.assert_allclose(arrays(display)[0].reshape(10, -1), pixels[:10] / 255)


@pytest.mark.parametrize(
    ("originals", "limits"),
    [
        ([[0.2, 0.4]], (0, 1)),
        ([[0.0, 16.0]], (0, 16)),
        ([[-1.5, 2.0]], (-1.5, 2)),
        ([[7.0, 7.0]], (7, 8)),
    ],
)
def test_reconstruction_display_both_rows_share_one_range(pyplot, originals, limits):
    originals = np.array(originals).reshape(1, 1, 2)
    display = ReconstructionDisplay(originals=originals, reconstructions=originals * 9)

    display.plot()

    assert {image.get_clim() for image in display.images_.ravel()} == {limits}


def test_reconstruction_display_writes_the_errors(pyplot, digits, fitted):
    display = ReconstructionDisplay.from_estimator(
        fitted, digits.X, n_images=3, show_errors=True
    )

    X = digits.X[:3].astype(np.float64)
    back = fitted.inverse_transform(fitted.transform(digits.X[:3]))
    errors = [np.mean((X[i] - back[i]) ** 2) for i in range(3)]
    np.testing.assert_allclose(display.errors_, errors)
    texts = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert texts == [f"{error:.3g}" for error in errors]
    assert display.ax_.get_xlabel() == "Mean squared error"


def test_reconstruction_display_errors_of_bytes_do_not_wrap_around(pyplot):
    originals = np.zeros((1, 1, 1), dtype=np.uint8)
    display = ReconstructionDisplay(
        originals=originals, reconstructions=originals + np.uint8(200)
    )

    assert display.plot().errors_.tolist() == [40_000]


def test_reconstruction_display_draws_on_the_given_axes(pyplot, digits, fitted):
    figure, axes = pyplot.subplots(2)

    display = ReconstructionDisplay.from_estimator(
        fitted, digits.X, ax=axes[1], image_kwargs={"cmap": "gray_r"}
    )

    assert display.ax_ is axes[1] and display.figure_ is figure
    assert display.images_[0, 0].get_cmap().name == "gray_r"
    assert not axes[0].images


def test_reconstruction_display_constructor_only_stores():
    display = ReconstructionDisplay(originals="a", reconstructions="b")

    assert vars(display) == {"originals": "a", "reconstructions": "b"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"8 features make no square image in grey\. Give image_shape=\(height, w"),
        ({"image_shape": (2, 3)}, r"X has features, 8\. Got \(2, 3\), which has 6"),
        (
            {"image_shape": (2, 2, 2)},
            r"must be \(height, width\) or \(height, width, 3",
        ),
        ({"image_shape": (8,)}, r"Got \(8,\)"),
        ({"n_images": 0}, r"n_images .* an integer of at least 1\. Got 0"),
        ({"n_images": 2.5}, r"an integer of at least 1\. Got 2\.5"),
    ],
)
def test_reconstruction_display_refuses(digits, arguments, message):
    X = digits.X[:, :8]

    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(StandardScaler().fit(X), X, **arguments)


def test_reconstruction_display_refuses_what_cannot_go_back(digits):
    cases = [
        (Normalizer(), "Normalizer, which has no `inverse_transform`"),
        (make_pipeline(Normalizer()), "Pipeline, which has no `inverse_transform`"),
        (LogisticRegression(), "no `transform` and no `inverse_transform`"),
    ]
    for estimator, message in cases:
        with pytest.raises(TypeError, match=f"goes to a code and back.*{message}"):
            ReconstructionDisplay.from_estimator(estimator, digits.X)


def test_reconstruction_display_refuses_what_is_not_fitted(digits):
    with pytest.raises(NotFittedError, match="PCA instance is not fitted"):
        ReconstructionDisplay.from_estimator(PCA(), digits.X)
