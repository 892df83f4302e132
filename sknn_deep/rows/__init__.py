"""Where the rows come from, and in what order."""

from sknn_deep.rows._base import Rows
from sknn_deep.rows._batches import Batches
from sknn_deep.rows._mapped_rows import MappedArray, find_mapping
from sknn_deep.rows._orders import (
    block_permutations,
    device_permutations,
    numpy_permutations,
)
from sknn_deep.rows._rows import (
    DenseRows,
    SparseRows,
    make_rows,
    place_targets,
    rows_per_block,
)
from sknn_deep.rows._sparse_batch import SparseBatch, SparseInput
from sknn_deep.rows._stacked_batches import SharedRows, StackedBatches
from sknn_deep.rows._tensors import as_tensor

__all__ = [
    "Batches",
    "DenseRows",
    "MappedArray",
    "Rows",
    "SharedRows",
    "SparseBatch",
    "SparseInput",
    "SparseRows",
    "StackedBatches",
    "as_tensor",
    "block_permutations",
    "device_permutations",
    "find_mapping",
    "make_rows",
    "numpy_permutations",
    "place_targets",
    "rows_per_block",
]
