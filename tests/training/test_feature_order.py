"""The first layer's columns in another order, and back again."""

import pytest
import torch
from torch import nn

from sknn_deep.training._feature_order import features_in_order

ORDER = torch.tensor([2, 0, 3, 1])


def make_trained(optimizer_type, **options):
    """Make weights of shape (3, 4), all different, and an optimizer with moments."""
    weight = nn.Parameter(torch.arange(12.0).reshape(4, 3).mT)
    optimizer = optimizer_type([weight], lr=0.1, **options)
    weight.grad = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).mT
    optimizer.step()
    return weight, optimizer


def arrays_of(weight, optimizer):
    state = optimizer.state[weight]
    moments = {name: x for name, x in state.items() if x is not None and x.ndim == 2}
    return {"weight": weight.detach(), "gradient": weight.grad, **moments}


@pytest.mark.parametrize(
    "optimizer_type, options, n_arrays",
    [
        (torch.optim.Adam, {}, 4),
        (torch.optim.SGD, {"momentum": 0.9}, 3),
        (torch.optim.SGD, {}, 2),
    ],
)
def test_all_that_belongs_to_a_feature_is_put_in_order(
    optimizer_type, options, n_arrays
):
    weight, optimizer = make_trained(optimizer_type, **options)
    arrays = arrays_of(weight, optimizer)
    before = {name: array.clone() for name, array in arrays.items()}

    with features_in_order(weight, optimizer.state[weight].values(), ORDER):
        assert len(arrays) == n_arrays
        for name, array in arrays.items():
            assert torch.equal(array, before[name][:, ORDER]), name

    for name, array in arrays.items():
        assert torch.equal(array, before[name]), name


def test_what_is_done_in_order_stays_with_its_feature():
    weight, _ = make_trained(torch.optim.SGD)

    with features_in_order(weight, [], ORDER):
        weight.detach()[:, 0] = 7.0  # that of feature 2

    assert torch.equal(weight == 7.0, torch.arange(4).eq(2).expand(3, 4))


def test_an_error_leaves_features_in_their_old_order():
    weight, _ = make_trained(torch.optim.SGD)
    before = weight.detach().clone()

    with pytest.raises(KeyboardInterrupt), features_in_order(weight, [], ORDER):
        raise KeyboardInterrupt

    assert torch.equal(weight.detach(), before)
