"""Networks of the same shapes as a stack, whose gradients are computed together."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.gradients._backpropagation import (
    LayerParameters,
    can_backpropagate,
    dropout_probability,
    release_parameters,
)
from sknn_deep.gradients._layout import is_faster_transposed_in_stack, view_part
from sknn_deep.gradients._stacked_backpropagation import StackedBackpropagation
from sknn_deep.modules import Loss, StackedDropout, stack_losses
from sknn_deep.rows import SharedRows


class Stacked:
    """Arrays of several networks in one flat buffer, those of one kind side by side.

    Parameters
    ----------
    shapes : list of tuple of int
        Shape of each kind of array in a single network.

    n_networks : int

    transposed : list of bool
        Which kinds are transposed in the buffer.

    like : Tensor
        Tells dtype and device.

    Attributes
    ----------
    buffer : Tensor of shape (n_networks * n_elements,)
        Zero at first.

    arrays : list of Tensor of shape (n_networks, *shape)
        Parts of the buffer.

    flat : list of Tensor of shape (n_networks, n_elements)
        The same, each network's numbers in the order in which they lie.
    """

    def __init__(
        self,
        shapes: list[tuple[int, ...]],
        n_networks: int,
        *,
        transposed: list[bool],
        like: Tensor,
    ):
        self.shapes = shapes
        self.n_networks = n_networks
        self.transposed = transposed
        sizes = [n_networks * torch.Size(shape).numel() for shape in shapes]
        self.buffer = like.new_zeros(sum(sizes))
        parts = self.buffer.split(sizes)
        self.flat = [part.view(n_networks, -1) for part in parts]
        self.arrays = [
            view_part(part, (n_networks, *shape), transposed=is_transposed)
            for part, shape, is_transposed in zip(
                parts, shapes, transposed, strict=True
            )
        ]

    def zeros_like(self) -> "Stacked":
        return self._with_zeros(self.n_networks)

    def _with_zeros(self, n_networks: int) -> "Stacked":
        return Stacked(
            self.shapes, n_networks, transposed=self.transposed, like=self.buffer
        )

    def take(self, networks: Sequence[int]) -> "Stacked":
        """Copy the arrays of some of the networks."""
        taken = self._with_zeros(len(networks))
        index = torch.tensor(networks, device=self.buffer.device)
        for ours, theirs in zip(taken.arrays, self.arrays, strict=True):
            ours.copy_(theirs.index_select(0, index))
        return taken


class StackedGradient(NamedTuple):
    """How to compute the gradients of a stack, and where the numbers are.

    Attributes
    ----------
    compute : callable (X, target, weight) -> (values, outputs)
        Writes the gradients; returns the losses, of shape (n_networks,), and the raw
        outputs, of shape (n_networks, n_batch, n_outputs). X is SharedRows; target and
        weight have the networks as their first dimension.

    values, gradients : Stacked
        Of the weights of all layers, then of the biases.

    parameters : list of list of Parameter
        Those of each network, in the order of the arrays.

    n_penalized : int
        How many of the arrays are weights, which the L2 penalty is about.
    """

    compute: Callable[[SharedRows, Tensor, Tensor | None], tuple[Tensor, Tensor]]
    values: Stacked
    gradients: Stacked
    parameters: list[list[nn.Parameter]]
    n_penalized: int


def stack_family(module: nn.Module, loss: Loss) -> tuple | None:
    """Give what networks must have in common to be stacked; None if they cannot be."""
    if not (can_backpropagate(module) and loss.is_written_out):
        return None
    layers = tuple(
        (tuple(block.dense.weight.shape), block.activation_name, drops)
        for block in module.blocks()
        for drops in [dropout_probability(block) > 0]
    )
    weight = module.blocks()[0].dense.weight
    return layers, loss.family(), weight.dtype, weight.device


@contextmanager
def stacked_gradient(
    modules: Sequence[nn.Module],
    losses: Sequence[Loss],
    *,
    n_rows: int,
    generators: Sequence[torch.Generator | None],
    n_last: Sequence[int] | None = None,
) -> Iterator[StackedGradient]:
    """Compute the gradients of networks of one family together.

    Batches have up to `n_rows` rows. The last one of each network has `n_last`, where
    these are not the same for all.

    Meanwhile their parameters are parts of the stack's; afterwards each owns its memory
    again.
    """
    blocks = [module.blocks() for module in modules]
    parameters = [
        [block.dense.weight for block in own] + [block.dense.bias for block in own]
        for own in blocks
    ]
    shapes = [tuple(p.shape) for p in parameters[0]]
    values = Stacked(
        shapes,
        len(modules),
        transposed=[
            is_faster_transposed_in_stack(p, is_first=i == 0)
            for i, p in enumerate(parameters[0])
        ],
        like=parameters[0][0].detach(),
    )
    gradients = values.zeros_like()
    for k, own in enumerate(parameters):
        for i, p in enumerate(own):
            values.arrays[i][k].copy_(p.detach())
            p.data, p.grad = values.arrays[i][k], gradients.arrays[i][k]
    n_layers = len(blocks[0])
    n_last = n_last or [n_rows] * len(modules)
    leaders = _lead(generators, n_last)
    layers = [
        LayerParameters(
            weight=values.arrays[i],
            weight_gradient=gradients.arrays[i],
            bias=values.arrays[n_layers + i].unsqueeze(2),
            bias_gradient=gradients.arrays[n_layers + i].unsqueeze(2),
            activation=blocks[0][i].activation_name,
            draw_mask=_make_draw_mask([own[i] for own in blocks], leaders, n_last),
        )
        for i in range(n_layers)
    ]
    loss = stack_losses(losses, like=values.buffer)
    compute = StackedBackpropagation(layers, loss, n_rows=n_rows)
    try:
        yield StackedGradient(
            compute, values, gradients, parameters, n_penalized=n_layers
        )
    finally:
        for own, leader in zip(generators, leaders, strict=True):
            if own is not leader:
                own.set_state(leader.get_state())
        release_parameters(itertools.chain(*parameters))


def _lead(
    generators: Sequence[torch.Generator | None], n_last: Sequence[int]
) -> list[torch.Generator | None]:
    """Give for each generator the first one that draws the same, which does it for it.

    It has the same state, and draws for as many rows.
    """
    first: dict[tuple[bytes, int], torch.Generator] = {}
    return [
        own and first.setdefault((own.get_state().numpy().tobytes(), n), own)
        for own, n in zip(generators, n_last, strict=True)
    ]


def _make_draw_mask(blocks, generators, n_last) -> StackedDropout | None:
    probabilities = [dropout_probability(block) for block in blocks]
    if not any(probabilities):
        return None
    weight = blocks[0].dense.weight
    return StackedDropout(
        probabilities, generators, n_last, dtype=weight.dtype, device=weight.device
    )
