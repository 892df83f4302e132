"""What a user may write: which values parameters take, and others' words for them."""

from sknn_deep.parameters._answers import (
    names_our_words,
    say_full_names,
    say_our_parameters,
    say_what_is_alike,
)
from sknn_deep.parameters._encoder_sizes import doubt_encoder_sizes
from sknn_deep.parameters._parameters import (
    ACTIVATION,
    SCORING,
    SEARCH_SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
    check_scorer_names,
)
from sknn_deep.parameters._validation import AnsweringMixin, ValidationMixin

__all__ = [
    "ACTIVATION",
    "SCORING",
    "SEARCH_SCORING",
    "TRAINING_CONSTRAINTS",
    "AnsweringMixin",
    "ValidationMixin",
    "check_activations",
    "check_dropout",
    "check_hidden_layer_sizes",
    "check_scorer_names",
    "doubt_encoder_sizes",
    "names_our_words",
    "say_full_names",
    "say_our_parameters",
    "say_what_is_alike",
]
