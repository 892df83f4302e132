"""A page to walk through codes: what its file holds, and what it decodes."""

import base64
import json
import re
import shutil
import subprocess
import zlib

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from torch import nn

from sknn_deep import AutoencoderTransformer
from sknn_deep.inspection import latent_space_to_html
from sknn_deep.inspection._latent_space_page import _FOLDER
from sknn_deep.modules import ACTIVATIONS

X, Y = load_digits(return_X_y=True)
X, Y = X[:150] / 16, Y[:150]


def make(**params):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0}
    schedule = {"learning_rate": "one_cycle", "learning_rate_init": 0.01}
    return AutoencoderTransformer(**defaults | schedule | params)


@pytest.fixture(scope="module")
def codes_of_digits():
    return make().fit(X)


def write(estimator, X, tmp_path, *args, **params):
    path = tmp_path / "page.html"
    latent_space_to_html(estimator, X, path, *args, **params)
    return path.read_text(encoding="utf-8")


def data_of(page):
    """Give the data as the page reads them, arrays unpacked."""
    written = re.search(
        r'<script id="data" type="application/json">(.*?)</script>', page
    )

    def unpack(item):
        if "dtype" not in item:
            return item
        return np.frombuffer(
            zlib.decompress(base64.b64decode(item["data"])), item["dtype"]
        )

    return json.loads(written[1], object_hook=unpack)


# --- what is decoded ------------------------------------------------------------------

# decode.js, run as the page runs it.
SCRIPT = """
let text = "";
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", () => {
  const { layers, codes } = JSON.parse(text);
  console.log(JSON.stringify(codes.map((code) => [...decode(layers, code)])));
});
"""


def decode(layers, codes):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: what the page computes cannot be run")
    given = {"layers": layers, "codes": codes}
    done = subprocess.run(
        [node, "-e", (_FOLDER / "decode.js").read_text() + SCRIPT],
        input=json.dumps(given, default=np.ndarray.tolist),
        capture_output=True,
        text=True,
        check=True,
    )
    return np.array(json.loads(done.stdout))


DECODERS = {
    "range": make(loss="binary_cross_entropy"),
    "numbers": make(normalization="layer", n_components=3),
    "random": make(variational=True, normalization="batch"),
    "scaled": make_pipeline(StandardScaler(), make(), "passthrough"),
    "projected": make_pipeline(PCA(5), MinMaxScaler(), make(n_components=2)),
    "whitened": PCA(2, whiten=True),
    **{f"{name}": make(activation=name) for name in ACTIVATIONS},
}


@pytest.mark.parametrize("name", DECODERS)
def test_page_decodes_as_inverse_transform(name, tmp_path):
    estimator = DECODERS[name].fit(X)
    data = data_of(write(estimator, X, tmp_path))
    rng = np.random.RandomState(0)
    codes = 3 * rng.normal(size=(7, data["n_components"]))

    decoded = decode(data["layers"], codes)

    assert_allclose(decoded, estimator.inverse_transform(codes), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "step", [QuantileTransformer(n_quantiles=9), PolynomialFeatures(degree=1)]
)
def test_page_of_a_step_that_no_layer_undoes_shows_rows_alone(step, tmp_path):
    estimator = make_pipeline(step, make()).fit(X)

    data = data_of(write(estimator, X, tmp_path))

    assert data["layers"] is None
    assert_allclose(data["codes"].reshape(-1, 2), estimator.transform(X), rtol=1e-6)


def test_page_of_a_decoder_of_ones_own_shows_rows_alone(tmp_path):
    halves = {"encoder": nn.Linear(64, 2), "decoder": nn.Linear(2, 64)}
    estimator = make(**halves).fit(X)

    data = data_of(write(estimator, X, tmp_path))

    assert data["layers"] is None
    assert_allclose(data["codes"].reshape(-1, 2), estimator.transform(X), rtol=1e-6)


# --- what is shown --------------------------------------------------------------------


def test_page_shows_rows_as_images(codes_of_digits, tmp_path):
    data = data_of(write(codes_of_digits, X, tmp_path, Y, y_name="digit"))

    assert data["image_shape"] == [8, 8]
    assert_allclose(data["originals"].reshape(X.shape) / 255, X, atol=0.5 / 255)
    codes = codes_of_digits.transform(X)
    assert_allclose(data["points"].reshape(-1, 2), codes, rtol=1e-6)
    assert data["names"] == [str(i) for i in range(10)]
    assert_array_equal(data["groups"], Y)
    assert data["labels"][:3] == ["0", "1", "2"]
    assert data["y_name"] == "digit"


def test_page_shows_columns_of_a_frame(tmp_path):
    iris = load_iris(as_frame=True)
    pipe = make_pipeline(StandardScaler(), make(n_components=3)).fit(iris.data)

    page = write(pipe, iris.data, tmp_path, iris.target, components=(2, 0))
    data = data_of(page)

    assert data["feature_names"] == list(iris.data.columns)
    assert_allclose(data["originals"].reshape(-1, 4), iris.data, rtol=1e-6)
    codes = pipe.transform(iris.data)
    assert_allclose(data["points"].reshape(-1, 2), codes[:, [2, 0]], rtol=1e-6)
    assert_allclose(data["codes"].reshape(-1, 3), codes, rtol=1e-6)
    assert data["axis_names"] == ["Component 2", "Component 0"]
    assert data["y_name"] == "target"


@pytest.mark.parametrize(
    ("y", "ends"),
    [
        (np.linspace(-1.5, 2, 150), ["-1.5", "2"]),
        (np.datetime64("2026-01-01") + np.arange(150), ["2026-01-01", "2026-05-30"]),
        (np.full(150, 0.5), ["0.5", "0.5"]),
    ],
    ids=["numbers", "dates", "a constant"],
)
def test_page_colors_by_number(codes_of_digits, y, ends, tmp_path):
    data = data_of(write(codes_of_digits, X, tmp_path, y))

    assert data["ends"] == ends
    assert data["names"] is None
    assert data["groups"][0] == 0
    assert np.all(np.diff(data["groups"].astype(int)) >= 0)
    assert data["groups"].max() < len(data["colors"])


def test_page_needs_no_y(codes_of_digits, tmp_path):
    data = data_of(write(codes_of_digits, X, tmp_path))

    assert data["labels"] is None
    assert len(data["colors"]) == 1


def test_page_draws_so_many_rows(codes_of_digits, tmp_path):
    params = {"max_samples": 40, "random_state": 0}

    data = data_of(write(codes_of_digits, X, tmp_path, Y, **params))
    again = data_of(write(codes_of_digits, X, tmp_path, Y, **params))

    rows = data["rows"]
    assert len(set(rows)) == 40
    assert_array_equal(again["rows"], rows)
    assert data["labels"] == [str(label) for label in Y[rows]]
    assert_allclose(data["originals"].reshape(-1, 64) / 255, X[rows], atol=0.5 / 255)


def test_page_shows_markup_in_names_as_text(codes_of_digits, tmp_path):
    markup = "</script><script>alert(1)</script>"
    y = pd.Series(np.where(Y > 4, markup, "<!-- <b>"), name=markup)

    page = write(codes_of_digits, X, tmp_path, y, title=f"$x {markup}")

    assert page.count("<script") == page.count("</script>") == 2
    assert "<!--" not in page
    data = data_of(page)
    assert set(data["labels"]) == {markup, "<!-- <b>"}
    assert data["y_name"] == markup
    assert "<h1>$x &lt;/script&gt;" in page


def test_page_names_no_other_file(codes_of_digits, tmp_path):
    page = write(codes_of_digits, X, tmp_path)

    assert not re.search(r"(src|href)\s*=|https?://|@import|url\(", page)
    assert "default-src 'none'" in page


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "params", "error", "message"),
    [
        (TSNE(), {}, TypeError, "needs an estimator with `transform`. Got TSNE"),
        (make(), {}, NotFittedError, "is not fitted yet"),
        (PCA(1).fit(X), {}, ValueError, "draws two components. Got codes with 1"),
        (PCA(2).fit(X), {"components": (0, 2)}, ValueError, "integers from 0 to 1"),
        (
            PCA(2).fit(X),
            {"image_shape": (7, 9)},
            ValueError,
            r"Got \(7, 9\), which",
        ),
        (PCA(2).fit(X), {"y": Y[:9]}, ValueError, f"each of the {len(X)} rows. Got 9."),
        (PCA(2).fit(X), {"y": Y, "y_type": "color"}, ValueError, "y_type of latent_"),
        (PCA(2).fit(X), {"max_samples": 0}, ValueError, "max_samples of latent_space_"),
    ],
)
def test_page_refuses_and_writes_nothing(estimator, params, error, message, tmp_path):
    path = tmp_path / "page.html"

    with pytest.raises(error, match=message):
        latent_space_to_html(estimator, X, path, **params)

    assert not path.exists()


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".svg", ".pdf"])
def test_page_is_no_image(suffix, codes_of_digits, tmp_path):
    path = tmp_path / f"page{suffix}"

    with pytest.raises(ValueError) as error:
        latent_space_to_html(codes_of_digits, X, str(path))
    assert str(error.value) == (
        "latent_space_to_html writes a page of HTML, not an image. Got a path that "
        f"ends in {suffix!r}: end it in '.html', or draw LatentSpaceDisplay and save "
        "its figure_."
    )
    assert not path.exists()
