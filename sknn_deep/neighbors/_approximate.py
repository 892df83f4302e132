"""Most of the nearest rows, by pynndescent, where there are too many to compare all."""

from importlib.util import find_spec

import numpy as np
import torch


def can_approximate() -> bool:
    """Tell whether pynndescent is installed."""
    return find_spec("pynndescent") is not None


def approximate_rows(points: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Find most of the rows that are nearest to each one, itself left out.

    Parameters and result are those of ``nearest_rows``.

    References
    ----------
    Dong, W., Moses, C. and Li, K. "Efficient k-nearest neighbor graph construction for
    generic similarity measures." WWW 2011. https://doi.org/10.1145/1963405.1963487
    """
    n_threads = torch.get_num_threads()
    try:
        from pynndescent import NNDescent

        index = NNDescent(points, n_neighbors=n_neighbors + 1, random_state=0)
        found, _ = index.neighbor_graph  # by distance, the row itself among them
    finally:
        torch.set_num_threads(n_threads)  # numba sets OpenMP's, which torch has too
    # Of rows that are equal, another may stand in the row's own place.
    is_itself = found == np.arange(len(points))[:, None]
    is_itself[~is_itself.any(axis=1), -1] = True
    return found[~is_itself].reshape(len(points), n_neighbors).astype(np.int32)
