"""Estimators of this package as data, and back."""

import functools
from collections.abc import Callable
from typing import Any

import sklearn
import torch
from sklearn.base import BaseEstimator

from sknn_deep._moved_names import parameters_since
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep.machine import device_or_cpu
from sknn_deep.persistence._data import Decoder, Encoder
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._nets import decode_net, encode_net
from sknn_deep.persistence._references import encode_references

ESTIMATORS: dict[str, type[BaseEstimator]] = {
    cls.__name__: cls
    for cls in (
        AutoencoderTransformer,
        MLPClassifier,
        MLPRegressor,
        NetClassifier,
        NetRegressor,
        TabularMLPClassifier,
        TabularMLPRegressor,
        NeighborAutoencoder,
    )
}
# What makes one whose attributes are then set.
_MAKERS: dict[str, Callable[[], Any]] = {
    **ESTIMATORS,
    "NetClassifier": lambda: NetClassifier(module=None),
    "NetRegressor": lambda: NetRegressor(module=None),
}
KIND = "estimator"

# What is written in another way than the other attributes.
_APART = ("net_", "_metadata_request")

# Parameters that may be classes and functions.
_REFERENCES = ("module", "criterion", "encoder", "decoder", "_extra_params")


def is_ours(value: Any) -> bool:
    return type(value) in ESTIMATORS.values()


def refuse_own_class(value: Any, whole: str) -> None:
    """Refuse what is made of a class of ours by a class of the user's."""
    if isinstance(value, tuple(ESTIMATORS.values())) and not is_ours(value):
        raise TypeError(
            f"{whole} cannot be saved as data: {type(value).__name__} is a class of "
            "your own, whose code would be needed to load it. Use pickle, for files "
            "that nobody else can write."
        )


def name_part(part: BaseEstimator, where: str) -> str:
    """Name an estimator and, if it is a part, what it is in: "X in this Pipeline"."""
    name = type(part).__name__
    return f"{name} in {where[0].lower()}{where[1:]}" if where else name


def encode_estimator(estimator: BaseEstimator, where: str, encoder: Encoder) -> dict:
    """Encode an estimator, fitted or not; `estimators_` of its own go with it.

    `where` is what it is in, for messages; "" if it is in nothing.
    """
    owner = name_part(estimator, where)
    estimator._validate_params()
    parameters = estimator.get_params(deep=False)
    attributes = {}
    for name, value in vars(estimator).items():
        if name in _APART:
            continue
        place = f"The attribute {name!r} of {owner}"
        if name in parameters:
            place = f"The {name!r} parameter of {owner}"
        encode = encoder.encode
        if name in _REFERENCES:
            encode = functools.partial(encode_references, encoder=encoder)
        attributes[name] = encode(value, place)
    has_net = hasattr(estimator, "net_")
    return {
        "kind": KIND,
        "class": type(estimator).__name__,
        "attributes": attributes,
        "requests": _requests(estimator),
        "net": encode_net(estimator, owner, encoder) if has_net else None,
    }


def _requests(estimator: BaseEstimator) -> dict[str, dict]:
    """Give what ``set_fit_request`` and the like have set."""
    if "_metadata_request" not in vars(estimator):
        return {}
    routing = estimator.get_metadata_routing()
    methods = ("fit", "partial_fit", "score")
    return {m: dict(getattr(routing, m).requests) for m in methods}


def decode_estimator(
    entry: dict, decoder: Decoder, device: torch.device | None
) -> BaseEstimator:
    """Make the estimator that `entry` describes.

    Its network goes to `device`; None is the one it was on, or where that is missing,
    the CPU.
    """
    cls = ESTIMATORS[entry["class"]]
    estimator = _MAKERS[entry["class"]]()
    attributes = {k: decoder.decode(v) for k, v in entry["attributes"].items()}
    attributes = {**parameters_since(cls, attributes), **attributes}
    if not attributes.keys() >= vars(estimator).keys():
        raise ModelFileError(f"it lacks parameters of {cls.__name__}")
    for name, value in attributes.items():
        # A method of the class must stay what it is.
        if hasattr(cls, name) or not name.isidentifier():
            raise ModelFileError(f"it sets {name!r} of {cls.__name__}")
        setattr(estimator, name, value)
    if device is not None and estimator.device != "auto":
        estimator.device = str(device)
    estimator._validate_params()
    with sklearn.config_context(enable_metadata_routing=True):
        for method, requests in entry["requests"].items():
            if any(requests.values()):
                getattr(estimator, f"set_{method}_request")(**requests)
    if entry["net"] is not None:
        if device is None:
            device = device_or_cpu(torch.device(entry["net"]["device"]))
        estimator.net_ = decode_net(entry["net"], estimator, decoder, device)
        estimator.device_ = estimator.net_.device
    elif hasattr(estimator, "estimators_"):
        estimator.device_ = estimator.estimators_[0].device_
    return estimator
