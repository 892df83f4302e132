"""A step on a GPU, captured once as a CUDA graph and replayed from then on.

A small network's step is some thirty kernels that run for a few microseconds each;
starting them one by one from Python takes longer. A replayed graph starts all in one
call.

References
----------
"CUDA graphs" in "CUDA semantics", PyTorch's notes.
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

import functools
import logging
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sknn_deep._torch_private import let_graph_draw

_logger = logging.getLogger("sknn_deep")

Batch = tuple[Any, Tensor, Tensor | None]
Work = Callable[[Batch], dict[str, Tensor]]
# Takes a function that is called once, whose kernels are recorded instead of run; gives
# what it returned, and what runs the kernels.
Capture = Callable[[Callable[[], dict]], tuple[dict, Callable[[], None]]]

# A capture waits for the device and empties torch's cache of memory: fewer steps than
# this are not worth it.
MIN_STEPS = 100

# Libraries set themselves up in the first calls, which no capture may contain.
_N_BEFORE_CAPTURE = 3

# CUDA allows a process one capture at a time.
_lock = threading.Lock()


def can_capture(device: torch.device) -> bool:
    """Tell whether work on `device` can be captured at all."""
    return device.type == "cuda"


@contextmanager
def captures(
    device: torch.device, generator: torch.Generator | None
) -> Iterator[Capture | None]:
    """Capture work on `device` for a while; yields None if that cannot be done there.

    `generator` is where the work draws from. The graphs end with the context, whoever
    holds on to them: they share memory of the libraries with later ones.
    """
    if not can_capture(device):
        yield None
        return
    graphs: list[torch.cuda.CUDAGraph] = []

    def capture(function: Callable[[], dict]) -> tuple[dict, Callable[[], None]]:
        result, graph = _capture_cuda_graph(function, device, generator)
        graphs.append(graph)
        return result, graph.replay

    try:
        yield capture
    finally:
        for graph in graphs:
            graph.reset()


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Give the stream for captures; libraries keep some memory for each stream."""
    return torch.cuda.Stream(device)


def _capture_cuda_graph(
    function: Callable[[], dict],
    device: torch.device,
    generator: torch.Generator | None,
) -> tuple[dict, torch.cuda.CUDAGraph]:
    graph = torch.cuda.CUDAGraph()
    if generator is not None:
        let_graph_draw(graph, generator)
    with (
        _lock,
        torch.cuda.device(device),
        # Comes back to this stream even if the capture fails, which torch's does not.
        torch.cuda.stream(torch.cuda.current_stream(device)),
        torch.cuda.graph(
            graph,
            stream=_stream(device),
            # Fits in other threads go on meanwhile.
            capture_error_mode="thread_local",
        ),
    ):
        result = function()
    return result, graph


class GraphedWork:
    """Work on batches that is captured after a few calls, and replayed from then on.

    All that changes from call to call must be in tensors, in memory that stays: a
    replay sees no number and no tensor that Python made after the capture.

    Parameters
    ----------
    work : callable (batch) -> dict of Tensor
        Is called as usual with the first batches of each place in memory, and if a
        capture fails.

    capture : callable (function) -> (result, replay)
        Calls a function once, to record what it does without doing it.
    """

    def __init__(self, work: Work, capture: Capture):
        self._work = work
        self._capture: Capture | None = capture
        self._n_calls: Counter = Counter()
        self._captured: dict[tuple, tuple[dict, Callable[[], None]]] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Do the work; the next call may overwrite the result."""
        place = tuple((t.data_ptr(), t.shape) for t in batch if t is not None)
        if place not in self._captured and not self._try_to_capture(place, batch):
            return self._work(batch)
        result, replay = self._captured[place]
        replay()
        return result

    def _try_to_capture(self, place: tuple, batch: Batch) -> bool:
        self._n_calls[place] += 1
        if self._capture is None or self._n_calls[place] <= _N_BEFORE_CAPTURE:
            return False
        try:
            self._captured[place] = self._capture(lambda: self._work(batch))
        except RuntimeError as error:
            self._capture = None
            warnings.warn(
                "A step of the training could not be captured as a CUDA graph, and is "
                "started kernel by kernel instead, which is slower: "
                # The end of a capture that broke raises an error of its own.
                f"{error.__context__ or error}",
                RuntimeWarning,
                stacklevel=2,
            )
            return False
        n_rows = batch[0].shape[0]
        _logger.debug("a step of %d rows is replayed as a CUDA graph", n_rows)
        return True
