"""The order of an epoch in which each row comes with one of its neighbors."""

import numpy as np
import torch
from torch import Tensor

from sknn_deep.neighbors._graph import NeighborGraph

# Edges of the first step's walks, and the share of the steps that walk more than one.
_LONGEST_WALK = 4
_WALKING_SHARE = 0.5


def walk_lengths(steps: np.ndarray, n_steps: int) -> np.ndarray:
    """Tell how many edges lead to a partner in steps of a training of `n_steps`.

    They fall from 4 to 1 over the first half. Partners from further away at first keep
    what belongs together from being torn by the random start.
    """
    n_walking = n_steps * _WALKING_SHARE
    left = 1 - steps / n_walking if n_walking else np.zeros(len(steps))
    return np.clip(np.ceil(_LONGEST_WALK * left), 1, None).astype(int)


class PairOrders:
    """Makes the order of one epoch after the other, as ``Batches`` takes it.

    A batch is rows, and then as many partners, one for each in the same order. Each row
    comes once as itself; its partner is where a random walk on the graph ends. A row
    without neighbors is its own.

    Parameters
    ----------
    graph : NeighborGraph

    batch_size : int
        Rows of a batch, without their partners.

    n_epochs : int
        Of the training, whose first half takes longer walks; 0 for no such walks.

    shuffle : bool

    random_state : RandomState

    device : torch.device
    """

    def __init__(
        self,
        graph: NeighborGraph,
        *,
        batch_size: int,
        n_epochs: int,
        shuffle: bool,
        random_state: np.random.RandomState,
        device: torch.device,
    ):
        self.graph = graph
        self.batch_size = batch_size
        self.n_epochs = n_epochs
        self.shuffle = shuffle
        self.random_state = random_state
        self.device = device
        self._n_drawn = 0

    def __call__(self) -> Tensor:
        """Draw the order of the next epoch, int64 of shape (2 * n_samples,)."""
        n_rows, n_batch = len(self.graph), self.batch_size
        rows = np.arange(n_rows)
        if self.shuffle:
            self.random_state.shuffle(rows)
        n_batches = -(-n_rows // n_batch)
        steps = self._n_drawn * n_batches + np.arange(n_rows) // n_batch
        self._n_drawn += 1
        partners = self._walk(rows, walk_lengths(steps, self.n_epochs * n_batches))
        order = np.empty(2 * n_rows, dtype=np.int64)
        n_whole = n_rows - n_rows % n_batch
        pairs = order[: 2 * n_whole].reshape(-1, 2, n_batch)
        pairs[:, 0] = rows[:n_whole].reshape(-1, n_batch)
        pairs[:, 1] = partners[:n_whole].reshape(-1, n_batch)
        order[2 * n_whole :] = np.concatenate([rows[n_whole:], partners[n_whole:]])
        return torch.from_numpy(order).to(self.device)

    def _walk(self, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Go along so many random edges from each row."""
        indptr, indices = self.graph.indptr, self.graph.indices
        partners = rows.copy()
        for edge in range(lengths.max()):
            first = indptr[partners]
            degree = indptr[partners + 1] - first
            drawn = (self.random_state.random_sample(len(rows)) * degree).astype(int)
            goes_on = (lengths > edge) & (degree > 0)
            partners[goes_on] = indices[(first + drawn)[goes_on]]
        return partners
