import pytest
import torch

from sknn_deep.gradients._tabular import TabularBackpropagation
from sknn_deep.modules import (
    ACTIVATIONS,
    BinaryCrossEntropy,
    CrossEntropy,
    Quantile,
    SquaredError,
    TabularMLP,
    start_from_data,
)


def make_network(n_members=2, n_numbers=3, n_plain=2, n_categories=(4, 6), **options):
    options = {
        "hidden_layer_sizes": (7, 5),
        "n_outputs": 3,
        "activations": ["silu", "silu"],
        **options,
    }
    network = TabularMLP(
        n_members, n_numbers, n_plain, n_categories, dtype=torch.float64, **options
    )
    generator = torch.Generator().manual_seed(0)
    start_from_data(network, make_rows(network, 40), generator)
    with torch.no_grad():
        for p in network.parameters():
            p += 0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return network


def make_rows(network, n_rows, seed=1):
    generator = torch.Generator().manual_seed(seed)
    n_columns = network.n_numbers + network.n_plain
    X = torch.randn(n_rows, n_columns, generator=generator, dtype=torch.float64)
    if network.categories is None:
        return X
    codes = [
        torch.randint(n, (n_rows, 1), generator=generator)
        for n in network.categories.n_categories
    ]
    return torch.cat([X, *codes], dim=1)


def recorded(network, loss, X, target, weight, masks):
    """Let autograd compute what the written-out gradient does."""
    outputs = network(X, masks)
    values = [
        loss(output, target, None if weight is None else weight[:, k])
        for k, output in enumerate(outputs)
    ]
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(sum(values), parameters)
    return sum(values) / len(values), outputs, gradients


def check(network, loss, target, *, weight=None, dropout=True, n_rows=11):
    X = make_rows(network, n_rows)
    generator = torch.Generator().manual_seed(2)
    masks = [
        (torch.rand(network.n_members, n, n_rows, generator=generator) > 0.3) / 0.7
        for n in (layer.weight.shape[1] for layer in list(network.layers)[:-1])
    ]
    masks = [mask.double() for mask in masks] if dropout else None
    expected = recorded(network, loss, X, target, weight, masks)
    queue = [] if masks is None else list(masks)
    compute = TabularBackpropagation(
        network, loss, lambda shape: queue.pop(0) if queue else None
    )
    value, output = compute(X, target, weight)
    torch.testing.assert_close(value, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(output, expected[1], rtol=1e-10, atol=1e-10)
    for (name, p), gradient in zip(
        network.named_parameters(), expected[2], strict=True
    ):
        torch.testing.assert_close(
            p.grad, gradient, rtol=1e-10, atol=1e-10, msg=lambda text, n=name: n + text
        )


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_gradient_equals_autograd_for_each_activation(activation):
    network = make_network(activations=[activation, "silu"])
    check(network, SquaredError(), torch.randn(11, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    "options",
    [
        {"n_members": 1},
        {"n_members": 3, "n_numbers": 0},
        {"n_categories": ()},
        {"n_plain": 0, "n_categories": (2,)},
        {"embeds_numbers": False},
        {"hidden_layer_sizes": (), "activations": ()},
        {"n_numbers": 0, "n_plain": 0},
    ],
)
def test_gradient_equals_autograd_for_each_kind_of_table(options):
    network = make_network(**options)
    check(network, SquaredError(), torch.randn(11, 3, dtype=torch.float64))


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize(
    ("loss", "n_outputs"),
    [
        (CrossEntropy(label_smoothing=0.1), 3),
        (BinaryCrossEntropy(label_smoothing=0.1), 1),
        (Quantile(0.3), 1),
    ],
)
def test_gradient_equals_autograd_where_members_have_rows_of_their_own(
    loss, n_outputs, dropout
):
    weight = torch.tensor([[0.0, 2.0], [1.0, 0.0], [1.0, 0.5]]).repeat(4, 1)[:11]
    target = torch.arange(11) % 3
    if n_outputs == 1:
        target = (target == 1).double()[:, None]
    network = make_network(n_outputs=n_outputs)
    check(network, loss, target, weight=weight.double(), dropout=dropout)


def test_gradient_of_another_batch_size_equals_autograd():
    network = make_network()
    target = torch.randn(11, 3, dtype=torch.float64)
    check(network, SquaredError(), target)
    check(network, SquaredError(), target[:4], n_rows=4)
