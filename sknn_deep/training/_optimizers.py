"""Optimizers by scikit-learn's names, and a step without torch's bookkeeping."""

import functools
import inspect
import math
from collections.abc import Callable

import torch
from torch import Tensor

from sknn_deep.training._recipe import Recipe

SOLVERS = ("lbfgs", "sgd", "adam", "adamw")


def _unwrapped(method: Callable) -> Callable:
    """Unwrap a method of torch's optimizers, which would import torch's compiler.

    That takes some two seconds in each new process, only to keep the compiler away from
    the method.
    """
    return getattr(method, "__wrapped__", method)


def get_optimizer_state(optimizer: torch.optim.Optimizer) -> dict:
    """Give the optimizer's ``state_dict``."""
    return _unwrapped(torch.optim.Optimizer.state_dict)(optimizer)


def set_optimizer_state(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Let the optimizer load a ``state_dict``."""
    _unwrapped(torch.optim.Optimizer.load_state_dict)(optimizer, state)


class _LightStart:
    """Makes a torch optimizer without the import of torch's compiler."""

    def add_param_group(self, param_group: dict) -> None:
        _unwrapped(torch.optim.Optimizer.add_param_group)(self, param_group)


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
        optimizer = recipe.solver(parameters, **({} if own_rate else {"lr": lr}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'solver' parameter of {owner}, {recipe.solver!r}, could not be made "
            f"an optimizer of the network's {len(parameters)} parameter tensors with "
            f"lr={lr}: {error}"
        ) from error
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"The 'solver' parameter of {owner}, {recipe.solver!r}, computes the loss "
            "several times a step, which batches are not for. Use solver='lbfgs', or "
            "an optimizer that takes one gradient a step."
        )
    return optimizer


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


def is_own(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a step of `optimizer` is one of :func:`make_step`'s."""
    return isinstance(optimizer, Adam | AdamW | SGD)


class DeviceRates:
    """The learning rates of an optimizer, in its device's memory.

    A step that was captured would keep a Python number for ever.

    Attributes
    ----------
    tensors : list of float32 Tensor of shape ()
        The rate of each parameter group.
    """

    def __init__(self, optimizer: torch.optim.Optimizer):
        self._groups = optimizer.param_groups
        self._rates = [group["lr"] for group in self._groups]
        device = self._groups[0]["params"][0].device
        self.tensors = [
            torch.tensor(rate, dtype=torch.float32, device=device)
            for rate in self._rates
        ]

    def refresh(self) -> None:
        """Send the rates that were changed."""
        for i, group in enumerate(self._groups):
            if group["lr"] != self._rates[i]:
                self._rates[i] = group["lr"]
                self.tensors[i].fill_(group["lr"])


def make_step(
    optimizer: torch.optim.Optimizer, recipe: Recipe, rates: DeviceRates | None = None
) -> Callable[[], None]:
    """Make the function that applies the gradients.

    On the CPU, a torch optimizer's ``step`` spends some 0.12 ms a call on bookkeeping
    before its fused kernel runs, on small networks more than all else together, and the
    first call imports torch's compiler. The kernels are called directly there, on the
    optimizer's own state; and where `rates` are given, for they can be captured then.
    """
    if not is_own(optimizer):
        return optimizer.step
    lay_moments(optimizer)
    groups = optimizer.param_groups
    if rates is not None or groups[0]["params"][0].device.type == "cpu":
        # torch's schedulers ask whether step() was called before their own.
        optimizer._opt_called = True
        if isinstance(optimizer, Adam | AdamW):
            return _make_adam_step(optimizer, recipe, rates)
        return _make_sgd_step(optimizer, recipe, rates)
    separate_counters(optimizer)
    return optimizer.step


def lay_moments(optimizer: torch.optim.Optimizer) -> None:
    """Let the moments of our optimizers lie in memory as their parameters do.

    Fused kernels take numbers in the order in which they lie, and a training may lay
    weights another way.
    """
    if not is_own(optimizer):
        return
    for p, state in optimizer.state.items():
        for name, moment in state.items():
            is_like = isinstance(moment, Tensor) and moment.shape == p.shape
            if is_like and moment.stride() != p.stride():
                state[name] = torch.empty_like(p).copy_(moment)


def separate_counters(optimizer: torch.optim.Optimizer) -> None:
    """Undo that one counter of steps serves all parameters: torch would count each."""
    for state in optimizer.state.values():
        if isinstance(state.get("step"), Tensor):
            state["step"] = state["step"].clone()


def _make_adam_step(
    optimizer: Adam | AdamW, recipe: Recipe, rates: DeviceRates | None
) -> Callable[[], None]:
    """Make the step of Adam, with scikit-learn's epsilon, or of AdamW, with torch's.

    torch divides by ``sqrt(v / (1 - beta_2**t)) + eps``, scikit-learn by
    ``sqrt(v) + epsilon`` with the correction in the rate: they are equal for
    ``eps = epsilon / sqrt(1 - beta_2**t)``. With `rates` epsilon is torch's, since the
    kernel takes it as a number.
    """
    groups = optimizer.param_groups
    corrects_epsilon = isinstance(optimizer, AdamW)
    kernel = torch._fused_adamw_ if corrects_epsilon else torch._fused_adam_
    parameters = [p for group in groups for p in group["params"]]
    for p in parameters:
        state = optimizer.state[p]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=p.device)
            state["exp_avg"] = torch.zeros_like(p)
            state["exp_avg_sq"] = torch.zeros_like(p)
    counter = optimizer.state[parameters[0]]["step"].clone()
    for p in parameters:
        optimizer.state[p]["step"] = counter  # one serves all
    buffers = [
        (
            i,
            group,
            [p.detach() for p in group["params"]],
            [optimizer.state[p]["exp_avg"] for p in group["params"]],
            [optimizer.state[p]["exp_avg_sq"] for p in group["params"]],
            [counter] * len(group["params"]),
        )
        for i, group in enumerate(groups)
        if group["params"]
    ]

    def apply(epsilon: float) -> None:
        for i, group, values, means, squares, counters in buffers:
            kernel(
                values,
                [p.grad for p in group["params"]],
                means,
                squares,
                [],
                counters,
                lr=group["lr"] if rates is None else rates.tensors[i],
                beta1=recipe.beta_1,
                beta2=recipe.beta_2,
                weight_decay=group["weight_decay"],
                eps=epsilon,
                amsgrad=False,
                maximize=False,
            )

    if rates is not None:

        def replayable_step() -> None:
            counter.add_(1)
            apply(recipe.epsilon)

        return replayable_step

    t = int(counter.item())

    def step() -> None:
        nonlocal t
        t += 1
        counter.fill_(t)
        epsilon = recipe.epsilon
        if not corrects_epsilon:
            epsilon /= math.sqrt(1 - recipe.beta_2**t)
        apply(epsilon)

    return step


def _make_sgd_step(
    optimizer: SGD, recipe: Recipe, rates: DeviceRates | None
) -> Callable[[], None]:
    """Make the step of stochastic gradient descent."""
    (group,) = optimizer.param_groups
    parameters = group["params"]
    velocities: list[Tensor] = []
    if recipe.momentum > 0:
        for p in parameters:
            if optimizer.state[p].get("momentum_buffer") is None:
                optimizer.state[p]["momentum_buffer"] = torch.zeros_like(p)
        velocities = [optimizer.state[p]["momentum_buffer"] for p in parameters]
    values = [p.detach() for p in parameters]

    def step() -> None:
        torch._fused_sgd_(
            values,
            [p.grad for p in parameters],
            velocities,
            weight_decay=0.0,
            momentum=recipe.momentum,
            lr=group["lr"] if rates is None else rates.tensors[0],
            dampening=0.0,
            nesterov=recipe.nesterovs_momentum and recipe.momentum > 0,
            maximize=False,
            is_first_step=False,
        )

    return step
