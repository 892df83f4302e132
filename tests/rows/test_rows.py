"""Rows: nothing copied that need not be, and the numbers of the array."""

import weakref

import numpy as np
import pytest
import scipy.sparse
import torch

from sknn_deep.machine import Placement
from sknn_deep.rows import as_tensor, make_rows, place_targets
from sknn_deep.rows._rows import rows_per_block
from tests.rows.arrays import make_sparse, make_X

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("every_warning_of_torch")


# --- arrays -----------------------------------------------------------------------


def read_only(array):
    array.flags.writeable = False
    return array


def write_memmap(array, path):
    memmap = np.memmap(path, dtype=array.dtype, mode="w+", shape=array.shape)
    memmap[:] = array
    memmap.flush()
    return path


@pytest.fixture(params=["writable", "read-only", "memmap r", "memmap c", "memmap r+"])
def array(request, tmp_path):
    X = make_X(dtype=np.float32)
    kind, _, mode = request.param.partition(" ")
    if kind == "memmap":
        path = write_memmap(X, tmp_path / "X")
        return np.memmap(path, dtype=X.dtype, mode=mode, shape=X.shape)
    return read_only(X) if kind == "read-only" else X


def test_tensor_shares_the_memory_of_an_array(array):
    tensor = as_tensor(array, torch.float32, CPU)

    assert tensor.data_ptr() == array.ctypes.data
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_tensor_keeps_an_array_alive_as_long_as_itself(array):
    expected = np.array(array)
    view = array[:]  # pytest holds on to the array itself
    alive = weakref.ref(view)
    tensor = as_tensor(view)

    del view

    assert alive() is not None
    np.testing.assert_array_equal(tensor.numpy(), expected)
    del tensor
    assert alive() is None


def test_rows_share_the_memory_of_an_array(array):
    rows = make_rows(array, torch.float32, CPU)
    unplaced = make_rows(array, torch.float32, CPU, resident=False)

    assert rows.shape == unplaced.shape == array.shape
    assert rows.slice(0, 4).data_ptr() == array.ctypes.data
    assert unplaced.slice(0, 4).data_ptr() == array.ctypes.data


@pytest.mark.parametrize(
    "make_array",
    [
        lambda: np.asfortranarray(make_X()),
        lambda: make_X()[::2],
        lambda: make_X()[:, 1],
        lambda: make_X()[::-1],
        lambda: np.broadcast_to(1.0, 10),
        lambda: np.empty((0, 3)),
        lambda: np.array(3.0),
    ],
    ids=["fortran", "every other", "column", "reversed", "broadcast", "empty", "0-d"],
)
def test_tensor_of_a_read_only_array_of_any_layout_has_its_numbers(make_array):
    array = read_only(make_array())

    tensor = as_tensor(array)

    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64, np.uint8, bool])
def test_tensor_of_a_read_only_array_has_its_type(dtype):
    array = read_only(np.array([0, 1, 1]).astype(dtype))

    tensor = as_tensor(array)

    assert tensor.numpy().dtype == dtype
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_tensor_of_another_dtype_is_a_copy(array):
    tensor = as_tensor(array, torch.float64)

    assert tensor.dtype == torch.float64
    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize(
    "precision, X_dtype",
    [({}, torch.float32), ({"autocast": torch.bfloat16}, torch.bfloat16)],
    ids=["float32", "mixed"],
)
def test_all_is_placed_in_the_placements_types(precision, X_dtype):
    placement = Placement(CPU, torch.float32, **precision)
    X, y, weight = make_X(), np.arange(10), np.ones(10)

    classes, weights = place_targets(y, weight, placement)
    numbers, no_weights = place_targets(make_X(10, 2), None, placement)
    no_target, _ = place_targets(None, None, placement)

    assert make_rows(X, placement.X_dtype, CPU).X.dtype == X_dtype
    assert classes.dtype == torch.int64
    assert weights.dtype == numbers.dtype == torch.float32
    assert no_weights is no_target is None


# --- rows -------------------------------------------------------------------------


@pytest.fixture(params=["dense", "host", "csr_array", "csr_matrix"])
def rows_and_array(request):
    """Rows in float32 of float64 data."""
    if request.param == "dense":
        X = make_X()
        return make_rows(X, torch.float32, CPU), X
    if request.param == "host":
        X = make_X()
        return make_rows(X, torch.float32, CPU, resident=False), X
    X = make_sparse(kind=getattr(scipy.sparse, request.param))
    return make_rows(X, torch.float32, CPU), X.toarray()


def test_rows_have_the_arrays_shape(rows_and_array):
    rows, X = rows_and_array

    assert tuple(rows.shape) == X.shape


@pytest.mark.parametrize("start, stop", [(0, 3), (3, 10), (8, 99), (4, 4)])
def test_rows_slice_equals_the_arrays(rows_and_array, start, stop):
    rows, X = rows_and_array

    block = rows.slice(start, stop)

    assert block.dtype == torch.float32
    np.testing.assert_array_equal(block.numpy(), X[start:stop].astype(np.float32))


@pytest.mark.parametrize("index", [[3], [9, 0, 4], [1, 1, 1, 1], list(range(10))])
def test_rows_take_equals_the_arrays(rows_and_array, index):
    rows, X = rows_and_array

    block = rows.take(torch.tensor(index))

    assert block.dtype == torch.float32
    np.testing.assert_array_equal(block.numpy(), X[index].astype(np.float32))


@pytest.mark.parametrize(
    "n_units, on_cpu, on_gpu",
    [
        (1, 16_384, 16_384),
        (256, 2048, 16_384),
        (1024, 1024, 4096),
        (4096, 1024, 1024),
        (8192, 512, 512),
        (2**30, 1, 1),
    ],
)
def test_rows_per_block_bounds_rows_and_memory(n_units, on_cpu, on_gpu):
    assert rows_per_block(n_units, torch.device("cpu")) == on_cpu
    assert rows_per_block(n_units, torch.device("cuda")) == on_gpu
