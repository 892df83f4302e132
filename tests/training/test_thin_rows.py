"""Rows without their zeros: the same numbers, where leaving them out is faster."""

import numpy as np
import pytest
import scipy.sparse
import torch

import sknn_deep.training._thin_rows as thin_rows_file
from sknn_deep.training._thin_rows import (
    ThinRows,
    find_numbers,
    guess_densities,
    is_worth_thinning,
    thin,
)
from tests.training.arrays import as_batch

N_UNITS = 128


TYPES = [torch.bfloat16, torch.float32, torch.float64]


def make_X(
    n_rows=3000, n_features=200, *, density=0.02, n_dense=0, dtype=torch.float32
):
    """Make rows of few numbers that are not zero, but in the last columns."""
    rng = np.random.default_rng(0)
    is_there = rng.random((n_rows, n_features)) < density
    is_there[:, n_features - n_dense :] = True
    return torch.from_numpy(is_there * rng.normal(size=is_there.shape)).to(dtype)


def as_dense(batch, dtype=torch.float32):
    """Make an array of a batch, by its product with the unit matrix."""
    return batch.product(torch.eye(batch.shape[1], dtype=dtype))


# --- whether ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_dense", [0, 20])
def test_many_zeros_are_worth_leaving_out(dtype, n_dense):
    X = make_X(dtype=dtype, n_dense=n_dense)

    assert is_worth_thinning(X, batch_size=1000, n_units=N_UNITS, n_epochs=20)


@pytest.mark.parametrize(
    "changed",
    [
        {"density": 0.5},
        {"n_dense": 190},
        {"batch_size": 10},
        {"batch_size": 150},
        {"n_epochs": 1},
        {"n_features": 10},
        {"n_units": 1},
        {"dtype": torch.int32},
    ],
    ids=str,
)
def test_zeros_stay_where_leaving_them_out_is_not_faster(changed):
    sizes = {"batch_size": 1000, "n_units": N_UNITS, "n_epochs": 20}
    of_X = {k: v for k, v in changed.items() if k not in sizes}
    of_training = {k: v for k, v in changed.items() if k in sizes}

    assert not is_worth_thinning(make_X(**of_X), **{**sizes, **of_training})


def test_zeros_stay_where_the_copy_without_them_is_large(monkeypatch):
    X = make_X()
    options = {"batch_size": 1000, "n_units": N_UNITS, "n_epochs": 20}
    copy = thin(X, N_UNITS).sparse

    monkeypatch.setattr(
        thin_rows_file, "_MAX_BYTES", 1.1 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert is_worth_thinning(X, **options)
    monkeypatch.setattr(
        thin_rows_file, "_MAX_BYTES", 0.9 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert not is_worth_thinning(X, **options)


@pytest.mark.parametrize("n_rows", [1, 3, 512])
def test_densities_of_few_rows_are_counted(n_rows):
    X = make_X(n_rows, density=0.3, n_dense=2)

    expected = np.count_nonzero(X, axis=0) / n_rows
    np.testing.assert_array_equal(guess_densities(X), expected)


def test_densities_of_many_rows_are_guessed_whatever_their_period():
    X = make_X(512 * 24, 20, density=0.5)
    X[::24] = 0  # of each day's hours, one

    # Of 512 rows, the share differs by more than 0.15 once in 10^10 times.
    np.testing.assert_allclose(guess_densities(X), 0.5 * 23 / 24, atol=0.15)


# --- how --------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 70, 2**19])
@pytest.mark.parametrize("is_fortran", [False, True])
def test_numbers_are_those_that_scipy_finds(monkeypatch, at_once, is_fortran):
    X = make_X(30, 20, density=0.3)
    X[3], X[5, 4] = 0, -0.0
    expected = scipy.sparse.csr_array(X.numpy())
    if is_fortran:
        X = X.mT.contiguous().mT
    monkeypatch.setattr(thin_rows_file, "_SEARCHED_ELEMENTS", at_once)

    found = find_numbers(X, np.ones(20, bool), n_numbers=expected.nnz)

    assert found.shape == (30, 20)
    for name in ("data", "indices", "indptr"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_numbers_are_those_of_the_columns_that_are_searched():
    X = make_X(30, 20, density=0.3)
    is_searched = np.arange(20) % 3 != 0
    expected = scipy.sparse.csr_array(X.numpy()[:, is_searched])

    found = find_numbers(X, is_searched, n_numbers=expected.nnz)

    assert found.shape == expected.shape
    np.testing.assert_array_equal(as_dense(found), expected.toarray())


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_dense", [0, 5, 200])
def test_thin_rows_are_the_rows(dtype, n_dense):
    X = make_X(500, density=0.01, n_dense=n_dense, dtype=dtype)
    index = torch.tensor([7, 0, 499, 7])

    rows = thin(X, N_UNITS)

    assert rows.shape == X.shape
    assert (rows.dense is None) == (n_dense == 0)
    order = torch.arange(200).roll(n_dense)
    if n_dense:
        torch.testing.assert_close(rows.order, order)
    assert rows.density == pytest.approx(torch.count_nonzero(X).item() / X.numel())
    for batch, expected in [
        (rows.slice(0, 500), X),
        (rows.slice(20, 30), X[20:30]),
        (rows.take(index), X[index]),
    ]:
        torch.testing.assert_close(
            as_dense(batch, dtype), expected[:, order], rtol=0, atol=0
        )


def test_rows_that_are_taken_overwrite_those_before():
    rows = thin(make_X(50, n_dense=5), N_UNITS)

    def memory_of(batch):
        sparse = batch.sparse
        return sparse.data, sparse.transposed.data, batch.dense.numpy()

    first = memory_of(rows.take(torch.arange(40)))
    second = memory_of(rows.take(torch.arange(10)))

    for ours, before in zip(second, first, strict=True):
        assert np.shares_memory(ours, before)
        assert not np.shares_memory(ours, rows.sparse.data)
        assert not np.shares_memory(ours, rows.dense.numpy())


def test_thin_rows_come_in_the_type_that_is_computed_in():
    X = scipy.sparse.csr_array(make_X(50, dtype=torch.float64).numpy())
    rows = ThinRows(as_batch(X), torch.float32)

    for batch in (rows.take(torch.arange(5)), rows.slice(0, 5)):
        assert batch.data.dtype == np.float32
        np.testing.assert_allclose(as_dense(batch), X[:5].toarray(), rtol=1e-6)
