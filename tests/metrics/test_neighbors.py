"""Scores of codes by neighbors."""

import functools
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import trustworthiness
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV

from sknn_deep.metrics import neighbors_accuracy_scorer, trustworthiness_scorer

IRIS, SPECIES = load_iris(return_X_y=True)


def test_trustworthiness_scorer_is_scikit_learns():
    pca = PCA(1).fit(IRIS)

    expected = trustworthiness(IRIS, pca.transform(IRIS), n_neighbors=5)
    assert trustworthiness_scorer(pca, IRIS) == expected
    scorer = functools.partial(trustworthiness_scorer, n_neighbors=9, metric="cosine")
    assert scorer(pca, IRIS) == trustworthiness(
        IRIS, pca.transform(IRIS), n_neighbors=9, metric="cosine"
    )


def test_trustworthiness_scorer_takes_sparse_rows():
    svd = TruncatedSVD(2, random_state=0).fit(IRIS)

    score = trustworthiness_scorer(svd, csr_matrix(IRIS))
    assert_allclose(score, trustworthiness_scorer(svd, IRIS), rtol=1e-3)


def test_trustworthiness_scorer_looks_at_3000_rows_at_most():
    X = np.random.default_rng(0).normal(size=(3100, 3))
    pca = PCA(2).fit(X)

    rows = np.random.RandomState(0).permutation(3100)[:3000]
    expected = trustworthiness(X[rows], pca.transform(X)[rows], n_neighbors=5)
    assert trustworthiness_scorer(pca, X) == expected


@pytest.mark.parametrize("n_neighbors", [1, 4, 5])
def test_neighbors_accuracy_scorer_lets_the_nearest_others_vote(n_neighbors):
    pca = PCA(2).fit(IRIS)
    distances = pairwise_distances(pca.transform(IRIS))
    right = []
    for i, row in enumerate(distances):
        row[i] = np.inf
        votes = np.bincount(SPECIES[np.argsort(row)[:n_neighbors]], minlength=3)
        right.append(np.flatnonzero(votes == votes.max())[0] == SPECIES[i])

    names = np.array(["a", "b", "c"])[SPECIES]
    score = neighbors_accuracy_scorer(pca, IRIS, names, n_neighbors=n_neighbors)
    # Rows that are equally far may stand in each other's place.
    assert score == pytest.approx(np.mean(right), abs=0.01)


def test_scorers_choose_in_a_search():
    scoring = {
        "trust": trustworthiness_scorer,
        "accuracy": neighbors_accuracy_scorer,
    }
    grid = {"n_components": [1, 3]}
    search = GridSearchCV(PCA(), grid, scoring=scoring, refit="trust", cv=3)
    search.fit(IRIS, SPECIES)

    assert search.best_params_ == {"n_components": 3}
    assert np.isfinite(search.cv_results_["mean_test_accuracy"]).all()


def test_neighbors_accuracy_scorer_without_classes_says_what_to_do():
    message = re.escape(
        "neighbors_accuracy_scorer needs the classes of the rows. Got y=None: pass y "
        "to `fit` of the search."
    )
    with pytest.raises(ValueError, match=message):
        neighbors_accuracy_scorer(PCA(2).fit(IRIS), IRIS, None)


@pytest.mark.parametrize(
    ("scorer", "n_rows"), [(trustworthiness_scorer, 10), (neighbors_accuracy_scorer, 5)]
)
def test_scorers_say_how_many_rows_they_need(scorer, n_rows):
    pca, rows = PCA(2).fit(IRIS), slice(0, 150, 150 // n_rows)
    message = re.escape(
        f"{scorer.__name__} with n_neighbors=5 needs more than {n_rows} rows. Got "
        f"{n_rows}: score more rows, or take fewer neighbors"
    )
    with pytest.raises(ValueError, match=message):
        scorer(pca, IRIS[rows], SPECIES[rows])
