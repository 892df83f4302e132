"""The net of a fitted estimator as data, and back."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.history import History
from torch import nn

from sknn_deep import modules
from sknn_deep.estimators import assemble_net, make_loss, name_parts
from sknn_deep.persistence._data import Decoder, Encoder
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.training import (
    RESULTS,
    Net,
    Placement,
    columns_of,
    get_optimizer_state,
    rows_of,
    set_optimizer_state,
)

_MODULES = {cls.__name__: cls for cls in (modules.MLP, modules.Autoencoder)}
_CRITERIA = {
    made.__name__: made
    for made in (
        modules.AbsoluteError,
        modules.BinaryCrossEntropy,
        modules.CrossEntropy,
        modules.Huber,
        modules.Poisson,
        modules.Quantile,
        modules.SquaredError,
        make_loss,
    )
}


def encode_net(estimator: BaseEstimator, encoder: Encoder) -> dict:
    """Encode ``estimator.net_``, without its callbacks."""
    net = estimator.net_
    owner = f"net_ of {type(estimator).__name__}"
    recipe, optimizer = net.recipe, None
    if not estimator._keeps_optimizer:
        # No training goes on with this solver: the parameter may have changed since.
        recipe = replace(recipe, solver=estimator.solver)
    elif net.optimizer_ is not None:
        optimizer = get_optimizer_state(net.optimizer_)
    parts = {
        "recipe": recipe,
        "placement": replace(net.placement, device=torch.device("cpu")),
        "state": dict(net.module_.state_dict()),
        "history": list(columns_of(net.history)),
        "results": {k: v for k, v in vars(net).items() if k in RESULTS},
        "arguments": _arguments(net, "module__"),
        "criterion_arguments": _arguments(net, "criterion__"),
        "verbose": net.verbose,
        "optimizer": optimizer,
    }
    return {
        "device": str(net.placement.device),
        "module": net.module.__name__,
        "criterion": net.criterion.__name__,
        **{
            name: encoder.encode(part, f"The {name} of {owner}")
            for name, part in parts.items()
        },
    }


def _arguments(net: Net, prefix: str) -> dict:
    return {
        name.removeprefix(prefix): value
        for name, value in vars(net).items()
        if name.startswith(prefix) and name != "module__dtype"
    }


def decode_net(
    entry: dict, estimator: BaseEstimator, decoder: Decoder, device: torch.device
) -> Net:
    """Make the net that `entry` describes, on `device`."""
    module = _MODULES[entry["module"]]
    arguments = decoder.decode(entry["arguments"])
    placement = replace(decoder.decode(entry["placement"]), device=device)
    state = dict(zip(entry["state"]["keys"], entry["state"]["values"], strict=True))
    _check_layers(module, arguments, placement, state, decoder)
    criterion_arguments = decoder.decode(entry["criterion_arguments"])
    net = assemble_net(
        estimator,
        name_parts(
            module, arguments, _CRITERIA[entry["criterion"]], criterion_arguments
        ),
        recipe=decoder.decode(entry["recipe"]),
        placement=placement,
        verbose=decoder.decode(entry["verbose"]),
    )
    _fill(net.module_, state, decoder)
    net.module_.eval()
    optimizer = decoder.decode(entry["optimizer"])
    if optimizer is not None:
        set_optimizer_state(net.optimizer_, optimizer)
        _check_optimizer(net)
    net.history_ = History(rows_of(decoder.decode(entry["history"])))
    results = decoder.decode(entry["results"])
    vars(net).update({name: results[name] for name in RESULTS if name in results})
    return net


def _check_layers(
    module: type[nn.Module],
    arguments: dict[str, Any],
    placement: Placement,
    state: dict[str, dict],
    decoder: Decoder,
) -> None:
    """Refuse a network that is not that of the stored weights, before it is made."""
    n_layers = sum(len(v) for k, v in arguments.items() if k.endswith("_units"))
    if n_layers > 2 * len(state):
        raise ModelFileError("its weights are not those of the network it describes")
    with torch.device("meta"):
        planned = module(**arguments, dtype=placement.dtype).state_dict()
    expected = {name: (tuple(t.shape), t.dtype) for name, t in planned.items()}
    stored = {name: _describe(value, decoder) for name, value in state.items()}
    if expected != stored:
        raise ModelFileError("its weights are not those of the network it describes")


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


def _fill(module: nn.Module, state: dict[str, dict], decoder: Decoder) -> None:
    """Read the weights, on the CPU straight into their place."""
    for name, tensor in module.state_dict().items():
        entry = state[name]
        if tensor.device.type == "cpu" and not entry["transposed"]:
            decoder.container.read_into(entry["name"], tensor.detach().numpy())
        else:
            tensor.copy_(decoder.decode(entry))
