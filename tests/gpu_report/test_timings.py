"""What is timed: networks that learn the same, by hand and by this package."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

from sknn_deep.gpu_report import _timings
from sknn_deep.gpu_report._by_hand import HandLoop, captured
from sknn_deep.gpu_report._data import load_images
from sknn_deep.gpu_report._outcome import Comparison, Timing

CPU = torch.device("cpu")
TINY = dataclasses.replace(_timings.QUICK, n_images=1000, seconds_of_single_fits=0.0)


@pytest.fixture(scope="module")
def images():
    return load_images(None, 3000)


def test_drawn_images_are_digits_that_can_be_learned(images):
    assert images.X_train.shape == (3000, 784) and images.X_test.shape == (3000, 784)
    assert images.X_train.dtype == np.float32 and images.y_train.dtype == np.int64
    assert images.X_train.min() == 0 and images.X_train.max() == 1
    assert set(images.y_train) == set(images.y_test) == set(range(10))


def test_mnist_is_read_from_its_file(mnist, mnist_path):
    images = load_images(mnist_path, 2000)

    assert images.name == "MNIST"
    np.testing.assert_array_equal(images.X_train, mnist.X_train[:2000])
    np.testing.assert_array_equal(images.X_test, mnist.X_test)
    np.testing.assert_array_equal(images.y_train, mnist.y_train[:2000])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_loop_by_hand_and_the_estimator_learn_as_well(images):
    arguments = (CPU, images, 100, 4)

    ours, by_hand = _timings.train_ours(*arguments), _timings.train_by_hand(*arguments)

    assert ours.accuracy > 0.5
    assert abs(ours.accuracy - by_hand.accuracy) < 0.1
    assert 0 < ours.seconds_per_epoch < ours.seconds
    assert 0 < by_hand.seconds_per_epoch < by_hand.seconds


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_small_fits_have_the_same_scores_together_and_alone():
    timing, comparison = _timings.time_many_fits(CPU, TINY)

    assert timing.what == "fit of 3 epochs to digits, one of 75 together"
    assert timing.beside == "one by one (1 of them)"  # after which the time is over
    assert comparison.holds
    assert len(_timings.GRID["alpha"]) * len(_timings.GRID["learning_rate_init"]) == 15
    assert 15 * _timings.N_FOLDS * _timings.FULL.n_seeds_of_small_fits == 300


def test_a_worse_accuracy_than_the_loops_differs(monkeypatch):
    by_hand = _timings.Training(1.0, 0.1, 0.9)
    ours = dataclasses.replace(by_hand, seconds=2.0, accuracy=0.8)
    monkeypatch.setattr(_timings, "train_ours", lambda *args: ours)
    monkeypatch.setattr(_timings, "train_by_hand", lambda *args, **options: by_hand)

    *timings, accuracy = _timings.time_large_batches(CPU, TINY, None)

    assert timings[0] == Timing(
        "fit of 4 epochs, 1000 of images like MNIST, batch 2048",
        2.0,
        "loop by hand",
        1.0,
    )
    assert accuracy == Comparison("accuracy below the loop's", pytest.approx(0.1), 0.02)
    assert not accuracy.holds


def test_a_step_that_is_captured_is_replayed_for_whole_batches(monkeypatch):
    """In torch's order: three steps aside, one that is captured, then replays."""
    events = []

    class Stream:
        def wait_stream(self, other):
            events.append("wait")

    class Graph:
        def replay(self):
            events.append(f"replay {index_of_capture.tolist()}")

    @contextlib.contextmanager
    def graph(graph):
        events.append("begin")
        yield
        events.append("end")

    nothing = contextlib.nullcontext
    for name, value in {
        "device": lambda device: nothing(),
        "Stream": Stream,
        "current_stream": Stream,
        "stream": lambda stream: nothing(),
        "CUDAGraph": Graph,
        "graph": graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    index_of_capture = None

    def step(index):
        nonlocal index_of_capture
        if events[-1] == "begin":
            index_of_capture = index
        events.append(f"step {index.tolist()}")

    replayed = captured(step, 3, CPU)
    for index in torch.tensor([4, 2, 0, 3, 1]).split(3):
        replayed(index)

    aside, captured_step = ["step [0, 1, 2]"] * 3, ["begin", "step [0, 1, 2]", "end"]
    assert events == [
        *("wait", *aside, "wait", *captured_step),
        *("replay [4, 2, 0]", "step [3, 1]"),
    ]


@pytest.mark.cuda
def test_a_captured_loop_learns_as_one_that_is_not(images):
    device = torch.device("cuda", torch.cuda.current_device())
    accuracies = []
    for is_captured in (False, True):
        torch.manual_seed(0)
        loop = HandLoop(
            images.X_train, images.y_train, (128, 64), 128, device, capturable=True
        )
        step = captured(loop.step, 128, device) if is_captured else loop.step
        for rows in loop.batches(5):
            step(rows)
        accuracies.append(loop.accuracy(images.X_test, images.y_test))

    assert min(accuracies) > 0.5
    assert abs(accuracies[0] - accuracies[1]) < 0.05


@pytest.mark.cuda
def test_all_timings_run_on_a_gpu():
    device = torch.device("cuda", torch.cuda.current_device())
    for time_it in (
        _timings.time_large_batches,
        _timings.time_small_batches,
        _timings.time_beside_captured,
        _timings.time_predictions,
    ):
        for found in time_it(device, _timings.QUICK, None):
            assert found.holds if isinstance(found, Comparison) else found.seconds > 0
