"""How many threads work is worth, and SciPy's beside torch's."""

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from sknn_deep.machine import thread_count
from sknn_deep.machine._threads import (
    _ALONE_ANYWAY,
    _BLOCK_IN_ONE_THREAD_BELOW,
    _STACK_IN_OWN_THREAD_FROM,
    _STEP_IN_ONE_THREAD_BELOW,
    networks_for_a_core,
    one_blas_thread,
    threads_for_block,
    threads_for_stack,
    threads_for_step,
)
from sknn_deep.modules import MLP
from sknn_deep.optimizers import minimize_lbfgs


def test_thread_count_of_none_is_what_it_was():
    before = torch.get_num_threads()

    with thread_count(None):
        inside = torch.get_num_threads()

    assert inside == torch.get_num_threads() == before


@pytest.mark.parametrize("device, small", [("cpu", 1), ("meta", None)])
def test_small_steps_and_blocks_take_one_thread_on_the_cpu(device, small):
    with torch.device(device):
        module = MLP((9, 10), activations=[], dropout=[])  # of 100 parameters
    parameters = list(module.parameters())
    n_rows = round(_STEP_IN_ONE_THREAD_BELOW / 600)
    where, n_of_block = torch.device(device), round(_BLOCK_IN_ONE_THREAD_BELOW / 2)

    assert threads_for_step(parameters, n_rows - 1) == small
    assert threads_for_step(parameters, n_rows + 1) is None
    assert threads_for_block(n_of_block - 1, where) == small
    assert threads_for_block(n_of_block + 1, where) is None


def test_nothing_is_set_for_what_no_library_divides():
    assert threads_for_block(_ALONE_ANYWAY, torch.device("cpu")) is None
    assert threads_for_block(_ALONE_ANYWAY + 1, torch.device("cpu")) == 1


def test_products_with_zeros_of_sparse_rows_are_no_work():
    module = MLP((99, 10), activations=[], dropout=[])  # of 1,000 parameters
    parameters = list(module.parameters())
    n_rows = round(_STEP_IN_ONE_THREAD_BELOW / 6000)

    assert threads_for_step(parameters, 2 * n_rows) is None
    assert threads_for_step(parameters, 2 * n_rows, density=0.1) == 1
    assert threads_for_step(parameters, 20 * n_rows, density=0.1) is None


@pytest.mark.parametrize("dtype, share", [("float32", 1), ("float64", 2)])
@pytest.mark.parametrize("device, small", [("cpu", 1), ("meta", None)])
def test_stacks_take_two_threads_from_as_many_networks_as_two_are_worth(
    dtype, share, device, small
):
    with torch.device(device):
        module = MLP((9, 10), activations=[], dropout=[])  # of 100 parameters
    parameters = list(module.to(getattr(torch, dtype)).parameters())
    n_rows = round(_STACK_IN_OWN_THREAD_FROM / 600 / share / 10)

    assert networks_for_a_core(parameters, n_rows + 1) == 10
    assert networks_for_a_core(parameters, n_rows - 1) == 11
    assert threads_for_stack(parameters, n_rows + 1, 19) == small
    assert threads_for_stack(parameters, n_rows + 1, 20) is None


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
