"""What a training asks of gradients and losses, which it does not know."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from torch import Tensor, nn


class Criterion(Protocol):
    """A loss."""

    def reported_scale(self, output: Tensor) -> float:
        """Tell by what a loss is multiplied before it is recorded."""

    def terms(self) -> dict[str, Tensor]:
        """Give parts of the last loss that are recorded by themselves."""


class Gradient(Protocol):
    """How to compute a gradient, while the context that gave it lasts."""

    @property
    def compute(self) -> Callable[..., tuple[Tensor, Any]]:
        """Takes features, targets and weights; gives the loss and the raw output."""

    @property
    def penalized(self) -> Callable[[], list[tuple[Tensor, Tensor]]]:
        """Gives weights and their gradients, as flat tensors."""


class GradientKind(Protocol):
    """One of the ways to a gradient, chosen for a network."""

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str:
        """Why it was chosen."""

    @property
    def make(self) -> Callable[..., AbstractContextManager[Gradient]]:
        """Takes the network, the loss and what the plan of a step decides."""

    @property
    def is_explicit(self) -> bool:
        """Whether it takes sparse rows and has weights and gradients in its memory."""

    @property
    def faster_transposed(self) -> Callable[[Mapping[str, Tensor]], tuple[str, ...]]:
        """Names the weights that are faster to train transposed in memory."""


class StackedArrays(Protocol):
    """Arrays of several networks, those of one kind side by side."""

    arrays: list[Tensor]
    flat: list[Tensor]
    transposed: list[bool]

    def zeros_like(self) -> "StackedArrays": ...

    def take(self, networks: Sequence[int]) -> "StackedArrays": ...


class StackedGradient(Protocol):
    """How to compute the gradients of many networks at once."""

    @property
    def compute(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Takes features, targets and weights; gives losses and raw outputs."""

    @property
    def values(self) -> StackedArrays: ...

    @property
    def gradients(self) -> StackedArrays: ...

    @property
    def parameters(self) -> list[list[nn.Parameter]]: ...

    @property
    def n_penalized(self) -> int: ...


# Takes a network and a loss, each of the kind that the gradient is for.
ChoosesGradient = Callable[[Any, Any], GradientKind]
