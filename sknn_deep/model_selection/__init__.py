"""How many networks are fitted at once: searches that train in stacks."""

from sknn_deep.model_selection._halving import (
    BatchedHalvingGridSearchCV,
    BatchedHalvingRandomSearchCV,
)
from sknn_deep.model_selection._optuna import BatchedOptunaSearchCV
from sknn_deep.model_selection._search import (
    BatchedGridSearchCV,
    BatchedRandomizedSearchCV,
)

__all__ = [
    "BatchedGridSearchCV",
    "BatchedHalvingGridSearchCV",
    "BatchedHalvingRandomSearchCV",
    "BatchedOptunaSearchCV",
    "BatchedRandomizedSearchCV",
]
