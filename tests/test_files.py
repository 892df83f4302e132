"""Paths of files, and what is passed in their place."""

import os

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sknn_deep import MLPClassifier, save, to_onnx
from sknn_deep.inspection import latent_space_to_html

X = np.random.default_rng(0).normal(size=(20, 3))
Y = np.arange(20) % 2


@pytest.fixture(scope="module")
def models():
    clf = MLPClassifier((2,), max_iter=1, learning_rate="cosine", random_state=0)
    return {"clf": clf.fit(X, Y), "pca": PCA(2).fit(X)}


@pytest.mark.parametrize(
    ("function", "args", "call", "got"),
    [
        (save, ("m.sknn", "clf"), "save(estimator, path)", "MLPClassifier"),
        (to_onnx, ("m", "clf"), "to_onnx(estimator, path, X)", "MLPClassifier"),
        (to_onnx, ("clf", X, "m"), "to_onnx(estimator, path, X)", "ndarray"),
        *(
            (
                latent_space_to_html,
                args,
                "latent_space_to_html(estimator, X, path, y)",
                got,
            )
            for args, got in [
                (("pca", "page.html", X), "ndarray"),
                (("pca", "page.html", X, Y), "ndarray"),
                (("page.html", "pca", X), "ndarray"),
                (("pca", X, Y, "page.html"), "ndarray"),
                (("pca", X, None), "NoneType"),
            ]
        ),
    ],
)
def test_arguments_in_another_order_are_told_the_order(
    function, args, call, got, models, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    args = [models.get(arg, arg) if isinstance(arg, str) else arg for arg in args]

    with pytest.raises(TypeError) as caught:
        function(*args)

    assert str(caught.value) == (
        f"path of {call} must be a str or a Path. Got {got}: pass the arguments in "
        "this order, or by their names."
    )
    assert os.listdir() == []


def test_rows_before_the_estimator_are_told_the_order(models, tmp_path):
    with pytest.raises(TypeError) as caught:
        latent_space_to_html(X, models["pca"], tmp_path / "page.html")

    assert str(caught.value) == (
        "latent_space_to_html(estimator, X, path, y) needs an estimator with "
        "`transform`. Got ndarray, which has none."
    )
