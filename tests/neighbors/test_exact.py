"""The exact nearest rows, against scikit-learn's."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph

from sknn_deep.neighbors import _exact
from sknn_deep.neighbors._exact import (
    as_precise_points,
    largest_columns,
    nearest_rows,
)


def make_points(n_rows, n_components=5, *, dtype=np.float64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, n_components)).astype(dtype)


# Fewer columns than groups, a last group that is not full, and many groups.
@pytest.mark.parametrize("n_rows", [7, 63, 700])
@pytest.mark.parametrize("n_neighbors", [1, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_rows_are_those_of_scikit_learn(
    n_rows, n_neighbors, dtype, monkeypatch
):
    monkeypatch.setattr(_exact, "_BLOCK_BYTES", 1)  # blocks of the fewest rows
    points = make_points(n_rows, dtype=dtype)

    found = nearest_rows(points, n_neighbors)
    expected = kneighbors_graph(points, n_neighbors).indices.reshape(n_rows, -1)
    assert found.dtype == np.int32
    assert_array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))


def test_nearest_rows_of_ties_are_as_near_as_any():
    points = make_points(400).round()  # most rows have equals
    distances = pairwise_distances(points)
    np.fill_diagonal(distances, np.inf)

    found = nearest_rows(points, 15)
    assert (found != np.arange(400)[:, None]).all()
    assert all(len(set(row)) == 15 for row in found)
    of_found = np.sort(np.take_along_axis(distances, found.astype(int), axis=1))
    assert_allclose(of_found, np.sort(distances, axis=1)[:, :15], atol=1e-7)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has"
)
def test_nearest_rows_hold_one_block_beside_the_rows():
    points = make_points(20_000, dtype=np.float32)
    nearest_rows(points[:100], 15)
    Path("/proc/self/clear_refs").write_text("5")  # begins anew to look for the peak
    before = memory_in_mb("VmRSS")

    nearest_rows(points, 15)
    assert memory_in_mb("VmHWM") - before < 100  # of 1,600 for all distances


def memory_in_mb(field):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1000


def test_nearest_rows_tells_of_blocks():
    done = []
    nearest_rows(make_points(100), 3, done.append)

    assert sum(done) == 100


@pytest.mark.parametrize("n_columns", [64, 640])
def test_largest_columns_are_those_of_topk(n_columns):
    values = torch.rand(9, n_columns, generator=torch.Generator().manual_seed(0))

    found = largest_columns(values, 5).sort(dim=1).values
    assert torch.equal(found, values.topk(5).indices.sort(dim=1).values)


def test_points_are_widened_only_where_rounding_would_hide_what_is_near():
    near = make_points(200, dtype=np.float32)
    far = near + np.float32(3000) * (np.arange(200) % 2 - 0.5)[:, None]

    assert as_precise_points(near, 5) is near
    widened = as_precise_points(far.astype(np.float32), 5)
    assert widened.dtype == np.float64
    assert_array_equal(widened, far.astype(np.float32))
