"""Device and number types: the rules of "auto", and what is refused."""

import dataclasses
import multiprocessing
import os
import re

import numpy as np
import pytest
import torch

from sknn_deep import MLPClassifier
from sknn_deep._torch_private import current_device_index
from sknn_deep.machine import (
    Placement,
    device_or_cpu,
    resolve_device,
    resolve_placement,
)
from sknn_deep.machine._placement import autocast, has_room
from tests.estimators.fits import ESTIMATORS, make, no_training


@pytest.fixture
def pretend(monkeypatch):
    """Let torch report some devices of one type, or none."""

    def set_accelerator(kind, count=1, current=0):
        accelerator = torch.accelerator
        found = None if kind is None else torch.device(kind)
        monkeypatch.setattr(accelerator, "is_available", lambda: kind is not None)
        monkeypatch.setattr(accelerator, "current_accelerator", lambda: found)
        monkeypatch.setattr(accelerator, "device_count", lambda: count if kind else 0)
        monkeypatch.setattr(accelerator, "current_device_index", lambda: current)

    return set_accelerator


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_device_auto_is_the_accelerator(pretend, kind):
    pretend(kind)

    assert resolve_device("auto", owner="Net") == torch.device(kind, 0)


def test_device_auto_is_the_cpu_where_there_is_nothing_else(pretend):
    pretend(None)

    assert resolve_device("auto", owner="Net") == torch.device("cpu")


@pytest.mark.parametrize(
    "device", ["cpu", "cuda:0", "cuda:1", torch.device("cuda", 1), torch.device("cpu")]
)
def test_device_that_is_there_is_taken_as_named(pretend, device):
    pretend("cuda", count=2)

    assert resolve_device(device, owner="Net") == torch.device(device)


def test_device_of_the_cpu_has_no_number(pretend):
    pretend("cuda")

    assert resolve_device("cpu:0", owner="Net") == torch.device("cpu")


@pytest.mark.parametrize("device", ["auto", "cuda", torch.device("cuda")])
def test_device_without_a_number_is_the_current_one(pretend, device):
    pretend("cuda", count=3, current=2)

    assert resolve_device(device, owner="Net") == torch.device("cuda", 2)


@pytest.mark.parametrize("device", ["nonsense", "cuda:x", "", "CPU", None, 1.5])
def test_device_that_torch_does_not_know_is_refused(pretend, device):
    pretend(None)

    with pytest.raises(ValueError) as error:
        resolve_device(device, owner="MLPClassifier")

    assert str(error.value) == (
        "The 'device' parameter of MLPClassifier must be 'auto' or a torch device such "
        f"as 'cpu', 'cuda', 'cuda:1' or 'mps'. Got {device!r} instead."
    )


@pytest.mark.parametrize(
    "there, device",
    [(None, "cuda"), (None, "mps"), ("mps", "cuda"), ("cuda", "xpu"), (None, "meta")],
)
def test_device_that_is_not_there_is_refused(pretend, there, device):
    pretend(there)

    with pytest.raises(ValueError) as error:
        resolve_device(device, owner="MLPClassifier")

    assert str(error.value) == (
        f"MLPClassifier was asked for device='{device}', but this torch "
        f"({torch.__version__}) finds no such device here. Use device='cpu', or "
        "device='auto' for the fastest that is there."
    )


def test_device_number_beyond_the_last_is_refused(pretend):
    pretend("cuda", count=2)

    with pytest.raises(ValueError) as error:
        resolve_device("cuda:2", owner="MLPClassifier")

    assert str(error.value) == (
        "MLPClassifier was asked for device='cuda:2', but the number of devices of "
        "type 'cuda' here is 2."
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_device_cuda_without_cuda_is_refused():
    with pytest.raises(ValueError, match="finds no such device here"):
        resolve_device("cuda", owner="MLPClassifier")


@pytest.mark.cuda
def test_device_auto_is_cuda_where_it_is():
    assert resolve_device("auto", owner="Net").type == "cuda"


@pytest.mark.parametrize(
    "device, precision, X_dtype, dtype, mixed",
    [
        ("cpu", "auto", np.float32, torch.float32, None),
        ("cpu", "auto", np.float64, torch.float64, None),
        ("cpu", "auto", np.int64, torch.float64, None),
        ("cpu", "float32", np.float64, torch.float32, None),
        ("cpu", "float64", np.float32, torch.float64, None),
        ("cpu", "bfloat16", np.float64, torch.float32, torch.bfloat16),
        ("cuda", "auto", np.float32, torch.float32, None),
        ("cuda", "auto", np.float64, torch.float32, None),
        ("cuda", "float64", np.float32, torch.float64, None),
        ("cuda", "bfloat16", np.float32, torch.float32, torch.bfloat16),
        ("mps", "auto", np.float64, torch.float32, None),
    ],
)
def test_placement_types_follow_from_device_precision_and_data(
    pretend, device, precision, X_dtype, dtype, mixed
):
    pretend(None if device == "cpu" else device)

    placement = resolve_placement(device, precision, np.dtype(X_dtype), owner="Net")

    number = None if device == "cpu" else 0
    assert placement == Placement(torch.device(device, number), dtype, mixed)
    assert placement.X_dtype == (mixed or dtype)


def test_placement_of_float64_on_mps_is_refused(pretend):
    pretend("mps")

    with pytest.raises(ValueError) as error:
        resolve_placement("auto", "float64", np.dtype("float64"), owner="MLPClassifier")

    assert str(error.value) == (
        "MLPClassifier was asked for precision='float64', which the device 'mps:0' "
        "cannot compute. Use precision='float32' or device='cpu'."
    )


def test_placement_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Placement(torch.device("cpu"), torch.float32).dtype = torch.float64


def test_autocast_computes_in_the_type_asked_for():
    X = torch.eye(3)

    with autocast("cpu", torch.bfloat16):
        mixed = X @ X
    with autocast("cpu", None):
        as_usual = X @ X

    assert (mixed.dtype, as_usual.dtype) == (torch.bfloat16, torch.float32)


def test_device_auto_spreads_processes_over_the_devices(pretend, monkeypatch):
    pretend("cuda", count=4)
    monkeypatch.setattr(multiprocessing, "parent_process", object)

    devices = set()
    for pid in range(100, 104):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        devices.add(resolve_device("auto", owner="Net"))

    assert devices == {torch.device("cuda", index) for index in range(4)}


def test_device_auto_of_the_first_process_is_the_current_one(pretend):
    pretend("cuda", count=4, current=1)

    assert resolve_device("auto", owner="Net") == torch.device("cuda", 1)


def test_device_auto_says_in_the_log_what_it_is(pretend, caplog):
    pretend("mps")
    with caplog.at_level("DEBUG", logger="sknn_deep"):
        resolve_device("auto", owner="MLPClassifier")

    assert caplog.messages == ["MLPClassifier: device='auto' is mps:0 here"]


@pytest.mark.parametrize("in_cache", [0, 300])
def test_array_that_a_gpu_has_no_room_for_is_found_out(in_cache, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 10**6))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 500 - in_cache)
    gpu = torch.device("cuda")
    largest = 750 + in_cache * 3 // 4

    assert has_room(gpu, largest) and not has_room(gpu, largest + 1)
    assert has_room(torch.device("cpu"), 10**15)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_placement_can_be_told_in_words(pretend, dtype, autocast):
    pretend("cuda", count=2)
    placement = Placement(torch.device("cuda", 1), dtype, autocast)

    names = placement.names()

    assert names == {
        "device": "cuda:1",
        "dtype": str(dtype).removeprefix("torch."),
        "autocast": None if autocast is None else "bfloat16",
    }
    assert Placement.of_names(**names) == placement
    pretend("cuda", count=1)
    assert Placement.of_names(**names) == Placement(
        torch.device("cpu"), dtype, autocast
    )


@pytest.mark.parametrize(
    ("kind", "device", "expected"),
    [
        ("cuda", "cuda:0", "cuda:0"),
        ("cuda", "cuda", "cuda"),
        ("cuda", "cuda:1", "cpu"),
        ("mps", "cuda:0", "cpu"),
        (None, "mps:0", "cpu"),
        (None, "cpu", "cpu"),
    ],
)
def test_device_that_is_missing_is_the_cpu(pretend, kind, device, expected):
    pretend(kind)

    assert device_or_cpu(torch.device(device)) == torch.device(expected)


# B51: A device that is not there raises, and `device_` tells where a fit ran.
@pytest.mark.must_never("B51")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_device_that_is_not_there_raises(Estimator, cancer, monkeypatch):
    no_training(monkeypatch)
    name = Estimator.__name__

    message = (
        f"The 'device' parameter of {name} must be 'auto' or a torch device such as "
        "'cpu', 'cuda', 'cuda:1' or 'mps'. Got 'nonsense' instead."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        make(Estimator, device="nonsense").fit(*cancer)
    if not torch.cuda.is_available():
        message = f"{name} was asked for device='cuda', but this torch"
        with pytest.raises(ValueError, match=message):
            make(Estimator, device="cuda").fit(*cancer)


@pytest.mark.must_never("B51")
@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda:0", marks=pytest.mark.cuda)]
)
def test_device_tells_where_it_ran(device, cancer):
    clf = make(MLPClassifier, device=device).fit(*cancer)

    assert clf.device_ == device
    assert {str(p.device) for p in clf.net_.module_.parameters()} == {device}


@pytest.mark.must_never("B51")
def test_auto_is_the_accelerator_or_the_cpu(cancer):
    clf = make(MLPClassifier).fit(*cancer)

    if torch.accelerator.is_available():
        kind = torch.accelerator.current_accelerator().type
        index = current_device_index()
        assert torch.device(clf.device_) == torch.device(kind, index)
    else:
        assert clf.device_ == "cpu"
