"""How a gradient is made: written out, recorded, or of a stack."""

from sknn_deep.gradients._backpropagation import can_backpropagate
from sknn_deep.gradients._gradient import (
    Gradient,
    GradientKind,
    explicit_gradient,
    explicit_kind,
    fastest_gradient,
    penalized_weights,
    recorded_gradient,
    recorded_kind,
)
from sknn_deep.gradients._stack import stack_family, stacked_gradient
from sknn_deep.gradients._tabular import tabular_gradient

__all__ = [
    "Gradient",
    "GradientKind",
    "can_backpropagate",
    "explicit_gradient",
    "explicit_kind",
    "fastest_gradient",
    "penalized_weights",
    "recorded_gradient",
    "recorded_kind",
    "stack_family",
    "stacked_gradient",
    "tabular_gradient",
]
