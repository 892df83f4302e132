"""The gradient that is written out, against the one that autograd records."""

import copy
import functools
import itertools

import numpy as np
import pytest
import scipy.sparse
import torch

from sknn_deep.gradients import (
    can_backpropagate,
    explicit_gradient,
    explicit_kind,
    penalized_weights,
    recorded_gradient,
)
from sknn_deep.gradients._backpropagation import LayerParameters
from sknn_deep.gradients._stacked_backpropagation import StackedBackpropagation
from sknn_deep.modules import (
    ACTIVATIONS,
    MLP,
    AbsoluteError,
    Autoencoder,
    BinaryCrossEntropy,
    CrossEntropy,
    Dense,
    Dropout,
    Huber,
    MeanOverFeatures,
    Poisson,
    Quantile,
    SquaredError,
    glorot_uniform_,
)
from sknn_deep.rows import SharedRows
from tests.rows.arrays import as_batch

LOSSES = {
    "squared": SquaredError(),
    "absolute": AbsoluteError(),
    "huber": Huber(0.3),
    "quantile": Quantile(0.1),
    "three-quantiles": Quantile((0.1, 0.5, 0.9)),
    "poisson": Poisson(),
    "binary": BinaryCrossEntropy(label_smoothing=0.2),
    "cross-entropy": CrossEntropy(label_smoothing=0.1),
    "mean-over-features": MeanOverFeatures(SquaredError(), factor=2.0),
}
BOTH = {"explicit": explicit_gradient, "recorded": recorded_gradient}

both = pytest.mark.parametrize("make_gradient", BOTH.values(), ids=BOTH)


def initialize(module, seed=0):
    layers = [m for m in module.modules() if isinstance(m, Dense)]
    glorot_uniform_(layers, np.random.RandomState(seed))
    return module


def make_mlp(units=(6, 5, 4, 3), *, activation="tanh", dropout=0.0, **options):
    n_hidden = len(units) - 2
    return initialize(
        MLP(
            units,
            activations=[activation] * n_hidden,
            dropout=[dropout] * n_hidden,
            **{"dtype": torch.float64, **options},
        )
    )


def make_batches(loss, *, n_features=6, n_outputs=3, sizes=(8, 8, 8, 3, 3)):
    """Make batches, every other one with weights; those of the third are all zero."""
    rng = np.random.default_rng(0)
    batches = []
    for i, n_rows in enumerate(sizes):
        shape = (n_rows, n_outputs)
        X = torch.tensor(rng.normal(size=(n_rows, n_features)) / 3)
        target = torch.tensor(rng.normal(size=shape))
        if isinstance(loss, CrossEntropy):
            target = torch.tensor(rng.integers(n_outputs, size=n_rows))
        elif isinstance(loss, BinaryCrossEntropy | Poisson):
            target = torch.tensor(rng.integers(2, size=shape)).double()
        elif loss is LOSSES["three-quantiles"]:
            target = target[:, :1]
        weight = torch.tensor(rng.uniform(size=n_rows)) * (i != 2)
        batches.append((X, target, weight if i % 2 == 0 else None))
    return batches


def descend(make_gradient, module, loss, batches, *, seed=0):
    """Take a step of gradient descent a batch; return all that came up on the way."""
    seen = []
    n_rows = max(X.shape[0] for X, _, _ in batches)
    generator = torch.Generator().manual_seed(seed)
    with make_gradient(module, loss, n_rows=n_rows, generator=generator) as gradient:
        for batch in batches:
            value, output = gradient.compute(*batch)
            gradients = [p.grad.clone() for p in module.parameters()]
            seen.append([value, output.detach().clone(), *gradients])
            with torch.no_grad():
                for p in module.parameters():
                    p.sub_(0.01 * p.grad)
    return seen, [p.detach() for p in module.parameters()]


def assert_both_agree(make_module, loss, batches):
    explicit = descend(explicit_gradient, make_module().train(), loss, batches)
    recorded = descend(recorded_gradient, make_module().train(), loss, batches)
    torch.testing.assert_close(explicit, recorded, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_explicit_gradient_equals_autograd(activation, loss, dropout):
    def make_module():
        return make_mlp(activation=activation, dropout=dropout)

    assert_both_agree(make_module, loss, make_batches(loss))


@pytest.mark.parametrize("units", [(6, 3), (6, 1), (6, 7, 3), (6, 1, 2, 5, 4, 3)])
def test_explicit_gradient_equals_autograd_at_any_depth(units):
    loss = SquaredError()

    assert_both_agree(
        lambda: make_mlp(units, activation="silu", dropout=0.2),
        loss,
        make_batches(loss, n_outputs=units[-1]),
    )


def transposing_gradient(module, loss, **options):
    transposed = explicit_kind(module, loss).faster_transposed(
        dict(module.named_parameters())
    )
    return explicit_gradient(module, loss, transposed=transposed, **options)


@pytest.mark.parametrize("units", [(6, 40), (6, 40, 3), (6, 3, 40, 3), (6, 40, 40, 3)])
def test_explicit_gradient_with_a_free_layout_equals_autograd(units):
    loss = SquaredError()
    batches = make_batches(loss, n_outputs=units[-1])

    freely, recorded = (
        descend(make, make_mlp(units, dropout=0.2).train(), loss, batches)
        for make in (transposing_gradient, recorded_gradient)
    )

    torch.testing.assert_close(freely, recorded, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("units", [(6, 3), (6, 40, 3), (6, 4, 5, 3)])
def test_explicit_gradient_of_sparse_rows_equals_autograd(units):
    loss = SquaredError()
    batches = [
        (X.clamp_min(0), target, weight)
        for X, target, weight in make_batches(loss, n_outputs=units[-1])
    ]
    sparse_batches = [
        (as_batch(scipy.sparse.csr_array(X.numpy())), target, weight)
        for X, target, weight in batches
    ]
    module = make_mlp(units, dropout=0.2).train()

    expected = descend(recorded_gradient, copy.deepcopy(module), loss, batches)
    first, _ = next(module.named_parameters())
    transposing = functools.partial(explicit_gradient, transposed=[first])
    as_usual = descend(explicit_gradient, copy.deepcopy(module), loss, sparse_batches)
    seen = descend(transposing, module, loss, sparse_batches)

    torch.testing.assert_close(seen, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(as_usual, expected, rtol=1e-10, atol=1e-10)
    assert all(p.is_contiguous() for p in module.parameters())


def test_free_layout_transposes_weights_for_a_while():
    module = make_mlp((6, 40, 3))
    wide, narrow = penalized_weights(module)
    before = copy.deepcopy(module.state_dict())

    with transposing_gradient(module, SquaredError(), n_rows=8) as gradient:
        assert wide.mT.is_contiguous() and wide.grad.mT.is_contiguous()
        assert narrow.is_contiguous() and narrow.grad.is_contiguous()
        torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)
        ((values, _),) = gradient.penalized()
        assert values.data_ptr() == wide.data_ptr()

    assert wide.is_contiguous() and owned_alone(wide)
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("sizes", [(1,), (1, 1), (3, 8, 1)])
def test_explicit_gradient_equals_autograd_for_any_batch(sizes):
    loss = CrossEntropy()

    assert_both_agree(make_mlp, loss, make_batches(loss, sizes=sizes))


@pytest.mark.parametrize("out_activation", sorted(ACTIVATIONS))
def test_explicit_gradient_equals_autograd_with_an_activated_output(out_activation):
    loss = SquaredError()

    assert_both_agree(
        lambda: make_mlp(out_activation=out_activation), loss, make_batches(loss)
    )


def test_explicit_gradient_equals_autograd_with_mixed_activations_and_dropout():
    loss = SquaredError()

    def make_module():
        return initialize(
            MLP(
                (6, 5, 4, 4, 3),
                activations=["gelu", "identity", "relu"],
                dropout=[0.1, 0.0, 0.7],
                dtype=torch.float64,
            )
        )

    assert_both_agree(make_module, loss, make_batches(loss))


def test_explicit_gradient_equals_autograd_for_an_autoencoder():
    loss = SquaredError()

    def make_module():
        return initialize(
            Autoencoder(
                (6, 4, 2),
                (2, 5, 6),
                activations=["gelu"],
                decoder_activations=["relu"],
                dropout=[0.3],
                decoder_dropout=[0.2],
                latent_activation="tanh",
                out_activation="logistic",
                dtype=torch.float64,
            )
        )

    assert_both_agree(make_module, loss, make_batches(loss, n_outputs=6))


def test_explicit_gradient_equals_autograd_when_the_target_is_the_input():
    loss = SquaredError()
    batches = [(X, X, weight) for X, _, weight in make_batches(loss)]

    assert_both_agree(lambda: make_mlp((6, 4, 6)), loss, batches)


@both
def test_gradient_equals_a_finite_difference(make_gradient):
    module, loss = make_mlp(activation="gelu"), CrossEntropy()
    (batch,) = make_batches(loss, sizes=(8,))
    X, target, weight = batch
    weights = module[1].dense.weight
    step = torch.zeros_like(weights)
    step[2, 3] = 1e-6

    with make_gradient(module, loss, n_rows=8) as gradient, torch.no_grad():
        gradient.compute(*batch)
        derivative = weights.grad[2, 3].item()
        weights.add_(step)
        above = loss(module(X), target, weight)
        weights.sub_(2 * step)
        below = loss(module(X), target, weight)

    assert derivative == pytest.approx((above - below).item() / 2e-6, rel=1e-6)


@both
def test_gradient_is_not_accumulated(make_gradient):
    module, loss = make_mlp(), CrossEntropy()
    first, *_, last = make_batches(loss)

    with make_gradient(module, loss, n_rows=8) as gradient:
        gradient.compute(*first)
        alone = [p.grad.clone() for p in module.parameters()]
        gradient.compute(*last)
        gradient.compute(*first)
        again = [p.grad.clone() for p in module.parameters()]

    assert all(map(torch.equal, alone, again))


@both
def test_gradient_gives_the_loss_and_the_raw_output(make_gradient):
    module, loss = make_mlp(), CrossEntropy()
    (batch,) = make_batches(loss, sizes=(8,))
    X, target, weight = batch
    with torch.no_grad():
        expected_output = module(X)
        expected = loss(expected_output, target, weight)

    with make_gradient(module, loss, n_rows=8) as gradient:
        value, output = gradient.compute(*batch)

    assert value.shape == ()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(output, expected_output)


@both
def test_gradient_returns_what_needs_no_gradient(make_gradient):
    module, loss = make_mlp(), CrossEntropy()
    (batch,) = make_batches(loss, sizes=(8,))

    with make_gradient(module, loss, n_rows=8) as gradient:
        value, output = gradient.compute(*batch)

    assert not value.requires_grad
    assert not output.requires_grad


@both
def test_gradient_penalized_are_the_weights_without_the_biases(make_gradient):
    module, loss = make_mlp(), CrossEntropy()
    (batch,) = make_batches(loss, sizes=(8,))

    with make_gradient(module, loss, n_rows=8) as gradient:
        gradient.compute(*batch)
        pairs = gradient.penalized()
        n_penalized = sum(w.numel() for w, _ in pairs)
        squares = sum(w.square().sum() for w, _ in pairs)
        before = [p.grad.clone() for p in module.parameters()]
        for w, w_gradient in pairs:
            w_gradient.add_(w, alpha=0.5)
        expected = [
            grad + 0.5 * p.detach() if p.ndim == 2 else grad
            for grad, p in zip(before, module.parameters(), strict=True)
        ]
        actual = [p.grad for p in module.parameters()]
        torch.testing.assert_close(actual, expected)

    weights = penalized_weights(module)
    assert n_penalized == sum(w.numel() for w in weights)
    torch.testing.assert_close(squares, sum(w.detach().square().sum() for w in weights))


def owned_alone(parameter):
    n_bytes = parameter.numel() * parameter.element_size()
    return parameter.untyped_storage().nbytes() == n_bytes


@both
def test_gradient_gives_the_parameters_their_memory_back(make_gradient):
    module, loss = make_mlp(dropout=0.3), CrossEntropy()
    parameters = list(module.parameters())
    before = [p.detach().clone() for p in parameters]

    with make_gradient(
        module, loss, n_rows=8, generator=torch.Generator().manual_seed(0)
    ) as gradient:
        gradient.compute(*make_batches(loss)[0])

    assert all(map(torch.equal, parameters, before))
    assert all(a is b for a, b in zip(module.parameters(), parameters, strict=True))
    assert all(map(owned_alone, parameters))
    assert all(p.grad is None and p.requires_grad for p in parameters)
    assert all(m.generator is None for m in module.modules() if isinstance(m, Dropout))


@both
def test_gradient_gives_the_parameters_their_memory_back_after_an_error(make_gradient):
    module, loss = make_mlp(dropout=0.3), CrossEntropy()

    with (
        pytest.raises(KeyboardInterrupt),
        make_gradient(
            module, loss, n_rows=8, generator=torch.Generator().manual_seed(0)
        ) as gradient,
    ):
        gradient.compute(*make_batches(loss)[0])
        raise KeyboardInterrupt

    assert all(map(owned_alone, module.parameters()))
    assert all(p.grad is None for p in module.parameters())
    assert all(m.generator is None for m in module.modules() if isinstance(m, Dropout))


@both
def test_gradient_leaves_torchs_global_generator_alone(make_gradient):
    loss = CrossEntropy()
    before = torch.get_rng_state()

    descend(make_gradient, make_mlp(dropout=0.3).train(), loss, make_batches(loss))

    assert torch.equal(torch.get_rng_state(), before)


@both
def test_gradient_with_dropout_follows_from_the_generators_seed(make_gradient):
    loss = CrossEntropy()

    def outputs(seed):
        module = make_mlp(dropout=0.5).train()
        seen, _ = descend(make_gradient, module, loss, make_batches(loss), seed=seed)
        return torch.cat([output for _, output, *_ in seen])

    assert torch.equal(outputs(0), outputs(0))
    assert not torch.equal(outputs(0), outputs(1))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_explicit_gradient_in_bfloat16_is_autocasts(activation, loss, dropout):
    seen = []
    for make_gradient in BOTH.values():
        module = make_mlp(activation=activation, dropout=dropout, dtype=torch.float32)
        in_bfloat16 = functools.partial(make_gradient, autocast=torch.bfloat16)
        batches = [
            tuple(
                None if t is None else t.float() if t.is_floating_point() else t
                for t in batch
            )
            for batch in make_batches(loss, sizes=(64, 64, 64))
        ]
        batches = [(X.bfloat16(), target, weight) for X, target, weight in batches]
        seen.append(descend(in_bfloat16, module.train(), loss, batches)[0])

    for explicit, recorded in zip(*seen, strict=True):
        assert all(t.dtype == torch.float32 for t in explicit)
        for ours, theirs in zip(explicit, recorded, strict=True):
            # bfloat16 rounds to 1 part in 256, here a few times in a row.
            assert torch.dist(ours, theirs) <= 0.03 * theirs.norm()


def test_explicit_gradient_in_float32_stays_in_float32():
    loss = CrossEntropy()
    module = make_mlp(dropout=0.3, dtype=torch.float32)
    X, target, _ = make_batches(loss)[0]

    with explicit_gradient(module, loss, n_rows=8) as gradient:
        value, output = gradient.compute(X.float(), target)
        gradients = [p.grad for p in module.parameters()]

    assert {t.dtype for t in (value, output, *gradients)} == {torch.float32}


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_recorded_gradient_equals_autograd_by_hand_with_normalization(normalization):
    loss = CrossEntropy()
    module = make_mlp(normalization=normalization).train()
    by_hand = make_mlp(normalization=normalization).train()
    (batch,) = make_batches(loss, sizes=(8,))
    expected = loss(by_hand(batch[0]), *batch[1:])
    expected.backward()

    with recorded_gradient(module, loss, n_rows=8) as gradient:
        value, _ = gradient.compute(*batch)
        gradients = [p.grad for p in module.parameters()]

    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradients, [p.grad for p in by_hand.parameters()])


def test_recorded_gradient_in_mixed_precision_keeps_float32_parameters():
    loss = CrossEntropy()
    module = make_mlp(dtype=torch.float32)
    X, target, _ = make_batches(loss)[0]
    with recorded_gradient(module, loss, n_rows=8) as gradient:
        exact, _ = gradient.compute(X.float(), target)

    with recorded_gradient(module, loss, n_rows=8, autocast=torch.bfloat16) as gradient:
        value, output = gradient.compute(X.bfloat16(), target)
        gradients = [p.grad for p in module.parameters()]

    assert {t.dtype for t in (value, output, *gradients)} == {torch.float32}
    assert value.item() == pytest.approx(exact.item(), rel=2e-2)
    assert value.item() != exact.item()


def make_autoencoder(**options):
    return Autoencoder(
        (4, 2),
        (2, 4),
        activations=[],
        decoder_activations=[],
        dropout=[],
        decoder_dropout=[],
        **options,
    )


@pytest.mark.parametrize(
    "make_module, expected",
    [
        (make_mlp, True),
        (lambda: make_mlp((6, 3)), True),
        (lambda: make_mlp(dropout=0.5), True),
        (lambda: make_mlp(normalization="batch"), False),
        (lambda: make_mlp(normalization="layer"), False),
        (make_autoencoder, True),
        (lambda: make_autoencoder(noise="gaussian", noise_level=0.1), False),
        (lambda: make_autoencoder(returns_code=True), False),
        (lambda: make_autoencoder(variational=True), False),
    ],
)
def test_can_backpropagate_is_true_for_plain_chains_only(make_module, expected):
    assert can_backpropagate(make_module()) is expected


def test_explicit_gradient_takes_no_buffer_of_the_inputs_size():
    # With solver="lbfgs" the batch is all of X.
    n_rows, n_features, n_units = 3, 10_000_000, 1
    module = MLP((n_features, n_units, 1), activations=["relu"], dropout=[0.0])
    sizes = []
    new_empty = torch.Tensor.new_empty

    def record(self, *size, **options):
        sizes.append(size)
        return new_empty(self, *size, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "new_empty", record)
        with explicit_gradient(module, SquaredError(), n_rows=n_rows):
            pass

    assert (n_rows, n_features) not in sizes


# --- with a dimension of networks in front -----------------------------------------


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("n_networks", [1, 4])
def test_backpropagation_of_a_stack_equals_autograd(activation, n_networks):
    units, n_rows, loss = (6, 5, 3), 8, SquaredError()
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(n_networks, *shape, generator=generator).double()

    sizes = list(itertools.pairwise(units))
    weights = [draw(n_out, n_in).requires_grad_() for n_in, n_out in sizes]
    biases = [draw(n_out, 1).requires_grad_() for _, n_out in sizes]
    masks = [2.0 * (draw(n_rows, 5) > 0), None]
    activations = [activation, "identity"]
    gradients = [torch.zeros_like(p) for p in weights + biases]
    layers = [
        LayerParameters(
            weights[i].detach(),
            gradients[i],
            biases[i].detach(),
            gradients[2 + i],
            activations[i],
            None if masks[i] is None else lambda shape, mask=masks[i]: mask,
        )
        for i in range(2)
    ]
    X, target, weight = draw(n_rows, 6), draw(n_rows, 3), draw(n_rows).abs()

    rows = SharedRows(X, tuple((k, k + 1) for k in range(n_networks)))

    compute = StackedBackpropagation(layers, loss, n_rows=n_rows)
    values, outputs = compute(rows, target, weight)

    hidden = (
        ACTIVATIONS[activation].module()(X @ weights[0].mT + biases[0].mT) * masks[0]
    )
    expected = hidden @ weights[1].mT + biases[1].mT
    losses = [loss(expected[k], target[k], weight[k]) for k in range(n_networks)]
    torch.stack(losses).sum().backward()
    torch.testing.assert_close(outputs, expected.detach())
    torch.testing.assert_close(values, torch.stack(losses).detach())
    torch.testing.assert_close(gradients, [p.grad for p in weights + biases])
