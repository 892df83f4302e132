"""The loss of neighbors, against a double loop and autograd."""

import math

import pytest
import torch
from torch.testing import assert_close

from sknn_deep.modules import AutoencoderOutput, NeighborLoss, SquaredError, row_shares
from sknn_deep.modules._neighbor_loss import neighbor_gradient, neighbor_loss

A = 1.3  # the exaggeration
N_PAIRS = 7


def make_code(n_components=2, *, spread=3.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shape = (2 * N_PAIRS, n_components)
    return torch.randn(shape, generator=generator, dtype=dtype) * spread


def make_weight(n=N_PAIRS):
    return torch.linspace(0.5, 2.0, n, dtype=torch.float64)


def loss_by_loops(code, weight):
    rows, partners = code[:N_PAIRS].tolist(), code[N_PAIRS:].tolist()

    def kernel(i, k):
        return 1 / (1 + math.dist(rows[i], partners[k]) ** 2)

    total = 0.0
    for i in range(N_PAIRS):
        row_sum = 0.0
        for k in range(N_PAIRS):
            row_sum += kernel(i, k)
        loss = math.log(row_sum) - A * math.log(kernel(i, i))
        total += weight[i].item() * loss
    return total / weight.sum().item()


@pytest.mark.parametrize("n_components", [1, 2, 10])
def test_neighbor_loss_equals_a_double_loop(n_components):
    code, weight = make_code(n_components), make_weight()
    shares = row_shares(weight, code[:N_PAIRS])

    expected = loss_by_loops(code, weight)
    assert neighbor_loss(code, shares, A).item() == pytest.approx(expected, rel=1e-12)
    value, _ = neighbor_gradient(code, shares, A)
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_components", [1, 2, 10])
def test_neighbor_gradient_equals_autograd(n_components):
    code = make_code(n_components).requires_grad_()
    shares = row_shares(make_weight(), code[:N_PAIRS].detach())

    neighbor_loss(code, shares, A).backward()
    _, delta = neighbor_gradient(code.detach(), shares, A)
    assert_close(delta, code.grad, rtol=1e-10, atol=1e-12)


def test_neighbor_gradient_does_not_depend_on_where_the_code_lies():
    code = make_code(dtype=torch.float32)
    shares = row_shares(None, code[:N_PAIRS])

    value, delta = neighbor_gradient(code, shares, A)
    far_value, far_delta = neighbor_gradient(code + 1000, shares, A)
    # What is left is the rounding of the codes themselves.
    assert_close(far_value, value, rtol=0, atol=2e-4)
    assert_close(far_delta, delta, rtol=0, atol=2e-4)


def test_neighbor_loss_of_equal_codes_is_that_of_guessing():
    code = torch.ones(2 * N_PAIRS, 2, dtype=torch.float64, requires_grad=True)
    shares = row_shares(None, code[:N_PAIRS].detach())

    value = neighbor_loss(code, shares, A)
    value.backward()
    assert value.item() == pytest.approx(math.log(N_PAIRS))
    by_hand, delta = neighbor_gradient(code.detach(), shares, A)
    assert by_hand.item() == pytest.approx(math.log(N_PAIRS))
    assert (code.grad == 0).all() and (delta == 0).all()


@pytest.mark.parametrize("weight", [None, make_weight(2 * N_PAIRS)])
def test_neighbor_loss_module_is_the_sum_of_its_parts(weight):
    loss = NeighborLoss(SquaredError(), 0.7, A, sparsity_penalty=0.3)
    code = make_code().requires_grad_()
    X = torch.linspace(-1, 1, 2 * N_PAIRS * 4, dtype=torch.float64).view(-1, 4)
    output = AutoencoderOutput(X * 0.5, code, None)

    value = loss(output, X, weight)
    value.backward()

    shares = row_shares(weight, code.detach())
    anchors = None if weight is None else weight[:N_PAIRS]
    own = neighbor_loss(code.detach(), row_shares(anchors, code.detach()[:N_PAIRS]), A)
    sparsity = (code.detach().abs().mean(dim=1, keepdim=True) * shares).sum()
    expected = SquaredError()(X * 0.5, X, weight) + 0.7 * own + 0.3 * sparsity
    assert_close(value.detach(), expected)
    assert_close(loss.terms()["neighbor_loss"], own)
    code_value, delta = loss.code_gradient(code.detach(), weight, shares)
    assert_close(code_value, 0.7 * own + 0.3 * sparsity)
    assert_close(delta, code.grad)


def test_neighbor_loss_of_a_validation_is_the_reconstruction_alone():
    loss = NeighborLoss(SquaredError(), neighbors_weight=1.0, exaggeration=A)
    X = torch.ones(3, 2)

    assert loss(X * 0, X).item() == SquaredError()(X * 0, X).item() == 1.0
