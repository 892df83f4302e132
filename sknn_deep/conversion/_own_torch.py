"""Networks of the user's own as torch modules: a copy, and what comes after it."""

import copy
import itertools
import operator

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import fx, nn

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._fitted_parts import (
    are_known,
    check_mean,
    check_steps,
    parts_of_steps,
    steps_of,
)
from sknn_deep.conversion._network_parts import dtype_of, is_own, network_of
from sknn_deep.conversion._torch_layers import make_sequence, mean_of
from sknn_deep.estimators import NetClassifier, NetRegressor
from sknn_deep.modules import PROBABILITY_LOSSES, OwnAutoencoder, is_loss_class


def has_own_module(estimator) -> bool:
    """Tell whether an estimator, or a step of a Pipeline, is such a network."""
    return any(map(is_own, steps_of(estimator)))


def has_own_parts(estimator) -> bool:
    """Tell whether an estimator is made of such networks and of what has parts."""
    others = [step for step in steps_of(estimator) if not is_own(step)]
    return has_own_module(estimator) and are_known(others)


def own_sequence(
    estimator: BaseEstimator, export: Export
) -> tuple[nn.Sequential, BaseEstimator]:
    """Make a sequence of copies of networks, of what comes after, and steps around.

    A classifier's gives what ``predict_proba`` does, a regressor's what ``predict``, an
    autoencoder's what ``transform``.

    Returns
    -------
    sequence : nn.Sequential

    last : estimator
        The last step with a network.
    """
    steps = list(steps_of(estimator))
    check_steps([step for step in steps if not is_own(step)], export)
    networks = [step if is_own(step) else network_of(step) for step in steps]
    found = [network for network in networks if network is not None]
    for network in found:
        check_is_fitted(network)
    dtype = export.dtype or np.result_type(*map(dtype_of, found))
    last = [step for step, n in zip(steps, networks, strict=True) if n is not None][-1]
    layers: list[nn.Module] = []
    for _, group in itertools.groupby(steps, is_own):
        layers += _layers_of_steps(list(group), export, dtype, last)
    sequence = nn.Sequential(*layers)
    return sequence.cpu().to(getattr(torch, dtype.name)).eval(), last


def _layers_of_steps(
    steps: list, export: Export, dtype: np.dtype, last: BaseEstimator
) -> list[nn.Module]:
    """Make the layers of steps that are all such networks, or none of them."""
    if not is_own(steps[0]):
        return list(make_sequence(parts_of_steps(steps, export, dtype, last), dtype))
    return [
        layer
        for step in steps
        for layer in _layers_of(step, export, is_raw=export.is_raw and step is last)
    ]


def _layers_of(
    network: BaseEstimator, export: Export, *, is_raw: bool
) -> list[nn.Module]:
    if hasattr(network, "estimators_"):
        check_mean(network, export, is_raw=is_raw)
        members = [
            nn.Sequential(*_layers_of(member, export, is_raw=is_raw))
            for member in network.estimators_
        ]
        return [mean_of(members)]
    module = network.net_.module_
    if isinstance(module, OwnAutoencoder):
        return [copy.deepcopy(module.encoder), *_codes(module, is_raw=is_raw)]
    layers = [copy.deepcopy(module)]
    if not is_raw:
        is_clf = isinstance(network, NetClassifier)
        layers += _probabilities(network) if is_clf else [_numbers(network)]
    return layers


def _codes(module: OwnAutoencoder, *, is_raw: bool) -> list[nn.Module]:
    layers = [] if is_raw else [copy.deepcopy(module.latent_activation)]
    if module.sample is not None:
        graph = fx.Graph()
        halves = graph.call_method("chunk", (graph.placeholder("code"), 2, 1))
        graph.output(graph.call_function(operator.getitem, (halves, 0)))
        layers.append(fx.GraphModule(nn.Module(), graph, "Means"))
    return layers


def _probabilities(clf: NetClassifier) -> list[nn.Module]:
    """Make what gives one column for each class."""
    gives_them = is_loss_class(clf.criterion, PROBABILITY_LOSSES)
    kind = clf._target.kind
    if kind == "multiclass" or (kind == "binary" and _n_columns(clf) == 2):
        return [] if gives_them else [nn.Softmax(dim=-1)]
    if kind == "multilabel":
        return [] if gives_them else [nn.Sigmoid()]
    graph = fx.Graph()
    second = graph.call_method("reshape", (graph.placeholder("X"), -1, 1))
    if not gives_them:
        second = graph.call_function(torch.sigmoid, (second,))
    first = graph.call_function(operator.sub, (1, second))
    both = [first, second]
    if len(clf.classes_) == 1:
        both = [graph.call_function(torch.ones_like, (second,))]
    graph.output(graph.call_function(torch.cat, (both, 1)))
    return [fx.GraphModule(nn.Module(), graph, "Probabilities")]


def _n_columns(clf: NetClassifier) -> int:
    zeros = np.zeros((2, *clf.input_shape_), np.int64)
    seen = clf.net_.forward_pass_
    zeros = zeros if seen and seen.takes_integers else zeros.astype(np.float64)
    return clf.net_.forward(zeros).reshape(2, -1).shape[1]


def _numbers(reg: NetRegressor) -> nn.Module:
    """Make what gives columns in units of y."""
    target, root, graph = reg._target, nn.Module(), fx.Graph()
    columns = graph.placeholder("X")
    columns = graph.call_method("reshape", (columns, -1, target.n_outputs))
    if target.mean is not None:
        root.register_buffer("scale", torch.tensor(target.scale))
        root.register_buffer("mean", torch.tensor(target.mean))
        scale, mean = graph.get_attr("scale"), graph.get_attr("mean")
        columns = graph.call_function(torch.mul, (columns, scale))
        columns = graph.call_function(torch.add, (columns, mean))
    graph.output(columns)
    return fx.GraphModule(root, graph, "Numbers")
