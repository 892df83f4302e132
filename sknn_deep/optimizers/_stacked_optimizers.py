"""One optimizer step for a stack of networks, each with its own hyperparameters."""

import itertools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

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

    Networks with the same hyperparameters share a kernel call.
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


# Networks of a stack, in runs of neighbors: from the first to the one after the last.
NetworkRuns = tuple[tuple[int, int], ...]
_Item = TypeVar("_Item", bound=Hashable)


def group_equal(items: Sequence[_Item]) -> dict[_Item, NetworkRuns]:
    """Give where equal ones stand: each run of neighbors from its start to its stop."""
    groups: dict[_Item, NetworkRuns] = {}
    start = 0
    for item, run in itertools.groupby(items):
        stop = start + len(list(run))
        groups[item] = (*groups.get(item, ()), (start, stop))
        start = stop
    return groups


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
        self._cuts: dict[tuple[NetworkRuns, int, int], tuple] = {}

    def take(self, networks: Sequence[int], values, gradients) -> "StackedOptimizer":
        """Go on with some of the networks, in memory of their own."""
        taken = StackedOptimizer(
            self.family, values, gradients, n_penalized=self.n_penalized
        )
        taken.moments = [moment.take(networks) for moment in self.moments]
        taken.t = self.t
        return taken

    def _parts(self, *key) -> tuple:
        if key not in self._cuts:
            self._cuts[key] = self._cut(*key)
        return self._cuts[key]

    def _cut(
        self, runs: NetworkRuns, first: int, last: int
    ) -> tuple[list[Tensor], list[Tensor], list[list[Tensor]]]:
        """Cut arrays `first` to `last` of some networks."""
        is_all = (runs, first, last) == (((0, self.n_networks),), 0, self.n_arrays)

        def cut(stacked) -> list[Tensor]:
            if is_all:
                return [stacked.buffer]
            arrays = stacked.arrays[first:last] * len(runs)
            cuts = [a[i:j] for i, j in runs for a in stacked.arrays[first:last]]
            (parts,) = in_memory_order(arrays, cuts)
            return parts

        return cut(self.values), cut(self.gradients), [cut(m) for m in self.moments]

    def step(self, groups: Sequence[tuple[NetworkRuns, Hyperparameters]]) -> None:
        """Update all parameters.

        Parameters
        ----------
        groups : sequence of (runs, Hyperparameters)
            Those of the networks of some runs.
        """
        self.t += 1
        if self.family[0] == "adamw":
            self.counter.fill_(self.t)
        for runs, common in groups:
            self._step_some(runs, common)

    def _step_some(self, runs: NetworkRuns, common: Hyperparameters) -> None:
        every = (0, self.n_arrays)
        if self.family[0] == "sgd":
            self._sgd(*self._parts(runs, *every), common)
        elif self.family[0] == "adam":
            learning_rate, *betas, _, _ = common
            rate = corrected_rate(learning_rate, *betas, self.t)
            parts = self._parts(runs, *every)
            self._adam(*parts, common._replace(learning_rate=rate), decoupled=False)
        else:
            weights = self._parts(runs, 0, self.n_penalized)
            biases = self._parts(runs, self.n_penalized, self.n_arrays)
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
