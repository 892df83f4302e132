"""Two ways to the gradient of a loss: written out, or recorded by autograd.

Both are context managers with one signature, so that the training takes either. They
yield a :class:`Gradient`; afterwards the module's parameters own their memory, hold no
gradient and no random generator.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.gradients._backpropagation import (
    Backpropagation,
    FlatParameters,
    can_backpropagate,
    flat_parameters,
    list_layers,
)
from sknn_deep.gradients._code_backpropagation import (
    CodeBackpropagation,
    can_backpropagate_code,
)
from sknn_deep.gradients._layout import is_faster_transposed
from sknn_deep.machine import global_draws_from
from sknn_deep.modules import Loss, RandomLayer


class Gradient(NamedTuple):
    """How to compute a gradient, and which parameters the L2 penalty is about.

    Attributes
    ----------
    compute : callable (X, target, weight) -> (value, output)
        Leaves the gradient of the loss in each parameter's ``grad``; returns the loss,
        a number, and the network's raw output.

    penalized : callable () -> list of (weights, gradients)
        Gives the weights without the biases, and their gradients: pairs of flat
        tensors, to be changed in place.

    """

    compute: Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]
    penalized: Callable[[], list[tuple[Tensor, Tensor]]]


class GradientKind(NamedTuple):
    """A way to the gradient, chosen for a network.

    Attributes
    ----------
    name : {"explicit", "recorded", "compiled"}

    reason : str
        Why it was chosen.

    make : callable
        Makes a context manager that yields a :class:`Gradient`.

    is_explicit : bool
        Whether it takes sparse rows, and keeps weights and gradients where they are, so
        that what was computed once can be replayed.
    """

    name: str
    reason: str
    make: Callable[..., AbstractContextManager[Gradient]]
    is_explicit: bool

    def faster_transposed(self, parameters: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Name the parameters that are faster to train transposed in memory."""
        if not self.is_explicit:
            return ()
        return tuple(name for name, p in parameters.items() if is_faster_transposed(p))


def penalized_weights(module: nn.Module) -> list[nn.Parameter]:
    """List what the L2 penalty is about: weights, and not biases, scales or shifts.

    Weights connect units, so that they have two dimensions or more. Frozen ones are
    left out.
    """
    return _penalized(module.parameters())


def _penalized(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [p for p in parameters if p.ndim > 1 and p.requires_grad]


def _as_vector(array: Tensor) -> Tensor:
    """View an array without gaps, such as one in channels-last order, as a vector."""
    if array.is_contiguous():
        return array.view(-1)
    return array.as_strided((array.numel(),), (1,))


def _each(function, output):
    """Apply a function to one tensor, or to each of a named tuple of them."""
    if isinstance(output, Tensor):
        return function(output)
    return type(output)(*(None if t is None else function(t) for t in output))


@contextmanager
def explicit_gradient(
    module: nn.Module,
    loss: Loss,
    *,
    n_rows: int,
    generator: torch.Generator | None = None,
    autocast: torch.dtype | None = None,
    transposed: Collection[str] = (),
) -> Iterator[Gradient]:
    """Compute gradients of a plain dense stack by :class:`Backpropagation`.

    With `autocast`, layers compute in that type, with copies of the parameters; the
    parameters, the loss and what the optimizer sees keep the parameters' own type.
    `transposed` names the weights that, with their gradients, are transposed in memory;
    where X comes as SparseInput, those of the first layer should be.
    """
    parameters = dict(module.named_parameters())
    weights = _penalized(parameters.values())
    ids = {id(parameters[name]) for name in transposed}
    with flat_parameters(parameters.values(), weights, transposed=ids) as flat:
        used = flat if autocast is None else flat.to(autocast)
        backpropagation: Callable[..., Backpropagation] = Backpropagation
        if can_backpropagate_code(module, loss):
            backpropagation = functools.partial(CodeBackpropagation, module)
        compute = backpropagation(
            list_layers(module, used, generator),
            loss,
            n_rows=n_rows,
            loss_dtype=flat.values.dtype,
        )
        if autocast is not None:
            compute = _with_copies(compute, flat, used)
        n = sum(map(Tensor.numel, weights))
        pairs = [(flat.values[:n], flat.gradients[:n])]
        yield Gradient(compute, lambda: pairs)


def _with_copies(
    backpropagate: Backpropagation, flat: FlatParameters, copies: FlatParameters
):
    """Let a gradient be computed by copies of the parameters, in another type."""

    def compute(X, target, weight=None):
        copies.values.copy_(flat.values)
        value, output = backpropagate(X, target, weight)
        flat.gradients.copy_(copies.gradients)
        return value, output

    return compute


@contextmanager
def recorded_gradient(
    module: nn.Module,
    loss: Loss,
    *,
    n_rows: int,
    generator: torch.Generator | None = None,
    autocast: torch.dtype | None = None,
    transposed: Collection[str] = (),
    compile: bool = False,
    draws_globally: bool = False,
) -> Iterator[Gradient]:
    """Compute gradients of any module by autograd.

    `autocast` is the type of mixed-precision arithmetic, if any; `compile` runs the
    module through ``torch.compile``; `draws_globally` tells that the module draws from
    torch's global generator, in whose place `generator` is then put; `n_rows` and
    `transposed` are not needed here.
    """
    parameters = list(module.parameters())
    random_layers = [m for m in module.modules() if isinstance(m, RandomLayer)]
    forward = torch.compile(module) if compile else module
    device_type = parameters[0].device.type
    dtype = next(p.dtype for p in parameters if p.is_floating_point())

    def compute(X, target, weight=None):
        for p in parameters:
            p.grad = None
        mixed = (
            torch.autocast(device_type, dtype=autocast) if autocast else nullcontext()
        )
        draws = global_draws_from(generator) if draws_globally else nullcontext()
        with torch.enable_grad():
            with mixed, draws:
                output = forward(X)
            output = _each(lambda t: t.to(dtype), output)
            value = loss(output, target, weight)
            value.backward()
        return value.detach(), _each(Tensor.detach, output)

    weights = penalized_weights(module)

    def pairs():
        return [
            (_as_vector(w.detach()), _as_vector(w.grad))
            for w in weights
            if w.grad is not None  # where nothing depends on it, or it was frozen
        ]

    for layer in random_layers:
        layer.generator = generator
    try:
        yield Gradient(compute, pairs)
    finally:
        for layer in random_layers:
            layer.generator = None
        for p in parameters:
            p.grad = None


def explicit_kind(
    module: nn.Module,
    loss: Loss,
    *,
    autocast: torch.dtype | None = None,
    reason: str = "a plain chain of dense layers",
) -> GradientKind:
    """Choose gradients written out."""
    make = functools.partial(explicit_gradient, autocast=autocast)
    return GradientKind("explicit", reason, make, is_explicit=True)


def recorded_kind(
    module: nn.Module,
    loss: Loss,
    *,
    autocast: torch.dtype | None = None,
    compile: bool = False,
    reason: str = "any network has them",
) -> GradientKind:
    """Choose gradients recorded by autograd."""
    make = functools.partial(recorded_gradient, autocast=autocast, compile=compile)
    name = "compiled" if compile else "recorded"
    return GradientKind(name, reason, make, is_explicit=False)


def fastest_gradient(
    module: nn.Module,
    loss: Loss,
    *,
    autocast: torch.dtype | None = None,
    compile: bool = False,
) -> GradientKind:
    """Choose gradients written out where that applies.

    That is on the CPU, and on NVIDIA's and AMD's GPUs, where such a step can be
    replayed.
    """
    device_type = next(module.parameters()).device.type
    if compile:
        reason = "compile=True"
    elif device_type not in ("cpu", "cuda"):
        reason = f"written-out ones are not faster on {device_type}"
    elif not (can_backpropagate(module) or can_backpropagate_code(module, loss)):
        reason = "the network is no plain chain of dense layers without normalization"
    elif not loss.is_written_out:
        reason = "the loss is one of torch's"
    else:
        return explicit_kind(module, loss, autocast=autocast)
    return recorded_kind(
        module, loss, autocast=autocast, compile=compile, reason=reason
    )
