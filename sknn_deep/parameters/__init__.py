"""What a user may write: which values parameters take, and others' words for them."""

from sknn_deep.parameters._parameters import (
    ACTIVATION,
    SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
)
from sknn_deep.parameters._validation import ValidationMixin
from sknn_deep.parameters._words import names_our_words, say_our_parameters

__all__ = [
    "ACTIVATION",
    "SCORING",
    "TRAINING_CONSTRAINTS",
    "ValidationMixin",
    "check_activations",
    "check_dropout",
    "check_hidden_layer_sizes",
    "names_our_words",
    "say_our_parameters",
]
