"""Rows of a file: compared with the same rows in memory."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sknn_deep.rows import Batches, DenseRows, block_permutations, make_rows
from sknn_deep.rows._mapped_rows import (
    MappedArray,
    MappedRows,
    find_mapping,
    held_bytes,
)

CPU = torch.device("cpu")


@pytest.fixture
def save(tmp_path):
    """Write an array to a file, and map it."""

    def save(array, mode="r"):
        path = tmp_path / "X.npy"
        np.save(path, array)
        return np.load(path, mmap_mode=mode)

    return save


def make_mapped(X, dtype="float32", window_bytes=2**12):
    return MappedArray(
        np.asarray(X), dtype, window_bytes=window_bytes, mapping=find_mapping(X)
    )


def draw(n_rows, n_features, dtype="float32"):
    rng = np.random.default_rng(0)
    return (100 * rng.standard_normal((n_rows, n_features))).astype(dtype)


# --- reading ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", ">f4"])
@pytest.mark.parametrize("wanted", ["float32", "float64"])
def test_read_gives_the_rows_in_the_order_asked_for(save, dtype, wanted):
    X = save(draw(1000, 7, dtype))
    index = np.random.default_rng(1).permutation(1000)[:600]

    read = make_mapped(X, wanted).read(index)

    assert read.dtype == wanted
    np.testing.assert_array_equal(read, np.asarray(X)[index].astype(wanted))


@pytest.mark.parametrize(
    "part", [np.s_[100:], np.s_[::3], np.s_[:, 2:5], np.s_[7::2, 1:]]
)
def test_read_of_a_view_gives_the_rows_of_the_view(save, part):
    X = save(draw(1000, 7))[part]
    index = np.arange(len(X))[::-1]

    np.testing.assert_array_equal(make_mapped(X).read(index), np.asarray(X)[index])


def test_selection_is_read_late_and_selects_again(save):
    X = save(draw(500, 3))
    mapped = make_mapped(X)[np.arange(100, 400)][np.arange(300) % 2 == 0]

    assert mapped.shape == (150, 3)
    np.testing.assert_array_equal(np.asarray(mapped), np.asarray(X)[100:400:2])


def test_all_pieces_cover_each_row_once_within_the_window(save):
    X = save(draw(2000, 5))
    mapped = make_mapped(X, window_bytes=2**11)

    numbers, pieces = zip(*mapped.all_pieces(), strict=True)

    np.testing.assert_array_equal(np.concatenate(numbers), np.arange(2000))
    np.testing.assert_array_equal(np.concatenate(pieces), X)
    assert max(piece.nbytes for piece in pieces) <= 2**11


def test_statistics_are_those_of_the_whole_array(save):
    X = save(draw(2000, 5, "float64"))
    mapped = make_mapped(X, "float64")
    weight = np.random.default_rng(1).uniform(size=2000)

    assert mapped.min() == X.min()
    assert mapped.max() == X.max()
    np.testing.assert_array_equal(mapped.min(axis=0), X.min(axis=0))
    np.testing.assert_array_equal(mapped.max(axis=0), X.max(axis=0))
    np.testing.assert_allclose(mapped.weighted_sum(weight), weight @ X, rtol=1e-12)


def test_held_bytes_count_the_folios_of_each_row():
    index = np.unique(np.random.default_rng(0).integers(100_000, size=200))
    stride, row_bytes, folio = 1000, 900, 2**21

    seen, expected = set(), []
    for row in index:
        start = row * stride
        seen |= {byte // folio for byte in range(start, start + row_bytes)}
        expected.append(folio * len(seen))

    assert held_bytes(index, stride, row_bytes).tolist() == expected


# --- pages --------------------------------------------------------------------------


def resident_kilobytes(path):
    """Tell how much of a file is in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    total = 0
    for line in lines:
        if line.endswith(str(path)):
            rss = next(entry for entry in lines if entry.startswith("Rss:"))
            total += int(rss.split()[1])
    return total


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has"
)
def test_read_gives_the_pages_back(save, tmp_path):
    X = save(draw(20_000, 50))  # 4 MB
    path = tmp_path / "X.npy"

    np.asarray(X).sum()
    all_of_it = resident_kilobytes(path)
    make_mapped(X).read(np.arange(20_000))

    assert all_of_it > 3_900
    assert resident_kilobytes(path) < 100


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_written_to_the_array_stays(save, mode):
    X = save(draw(1000, 50), mode)
    X[::10] = 7

    read = make_mapped(X).read(np.arange(1000))

    assert np.all(read[::10] == 7)
    assert np.all(X[::10] == 7)


# --- batches ------------------------------------------------------------------------


def make_batches(rows, **options):
    target = torch.arange(rows.shape[0])
    return Batches(rows, target, target.double(), batch_size=32, **options)


@pytest.mark.parametrize("window_bytes", [1, 2**11, 2**14, 2**20])
@pytest.mark.parametrize("has_subset", [False, True])
def test_batches_of_a_file_are_those_of_the_rows_in_memory(
    save, window_bytes, has_subset
):
    X = save(draw(1000, 7))
    mapped = make_mapped(X, window_bytes=window_bytes)
    subset = torch.arange(0, 1000, 3) if has_subset else None
    n_rows = 1000 if subset is None else len(subset)
    batches, in_memory = (
        make_batches(
            rows,
            subset=subset,
            permute=block_permutations(
                n_rows, mapped.window_rows(32), np.random.RandomState(0)
            ),
        )
        for rows in (
            make_rows(mapped, torch.float64, CPU),
            DenseRows(torch.tensor(X, dtype=torch.float64)),
        )
    )

    for _ in range(2):
        for ours, theirs in zip(batches, in_memory, strict=True):
            assert all(map(torch.equal, ours, theirs))


def test_batches_in_the_order_of_the_file(save):
    X = save(draw(100, 7))
    rows = make_rows(make_mapped(X), torch.float32, CPU)

    assert isinstance(rows, MappedRows)
    read = torch.cat([batch[0] for batch in make_batches(rows)])
    np.testing.assert_array_equal(read.numpy(), X)
