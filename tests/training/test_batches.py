"""Rows and batches: nothing lost, nothing twice, nothing copied."""

import contextlib
import weakref
from itertools import chain

import numpy as np
import pytest
import scipy.sparse
import sklearn.utils
import torch

import sknn_deep.training._batches as batches_file
from sknn_deep.training import (
    Batches,
    DenseRows,
    Placement,
    SparseRows,
    as_tensor,
    device_permutations,
    make_rows,
    numpy_permutations,
    place_targets,
)
from sknn_deep.training._batches import rows_per_block
from sknn_deep.training._host_rows import HostRows, RowsAhead

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("every_warning_of_torch")


def make_X(n_rows=10, n_features=3, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(dtype)


def make_sparse(n_rows=10, n_features=3, kind=scipy.sparse.csr_array):
    X = make_X(n_rows, n_features)
    return kind(np.where(X > 0, X, 0))


def make_batches(n_rows=10, batch_size=4, **options):
    """Make batches whose target and weight tell the number of each row."""
    numbers = torch.arange(n_rows)
    rows = DenseRows(numbers[:, None] * torch.tensor([1.0, 10.0]))
    return Batches(rows, numbers, numbers + 0.5, batch_size=batch_size, **options)


def collect(batches):
    """Return the row numbers of each batch; X, target and weight must agree."""
    numbers = []
    for X, target, weight in batches:
        assert torch.equal(X, target[:, None] * torch.tensor([1.0, 10.0]))
        assert torch.equal(weight, target + 0.5)
        numbers.append(target.tolist())
    return numbers


def shuffled(n_rows):
    return numpy_permutations(n_rows, np.random.RandomState(0))


@pytest.mark.parametrize(
    "n_rows, batch_size, sizes",
    [
        (10, 4, [4, 4, 2]),
        (10, 5, [5, 5]),
        (10, 10, [10]),
        (10, 99, [10]),
        (1, 1, [1]),
        (3, 1, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_have_every_row_once(n_rows, batch_size, sizes, shuffle):
    batches = make_batches(
        n_rows, batch_size, permute=shuffled(n_rows) if shuffle else None
    )

    numbers = collect(batches)

    assert len(batches) == len(sizes)
    assert [len(batch) for batch in numbers] == sizes
    assert sorted(chain.from_iterable(numbers)) == list(range(n_rows))


def test_batches_without_permutation_keep_the_order():
    assert collect(make_batches()) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_batches_are_in_a_new_order_each_time():
    batches = make_batches(permute=shuffled(10))

    assert collect(batches) != collect(batches)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_of_a_subset_have_its_rows_once(shuffle):
    subset = torch.tensor([7, 1, 8, 4, 2])
    batches = make_batches(
        batch_size=2, subset=subset, permute=shuffled(5) if shuffle else None
    )

    numbers = collect(batches)

    assert batches.n_rows == 5
    assert [len(batch) for batch in numbers] == [2, 2, 1]
    if not shuffle:
        assert list(chain.from_iterable(numbers)) == subset.tolist()
    assert sorted(chain.from_iterable(numbers)) == [1, 2, 4, 7, 8]


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_without_target_and_weight_give_the_rows_as_target(shuffle):
    X = torch.from_numpy(make_X())
    permute = shuffled(10) if shuffle else None

    for rows, target, weight in Batches(
        DenseRows(X), None, None, batch_size=4, permute=permute
    ):
        assert target is rows
        assert weight is None


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_batches_of_sparse_rows_equal_those_of_dense_rows(shuffle, kind):
    X = make_sparse(kind=kind)

    def batches(rows):
        permute = shuffled(10) if shuffle else None
        # Gathered rows are overwritten by the next batch.
        all_batches = Batches(rows, None, None, batch_size=4, permute=permute)
        return [X.clone() for X, _, _ in all_batches]

    torch.testing.assert_close(
        batches(SparseRows(X, torch.float64, CPU)),
        batches(DenseRows(torch.from_numpy(X.toarray()))),
        rtol=0,
        atol=0,
    )


def test_numpy_permutations_are_scikit_learns_shuffles():
    random_state, oracle_state = np.random.RandomState(3), np.random.RandomState(3)
    permute = numpy_permutations(17, random_state)
    expected = np.arange(17)

    for _ in range(4):
        expected = sklearn.utils.shuffle(expected, random_state=oracle_state)

        np.testing.assert_array_equal(permute().numpy(), expected)

    assert random_state.randint(2**30) == oracle_state.randint(2**30)


def test_numpy_permutations_given_out_are_not_changed_later():
    permute = shuffled(17)
    first = permute()
    before = first.clone()

    permute()

    assert torch.equal(first, before)


def test_device_permutations_follow_from_the_generator_alone():
    before = torch.get_rng_state()
    one, other = (
        device_permutations(17, torch.Generator().manual_seed(0)) for _ in range(2)
    )

    first, second = one(), one()

    assert torch.equal(first, other())
    assert torch.equal(second, other())
    assert not torch.equal(first, second)
    assert sorted(first.tolist()) == list(range(17))
    assert torch.equal(torch.get_rng_state(), before)


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


# --- a GPU without room ---------------------------------------------------------------


def test_rows_that_stay_on_the_host_give_the_same_batches(monkeypatch):
    X, y = make_X(), torch.arange(10)
    monkeypatch.setattr(batches_file, "has_room", lambda device, n_bytes: False)
    rows = make_rows(X, torch.float32, CPU)
    assert type(rows) is HostRows
    orders = [
        device_permutations(10, torch.Generator().manual_seed(0)) for _ in range(2)
    ]
    ours, expected = (
        Batches(each, y, None, batch_size=3, permute=permute)
        for each, permute in zip(
            (rows, DenseRows(torch.from_numpy(X).float())), orders, strict=True
        )
    )
    assert expected.keeps_memory and not ours.keeps_memory

    for _ in range(2):
        for (A, a, _), (B, b, _) in zip(ours, expected, strict=True):
            assert torch.equal(A, B) and torch.equal(a, b)


def test_rows_are_sent_one_batch_ahead(monkeypatch):
    events = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            events.append(f"{self.name} waits for {other.name}")

    def send(n_rows, like):
        events.append("next is sent")
        return torch.empty(n_rows, like.shape[1], dtype=like.dtype)

    monkeypatch.setattr(
        "sknn_deep.training._host_rows._stream", lambda device: Stream("sending")
    )
    monkeypatch.setattr(
        torch.cuda, "current_stream", lambda device: Stream("computing")
    )
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(
        torch.Tensor,
        "record_stream",
        lambda batch, stream: events.append(f"{len(batch)} rows for {stream.name}"),
    )
    monkeypatch.setattr("sknn_deep.training._host_rows._empty_pinned", send)
    X, order = make_X(), torch.tensor([3, 1, 4, 0, 5, 9, 2])
    rows = RowsAhead(
        HostRows(torch.from_numpy(X), torch.float32, CPU), order, batch_size=3
    )

    for index in order.split(3):
        expected = torch.from_numpy(X).float()[index]
        assert torch.equal(rows.take(index), expected)

    received = ["computing waits for sending", "3 rows for computing"]
    last = ["computing waits for sending", "1 rows for computing"]
    sent = ["next is sent"]
    assert events == [*sent, *received, *sent, *received, *sent, *last]


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rows_go_to_the_gpu_ahead(dtype, monkeypatch):
    monkeypatch.setattr(batches_file, "has_room", lambda device, n_bytes: False)
    gpu = torch.device("cuda")
    X = np.random.default_rng(0).normal(size=(5000, 300))
    generator = torch.Generator(gpu).manual_seed(0)
    batches = Batches(
        make_rows(X, dtype, gpu),
        torch.arange(5000, device=gpu),
        None,
        batch_size=128,
        permute=device_permutations(5000, generator),
    )

    for _ in range(3):
        seen = []
        for A, index, _ in batches:
            assert A.device.type == "cuda"
            # Longer than a transfer: rows that came too early would show.
            torch.cuda._sleep(10**6)
            seen.append((A.sum(dim=1), index))
        total = torch.cat([total for total, _ in seen])
        order = torch.cat([index for _, index in seen]).cpu()
        expected = torch.from_numpy(X).to(dtype).to(gpu)[order].sum(dim=1)
        assert torch.equal(order.sort().values, torch.arange(5000))
        torch.testing.assert_close(total, expected)
