"""What is done to a gradient before the update: the L2 penalty, and clipping."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sknn_deep.training import Recipe


def add_penalty(
    value: Tensor,
    pairs: list[tuple[Tensor, Tensor]],
    alpha: float,
    weight: Tensor | None,
    n_rows: int,
) -> Tensor:
    """Add ``alpha / (2 n) * sum(W**2)`` to a loss, and its gradient to the gradients.

    n is the number of rows, or their summed weight, as in scikit-learn. `pairs` are
    weights and their gradients, as flat tensors.
    """
    if weight is not None:
        n = weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
    for W, gradient in pairs:
        square = torch.dot(W, W)
        if weight is None:
            gradient.add_(W, alpha=alpha / n_rows)
            value = torch.add(value, square, alpha=alpha / (2 * n_rows))
        else:
            gradient.addcmul_(W, alpha / n)
            value = value + square * (alpha / (2 * n))
    return value


def make_add_penalties(recipes: Sequence["Recipe"], stacked) -> Callable:
    """Make what adds ``alpha / (2 n) * sum(W**2)`` to losses and gradients."""
    alphas = [r.alpha if r.adds_penalty else 0.0 for r in recipes]
    if not any(alphas):
        return lambda values, weight, n_rows: None
    n_weights = stacked.n_penalized
    pairs = list(
        zip(
            stacked.values.flat[:n_weights],
            stacked.gradients.flat[:n_weights],
            strict=True,
        )
    )
    alpha = pairs[0][0].new_tensor(alphas)  # (n_networks,)
    norms = alpha.new_empty(n_weights, len(alphas))

    @functools.cache  # an epoch has batches of two sizes at most
    def equal_strength(n_rows: int) -> Tensor:
        return alpha / n_rows

    def add_penalties(values: Tensor, weight: Tensor | None, n_rows: int) -> None:
        if weight is None:
            strength = equal_strength(n_rows)
        else:
            n = weight.sum(dim=1).clamp_min(torch.finfo(weight.dtype).tiny)
            strength = alpha / n
        column = strength.unsqueeze(1)
        for (W, gradient), norm in zip(pairs, norms, strict=True):
            torch.linalg.vector_norm(W, dim=1, out=norm)
            gradient.addcmul_(W, column)
        values.addcmul_(norms.square().sum(0), strength, value=0.5)

    return add_penalties


def make_clip(recipes: Sequence["Recipe"], stacked) -> Callable[[], None]:
    """Make what scales down the gradients of each network whose norm is too large."""
    limits = [r.clip_grad_norm for r in recipes]
    if all(limit is None for limit in limits):
        return lambda: None
    arrays = stacked.gradients.flat
    limit = arrays[0].new_tensor([float("inf") if x is None else x for x in limits])
    has_limit = torch.tensor([x is not None for x in limits], device=limit.device)

    def clip() -> None:
        # As torch.nn.utils.clip_grad_norm_ does, with the same small number.
        norms = torch.stack([torch.linalg.vector_norm(a, dim=1) for a in arrays])
        norm = torch.linalg.vector_norm(norms, dim=0)
        share = (limit / (norm + 1e-6)).clamp_max(1.0)
        # Without a limit an infinite norm is no reason to divide by it.
        share = share.where(has_limit, 1.0)
        for array in arrays:
            array.mul_(share[:, None])

    return clip
