"""The process's number of threads comes back, whoever fits beside whom."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from threadpoolctl import threadpool_limits

from sknn_deep.machine._process_threads import process_threads
from tests.estimators.fits import threads_of_a_new_thread

pytestmark = pytest.mark.usefixtures("three_threads")


@pytest.mark.parametrize("n_threads, expected", [(1, 1), (2, 2), (None, 3)])
def test_process_threads_holds_inside_and_not_after(n_threads, expected):
    with process_threads(n_threads):
        inside = torch.get_num_threads()

    assert inside == expected
    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_is_restored_after_an_error():
    with pytest.raises(KeyboardInterrupt), process_threads(1):
        raise KeyboardInterrupt

    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_nested_is_restored_after_the_outermost():
    with process_threads(1), process_threads(2), process_threads(None):
        pass

    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_nested_gives_the_outer_number_back():
    with process_threads(1):
        with process_threads(2):
            inside = torch.get_num_threads()
        after = torch.get_num_threads()

    assert (inside, after) == (2, 1)


def test_process_threads_of_fits_side_by_side_is_each_ones_own_and_restored():
    barrier = threading.Barrier(2, timeout=10)

    def fit(n_threads):
        with process_threads(n_threads):
            barrier.wait()
            inside = torch.get_num_threads()
            barrier.wait()
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(fit, [1, 2]))

    assert seen == [(1, 3), (2, 3)]
    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_is_restored_when_the_first_fit_ends_first():
    started, ended = threading.Event(), threading.Event()
    counts = []

    def fit_beside():
        with process_threads(2):
            started.set()
            ended.wait(10)
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=fit_beside)
    with process_threads(1):
        thread.start()
        started.wait(10)
    after_the_first = torch.get_num_threads()
    ended.set()
    thread.join()

    assert counts == [2, 3]
    assert after_the_first == torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_of_a_thread_that_began_during_a_fit_is_not_taken_for_all():
    began, go_on = threading.Event(), threading.Event()

    def use_torch_then_fit():
        torch.get_num_threads()  # takes on the number of the fit beside it
        began.set()
        go_on.wait(10)
        with process_threads(2):
            pass

    thread = threading.Thread(target=use_torch_then_fit)
    with process_threads(1):
        thread.start()
        began.wait(10)
    go_on.set()
    thread.join()

    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_within_threadpool_limits_is_not_taken_for_all():
    with threadpool_limits(1):
        with process_threads(2):
            pass
        within = torch.get_num_threads()

    assert within == 1
    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_process_threads_after_many_concurrent_uses_is_as_before():
    def fit(n_threads):
        with process_threads(n_threads):
            (torch.ones(20, 20) @ torch.ones(20, 20)).sum().item()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fit, [1, 2, None, 4] * 50))

    assert torch.get_num_threads() == threads_of_a_new_thread() == 3
