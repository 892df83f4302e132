"""The graph of neighbors: searched for, or given."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph

from sknn_deep.neighbors import NeighborGraph, _graph, find_neighbors
from sknn_deep.neighbors._approximate import approximate_rows
from sknn_deep.neighbors._exact import nearest_rows


def make_rows(n_rows=60):
    return np.random.default_rng(0).normal(size=(n_rows, 4))


def as_matrix(graph):
    ones = np.ones(len(graph.indices))
    shape = (len(graph), len(graph))
    return csr_array((ones, graph.indices, graph.indptr), shape=shape).toarray()


def test_find_neighbors_equals_scikit_learns_graph():
    X = make_rows()

    graph = find_neighbors(X, 5, "euclidean", owner="Some")
    assert_array_equal(as_matrix(graph), kneighbors_graph(X, 5).toarray())


def test_find_neighbors_by_cosine_equals_scikit_learns_graph():
    X = make_rows()

    graph = find_neighbors(X, 5, "cosine", owner="Some")
    expected = kneighbors_graph(X, 5, metric="cosine")
    assert_array_equal(as_matrix(graph), expected.toarray())


def make_far_groups():
    """Rows in two groups, a thousand times as far apart as those of one are."""
    return make_rows(400) + 3000.0 * (np.arange(400) % 2)[:, None]


def make_far_from_zero():
    return make_rows(400) + 1e4


@pytest.mark.parametrize("make", [make_far_groups, make_far_from_zero])
@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_find_neighbors_of_float32_rows_that_are_far_away(make, form):
    X = make().astype(np.float32)

    graph = find_neighbors(form(X), 5, "euclidean", owner="Some")
    expected = kneighbors_graph(X.astype(np.float64), 5)
    assert_array_equal(as_matrix(graph), expected.toarray())


@pytest.mark.parametrize(("n_rows", "n_found"), [(1, 0), (2, 1), (4, 3), (9, 5)])
def test_find_neighbors_takes_all_others_where_there_are_few(n_rows, n_found):
    graph = find_neighbors(make_rows(n_rows), 5, "euclidean", owner="Some")

    assert_array_equal(np.diff(graph.indptr), n_found)
    assert len(graph) == n_rows


def test_graph_of_a_matrix_has_its_entries_but_zeros_and_the_diagonal():
    matrix = csr_array(np.array([[5.0, 0, 0.1], [0, 1, 0], [-2, 0, 0]]))
    matrix[0, 2] = 0.0  # stays an entry

    graph = NeighborGraph.of_matrix(matrix)
    assert_array_equal(graph.indptr, [0, 0, 0, 1])
    assert_array_equal(graph.indices, [0])


def test_graph_and_matrix_are_the_same():
    matrix = kneighbors_graph(make_rows(), 4)

    graph = NeighborGraph.of_matrix(matrix)
    assert_array_equal(as_matrix(graph), matrix.toarray())


def test_find_neighbors_refuses_numbers_without_distances():
    X = make_rows() * 1e300

    with pytest.raises(
        ValueError, match=r"^Some cannot compute the distances of these "
    ):
        find_neighbors(X, 5, "euclidean", owner="Some")


def test_find_neighbors_says_how_many_there_are():
    with pytest.warns(UserWarning) as caught:
        graph = find_neighbors(make_rows(), 60, "euclidean", owner="Some")
    assert [str(w.message) for w in caught] == [
        "n_neighbors=60 of Some is clipped to all 59 other rows, which tells near from "
        "far no more: take fewer."
    ]
    assert len(graph.indices) == 60 * 59

    find_neighbors(make_rows(), 59, "euclidean", owner="Some")  # as many as there are
    find_neighbors(make_rows(10), 15, "euclidean", owner="Some")  # the default


def test_find_neighbors_of_too_many_rows_says_what_helps(monkeypatch):
    monkeypatch.setattr(_graph, "MAX_EXACT_ROWS", 59)
    monkeypatch.setattr(_graph, "can_approximate", lambda: False)

    with pytest.warns(UserWarning, match=r"each of 60 rows .* pynndescent installed"):
        graph = find_neighbors(make_rows(), 5, "euclidean", owner="Some")
    assert len(graph.indices) == 300


def test_find_neighbors_of_too_many_rows_approximates(monkeypatch):
    monkeypatch.setattr(_graph, "MAX_EXACT_ROWS", 59)
    monkeypatch.setattr(_graph, "can_approximate", lambda: True)
    asked = []

    def approximate(points, n_neighbors):
        asked.append((len(points), n_neighbors))
        return nearest_rows(points, n_neighbors)

    monkeypatch.setattr(_graph, "approximate_rows", approximate)
    find_neighbors(make_rows(), 5, "euclidean", owner="Some")
    assert asked == [(60, 5)]


@pytest.mark.filterwarnings("ignore")  # numba's
def test_approximate_rows_are_most_of_the_exact_ones():
    pytest.importorskip("pynndescent", reason="pynndescent is not installed")
    points = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    points[1000:1010] = points[:10]  # equal rows

    found, exact = approximate_rows(points, 10), nearest_rows(points, 10)
    assert found.shape == exact.shape and found.dtype == np.int32
    assert (found != np.arange(2000)[:, None]).all()
    shared = [len(set(a) & set(b)) for a, b in zip(found, exact, strict=True)]
    assert np.mean(shared) > 9.5


def test_find_neighbors_shows_what_verbose_asks_for(capsys):
    for verbose in (False, True, 2):
        find_neighbors(make_rows(), 5, "euclidean", verbose=verbose, owner="Some")
    captured = capsys.readouterr()

    assert captured.out.startswith("Neighbors of 60 rows found in ")
    assert len(captured.out.splitlines()) == 1
    assert "neighbors" in captured.err
