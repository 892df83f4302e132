"""A first look at a network: its work, its random numbers, and no traces of it."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sknn_deep.modules import ConvDecoder, ConvNet, Dropout, dry_run, training_run

MODULES = {
    "dense": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), (6,)),
    "images": (ConvNet((3, 8, 8), 4, channels=(5, 6)), (3, 8, 8)),
    "upwards": (nn.ConvTranspose2d(3, 4, 3, stride=2), (3, 5, 7)),
    "groups": (nn.Conv1d(4, 8, 3, groups=2), (4, 9)),
    "code": (ConvDecoder((8, 8), 2, channels=(3,), width=4), (2,)),
    "sequence": (nn.Linear(4, 3), (5, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_work_is_what_torch_counts(name):
    module, shape = MODULES[name]
    X = torch.randn(7, *shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(X)

    seen = dry_run(module, X)

    assert seen.n_products == counter.get_total_flops() / 2 / 7
    shapes = [shape, *(p.output_shape[1:] for p in seen.layers)]
    assert seen.n_units == max(torch.Size(s).numel() for s in shapes)


def test_work_of_recurrent_layers_is_that_of_each_time():
    module = nn.GRU(4, 3, batch_first=True)
    assert dry_run(module, torch.randn(2, 5, 4)).n_products == 5 * (9 * 4 + 9 * 3)


def test_nothing_of_a_network_changes():
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), Dropout(0.5))
    module[1].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    state = torch.get_rng_state()
    dry_run(module, torch.randn(4, 3))
    seen = training_run(module, torch.ones(4, 3))

    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert [m.training for m in module] == [True, False, True]
    assert all(not m._forward_hooks for m in module)
    assert module[2].generator is None
    assert seen.draws_globally
    assert seen.is_repeatable
    torch.set_rng_state(state)


@pytest.mark.parametrize(
    "module, name",
    [
        (nn.Softmax(dim=1), "Softmax"),
        (lambda X: X.log_softmax(dim=1).unsqueeze(0)[0], "LogSoftmax"),
        (lambda X: X.sigmoid().view(-1), "Sigmoid"),
        (lambda X: 2 * X.sigmoid(), "Mul"),
    ],
)
def test_the_last_operation_is_seen_through_its_forms(module, name):
    class Ends(nn.Linear):
        def forward(self, X):
            return module(super().forward(X))

    seen = training_run(Ends(3, 2), torch.randn(4, 3))

    assert seen.last_operation == name
    assert not seen.draws_globally
