"""Rows without their zeros: the same numbers."""

import numpy as np
import pytest
import scipy.sparse
import torch

import sknn_deep.rows._nonzero_rows as nonzero_rows_file
from sknn_deep.rows._nonzero_rows import (
    copy_nonzeros,
    count_nonzeros,
    find_nonzeros,
    wrap_matrix,
)
from tests.rows.arrays import few_numbers

TYPES = [torch.bfloat16, torch.float32, torch.float64]


def as_dense(batch, dtype=torch.float32):
    """Make an array of a batch, by its product with the unit matrix."""
    return batch.product(torch.eye(batch.shape[1], dtype=dtype))


def without_zeros(X):
    """Copy the nonzeros of all columns that have a zero in seven of ten rows."""
    counts = count_nonzeros(X)
    return copy_nonzeros(X, counts, is_sparse=counts < 0.3 * len(X))


@pytest.mark.parametrize("at_once", [1, 70, 2**19])
@pytest.mark.parametrize("is_fortran", [False, True])
def test_nonzeros_are_those_that_scipy_finds(monkeypatch, at_once, is_fortran):
    X = few_numbers(30, 20, density=0.3)
    X[3], X[5, 4] = 0, -0.0
    expected = scipy.sparse.csr_array(X.numpy())
    if is_fortran:
        X = X.mT.contiguous().mT
    monkeypatch.setattr(nonzero_rows_file, "_SEARCHED_ELEMENTS", at_once)

    found = find_nonzeros(X, np.ones(20, bool), n_nonzeros=expected.nnz)

    assert found.shape == (30, 20)
    for name in ("data", "indices", "indptr"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_nonzeros_are_those_of_the_columns_that_are_searched():
    X = few_numbers(30, 20, density=0.3)
    is_searched = np.arange(20) % 3 != 0
    expected = scipy.sparse.csr_array(X.numpy() * is_searched)

    found = find_nonzeros(X, is_searched, n_nonzeros=expected.nnz)

    assert found.shape == (30, 20)
    np.testing.assert_array_equal(as_dense(found), expected.toarray())


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_dense", [0, 5, 200])
def test_nonzero_rows_are_the_rows(dtype, n_dense):
    X = few_numbers(500, density=0.01, n_dense=n_dense, dtype=dtype)
    index = torch.tensor([7, 0, 499, 7])

    rows = without_zeros(X)

    assert rows.shape == X.shape
    assert (rows.dense is None) == (n_dense == 0)
    if n_dense:
        torch.testing.assert_close(rows.columns, torch.arange(200 - n_dense, 200))
    assert rows.density == pytest.approx(torch.count_nonzero(X).item() / X.numel())
    for batch, expected in [
        (rows.slice(0, 500), X),
        (rows.slice(20, 30), X[20:30]),
        (rows.take(index), X[index]),
    ]:
        torch.testing.assert_close(as_dense(batch, dtype), expected, rtol=0, atol=0)


def test_rows_that_are_taken_overwrite_those_before():
    rows = without_zeros(few_numbers(50, n_dense=5))

    def memory_of(batch):
        sparse = batch.sparse
        return sparse.data, sparse.transposed.data, batch.dense.numpy()

    first = memory_of(rows.take(torch.arange(40)))
    second = memory_of(rows.take(torch.arange(10)))

    for ours, before in zip(second, first, strict=True):
        assert np.shares_memory(ours, before)
        assert not np.shares_memory(ours, rows.sparse.data)
        assert not np.shares_memory(ours, rows.dense.numpy())


def test_nonzero_rows_come_in_the_type_that_is_computed_in():
    X = scipy.sparse.csr_array(few_numbers(50, dtype=torch.float64).numpy())
    rows = wrap_matrix(X, torch.float32)

    for batch in (rows.take(torch.arange(5)), rows.slice(0, 5)):
        assert batch.data.dtype == np.float32
        np.testing.assert_allclose(as_dense(batch), X[:5].toarray(), rtol=1e-6)
