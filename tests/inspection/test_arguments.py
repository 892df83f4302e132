"""A wrong argument of a display's method names that method, and what it takes."""

import pytest
from sklearn.decomposition import PCA

from sknn_deep.inspection import (
    LatentSpaceDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

X = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("display", "method", "data", "name", "said", "taken"),
    [
        (
            *(ReconstructionDisplay, "from_estimator", (PCA(), X), "n", ""),
            "estimator, X, n_images, image_shape, ax, show_errors, image_kwargs",
        ),
        (
            *(LatentSpaceDisplay, "from_codes", (X,), "label_class"),
            " Did you mean 'label_classes'?",
            "codes, y, components, reduce, random_state, y_type, y_name, ax, "
            "label_classes, scatter_kwargs, text_kwargs, legend_kwargs, image_kwargs",
        ),
        (
            *(LatentSpaceDisplay, "from_estimator", (PCA(), X), "y_nam"),
            " Did you mean 'y_name'?",
            "estimator, X, y, components, ",
        ),
        (
            *(LossCurveDisplay, "from_estimator", (PCA(),), "logscale"),
            " Did you mean 'log_scale'?",
            "estimator, name, ax, ",
        ),
        (
            *(LossCurveDisplay, "from_estimators", ([PCA()],), "name", ""),
            "estimators, ax, ",
        ),
    ],
)
def test_a_wrong_argument_is_answered_by_the_method_that_was_called(
    display, method, data, name, said, taken
):
    with pytest.raises(TypeError) as error:
        getattr(display, method)(*data, **{name: 1})

    assert str(error.value).startswith(
        f"{display.__name__}.{method}() got an unexpected keyword argument {name!r}."
        f"{said} It takes {taken}"
    )


def test_a_plot_of_ones_own_takes_what_it_takes():
    class Display(LatentSpaceDisplay):
        def plot(self, ax=None, *, frame):
            return frame

    assert Display.from_codes(X, frame=3) == 3
