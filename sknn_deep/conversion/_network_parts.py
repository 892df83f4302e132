"""The parts of one network, and of what its methods give."""

import functools
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from sknn_deep.conversion._linear_steps import LinearStep
from sknn_deep.conversion._parts import Activation, LayerNorm, Linear
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
)
from sknn_deep.modules import OwnAutoencoder, fold_batch_norm

NETWORKS = (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
)
_METHODS = ("hidden_features", "inverse_transform", "transform")


class Method(NamedTuple):
    """A method that a FunctionTransformer calls.

    Attributes
    ----------
    owner : estimator

    name : str

    layer : int
        Of ``hidden_features``.
    """

    owner: BaseEstimator
    name: str
    layer: int


def method_of(step) -> Method | None:
    """Give what a step calls, where it is a FunctionTransformer of a bound method."""
    if type(step) is not FunctionTransformer:
        return None
    function, keywords = step.func, step.kw_args or {}
    if isinstance(function, functools.partial):
        function, keywords = function.func, function.keywords | keywords
    owner = getattr(function, "__self__", None)
    if not isinstance(owner, BaseEstimator) or function.__name__ not in _METHODS:
        return None
    return Method(owner, function.__name__, keywords.get("layer", -1))


def network_of(step) -> BaseEstimator | None:
    """Give the network that a step is, or that it calls a method of."""
    method = method_of(step)
    if method is not None:
        step = method.owner
    module = getattr(getattr(step, "net_", None), "module_", None)
    is_ours = not isinstance(module, OwnAutoencoder)
    return step if type(step) in NETWORKS and is_ours else None


def dtype_of(network: BaseEstimator) -> np.dtype:
    if hasattr(network, "estimators_"):
        network = network.estimators_[0]
    return np.dtype(str(network.net_.placement.dtype).removeprefix("torch."))


def parts_of_network(network: BaseEstimator, *, is_raw: bool) -> list:
    """Give what a single network predicts, or the codes of an autoencoder."""
    if isinstance(network, AutoencoderTransformer):
        return _parts_of_blocks(_coder(network, "encoder"), is_raw=is_raw)
    parts = _parts_of_blocks(_blocks(network), is_raw=True)
    activation = network.out_activation_
    if isinstance(network, MLPRegressor) and network._target.mean is not None:
        scale, mean = network._target.scale, network._target.mean
        parts.append(LinearStep("normalize_y", scale, np.zeros_like(mean), mean, scale))
    if is_raw:
        return parts
    if isinstance(network, MLPClassifier) and network._target.kind == "binary":
        parts.append(_both_classes(parts.pop(), len(network.classes_)))
        activation = "softmax"
    return [*parts, *_activation(activation)]


def parts_of_method(method: Method, *, is_raw: bool) -> list:
    """Give what a method of a network gives."""
    network = method.owner
    if method.name == "transform":
        return parts_of_network(network, is_raw=is_raw)
    if method.name == "inverse_transform":
        return parts_of_decoder(network, is_raw=is_raw)
    # Raises what it does for layers that are not there.
    network.hidden_features(np.zeros((1, network.n_features_in_)), method.layer)
    *hidden, _ = _blocks(network)
    n_blocks = range(len(hidden))[method.layer] + 1
    return _parts_of_blocks(hidden[:n_blocks], is_raw=is_raw)


def parts_of_decoder(
    autoencoder: AutoencoderTransformer, *, is_raw: bool = False
) -> list[Linear | LayerNorm | Activation]:
    """Give what ``inverse_transform`` computes, which is no module of one's own."""
    parts = _parts_of_blocks(_coder(autoencoder, "decoder"), is_raw=True)
    return parts if is_raw else [*parts, *_activation(autoencoder.out_activation_)]


def _blocks(network: BaseEstimator) -> list:
    return list(fold_batch_norm(network.net_.module_))


def _coder(network: AutoencoderTransformer, name: str) -> list:
    n_encoder = len(network.net_.module_.encoder)
    blocks = _blocks(network)
    return blocks[:n_encoder] if name == "encoder" else blocks[n_encoder:]


def _parts_of_blocks(blocks: list, *, is_raw: bool) -> list:
    """Give what blocks compute, without the last activation if `is_raw`."""
    parts: list = []
    for block, weight, bias in blocks:
        parts.append(Linear(weight, bias))
        norm = getattr(block, "normalization", None)
        if isinstance(norm, nn.LayerNorm):
            arrays = (
                array.detach().cpu().double().numpy() for array in norm.parameters()
            )
            parts.append(LayerNorm(*arrays, norm.eps))
        if block is not blocks[-1][0] or not is_raw:
            parts += _activation(block.activation_name)
    return parts


def _activation(name: str) -> list[Activation]:
    return [] if name == "identity" else [Activation(name)]


def _both_classes(layer: Linear, n_classes: int) -> Linear:
    """Give as many outputs as there are classes, for a softmax over them.

    Softmax of -z / 2 and z / 2 is 1 - logistic(z) and logistic(z), and that of one
    number is 1. Of 0 and z it is the same, but shap shares it out by what each of the
    two differs, and a 0 never does.
    """
    if n_classes == 1:
        return layer
    weight, bias = layer.weight / 2, layer.bias / 2
    return Linear(np.hstack([-weight, weight]), np.hstack([-bias, bias]))
