"""The autoencoder and what its code is held to, against formulas by hand."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from sknn_deep.gradients import recorded_gradient
from sknn_deep.modules import (
    Autoencoder,
    AutoencoderLoss,
    Dense,
    MeanOverFeatures,
    RandomLayer,
    SquaredError,
    glorot_uniform_,
    scaled_code,
)
from sknn_deep.modules._losses import AutoencoderOutput, row_shares


def make_autoencoder(**options):
    module = Autoencoder(
        (6, 4, 2),
        (2, 5, 6),
        activations=["gelu"],
        decoder_activations=["relu"],
        dropout=[0.0],
        decoder_dropout=[0.0],
        dtype=torch.float64,
        **options,
    )
    layers = [m for m in module.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(0))
    return module


def set_generator(module, seed=0):
    for layer in module.modules():
        if isinstance(layer, RandomLayer):
            layer.generator = torch.Generator().manual_seed(seed)
    return module


def make_X(n_rows=7, n_features=6):
    return torch.tensor(np.random.default_rng(0).normal(size=(n_rows, n_features)))


KINDS = {
    "plain": {},
    "gaussian": {"noise": "gaussian", "noise_level": 0.3},
    "masking": {"noise": "masking", "noise_level": 0.3},
    "sparse": {"returns_code": True},
    "variational": {"variational": True},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_autoencoder_in_prediction_decodes_what_it_encodes(options):
    module, X = make_autoencoder(**options).eval(), make_X()

    code = module.encode(X)

    assert code.shape == (7, 2)
    assert module.decode(code).shape == (7, 6)
    torch.testing.assert_close(module(X), module.decode(code), rtol=0, atol=0)


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_autoencoder_corrupts_its_input_while_training_only(noise):
    module = make_autoencoder(noise=noise, noise_level=0.3)
    X = make_X()

    trained = set_generator(module).train()(X)

    corrupted = set_generator(module).corruption(X)
    assert not torch.equal(corrupted, X)
    torch.testing.assert_close(trained, module.eval()(corrupted), rtol=0, atol=0)


def test_autoencoder_that_returns_its_code_does_so_while_training_only():
    module, X = make_autoencoder(returns_code=True), make_X()

    output = module.train()(X)

    torch.testing.assert_close(output.code, module.encode(X))
    torch.testing.assert_close(output.reconstruction, module.eval()(X))
    assert output.log_variance is None


def test_variational_autoencoder_decodes_a_draw_around_the_mean():
    module, X = make_autoencoder(variational=True), make_X()

    output = set_generator(module).train()(X)

    draw = set_generator(module).sample(output.code, output.log_variance)
    torch.testing.assert_close(output.reconstruction, module.decode(draw))
    torch.testing.assert_close(output.code, module.eval().encode(X))
    assert output.log_variance.shape == output.code.shape == (7, 2)


def make_output(variational):
    rng = np.random.default_rng(1)
    reconstruction, code, log_variance = (
        torch.tensor(rng.normal(size=(7, n))) for n in (6, 2, 2)
    )
    return AutoencoderOutput(
        reconstruction, code, log_variance if variational else None
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_autoencoder_loss_adds_the_mean_size_of_the_code(weighted):
    X, output = make_X(), make_output(variational=False)
    weight = torch.arange(7).double() if weighted else None
    reconstruction = MeanOverFeatures(SquaredError(), 2.0)

    value = AutoencoderLoss(reconstruction, sparsity_penalty=0.3)(output, X, weight)

    per_row = (output.reconstruction - X).square().mean(1)
    per_row = per_row + 0.3 * output.code.abs().mean(1)
    expected = np.average(per_row.numpy(), weights=weight)
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_autoencoder_loss_adds_torchs_divergence_from_a_standard_normal(weighted):
    X, output = make_X(), make_output(variational=True)
    weight = torch.arange(7).double() if weighted else None
    reconstruction = MeanOverFeatures(SquaredError(), 2.0)

    value = AutoencoderLoss(reconstruction, kl_weight=0.7)(output, X, weight)

    posterior = Normal(output.code, (0.5 * output.log_variance).exp())
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    per_row = (output.reconstruction - X).square().mean(1) + 0.7 * divergence / 6
    expected = np.average(per_row.numpy(), weights=weight)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_autoencoder_loss_of_a_plain_output_is_the_reconstruction_error():
    X, output = make_X(), make_output(variational=False).reconstruction
    reconstruction = MeanOverFeatures(SquaredError(), 2.0)
    loss = AutoencoderLoss(reconstruction, sparsity_penalty=0.3, kl_weight=0.7)

    torch.testing.assert_close(loss(output, X), reconstruction(output, X))
    shares = row_shares(None, output)
    torch.testing.assert_close(
        loss.gradient(output, X, shares), reconstruction.gradient(output, X, shares)
    )


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("autocast", [None, torch.bfloat16], ids=str)
def test_autoencoder_is_trained_by_autograd(options, autocast):
    module = make_autoencoder(**options).float().train()
    loss = AutoencoderLoss(
        MeanOverFeatures(SquaredError()), sparsity_penalty=0.1, kl_weight=0.1
    )
    X = make_X().float()

    with recorded_gradient(
        module,
        loss,
        n_rows=7,
        generator=torch.Generator().manual_seed(0),
        autocast=autocast,
    ) as gradient:
        value, _ = gradient.compute(X, X)
        gradients = [p.grad for p in module.parameters()]

    assert value.dtype == torch.float32
    assert all(g.isfinite().all() and g.any() for g in gradients)


def test_scaled_code_is_the_same_code():
    module = make_autoencoder(returns_code=True)
    X = torch.rand(5, 6, generator=torch.Generator().manual_seed(0)).double()
    code, back = module.encode(X), module.decode(module.encode(X))
    state = {name: t.clone() for name, t in module.state_dict().items()}

    with scaled_code(module, 4.0):
        output = module(X)
        assert torch.equal(output.code, code)
        assert torch.equal(output.reconstruction, back)
        assert torch.equal(module.encode(X), code)
        assert torch.equal(module.decode(code), back)
        assert torch.equal(module.encoder(X) * 4, code)
    assert all(torch.equal(t, state[name]) for name, t in module.state_dict().items())
    assert torch.equal(module.encoder(X), code)


def test_scaled_code_ends_with_an_error_too():
    module = make_autoencoder(returns_code=True)

    with pytest.raises(KeyboardInterrupt), scaled_code(module, 4.0):
        raise KeyboardInterrupt
    assert module.code_scale == 1
