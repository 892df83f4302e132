"""Parts as layers of torch."""

import numpy as np
import torch
from torch import fx, nn

from sknn_deep.conversion._linear_steps import Clip
from sknn_deep.conversion._parts import (
    Activation,
    Bounds,
    Columns,
    Embedding,
    LayerNorm,
    Linear,
    Mean,
    Part,
    Sort,
)
from sknn_deep.conversion._tabular_torch import traced
from sknn_deep.modules import ACTIVATIONS


def make_sequence(parts: list[Part], dtype: np.dtype) -> nn.Sequential:
    return nn.Sequential(*(_make_layer(part, dtype) for part in parts))


def _make_layer(part: Part, dtype: np.dtype) -> nn.Module:
    match part:
        case Linear(weight, bias, _):
            # torch's own start would draw from its global generator.
            layer = nn.utils.skip_init(nn.Linear, *weight.shape)
            return _filled(layer, weight.T, bias, dtype)
        case LayerNorm(weight, bias, eps):
            return _filled(nn.LayerNorm(len(weight), eps), weight, bias, dtype)
        case Clip(low, high):
            return nn.Hardtanh(low, high)
        case Bounds() | Columns() | Embedding() | Sort():
            return traced(part, dtype)
        case Mean(members):
            return mean_of([make_sequence(member, dtype) for member in members])
        case Activation("softmax"):
            return nn.Softmax(dim=-1)
        case Activation("exp"):
            return _exponential()
        case Activation(name):
            return ACTIVATIONS[name].module()


def _filled(layer: nn.Module, weight, bias, dtype: np.dtype) -> nn.Module:
    arrays = {"weight": weight, "bias": bias}
    for name, array in arrays.items():
        array = np.array(array, dtype, order="C")
        setattr(layer, name, nn.Parameter(torch.from_numpy(array)))
    return layer


def _exponential() -> fx.GraphModule:
    graph = fx.Graph()
    graph.output(graph.call_function(torch.exp, (graph.placeholder("X"),)))
    return fx.GraphModule(nn.Module(), graph, "Exp")


def mean_of(members: list[nn.Module]) -> fx.GraphModule:
    graph = fx.Graph()
    X = graph.placeholder("X")
    names = [f"member_{i}" for i in range(len(members))]
    total, *others = [graph.call_module(name, (X,)) for name in names]
    for output in others:
        total = graph.call_function(torch.add, (total, output))
    graph.output(graph.call_function(torch.mul, (total, 1 / len(members))))
    return fx.GraphModule(dict(zip(names, members, strict=True)), graph, "Mean")
