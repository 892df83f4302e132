"""Optimizers by scikit-learn's names, and a step without torch's bookkeeping."""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sknn_deep.optimizers._fused import (
    corrected_rate,
    endless_counter,
    fused_adam,
    fused_sgd,
    in_memory_order,
)

if TYPE_CHECKING:
    from sknn_deep.training import Recipe

SOLVERS = ("lbfgs", "sgd", "adam", "adamw")


def _unwrapped(method: Callable) -> Callable:
    """Unwrap a method of torch's optimizers, which would import torch's compiler.

    That takes some two seconds in each new process, only to keep the compiler away from
    the method.
    """
    return getattr(method, "__wrapped__", method)


def get_optimizer_state(optimizer: torch.optim.Optimizer) -> dict:
    """Give the optimizer's ``state_dict``."""
    return _unwrapped(type(optimizer).state_dict)(optimizer)


def set_optimizer_state(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Let the optimizer load a ``state_dict``, with all its numbers as they are.

    torch casts what is no "step" to the type of the parameter, such as the float32
    "mu_product" of NAdam, which then goes on with other roundings.
    """
    _unwrapped(type(optimizer).load_state_dict)(optimizer, state)
    numbers = [n for group in state["param_groups"] for n in group["params"]]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, parameter in zip(numbers, parameters, strict=True):
        loaded = optimizer.state.get(parameter, {})
        for name, value in state["state"].get(number, {}).items():
            if isinstance(value, Tensor) and loaded[name].dtype != value.dtype:
                loaded[name] = value.to(loaded[name].device)


class _Own:
    """Makes a torch optimizer of ours, without the import of torch's compiler.

    Our steps keep moments in the parameters' own layout, and one counter of steps
    for all. Torch's own step, and whoever reads the state, need what torch makes.
    """

    def add_param_group(self, param_group: dict) -> None:
        _unwrapped(torch.optim.Optimizer.add_param_group)(self, param_group)

    def step(self, closure=None):
        match_layout(self)
        separate_counters(self)
        return super().step(closure)

    def state_dict(self) -> dict:
        match_layout(self)
        return _unwrapped(torch.optim.Optimizer.state_dict)(self)


class Adam(_Own, torch.optim.Adam):
    """``torch.optim.Adam``."""


class AdamW(_Own, torch.optim.AdamW):
    """``torch.optim.AdamW``."""


class SGD(_Own, torch.optim.SGD):
    """``torch.optim.SGD``."""


def make_optimizer(
    recipe: "Recipe",
    weights: list[Tensor],
    others: list[Tensor],
    *,
    owner: str,
    rates: Sequence[tuple[list[Tensor], float]] = (),
) -> torch.optim.Optimizer:
    """Make the optimizer that `recipe` names.

    `weights` are what the L2 penalty is about; `others` are biases and the like.
    `rates` are parameters that begin with a learning rate of their own.
    """
    optimizer = _make_optimizer(recipe, weights, others, owner=owner)
    for parameters, rate in rates:
        _set_apart(optimizer, parameters, rate)
    return optimizer


def _set_apart(
    optimizer: torch.optim.Optimizer, parameters: list[Tensor], rate: float
) -> None:
    """Put parameters into groups of their own, with another learning rate."""
    chosen = {id(p) for p in parameters}
    for group in list(optimizer.param_groups):
        apart = [p for p in group["params"] if id(p) in chosen]
        staying = [p for p in group["params"] if id(p) not in chosen]
        if not apart:
            continue
        if not staying:
            group["lr"] = rate
            continue
        group["params"] = staying
        optimizer.add_param_group({**group, "params": apart, "lr": rate})


def _make_optimizer(
    recipe: "Recipe", weights: list[Tensor], others: list[Tensor], *, owner: str
) -> torch.optim.Optimizer:
    parameters = [*weights, *others]
    if not parameters:
        raise ValueError(
            f"{owner} has nothing to train: the network has no parameters, or all of "
            "them are frozen (requires_grad is False)."
        )
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
        groups = [group for group in groups if group["params"]]
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
    return _make_others_optimizer(recipe.solver, parameters, lr, owner=owner)


def _make_others_optimizer(
    solver: Callable[..., torch.optim.Optimizer],
    parameters: list[Tensor],
    lr: float,
    *,
    owner: str,
) -> torch.optim.Optimizer:
    """Make an optimizer of torch's, or of the user's own."""
    own_rate = isinstance(solver, functools.partial) and ("lr" in solver.keywords)
    try:
        optimizer = solver(parameters, **({} if own_rate else {"lr": lr}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'solver' parameter of {owner}, {solver!r}, could not be made "
            f"an optimizer of the network's {len(parameters)} parameter tensors with "
            f"lr={lr}: {error}"
        ) from error
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"The 'solver' parameter of {owner}, {solver!r}, must make a torch "
            f"optimizer. Got {optimizer!r} from it."
        )
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"The 'solver' parameter of {owner}, {solver!r}, computes the loss "
            "several times a step, which batches are not for. Use solver='lbfgs', or "
            "an optimizer that takes one gradient a step."
        )
    return optimizer


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Change the rate between epochs; groups with rates of their own keep in step.

    scikit-learn's momentum is a sum of past updates, torch's one of past gradients:
    they stay the same only if torch's is divided by what the rate is multiplied by.
    """
    before = optimizer.param_groups[0]["lr"]
    for group in optimizer.param_groups:
        is_like_first = group["lr"] == before
        rate = learning_rate if is_like_first else group["lr"] * learning_rate / before
        change = rate / group["lr"]
        group["lr"] = rate
        if isinstance(optimizer, torch.optim.SGD):
            for p in group["params"]:
                velocity = optimizer.state[p].get("momentum_buffer")
                if velocity is not None:
                    velocity.div_(change)


def forget_training(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Bring an optimizer of ours to where it was when it was made, with this rate."""
    optimizer.state.clear()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
        group.pop("initial_lr", None)
    vars(optimizer).pop("_opt_called", None)


def is_own(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a step of `optimizer` is one of :func:`make_step`'s."""
    return isinstance(optimizer, Adam | AdamW | SGD)


class DeviceRates:
    """The learning rates of an optimizer's steps, in its device's memory.

    A step that was captured would keep a Python number for ever.

    Attributes
    ----------
    tensors : list of float32 Tensor of shape ()
        The rate of each parameter group.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, recipe: "Recipe"):
        self._groups = optimizer.param_groups
        self._rate_of = _make_rate_of(optimizer, recipe)
        self._t = _count_steps(optimizer)
        self._rates = [math.nan for _ in self._groups]
        device = self._groups[0]["params"][0].device
        self.tensors = [
            torch.zeros((), dtype=torch.float32, device=device) for _ in self._groups
        ]

    def refresh(self) -> None:
        """Send the rates of the next step, those that are not the last one's."""
        self._t += 1
        for i, group in enumerate(self._groups):
            rate = self._rate_of(group["lr"], self._t)
            if rate != self._rates[i]:
                self._rates[i] = rate
                self.tensors[i].fill_(rate)


def _make_rate_of(
    optimizer: torch.optim.Optimizer, recipe: "Recipe"
) -> Callable[[float, int], float]:
    """Make what tells the kernel's rate by that of a group and the step's number."""
    if not isinstance(optimizer, Adam):
        return lambda rate, t: rate
    return lambda rate, t: corrected_rate(rate, recipe.beta_1, recipe.beta_2, t)


def _count_steps(optimizer: torch.optim.Optimizer) -> int:
    """Tell how many steps the optimizer has taken; 0 if it does not count them."""
    first = optimizer.param_groups[0]["params"][0]
    step = optimizer.state[first].get("step")
    return 0 if step is None else int(step.item())


def make_step(
    optimizer: torch.optim.Optimizer,
    recipe: "Recipe",
    rates: DeviceRates | None = None,
    *,
    gradients_stay: bool = False,
) -> Callable[[], None]:
    """Make the function that applies the gradients.

    A torch optimizer's ``step`` spends some 0.12 ms a call on bookkeeping before its
    fused kernel runs, on small networks more than all else together, and the first call
    imports torch's compiler. On the CPU and on NVIDIA's and AMD's GPUs the kernels are
    called directly, on the optimizer's own state. A step with `rates`, which are to be
    refreshed before, can be captured. `gradients_stay` tells that gradients are where
    they are at first, in each step.
    """
    if not is_own(optimizer):
        return optimizer.step
    match_layout(optimizer)
    if optimizer.param_groups[0]["params"][0].device.type in ("cpu", "cuda"):
        # torch's schedulers ask whether step() was called before their own.
        optimizer._opt_called = True
        if isinstance(optimizer, Adam | AdamW):
            return _make_adam_step(optimizer, recipe, rates, gradients_stay)
        return _make_sgd_step(optimizer, recipe, rates)
    return optimizer.step


def make_patient_step(
    optimizer: torch.optim.Optimizer, recipe: "Recipe"
) -> Callable[[], None]:
    """Make the function that applies the gradients, some of which may be missing.

    That is so where a layer was not passed, or is frozen for a while. From then on the
    steps are torch's, which counts them for each parameter by itself.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    quick_step = None

    def step() -> None:
        nonlocal quick_step
        has_all = all(p.grad is not None for p in parameters)
        if quick_step is None and has_all and not _has_missed(optimizer):
            quick_step = make_step(optimizer, recipe)
        if has_all and quick_step is not None:
            quick_step()
        else:
            quick_step = None
            optimizer.step()

    return step


def _has_missed(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether some parameters have taken part in fewer steps than others."""
    steps = {
        None if step is None else float(step)
        for group in optimizer.param_groups
        for p in group["params"]
        for step in [optimizer.state.get(p, {}).get("step")]
    }
    return len(steps) > 1


def match_layout(optimizer: Adam | AdamW | SGD) -> None:
    """Let the moments of an optimizer of ours lie in memory as its parameters do.

    Fused kernels take numbers in the order in which they lie, and a training may
    transpose weights.
    """
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


def _begin_moments(optimizer: Adam | AdamW) -> Tensor:
    """Make the moments that are not there yet; give the counter, one for all."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    counter = optimizer.state[parameters[0]].get("step")
    if counter is None:
        device = parameters[0].device
        counter = torch.zeros((), dtype=torch.float32, device=device)
    else:
        counter = counter.clone()
    for p in parameters:
        state = optimizer.state[p]
        had_none = not state
        state["step"] = counter
        if had_none:
            state["exp_avg"] = torch.zeros_like(p)
            state["exp_avg_sq"] = torch.zeros_like(p)
    return counter


def _gradients_of(group: dict) -> list[Tensor]:
    parameters = group["params"]
    return in_memory_order(parameters, [p.grad for p in parameters])[0]


def _make_adam_step(
    optimizer: Adam | AdamW,
    recipe: "Recipe",
    rates: DeviceRates | None,
    gradients_stay: bool,
) -> Callable[[], None]:
    """Make the step of scikit-learn's Adam, or of torch's AdamW."""
    groups = optimizer.param_groups
    is_adamw = isinstance(optimizer, AdamW)
    counter = _begin_moments(optimizer)
    shown = counter if is_adamw else endless_counter(counter.device)
    buffers = [
        (
            i,
            group,
            *in_memory_order(
                group["params"],
                [p.detach() for p in group["params"]],
                [optimizer.state[p]["exp_avg"] for p in group["params"]],
                [optimizer.state[p]["exp_avg_sq"] for p in group["params"]],
            ),
        )
        for i, group in enumerate(groups)
        if group["params"]
    ]

    kept = [_gradients_of(group) if gradients_stay else None for group in groups]

    def apply(rates: list[float] | list[Tensor]) -> None:
        for i, group, values, means, squares in buffers:
            fused_adam(
                values,
                kept[i] or _gradients_of(group),
                means,
                squares,
                shown,
                lr=rates[i],
                betas=(recipe.beta_1, recipe.beta_2),
                eps=recipe.epsilon,
                weight_decay=group["weight_decay"],
                decoupled=is_adamw,
            )

    if rates is not None:

        def replayable_step() -> None:
            counter.add_(1)
            apply(rates.tensors)

        return replayable_step

    rate_of = _make_rate_of(optimizer, recipe)
    t = _count_steps(optimizer)

    def step() -> None:
        nonlocal t
        t += 1
        counter.fill_(t)
        apply([rate_of(group["lr"], t) for group in groups])

    return step


def _make_sgd_step(
    optimizer: SGD, recipe: "Recipe", rates: DeviceRates | None
) -> Callable[[], None]:
    """Make the step of stochastic gradient descent."""
    groups = optimizer.param_groups
    velocities: list[list[Tensor]] = [[] for _ in groups]
    if recipe.momentum > 0:
        for i, group in enumerate(groups):
            for p in group["params"]:
                if optimizer.state[p].get("momentum_buffer") is None:
                    optimizer.state[p]["momentum_buffer"] = torch.zeros_like(p)
            buffers = [optimizer.state[p]["momentum_buffer"] for p in group["params"]]
            (velocities[i],) = in_memory_order(group["params"], buffers)
    values = []
    for group in groups:
        parameters = group["params"]
        values += in_memory_order(parameters, [p.detach() for p in parameters])

    def step() -> None:
        for i, group in enumerate(groups):
            fused_sgd(
                values[i],
                _gradients_of(group),
                velocities[i],
                lr=group["lr"] if rates is None else rates.tensors[i],
                momentum=recipe.momentum,
                nesterov=recipe.nesterovs_momentum and recipe.momentum > 0,
            )

    return step
