"""The graph of neighbors: searched for, or given."""

import sys
import time
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from tqdm.auto import tqdm

from sknn_deep.neighbors._approximate import approximate_rows, can_approximate
from sknn_deep.neighbors._exact import as_precise_points, nearest_rows
from sknn_deep.neighbors._projection import project_rows

# The exact search takes time with the square of the rows: a minute or two for these.
MAX_EXACT_ROWS = 200_000
# So few have no more than an estimator takes by default, which nobody chose.
_FEW_ROWS = 15


@dataclass(frozen=True)
class NeighborGraph:
    """From each row to its neighbors.

    Attributes
    ----------
    indptr : int64 ndarray of shape (n_samples + 1,)

    indices : int32 ndarray of shape (n_edges,)
        The neighbors of row i are ``indices[indptr[i]:indptr[i + 1]]``.
    """

    indptr: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @classmethod
    def of_rows(cls, neighbors: np.ndarray) -> "NeighborGraph":
        """Make the graph of rows with as many neighbors each, an int32 matrix."""
        n_rows, n_neighbors = neighbors.shape
        # For the draws not to depend on the order in which they were found.
        ordered = np.sort(neighbors, axis=1)
        return cls(np.arange(n_rows + 1) * n_neighbors, ordered.ravel())

    @classmethod
    def of_matrix(cls, connectivity) -> "NeighborGraph":
        """Make the graph of a square sparse matrix, whose entries but zero are edges.

        How large they are makes no difference, and the diagonal is left out.
        """
        graph = sparse.coo_array(connectivity)
        is_edge = (graph.data != 0) & (graph.row != graph.col)
        rows, columns = graph.row[is_edge], graph.col[is_edge]
        ones = np.ones(len(rows), dtype=bool)
        graph = sparse.csr_array((ones, (rows, columns)), shape=graph.shape)
        graph.sum_duplicates()
        return cls(graph.indptr.astype(np.int64), graph.indices.astype(np.int32))


def find_neighbors(
    X, n_neighbors: int, metric: str, *, verbose: int | bool = 0, owner: str
) -> NeighborGraph:
    """Find the `n_neighbors` nearest rows of each row, or all others if they are fewer.

    Then it warns, unless so few rows have fewer than anybody would ask for.

    Parameters
    ----------
    X : ndarray, CSR matrix or MappedArray of shape (n_samples, n_features)

    n_neighbors : int

    metric : {"euclidean", "cosine"}

    verbose : int or bool
        1 shows a progress bar on stderr, more print a line on stdout.

    owner : str
        Name of the estimator, for messages.
    """
    n_rows = X.shape[0]
    if n_neighbors >= n_rows > _FEW_ROWS:
        warnings.warn(
            f"n_neighbors={n_neighbors} of {owner} is clipped to all {n_rows - 1} "
            "other rows, which tells near from far no more: take fewer.",
            stacklevel=2,
        )
    n_neighbors = min(n_neighbors, n_rows - 1)
    if n_neighbors == 0:
        return NeighborGraph.of_rows(np.empty((n_rows, 0), dtype=np.int32))
    start = time.perf_counter()
    points = _finite_points(X, metric, owner)
    if n_rows > MAX_EXACT_ROWS and can_approximate():
        neighbors = approximate_rows(points, n_neighbors)
    else:
        if n_rows > MAX_EXACT_ROWS:
            _warn_of_time(n_rows, owner)
        with tqdm(
            total=n_rows,
            unit="row",
            desc="neighbors",
            file=sys.stderr,
            leave=False,
            disable=verbose != 1,
        ) as bar:
            points = as_precise_points(points, n_neighbors)
            neighbors = nearest_rows(points, n_neighbors, bar.update)
    if verbose >= 2:
        seconds = time.perf_counter() - start
        print(f"Neighbors of {n_rows} rows found in {seconds:.1f} s")
    return NeighborGraph.of_rows(neighbors)


def _finite_points(X, metric: str, owner: str) -> np.ndarray:
    """Project, and refuse numbers that no distance can be computed from."""
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            points = project_rows(X, metric)
            longest = np.einsum("ij,ij->i", points, points).max()
    except (ValueError, np.linalg.LinAlgError):
        longest = np.inf
    if not np.isfinite(longest):
        raise ValueError(
            f"{owner} cannot compute the distances of these rows: numbers of X are too "
            f"large for {np.dtype(X.dtype).name}. Scale X first, with StandardScaler "
            "for instance."
        )
    return points


def _warn_of_time(n_rows: int, owner: str) -> None:
    minutes = max(1, round((n_rows / 60_000) ** 2 * 6 / 60))
    warnings.warn(
        f"{owner} compares each of {n_rows} rows with all others, which takes some "
        f"{minutes} minutes on one core. With pynndescent installed (python -m pip "
        'install "sknn-deep[neighbors]"), or by a graph of your own in connectivity, '
        "neighbors are found in seconds.",
        stacklevel=2,
    )
