"""How many networks are fitted at once: searches that train in stacks."""

from sknn_deep.model_selection._search import (
    BatchedGridSearchCV,
    BatchedRandomizedSearchCV,
)

__all__ = ["BatchedGridSearchCV", "BatchedRandomizedSearchCV"]
