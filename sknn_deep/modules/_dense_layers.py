"""A network as dense layers alone: what can be folded into them is folded.

Between a dense layer and its activation, batch normalization of a trained network is

    (X W + b - mean) * s + beta,    s = gamma / sqrt(variance + eps),

and what undoes the standardization of a target is ``output * scale + mean``. Both are
dense layers with other weights and biases. Layer normalization divides each row by its
own deviation, and so is none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sknn_deep.modules import BatchNorm, DenseBlock


class DenseLayer(NamedTuple):
    """Computes ``activation(X @ weight + bias)``.

    Attributes
    ----------
    weight : ndarray of shape (n_units_in, n_units_out)

    bias : ndarray of shape (n_units_out,)

    activation : str
        One of ``ACTIVATIONS`` or, in the last layer, of ``OUT_ACTIVATIONS``.
    """

    weight: np.ndarray
    bias: np.ndarray
    activation: str


class Scaling(NamedTuple):
    """What comes after the last layer: ``output * scale + mean``, float64.

    Attributes
    ----------
    scale, mean : ndarray of shape (n_outputs,)
    """

    scale: np.ndarray
    mean: np.ndarray


def has_layer_norm(module: nn.Module) -> bool:
    """Tell whether no dense layers compute what the network does."""
    return any(isinstance(m, nn.LayerNorm) for m in module.modules())


def needs_folding(module: nn.Module, scaling: Scaling | None = None) -> bool:
    """Tell whether predictions come from more than dense layers and activations."""
    has_batch_norm = any(isinstance(m, BatchNorm) for m in module.modules())
    return has_batch_norm or scaling is not None


def view_layers(module: nn.Module, out_activation: str) -> list[DenseLayer]:
    """Give the dense layers that predictions pass, in the type of the network.

    On the CPU their arrays are the memory of the network; elsewhere they are read-only
    copies. `out_activation` is what is predicted with, be it in the module or not.
    """
    layers = [
        DenseLayer(_view(weight).T, _view(bias), block.activation_name)
        for block, weight, bias in _used_parameters(module)
    ]
    layers[-1] = layers[-1]._replace(activation=out_activation)
    return layers


def fold_layers(
    module: nn.Module, out_activation: str, scaling: Scaling | None = None
) -> list[DenseLayer]:
    """Give dense layers that compute what is predicted, in new arrays of float64.

    Parameters
    ----------
    module : MLP or Autoencoder
        Without layer normalization.

    out_activation : str
        What is predicted with, be it in the module or not.

    scaling : Scaling or None
        Only where `out_activation` is "identity".
    """
    layers = [
        DenseLayer(weight, bias, block.activation_name)
        for block, weight, bias in fold_batch_norm(module)
    ]
    weight, bias, _ = layers[-1]
    if scaling is not None:
        weight, bias = weight * scaling.scale, bias * scaling.scale + scaling.mean
    layers[-1] = DenseLayer(weight, bias, out_activation)
    return layers


def _used_parameters(module) -> Iterator[tuple[DenseBlock, Tensor, Tensor]]:
    """List blocks with weights and biases, of a random code those of its mean."""
    blocks = module.blocks()
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        n = None if following is None else following.dense.in_features
        yield block, block.dense.weight.detach()[:n], block.dense.bias.detach()[:n]


def fold_batch_norm(
    module: nn.Module,
) -> Iterator[tuple[DenseBlock, np.ndarray, np.ndarray]]:
    """List blocks with the weights and biases of their dense layers, in float64.

    What is left of a block is layer normalization, if it has any, and its activation.
    """
    for block, weight, bias in _used_parameters(module):
        weight, bias = _float64(weight).T, _float64(bias)
        norm = getattr(block, "normalization", None)
        if isinstance(norm, BatchNorm):
            factor = _float64(norm.weight) / np.sqrt(
                _float64(norm.running_var) + norm.eps
            )
            shift = _float64(norm.bias) - _float64(norm.running_mean) * factor
            weight, bias = weight * factor, bias * factor + shift
        yield block, weight, bias


def _view(array: Tensor) -> np.ndarray:
    view = array.cpu().numpy()
    if array.device.type != "cpu":
        view.flags.writeable = False
    return view


def _float64(array: Tensor) -> np.ndarray:
    return array.detach().cpu().to(torch.float64, copy=True).numpy()
