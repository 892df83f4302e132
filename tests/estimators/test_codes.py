"""Codes of an autoencoder: layers, names, shapes, and how much comes back."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_s_curve
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import scale

from sknn_deep import AutoencoderTransformer
from tests.estimators.fits import make
from tests.requirements import since_scikit_learn_sees_polars


# B56: y is taken and ignored, as Pipelines pass it.
@pytest.mark.must_never("B56")
def test_y_is_taken_and_ignored(cancer):
    X, y = cancer
    codes = make(AutoencoderTransformer).fit(X).transform(X)

    assert_array_equal(make(AutoencoderTransformer).fit(X, y).transform(X), codes)
    assert_array_equal(make(AutoencoderTransformer).fit_transform(X), codes)
    assert_array_equal(make(AutoencoderTransformer).fit_transform(X, y), codes)
    pipe = make_pipeline(make(AutoencoderTransformer), LogisticRegression()).fit(X, y)
    assert pipe.score(X, y) > 0.8


# B57: No unit of a code is dead from the start.
@pytest.mark.must_never("B57")
def test_no_code_dies(cancer):
    X, _ = cancer
    X = X[:100, :8]
    for seed in range(20):
        codes = make(
            AutoencoderTransformer, n_components=3, max_iter=3, random_state=seed
        ).fit_transform(X)

        assert (codes.std(axis=0) > 1e-3).all()
        assert codes.min() < 0


# B58: Negative data are reconstructed.
@pytest.mark.must_never("B58")
def test_negative_data_are_reconstructed(cancer):
    X, _ = cancer
    ae = AutoencoderTransformer(n_components=5, max_iter=40, random_state=0).fit(X)

    back = ae.inverse_transform(ae.transform(X))

    assert X.min() < -1 and back.min() < -1
    assert np.mean((back - X) ** 2) < 0.2 * np.mean(X**2)
    assert ae.score(X) > 0.8


# B59: Codes of one row or in a frame come back in X's shape, and those of another width
# are refused.
@pytest.mark.must_never("B59")
def test_codes_come_back_in_the_shape_of_X(cancer):
    X, _ = cancer
    ae = make(AutoencoderTransformer, n_components=3).fit(X)
    codes = ae.transform(X)

    assert ae.inverse_transform(codes).shape == X.shape
    assert ae.inverse_transform(codes[:1]).shape == (1, X.shape[1])
    frame = pd.DataFrame(codes, columns=ae.get_feature_names_out())
    assert_array_equal(ae.inverse_transform(frame), ae.inverse_transform(codes))
    message = (
        "X has 2 components, but AutoencoderTransformer was fitted with n_components=3."
    )
    with pytest.raises(ValueError, match=message):
        ae.inverse_transform(codes[:, :2])


# B60: Layers are what was asked for, wider ones than X among them.
@pytest.mark.must_never("B60")
def test_layers_are_what_was_asked_for(diabetes):
    X, _ = diabetes
    ae = make(
        AutoencoderTransformer,
        n_components=12,
        hidden_layer_sizes=(40, 20),
        decoder_hidden_layer_sizes=(7,),
    ).fit(X)

    shapes = [w.shape for w in ae.coefs_]
    assert shapes == [(10, 40), (40, 20), (20, 12), (12, 7), (7, 10)]
    mirrored = make(AutoencoderTransformer, hidden_layer_sizes=(40, 20)).fit(X)
    assert [w.shape[1] for w in mirrored.coefs_] == [40, 20, 2, 20, 40, 10]
    with pytest.raises(
        ValueError, match=r"X has 9 features, but .* is expecting 10 features"
    ):
        ae.transform(X[:, :9])


# B61: Codes have names, and frames keep their index.
@pytest.mark.must_never("B61")
@pytest.mark.parametrize(
    "library", ["pandas", pytest.param("polars", marks=since_scikit_learn_sees_polars)]
)
def test_codes_have_names(library, cancer):
    X, _ = cancer
    index = np.arange(len(X))[::-1] + 5
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])], index=index)
    ae = make(AutoencoderTransformer, n_components=3).set_output(transform=library)

    codes = ae.fit_transform(frame)

    names = [f"autoencodertransformer{i}" for i in range(3)]
    assert list(ae.get_feature_names_out()) == list(codes.columns) == names
    if library == "pandas":
        assert_array_equal(codes.index, index)
    columns = ColumnTransformer([("ae", ae, ["x0", "x1", "x2", "x3"])])
    union = FeatureUnion([("ae", ae), ("pca", PCA(2))])
    assert columns.fit(frame).transform(frame).shape == (200, 3)
    union.set_output(transform=library)
    assert union.fit(frame).transform(frame).shape == (200, 5)
    assert list(union.get_feature_names_out())[:3] == [f"ae__{name}" for name in names]


# B62: A higher score is a better code, in whatever unit X is.
@pytest.mark.must_never("B62")
def test_score_is_higher_for_better_and_free_of_scale(cancer):
    X, _ = cancer
    ae = AutoencoderTransformer(
        hidden_layer_sizes=(32,), max_iter=30, precision="float64", random_state=0
    )
    search = GridSearchCV(ae, {"n_components": [1, 8]}, cv=2).fit(X)

    assert search.best_params_ == {"n_components": 8}
    fitted = search.best_estimator_
    back = fitted.inverse_transform(fitted.transform(X))
    explained = 1 - np.sum((X - back) ** 2) / np.sum((X - X.mean(axis=0)) ** 2)
    assert fitted.score(X) == pytest.approx(explained)
    # A linear network for X * 1000 that does the same, and is scored the same.
    linear = make(AutoencoderTransformer, hidden_layer_sizes=(), n_components=2).fit(X)
    score = linear.score(X)
    with torch.no_grad():
        linear.net_.module_.encoder[0].dense.weight.div_(1000)
        linear.net_.module_.decoder[0].dense.weight.mul_(1000)
        linear.net_.module_.decoder[0].dense.bias.mul_(1000)
    assert linear.score(1000 * X) == pytest.approx(score, rel=1e-6)


# B63: A curved surface is found better than by PCA, and a linear network comes near to
# it.
@pytest.mark.must_never("B63")
def test_a_curved_manifold_is_found_better_than_by_pca():
    X, _ = make_s_curve(400, random_state=0)
    X = scale(X)

    ae = AutoencoderTransformer(batch_size=32, max_iter=50, random_state=0)

    score = ae.fit(X).score(X)

    unexplained = 1 - PCA(2).fit(X).explained_variance_ratio_.sum()
    assert 1 - score < unexplained / 3


@pytest.mark.must_never("B63")
def test_a_linear_network_comes_within_five_percent_of_pca(digits):
    X = digits.X
    ae = AutoencoderTransformer(
        n_components=8,
        hidden_layer_sizes=(),
        activation="identity",
        batch_size=32,
        max_iter=40,
        random_state=0,
    )

    back = ae.inverse_transform(ae.fit_transform(X))

    pca = PCA(8).fit(X)
    best = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
    assert best * 0.999 < np.mean((back - X) ** 2) < 1.05 * best


# B64: Codes go to TSNE as they are.
@pytest.mark.must_never("B64")
def test_codes_go_to_tsne_as_they_are(digits):
    codes = make(AutoencoderTransformer, n_components=6).fit_transform(digits.X[:80])

    assert codes.dtype.kind == "f" and codes.flags.c_contiguous
    assert np.isfinite(codes).all()
    embedded = TSNE(perplexity=10, max_iter=250).fit_transform(codes)
    assert embedded.shape == (80, 2) and np.isfinite(embedded).all()
