"""A stack of networks against each of them alone."""

import copy

import numpy as np
import pytest
import torch

from sknn_deep.gradients import (
    explicit_gradient,
    recorded_gradient,
    stack_family,
    stacked_gradient,
)
from sknn_deep.gradients._stack import Stacked
from sknn_deep.modules import (
    ACTIVATIONS,
    MLP,
    AbsoluteError,
    Autoencoder,
    AutoencoderLoss,
    BinaryCrossEntropy,
    CrossEntropy,
    Dense,
    Huber,
    MeanOverFeatures,
    Poisson,
    Quantile,
    SquaredError,
    glorot_uniform_,
)
from sknn_deep.modules._random_layers import StackedDropout, dropout_mask
from sknn_deep.rows import SharedRows

N_NETWORKS = 3

LOSSES = {
    "squared": SquaredError(),
    "absolute": AbsoluteError(),
    "huber": Huber(0.3),
    "quantile": Quantile(0.1),
    "three-quantiles": Quantile((0.1, 0.5, 0.9)),
    "poisson": Poisson(),
    "binary": BinaryCrossEntropy(0.2),
    "cross-entropy": CrossEntropy(),
    "mean-over-features": MeanOverFeatures(SquaredError(), factor=2.0),
}

losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def make_mlp(seed=0, *, units=(6, 5, 4, 3), activation="tanh", dropout=None, **options):
    n_hidden = len(units) - 2
    module = MLP(
        units,
        activations=[activation] * n_hidden,
        dropout=dropout or [0.0] * n_hidden,
        **{"dtype": torch.float64, **options},
    )
    layers = [m for m in module.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(seed))
    return module.train()


def make_autoencoder(**options):
    return Autoencoder(
        **{
            "encoder_units": (6, 4, 2),
            "decoder_units": (2, 4, 6),
            "activations": ["relu"],
            "decoder_activations": ["relu"],
            "dropout": [0.0],
            "decoder_dropout": [0.0],
            "latent_activation": "identity",
            "out_activation": "identity",
            "dtype": torch.float64,
            **options,
        }
    )


def make_batch(loss, n_rows=8, *, weighted=False, seed=0):
    """Make one batch for each network, with the networks in front."""
    rng = np.random.default_rng(seed)
    shape = (N_NETWORKS, n_rows, 3)
    X = torch.tensor(rng.normal(size=(N_NETWORKS, n_rows, 6)) / 3)
    target = torch.tensor(rng.normal(size=shape))
    if isinstance(loss, CrossEntropy):
        target = torch.tensor(rng.integers(3, size=shape[:2]))
    elif isinstance(loss, BinaryCrossEntropy | Poisson):
        target = torch.tensor(rng.integers(2, size=shape)).double()
    elif loss is LOSSES["three-quantiles"]:
        target = target[..., :1]
    weight = torch.tensor(rng.uniform(size=shape[:2]))
    weight[1] = 0.0
    return X, target, weight if weighted else None


def each_its_own(X):
    """Give rows of which no two networks see the same."""
    return SharedRows(X, tuple((k, k + 1) for k in range(len(X))))


def make_generators():
    return [torch.Generator().manual_seed(seed) for seed in range(N_NETWORKS)]


def descend_together(modules, losses, batches, n_rows=8):
    """Take a step of gradient descent a batch; give what each network saw."""
    seen = [[] for _ in modules]
    with stacked_gradient(
        modules, losses, n_rows=n_rows, generators=make_generators()
    ) as stacked:
        for X, *others in batches:
            values, outputs = stacked.compute(each_its_own(X), *others)
            for k, module in enumerate(modules):
                gradients = [p.grad.clone() for p in module.parameters()]
                seen[k].append([values[k].clone(), outputs[k].clone(), *gradients])
            stacked.values.buffer.sub_(0.1 * stacked.gradients.buffer)
    return seen


def descend_alone(make_gradient, module, loss, batches, k, n_rows=8):
    seen = []
    generator = make_generators()[k]
    with make_gradient(module, loss, n_rows=n_rows, generator=generator) as gradient:
        for batch in batches:
            value, output = gradient.compute(
                *(None if part is None else part[k] for part in batch)
            )
            gradients = [p.grad.clone() for p in module.parameters()]
            seen.append([value, output.detach().clone(), *gradients])
            with torch.no_grad():
                for p in module.parameters():
                    p.sub_(0.1 * p.grad)
    return seen


def assert_stack_equals_each_alone(modules, losses, batches, make_gradient):
    expected_modules = copy.deepcopy(modules)
    seen = descend_together(modules, losses, batches)
    for k, module in enumerate(expected_modules):
        expected = descend_alone(make_gradient, module, losses[k], batches, k)
        torch.testing.assert_close(seen[k], expected, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(
            modules[k].state_dict(), module.state_dict(), rtol=1e-12, atol=1e-14
        )


@losses
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("make_gradient", [explicit_gradient, recorded_gradient])
def test_stack_gives_the_gradients_of_each_network(loss, weighted, make_gradient):
    modules = [make_mlp(seed) for seed in range(N_NETWORKS)]
    # The last batch of an epoch is smaller.
    batches = [make_batch(loss, n, weighted=weighted, seed=n) for n in (8, 8, 3)]

    assert_stack_equals_each_alone(modules, [loss] * N_NETWORKS, batches, make_gradient)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_stack_gives_the_gradients_of_each_network_for_any_activation(activation):
    modules = [make_mlp(seed, activation=activation) for seed in range(N_NETWORKS)]
    loss = SquaredError()

    assert_stack_equals_each_alone(
        modules, [loss] * N_NETWORKS, [make_batch(loss)] * 2, recorded_gradient
    )


@pytest.mark.parametrize("units", [(6, 3), (6, 1, 3), (6, 7, 5, 4, 3), (6, 40, 3)])
def test_stack_gives_the_gradients_of_each_network_at_any_depth(units):
    modules = [make_mlp(seed, units=units) for seed in range(N_NETWORKS)]
    loss = CrossEntropy()

    assert_stack_equals_each_alone(
        modules, [loss] * N_NETWORKS, [make_batch(loss)] * 2, recorded_gradient
    )


@pytest.mark.parametrize("make_gradient", [explicit_gradient, recorded_gradient])
def test_stack_draws_each_networks_own_dropout_masks(make_gradient):
    loss = SquaredError()
    modules = [
        make_mlp(seed, dropout=dropout)
        for seed, dropout in enumerate([[0.1, 0.5], [0.7, 0.2], [0.1, 0.5]])
    ]

    assert_stack_equals_each_alone(
        modules, [loss] * N_NETWORKS, [make_batch(loss)] * 3, make_gradient
    )


@pytest.mark.parametrize("bounds", [((0, 2), (2, 3)), ((0, 3),)], ids=str)
@pytest.mark.parametrize("units", [(6, 5, 3), (6, 40, 3), (6, 3)], ids=str)
@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError()], ids=str)
def test_stack_computes_shared_rows_as_those_of_each(loss, units, bounds):
    modules = [make_mlp(seed, units=units) for seed in range(N_NETWORKS)]
    X, target, _ = make_batch(loss)
    shared = SharedRows(X[: len(bounds)], bounds)

    def differentiate(rows):
        with stacked_gradient(
            copy.deepcopy(modules),
            [loss] * N_NETWORKS,
            n_rows=8,
            generators=[None] * N_NETWORKS,
        ) as stacked:
            values, outputs = stacked.compute(rows, target, None)
            return values, outputs.clone(), stacked.gradients.buffer

    ours = differentiate(shared)
    theirs = differentiate(each_its_own(shared.of_each()))

    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    assert ours[2].any()


def test_stack_draws_once_for_networks_of_one_seed_and_leaves_the_states_of_each():
    seeds, p = [0, 1, 0, 0], [0.1, 0.5, 0.5, 0.1]
    modules = [make_mlp(k, dropout=[p[k], 0.2]) for k in range(len(seeds))]
    X, target = torch.rand(4, 8, 6).double(), torch.rand(4, 8, 3).double()
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    alone = [torch.Generator().manual_seed(seed) for seed in seeds]
    loss = SquaredError()

    with stacked_gradient(
        modules, [loss] * 4, n_rows=8, generators=generators
    ) as stacked:
        _, outputs = stacked.compute(each_its_own(X), target, None)
        outputs = outputs.clone()

    for k, module in enumerate(modules):
        with explicit_gradient(module, loss, n_rows=8, generator=alone[k]) as gradient:
            _, expected = gradient.compute(X[k], target[k], None)
        torch.testing.assert_close(outputs[k], expected, rtol=1e-12, atol=1e-14)
        assert torch.equal(generators[k].get_state(), alone[k].get_state())


@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_stack_smooths_each_networks_labels_by_its_own_share(kind, weighted):
    modules = [make_mlp(seed) for seed in range(N_NETWORKS)]
    losses = [kind(smoothing) for smoothing in (0.0, 0.3, 0.1)]

    assert_stack_equals_each_alone(
        modules,
        losses,
        [make_batch(losses[0], weighted=weighted)] * 2,
        recorded_gradient,
    )


def test_stack_shares_its_memory_and_gives_it_back():
    modules = [make_mlp(seed, units=(6, 40, 3)) for seed in range(N_NETWORKS)]
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    loss = SquaredError()

    with stacked_gradient(
        modules, [loss] * N_NETWORKS, n_rows=8, generators=[None] * N_NETWORKS
    ) as stacked:
        for module in modules:
            for p in module.parameters():
                storage = p.untyped_storage().data_ptr()
                assert storage == stacked.values.buffer.untyped_storage().data_ptr()
        stacked.values.buffer.add_(1.0)

    for module, state in zip(modules, before, strict=True):
        for name, p in module.named_parameters():
            torch.testing.assert_close(p.detach(), state[name] + 1.0)
            assert p.grad is None
            assert p.is_contiguous()
            assert p.untyped_storage().nbytes() == p.numel() * p.element_size()


def test_stack_gives_the_memory_back_after_an_error():
    modules = [make_mlp(seed) for seed in range(N_NETWORKS)]
    with (
        pytest.raises(RuntimeError, match="on the way"),
        stacked_gradient(
            modules,
            [SquaredError()] * N_NETWORKS,
            n_rows=8,
            generators=[None] * N_NETWORKS,
        ),
    ):
        raise RuntimeError("on the way")

    for module in modules:
        for p in module.parameters():
            assert p.untyped_storage().nbytes() == p.numel() * p.element_size()
            assert p.grad is None


def test_stack_counts_the_weights_first():
    modules = [make_mlp(seed) for seed in range(2)]
    with stacked_gradient(
        modules, [SquaredError()] * 2, n_rows=8, generators=[None] * 2
    ) as stacked:
        shapes = [tuple(array.shape) for array in stacked.values.arrays]

    assert stacked.n_penalized == 3
    assert shapes == [(2, 5, 6), (2, 4, 5), (2, 3, 4), (2, 5), (2, 4), (2, 3)]


def make_stacked(weights_are_transposed=False, dtype=torch.float32):
    return Stacked(
        [(2, 3), (2,)],
        4,
        transposed=[weights_are_transposed, False],
        like=torch.zeros(1, dtype=dtype),
    )


def test_stacked_arrays_are_parts_of_one_buffer():
    stacked = make_stacked(dtype=torch.float64)
    for k, array in enumerate(stacked.arrays):
        array.fill_(k + 1)

    assert stacked.buffer.dtype == torch.float64
    assert stacked.buffer.tolist() == [1.0] * 24 + [2.0] * 8
    assert not stacked.zeros_like().buffer.any()
    assert stacked.zeros_like().arrays[0].shape == (4, 2, 3)


def test_stacked_arrays_may_be_transposed_in_the_buffer():
    as_they_are, transposed = make_stacked(), make_stacked(True)
    for stacked in (as_they_are, transposed):
        stacked.buffer.copy_(torch.arange(32.0))

    weights, biases = transposed.arrays
    assert torch.equal(weights, as_they_are.arrays[0].view(4, 3, 2).mT)
    assert torch.equal(biases, as_they_are.arrays[1])
    assert transposed.zeros_like().arrays[0].stride() == weights.stride()


@pytest.mark.parametrize("transposed", [False, True])
def test_stacked_arrays_of_some_networks_are_copies(transposed):
    stacked = make_stacked(transposed)
    stacked.buffer.copy_(torch.arange(32.0))

    taken = stacked.take([3, 1])

    for ours, theirs in zip(taken.arrays, stacked.arrays, strict=True):
        assert torch.equal(ours, theirs[[3, 1]])
    taken.buffer.zero_()
    assert stacked.buffer.sum() == 31 * 16


# --- dropout -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(8, 5), (1, 1), (3, 7), (200, 100)])
def test_stacked_dropout_equals_the_masks_of_single_networks(dtype, shape):
    p = [0.1, 0.5, 0.999, 0.3]
    stacked = StackedDropout(
        p,
        [torch.Generator().manual_seed(seed) for seed in range(4)],
        [shape[0]] * 4,
        dtype=dtype,
        device=torch.device("cpu"),
    )
    alone = [torch.Generator().manual_seed(seed) for seed in range(4)]

    for _ in range(3):
        masks = stacked((4, *shape))

        assert masks.dtype == dtype
        for k in range(4):
            expected = dropout_mask(
                shape, p[k], alone[k], dtype=dtype, device=torch.device("cpu")
            )
            assert torch.equal(masks[k], expected)


def test_stacked_dropout_draws_for_the_rows_that_each_last_batch_has():
    def generators():
        return [torch.Generator().manual_seed(seed) for seed in range(3)]

    options = {"dtype": torch.float64, "device": torch.device("cpu")}
    n_last, p = [5, 7, 6], [0.1, 0.5, 0.3]
    stacked, alone = StackedDropout(p, generators(), n_last, **options), generators()

    for n_rows in ([8, 8, 8], n_last, [8, 8, 8]):
        masks = stacked((3, max(n_rows), 3))

        for k, n in enumerate(n_rows):
            expected = dropout_mask((n, 3), p[k], alone[k], **options)
            assert torch.equal(masks[k, :n], expected)


# --- which networks may share a stack ----------------------------------------------


def test_stack_family_ignores_what_may_differ():
    families = {
        stack_family(make_mlp(0, dropout=[0.1, 0.5]), CrossEntropy(0.0)),
        stack_family(make_mlp(1, dropout=[0.7, 0.2]), CrossEntropy(0.3)),
        stack_family(make_mlp(2, dropout=[0.1, 0.5]).eval(), CrossEntropy().eval()),
    }

    assert len(families) == 1
    assert families != {None}


def test_stack_family_tells_apart_what_may_not_differ():
    loss = SquaredError()
    families = [
        stack_family(make_mlp(), loss),
        stack_family(make_mlp(units=(6, 4, 4, 3)), loss),
        stack_family(make_mlp(units=(6, 5, 3)), loss),
        stack_family(make_mlp(activation="relu"), loss),
        stack_family(make_mlp(out_activation="logistic"), loss),
        stack_family(make_mlp(dropout=[0.5, 0.0]), loss),
        stack_family(make_mlp(dropout=[0.5, 0.5]), loss),
        stack_family(make_mlp(dtype=torch.float32), loss),
        stack_family(make_mlp(), AbsoluteError()),
        stack_family(make_mlp(), Huber(1.0)),
        stack_family(make_mlp(), Huber(2.0)),
        stack_family(make_mlp(), Quantile(0.1)),
        stack_family(make_mlp(), Quantile(0.9)),
        stack_family(make_mlp(), MeanOverFeatures(SquaredError())),
        stack_family(make_mlp(), MeanOverFeatures(SquaredError(), factor=2.0)),
        stack_family(make_mlp(), MeanOverFeatures(AbsoluteError())),
        stack_family(make_mlp(), AutoencoderLoss(SquaredError())),
        stack_family(make_mlp(), AutoencoderLoss(AbsoluteError())),
    ]

    assert None not in families
    assert len(set(families)) == len(families)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_stack_family_of_a_normalized_network_is_none(normalization):
    assert stack_family(make_mlp(normalization=normalization), SquaredError()) is None


@pytest.mark.parametrize(
    "options",
    [
        {"noise": "gaussian", "noise_level": 0.1},
        {"noise": "masking", "noise_level": 0.1},
        {"variational": True},
        {"returns_code": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_stack_family_of_a_variant_of_the_autoencoder_is_none(options):
    loss = AutoencoderLoss(SquaredError())

    assert stack_family(make_autoencoder(**options), loss) is None
    assert stack_family(make_autoencoder(), loss) is not None
