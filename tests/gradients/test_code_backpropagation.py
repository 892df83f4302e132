"""The gradient of a loss that is about the code too, against autograd."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sknn_deep.gradients import explicit_gradient, fastest_gradient, recorded_gradient
from sknn_deep.gradients._code_backpropagation import can_backpropagate_code
from sknn_deep.modules import (
    Autoencoder,
    AutoencoderLoss,
    Dense,
    MeanOverFeatures,
    NeighborLoss,
    SquaredError,
    glorot_uniform_,
    scaled_code,
)

N_ROWS = 12


def make_module(*, dropout=0.0, normalization=None, noise=None, n_components=2):
    module = Autoencoder(
        (6, 5, n_components),
        (n_components, 4, 6),
        activations=["gelu"],
        decoder_activations=["tanh"],
        dropout=[dropout],
        decoder_dropout=[dropout],
        out_activation="logistic",
        normalization=normalization,
        noise=noise,
        noise_level=0.1,
        returns_code=True,
        dtype=torch.float64,
    )
    layers = [m for m in module.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(0))
    return module


def make_loss(sparsity_penalty=0.2):
    reconstruction = MeanOverFeatures(SquaredError(), factor=2.0)
    return NeighborLoss(reconstruction, 0.5, 1.3, sparsity_penalty)


def gradients(make_gradient, module, X, weight, *, scale):
    """Give the loss, the gradient of each parameter, and the code."""
    generator = torch.Generator().manual_seed(0)
    with (
        scaled_code(module, scale),
        make_gradient(
            module, make_loss(), n_rows=N_ROWS, generator=generator
        ) as gradient,
    ):
        value, output = gradient.compute(X, X, weight)
        grads = [p.grad.clone() for p in module.parameters()]
        return value.clone(), grads, output.code.clone()


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_written_out_gradient_equals_the_recorded_one(scale, dropout, weighted):
    X = torch.rand(N_ROWS, 6, generator=torch.Generator().manual_seed(1)).double()
    weight = torch.linspace(0.5, 2, N_ROWS, dtype=torch.float64) if weighted else None
    module = make_module(dropout=dropout)

    by_hand = gradients(explicit_gradient, module, X, weight, scale=scale)
    recorded = gradients(recorded_gradient, module, X, weight, scale=scale)
    assert_close(by_hand, recorded, rtol=1e-9, atol=1e-12)


def test_a_code_in_other_units_has_the_same_loss():
    X = torch.rand(N_ROWS, 6, generator=torch.Generator().manual_seed(1)).double()
    module = make_module()

    value, _, code = gradients(explicit_gradient, module, X, None, scale=1.0)
    scaled_value, _, scaled = gradients(explicit_gradient, module, X, None, scale=4.0)
    assert torch.equal(scaled_value, value)
    assert torch.equal(scaled, code)


def test_what_is_written_out_is_a_chain_with_a_loss_of_the_code():
    assert can_backpropagate_code(make_module(), make_loss())
    assert not can_backpropagate_code(make_module(noise="gaussian"), make_loss())
    assert not can_backpropagate_code(make_module(normalization="batch"), make_loss())
    # The sparse autoencoder's goes on to be recorded, to the same bits.
    loss = AutoencoderLoss(SquaredError(), sparsity_penalty=0.1)
    assert not can_backpropagate_code(make_module(), loss)


@pytest.mark.parametrize("noise", [None, "gaussian"])
def test_fastest_gradient_is_written_out_where_that_is_possible(noise):
    kind = fastest_gradient(make_module(noise=noise), make_loss())

    assert kind.is_explicit == (noise is None)
