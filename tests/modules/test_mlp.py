"""The multi-layer perceptron against matrix products in NumPy."""

import numpy as np
import pytest
import torch

from sknn_deep.modules import MLP, Dense, DenseStack, glorot_uniform_


def make_mlp(units=(4, 6, 5, 3), **options):
    n_hidden = len(units) - 2
    module = MLP(
        units,
        activations=["relu"] * n_hidden,
        dropout=[0.5] * n_hidden,
        dtype=torch.float64,
        **options,
    )
    layers = [m for m in module.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(0))
    return module.eval()


def compute_layers(module, X):
    """Return what each layer passes on, by NumPy."""
    outputs = []
    for block in module.blocks():
        weight, bias = (p.detach().numpy() for p in block.dense.parameters())
        X = X @ weight.T + bias
        if block is not module.blocks()[-1]:
            X = np.maximum(X, 0)
        outputs.append(X)
    return outputs


def make_X():
    return np.random.default_rng(0).normal(size=(7, 4))


@pytest.mark.parametrize("units", [(4, 3), (4, 1), (4, 6, 3), (4, 6, 5, 3)])
def test_mlp_equals_numpy(units):
    module, X = make_mlp(units), make_X()

    output = module(torch.from_numpy(X)).detach().numpy()

    assert output.shape == (7, units[-1])
    np.testing.assert_allclose(output, compute_layers(module, X)[-1], rtol=1e-12)


@pytest.mark.parametrize("layer", [0, 1])
def test_mlp_hidden_is_what_the_layer_passes_on(layer):
    module, X = make_mlp(), make_X()

    hidden = module.hidden(torch.from_numpy(X), layer).detach().numpy()

    np.testing.assert_allclose(hidden, compute_layers(module, X)[layer], rtol=1e-12)


def test_mlp_out_activation_is_applied_to_the_output_only():
    X = torch.from_numpy(make_X())

    torch.testing.assert_close(make_mlp(out_activation="tanh")(X), make_mlp()(X).tanh())


def test_dense_stack_blocks_are_in_the_order_of_the_data():
    units = (4, 6, 5, 3)

    blocks = DenseStack(units, activations=["relu"] * 2, dropout=[0, 0]).blocks()

    assert [(b.dense.in_features, b.dense.out_features) for b in blocks] == [
        (4, 6),
        (6, 5),
        (5, 3),
    ]


@pytest.mark.parametrize(
    "lengths", [{"activations": ["relu"]}, {"dropout": [0.0, 0.0, 0.0]}]
)
def test_dense_stack_refuses_a_list_of_the_wrong_length(lengths):
    options = {"activations": ["relu"] * 2, "dropout": [0.0] * 2, **lengths}

    with pytest.raises(ValueError, match="zip"):
        DenseStack((4, 6, 5, 3), **options)


def test_mlp_state_is_loaded_from_another():
    module, other, X = make_mlp(), make_mlp().float(), torch.from_numpy(make_X())
    other = MLP((4, 6, 5, 3), activations=["relu"] * 2, dropout=[0.5] * 2).double()

    other.load_state_dict(module.state_dict())

    torch.testing.assert_close(other.eval()(X), module(X))
