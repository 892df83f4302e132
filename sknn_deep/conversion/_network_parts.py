"""The parts of one network, and of what its methods give."""

import copy
import functools
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer
from torch import Tensor, nn

from sknn_deep.conversion._linear_steps import LinearStep
from sknn_deep.conversion._parts import (
    Activation,
    Bounds,
    Columns,
    Embedding,
    LayerNorm,
    Linear,
    Mean,
    Sort,
)
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
from sknn_deep.modules import (
    OwnAutoencoder,
    StackedDense,
    TabularMLP,
    fold_batch_norm,
)

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


def is_own(step) -> bool:
    """Tell whether an estimator is a network of the user's own, or several of them."""
    if type(step) in (NetClassifier, NetRegressor):
        return True
    net = getattr(step, "net_", None)
    return isinstance(getattr(net, "module_", None), OwnAutoencoder)


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
    if isinstance(network, MLPRegressor):
        parts += scale_of_y(network)
    if is_raw:
        return parts
    if isinstance(network, MLPClassifier) and network._target.kind == "binary":
        parts.append(both_classes(parts.pop(), len(network.classes_)))
        activation = "softmax"
    return [*parts, *activation_parts(activation), *_order(network)]


def scale_of_y(reg: BaseEstimator) -> list[LinearStep]:
    """Give what undoes the standardization of y, if there was one."""
    target = reg._target
    if target.mean is None:
        return []
    scale, mean = (
        np.broadcast_to(numbers, target.n_outputs)
        for numbers in (target.scale, target.mean)
    )
    return [LinearStep("normalize_y", scale, np.zeros_like(mean), mean, scale)]


def _order(network: BaseEstimator) -> list[Sort]:
    has_quantiles = getattr(network._target, "quantiles", None) is not None
    return [Sort(network.n_outputs_)] if has_quantiles else []


# --- tables ---------------------------------------------------------------------------


def is_table_estimator(estimator) -> bool:
    return type(estimator) in (TabularMLPClassifier, TabularMLPRegressor)


def parts_of_table(estimator: BaseEstimator, *, is_raw: bool) -> list:
    """Give what is predicted from the columns of a table: a mean over the networks."""
    module = copy.deepcopy(estimator.net_.module_).cpu().double()
    members = [
        _parts_of_member(estimator, module, k, is_raw=is_raw)
        for k in range(module.n_members)
    ]
    is_number = isinstance(estimator, TabularMLPRegressor)
    scale = scale_of_y(estimator) if is_number else []
    return [Columns(estimator._encoder), Mean(members), *scale]


def _parts_of_member(
    estimator: BaseEstimator, module: TabularMLP, k: int, *, is_raw: bool
) -> list:
    first, *others = [_stacked_linear(layer, k) for layer in module.layers]
    scale = _array(module.scale.weight[k])[:, None]
    *hidden, last = [Linear(scale * first.weight, first.bias), *others]
    parts: list = [_embedding(module, k)]
    for layer, name in zip(hidden, module.activations, strict=True):
        parts += [layer, *activation_parts(name)]
    outputs = _numbers if isinstance(estimator, TabularMLPRegressor) else _probabilities
    return [*parts, *outputs(estimator, last, is_raw=is_raw)]


def _numbers(reg: TabularMLPRegressor, last: Linear, *, is_raw: bool) -> list:
    if is_raw and reg.out_activation_ != "identity":
        return [last]
    bounds = Bounds(*(np.asarray(end, dtype=float) for end in reg._range))
    return [last, *activation_parts(reg.out_activation_), bounds, *_order(reg)]


def _probabilities(clf: TabularMLPClassifier, last: Linear, *, is_raw: bool) -> list:
    last = Linear(last.weight / clf.temperature_, last.bias / clf.temperature_)
    if is_raw:
        return [last]
    if clf._target.kind == "binary":
        return [both_classes(last, len(clf.classes_)), Activation("softmax")]
    return [last, *activation_parts(clf.out_activation_)]


def _embedding(module: TabularMLP, k: int) -> Embedding:
    nothing, tables = np.empty((0, 0)), []
    arrays = (nothing, nothing, nothing, nothing)
    if module.periodic is not None:
        of = module.periodic
        arrays = (
            2 * np.pi * _array(of.frequency[k]),
            _array(of.shift[k]),
            _array(of.weight[k].mT),
            _array(of.bias[k]),
        )
    if module.categories is not None:
        parts = module.categories.table[:, k].split(module.categories.n_categories)
        tables = [np.vstack([part, part.mean(axis=0)]) for part in map(_array, parts)]
    return Embedding(module.n_columns, *arrays, tables)


def _stacked_linear(layer: StackedDense, k: int) -> Linear:
    return Linear(_array(layer.weight[k].mT), _array(layer.bias[k]))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()


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
    return parts if is_raw else [*parts, *activation_parts(autoencoder.out_activation_)]


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
            parts += activation_parts(block.activation_name)
    return parts


def activation_parts(name: str) -> list[Activation]:
    return [] if name == "identity" else [Activation(name)]


def both_classes(layer: Linear, n_classes: int) -> Linear:
    """Give as many outputs as there are classes, for a softmax over them.

    Softmax of -z / 2 and z / 2 is 1 - logistic(z) and logistic(z), and that of one
    number is 1. Of 0 and z it is the same, but shap shares it out by what each of the
    two differs, and a 0 never does.
    """
    if n_classes == 1:
        return layer
    weight, bias = layer.weight / 2, layer.bias / 2
    return Linear(np.hstack([-weight, weight]), np.hstack([-bias, bias]))
