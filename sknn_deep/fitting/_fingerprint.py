"""What a fit is: all that decides on its result, in words and digests."""

import functools
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep.data import Samples, draws_anew
from sknn_deep.fitting._solvers import FitPlan
from sknn_deep.rows import MappedArray
from sknn_deep.training import StateKeeper

# Parameters that do not change what is learnt, or are resolved in the net.
_NOT_TOLD = ("callbacks", "verbose", "max_time", "device", "precision")


@contextmanager
def watch_states(
    estimator: BaseEstimator, plan: FitPlan
) -> Iterator[StateKeeper | None]:
    """Give the callback, if there is one, that keeps the states of this training.

    A call of ``partial_fit`` is one epoch, after which the model itself can be saved.
    """
    keepers = [cb for _, cb in plan.net.callbacks_ if isinstance(cb, StateKeeper)]
    if plan.incremental or not keepers:
        yield None
        return
    if len(keepers) > 1:
        raise ValueError(
            f"The 'callbacks' parameter of {type(estimator).__name__} may have one "
            f"Checkpoint. Got {len(keepers)}: keep one of them."
        )
    seed = check_seed(estimator)
    if plan.split is not None:
        check_repeatable(estimator)
    with keepers[0].watch(seed, fingerprint(estimator, plan)) as keeper:
        yield keeper


def check_seed(estimator: BaseEstimator) -> int:
    """Return ``random_state``, by which another process draws the same numbers."""
    seed = estimator.random_state
    if not isinstance(seed, Integral):
        raise ValueError(
            f"A {type(estimator).__name__} with a Checkpoint needs an integer as "
            "random_state, for another process to draw the same rows and weights. Got "
            f"{seed!r}: set random_state=0, for instance."
        )
    return int(seed)


def check_repeatable(estimator: BaseEstimator) -> None:
    """Refuse a splitter that would set other rows aside in another process."""
    splitter = estimator.validation_fraction
    if draws_anew(splitter):
        raise ValueError(
            f"A {type(estimator).__name__} with a Checkpoint needs a splitter that "
            "sets the same rows aside in another process. Got "
            f"validation_fraction={type(splitter).__name__}(...) with "
            "random_state=None: set its random_state=0, for instance."
        )


def fingerprint(estimator: BaseEstimator, plan: FitPlan) -> dict[str, str]:
    """Tell what decides on the result of a fit.

    Two fits with the same entries, on one machine, learn the same.
    """
    placement = plan.net.placement
    parameters = {
        name: describe(value)
        for name, value in estimator.get_params(deep=False).items()
        if name not in _NOT_TOLD
    }
    weights = [t.cpu().numpy() for t in plan.net.module_.state_dict().values()]
    return {
        "estimator": type(estimator).__name__,
        **parameters,
        "device": placement.device.type,
        "precision": f"{placement.dtype}, {placement.autocast}",
        **_of_samples(estimator, plan.samples, ""),
        **({} if plan.valid is None else _of_samples(estimator, plan.valid, "_val")),
        **({} if plan.split is None else {"the rows to validate on": _of_split(plan)}),
        **estimator._identity(plan),
        "the weights to start from": digest(*weights),
    }


def _of_split(plan: FitPlan) -> str:
    # Which splitters, groups or random numbers led to them changes nothing.
    return digest(*plan.split)


def _of_samples(
    estimator: BaseEstimator, samples: Samples, ending: str
) -> dict[str, str]:
    target = estimator._encode(samples)
    return {
        f"X{ending}": digest(samples.X),
        f"y{ending}": "None" if target is None else digest(target),
        f"sample_weight{ending}": (
            "None" if samples.weight is None else digest(samples.weight)
        ),
    }


def describe(value: Any) -> str:
    """Write the value of a parameter so that equal values give equal texts."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        pairs = (f"{describe(k)}: {describe(v)}" for k, v in value.items())
        return f"{{{', '.join(sorted(pairs))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(describe, value))}]"
    if isinstance(value, functools.partial):
        parts = (describe(v) for v in (value.func, value.args, value.keywords))
        return f"partial({', '.join(parts)})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    # An address is another one in each process.
    return text if " at 0x" not in text else type(value).__qualname__


def digest(*values) -> str:
    """Digest the types, shapes and contents of arrays, CSR matrices and large files."""
    sha = hashlib.sha256()
    for value in values:
        sha.update(f"{value.shape} {value.dtype} ".encode())
        for part in _parts(value):
            sha.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8))
    return sha.hexdigest()


def _parts(value) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, MappedArray):
        yield from (piece for _, piece in value.all_pieces())
    else:
        yield from (value.indptr, value.indices, value.data)
