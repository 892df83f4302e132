"""What draws from torch's global generator, given one of the fit's for a while.

Constructors of layers and dropout of torch's own take no generator. The global one is
the process's: uses side by side wait for each other, and leave it as it was.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.RLock()


def global_generator(device: torch.device) -> torch.Generator | None:
    """Give the global generator of a device; None where torch does not show it."""
    if device.type == "cpu":
        return torch.default_generator
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return None


@contextmanager
def global_draws_from(generator: torch.Generator) -> Iterator[None]:
    """Let `generator` go on in the place of the global one of its device."""
    shared = global_generator(generator.device)
    if shared is None:
        yield
        return
    with _lock:
        before = shared.get_state()
        shared.set_state(generator.get_state())
        try:
            yield
        finally:
            generator.set_state(shared.get_state())
            shared.set_state(before)


@contextmanager
def forked_draws(seed: int) -> Iterator[None]:
    """Let what is drawn on the CPU depend on `seed` alone."""
    with global_draws_from(torch.Generator().manual_seed(seed)):
        yield
