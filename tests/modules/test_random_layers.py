"""Layers that draw: the right distribution, from the right generator."""

import pytest
import torch

from sknn_deep.modules import Dropout, GaussianNoise, MaskingNoise
from sknn_deep.modules._random_layers import NormalSample, dropout_mask

N = 2**20


def make_generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw_mask(shape=(N,), p=0.3, generator=None, dtype=torch.float64):
    return dropout_mask(
        shape,
        p,
        generator or make_generator(),
        dtype=dtype,
        device=torch.device("cpu"),
    )


def make_layers():
    return {
        "dropout": Dropout(0.3),
        "masking": MaskingNoise(0.3),
        "gaussian": GaussianNoise(0.5),
    }


layers = pytest.mark.parametrize(
    "layer", make_layers().values(), ids=make_layers().keys()
)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_dropout_mask_is_zero_with_probability_p(p):
    share = (draw_mask(p=p) == 0).double().mean().item()

    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / N) ** 0.5 + 2**-17)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dropout_mask_holds_zero_and_the_inverse_of_the_rounded_share(p, dtype):
    rounded = round(p * 2**16) / 2**16
    scale = torch.tensor(1 / (1 - rounded), dtype=dtype)

    mask = draw_mask(p=p, dtype=dtype)

    assert mask.dtype == dtype
    torch.testing.assert_close(
        mask.unique(), torch.stack([torch.zeros_like(scale), scale]), rtol=1e-7, atol=0
    )


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_mask_has_mean_one(p):
    deviation = (p / (1 - p)) ** 0.5

    assert draw_mask(p=p).mean().item() == pytest.approx(1, abs=5 * deviation / N**0.5)


def test_dropout_mask_of_a_tiny_share_keeps_all():
    assert torch.equal(draw_mask(p=2.0**-18), torch.ones(N).double())


def test_dropout_mask_of_almost_one_is_finite():
    mask = draw_mask(p=1 - 2.0**-20)

    assert mask.isfinite().all()
    assert mask.max() == 2.0**16


@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, 3, 7), (0, 4)])
def test_dropout_mask_has_the_shape_asked_for(shape):
    assert draw_mask(shape).shape == shape


def test_dropout_mask_follows_from_the_generator():
    one, other = make_generator(), make_generator()

    assert torch.equal(draw_mask(generator=one), draw_mask(generator=other))
    assert not torch.equal(draw_mask(generator=one), draw_mask())


def test_dropout_mask_leaves_torchs_global_generator_alone():
    before = torch.get_rng_state()

    draw_mask()

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8])
def test_dropout_mask_elements_are_independent(lag):
    # Four elements share a random word of 64 bits.
    kept = (draw_mask(p=0.5) > 0).double() - 0.5

    correlation = 4 * (kept[lag:] * kept[:-lag]).mean().item()

    assert abs(correlation) < 5 / N**0.5


def test_dropout_multiplies_by_its_mask():
    layer = Dropout(0.3).train()
    layer.generator = make_generator()
    X = torch.randn(7, 5, generator=make_generator(1)).double().requires_grad_()

    output = layer(X)
    output.sum().backward()

    mask = draw_mask((7, 5))
    torch.testing.assert_close(output, X * mask)
    torch.testing.assert_close(X.grad, mask)


@layers
def test_random_layer_passes_on_what_it_gets_in_prediction(layer):
    X = torch.randn(7, 5, generator=make_generator(1))

    assert torch.equal(layer.eval()(X), X)


@layers
def test_random_layer_leaves_torchs_global_generator_and_its_input_alone(layer):
    X = torch.randn(7, 5, generator=make_generator(1))
    X_before, before = X.clone(), torch.get_rng_state()
    layer.generator = make_generator()

    output = layer.train()(X)

    assert not torch.equal(output, X)
    assert torch.equal(X, X_before)
    assert torch.equal(torch.get_rng_state(), before)


@layers
def test_random_layer_follows_from_its_generator(layer):
    X = torch.randn(7, 5, generator=make_generator(1))
    layer.train()

    def output(seed):
        layer.generator = make_generator(seed)
        return layer(X)

    assert torch.equal(output(0), output(0))
    assert not torch.equal(output(0), output(1))


@pytest.mark.parametrize(
    "layer", [Dropout(0), MaskingNoise(0), GaussianNoise(0)], ids=lambda m: repr(m)
)
def test_random_layer_of_level_zero_changes_nothing(layer):
    X = torch.randn(7, 5, generator=make_generator(1))
    layer.generator = make_generator()

    assert torch.equal(layer.train()(X), X)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_masking_noise_keeps_the_rest_as_it_is(p):
    X = torch.randn(1000, 5, generator=make_generator(1)).double()
    layer = MaskingNoise(p).train()
    layer.generator = make_generator()

    output = layer(X)

    kept = output != 0
    assert kept.double().mean().item() == pytest.approx(1 - p, abs=0.05)
    assert torch.equal(output[kept], X[kept])


def test_gaussian_noise_has_mean_zero_and_its_standard_deviation():
    layer = GaussianNoise(0.5).train()
    layer.generator = make_generator()

    noise = layer(torch.zeros(N).double())

    assert noise.mean().item() == pytest.approx(0, abs=5 * 0.5 / N**0.5)
    assert noise.std().item() == pytest.approx(0.5, abs=5 * 0.5 / (2 * N) ** 0.5)


def test_normal_sample_has_the_mean_and_variance_asked_for():
    layer = NormalSample().train()
    layer.generator = make_generator()
    mean = torch.full((N,), 3.0).double()
    log_variance = torch.full((N,), 4.0).double().log()

    sample = layer(mean, log_variance)

    assert sample.mean().item() == pytest.approx(3, abs=5 * 2 / N**0.5)
    assert sample.var().item() == pytest.approx(4, rel=5 * (2 / N) ** 0.5)
    assert torch.equal(layer.eval()(mean, log_variance), mean)
