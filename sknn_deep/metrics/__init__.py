"""How good a code is, as scorers for searches and early stopping."""

from sknn_deep.metrics._neighbors import (
    neighbors_accuracy_scorer,
    trustworthiness_scorer,
)

__all__ = ["neighbors_accuracy_scorer", "trustworthiness_scorer"]
