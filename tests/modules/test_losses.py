"""Losses against scikit-learn's metrics, and their derivatives against autograd."""

import warnings

import numpy as np
import pytest
import scipy.special
import torch
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.neural_network._base import LOSS_FUNCTIONS

from sknn_deep import MLPClassifier, MLPRegressor
from sknn_deep.modules import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    MeanOverFeatures,
    Poisson,
    Quantile,
    SquaredError,
)
from sknn_deep.modules._losses import AutoencoderLoss, row_shares, stack_losses
from tests.estimators.fits import make
from tests.requirements import needs

LOSSES = {
    "squared": SquaredError(),
    "absolute": AbsoluteError(),
    "huber": Huber(),
    "huber-0.3": Huber(0.3),
    "median": Quantile(),
    "quantile-0.1": Quantile(0.1),
    "three-quantiles": Quantile((0.1, 0.5, 0.9)),
    "poisson": Poisson(),
    "binary": BinaryCrossEntropy(),
    "binary-smooth": BinaryCrossEntropy(label_smoothing=0.2),
    "cross-entropy": CrossEntropy(),
    "cross-entropy-smooth": CrossEntropy(label_smoothing=0.1),
    "mean-over-features": MeanOverFeatures(SquaredError(), factor=2.0),
}

losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def make_batch(loss, *, n_rows=7, n_outputs=3, dtype=torch.float64, seed=0):
    """Make outputs and targets of the kind that `loss` takes."""
    rng = np.random.default_rng(seed)
    has_one_target = isinstance(loss, Quantile) and not isinstance(loss.quantile, float)
    shape = (n_rows, len(loss.quantile) if has_one_target else n_outputs)
    output = torch.tensor(rng.normal(size=shape), dtype=dtype)
    if has_one_target:
        return output, torch.tensor(rng.normal(size=(n_rows, 1)), dtype=dtype)
    if isinstance(loss, CrossEntropy):
        return output, torch.tensor(rng.integers(n_outputs, size=n_rows))
    if isinstance(loss, BinaryCrossEntropy):
        target = rng.integers(2, size=shape)
    elif isinstance(loss, Poisson):
        target = rng.poisson(1.0, size=shape)
    else:
        target = rng.normal(size=shape)
    return output, torch.tensor(target, dtype=dtype)


def make_weight(kind, n_rows=7, dtype=torch.float64):
    if kind is None:
        return None
    if kind == "zero":
        return torch.zeros(n_rows, dtype=dtype)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, size=n_rows)
    weight[2] = 0.0
    return torch.tensor(weight, dtype=dtype)


@losses
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weights", [None, "given", "zero"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_loss_gradient_equals_autograd(loss, n_outputs, weights, dtype):
    output, target = make_batch(loss, n_outputs=n_outputs, dtype=dtype)
    weight = make_weight(weights, dtype=dtype)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    leaf = output.clone().requires_grad_()
    expected = loss(leaf, target, weight)
    expected.backward()

    value, gradient = loss.gradient(output, target, row_shares(weight, output))

    assert value.dtype == gradient.dtype == dtype
    assert value.shape == ()
    torch.testing.assert_close(value, expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient, leaf.grad, rtol=tolerance, atol=tolerance)


@losses
def test_loss_gradient_leaves_its_arguments_alone(loss):
    arguments = [*make_batch(loss), make_weight("given")]
    before = [tensor.clone() for tensor in arguments]

    for weight in (None, arguments[2]):
        shares = row_shares(weight, arguments[0])
        _, gradient = loss.gradient(*arguments[:2], shares)
        gradient.zero_()  # as the layers below may: they work in place

    assert all(map(torch.equal, arguments, before))


@losses
def test_loss_of_a_batch_of_zero_weight_is_zero_with_zero_gradient(loss):
    output, target = make_batch(loss)

    shares = row_shares(torch.zeros(7).double(), output)
    value, gradient = loss.gradient(output, target, shares)

    assert value == 0
    assert torch.equal(gradient, torch.zeros_like(output))


@losses
def test_loss_does_not_depend_on_the_scale_of_the_weights(loss):
    output, target = make_batch(loss)
    weight = make_weight("given")

    torch.testing.assert_close(
        loss(output, target, weight), loss(output, target, 1e6 * weight)
    )
    torch.testing.assert_close(
        loss(output, target, torch.full((7,), 3.0).double()), loss(output, target)
    )


@losses
def test_loss_weight_of_two_equals_a_row_twice(loss):
    output, target = make_batch(loss)
    weight = torch.tensor([1.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0]).double()
    repeats = weight.long()

    expected = loss(
        output.repeat_interleave(repeats, 0), target.repeat_interleave(repeats, 0)
    )

    torch.testing.assert_close(loss(output, target, weight), expected)


@pytest.mark.parametrize(
    "loss, metric",
    [
        (SquaredError(), lambda *a, **k: metrics.mean_squared_error(*a, **k) / 2),
        (AbsoluteError(), metrics.mean_absolute_error),
        (Quantile(0.3), lambda *a, **k: metrics.mean_pinball_loss(*a, alpha=0.3, **k)),
    ],
    ids=["squared", "absolute", "quantile"],
)
@pytest.mark.parametrize("weights", [None, "given"])
def test_regression_loss_equals_scikit_learns_metric(loss, metric, weights):
    output, target = make_batch(loss)
    weight = make_weight(weights)

    value = loss(output, target, weight) * loss.reported_scale(output)

    assert value.item() == pytest.approx(
        metric(target.numpy(), output.numpy(), sample_weight=weight), rel=1e-12
    )


@pytest.mark.parametrize("weights", [None, "given"])
def test_poisson_is_half_of_scikit_learns_deviance(weights):
    output, target = make_batch(Poisson(), n_outputs=1)
    weight = make_weight(weights)

    value = Poisson()(output, target, weight)

    deviance = metrics.mean_poisson_deviance(
        target.numpy()[:, 0], output.exp().numpy()[:, 0], sample_weight=weight
    )
    assert value.item() == pytest.approx(deviance / 2, rel=1e-12)


@pytest.mark.parametrize("delta", [0.3, 1.0, 5.0])
def test_huber_equals_scipy(delta):
    output, target = make_batch(Huber())

    value = Huber(delta)(output, target)

    residual = (output - target).numpy()
    expected = scipy.special.huber(delta, residual).sum(axis=1).mean()
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, "given"])
def test_cross_entropy_equals_torch(label_smoothing, weights):
    loss = CrossEntropy(label_smoothing)
    output, target = make_batch(loss)
    weight = make_weight(weights)
    each = torch.nn.functional.cross_entropy(
        output, target, label_smoothing=label_smoothing, reduction="none"
    )
    expected = np.average(each.numpy(), weights=weight)

    value, _ = loss.gradient(output, target, row_shares(weight, output))

    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_binary_cross_entropy_is_cross_entropy_of_two_classes(label_smoothing):
    output, target = make_batch(BinaryCrossEntropy(), n_outputs=1)
    both = torch.cat([torch.zeros_like(output), output], dim=1)

    torch.testing.assert_close(
        BinaryCrossEntropy(label_smoothing)(output, target),
        CrossEntropy(label_smoothing)(both, target[:, 0].long()),
        rtol=1e-12,
        atol=0,
    )


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), BinaryCrossEntropy()], ids=["softmax", "logistic"]
)
def test_cross_entropy_of_extreme_outputs_is_finite(loss):
    output = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    classes = torch.tensor([0, 0])
    target = torch.eye(2)[classes] if isinstance(loss, BinaryCrossEntropy) else classes

    value, gradient = loss.gradient(output, target, row_shares(None, output))

    assert value.isfinite()
    assert gradient.isfinite().all()


def test_several_quantiles_have_the_sum_of_their_losses():
    loss = LOSSES["three-quantiles"]
    output, target = make_batch(loss)
    singles = [
        Quantile(level)(output[:, [k]], target) for k, level in enumerate(loss.quantile)
    ]

    torch.testing.assert_close(loss(output, target), sum(singles))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.73])
def test_quantile_is_least_at_the_quantile_of_the_target(quantile):
    target = torch.tensor(np.random.default_rng(0).normal(size=(101, 1)))
    loss = Quantile(quantile)
    values = [loss(constant.expand(101, 1), target).item() for constant in target]

    best = target[int(np.argmin(values))].item()

    assert best == np.quantile(target.numpy(), quantile, method="inverted_cdf")


@pytest.mark.parametrize(
    "loss, name, link",
    [
        (SquaredError(), "squared_error", lambda z: z),
        pytest.param(
            *(Poisson(), "poisson", torch.exp),
            marks=needs("scikit-learn>=1.7", "its MLP has the Poisson loss"),
        ),
        (BinaryCrossEntropy(), "binary_log_loss", torch.sigmoid),
    ],
    ids=["squared_error", "poisson", "binary_log_loss"],
)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_reported_loss_equals_that_of_scikit_learns_mlp(loss, name, link, n_outputs):
    output, target = make_batch(loss, n_outputs=n_outputs)

    value = loss(output, target) * loss.reported_scale(output)

    expected = LOSS_FUNCTIONS[name](target.numpy(), link(output).numpy())
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_reported_cross_entropy_equals_that_of_scikit_learns_mlp():
    loss = CrossEntropy()
    output, target = make_batch(loss)

    value = loss(output, target) * loss.reported_scale(output)

    expected = LOSS_FUNCTIONS["log_loss"](
        np.eye(3)[target.numpy()], torch.softmax(output, 1).numpy()
    )
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_mean_over_features_is_the_mean_squared_error_times_half_the_factor(factor):
    output, target = make_batch(SquaredError())
    loss = MeanOverFeatures(SquaredError(), factor)

    value = loss(output, target) * loss.reported_scale(output)

    expected = metrics.mean_squared_error(target, output) * factor / 2
    assert value.item() == pytest.approx(expected, rel=1e-12)


# --- stacks of networks ---------------------------------------------------------------


def make_stack_batch(loss, n_networks=4, weights=None):
    batches = [make_batch(loss, seed=seed) for seed in range(n_networks)]
    output, target = (torch.stack(parts) for parts in zip(*batches, strict=True))
    if weights is None:
        return output, target, None
    weight = torch.stack([(k + 1) * make_weight(weights) for k in range(n_networks)])
    weight[1] = 0.0
    return output, target, weight


@losses
@pytest.mark.parametrize("weights", [None, "given"])
def test_loss_gradient_of_a_stack_is_that_of_each_network(loss, weights):
    output, target, weight = make_stack_batch(loss, weights=weights)

    value, gradient = loss.gradient(output, target, row_shares(weight, output))

    assert value.shape == (4,)
    assert gradient.shape == output.shape
    for k in range(4):
        own_weight = None if weight is None else weight[k]
        shares = row_shares(own_weight, output[k])
        expected = loss.gradient(output[k], target[k], shares)
        torch.testing.assert_close(value[k], expected[0], rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(gradient[k], expected[1], rtol=1e-13, atol=1e-15)


@losses
def test_loss_gradient_of_a_stack_leaves_its_arguments_alone(loss):
    arguments = make_stack_batch(loss, weights="given")
    before = [tensor.clone() for tensor in arguments]

    for weight in (None, arguments[2]):
        shares = row_shares(weight, arguments[0])
        _, gradient = loss.gradient(*arguments[:2], shares)
        gradient.zero_()

    assert all(map(torch.equal, arguments, before))


@losses
def test_loss_scale_of_what_is_reported_is_the_same_for_a_stack(loss):
    output, _, _ = make_stack_batch(loss)

    assert loss.reported_scale(output) == loss.reported_scale(output[0])


@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("weights", [None, "given"])
@pytest.mark.parametrize("smoothings", [(0.0, 0.3, 0.1, 0.0), (0.2,) * 4, (0.0,) * 4])
def test_stacked_losses_smooth_each_networks_labels(kind, weights, smoothings):
    each = [kind(smoothing) for smoothing in smoothings]
    output, target, weight = make_stack_batch(each[0], weights=weights)

    loss = stack_losses(each, like=output)
    value, gradient = loss.gradient(output, target, row_shares(weight, output))

    for k in range(4):
        leaf = output[k].clone().requires_grad_()
        expected = each[k](leaf, target[k], None if weight is None else weight[k])
        expected.backward()
        torch.testing.assert_close(value[k], expected.detach(), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(gradient[k], leaf.grad, rtol=1e-12, atol=1e-14)


def test_stacked_losses_of_one_smoothing_are_one_of_them():
    each = [CrossEntropy(0.1), CrossEntropy(0.1)]

    assert stack_losses(each, like=torch.zeros(1)) is each[0]


def test_stacked_losses_have_the_dtype_of_the_network():
    each = [CrossEntropy(0.1), CrossEntropy(0.2)]

    for dtype in (torch.float32, torch.float64):
        stacked = stack_losses(each, like=torch.zeros(1, dtype=dtype))
        assert stacked.label_smoothing.dtype == dtype
        assert stacked.label_smoothing.shape == (2, 1, 1)


def test_loss_family_is_that_of_losses_whose_smoothing_alone_differs():
    assert CrossEntropy(0.1).family() == CrossEntropy().eval().family()
    assert BinaryCrossEntropy(0.1).family() == BinaryCrossEntropy(0.3).family()


def test_loss_family_tells_losses_and_their_numbers_apart():
    each = [
        CrossEntropy(),
        BinaryCrossEntropy(),
        SquaredError(),
        AbsoluteError(),
        Poisson(),
        Huber(0.3),
        Huber(1.0),
        Quantile(0.1),
        Quantile(0.5),
        MeanOverFeatures(SquaredError()),
        MeanOverFeatures(SquaredError(), factor=2.0),
        MeanOverFeatures(BinaryCrossEntropy()),
        AutoencoderLoss(SquaredError()),
        AutoencoderLoss(SquaredError(), sparsity_penalty=0.1),
        AutoencoderLoss(SquaredError(), kl_weight=0.1),
        AutoencoderLoss(MeanOverFeatures(SquaredError())),
    ]

    assert len({loss.family() for loss in each}) == len(each)


# B11: A loss never sees operands that would broadcast.
@pytest.mark.must_never("B11")
@pytest.mark.parametrize(
    "params", [{}, {"normalization": "layer"}, {"solver": "lbfgs"}]
)
@pytest.mark.parametrize("n_columns", [None, 1, 3])
def test_the_loss_sees_operands_of_one_shape(n_columns, params, diabetes, monkeypatch):
    shapes = set()

    def record(method, shape_of_rows):
        def wrapped(self, output, target, rows=None):
            shapes.add((output.ndim, *output.shape[1:]))
            assert output.shape == target.shape
            assert rows is None or rows.shape == (len(output), *shape_of_rows)
            return method(self, output, target, rows)

        return wrapped

    for Loss in (SquaredError, BinaryCrossEntropy):
        # The first takes weights of the rows, the second their shares.
        for name, shape_of_rows in {"forward": (), "gradient": (1,)}.items():
            method = record(getattr(Loss, name), shape_of_rows)
            monkeypatch.setattr(Loss, name, method)
    X, y = diabetes
    if n_columns is not None:
        y = np.repeat(y[:, None], n_columns, axis=1)
    params = {"early_stopping": params.get("solver") != "lbfgs", "max_iter": 2} | params

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        make(MLPRegressor, **params).fit(X, y, np.ones(200) * 2)
        make(MLPClassifier, **params).fit(X, y > 0)

    assert shapes == {(2, n_columns or 1)}


@pytest.mark.must_never("B11")
def test_the_softmax_loss_sees_one_class_a_row(digits_slice, monkeypatch):
    n_seen = 0
    original = CrossEntropy.gradient

    def gradient(self, output, target, shares):
        nonlocal n_seen
        n_seen += 1
        assert (output.ndim, target.ndim) == (2, 1)
        assert len(output) == len(target)
        return original(self, output, target, shares)

    monkeypatch.setattr(CrossEntropy, "gradient", gradient)
    make(MLPClassifier, max_iter=2).fit(*digits_slice)

    assert n_seen == 2
