"""The number of threads comes back, whoever fits beside whom."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import sknn_deep.training._threads as threads_file
from sknn_deep.modules import MLP
from sknn_deep.training import minimize_lbfgs, thread_count, threads_for
from sknn_deep.training._threads import _ONE_THREAD_BELOW, one_blas_thread


@pytest.fixture(autouse=True)
def three_threads():
    """Start from a number that no test sets."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def count_in_new_thread():
    """Return how many threads torch would use in a thread that starts now."""
    counts = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return counts[0]


@pytest.mark.parametrize("n_threads, expected", [(1, 1), (2, 2), (None, 3)])
def test_thread_count_holds_inside_and_not_after(n_threads, expected):
    with thread_count(n_threads):
        inside = torch.get_num_threads()

    assert inside == expected
    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_is_restored_after_an_error():
    with pytest.raises(KeyboardInterrupt), thread_count(1):
        raise KeyboardInterrupt

    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_nested_is_restored_after_the_outermost():
    with thread_count(1), thread_count(2), thread_count(None):
        pass

    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_nested_gives_the_outer_number_back():
    with thread_count(1):
        with thread_count(2):
            inside = torch.get_num_threads()
        after = torch.get_num_threads()

    assert (inside, after) == (2, 1)


def test_thread_count_of_fits_side_by_side_is_each_ones_own_and_restored():
    barrier = threading.Barrier(2, timeout=10)

    def fit(n_threads):
        with thread_count(n_threads):
            barrier.wait()
            inside = torch.get_num_threads()
            barrier.wait()
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(fit, [1, 2]))

    assert seen == [(1, 3), (2, 3)]
    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_is_restored_when_the_first_fit_ends_first():
    started, ended = threading.Event(), threading.Event()
    counts = []

    def fit_beside():
        with thread_count(2):
            started.set()
            ended.wait(10)
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=fit_beside)
    with thread_count(1):
        thread.start()
        started.wait(10)
    after_the_first = torch.get_num_threads()
    ended.set()
    thread.join()

    assert counts == [2, 3]
    assert after_the_first == torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_of_a_thread_that_began_during_a_fit_is_not_taken_for_all():
    began, go_on = threading.Event(), threading.Event()

    def use_torch_then_fit():
        torch.get_num_threads()  # takes on the number of the fit beside it
        began.set()
        go_on.wait(10)
        with thread_count(2):
            pass

    thread = threading.Thread(target=use_torch_then_fit)
    with thread_count(1):
        thread.start()
        began.wait(10)
    go_on.set()
    thread.join()

    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_within_threadpool_limits_is_not_taken_for_all():
    with threadpool_limits(1):
        with thread_count(2):
            pass
        within = torch.get_num_threads()

    assert within == 1
    assert torch.get_num_threads() == count_in_new_thread() == 3


def test_thread_count_leaves_a_thread_the_number_that_it_set_itself():
    began, go_on = threading.Event(), threading.Event()
    counts = []

    def fit_again_and_again():
        torch.set_num_threads(2)
        with thread_count(1):
            pass
        began.set()
        go_on.wait(10)
        with thread_count(1):
            pass
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=fit_again_and_again)
    thread.start()
    began.wait(10)
    with thread_count(1):
        go_on.set()
        thread.join()

    assert counts == [2]


def test_thread_count_starts_no_thread_to_look_up_what_is_known(monkeypatch):
    with thread_count(1):
        pass
    look_up = mock.Mock(wraps=threads_file._in_new_thread)
    monkeypatch.setattr(threads_file, "_in_new_thread", look_up)

    for _ in range(3):
        with thread_count(1):
            pass
    with thread_count(3), thread_count(None):
        pass
    assert look_up.call_count == 0

    monkeypatch.setattr(threads_file, "_KNOWN_FOR", 0.0)
    torch.set_num_threads(2)
    for _ in range(3):
        with thread_count(1):
            pass
    assert look_up.call_count == 3
    assert torch.get_num_threads() == count_in_new_thread() == 2


def test_thread_count_after_many_concurrent_uses_is_as_before():
    def fit(n_threads):
        with thread_count(n_threads):
            (torch.ones(20, 20) @ torch.ones(20, 20)).sum().item()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fit, [1, 2, None, 4] * 50))

    assert torch.get_num_threads() == count_in_new_thread() == 3


@pytest.mark.parametrize("device, small", [("cpu", 1), ("meta", None)])
def test_small_steps_take_one_thread_on_the_cpu(device, small):
    with torch.device(device):
        module = MLP((9, 10), activations=[], dropout=[])  # of 100 parameters
    n_rows = round(_ONE_THREAD_BELOW / 600)

    assert threads_for(module, n_rows - 1) == small
    assert threads_for(module, n_rows + 1) is None
    # The gradients are two thirds of the work.
    assert threads_for(module, 3 * n_rows - 3, is_training=False) == small
    assert threads_for(module, 3 * n_rows + 3, is_training=False) is None


def test_products_with_zeros_of_sparse_rows_are_no_work():
    module = MLP((99, 10), activations=[], dropout=[])  # of 1,000 parameters
    n_rows = round(_ONE_THREAD_BELOW / 6000)

    assert threads_for(module, 2 * n_rows) is None
    assert threads_for(module, 2 * n_rows, density=0.1) == 1
    assert threads_for(module, 20 * n_rows, density=0.1) is None


# --- NumPy's and SciPy's BLAS -------------------------------------------------------


def blas_threads():
    return {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if library["internal_api"] == "openblas"
    }


@pytest.fixture
def three_blas_threads():
    with threadpool_limits(3, user_api="blas"):
        if not blas_threads():
            pytest.skip("no OpenBLAS here")
        yield


def test_one_blas_thread_holds_inside_and_not_after(three_blas_threads):
    with pytest.raises(KeyboardInterrupt), one_blas_thread():
        inside = blas_threads()
        raise KeyboardInterrupt

    assert set(inside.values()) == {1}
    assert set(blas_threads().values()) == {3}


def test_one_blas_thread_is_set_back_by_the_last(three_blas_threads):
    first, last = one_blas_thread(), one_blas_thread()
    first.__enter__()
    last.__enter__()

    first.__exit__(None, None, None)
    between = blas_threads()
    last.__exit__(None, None, None)

    assert set(between.values()) == {1}
    assert set(blas_threads().values()) == {3}


def test_lbfgs_leaves_torchs_threads_the_cores(three_blas_threads):
    seen = []

    def loss_and_gradient():
        seen.extend(blas_threads().values())
        module.weight.grad = module.weight.detach().clone()
        return 0.5 * module.weight.square().sum().item()

    module = torch.nn.Linear(3, 2, bias=False, dtype=torch.float64)

    minimize_lbfgs(module, loss_and_gradient, max_iter=5, max_fun=10, tol=1e-9)

    assert set(seen) == {1}
    assert set(blas_threads().values()) == {3}
