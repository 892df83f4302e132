"""Two ways to the gradient of a loss: written out, or recorded by autograd.

Both are context managers with one signature, so that the training takes either. They
yield a :class:`Gradient`; afterwards the module's parameters own their memory, hold no
gradient and no random generator.
"""

from collections.abc import Callable, Iterator
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
from sknn_deep.gradients._layout import is_faster_transposed
from sknn_deep.modules import Dense, Loss, RandomLayer


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

    keeps_memory : bool
        Whether weights and gradients stay where they are, so that what was computed
        once can be replayed.

    takes_sparse : bool
        Whether X has to be a ThinBatch.
    """

    compute: Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]
    penalized: Callable[[], list[tuple[Tensor, Tensor]]]
    keeps_memory: bool = False
    takes_sparse: bool = False


def dense_weights(module: nn.Module) -> list[nn.Parameter]:
    """List the weights of the dense layers, which the L2 penalty is about."""
    return [m.weight for m in module.modules() if isinstance(m, Dense)]


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
    free_layout: bool = False,
    sparse_rows: bool = False,
) -> Iterator[Gradient]:
    """Compute gradients of a plain dense stack by :class:`Backpropagation`.

    With `autocast`, layers compute in that type, with copies of the parameters; the
    parameters, the loss and what the optimizer sees keep the parameters' own type. With
    `free_layout`, weights and their gradients may lie in memory the other way round;
    with `sparse_rows`, which tells that the rows stay sparse, those of the first layer
    do.
    """
    weights = dense_weights(module)
    first = module.blocks()[0].dense.weight

    def is_transposed(p: nn.Parameter) -> bool:
        if sparse_rows and p is first:
            return True
        return free_layout and is_faster_transposed(p)

    with flat_parameters(module, weights, is_transposed=is_transposed) as flat:
        used = flat if autocast is None else flat.to(autocast)
        compute = Backpropagation(
            list_layers(module, used, generator),
            loss,
            n_rows=n_rows,
            loss_dtype=flat.values.dtype,
            sparse_rows=sparse_rows,
        )
        if autocast is not None:
            compute = _with_copies(compute, flat, used)
        n = sum(w.numel() for w in weights)
        pairs = [(flat.values[:n], flat.gradients[:n])]
        yield Gradient(
            compute, lambda: pairs, keeps_memory=True, takes_sparse=sparse_rows
        )


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
    free_layout: bool = False,
    sparse_rows: bool = False,
    compile: bool = False,
) -> Iterator[Gradient]:
    """Compute gradients of any module by autograd.

    `autocast` is the type of mixed-precision arithmetic, if any; `compile` runs the
    module through ``torch.compile``; `n_rows`, `free_layout` and `sparse_rows` are not
    needed here.
    """
    parameters = list(module.parameters())
    random_layers = [m for m in module.modules() if isinstance(m, RandomLayer)]
    forward = torch.compile(module) if compile else module
    device_type = parameters[0].device.type

    def compute(X, target, weight=None):
        for p in parameters:
            p.grad = None
        mixed = (
            torch.autocast(device_type, dtype=autocast) if autocast else nullcontext()
        )
        with torch.enable_grad():
            with mixed:
                output = forward(X)
            output = _each(lambda t: t.to(parameters[0].dtype), output)
            value = loss(output, target, weight)
            value.backward()
        return value.detach(), _each(Tensor.detach, output)

    weights = dense_weights(module)

    def pairs():
        return [(w.detach().view(-1), w.grad.view(-1)) for w in weights]

    for layer in random_layers:
        layer.generator = generator
    try:
        yield Gradient(compute, pairs)
    finally:
        for layer in random_layers:
            layer.generator = None
        for p in parameters:
            p.grad = None


def fastest_gradient(
    module: nn.Module, loss: Loss, *, compile: bool = False, **options
) -> AbstractContextManager[Gradient]:
    """Compute gradients written out where that applies.

    That is on the CPU, and on NVIDIA's and AMD's GPUs, where such a step can be
    replayed. `options` are those that both ways take.
    """
    is_known = next(module.parameters()).device.type in ("cpu", "cuda")
    if is_known and not compile and can_backpropagate(module):
        return explicit_gradient(module, loss, **options)
    return recorded_gradient(module, loss, compile=compile, **options)
