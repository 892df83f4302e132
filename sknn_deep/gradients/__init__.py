"""How a gradient is made: written out, recorded, or of a stack."""

from sknn_deep.gradients._backpropagation import can_backpropagate
from sknn_deep.gradients._gradient import (
    Gradient,
    dense_weights,
    explicit_gradient,
    fastest_gradient,
    recorded_gradient,
)
from sknn_deep.gradients._stack import stack_family, stacked_gradient
from sknn_deep.gradients._tabular import tabular_gradient

__all__ = [
    "Gradient",
    "can_backpropagate",
    "dense_weights",
    "explicit_gradient",
    "fastest_gradient",
    "recorded_gradient",
    "stack_family",
    "stacked_gradient",
    "tabular_gradient",
]
