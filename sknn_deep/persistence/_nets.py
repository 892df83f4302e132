"""The net of a fitted estimator as data, and back."""

import functools
from dataclasses import replace

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from sknn_deep.fitting import NetParts, put_together, take_apart
from sknn_deep.persistence._data import Decoder, Encoder
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._references import encode_references
from sknn_deep.training import Net

# Parts that are values; callbacks, and what they recorded of batches, are not written.
_VALUES = (
    "recipe",
    "placement",
    "state",
    "history",
    "results",
    "arguments",
    "criterion_arguments",
    "verbose",
    "optimizer",
)


# Items of lists that no layer is made for.
_MAX_ITEMS_BESIDE = 100


def encode_net(estimator: BaseEstimator, owner: str, encoder: Encoder) -> dict:
    """Encode ``estimator.net_``, without its callbacks.

    `owner` names the estimator in messages.
    """
    keeps_optimizer = estimator._keeps_optimizer
    parts = take_apart(
        estimator.net_, keeps_optimizer=keeps_optimizer, keeps_batches=False
    )
    if parts is None:
        raise TypeError(
            f"The net_ of {owner} cannot be saved as data: it is not the net that the "
            "fit made, or its module was changed. Fit again, or use pickle, for files "
            "that nobody else can write."
        )
    device = str(parts.placement.device)
    parts.placement = replace(parts.placement, device=torch.device("cpu"))
    if not keeps_optimizer:
        # No training goes on with this solver: the parameter may have changed since.
        solver = getattr(estimator, "solver", parts.recipe.solver)
        parts.recipe = replace(parts.recipe, solver=solver)
    return {
        "device": device,
        "module": parts.module,
        "criterion": parts.criterion,
        **{
            name: encode_references(
                getattr(parts, name), f"The {name} of net_ of {owner}", encoder
            )
            for name in _VALUES
        },
    }


def decode_net(
    entry: dict, estimator: BaseEstimator, decoder: Decoder, device: torch.device
) -> Net:
    """Make the net that `entry` describes, on `device`."""
    state = dict(zip(entry["state"]["keys"], entry["state"]["values"], strict=True))
    values = {n: decoder.decode(entry[n]) for n in _VALUES if n != "state"}
    parts = NetParts(
        entry["module"], criterion=entry["criterion"], state=state, **values
    )
    parts.placement = replace(parts.placement, device=device)
    _check_layers(parts, decoder)
    net = put_together(parts, estimator, fill=functools.partial(_fill, decoder))
    if parts.optimizer is not None:
        _check_optimizer(net)
    return net


def _check_layers(parts: NetParts, decoder: Decoder) -> None:
    """Refuse a network that is not that of the stored weights, before it is made."""
    if parts.has_own_module:
        n_items = _count_items(parts.arguments)
        n_layers = n_items - _MAX_ITEMS_BESIDE
    else:
        units = [v for k, v in parts.arguments.items() if k.endswith("_units")]
        n_layers = sum(map(len, units))
    stored = {name: _describe(value, decoder) for name, value in parts.state.items()}
    if n_layers > 2 * len(stored) or parts.planned_state() != stored:
        raise ModelFileError("its weights are not those of the network it describes")


def _count_items(value) -> int:
    """Count what is in lists: a layer may be made for each."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return 0
    return len(value) + sum(map(_count_items, value))


def _check_optimizer(net: Net) -> None:
    """Refuse means of gradients that the fused kernels would read beyond their end."""
    if not isinstance(net.recipe.solver, str):
        return  # torch's own steps check it themselves
    for parameter, values in net.optimizer_.state.items():
        like = (parameter.shape, parameter.dtype)
        for name, value in values.items():
            if name != "step" and (value.shape, value.dtype) != like:
                raise ModelFileError("its optimizer is not that of its network")


def _describe(value: dict, decoder: Decoder) -> tuple[tuple[int, ...], torch.dtype]:
    shape, dtype = decoder.container.describe(value["name"])
    # A scalar of the same type, for torch's name of it.
    torch_dtype = torch.from_numpy(np.zeros((), dtype)).dtype
    return (shape[::-1] if value["transposed"] else shape), torch_dtype


def _fill(decoder: Decoder, module: nn.Module, state: dict[str, dict]) -> None:
    """Read the weights, on the CPU straight into their place."""
    for name, tensor in module.state_dict().items():
        entry = state[name]
        if tensor.device.type == "cpu" and not entry["transposed"]:
            decoder.container.read_into(entry["name"], tensor.detach().numpy())
        else:
            tensor.copy_(decoder.decode(entry))
