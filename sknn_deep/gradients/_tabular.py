"""The gradient of a network for tables, written out."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from sknn_deep.gradients._gradient import GradientKind
from sknn_deep.modules import (
    ACTIVATIONS,
    N_PERIODIC,
    Activation,
    CategoryEmbedding,
    Loss,
    MaskPool,
    PeriodicEmbedding,
    StackedDense,
    StackedScale,
    TabularMLP,
    row_shares,
)

# Gives the dropout mask of a shape, or None where nothing is dropped.
DrawMask = Callable[[tuple[int, ...]], Tensor | None]


class TabularBackpropagation:
    """Computes loss, output and gradient of a stack of networks for tables.

    The gradient is left in each parameter's ``grad``, always in the same memory; the
    parameters must stay in theirs. The next call overwrites the output.

    Parameters
    ----------
    network : TabularMLP

    loss : Loss

    draw_mask : callable
    """

    def __init__(self, network: TabularMLP, loss: Loss, draw_mask: DrawMask):
        self.network = network
        self.loss = loss
        self.draw_mask = draw_mask
        for p in network.parameters():
            p.grad = torch.zeros_like(p)
        # An epoch has batches of two sizes at most.
        self._passes: dict[int, _Pass] = {}

    @torch.no_grad()
    def __call__(
        self, X: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the mean of the members' losses, and their raw outputs.

        Each member gets the gradient of its own loss.

        Parameters
        ----------
        X : Tensor of shape (n_batch, n_columns)

        target : Tensor of shape (n_batch, n_outputs), or (n_batch,) of class numbers

        weight : Tensor of shape (n_batch, n_members) or None

        Returns
        -------
        value : Tensor of shape ()

        output : Tensor of shape (n_members, n_batch, n_outputs)
        """
        if len(X) not in self._passes:
            self._passes[len(X)] = _Pass(self.network, len(X))
        batch = self._passes[len(X)]
        output = batch.forward(X, self.draw_mask).mT
        shares = row_shares(None if weight is None else weight.T, output)
        target = target.expand(len(output), *target.shape)
        value, delta = self.loss.gradient(output, target, shares)
        batch.backward(delta.mT)
        return value.mean(), output


class _Pass:
    """The way of a batch through the network and back, in memory of its own.

    Memory that is taken anew at each step is cleared by the system at each step, which
    takes longer than what is computed in it. Views are made once for the same reason.
    """

    def __init__(self, network: TabularMLP, n_batch: int):
        self.n_columns = network.n_columns
        like, n_members = network.scale.weight, network.n_members
        self.inputs = like.new_empty(n_members, like.shape[1], n_batch)
        self.numbers = self.inputs[:, : self.n_columns]
        first = _ScaledDense(network.layers[0], network.scale, self.inputs)
        self.embeddings = []
        stop = self.n_columns
        if network.periodic is not None:
            start, stop = stop, stop + N_PERIODIC * network.n_numbers
            self.embeddings.append(
                _Periodic(network.periodic, self.inputs, first, slice(start, stop))
            )
        if network.categories is not None:
            part = slice(stop, None)
            self.embeddings.append(
                _Categories(network.categories, self.inputs, first, part)
            )
        self.layers = [first]
        self.hidden = []
        for name, layer in zip(
            network.activations, list(network.layers)[1:], strict=True
        ):
            hidden = _Hidden(ACTIVATIONS[name], self.layers[-1].Z)
            self.hidden.append(hidden)
            self.layers.append(_Dense(layer, hidden.passed))

    def forward(self, X: Tensor, draw_mask: DrawMask) -> Tensor:
        """Give the raw outputs, ``(n_members, n_outputs, n_batch)``."""
        self.numbers.copy_(X[:, : self.n_columns].T)
        for embedding in self.embeddings:
            embedding.forward(X[:, self.n_columns :])
        self.layers[0].forward()
        for hidden, layer in zip(self.hidden, self.layers[1:], strict=True):
            hidden.forward(draw_mask)
            layer.forward()
        return self.layers[-1].Z

    def backward(self, delta: Tensor) -> None:
        """Set the gradients; `delta` is the derivative by the raw outputs."""
        for hidden, layer in zip(
            reversed(self.hidden), reversed(self.layers[1:]), strict=True
        ):
            layer.set_gradients(delta)
            delta = hidden.backward(layer.give_back(delta))
        self.layers[0].set_gradients(delta)
        for embedding in self.embeddings:
            embedding.backward(delta)


class _Dense:
    """A dense layer: ``weight @ H + bias``, with samples in columns."""

    def __init__(self, layer: StackedDense, H: Tensor):
        weight, bias = layer.weight, layer.bias
        n_members, n_out, _ = weight.shape
        self.H = H
        self.Z = H.new_empty(n_members, n_out, H.shape[-1])
        self.weight, self.bias = weight.detach(), bias.detach()[..., None]
        self.gradients = weight.grad, bias.grad
        self.weight_mT, self.H_mT = self.weight.mT, H.mT

    def forward(self) -> None:
        torch.baddbmm(self.bias, self.weight, self.H, out=self.Z)

    def set_gradients(self, delta: Tensor) -> None:
        by_weight, by_bias = self.gradients
        torch.bmm(delta, self.H_mT, out=by_weight)
        torch.sum(delta, dim=-1, out=by_bias)

    def give_back(self, delta: Tensor) -> Tensor:
        """Give the derivative by what came in, in its place: nobody needs it again."""
        return torch.bmm(self.weight_mT, delta, out=self.H)


class _ScaledDense(_Dense):
    """The first dense layer, with the scales of its inputs in its weights."""

    def __init__(self, layer: StackedDense, scale: StackedScale, H: Tensor):
        super().__init__(layer, H)
        self.unscaled, self.weight = self.weight, torch.empty_like(self.weight)
        self.product = torch.empty_like(self.weight)
        self.scale = scale.weight.detach()[:, None]
        self.by_scale = scale.weight.grad

    def forward(self) -> None:
        torch.mul(self.unscaled, self.scale, out=self.weight)
        super().forward()

    def set_gradients(self, delta: Tensor) -> None:
        super().set_gradients(delta)  # by the scaled weights
        by_weight, _ = self.gradients
        torch.mul(by_weight, self.unscaled, out=self.product)
        torch.sum(self.product, dim=1, out=self.by_scale)
        by_weight.mul_(self.scale)


class _Hidden:
    """The activation of a hidden layer, and dropout."""

    def __init__(self, function: Activation, Z: Tensor):
        self.function = function
        self.Z, self.shape = Z, tuple(Z.shape)
        from_input = function.derivative_from == "input"
        self.activated = torch.empty_like(Z)
        # What the derivative is computed from must not be multiplied by a mask.
        self.passed = self.activated if from_input else torch.empty_like(Z)
        self.saved = Z if from_input else self.activated
        self.mask: Tensor | None = None

    def forward(self, draw_mask: DrawMask) -> None:
        activated = self.function.forward(self.Z, self.activated)
        self.mask = draw_mask(self.shape)
        if self.mask is not None:
            torch.mul(activated, self.mask, out=self.passed)
        elif activated is not self.passed:
            self.passed.copy_(activated)
        if self.saved is not self.Z and activated is not self.activated:
            self.activated.copy_(activated)

    def backward(self, delta: Tensor) -> Tensor:
        if self.mask is not None:
            delta.mul_(self.mask)
        return self.function.backward_(delta, self.saved)


class _Periodic:
    """The periodic embedding of numbers, whose result is a part of the inputs."""

    def __init__(
        self, module: PeriodicEmbedding, inputs: Tensor, first: _Dense, part: slice
    ):
        n_members, n_numbers, n_frequencies = module.frequency.shape
        n_batch, n_pairs = inputs.shape[-1], n_members * n_numbers
        self.frequency, self.shift = module.frequency.detach(), module.shift.detach()
        self.x = inputs[0, :n_numbers]
        # A phase is a product of x and 1 with turns and shift, and so are the sums of
        # the way back. A product of matrices is faster than one that is broadcast.
        self.factors = inputs.new_ones(n_members, n_numbers, n_batch, 2)
        self.factors_x = self.factors[..., 0]
        self.factors_of_pairs = self.factors.flatten(0, 1)
        self.factors_mT = self.factors_of_pairs.mT
        self.coefficients = inputs.new_empty(n_pairs, n_frequencies, 2)
        self.turns, self.shifts = self.coefficients.view(
            *module.frequency.shape, 2
        ).unbind(-1)
        self.phase = inputs.new_empty(n_pairs, n_frequencies, n_batch)
        self.waves = torch.empty_like(self.phase)
        self.waves_mT = self.waves.mT
        self.weight = module.weight.detach().flatten(0, 1)
        self.weight_mT = self.weight.mT
        self.bias = module.bias.detach().flatten(0, 1)[..., None]
        self.combined = inputs.new_empty(n_pairs, N_PERIODIC, n_batch)
        self.part = inputs[:, part]
        self.combined_as_part = self.combined.view(self.part.shape)
        self.first_weight_mT = first.weight[:, :, part].mT
        self.by_weight = module.weight.grad.view_as(self.weight)
        self.by_bias = module.bias.grad.view(n_pairs, N_PERIODIC)
        self.sums = inputs.new_empty(n_pairs, n_frequencies, 2)
        by_x, by_one = self.sums.view(*module.frequency.shape, 2).unbind(-1)
        self.by_frequency = module.frequency.grad, by_x
        self.by_shift = module.shift.grad, by_one

    def forward(self, codes: Tensor) -> None:
        torch.mul(self.frequency, 2 * math.pi, out=self.turns)
        self.shifts.copy_(self.shift)
        self.factors_x.copy_(self.x)
        torch.bmm(self.coefficients, self.factors_mT, out=self.phase)
        torch.cos(self.phase, out=self.waves)
        torch.baddbmm(self.bias, self.weight, self.waves, out=self.combined)
        self.part.copy_(self.combined_as_part)

    def backward(self, delta: Tensor) -> None:
        torch.bmm(self.first_weight_mT, delta, out=self.combined_as_part)
        torch.bmm(self.combined, self.waves_mT, out=self.by_weight)
        torch.sum(self.combined, dim=-1, out=self.by_bias)
        slope = torch.bmm(self.weight_mT, self.combined, out=self.waves)
        slope.mul_(self.phase.sin_())
        torch.bmm(slope, self.factors_of_pairs, out=self.sums)
        torch.mul(self.by_frequency[1], -2 * math.pi, out=self.by_frequency[0])
        torch.neg(self.by_shift[1], out=self.by_shift[0])


class _Categories:
    """The embedding of categories, whose result is a part of the inputs."""

    def __init__(
        self, module: CategoryEmbedding, inputs: Tensor, first: _Dense, part: slice
    ):
        self.module = module
        self.table, self.by_table = module.table.detach(), module.table.grad
        part_of_inputs = inputs[:, part]
        self.delta = inputs.new_empty(part_of_inputs.shape)
        self.first_weight_mT = first.weight[:, :, part].mT
        n_members, _, n_batch = part_of_inputs.shape
        n_columns = len(module.n_categories)
        n_rows = n_batch * n_columns
        self.embedded = self.table.new_empty(n_rows, *self.table.shape[1:])
        # The same numbers with features in rows, and with samples in rows.
        cube = (n_columns, -1)
        self.part_cube = part_of_inputs.unflatten(1, cube).permute(3, 1, 0, 2)
        self.delta_cube = self.delta.unflatten(1, cube).permute(3, 1, 0, 2)
        self.embedded_cube = self.embedded.view(n_batch, n_columns, n_members, -1)

    def forward(self, codes: Tensor) -> None:
        self.rows = self.module.rows(codes)
        torch.index_select(self.table, 0, self.rows, out=self.embedded)
        self.part_cube.copy_(self.embedded_cube)

    def backward(self, delta: Tensor) -> None:
        torch.bmm(self.first_weight_mT, delta, out=self.delta)
        self.embedded_cube.copy_(self.delta_cube)
        self.by_table.zero_().index_add_(0, self.rows, self.embedded)


class TabularGradient(NamedTuple):
    """How to compute a gradient, as :class:`Gradient` says it.

    Attributes
    ----------
    compute : callable (X, target, weight) -> (value, output)

    masks : MaskPool
        Whose `p` is the dropout's.
    """

    compute: TabularBackpropagation
    masks: MaskPool


def tabular_gradient(network: TabularMLP, loss: Loss) -> GradientKind:
    """Choose the one way to the gradient of a network for tables."""
    return GradientKind(
        "explicit",
        "that of networks for tables is written out",
        _written_out,
        is_explicit=True,
    )


@contextmanager
def _written_out(
    network: TabularMLP, loss: Loss, *, generator: torch.Generator
) -> Iterator[TabularGradient]:
    """Compute gradients by :class:`TabularBackpropagation` for a while."""
    masks = MaskPool(generator, network.scale.weight.dtype)
    try:
        yield TabularGradient(TabularBackpropagation(network, loss, masks), masks)
    finally:
        for p in network.parameters():
            p.grad = None
