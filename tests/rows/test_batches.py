"""Batches: no row lost, none twice."""

import contextlib
from itertools import chain

import numpy as np
import pytest
import scipy.sparse
import torch

import sknn_deep.rows._rows as rows_file
import sknn_deep.rows._without_zeros as without_zeros_file
from sknn_deep.rows import (
    Batches,
    DenseRows,
    SparseRows,
    device_permutations,
    make_rows,
    numpy_permutations,
)
from sknn_deep.rows._host_rows import HostRows, RowsAhead
from sknn_deep.rows._sparse_batch import MixedBatch, SparseBatch
from tests.rows.arrays import make_sparse, make_X

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("every_warning_of_torch")


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


# Shares of numbers in three columns, of which the second is dense, or none.
DENSITIES = {"mixed": (0.01, 1, 0.02), "sparse": (0.01, 0.02, 0.02)}


@pytest.mark.parametrize("has_target", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("densities", DENSITIES.values(), ids=DENSITIES)
def test_batches_without_zeros_are_those_with_them(
    densities, shuffle, has_target, monkeypatch
):
    rng = np.random.default_rng(0)
    X = torch.from_numpy(make_X(500) * (rng.random((500, 3)) < densities))
    target = torch.from_numpy(make_X(500)) if has_target else None
    weight = torch.arange(500.0)
    with_zeros, batches = (
        Batches(
            DenseRows(X),
            target,
            weight,
            batch_size=160,
            permute=shuffled(500) if shuffle else None,
        )
        for _ in range(2)
    )

    # The memory for batches with zeros is there.
    assert len(list(with_zeros)) == len(list(batches)) == 4
    monkeypatch.setattr(without_zeros_file, "_is_faster", lambda *args: True)
    without_zeros = batches.without_zeros(n_units=128, n_epochs=1)

    kind = SparseBatch if max(densities) < 1 else MixedBatch
    assert without_zeros.density == pytest.approx(
        torch.count_nonzero(X).item() / X.numel()
    )
    assert (with_zeros.density, batches.density) == (1, 1)
    for _ in range(2):
        for ours, theirs in zip(without_zeros, with_zeros, strict=True):
            assert type(ours[0]) is kind
            product = ours[0].product(torch.eye(3, dtype=torch.float64))
            torch.testing.assert_close((product, *ours[1:]), theirs, rtol=0, atol=0)


def test_zeros_are_left_out_where_that_is_faster():
    X = torch.from_numpy(make_X(2000, 200, dtype=np.float32))
    is_there = torch.from_numpy(np.random.default_rng(0).random((2000, 200)) < 0.05)

    def are_left_out(X, **options):
        rows = make_rows(X, torch.float32, CPU, **options)
        batches = Batches(rows, None, None, batch_size=1000)
        return batches.without_zeros(128, 50) is not None

    assert not are_left_out(X)
    assert are_left_out(X * is_there)
    assert are_left_out((X * is_there).numpy())
    # A target cannot be made of these.
    assert not are_left_out(scipy.sparse.csr_array((X * is_there).numpy()))


# --- a GPU without room ---------------------------------------------------------------


def test_rows_that_stay_on_the_host_give_the_same_batches(monkeypatch):
    X, y = make_X(), torch.arange(10)
    monkeypatch.setattr(rows_file, "has_room", lambda device, n_bytes: False)
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
        "sknn_deep.rows._host_rows._stream", lambda device: Stream("sending")
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
    monkeypatch.setattr("sknn_deep.rows._host_rows._empty_pinned", send)
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


@pytest.mark.parametrize("subset", [None, torch.tensor([7, 2, 9])])
def test_an_order_may_take_rows_more_than_once(subset):
    order = torch.tensor([0, 1, 2, 1, 0, 2, 2])
    numbers = torch.arange(10)
    rows = DenseRows(numbers[:, None] * torch.tensor([1.0, 10.0]))
    batches = Batches(
        rows,
        numbers,
        numbers + 0.5,
        batch_size=4,
        permute=lambda: order,
        subset=subset,
        n_rows=7,
    )

    expected = order if subset is None else subset[order]
    assert len(batches) == 2 and batches.n_rows == 7
    assert collect(batches) == [part.tolist() for part in expected.split(4)]
