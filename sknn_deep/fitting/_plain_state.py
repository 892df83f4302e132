"""The state of an estimator as a pickle holds it: plain values and arrays."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sknn_deep.columns import TableEncoder
from sknn_deep.data import ClassTarget, NumberTarget
from sknn_deep.fitting._net_parts import NetParts, put_together, take_apart
from sknn_deep.fitting._tabular_recipe import TabularRecipe
from sknn_deep.machine import Placement
from sknn_deep.rows import as_tensor
from sknn_deep.training import Convergence, Net, Recipe

# Attributes that are records, and what these may be.
_RECORDS = {
    "_convergence": (Convergence,),
    "_encoder": (TableEncoder,),
    "_target": (ClassTarget, NumberTarget),
    "recipe_": (TabularRecipe,),
}
# The entry of a record's dict that names its class.
_CLASS = "class"


def encode_state(state: dict[str, Any]) -> dict[str, Any]:
    """Turn an estimator's attributes into plain values and arrays.

    Parameters stay what the user gave; arrays share the estimator's memory. So does a
    net that is not as a fit makes it, which is left to skorch.
    """
    plain = dict(state)
    for name in _RECORDS.keys() & state.keys():
        record = state[name]
        if type(record) in _RECORDS[name]:
            is_nested = isinstance(record, TableEncoder)
            entries = asdict(record) if is_nested else _fields(record)
            plain[name] = {_CLASS: type(record).__name__, **entries}
    if "net_" in state:
        keeps_optimizer = state.get("_keeps_optimizer", False)
        parts = take_apart(
            state["net_"], keeps_optimizer=keeps_optimizer, keeps_batches=True
        )
        # What a module of the user's keeps beside its tensors, a pickle keeps too.
        if parts is not None and not parts.has_own_module:
            plain["net_"] = _encode_parts(parts)
    return plain


def decode_state(state: dict[str, Any]) -> dict[str, Any]:
    """Turn what :func:`encode_state` gave into attributes, but for the net.

    Version 0.1 pickled the records themselves.
    """
    attributes = dict(state)
    for name in _RECORDS.keys() & state.keys():
        if isinstance(state[name], dict):
            attributes[name] = _decode_record(name, **state[name])
    return attributes


def _decode_record(name: str, **entries) -> Any:
    classes = {cls.__name__: cls for cls in _RECORDS[name]}
    return classes[entries.pop(_CLASS)](**entries)


def _fields(record) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _encode_parts(parts: NetParts) -> dict[str, Any]:
    return {
        **_fields(parts),
        "recipe": _fields(parts.recipe),
        "placement": parts.placement.names(),
        "state": _map_leaves(_to_array, parts.state),
        "optimizer": _map_leaves(_to_array, parts.optimizer),
    }


def decode_net(entries: dict[str, Any], estimator: BaseEstimator) -> Net:
    """Make a net with memory of its own, on its device, or the CPU if that is missing.

    The estimator has its parameters already.
    """
    parts = NetParts(
        **{
            **entries,
            "recipe": Recipe(**entries["recipe"]),
            "placement": Placement.of_names(**entries["placement"]),
            "state": {name: as_tensor(a) for name, a in entries["state"].items()},
            "optimizer": _map_leaves(_to_own_tensor, entries["optimizer"]),
        }
    )
    return put_together(parts, estimator)


def _map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to all that is in dicts, lists and tuples."""
    if type(value) is dict:
        return {key: _map_leaves(function, item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_map_leaves(function, item) for item in value)
    return function(value)


def _to_array(value: Any) -> Any:
    """Turn a tensor into an array, if NumPy has its type."""
    if not isinstance(value, Tensor) or value.dtype == torch.bfloat16:
        return value
    return value.detach().cpu().numpy()


def _to_own_tensor(value: Any) -> Any:
    return as_tensor(value).clone() if isinstance(value, np.ndarray) else value
