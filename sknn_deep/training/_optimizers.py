"""Optimizers by scikit-learn's names, and a step without torch's bookkeeping."""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from sknn_deep.training._recipe import Recipe

SOLVERS = ("lbfgs", "sgd", "adam", "adamw")


class _LightStart:
    """Makes a torch optimizer without the import of torch's compiler.

    ``Optimizer.add_param_group`` is wrapped in a function that imports it, some two
    seconds in each new process, only to keep the compiler away from the method.
    """

    def add_param_group(self, param_group: dict) -> None:
        wrapped = torch.optim.Optimizer.add_param_group
        getattr(wrapped, "__wrapped__", wrapped)(self, param_group)


class Adam(_LightStart, torch.optim.Adam):
    """``torch.optim.Adam``."""


class AdamW(_LightStart, torch.optim.AdamW):
    """``torch.optim.AdamW``."""


class SGD(_LightStart, torch.optim.SGD):
    """``torch.optim.SGD``."""


def make_optimizer(
    recipe: Recipe, weights: list[Tensor], others: list[Tensor], *, owner: str
) -> torch.optim.Optimizer:
    """Make the optimizer that `recipe` names.

    `weights` are what the L2 penalty is about; `others` are biases and the like.
    """
    parameters = [*weights, *others]
    lr = recipe.learning_rate_init
    betas = (recipe.beta_1, recipe.beta_2)
    # torch has fused kernels for these types of devices.
    fused = parameters[0].device.type in ("cpu", "cuda", "mps", "xpu")
    if recipe.solver == "adam":
        return Adam(parameters, lr=lr, betas=betas, eps=recipe.epsilon, fused=fused)
    if recipe.solver == "adamw":
        groups = [
            {"params": weights, "weight_decay": recipe.alpha},
            {"params": others, "weight_decay": 0.0},
        ]
        return AdamW(groups, lr=lr, betas=betas, eps=recipe.epsilon, fused=fused)
    if recipe.solver == "sgd":
        return SGD(
            parameters,
            lr=lr,
            momentum=recipe.momentum,
            # torch refuses Nesterov's momentum of zero, which is plain descent.
            nesterov=recipe.nesterovs_momentum and recipe.momentum > 0,
            fused=fused,
        )
    own_rate = isinstance(recipe.solver, functools.partial) and (
        "lr" in recipe.solver.keywords
    )
    try:
        return recipe.solver(parameters, **({} if own_rate else {"lr": lr}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'solver' parameter of {owner}, {recipe.solver!r}, could not be made "
            f"an optimizer of the network's {len(parameters)} parameter tensors with "
            f"lr={lr}: {error}"
        ) from error


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Change the rate between epochs.

    scikit-learn's momentum is a sum of past updates, torch's one of past gradients:
    they stay the same only if torch's is divided by what the rate is multiplied by.
    """
    for group in optimizer.param_groups:
        change = learning_rate / group["lr"]
        group["lr"] = learning_rate
        if isinstance(optimizer, torch.optim.SGD):
            for p in group["params"]:
                velocity = optimizer.state[p].get("momentum_buffer")
                if velocity is not None:
                    velocity.div_(change)


def make_step(optimizer: torch.optim.Optimizer, recipe: Recipe) -> Callable[[], None]:
    """Make the function that applies the gradients.

    On the CPU, ``torch.optim.Adam.step`` spends some 0.12 ms a call on bookkeeping
    before its fused kernel runs: on small networks more than all else together. The
    kernel is called directly there, on the optimizer's own state.
    """
    on_cpu = optimizer.param_groups[0]["params"][0].device.type == "cpu"
    if on_cpu and isinstance(optimizer, Adam):
        return _make_adam_step(optimizer, recipe)
    return optimizer.step


def _make_adam_step(optimizer: torch.optim.Adam, recipe: Recipe) -> Callable[[], None]:
    """Make Adam's step with an epsilon that is not bias-corrected, as scikit-learn's.

    torch divides by ``sqrt(v / (1 - beta_2**t)) + eps``, scikit-learn by
    ``sqrt(v) + epsilon`` with the correction in the rate: they are equal for
    ``eps = epsilon / sqrt(1 - beta_2**t)``.
    """
    (group,) = optimizer.param_groups
    parameters = group["params"]
    for p in parameters:
        state = optimizer.state[p]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(p)
            state["exp_avg_sq"] = torch.zeros_like(p)
    states = [optimizer.state[p] for p in parameters]
    n_taken = states[0]["step"].clone()
    for state in states:
        state["step"] = n_taken  # one counter serves all
    counters = [n_taken] * len(parameters)
    means = [state["exp_avg"] for state in states]
    squares = [state["exp_avg_sq"] for state in states]
    t = int(n_taken.item())
    values = [p.detach() for p in parameters]
    gradients: list[Tensor] = []

    def step() -> None:
        nonlocal t, gradients
        t += 1
        n_taken.fill_(t)
        # An explicit gradient stays in its place; a recorded one is new at each step.
        if not gradients or gradients[0] is not parameters[0].grad:
            gradients = [p.grad for p in parameters]
        torch._fused_adam_(
            values,
            gradients,
            means,
            squares,
            [],
            counters,
            lr=group["lr"],
            beta1=recipe.beta_1,
            beta2=recipe.beta_2,
            weight_decay=0.0,
            eps=recipe.epsilon / math.sqrt(1 - recipe.beta_2**t),
            amsgrad=False,
            maximize=False,
        )

    return step
