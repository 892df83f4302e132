"""The nearest of all rows, by products of blocks of rows."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# Of the products of a block of rows with all rows: what a processor's cache holds.
_BLOCK_BYTES = 2**24
_MIN_BLOCK_ROWS = 16

# Columns that are looked at as one, by the largest of them.
_GROUP = 32

# Rows that tell how near neighbors are, the rounding that is small beside that, and the
# share of rows in which it may be larger.
_N_PROBED = 32
_SMALL = 0.01
_MOST_ROUNDED = 0.1


@torch.inference_mode()
def as_precise_points(points: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Give points in float64 if float32 would round away how near neighbors are.

    A distance by products is as exact as the squares of the points are. Where these are
    far from the mean and near to each other, as in groups that lie far apart, too
    little of it is left.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_components)
        Centered.

    n_neighbors : int
        Less than `n_samples`.
    """
    if points.dtype == np.float64:
        return points
    X = torch.from_numpy(points)
    some = X[:: -(-len(X) // _N_PROBED)]
    distances = torch.cdist(some, X, compute_mode="donot_use_mm_for_euclid_dist")
    furthest = distances.kthvalue(n_neighbors + 1, dim=1).values  # the row is its first
    rounding = torch.finfo(X.dtype).eps * some.square().sum(dim=1)
    is_rounded = rounding > _SMALL * furthest.square()
    few = is_rounded.sum() <= _MOST_ROUNDED * len(some)
    return points if few else points.astype(np.float64)


@torch.inference_mode()
def nearest_rows(
    points: np.ndarray,
    n_neighbors: int,
    on_block: Callable[[int], None] = lambda n_rows: None,
) -> np.ndarray:
    """Find the rows that are nearest to each one, itself left out.

    Memory beside `points` and the result is that of one block of products, and of one
    copy of `points`.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_components)
        Float32 or float64, which is what is computed in.

    n_neighbors : int
        Less than `n_samples`.

    on_block : callable (n_rows)
        Told of the rows that are done.

    Returns
    -------
    neighbors : int32 ndarray of shape (n_samples, n_neighbors)
        In no order.
    """
    X = torch.from_numpy(points)
    n_rows, n_components = X.shape
    n_columns = -(-n_rows // _GROUP) * _GROUP
    # x.y - |y|^2 / 2 falls as the distance grows, and is one product of x, 1 with this.
    Y = X.new_zeros(n_columns, n_components + 1)
    Y[:n_rows, :-1] = X
    Y[:n_rows, -1] = X.square().sum(dim=1).mul_(-0.5)
    Y[n_rows:, -1] = -torch.inf
    n_block = max(_MIN_BLOCK_ROWS, _BLOCK_BYTES // (n_columns * X.itemsize))
    products = X.new_empty(min(n_block, n_rows), n_columns)
    neighbors = np.empty((n_rows, n_neighbors), dtype=np.int32)
    for start in range(0, n_rows, n_block):
        block = X[start : start + n_block]
        nearness = products[: len(block)]
        torch.mm(torch.cat([block, X.new_ones(len(block), 1)], 1), Y.T, out=nearness)
        nearness.diagonal(start).fill_(-torch.inf)
        neighbors[start : start + n_block] = largest_columns(nearness, n_neighbors)
        on_block(len(block))
    return neighbors


def largest_columns(values: Tensor, k: int) -> Tensor:
    """Give the columns of the `k` largest values of each row, in no order.

    A group whose largest value is not among the `k` largest of all groups has none of
    them: most values are looked at once.

    Parameters
    ----------
    values : Tensor of shape (n_rows, n_columns)
        ``n_columns`` is a multiple of `_GROUP`.
    """
    n_rows, n_columns = values.shape
    n_groups = n_columns // _GROUP
    if n_groups <= k:
        return values.topk(k, dim=1, sorted=False).indices
    # A group is every `n_groups`-th column, whose largest is found a row at a time.
    members = values.view(n_rows, _GROUP, n_groups)
    groups = members.amax(dim=1).topk(k, dim=1, sorted=False).indices  # (n_rows, k)
    candidates = members.gather(2, groups[:, None, :].expand(-1, _GROUP, -1))
    best = candidates.flatten(1).topk(k, dim=1, sorted=False).indices
    return groups.gather(1, best % k) + best // k * n_groups
