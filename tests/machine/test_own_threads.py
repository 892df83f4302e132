"""The number of threads of one thread alone: no other thread comes to know of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import torch
from threadpoolctl import threadpool_limits

import sknn_deep.machine._own_threads as own_file
import sknn_deep.machine._threads as threads_file
from sknn_deep import MLPClassifier
from sknn_deep.machine import thread_count
from sknn_deep.machine._own_threads import find_libraries, own_threads
from sknn_deep.machine._threads import prediction_threads
from tests.estimators.fits import threads_of_a_new_thread

pytestmark = pytest.mark.usefixtures("three_threads")

needs_libraries = pytest.mark.skipif(
    find_libraries() is None, reason="OpenMP or MKL cannot be called here"
)


@needs_libraries
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_own_threads_hold_inside_for_the_calling_thread_alone(n_threads):
    with own_threads(n_threads):
        inside = torch.get_num_threads(), threads_of_a_new_thread()
    after = torch.get_num_threads(), threads_of_a_new_thread()

    assert inside == (n_threads, 3)
    assert after == (3, 3)


@needs_libraries
def test_own_threads_nest_and_come_back_after_an_error():
    with pytest.raises(KeyboardInterrupt), own_threads(1):
        with own_threads(2):
            inside = torch.get_num_threads()
        outside = torch.get_num_threads()
        raise KeyboardInterrupt

    assert (inside, outside, torch.get_num_threads()) == (2, 1, 3)


@needs_libraries
def test_own_threads_go_for_matrix_products_too():
    set_mkl = find_libraries().set_mkl
    if set_mkl is None:
        pytest.skip("torch has no MKL here")

    with own_threads(1):
        inside = set_mkl(1)  # gives the number before
    before_and_after = set_mkl(7), set_mkl(0)

    assert inside == 1
    assert before_and_after == (3, 7)  # torch.set_num_threads set MKL's too


@needs_libraries
def test_own_threads_within_threadpool_limits():
    with threadpool_limits(1, user_api="openmp"):
        with own_threads(2):
            inside = torch.get_num_threads()
        within = torch.get_num_threads()

    assert (inside, within) == (2, 1)
    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


@needs_libraries
def test_threads_that_start_while_others_predict_have_all_cores():
    X, y = [[0.0], [1.0]] * 5, [0, 1] * 5
    clf = MLPClassifier((3,), learning_rate="one_cycle", max_iter=2).fit(X, y)
    is_over = threading.Event()

    def predict():
        while not is_over.is_set():
            clf.predict(X)

    def count():
        clf.predict(X)
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as server:
        server.submit(predict)
        counts = []
        for _ in range(30):
            counts.append(threads_of_a_new_thread())
            with ThreadPoolExecutor(1) as pool:
                counts.append(pool.submit(count).result())
        is_over.set()

    assert set(counts) == {3}


@pytest.mark.parametrize("missing", ["openmp", "mkl"])
def test_without_the_libraries_fits_set_the_process_and_predictions_nothing(
    missing, monkeypatch
):
    if missing == "openmp":
        none = mock.Mock()
        none.return_value.select.return_value.lib_controllers = []
        monkeypatch.setattr(own_file, "ThreadpoolController", none)
    else:
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
        monkeypatch.setattr(own_file, "_find_mkl", lambda: None)
    found = find_libraries.__wrapped__()
    monkeypatch.setattr(threads_file, "find_libraries", lambda: found)

    with thread_count(1):
        training = torch.get_num_threads(), threads_of_a_new_thread()
    with prediction_threads(1):
        prediction = torch.get_num_threads(), threads_of_a_new_thread()

    assert found is None
    assert training == (1, 1)
    assert prediction == (3, 3)
