"""How good a code is, as scorers for searches and early stopping."""

# Those with an alias are for pictures, whose codes are there already.
from sknn_deep.metrics._neighbors import neighbors_accuracy as neighbors_accuracy
from sknn_deep.metrics._neighbors import (
    neighbors_accuracy_scorer,
    trustworthiness_scorer,
)
from sknn_deep.metrics._neighbors import trustworthiness_of as trustworthiness_of

__all__ = ["neighbors_accuracy_scorer", "trustworthiness_scorer"]
