"""Loss and gradient of a stack of networks of the same shapes.

The formulas are those of a single network, in arrays with the networks in front. The
units of a layer lie in rows, ``(n_networks, n_units, n_batch)``: so the first layers of
all networks that see the same rows are one product, ``(n_networks * n_units, n_in)``
times ``(n_in, n_batch)``, and so are their gradients.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from sknn_deep.gradients._backpropagation import Backpropagation, LayerParameters
from sknn_deep.gradients._layout import is_stored_transposed
from sknn_deep.modules import ACTIVATIONS
from sknn_deep.rows import SharedRows


class _Buffers(NamedTuple):
    """What a layer writes into, for one size of batch; what it does not need is None.

    Attributes
    ----------
    z, a, dropped : Tensor of shape (n_networks, n_out, n_batch)
        Before the activation, after it, and after dropout. `a` may be `z` itself.

    delta_in : Tensor of shape (n_networks, n_in, n_batch)
        The derivative of the loss by the layer's inputs.
    """

    z: Tensor
    a: Tensor
    dropped: Tensor | None
    delta_in: Tensor | None


class _StackedLayer:
    """One dense layer's arithmetic, for all networks of a stack.

    Parameters
    ----------
    parameters : LayerParameters

    n_rows : int
        The largest number of rows that a batch will have.

    is_first : bool
        Whether nobody asks for the derivative by the inputs.

    in_columns : bool
        Whether each unit's outputs lie side by side, and not each row's.
    """

    def __init__(
        self,
        parameters: LayerParameters,
        n_rows: int,
        *,
        is_first: bool,
        in_columns: bool,
    ):
        self.weight = parameters.weight
        self.weight_t = parameters.weight.mT
        self.bias = parameters.bias
        self.weight_gradient = parameters.weight_gradient
        self.weight_gradient_t = parameters.weight_gradient.mT
        self.is_stored_transposed = is_stored_transposed(parameters.weight)
        self.bias_gradient = parameters.bias_gradient
        self.activation = ACTIVATIONS[parameters.activation]
        self.saves_output = self.activation.derivative_from == "output"
        self.draw_mask = parameters.draw_mask
        self.is_first = is_first
        self.in_columns = in_columns
        self._n_rows = n_rows
        # By the number of rows of a batch: an epoch has batches of two sizes at most.
        self._buffers: dict[int, _Buffers] = {}
        n_networks, n_out, n_in = self.weight.shape
        self._memory = [
            self.weight.new_empty(n_networks * n_units * n_rows) if is_used else None
            for n_units, is_used in [
                (n_out, True),
                (n_out, not self.saves_output),
                (n_out, self.draw_mask is not None),
                (n_in, not is_first),
            ]
        ]

    def buffers(self, n_batch: int) -> _Buffers:
        """Give what to write into for a batch of so many rows."""
        if n_batch not in self._buffers:
            n_networks, n_out, n_in = self.weight.shape
            z, a, dropped, delta_in = self._memory

            def view_batch(memory: Tensor | None, n_units: int) -> Tensor | None:
                if memory is None:
                    return None
                part = memory[: n_networks * n_units * n_batch]
                if self.in_columns or memory is delta_in:
                    return part.view(n_networks, n_units, n_batch)
                return part.view(n_networks, n_batch, n_units).mT

            z = view_batch(z, n_out)
            self._buffers[n_batch] = _Buffers(
                z,
                z if a is None else view_batch(a, n_out),
                view_batch(dropped, n_out),
                view_batch(delta_in, n_in),
            )
        return self._buffers[n_batch]

    def forward(self, a: Tensor) -> Tensor:
        return self.propagate(a, a.shape[1])

    def propagate(self, a: Tensor | SharedRows, n_batch: int) -> Tensor:
        self.inputs = a  # (n_networks, n_batch, n_in)
        self.into = into = self.buffers(n_batch)
        self.multiply(a, into.z)
        z = into.z.add_(self.bias)  # (n_networks, n_out, n_batch)
        output = self.activation.forward(z, into.a)
        self.saved = output if self.saves_output else z
        if self.draw_mask is not None:
            n_networks, n_out, _ = output.shape
            self.mask = self.draw_mask((n_networks, n_batch, n_out)).mT
            output = torch.mul(output, self.mask, out=into.dropped)
        return output.mT

    def multiply(self, a: Tensor, z: Tensor) -> None:
        if self.in_columns:
            torch.bmm(self.weight, a.mT, out=z)
        else:
            torch.bmm(a, self.weight_t, out=z.mT)

    def backward(
        self, delta: Tensor, delta_t: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Write this layer's gradients; give the derivative by its inputs.

        What comes and goes is of shape ``(n_networks, n_batch, n_units)``, and its
        transpose, which shares the memory.
        """
        if self.draw_mask is not None:
            delta_t.mul_(self.mask)
        self.activation.backward_(delta_t, self.saved)
        self.write_weight_gradient(delta, delta_t)
        torch.sum(delta_t, -1, keepdim=True, out=self.bias_gradient)
        if self.is_first:
            return None, None
        delta_in = torch.bmm(self.weight_t, delta_t, out=self.into.delta_in)
        return delta_in.mT, delta_in

    def write_weight_gradient(self, delta: Tensor, delta_t: Tensor) -> None:
        if self.is_stored_transposed:
            torch.bmm(self.inputs.mT, delta, out=self.weight_gradient_t)
        else:
            torch.bmm(delta_t, self.inputs, out=self.weight_gradient)


class _Group(NamedTuple):
    """Networks of a stack that see the same rows, and their first layers as one array.

    Attributes
    ----------
    n_networks, n_units : int
        How many they are, and have together.

    weight, weight_gradient : Tensor of shape (n_units, n_in)
        Or of shape ``(n_networks, n_out, n_in)``, where each network has a product of
        its own.
    """

    n_networks: int
    n_units: int
    weight: Tensor
    weight_gradient: Tensor


class _SharingLayer(_StackedLayer):
    """The arithmetic of the first layer, whose inputs are :class:`SharedRows`."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.is_one_product = self.in_columns and not self.is_stored_transposed
        # Views that are made once: each takes as long as a small network's product.
        self._groups: dict[tuple, list[_Group]] = {}

    def forward(self, a: SharedRows) -> Tensor:
        return self.propagate(a, a.n_batch)

    def groups(self, bounds: tuple[tuple[int, int], ...]) -> list[_Group]:
        if bounds not in self._groups:
            self._groups[bounds] = [self._make_group(*bound) for bound in bounds]
        return self._groups[bounds]

    def _make_group(self, start: int, stop: int) -> _Group:
        weight, gradient = self.weight[start:stop], self.weight_gradient[start:stop]
        n_networks, n_out, _ = weight.shape
        if self.is_one_product:
            weight, gradient = weight.flatten(0, 1), gradient.flatten(0, 1)
        return _Group(n_networks, n_networks * n_out, weight, gradient)

    def multiply(self, a: SharedRows, z: Tensor) -> None:
        if len(a.bounds) == len(self.weight):
            super().multiply(a.X, z)
            return
        groups = self.groups(a.bounds)
        if self.is_one_product:
            outs = z.flatten(0, 1).split_with_sizes([g.n_units for g in groups])
            for group, X_t, out in zip(groups, a.X.mT.unbind(), outs, strict=True):
                torch.mm(group.weight, X_t, out=out)
            return
        outs = z.split_with_sizes([g.n_networks for g in groups])
        for group, X, out in zip(groups, a.X.unbind(), outs, strict=True):
            X = X.expand(group.n_networks, -1, -1)
            if self.in_columns:
                torch.bmm(group.weight, X.mT, out=out)
            else:
                torch.bmm(X, group.weight.mT, out=out.mT)

    def write_weight_gradient(self, delta: Tensor, delta_t: Tensor) -> None:
        rows = self.inputs
        if len(rows.bounds) == len(self.weight):
            self.inputs = rows.X
            super().write_weight_gradient(delta, delta_t)
            return
        groups = self.groups(rows.bounds)
        if self.is_one_product:
            owns = delta_t.flatten(0, 1).split_with_sizes([g.n_units for g in groups])
            for group, X, own in zip(groups, rows.X.unbind(), owns, strict=True):
                torch.mm(own, X, out=group.weight_gradient)
            return
        owns = delta_t.split_with_sizes([g.n_networks for g in groups])
        for group, X, own in zip(groups, rows.X.unbind(), owns, strict=True):
            X = X.expand(group.n_networks, -1, -1)
            if self.is_stored_transposed:
                torch.bmm(X.mT, own.mT, out=group.weight_gradient.mT)
            else:
                torch.bmm(own, X, out=group.weight_gradient)


class StackedBackpropagation(Backpropagation):
    """Loss and gradient of a stack of chains of dense layers.

    It is called with X as :class:`SharedRows`, a target of shape ``(n_networks,
    n_batch)`` or ``(n_networks, n_batch, n_outputs)``, and weights of shape
    ``(n_networks, n_batch)`` or None; it gives the losses, of shape ``(n_networks,)``,
    and the raw outputs, ``(n_networks, n_batch, n_outputs)``.
    """

    def _make_layers(self, layers, n_rows, *, in_columns) -> list:
        return [
            (_SharingLayer if i == 0 else _StackedLayer)(
                parameters,
                n_rows,
                is_first=i == 0,
                in_columns=in_columns or parameters is not layers[-1],
            )
            for i, parameters in enumerate(layers)
        ]
