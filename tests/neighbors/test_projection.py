"""Rows as a few numbers whose distances stand for those of all features."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from sknn_deep.neighbors._projection import MAX_COMPONENTS, project_rows
from sknn_deep.rows import MappedArray


def make_rows(n_rows, n_features, *, rank=None, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    if rank is not None:
        X = rng.normal(size=(n_rows, rank)) @ rng.normal(size=(rank, n_features))
    return (X + 3).astype(dtype)


WIDTHS = {"narrow": 8, "wide": 80}


@pytest.mark.parametrize("n_features", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("make", [np.asarray, csr_matrix], ids=["dense", "sparse"])
def test_projected_distances_stand_for_those_of_the_metric(n_features, metric, make):
    X = make_rows(90, n_features, rank=6)

    points = project_rows(make(X), metric)
    expected = pairwise_distances(X, metric=metric)
    if metric == "cosine":  # of unit vectors, |x - y|^2 = 2 (1 - x.y)
        expected = np.sqrt(np.maximum(2 * expected, 0))
    # 1e-7 is what the root leaves of a rounding.
    assert_allclose(pairwise_distances(points), expected, rtol=1e-6, atol=1e-6)


def test_projection_of_many_features_is_their_principal_components():
    X = make_rows(300, 120, dtype=np.float32)

    points = project_rows(X, "euclidean")
    expected = PCA(MAX_COMPONENTS, random_state=0).fit_transform(X)
    assert points.dtype == np.float32
    assert_allclose(points, expected, atol=1e-5)


@pytest.mark.parametrize("n_features", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_projection_of_a_file_is_that_of_an_array(n_features, metric):
    X = make_rows(90, n_features, rank=6)
    mapped = MappedArray(X, X.dtype, window_bytes=X.nbytes // 7)

    distances = pairwise_distances(project_rows(mapped, metric))
    expected = pairwise_distances(project_rows(X, metric))
    assert_allclose(distances, expected, rtol=1e-6, atol=1e-6)
