"""Which trainings leave out zeros."""

import numpy as np
import pytest
import torch

import sknn_deep.rows._without_zeros as without_zeros_file
from sknn_deep.rows._without_zeros import Training, _guess_densities, leave_out_zeros
from tests.rows.arrays import few_numbers

TRAINING = Training(batch_size=1000, n_rows=3000, n_epochs=20, n_units=128)
TYPES = [torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_dense", [0, 20])
def test_many_zeros_are_worth_leaving_out(dtype, n_dense):
    X = few_numbers(dtype=dtype, n_dense=n_dense)

    assert leave_out_zeros(X, TRAINING) is not None


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
    of_X = {k: v for k, v in changed.items() if k not in TRAINING._fields}
    of_training = {k: v for k, v in changed.items() if k in TRAINING._fields}

    training = TRAINING._replace(**of_training)
    assert leave_out_zeros(few_numbers(**of_X), training) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_zeros_stay_where_the_copy_without_them_is_large(dtype, monkeypatch):
    X = few_numbers(dtype=dtype)
    copy = leave_out_zeros(X, TRAINING).sparse

    monkeypatch.setattr(
        without_zeros_file, "_MAX_BYTES", 1.1 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert leave_out_zeros(X, TRAINING) is not None
    monkeypatch.setattr(
        without_zeros_file, "_MAX_BYTES", 0.9 * (copy.data.nbytes + copy.indices.nbytes)
    )
    assert leave_out_zeros(X, TRAINING) is None


@pytest.mark.parametrize("n_rows", [1, 3, 512])
def test_densities_of_few_rows_are_counted(n_rows):
    X = few_numbers(n_rows, density=0.3, n_dense=2)

    expected = np.count_nonzero(X, axis=0) / n_rows
    np.testing.assert_array_equal(_guess_densities(X), expected)


def test_densities_of_many_rows_are_guessed_whatever_their_period():
    X = few_numbers(512 * 24, 20, density=0.5)
    X[::24] = 0  # of each day's hours, one

    # Of 512 rows, the share differs by more than 0.15 once in 10^10 times.
    np.testing.assert_allclose(_guess_densities(X), 0.5 * 23 / 24, atol=0.15)
