"""Gradients, losses and stacks are what training asks for; mypy reads this file too."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch

from sknn_deep.gradients import (
    explicit_kind,
    fastest_gradient,
    recorded_kind,
    stacked_gradient,
    tabular_gradient,
)
from sknn_deep.modules import MLP, CrossEntropy, SquaredError
from sknn_deep.training._protocols import (
    ChoosesGradient,
    Criterion,
    StackedGradient,
)

WAYS: Sequence[ChoosesGradient] = [fastest_gradient, explicit_kind, recorded_kind]
OF_TABLES: ChoosesGradient = tabular_gradient
LOSSES: Sequence[Criterion] = [SquaredError(), CrossEntropy()]
STACKS: Callable[..., AbstractContextManager[StackedGradient]] = stacked_gradient


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("choose", WAYS)
def test_each_way_gives_the_loss_and_what_is_penalized(
    choose: ChoosesGradient, loss: Any
):
    module = MLP((3, 4, 2), activations=["relu"], dropout=[0.0], dtype=torch.float64)
    X, target = torch.ones(5, 3, dtype=torch.float64), torch.zeros(5, dtype=torch.int64)
    if isinstance(loss, SquaredError):
        target = torch.ones(5, 2, dtype=torch.float64)

    kind = choose(module, loss)
    with kind.make(module, loss, n_rows=5) as gradient:
        value, output = gradient.compute(X, target, None)
        pairs = [(w.numel(), g.numel()) for w, g in gradient.penalized()]

    torch.testing.assert_close(value, loss(output, target, None))
    assert sum(n for n, _ in pairs) == 3 * 4 + 4 * 2
    assert all(n_weights == n_gradients for n_weights, n_gradients in pairs)
    assert loss.reported_scale(output) > 0
    parameters = dict(module.named_parameters())
    assert set(kind.faster_transposed(parameters)) <= parameters.keys()
