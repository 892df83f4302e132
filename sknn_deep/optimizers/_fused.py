"""How Adam and gradient descent call torch's fused kernels."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sknn_deep import _torch_private


def corrected_rate(learning_rate: float, beta_1: float, beta_2: float, t: int) -> float:
    """Give Adam's rate in step `t`, from 1, which corrects the bias of its two means.

    scikit-learn has the correction in the rate, torch in the means, before it adds
    epsilon. With this rate, and a counter that has come to infinity, where there is no
    bias any more, torch's kernel takes scikit-learn's step.

    References
    ----------
    Kingma, D. P. and Ba, J. "Adam: A method for stochastic optimization." ICLR 2015,
    end of section 2. https://arxiv.org/abs/1412.6980
    """
    return learning_rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)


def endless_counter(device: torch.device) -> Tensor:
    """Make the counter for a kernel that corrects no bias."""
    return torch.full((), math.inf, dtype=torch.float32, device=device)


def in_memory_order(
    parameters: list[Tensor], *lists: list[Tensor]
) -> list[list[Tensor]]:
    """View lists of arrays, which lie in memory as parameters do, in that order.

    To the kernels the order makes no difference but in time, which is a third.
    """
    return [
        [
            array if parameter.is_contiguous() else array.mT
            for array, parameter in zip(arrays, parameters, strict=True)
        ]
        for arrays in lists
    ]


def fused_adam(
    values: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    counter: Tensor,
    *,
    lr: float | Tensor,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float = 0.0,
    decoupled: bool,
) -> None:
    """Apply a step of Adam, or if `decoupled` of AdamW; `counter` has its number."""
    kernel = _torch_private.fused_adamw if decoupled else _torch_private.fused_adam
    kernel(
        values,
        gradients,
        means,
        squares,
        [],
        [counter] * len(values),
        lr=lr,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=weight_decay,
        eps=eps,
        amsgrad=False,
        maximize=False,
    )


def fused_sgd(
    values: Sequence[Tensor],
    gradients: Sequence[Tensor],
    velocities: Sequence[Tensor],
    *,
    lr: float | Tensor,
    momentum: float,
    nesterov: bool,
) -> None:
    """Apply a step of gradient descent; without momentum `velocities` is empty."""
    _torch_private.fused_sgd(
        values,
        gradients,
        velocities,
        weight_decay=0.0,
        momentum=momentum,
        lr=lr,
        dampening=0.0,
        nesterov=nesterov,
        maximize=False,
        is_first_step=False,
    )
