"""Weights that are transposed in memory: which ones, and as what."""

import pytest
import torch

from sknn_deep.gradients._layout import (
    is_faster_transposed,
    is_stored_transposed,
    view_part,
)


@pytest.mark.parametrize(
    "n_in, n_out, dtype, expected",
    [
        (4, 100, torch.float32, True),
        (30, 100, torch.float32, True),
        (30, 100, torch.float64, True),
        (61, 32, torch.float32, True),
        (61, 32, torch.float64, False),  # rows of 488 bytes
        (784, 128, torch.float32, False),
        (48, 100, torch.float32, False),  # three whole registers
        (30, 10, torch.float32, False),  # rows of the transposed are shorter
    ],
)
def test_weights_of_few_features_and_many_units_are_transposed(
    n_in, n_out, dtype, expected
):
    assert is_faster_transposed(torch.empty(n_out, n_in, dtype=dtype)) is expected


def test_biases_and_weights_elsewhere_are_not_transposed():
    assert not is_faster_transposed(torch.empty(100))
    assert not is_faster_transposed(torch.empty(100, 4, device="meta"))


@pytest.mark.parametrize("shape", [(2, 3), (4, 2, 3)])
def test_lay_views_the_buffer(shape):
    buffer = torch.arange(torch.Size(shape).numel())

    as_it_is = view_part(buffer, shape, transposed=False)
    transposed = view_part(buffer, shape, transposed=True)

    assert as_it_is.shape == transposed.shape == shape
    assert as_it_is.data_ptr() == transposed.data_ptr() == buffer.data_ptr()
    assert as_it_is.flatten().tolist() == buffer.tolist()
    assert transposed.mT.flatten().tolist() == buffer.tolist()


def test_arrays_that_lie_both_ways_or_none_do_not_lie_transposed():
    assert is_stored_transposed(torch.rand(3, 2).mT)
    assert is_stored_transposed(torch.rand(4, 3, 2).mT)
    assert not is_stored_transposed(torch.rand(3, 2))
    assert not is_stored_transposed(torch.rand(1, 3))
    assert not is_stored_transposed(torch.rand(3))
    assert not is_stored_transposed(torch.rand(4, 6)[:, ::2])
