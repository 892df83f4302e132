"""Every activation function against torch's own module and its autograd."""

import numpy as np
import pytest
import scipy.special
import torch

from sknn_deep.modules import ACTIVATIONS, OUT_ACTIVATIONS
from sknn_deep.modules._activations import log_softmax_by_class

names = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


def make_inputs(dtype=torch.float64):
    """Random numbers, the points where some derivative jumps, and large numbers."""
    rng = np.random.default_rng(0)
    special = [0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 20.0, 40.0, -40.0, 500.0, -500.0]
    z = np.concatenate([rng.normal(scale=3.0, size=109), special])
    return torch.tensor(z, dtype=dtype).reshape(10, 12)


def differentiate(module, z, gradient):
    """Return what autograd makes of `module`: its output and the derivative by z."""
    z = z.clone().requires_grad_()
    output = module(z)
    output.backward(gradient)
    return output.detach(), z.grad


def assert_same(actual, expected, tolerance=1e-12):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@names
def test_activation_equals_autograd(name):
    activation = ACTIVATIONS[name]
    z = make_inputs()
    gradient = torch.randn(z.shape, generator=torch.Generator().manual_seed(1)).double()
    expected, expected_gradient = differentiate(activation.module(), z, gradient)

    before = z.clone()
    output = activation.forward(z, torch.empty_like(z))
    saved = output if activation.derivative_from == "output" else z
    result = activation.backward_(gradient, saved)

    assert_same(output, expected)
    assert_same(result, expected_gradient)
    assert torch.equal(z, before)
    assert result.data_ptr() == gradient.data_ptr()


@pytest.mark.parametrize(
    "name", sorted(n for n, a in ACTIVATIONS.items() if a.derivative_from == "output")
)
def test_activation_in_place_equals_autograd(name):
    activation = ACTIVATIONS[name]
    z = make_inputs()
    gradient = torch.randn(z.shape, generator=torch.Generator().manual_seed(1)).double()
    expected, expected_gradient = differentiate(activation.module(), z, gradient)

    output = activation.forward(z, z)
    result = activation.backward_(gradient, output)

    assert output.data_ptr() == z.data_ptr()
    assert_same(output, expected)
    assert_same(result, expected_gradient)


@names
def test_activation_backward_leaves_saved_values_alone(name):
    activation = ACTIVATIONS[name]
    z = make_inputs()
    output = activation.forward(z, torch.empty_like(z))
    saved = output if activation.derivative_from == "output" else z
    before = saved.clone()

    activation.backward_(torch.ones_like(z), saved)

    assert torch.equal(saved, before)


@names
def test_activation_works_on_the_first_rows_of_larger_buffers(name):
    activation = ACTIVATIONS[name]
    z = make_inputs()
    gradient = torch.ones_like(z)
    expected, expected_gradient = differentiate(activation.module(), z, gradient)
    buffers = [torch.full((15, 12), torch.nan, dtype=z.dtype) for _ in range(2)]
    buffers[1][:10] = gradient

    output = activation.forward(z, buffers[0][:10])
    saved = output if activation.derivative_from == "output" else z
    result = activation.backward_(buffers[1][:10], saved)

    assert_same(output, expected)
    assert_same(result, expected_gradient)


@names
def test_activation_in_float32_equals_its_module(name):
    activation = ACTIVATIONS[name]
    z = make_inputs(torch.float32)
    expected, expected_gradient = differentiate(
        activation.module(), z, torch.ones_like(z)
    )

    output = activation.forward(z, torch.empty_like(z))
    saved = output if activation.derivative_from == "output" else z
    result = activation.backward_(torch.ones_like(z), saved)

    assert_same(output, expected, tolerance=1e-6)
    assert_same(result, expected_gradient, tolerance=1e-5)


@names
def test_activation_passes_nan_on(name):
    z = torch.tensor([torch.nan, 1.0])

    output = ACTIVATIONS[name].forward(z, torch.empty_like(z))

    assert output.isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    "name, oracle",
    [
        ("identity", lambda z: z),
        ("exp", np.exp),
        ("logistic", scipy.special.expit),
        ("softmax", lambda z: scipy.special.softmax(z, axis=1)),
    ],
)
def test_out_activation_equals_scipy(name, oracle):
    z = np.random.default_rng(0).normal(size=(6, 4), scale=5.0)

    result = OUT_ACTIVATIONS[name](torch.from_numpy(z)).numpy()

    np.testing.assert_allclose(result, oracle(z), rtol=1e-13)


def test_out_activations_of_large_numbers_are_finite():
    z = torch.tensor([[1e4, -1e4, 0.0]])

    assert OUT_ACTIVATIONS["softmax"](z).tolist() == [[1.0, 0.0, 0.0]]
    assert OUT_ACTIVATIONS["logistic"](z).tolist() == [[1.0, 0.0, 0.5]]


@pytest.mark.parametrize("n_classes", [2, 10, 64, 65, 300])
@pytest.mark.parametrize("shape", [(7,), (3, 7)], ids=["network", "stack"])
def test_softmax_is_torchs_whichever_way_it_goes(n_classes, shape):
    z = 5 * torch.randn(*shape, n_classes, generator=torch.Generator().manual_seed(0))

    probabilities = OUT_ACTIVATIONS["softmax"](z)

    assert probabilities.is_contiguous()
    torch.testing.assert_close(probabilities, torch.softmax(z, dim=-1))
    torch.testing.assert_close(log_softmax_by_class(z).mT, torch.log_softmax(z, dim=-1))
