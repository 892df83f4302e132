"""How a gradient is made: written out, recorded, or of a stack."""

from sknn_deep.gradients._backpropagation import can_backpropagate
from sknn_deep.gradients._gradient import (
    Gradient,
    explicit_gradient,
    fastest_gradient,
    penalized_weights,
    recorded_gradient,
)
from sknn_deep.gradients._stack import stack_family, stacked_gradient
from sknn_deep.gradients._tabular import tabular_gradient

__all__ = [
    "Gradient",
    "can_backpropagate",
    "explicit_gradient",
    "fastest_gradient",
    "penalized_weights",
    "recorded_gradient",
    "stack_family",
    "stacked_gradient",
    "tabular_gradient",
]
