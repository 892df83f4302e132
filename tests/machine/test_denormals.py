"""Denormal numbers are zero within a step, and numbers again for everybody else."""

import sys
import threading

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

import sknn_deep.machine._denormals as denormals_file
from sknn_deep import MLPClassifier
from sknn_deep.machine._denormals import flushed_denormals

pytestmark = pytest.mark.skipif(
    not (torch.set_flush_denormal(True) and torch.set_flush_denormal(False)),
    reason="the processor knows no flushing of denormal numbers",
)

needs_openmp = pytest.mark.skipif(
    denormals_file._find_openmp() is None, reason="OpenMP cannot be called here"
)


def share_of_zeros():
    """Multiply to denormal numbers in as many threads as torch has."""
    product = torch.full((1_000_000,), 1e-30) * 1e-10
    # Compared as floats, flushed numbers would be equal to zero whatever they are.
    return (product.numpy().view(np.int32) == 0).mean()


def is_flushed_here():
    smallest_normal = sys.float_info.min
    return smallest_normal / 2 == 0


@needs_openmp
def test_they_are_zero_inside_in_all_threads_and_numbers_after(three_threads):
    before = share_of_zeros()
    with flushed_denormals():
        inside = share_of_zeros()
    after = share_of_zeros()

    assert (before, inside, after) == (0, 1, 0)


@needs_openmp
def test_threads_that_start_inside_go_back_too(three_threads):
    shares = []

    def run():  # OpenMP has threads of its own for each thread
        with flushed_denormals():
            shares.append(share_of_zeros())
        shares.append(share_of_zeros())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert shares == [1, 0]


def test_without_openmp_the_calling_thread_flushes(three_threads, monkeypatch):
    monkeypatch.setattr(denormals_file, "_find_openmp", lambda: None)

    with flushed_denormals():
        inside = is_flushed_here()

    assert inside and not is_flushed_here()


def test_who_flushes_anyway_goes_on(three_threads):
    torch.set_flush_denormal(True)
    try:
        with flushed_denormals():
            inside = is_flushed_here()
        after = is_flushed_here()
    finally:
        torch.set_flush_denormal(False)

    assert inside and after


def test_an_error_ends_it():
    with pytest.raises(KeyboardInterrupt), flushed_denormals():
        raise KeyboardInterrupt

    assert not is_flushed_here()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_estimators", [1, 3], ids=["net", "stack"])
def test_a_fit_leaves_no_weights_that_are_denormal(n_estimators):
    X = np.zeros((40, 3), np.float32)
    X[:, 0] = np.linspace(-1, 1, 40)
    # The L2 penalty halves the weights of features that are always zero, at each step.
    clf = MLPClassifier(
        (4,),
        solver="sgd",
        momentum=0,
        alpha=40,
        learning_rate_init=0.5,
        max_iter=135,
        n_iter_no_change=135,
        n_estimators=n_estimators,
        random_state=0,
    ).fit(X, X[:, 0] > 0)

    nets = [clf] if n_estimators == 1 else clf.estimators_
    of_zeros = np.concatenate([net.coefs_[0][1:].ravel() for net in nets])
    assert (of_zeros.view(np.int32) << 1 == 0).all()  # but for the sign
    assert not is_flushed_here()


class Watcher(Callback):
    def __init__(self):
        self.seen_ = set()

    def _look(self, net, **kwargs):
        self.seen_.add(is_flushed_here())


class EpochWatcher(Watcher):
    on_epoch_end = Watcher._look


class BatchWatcher(Watcher):
    on_batch_end = Watcher._look


class GradientWatcher(Watcher):
    on_grad_computed = Watcher._look


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("watcher", [EpochWatcher, BatchWatcher, GradientWatcher])
def test_callbacks_compute_with_all_numbers(watcher):
    X = np.linspace(-1, 1, 40)[:, None]
    clf = MLPClassifier((4,), max_iter=2, callbacks=[watcher()], tol=0)
    clf.fit(X, X[:, 0] > 0)

    (callback,) = (cb for _, cb in clf.net_.callbacks_ if isinstance(cb, watcher))
    assert callback.seen_ == {False}
