import torch

from sknn_deep.modules import TabularMLP, start_from_data


def make_started(n_rows=500):
    network = TabularMLP(
        2,
        3,
        1,
        [5],
        hidden_layer_sizes=[20, 30],
        n_outputs=2,
        activations=["silu", "relu"],
        dtype=torch.float64,
    )
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n_rows, 5, generator=generator, dtype=torch.float64)
    X[:, 4] = torch.arange(n_rows) % 5
    start_from_data(network, X, generator)
    return network, X


def inputs_of_layers(network, X):
    """Compute what each dense layer gets, with the layers' own forward passes."""
    H = network.scale(network.embed(X))
    inputs = [H]
    for layer, function in zip(network.layers, network.functions, strict=False):
        inputs.append(function(layer(inputs[-1])))
    return inputs


def test_each_hidden_unit_starts_with_variance_one():
    network, X = make_started()

    for layer, H in zip(
        list(network.layers)[:-1], inputs_of_layers(network, X)[:-1], strict=True
    ):
        deviation = layer(H).std(dim=-1, correction=0)
        torch.testing.assert_close(deviation, torch.ones_like(deviation))


def test_each_hidden_unit_is_zero_somewhere_among_the_rows():
    network, X = make_started()

    for layer, H in zip(
        list(network.layers)[:-1], inputs_of_layers(network, X)[:-1], strict=True
    ):
        outputs = layer(H)
        assert (outputs.min(dim=-1).values < 0).all()
        assert (outputs.max(dim=-1).values > 0).all()


def test_outputs_start_at_zero_and_members_differ():
    network, X = make_started()

    assert (network(X) == 0).all()
    first, second = network.layers[0].weight
    assert not torch.equal(first, second)


def test_rows_that_are_all_the_same_leave_finite_weights():
    network, X = make_started()
    start_from_data(network, X[:1].expand(9, -1), torch.Generator().manual_seed(0))

    assert all(p.isfinite().all() for p in network.parameters())


def test_unknown_category_gets_the_mean_of_the_embeddings():
    network, X = make_started()
    unknown = X[:1].clone()
    unknown[0, 4] = 5
    table = network.categories.table  # (5, 2, 8)

    embedded = network.embed(unknown)[:, -8:, 0]

    torch.testing.assert_close(embedded, table.mean(dim=0))
