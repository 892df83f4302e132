"""The same training, as someone writes it in torch for speed and this task alone."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import nn

Step = Callable[[torch.Tensor], None]


class HandLoop:
    """A classifier of dense layers with ReLU, its data and Adam, on a device.

    Parameters
    ----------
    X : float32 ndarray of shape (n_samples, n_features)

    y : int64 ndarray of shape (n_samples,)
        Class numbers.

    hidden : tuple of int
        Widths of the hidden layers.

    batch_size : int

    device : torch.device

    capturable : bool
        Whether Adam's numbers are on the device, for a step to be captured.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        hidden: tuple[int, ...],
        batch_size: int,
        device: torch.device,
        *,
        capturable: bool = False,
    ):
        self.device = device
        self.batch_size = batch_size
        self.X = torch.from_numpy(X).to(device)
        self.y = torch.from_numpy(y).to(device)
        sizes = [X.shape[1], *hidden, int(y.max()) + 1]
        layers = [
            layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())
        ]
        self.network = nn.Sequential(*layers[:-1]).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=0.001, fused=True, capturable=capturable
        )

    def batches(self, n_epochs: int) -> Iterator[torch.Tensor]:
        """Give the indices of the rows of all batches."""
        for _ in range(n_epochs):
            order = torch.randperm(len(self.X), device=self.device)
            yield from order.split(self.batch_size)

    def step(self, index: torch.Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        output = self.network(self.X.index_select(0, index))
        loss = nn.functional.cross_entropy(output, self.y.index_select(0, index))
        loss.backward()
        self.optimizer.step()

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        with torch.inference_mode():
            output = self.network(torch.from_numpy(X).to(self.device))
        return float(np.mean(output.argmax(dim=1).cpu().numpy() == y))


def captured(step: Step, batch_size: int, device: torch.device) -> Step:
    """Capture a step on whole batches as a CUDA graph; others are taken as before.

    References
    ----------
    "Whole-network capture" in "CUDA semantics", PyTorch's notes.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """
    with torch.cuda.device(device):
        index = torch.arange(batch_size, device=device)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                step(index)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(index)

    def replayed(rows: torch.Tensor) -> None:
        if len(rows) < batch_size:
            step(rows)
        else:
            index.copy_(rows)
            graph.replay()

    return replayed
