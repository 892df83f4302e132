"""Networks of the user's own as torch modules: a copy, and what comes after it."""

import copy
import operator

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import fx, nn

from sknn_deep.estimators import AutoencoderTransformer, NetClassifier, NetRegressor
from sknn_deep.modules import PROBABILITY_LOSSES, OwnAutoencoder, is_loss_class


def has_own_module(estimator) -> bool:
    """Tell whether a single network of the user's own is in an estimator."""
    if type(estimator) in (NetClassifier, NetRegressor):
        return True
    net = getattr(estimator, "net_", None)
    return isinstance(getattr(net, "module_", None), OwnAutoencoder)


def own_sequence(
    estimator: BaseEstimator, dtype: torch.dtype | None, *, is_raw: bool
) -> nn.Sequential:
    """Make a sequence of a copy of the network, and what turns outputs to predictions.

    A classifier's gives what ``predict_proba`` does, a regressor's what ``predict``, an
    autoencoder's what ``transform``.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "estimators_"):
        raise TypeError(
            f"to_torch takes a single network of one's own. This "
            f"{type(estimator).__name__} is an ensemble: pass one of its estimators_."
        )
    module = estimator.net_.module_
    dtype = dtype or estimator.net_.placement.dtype
    if isinstance(estimator, AutoencoderTransformer):
        layers = [copy.deepcopy(module.encoder), *_codes(module, is_raw=is_raw)]
    else:
        layers = [copy.deepcopy(module)]
        if not is_raw:
            is_clf = isinstance(estimator, NetClassifier)
            layers += _probabilities(estimator) if is_clf else [_numbers(estimator)]
    return nn.Sequential(*layers).cpu().to(dtype).eval()


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
        columns = graph.call_function(torch.addcmul, (mean, columns, scale))
    graph.output(columns)
    return fx.GraphModule(root, graph, "Numbers")
