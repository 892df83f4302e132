"""Loss and gradient of a stack of dense layers, written out instead of recorded.

Autograd records a graph at every step and allocates every intermediate result anew. For
a plain stack of dense layers the graph is known beforehand: with ``a_0 = X``,

    z_l = a_{l-1} W_l^T + b_l,    a_l = f_l(z_l) * m_l,

where ``m_l`` is a dropout mask, and ``d_l`` the derivative of the loss by ``z_l``,

    d_{l-1} = (d_l W_l) * m_{l-1} * f'_{l-1},
    dW_l = d_l^T a_{l-1},    db_l = sum of d_l's rows.

Everything is written into buffers that live as long as the training, and the parameters
and their gradients are slices of one flat buffer each.

References
----------
Rumelhart, D. E., Hinton, G. E. and Williams, R. J. "Learning representations by
back-propagating errors." Nature 323 (1986), 533-536. https://doi.org/10.1038/323533a0
"""

import functools
from collections.abc import Iterable
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.modules._activations import ACTIVATIONS
from sknn_deep.modules._blocks import DenseBlock
from sknn_deep.modules._losses import Loss
from sknn_deep.modules._random_layers import dropout_mask


@contextmanager
def flat_parameters(module: nn.Module, penalized: Iterable[nn.Parameter]):
    """Lay all parameters and gradients of `module` into two flat buffers for a while.

    Yields the slices that hold the `penalized` parameters: ``(values, gradients)``.
    Afterwards each parameter owns its memory again, so that a copy or a pickle of the
    module holds every number once.
    """
    penalized = list(penalized)
    others = [p for p in module.parameters() if all(p is not q for q in penalized)]
    parameters = penalized + others
    values = nn.utils.parameters_to_vector(parameters).detach().clone()
    gradients = torch.zeros_like(values)
    start = 0
    for p in parameters:
        stop = start + p.numel()
        p.data = values[start:stop].view_as(p)
        p.grad = gradients[start:stop].view_as(p)
        start = stop
    n_penalized = sum(p.numel() for p in penalized)
    try:
        yield values[:n_penalized], gradients[:n_penalized]
    finally:
        for p in parameters:
            p.data = p.data.clone()
            p.grad = None


class _Buffers(NamedTuple):
    """What a layer writes into; what it does not need is None.

    Attributes
    ----------
    z, a, dropped : Tensor of shape (n_batch, n_out)
        Before the activation, after it, and after dropout. `a` may be `z` itself.

    delta_in : Tensor of shape (n_batch, n_in)
        The derivative of the loss by the layer's inputs.
    """

    z: Tensor
    a: Tensor
    dropped: Tensor | None
    delta_in: Tensor | None

    def first(self, n: int) -> "_Buffers":
        """Give the part for a batch of `n` rows."""
        return _Buffers(*(None if t is None else t[:n] for t in self))


class _Layer:
    """One dense layer's parameters, gradients and buffers."""

    def __init__(self, block: DenseBlock, n_rows: int, *, is_first: bool):
        weight = block.dense.weight
        self.weight = weight.detach()  # (n_out, n_in)
        self.weight_t = self.weight.t()
        self.bias = block.dense.bias.detach()
        self.weight_gradient = weight.grad
        self.bias_gradient = block.dense.bias.grad
        self.activation = ACTIVATIONS[block.activation_name]
        self.saves_output = self.activation.derivative_from == "output"
        dropout = getattr(block, "dropout", None)
        self.p = dropout.p if dropout is not None else 0.0
        n_out, n_in = weight.shape
        z = weight.new_empty(n_rows, n_out)
        largest = _Buffers(
            z,
            z if self.saves_output else torch.empty_like(z),
            torch.empty_like(z) if self.p else None,
            None if is_first else weight.new_empty(n_rows, n_in),
        )
        # An epoch has batches of two sizes at most.
        self.buffers = functools.cache(largest.first)

    def forward(self, a: Tensor, generator: torch.Generator | None) -> Tensor:
        self.inputs = a  # (n_batch, n_in)
        self.into = into = self.buffers(a.shape[0])
        z = torch.addmm(self.bias, a, self.weight_t, out=into.z)
        output = self.activation.forward(z, into.a)  # (n_batch, n_out)
        self.saved = output if self.saves_output else z
        if not self.p:
            return output
        self.mask = dropout_mask(
            output.shape, self.p, generator, dtype=z.dtype, device=z.device
        )
        return torch.mul(output, self.mask, out=into.dropped)

    def backward(self, delta: Tensor) -> Tensor | None:
        """Write this layer's gradients; give the derivative by its inputs."""
        if self.p:
            delta.mul_(self.mask)
        delta = self.activation.backward_(delta, self.saved)  # (n_batch, n_out)
        torch.mm(delta.t(), self.inputs, out=self.weight_gradient)
        torch.sum(delta, 0, out=self.bias_gradient)
        if self.into.delta_in is None:
            return None
        return torch.mm(delta, self.weight, out=self.into.delta_in)


class Backpropagation:
    """Loss and gradient of a :class:`DenseStack` whose parameters are laid out flat.

    To be made, and used, within :func:`flat_parameters`.

    Parameters
    ----------
    stack : iterable of DenseBlock
        Without normalization.

    loss : Loss

    n_rows : int
        The largest number of rows that a batch will have.

    generator : torch.Generator or None
        Where dropout masks come from.
    """

    def __init__(
        self,
        stack: Iterable[DenseBlock],
        loss: Loss,
        *,
        n_rows: int,
        generator: torch.Generator | None = None,
    ):
        self.loss = loss
        self.generator = generator
        self.layers = [
            _Layer(block, n_rows, is_first=i == 0) for i, block in enumerate(stack)
        ]

    @torch.no_grad()
    def __call__(
        self, X: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Write the gradient of the loss into the buffers.

        Returns
        -------
        value : Tensor
            The loss, a number.

        output : Tensor of shape (n_batch, n_outputs)
            The network's raw output. Overwritten by the next call.
        """
        a = X
        for layer in self.layers:
            a = layer.forward(a, self.generator)
        value, delta = self.loss.gradient(a, target, weight)
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        return value, a


def can_backpropagate(module: nn.Module) -> bool:
    """Tell whether `module` is a plain chain of dense layers."""
    return module.is_chain and all(
        not hasattr(block, "normalization") for block in module.blocks()
    )
