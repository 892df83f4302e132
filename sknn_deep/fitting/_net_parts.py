"""A trained net taken apart, and put together again.

Pickles and files hold the same parts of a net, each written in its own way.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sknn_deep import modules
from sknn_deep.fitting._autoencoder_loss import make_loss, make_neighbor_loss
from sknn_deep.fitting._networks import assemble_net, name_parts
from sknn_deep.fitting._own_networks import make_own_autoencoder, make_own_module
from sknn_deep.machine import Placement, forked_draws
from sknn_deep.optimizers import get_optimizer_state, set_optimizer_state
from sknn_deep.training import RESULTS, CompactHistory, Net, Recipe, TabularNet

_MODULES_OF_OURS = (modules.MLP, modules.Autoencoder, modules.TabularMLP)
_MAKERS_OF_OWN = (make_own_module, make_own_autoencoder)
_MODULES = {made.__name__: made for made in _MODULES_OF_OURS + _MAKERS_OF_OWN}
_CRITERIA = {
    made.__name__: made
    for made in (
        modules.AbsoluteError,
        modules.BinaryCrossEntropy,
        modules.CrossEntropy,
        modules.Huber,
        modules.Poisson,
        modules.Quantile,
        modules.RawOutputLoss,
        modules.SquaredError,
        modules.TorchLoss,
        make_loss,
        make_neighbor_loss,
    )
}


@dataclass
class NetParts:
    """What a net is made of.

    Attributes
    ----------
    module, criterion : str
        Names of the network's class, and of what makes the loss.

    arguments, criterion_arguments : dict
        What these are made with, without the dtype.

    recipe : Recipe

    placement : Placement

    state : dict of str to Tensor
        The network's parameters and buffers.

    history : list of dict
        Its epochs as columns: what ``CompactHistory.to_tables`` gives.

    results : dict
        How the last training ended.

    verbose : int or bool

    optimizer : dict or None
        Its ``state_dict``, where a training goes on with it.

    callbacks : list of (str, Callback)
        Those that the user gave, with what they learnt.
    """

    module: str
    arguments: dict[str, Any]
    criterion: str
    criterion_arguments: dict[str, Any]
    recipe: Recipe
    placement: Placement
    state: dict[str, Any]
    history: list[dict]
    results: dict[str, Any]
    verbose: int | bool
    optimizer: dict | None = None
    callbacks: list = field(default_factory=list)

    def planned_state(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Give shape and type of each parameter and buffer of such a network."""
        make = functools.partial(
            _MODULES[self.module], **self.arguments, dtype=self.placement.dtype
        )
        with forked_draws(0):
            try:
                with torch.device("meta"):
                    module = make()
            except (NotImplementedError, RuntimeError):  # it asks for numbers
                with torch.device("cpu"):
                    module = make()
        return layout(module.state_dict())

    @property
    def has_own_module(self) -> bool:
        """Whether the network is one of the user's."""
        return _MODULES[self.module] in _MAKERS_OF_OWN


def layout(
    state: dict[str, Tensor],
) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Give the shape and the type of each tensor."""
    return {name: (tuple(t.shape), t.dtype) for name, t in state.items()}


def take_apart(
    net: Net, *, keeps_optimizer: bool, keeps_batches: bool
) -> NetParts | None:
    """Give the parts of a net; None if it has others than an estimator gives it.

    They share the net's memory. The optimizer is left out unless a training goes on
    with it, and what callbacks recorded of single batches unless it is to be kept.
    """
    is_known = (
        type(net) in (Net, TabularNet)
        and net.module in _MODULES.values()
        and net.criterion in _CRITERIA.values()
    )
    if not is_known:
        return None
    optimizer = net.optimizer_ if keeps_optimizer else None
    parts = NetParts(
        module=net.module.__name__,
        arguments=_arguments(net, "module__"),
        criterion=net.criterion.__name__,
        criterion_arguments=_arguments(net, "criterion__"),
        recipe=net.recipe,
        placement=net.placement,
        state=dict(net.module_.state_dict()),
        history=net.history.to_tables(batches=keeps_batches),
        results={k: v for k, v in vars(net).items() if k in RESULTS},
        verbose=net.verbose,
        optimizer=None if optimizer is None else get_optimizer_state(optimizer),
        callbacks=net._others(),
    )
    # The user may have put another module there, or changed it.
    return parts if layout(parts.state) == parts.planned_state() else None


def _arguments(net: Net, prefix: str) -> dict:
    return {
        name.removeprefix(prefix): value
        for name, value in vars(net).items()
        if name.startswith(prefix) and name != "module__dtype"
    }


def copy_tensors(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy parameters and buffers into a module that lies where and as it should."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(state[name])


def put_together(
    parts: NetParts,
    estimator: BaseEstimator,
    *,
    fill: Callable[[nn.Module, dict[str, Any]], None] = copy_tensors,
) -> Net:
    """Make the net of an estimator from its parts; `fill` copies the state."""
    net = assemble_net(
        estimator,
        name_parts(
            _MODULES[parts.module],
            parts.arguments,
            _CRITERIA[parts.criterion],
            parts.criterion_arguments,
        ),
        recipe=parts.recipe,
        placement=parts.placement,
        verbose=parts.verbose,
    )
    fill(net.module_, parts.state)
    net.module_.eval()
    if parts.optimizer is not None:
        set_optimizer_state(net.optimizer_, parts.optimizer)
    net.history_ = CompactHistory.from_tables(parts.history)
    vars(net).update({k: v for k, v in parts.results.items() if k in RESULTS})
    # A net that is initialized with callbacks makes them forget what they learnt.
    net.callbacks = parts.callbacks
    net.callbacks_ = [*net.callbacks_, *parts.callbacks]
    return net
