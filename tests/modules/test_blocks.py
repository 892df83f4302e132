"""The parts of a network: how they start, and what they compute."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier

from sknn_deep.modules import (
    ACTIVATIONS,
    MLP,
    BatchNorm,
    Dense,
    DenseBlock,
    glorot_uniform_,
)


def make_X(n_rows, n_features=4):
    return torch.tensor(np.random.default_rng(0).normal(size=(n_rows, n_features)))


def test_dense_starts_at_zero():
    layer = Dense(4, 3)

    assert not layer.weight.any()
    assert not layer.bias.any()


def test_modules_are_made_without_torchs_global_generator():
    before = torch.get_rng_state()

    MLP((4, 8, 3), activations=["mish"], dropout=[0.5], normalization="batch")

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 1, 7)])
@pytest.mark.parametrize("activation", ["relu", "logistic"])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_glorot_uniform_draws_scikit_learns_weights(
    hidden, activation, n_classes, dtype
):
    X = np.random.default_rng(0).normal(size=(8, 3)).astype(dtype)
    oracle = MLPClassifier(
        hidden,
        activation=activation,
        solver="sgd",
        alpha=0,
        momentum=0,
        learning_rate_init=1e-300,  # so small a step changes no digit
        random_state=7,
    ).partial_fit(X, np.arange(8) % n_classes, classes=range(n_classes))
    units = (3, *hidden, 1 if n_classes == 2 else n_classes)
    layers = [Dense(a, b, dtype=getattr(torch, dtype)) for a, b in pairwise(units)]

    glorot_uniform_(
        layers,
        np.random.RandomState(7),
        factor=2.0 if activation == "logistic" else 6.0,
    )

    for layer, coef, intercept in zip(
        layers, oracle.coefs_, oracle.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(layer.weight.detach().numpy().T, coef)
        np.testing.assert_array_equal(layer.bias.detach().numpy(), intercept)
    assert all(p.requires_grad for layer in layers for p in layer.parameters())


def test_batch_norm_equals_torch_for_more_rows_than_one():
    X = make_X(5)
    layer, oracle = BatchNorm(4).double(), torch.nn.BatchNorm1d(4).double()

    torch.testing.assert_close(layer(X), oracle(X), rtol=0, atol=0)
    torch.testing.assert_close(layer.state_dict(), oracle.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(layer.eval()(X), oracle.eval()(X), rtol=0, atol=0)


def test_batch_norm_normalizes_one_row_by_the_running_statistics():
    layer = BatchNorm(4).double()
    layer(make_X(5))
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    X = make_X(1).requires_grad_()

    output = layer.train()(X)
    output.sum().backward()

    torch.testing.assert_close(output, layer.eval()(X))
    torch.testing.assert_close(layer.state_dict(), state, rtol=0, atol=0)
    assert X.grad.isfinite().all()


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_dense_block_is_dense_then_normalization_then_activation(
    normalization, activation
):
    block = DenseBlock(
        4, 3, activation=activation, normalization=normalization, dtype=torch.float64
    )
    glorot_uniform_([block.dense], np.random.RandomState(0))
    X = make_X(6)
    z = X @ block.dense.weight.T + block.dense.bias
    if normalization == "batch":
        z = (z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt()
    elif normalization == "layer":
        z = (z - z.mean(1, True)) / (z.var(1, correction=0, keepdim=True) + 1e-5).sqrt()

    torch.testing.assert_close(block(X), ACTIVATIONS[activation].module()(z))
