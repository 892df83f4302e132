"""A page to walk through the codes of an autoencoder in a browser."""

import base64
import html
import json
import string
import zlib
from importlib.resources import files
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from sknn_deep._files import check_path
from sknn_deep.conversion import Activation, LayerNorm, Linear
from sknn_deep.inspection._codes import (
    check_components,
    check_y,
    is_date,
    is_number,
    number_classes,
)
from sknn_deep.inspection._decoder import InversePart, Scale, parts_of_inverse
from sknn_deep.inspection._reconstruction import (
    check_image_shape,
    make_dense,
    value_range,
)
from sknn_deep.inspection._style import COLORS, OTHERS_COLOR

# COLORS for a dark ground: the same hues, and light where those are dark.
_DARK_COLORS = (
    "#4aa3df",
    "#ff7f32",
    "#2ec4a0",
    "#e6a6cb",
    "#ffb31a",
    "#9bd7f7",
    "#c49a6c",
    "#c77dff",
    "#f2f2f2",
    "#8a8aff",
)
# As decode.js knows them.
_KINDS = {
    Activation: "activation",
    LayerNorm: "layer_norm",
    Linear: "linear",
    Scale: "scale",
}
_N_SHADES = 32
_IMAGES = (".gif", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".webp")
_MIN_SIDE = 8  # of what is taken for a square image
_FOLDER = files("sknn_deep.inspection") / "latent_space_page"


def latent_space_to_html(
    estimator,
    X,
    path,
    y=None,
    *,
    components=(0, 1),
    image_shape="auto",
    y_type="auto",
    y_name=None,
    title="Latent space",
    max_samples=10000,
    random_state=None,
) -> None:
    """Write a page to walk through codes, and through what lies between them.

    The codes are points on a plane, coloured by class or number. At a point the page
    shows the row and its reconstruction; anywhere else what the decoder makes of the
    place, if the code has two components. The browser computes it from the weights of
    the decoder, which are in the file. The file needs no network and no other file. It
    holds the rows of `X`: who gets it has these.

    Parameters
    ----------
    estimator : AutoencoderTransformer, or any transformer or Pipeline
        Fitted. The page decodes by autoencoders of dense layers, and by steps whose
        ``inverse_transform`` is a sum of weighted columns, such as PCA and scalers;
        with others it shows the rows alone.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What is transformed, and shown.

    path : str or os.PathLike
        File to write or to replace. Its folder must exist.

    y : array-like of shape (n_samples,), default=None
        Classes, or a number, by which the points are coloured.

    components : pair of int, default=(0, 1)
        The components to draw, counted from 0.

    image_shape : "auto", None or tuple, default="auto"
        How a row is shown: as an image of (height, width) in grey or (height, width, 3)
        in colour, or with None as a table of its columns. "auto" is a square image in
        grey if X is no DataFrame and has as many columns as a square of at least 8 x 8.

    y_type : {"auto", "class", "number"}, default="auto"
        What `y` is. "auto" takes for a number dates, and what has fractions or more
        than 20 different values, and all else for classes.

    y_name : str, default=None
        What `y` is called. None takes the name of a Series.

    title : str, default="Latent space"
        Title of the page.

    max_samples : int, default=10000
        Of more rows as many are drawn at random. 10,000 images of 28 x 28 make a file
        of some 4 MB.

    random_state : int, RandomState instance or None, default=None
        Determines which rows are drawn.

    Raises
    ------
    TypeError
        If the estimator has no ``transform``, or `path` is no path.
    ValueError
        If the codes have a single component, or `components`, `image_shape` or `y_type`
        is none of the above, or `max_samples` is below 1, or `path` ends as an image
        does.
    OSError
        If the file cannot be written.

    See Also
    --------
    LatentSpaceDisplay : The same points as a picture.
    ReconstructionDisplay : Rows above their reconstructions.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sknn_deep.inspection import latent_space_to_html
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(n_components=2).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.html")
    ...     latent_space_to_html(pca, X, path, y, y_name="digit")
    ...     path.read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    owner = "latent_space_to_html"
    call = f"{owner}(estimator, X, path, y)"
    check_path(path, call=call)
    suffix = Path(path).suffix
    if suffix.lower() in _IMAGES:
        raise ValueError(
            f"{owner} writes a page of HTML, not an image. Got a path that ends in "
            f"{suffix!r}: end it in '.html', or draw LatentSpaceDisplay and save its "
            "figure_."
        )
    if not hasattr(estimator, "transform"):
        raise TypeError(
            f"{call} needs an estimator with `transform`. Got "
            f"{type(estimator).__name__}, which has none."
        )
    check_is_fitted(estimator)
    if not isinstance(max_samples, Integral) or max_samples < 1:
        raise ValueError(
            f"max_samples of {owner} must be an integer of at least 1. Got "
            f"{max_samples!r}."
        )
    codes = check_array(estimator.transform(X))
    first, second = check_components(components, codes.shape[1], owner=owner)
    if y is not None:
        y_name = getattr(y, "name", None) if y_name is None else y_name
        y = check_y(y, y_type, len(codes), owner=owner)
    originals = check_array(make_dense(X), dtype=np.float64)
    if image_shape == "auto":
        image_shape = _guess_shape(X, originals.shape[1])
    elif image_shape is not None:
        image_shape = check_image_shape(image_shape, originals.shape[1], owner=owner)
    names = _feature_names(estimator, originals.shape[1])
    rows = _draw_rows(len(codes), max_samples, random_state)
    parts = parts_of_inverse(estimator, codes.shape[1])
    data = {
        "rows": _pack(rows, np.int32),
        "points": _pack(codes[rows][:, [first, second]]),
        "n_components": codes.shape[1],
        "is_swapped": first > second,
        "axis_names": [f"Component {first}", f"Component {second}"],
        "codes": _pack(codes[rows]),
        "layers": None if parts is None else [_write_layer(part) for part in parts],
        "n_features": originals.shape[1],
        **_write_rows(originals[rows], image_shape, names),
        **_write_colors(None if y is None else y[rows], len(rows), y_type, y_name),
    }
    Path(path).write_text(_fill_page(title, data), encoding="utf-8")


def _feature_names(estimator, n_features: int) -> list[str]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(n_features)]
    return [str(name) for name in names]


def _guess_shape(X, n_features: int) -> tuple[int, int] | None:
    side = int(np.sqrt(n_features))
    is_square = side >= _MIN_SIDE and side**2 == n_features
    return (side, side) if is_square and not hasattr(X, "columns") else None


def _draw_rows(n_samples: int, max_samples: int, random_state) -> np.ndarray:
    if n_samples <= max_samples:
        return np.arange(n_samples)
    generator = check_random_state(random_state)
    return np.sort(generator.choice(n_samples, max_samples, replace=False))


# --- what the page reads --------------------------------------------------------------


def _pack(array: np.ndarray, dtype=np.float32) -> dict[str, str]:
    """Write an array, row by row, so that the page's ``unpack`` reads it."""
    flat = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<"))
    packed = base64.b64encode(zlib.compress(flat.tobytes(), 9))
    return {"dtype": np.dtype(dtype).name, "data": packed.decode("ascii")}


def _write_layer(part: InversePart) -> dict:
    arguments = {
        name: _pack(value) if isinstance(value, np.ndarray) else value
        for name, value in part._asdict().items()
        if value is not None
    }
    return {"kind": _KINDS[type(part)], **arguments}


def _write_rows(originals: np.ndarray, image_shape, names: list[str]) -> dict:
    if image_shape is None:
        return {
            "originals": _pack(originals),
            "image_shape": None,
            "feature_names": names,
        }
    low, high = value_range(originals).values()
    pixels = np.rint((originals - low) / (high - low) * 255)
    return {
        "originals": _pack(pixels, np.uint8),
        "image_shape": image_shape,
        "low": float(low),
        "high": float(high),
    }


def _write_colors(y: np.ndarray | None, n_points: int, y_type: str, y_name) -> dict:
    """Say which point has which colour, and what is written of it."""
    name = "y" if y_name is None else str(y_name)
    shown = {"y_name": name, "names": None, "labels": None, "ends": None}
    if y is None:
        return shown | _write_one_color(n_points)
    if is_number(y, y_type):
        return shown | _write_numbers(y)
    return shown | _write_classes(y)


def _write_one_color(n_points: int) -> dict:
    return {
        "y_name": "",
        "groups": _pack(np.zeros(n_points), np.uint8),
        "colors": [COLORS[0]],
        "dark_colors": [_DARK_COLORS[0]],
    }


def _write_numbers(y: np.ndarray) -> dict:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    low, high = y.min(), y.max()
    position = (y - low) / (high - low) if high > low else np.zeros(len(y))
    shades = [
        to_hex(shade) for shade in colormaps["viridis"](np.linspace(0, 1, _N_SHADES))
    ]
    # A date is written as one, and a number with the digits that tell it from others.
    write = str if is_date(y) else "{:.6g}".format
    return {
        "groups": _pack(np.rint(position * (_N_SHADES - 1)), np.uint8),
        "colors": shades,
        "dark_colors": shades,
        "labels": [write(value) for value in y],
        "ends": [write(low), write(high)],
    }


def _write_classes(y: np.ndarray) -> dict:
    names, n_others, groups = number_classes(y)
    others = [f"{n_others} others"] if n_others else []
    n_names = len(names)
    return {
        "groups": _pack(groups, np.uint8),
        "names": names + others,
        "colors": _repeat(COLORS, n_names) + [OTHERS_COLOR] * len(others),
        "dark_colors": _repeat(_DARK_COLORS, n_names) + [OTHERS_COLOR] * len(others),
        "labels": [str(value) for value in y],
    }


def _repeat(colors: tuple[str, ...], n_colors: int) -> list[str]:
    return [colors[i % len(colors)] for i in range(n_colors)]


# --- the page -------------------------------------------------------------------------


def _fill_page(title: str, data: dict) -> str:
    # Only "<" could end the script element, and JSON can write it otherwise.
    written = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    page = string.Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=html.escape(title),
        css=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        decode_js=(_FOLDER / "decode.js").read_text(encoding="utf-8"),
        page_js=(_FOLDER / "page.js").read_text(encoding="utf-8"),
        data=written,
    )
