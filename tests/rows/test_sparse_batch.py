"""Products with sparse rows against those with the same rows made dense."""

import numpy as np
import pytest
import scipy.sparse
import torch

import sknn_deep.rows._sparse_batch as sparse_batch_file
from sknn_deep.rows._sparse_batch import MixedBatch, Workspace
from tests.rows.arrays import as_batch


def make_rows(n_rows=7, n_features=12, *, density=0.3, dtype=np.float64):
    return scipy.sparse.random_array(
        (n_rows, n_features),
        density=density,
        format="csr",
        dtype=dtype,
        # Until SciPy 1.15, which calls it `rng`, is the oldest.
        random_state=np.random.default_rng(0),
    )


def make_matrix(n_rows, n_columns, like):
    values = np.random.default_rng(1).normal(size=(n_rows, n_columns))
    return torch.from_numpy(values.astype(like.dtype))


def assert_products_are_those_of_dense_rows(X, tolerance=1e-14):
    batch, dense = as_batch(X), torch.from_numpy(X.toarray())
    W, D = make_matrix(X.shape[1], 5, X), make_matrix(X.shape[0], 5, X)
    out = torch.full_like(W, torch.nan)

    product = batch.product(W)
    batch.transposed_product(D, out)

    assert batch.shape == X.shape
    assert product.dtype == out.dtype == dense.dtype
    torch.testing.assert_close(product, dense @ W, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(out, dense.T @ D, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("dtype, tolerance", [("f8", 1e-14), ("f4", 1e-6)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_products_are_those_of_dense_rows(kind, dtype, tolerance, density):
    X = kind(make_rows(density=density, dtype=dtype))

    assert_products_are_those_of_dense_rows(X, tolerance)


@pytest.mark.parametrize("shape", [(1, 12), (7, 1), (0, 3)])
def test_products_of_any_shape_are_those_of_dense_rows(shape):
    assert_products_are_those_of_dense_rows(make_rows(*shape, density=0.5))


@pytest.mark.parametrize("n_elements", [1, 5, 13, 60])
def test_transposed_product_is_the_same_in_any_pieces(monkeypatch, n_elements):
    monkeypatch.setattr(sparse_batch_file, "_ELEMENTS_AT_ONCE", n_elements)

    assert_products_are_those_of_dense_rows(make_rows())


def test_products_count_entries_that_are_there_twice():
    X = scipy.sparse.csr_array(
        (np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])),
        shape=(2, 3),
    )

    assert_products_are_those_of_dense_rows(X)


def test_products_in_bfloat16_are_those_in_float32_rounded():
    X = make_rows(40, dtype="f4")
    W, D = (make_matrix(n, 5, X).to(torch.bfloat16) for n in (12, 40))
    batch, dense = as_batch(X), torch.from_numpy(X.toarray())
    out = torch.empty(12, 5, dtype=torch.bfloat16)

    product = batch.product(W)
    batch.transposed_product(D, out)

    torch.testing.assert_close(product, (dense @ W.float()).to(torch.bfloat16))
    torch.testing.assert_close(out, (dense.T @ D.float()).to(torch.bfloat16))


def test_products_take_numbers_of_64_bits():
    X = make_rows()
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)

    assert_products_are_those_of_dense_rows(X)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.5])
def test_product_takes_weights_that_lie_otherwise(density):
    X = make_rows(4, 100, density=density)
    W = make_matrix(5, 100, X).mT

    product = as_batch(X).product(W)

    torch.testing.assert_close(product, torch.from_numpy(X.toarray()) @ W)


def test_transposed_product_writes_to_a_transposed_array():
    X = make_rows()
    D, out = make_matrix(7, 5, X), torch.empty(5, 12, dtype=torch.float64)

    as_batch(X).transposed_product(D, out.mT)

    torch.testing.assert_close(out, D.mT @ torch.from_numpy(X.toarray()))


def test_rows_that_are_sliced_or_taken_are_those_rows():
    X = make_rows(20)
    batch = as_batch(X)
    rows = np.array([3, 19, 0, 3])

    taken = batch.take(rows, into=Workspace(), workspace=Workspace())
    for part, expected in [(batch.slice(5, 9), X[5:9]), (taken, X[rows])]:
        D, out = make_matrix(4, 5, X), torch.empty(12, 5, dtype=torch.float64)
        part.transposed_product(D, out)

        unit = torch.eye(12, dtype=torch.float64)
        np.testing.assert_array_equal(part.product(unit), expected.toarray())
        torch.testing.assert_close(out, torch.from_numpy(expected.T @ D.numpy()))


def test_products_of_mixed_rows_are_those_of_dense_ones():
    X = make_rows(20).toarray()
    columns = torch.tensor([2, 7, 11])
    dense = make_matrix(20, 3, X)
    rest = X.copy()
    rest[:, columns] = 0
    X[:, columns] = dense
    batch = MixedBatch(as_batch(scipy.sparse.csr_array(rest)), dense, columns)
    W, D = make_matrix(12, 5, X), make_matrix(20, 5, X)
    out = torch.full_like(W, torch.nan)

    product = batch.product(W)
    batch.transposed_product(D, out)

    assert batch.shape == X.shape
    torch.testing.assert_close(product, torch.from_numpy(X) @ W)
    torch.testing.assert_close(out, torch.from_numpy(X).T @ D)
