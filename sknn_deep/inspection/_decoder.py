"""The way back from codes, as layers that can be written down."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from torch import nn

from sknn_deep.estimators import AutoencoderTransformer
from sknn_deep.modules import OwnAutoencoder, fold_batch_norm

# What is left, of the spread, of an inverse that a sum of weighted columns computes.
_ROUNDING = 1e-5


class Layer(NamedTuple):
    """A step of a decoder.

    Attributes
    ----------
    kind : {"linear", "scale", "layer_norm", "activation"}
        ``X @ weight + bias``; ``X * weight + bias``; each row brought to mean 0 and
        variance 1, and then ``* weight + bias``; a function by its name.

    arguments : dict
        "weight" and "bias", ndarrays of float32 or float64; "eps"; "name".
    """

    kind: str
    arguments: dict


def layers_of_inverse(transformer, n_components: int) -> list[Layer] | None:
    """Give the layers that compute ``inverse_transform``, or None if there are none.

    Parameters
    ----------
    transformer : estimator
        Fitted, a Pipeline or a step of one.

    n_components : int
        Number of columns of what it is undone of.
    """
    if not hasattr(transformer, "inverse_transform"):
        return None
    if isinstance(transformer, Pipeline):
        return _layers_of_pipeline(transformer, n_components)
    if isinstance(transformer, AutoencoderTransformer):
        return _layers_of_network(transformer)
    return _layers_of_affine(transformer.inverse_transform, n_components)


def _layers_of_pipeline(pipeline: Pipeline, n_components: int) -> list[Layer] | None:
    layers: list[Layer] = []
    steps = [step for _, step in pipeline.steps if step not in (None, "passthrough")]
    for step in reversed(steps):
        found = layers_of_inverse(step, n_components)
        if found is None:
            return None
        layers += found
        sizes = [len(layer.arguments["bias"]) for layer in found if "bias" in layer[1]]
        n_components = sizes[-1] if sizes else n_components
    return layers


def _layers_of_network(autoencoder: AutoencoderTransformer) -> list[Layer] | None:
    module = autoencoder.net_.module_
    if isinstance(module, OwnAutoencoder):
        return None
    blocks = list(fold_batch_norm(module))[-len(module.decoder) :]
    layers = []
    for block, weight, bias in blocks:
        layers.append(Layer("linear", {"weight": weight, "bias": bias}))
        norm = getattr(block, "normalization", None)
        if isinstance(norm, nn.LayerNorm):
            layers.append(_layer_norm(norm))
        layers += _activation(block.activation_name)
    last = _activation(block.activation_name)
    del layers[len(layers) - len(last) :]
    return layers + _activation(autoencoder.out_activation_)


def _layer_norm(norm: nn.LayerNorm) -> Layer:
    weight, bias = (array.detach().cpu().numpy() for array in norm.parameters())
    return Layer("layer_norm", {"weight": weight, "bias": bias, "eps": norm.eps})


def _activation(name: str) -> list[Layer]:
    return [] if name == "identity" else [Layer("activation", {"name": name})]


def _layers_of_affine(function: Callable, n_columns: int) -> list[Layer] | None:
    """Find by trying the weights of a function that is a sum of weighted columns."""
    bias = function(np.zeros((1, n_columns)))[0]
    tried = np.linspace(-1, 1, 3 * n_columns).reshape(3, n_columns)
    expected = np.asarray(function(tried))
    if len(bias) == n_columns:
        weight = function(np.ones((1, n_columns)))[0] - bias
        if _is_close(tried * weight + bias, expected):
            return [Layer("scale", {"weight": weight, "bias": bias})]
    weight = function(np.eye(n_columns)) - bias
    if _is_close(tried @ weight + bias, expected):
        return [Layer("linear", {"weight": weight, "bias": bias})]
    return None


def _is_close(found: np.ndarray, expected: np.ndarray) -> bool:
    spread = np.abs(expected).max()
    return bool(np.abs(found - expected).max() <= _ROUNDING * spread)
