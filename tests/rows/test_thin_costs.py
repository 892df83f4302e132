"""Where leaving out zeros is faster."""

import numpy as np
import pytest
import torch

import sknn_deep.rows._thin_costs as thin_costs_file
from sknn_deep.rows._thin_costs import guess_densities, is_worth_thinning
from sknn_deep.rows._thin_rows import thin
from tests.rows.arrays import few_numbers

N_UNITS = 128
TYPES = [torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_dense", [0, 20])
def test_many_zeros_are_worth_leaving_out(dtype, n_dense):
    X = few_numbers(dtype=dtype, n_dense=n_dense)

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

    assert not is_worth_thinning(few_numbers(**of_X), **{**sizes, **of_training})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_zeros_stay_where_the_copy_without_them_is_large(dtype, monkeypatch):
    X = few_numbers(dtype=dtype)
    options = {"batch_size": 1000, "n_units": N_UNITS, "n_epochs": 20}
    copy = thin(X, N_UNITS).sparse

    monkeypatch.setattr(
        thin_costs_file, "_MAX_BYTES", 1.1 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert is_worth_thinning(X, **options)
    monkeypatch.setattr(
        thin_costs_file, "_MAX_BYTES", 0.9 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert not is_worth_thinning(X, **options)


@pytest.mark.parametrize("n_rows", [1, 3, 512])
def test_densities_of_few_rows_are_counted(n_rows):
    X = few_numbers(n_rows, density=0.3, n_dense=2)

    expected = np.count_nonzero(X, axis=0) / n_rows
    np.testing.assert_array_equal(guess_densities(X), expected)


def test_densities_of_many_rows_are_guessed_whatever_their_period():
    X = few_numbers(512 * 24, 20, density=0.5)
    X[::24] = 0  # of each day's hours, one

    # Of 512 rows, the share differs by more than 0.15 once in 10^10 times.
    np.testing.assert_allclose(guess_densities(X), 0.5 * 23 / 24, atol=0.15)
