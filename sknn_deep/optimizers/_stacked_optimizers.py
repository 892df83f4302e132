"""One optimizer step for a stack of networks, each with its own hyperparameters."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class Hyperparameters(NamedTuple):
    """What may differ between the networks of a stack, in one step.

    Networks with the same hyperparameters that stand side by side share a kernel call.
    """

    learning_rate: float
    first: float  # beta_1, or the momentum
    second: float  # beta_2
    epsilon: float
    weight_decay: float


def hyperparameters_of(recipe: "Recipe", learning_rate: float) -> Hyperparameters:
    if recipe.solver == "sgd":
        return Hyperparameters(learning_rate, recipe.momentum, 0.0, 0.0, 0.0)
    decay = recipe.alpha if recipe.solver == "adamw" else 0.0
    return Hyperparameters(
        learning_rate, recipe.beta_1, recipe.beta_2, recipe.epsilon, decay
    )


def optimizer_family(recipe: "Recipe") -> tuple | None:
    """Give what recipes must have in common for their networks to be stacked."""
    if recipe.solver in ("adam", "adamw"):
        return (recipe.solver,)
    if recipe.solver == "sgd":
        has_momentum = recipe.momentum > 0
        return "sgd", has_momentum, has_momentum and recipe.nesterovs_momentum
    return None


def group_equal(items: Sequence) -> list[tuple[int, int]]:
    """Give where each run of equal neighbours starts and stops."""
    lengths = [len(list(group)) for _, group in itertools.groupby(items)]
    stops = itertools.accumulate(lengths)
    return [(stop - n, stop) for n, stop in zip(lengths, stops, strict=True)]


class StackedOptimizer:
    """Adam, AdamW or stochastic gradient descent for a stack of networks.

    The formulas are those of single networks, for each by torch's fused kernels.

    Parameters
    ----------
    family : tuple
        Of :func:`optimizer_family`.

    values, gradients : Stacked

    n_penalized : int
        How many of the arrays AdamW's weight decay is about.
    """

    def __init__(self, family: tuple, values, gradients, *, n_penalized: int):
        self.family = family
        self.values = values
        self.gradients = gradients
        self.n_penalized = n_penalized
        self.n_networks = values.n_networks
        self.n_arrays = len(values.arrays)
        n_moments = 2 if family[0] != "sgd" else int(family[1])
        self.moments = [values.zeros_like() for _ in range(n_moments)]
        self.counter = endless_counter(values.buffer.device)
        self.t = 0
        # Not by functools.cache: an object that holds a method of its own is a circle,
        # and the buffers would stay until Python looks for those.
        self._cuts: dict[tuple[int, int, int, int], tuple] = {}

    def take(self, networks: Sequence[int], values, gradients) -> "StackedOptimizer":
        """Go on with some of the networks, in memory of their own."""
        taken = StackedOptimizer(
            self.family, values, gradients, n_penalized=self.n_penalized
        )
        taken.moments = [moment.take(networks) for moment in self.moments]
        taken.t = self.t
        return taken

    def _parts(self, *bounds: int) -> tuple:
        if bounds not in self._cuts:
            self._cuts[bounds] = self._cut(*bounds)
        return self._cuts[bounds]

    def _cut(
        self, start: int, stop: int, first: int, last: int
    ) -> tuple[list[Tensor], list[Tensor], list[list[Tensor]]]:
        """Cut arrays `first` to `last` of the networks from `start` to `stop`."""
        is_all = (start, stop, first, last) == (0, self.n_networks, 0, self.n_arrays)

        def cut(stacked) -> list[Tensor]:
            if is_all:
                return [stacked.buffer]
            arrays = stacked.arrays[first:last]
            (parts,) = in_memory_order(arrays, [array[start:stop] for array in arrays])
            return parts

        return cut(self.values), cut(self.gradients), [cut(m) for m in self.moments]

    def step(self, groups: Sequence[tuple[int, int, Hyperparameters]]) -> None:
        """Update all parameters.

        Parameters
        ----------
        groups : sequence of (start, stop, Hyperparameters)
            Those of the networks from `start` to `stop`.
        """
        self.t += 1
        if self.family[0] == "adamw":
            self.counter.fill_(self.t)
        for start, stop, common in groups:
            self._step_some(start, stop, common)

    def _step_some(self, start: int, stop: int, common: Hyperparameters) -> None:
        every = (0, self.n_arrays)
        if self.family[0] == "sgd":
            self._sgd(*self._parts(start, stop, *every), common)
        elif self.family[0] == "adam":
            learning_rate, *betas, _, _ = common
            rate = corrected_rate(learning_rate, *betas, self.t)
            parts = self._parts(start, stop, *every)
            self._adam(*parts, common._replace(learning_rate=rate), decoupled=False)
        else:
            weights = self._parts(start, stop, 0, self.n_penalized)
            biases = self._parts(start, stop, self.n_penalized, self.n_arrays)
            self._adam(*weights, common, decoupled=True)
            self._adam(*biases, common._replace(weight_decay=0.0), decoupled=True)

    def _adam(
        self,
        values: list[Tensor],
        gradients: list[Tensor],
        moments: list[list[Tensor]],
        common: Hyperparameters,
        *,
        decoupled: bool,
    ) -> None:
        fused_adam(
            values,
            gradients,
            *moments,
            self.counter,
            lr=common.learning_rate,
            betas=(common.first, common.second),
            eps=common.epsilon,
            weight_decay=common.weight_decay,
            decoupled=decoupled,
        )

    def _sgd(
        self,
        values: list[Tensor],
        gradients: list[Tensor],
        moments: list[list[Tensor]],
        common: Hyperparameters,
    ) -> None:
        _, _, nesterov = self.family
        fused_sgd(
            values,
            gradients,
            moments[0] if moments else [],
            lr=common.learning_rate,
            momentum=common.first,
            nesterov=nesterov,
        )
