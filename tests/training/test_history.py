"""The compact history against skorch's own, which it stands for."""

import copy
import io
import json
import pickle
import random
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.history import History

from sknn_deep.training import CompactHistory


def record_epoch(history, rng, **others):
    """Record what a training does."""
    history.new_epoch()
    history.record("epoch", len(history))
    history.new_batch()
    epoch = history[-1]
    epoch["train_loss"] = rng.random()
    epoch["train_loss_best"] = rng.random() < 0.1
    epoch["train_batch_count"] = 1
    history.record("dur", 1.7e9 + rng.random() / 100 - 1.7e9)
    for name, value in others.items():
        history.record(name, value)


def record_watched(history, rng):
    """Record what a training does that callbacks watch the batches of."""
    history.new_epoch()
    for _ in range(2):
        history.new_batch()
        history.record_batch("train_loss", rng.random())
    history.record("epoch", len(history))


def record_all(history, n=150, seed=0):
    """Record epochs of many kinds."""
    rng = random.Random(seed)
    for i in range(n):
        if 40 <= i < 80:
            record_watched(history, rng)
        elif i % 10 == 9:
            record_epoch(history, rng, event=None, norms=[1.0, {"x": (i, "y")}])
        else:
            record_epoch(history, rng)
    return history


@pytest.fixture
def ours():
    return record_all(CompactHistory())


@pytest.fixture
def theirs():
    return record_all(History())


# --- reading ------------------------------------------------------------------------

INDICES = [
    *(0, 70, 149, -1, -2, -149, -150, True),
    *(slice(None), slice(100, None), slice(-3, None), slice(5, 120, 7)),
    *(slice(None, None, -1), slice(140, 130, -2), slice(200, 300)),
    *((0,), (-1, "train_loss"), (3, ("epoch", "dur")), (3, ["epoch", "dur"])),
    *((-1, "batches"), (60, "batches"), (60, "batches", -1)),
    *((60, "batches", 0, "train_loss"), (60, "batches", slice(None), "train_loss")),
    *((slice(None), "train_loss"), (slice(None), "event"), (slice(None), "batches")),
    *((slice(None), ("epoch", "train_loss")), (slice(90, None), "epoch")),
    (slice(None), "batches", slice(None), "train_loss"),
    (slice(45, 50), "batches", slice(None), ("train_loss",)),
]
BAD_INDICES = [
    *(150, -151, "epoch", None, 1.5, (0, "none"), (slice(None), "none"), (0, 1)),
    *((slice(200, 300), "epoch"), (60, "epoch", 0), (60, "batches", 9)),
    *((0, "batches", 0, "x", 1), (3, "batches", slice(None), "train_loss")),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_history_is_indexed_as_skorchs(index, ours, theirs):
    got, expected = ours[index], theirs[index]

    assert got == expected
    assert str(got) == str(expected)  # True == 1, and 1 == 1.0


@pytest.mark.parametrize("index", BAD_INDICES, ids=str)
def test_history_refuses_the_indices_that_skorchs_does(index, ours, theirs):
    with pytest.raises(Exception) as expected:
        theirs[index]
    with pytest.raises(expected.type) as got:
        ours[index]

    assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("History", [CompactHistory, History])
def test_empty_history_has_no_epoch_to_record_in(History):
    history = History()

    assert len(history) == 0 and not history and history[:] == []
    with pytest.raises(ValueError, match="Call new_epoch before"):
        history.record("x", 1)
    with pytest.raises(IndexError, match="list index out of range"):
        history[-1]
    with pytest.raises(KeyError, match="'train_loss' was not found"):
        history[:, "train_loss"]


def test_history_is_a_list_to_whoever_takes_one(ours, theirs):
    assert isinstance(ours, History)
    assert len(ours) == 150 and ours
    assert ours == theirs and theirs == ours
    assert (ours != theirs, theirs != ours) == (False, False)
    assert ours != theirs[:-1] and theirs[:-1] != ours
    assert ours.to_list() == list(ours) == [*ours] == theirs.to_list()
    assert list(reversed(ours)) == theirs[::-1]
    assert ours + theirs == theirs + ours == theirs * 2
    assert repr(ours) == repr(theirs)
    assert theirs[70] in ours and ours.index(theirs[70]) == 70
    assert ours.copy() == theirs.copy()
    assert json.dumps(ours) == json.dumps(theirs)
    assert json.dumps(ours, indent=1) == json.dumps(theirs, indent=1)
    pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs))


def test_history_goes_to_a_file_and_back(ours, theirs, tmp_path):
    ours.to_file(tmp_path / "ours.json")
    theirs.to_file(tmp_path / "theirs.json")

    text = (tmp_path / "ours.json").read_text()
    assert text == (tmp_path / "theirs.json").read_text()
    loaded = CompactHistory.from_file(io.StringIO(text))
    assert type(loaded) is CompactHistory
    assert loaded == History.from_file(io.StringIO(text))


@pytest.mark.parametrize("start", [0, 20, 149, 150])
@pytest.mark.parametrize("name", ["epoch", "event", "train_loss", "none"])
def test_column_is_what_epochs_recorded_by_a_name(name, start, ours, theirs):
    expected = [epoch[name] for epoch in theirs[start:] if name in epoch]

    assert ours.column(name, start) == expected


# --- writing ------------------------------------------------------------------------


def change(history, i, write):
    """Change an epoch where it is."""
    write(history[i])
    return history


WRITES = {
    "set": lambda epoch: epoch.__setitem__("x", 1),
    "delete": lambda epoch: epoch.__delitem__("epoch"),
    "pop": lambda epoch: epoch.pop("dur"),
    "popitem": lambda epoch: epoch.popitem(),
    "update": lambda epoch: epoch.update(epoch=0, x=[]),
    "setdefault": lambda epoch: epoch.setdefault("x", []).append(1),
    "or": lambda epoch: epoch.__ior__({"y": 2}),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("i", [0, 9, 148, 149, -1])
def test_epoch_is_changed_where_it_is(i, write, ours, theirs):
    change(ours, i, WRITES[write])
    change(theirs, i, WRITES[write])

    assert ours == theirs
    assert ours[i] == theirs[i]
    assert ours[:, "epoch"] == theirs[:, "epoch"]
    assert copy.copy(ours) == theirs
    record_all(ours, 100)
    record_all(theirs, 100)
    assert ours == theirs and pickle.loads(pickle.dumps(ours)) == theirs


def test_all_epochs_can_be_changed_in_a_loop(ours, theirs):
    for history in (ours, theirs):
        for number, epoch in enumerate(history):
            epoch["number"] = number

    assert ours[:, "number"] == list(range(150))
    assert ours == theirs


def test_epoch_that_is_cleared_stays_an_epoch(ours):
    ours[70].clear()

    assert ours[70] == {} and len(ours) == 150
    again = pickle.loads(pickle.dumps(ours))
    assert again[70] == {"batches": [{}]} and again[71:] == ours[71:]


def test_epoch_of_a_history_is_copied_as_a_dict(ours):
    for copied in (
        copy.copy(ours[0]),
        copy.deepcopy(ours[0]),
        pickle.loads(pickle.dumps(ours[0])),
    ):
        assert type(copied) is dict and copied == ours[0]
        copied["x"] = 1
    assert "x" not in ours[0]


def test_epochs_that_are_over_can_be_held_for_a_while():
    history = record_all(CompactHistory(), 200)
    epoch = history[-1]
    for _ in range(30):
        record_epoch(history, random.Random(0))
    epoch["late"] = 1.0

    assert history[199, "late"] == 1.0 and history[199] is epoch


CHANGES = {
    "append": lambda h: h.append({"batches": [], "x": 1}),
    "extend": lambda h: h.extend(h[:70]),
    "extend by itself": lambda h: h.extend(h),
    "insert": lambda h: h.insert(3, {"batches": []}),
    "set": lambda h: h.__setitem__(3, {"batches": []}),
    "set the last": lambda h: h.__setitem__(-1, {"batches": []}),
    "set a slice": lambda h: h.__setitem__(slice(10, None), h[:90]),
    "delete": lambda h: h.__delitem__(100),
    "delete the end": lambda h: h.__delitem__(slice(10, None)),
    "pop": lambda h: h.pop(),
    "pop the first": lambda h: h.pop(0),
    "remove": lambda h: h.remove(h[5]),
    "clear": lambda h: h.clear(),
    "reverse": lambda h: h.reverse(),
    "sort": lambda h: h.sort(key=lambda epoch: -epoch["epoch"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_history_is_changed_as_a_list(name, ours, theirs):
    CHANGES[name](ours)
    CHANGES[name](theirs)

    assert len(ours) == len(theirs) and ours == theirs
    record_all(ours, 70)
    record_all(theirs, 70)
    assert ours == theirs


@pytest.mark.parametrize("seed", range(5))
def test_history_is_skorchs_after_any_use(seed):
    rng = random.Random(seed)
    ours, theirs = CompactHistory(), History()
    for step in range(60):
        n, seed_of_step = rng.randrange(1, 20), rng.random()
        record_all(ours, n, seed_of_step)
        record_all(theirs, n, seed_of_step)
        i, kind = rng.randrange(len(theirs)), rng.randrange(6)
        if kind == 0:
            ours[i]["x"] = theirs[i]["x"] = step
        elif kind == 1:
            del ours[i:], theirs[i:]
        elif kind == 2:
            ours = rng.choice([copy.copy, copy.deepcopy])(ours)
        elif kind == 3:
            ours = pickle.loads(pickle.dumps(ours))
        if theirs:
            ours.record("late", step)
            theirs.record("late", step)
        assert ours == theirs


# --- memory and pickles ---------------------------------------------------------------


def test_epoch_takes_sixteen_bytes_at_most():
    history, rng = CompactHistory(), random.Random(0)
    n_bytes, n_pickled = [], []
    tracemalloc.start()
    try:
        for _ in range(2):
            for _ in range(64 * 100):
                record_epoch(history, rng)
            n_bytes.append(tracemalloc.get_traced_memory()[0])
            n_pickled.append(len(pickle.dumps(history)))
    finally:
        tracemalloc.stop()

    assert 8 < np.diff(n_pickled)[0] / 6400 <= 16
    assert 8 < np.diff(n_bytes)[0] / 6400 <= 16


def types_in(value):
    if isinstance(value, dict):
        return {dict}.union(*map(types_in, value.values()))
    if isinstance(value, list):
        return {list}.union(*map(types_in, value))
    return {type(value)}


def test_state_of_a_history_is_plain():
    history = record_all(CompactHistory(), 100)
    for _ in range(70):
        record_epoch(history, random.Random(0))
    _, arguments, state = history.__reduce__()

    assert arguments == ()
    types = types_in(state) - {tuple}  # in what the test recorded
    assert types == {dict, list, np.ndarray, int, float, type(None)}


def test_history_keeps_what_cannot_be_a_number():
    tensor, array = torch.arange(3), np.arange(3)
    history = CompactHistory()
    for i in range(100):
        history.new_epoch()
        history.record("tensor", tensor)
        history.record("array", array)
        history.record("text", f"epoch {i}")
        history.record(("no", "text"), i)

    assert history[0]["tensor"] is tensor and history[0]["array"] is array
    assert history[:, "text"] == [f"epoch {i}" for i in range(100)]
    again = pickle.loads(pickle.dumps(history))
    assert torch.equal(again[0]["tensor"], tensor)
    assert again[99]["text"] == "epoch 99" and again[50]["no", "text"] == 50


def test_tables_of_different_lengths_are_refused():
    tables = [{"epoch": {"start": 1, "stop": 3}, "train_loss": np.zeros(3)}]

    with pytest.raises(ValueError, match="not of one length"):
        CompactHistory.from_tables(tables)


def test_saving_again_and_again_makes_no_more_tables():
    history, rng = CompactHistory(), random.Random(0)
    for _ in range(20):
        for _ in range(10):
            record_epoch(history, rng)
        history = pickle.loads(pickle.dumps(history))

    assert len(history) == 200
    assert len(history.to_tables()) == 1
