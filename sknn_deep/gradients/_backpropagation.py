"""Loss and gradient of a stack of dense layers, written out instead of recorded.

Autograd records a graph at every step and allocates every intermediate result anew. For
a plain stack of dense layers the graph is known beforehand: with ``a_0 = X``,

    z_l = a_{l-1} W_l^T + b_l,    a_l = f_l(z_l) * m_l,

where ``m_l`` is a dropout mask, and ``d_l`` the derivative of the loss by ``z_l``,

    d_{l-1} = (d_l W_l) * m_{l-1} * f'_{l-1},
    dW_l = d_l^T a_{l-1},    db_l = sum of d_l's rows.

Everything is written into buffers that live as long as the training, and the parameters
and their gradients are slices of one flat buffer each. A stack of networks has layers
of its own, see ``_stacked_backpropagation``.

References
----------
Rumelhart, D. E., Hinton, G. E. and Williams, R. J. "Learning representations by
back-propagating errors." Nature 323 (1986), 533-536. https://doi.org/10.1038/323533a0
"""

import functools
from collections.abc import Callable, Collection, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.gradients._layout import copy_contiguous, is_stored_transposed, view_part
from sknn_deep.modules import ACTIVATIONS, DenseBlock, Loss, dropout_mask, row_shares
from sknn_deep.rows import SparseInput


@dataclass(frozen=True)
class FlatParameters:
    """All parameters of a network and their gradients, in one buffer each.

    Attributes
    ----------
    parameters : list of Parameter
        In their order in the buffers.

    transposed : list of bool
        Whether each one is transposed in the buffers.

    values, gradients : Tensor of shape (n_parameters,)
    """

    parameters: list[nn.Parameter]
    transposed: list[bool]
    values: Tensor
    gradients: Tensor

    @functools.cached_property
    def arrays(self) -> dict[nn.Parameter, tuple[Tensor, Tensor]]:
        """Each parameter's value and gradient, which are parts of the buffers."""
        sizes = [p.numel() for p in self.parameters]
        parts = zip(
            self.values.split_with_sizes(sizes),
            self.gradients.split_with_sizes(sizes),
            strict=True,
        )
        return {
            p: (
                view_part(both[0], p.shape, transposed=is_transposed),
                view_part(both[1], p.shape, transposed=is_transposed),
            )
            for p, is_transposed, both in zip(
                self.parameters, self.transposed, parts, strict=True
            )
        }

    def to(self, dtype: torch.dtype) -> "FlatParameters":
        """Copy to buffers of another type."""
        return replace(
            self, values=self.values.to(dtype), gradients=self.gradients.to(dtype)
        )


@contextmanager
def flat_parameters(
    parameters: Iterable[nn.Parameter],
    first: Iterable[nn.Parameter],
    *,
    transposed: Collection[int] = (),
):
    """Put all parameters of a network, and gradients, into flat buffers for a while.

    Yields them as FlatParameters that begin with the parameters of `first`. Afterwards
    each parameter owns its memory again, so that a copy or a pickle of the module holds
    every number once. `transposed` are the ids of those that are transposed in the
    buffers.
    """
    first = list(first)
    ids = {id(p) for p in first}
    others = [p for p in parameters if id(p) not in ids]
    parameters = first + others
    values = parameters[0].new_empty(sum(map(Tensor.numel, parameters)))
    gradients = torch.zeros_like(values)
    is_transposed = [id(p) in transposed for p in parameters]
    flat = FlatParameters(parameters, is_transposed, values, gradients)
    for p, (value, gradient) in flat.arrays.items():
        p.data, p.grad = value.copy_(p.data), gradient
    try:
        yield flat
    finally:
        release_parameters(parameters)


def release_parameters(parameters: Iterable[nn.Parameter]) -> None:
    """Let each parameter own its memory again, and hold no gradient."""
    for p in parameters:
        p.data = copy_contiguous(p.data)
        p.grad = None


class LayerParameters(NamedTuple):
    """One dense layer of a network, or of a stack of networks of the same shapes.

    A stack has one more dimension in front of all arrays, and biases that end in one of
    length 1: ``(n_networks, n_out, 1)``.

    Attributes
    ----------
    weight, weight_gradient : Tensor of shape (n_out, n_in)

    bias, bias_gradient : Tensor of shape (n_out,)

    activation : str

    draw_mask : callable (shape) -> Tensor, or None
        Draws a dropout mask.
    """

    weight: Tensor
    weight_gradient: Tensor
    bias: Tensor
    bias_gradient: Tensor
    activation: str
    draw_mask: Callable[[tuple[int, ...]], Tensor] | None


class _Buffers(NamedTuple):
    """What a layer writes into, for one size of batch; what it does not need is None.

    Attributes
    ----------
    z, a, dropped : Tensor of shape (n_batch, n_out)
        Before the activation, after it, and after dropout. `a` may be `z` itself.

    delta_in : Tensor of shape (n_batch, n_in)
        The derivative of the loss by the layer's inputs.

    delta_in_t : Tensor of shape (n_in, n_batch)
        Its transpose, kept since making a view takes as long as a small product.
    """

    z: Tensor
    a: Tensor
    dropped: Tensor | None
    delta_in: Tensor | None
    delta_in_t: Tensor | None


class _Layer:
    """One dense layer's arithmetic."""

    def __init__(
        self,
        parameters: LayerParameters,
        n_rows: int,
        *,
        is_first: bool,
        in_columns: bool,
    ):
        weight = parameters.weight
        self.weight = weight
        self.weight_t = weight.mT
        self.bias = parameters.bias
        self.weight_gradient = parameters.weight_gradient
        self.weight_gradient_t = parameters.weight_gradient.mT
        self.is_stored_transposed = is_stored_transposed(weight)
        self.bias_gradient = parameters.bias_gradient
        self.activation = ACTIVATIONS[parameters.activation]
        self.saves_output = self.activation.derivative_from == "output"
        self.draw_mask = parameters.draw_mask
        n_out, n_in = weight.shape
        if in_columns:
            z = weight.new_empty(n_out, n_rows).mT
        else:
            z = weight.new_empty(n_rows, n_out)
        self._largest = (
            z,
            z if self.saves_output else torch.empty_like(z),
            None if self.draw_mask is None else torch.empty_like(z),
            None if is_first else weight.new_empty(n_rows, n_in),
        )
        # By the number of rows of a batch: an epoch has batches of two sizes at most.
        self._buffers: dict[int, _Buffers] = {}

    def buffers(self, n_batch: int) -> _Buffers:
        """Give what to write into for a batch of so many rows."""
        if n_batch not in self._buffers:
            largest = self._largest
            if n_batch < largest[0].shape[0]:
                largest = [t if t is None else t[:n_batch] for t in largest]
            z, a, dropped, delta_in = largest
            delta_in_t = None if delta_in is None else delta_in.mT
            self._buffers[n_batch] = _Buffers(z, a, dropped, delta_in, delta_in_t)
        return self._buffers[n_batch]

    def forward(self, a: Tensor | SparseInput) -> Tensor:
        self.inputs = a  # (n_batch, n_in)
        self.into = into = self.buffers(a.shape[-2])
        z = self.multiply(a, into.z)
        output = self.activation.forward(z, into.a)  # (n_batch, n_out)
        self.saved = output if self.saves_output else z
        if self.draw_mask is None:
            return output
        self.mask = self.draw_mask(output.shape)
        return torch.mul(output, self.mask, out=into.dropped)

    def multiply(self, a: Tensor, out: Tensor) -> Tensor:
        return torch.addmm(self.bias, a, self.weight_t, out=out)

    def backward(
        self, delta: Tensor, delta_t: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Write this layer's gradients; give the derivative by its inputs.

        What comes and goes is of shape ``(n_batch, n_units)``, and its transpose,
        which shares the memory.
        """
        if self.draw_mask is not None:
            delta.mul_(self.mask)
        self.activation.backward_(delta, self.saved)
        self.write_weight_gradient(delta, delta_t)
        torch.sum(delta, 0, out=self.bias_gradient)
        if self.into.delta_in is not None:
            torch.mm(delta, self.weight, out=self.into.delta_in)
        return self.into.delta_in, self.into.delta_in_t

    def write_weight_gradient(self, delta: Tensor, delta_t: Tensor) -> None:
        if self.is_stored_transposed:
            torch.mm(self.inputs.mT, delta, out=self.weight_gradient_t)
        else:
            torch.mm(delta_t, self.inputs, out=self.weight_gradient)


class _FirstLayer(_Layer):
    """The arithmetic of a layer whose input may be a ``SparseInput``."""

    def multiply(self, a: Tensor | SparseInput, out: Tensor) -> Tensor:
        if isinstance(a, Tensor):
            return super().multiply(a, out)
        return torch.add(a.product(self.weight_t), self.bias, out=out)

    def write_weight_gradient(self, delta: Tensor, delta_t: Tensor) -> None:
        if isinstance(self.inputs, Tensor):
            super().write_weight_gradient(delta, delta_t)
        else:
            self.inputs.transposed_product(delta, out=self.weight_gradient_t)


class Backpropagation:
    """Loss and gradient of a chain of dense layers.

    Parameters
    ----------
    layers : iterable of LayerParameters

    loss : Loss

    n_rows : int
        The largest number of rows that a batch will have.

    loss_dtype : torch.dtype or None
        Type in which the loss is computed from the layers' output; None is theirs.
    """

    def __init__(
        self,
        layers: Iterable[LayerParameters],
        loss: Loss,
        *,
        n_rows: int,
        loss_dtype: torch.dtype | None = None,
    ):
        layers = list(layers)
        last = layers[-1]
        self.loss = loss
        self.loss_dtype = loss_dtype or last.weight.dtype
        self.casts = self.loss_dtype != last.weight.dtype
        # By the number of rows of a batch.
        self.equal_shares: dict[int, Tensor] = {}
        self.layers = self._make_layers(
            layers, n_rows, in_columns=loss.wants_columns(last.weight.shape[-2])
        )

    def _make_layers(
        self, layers: list[LayerParameters], n_rows: int, *, in_columns: bool
    ) -> list:
        """Make what computes; `in_columns` tells how the last output should lie."""
        return [
            (_FirstLayer if i == 0 else _Layer)(
                parameters,
                n_rows,
                is_first=i == 0,
                in_columns=in_columns and parameters is layers[-1],
            )
            for i, parameters in enumerate(layers)
        ]

    @torch.inference_mode()  # each call of torch takes some microsecond less
    def __call__(
        self,
        X: Tensor | SparseInput,
        target: Tensor,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Write the gradient of the loss into the buffers.

        Returns
        -------
        value : Tensor
            The loss, a number; of a stack, of shape (n_networks,).

        output : Tensor of shape (..., n_batch, n_outputs)
            The network's raw output. Overwritten by the next call.
        """
        a = X
        for layer in self.layers:
            a = layer.forward(a)
        output = a.to(self.loss_dtype) if self.casts else a
        value, delta, delta_t = self.differentiate(output, target, weight)
        for layer in reversed(self.layers):
            delta, delta_t = layer.backward(delta, delta_t)
        return value, output

    def differentiate(
        self, output: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Give the loss, its derivative by the output, and that one's transpose."""
        shares = self.row_shares(output, weight)
        value, delta = self.loss.gradient(output, target, shares)
        if self.casts:
            delta = delta.to(self.layers[-1].weight.dtype)
        return value, delta, delta.mT

    def row_shares(self, output: Tensor, weight: Tensor | None) -> Tensor:
        """Give :func:`row_shares`; those of equal weights are made once."""
        if weight is not None:
            return row_shares(weight, output)
        n_batch = output.shape[-2]
        if n_batch not in self.equal_shares:
            self.equal_shares[n_batch] = row_shares(None, output)
        return self.equal_shares[n_batch]


def list_layers(
    module: nn.Module, parameters: FlatParameters, generator: torch.Generator | None
) -> list[LayerParameters]:
    """List the layers of a network whose numbers are in `parameters`."""
    arrays = parameters.arrays
    layers = []
    for block in module.blocks():
        weight, weight_gradient = arrays[block.dense.weight]
        bias, bias_gradient = arrays[block.dense.bias]
        draw_mask = _make_draw_mask(block, generator, like=weight)
        layers.append(
            LayerParameters(
                weight,
                weight_gradient,
                bias,
                bias_gradient,
                block.activation_name,
                draw_mask,
            )
        )
    return layers


def _make_draw_mask(
    block: DenseBlock, generator: torch.Generator | None, *, like: Tensor
):
    p = dropout_probability(block)
    if not p:
        return None
    return functools.partial(
        dropout_mask,
        p=p,
        generator=generator,
        dtype=like.dtype,
        device=like.device,
    )


def dropout_probability(block: DenseBlock) -> float:
    """Tell with what probability a block's outputs are dropped."""
    dropout = getattr(block, "dropout", None)
    return 0.0 if dropout is None else dropout.p


def can_backpropagate(module: nn.Module) -> bool:
    """Tell whether `module` is a plain chain of dense layers."""
    return getattr(module, "is_chain", False) and all(
        not hasattr(block, "normalization") for block in module.blocks()
    )
