"""What a check found, and what a timing took."""

from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """A difference, and how large it may be.

    Attributes
    ----------
    what : str

    difference : float

    tolerance : float
    """

    what: str
    difference: float
    tolerance: float

    @property
    def holds(self) -> bool:
        return self.difference <= self.tolerance  # which NaN is not


@dataclass(frozen=True)
class Timing:
    """Seconds of one thing, and of what it is compared with.

    Attributes
    ----------
    what : str

    seconds : float

    beside : str

    beside_seconds : float
    """

    what: str
    seconds: float
    beside: str
    beside_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.beside_seconds


Finding = Comparison | Timing
Status = Literal["ok", "differs", "error", "skipped"]


@dataclass
class Outcome:
    """How a check or a timing ended.

    Attributes
    ----------
    part : str

    name : str

    status : {"ok", "differs", "error", "skipped"}

    comparisons : list of Comparison

    timings : list of Timing

    warnings : list of str
        That were given meanwhile.

    message : str
        The error, or why it was skipped.

    seconds : float
    """

    part: str
    name: str
    status: Status
    comparisons: list[Comparison] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    message: str = ""
    seconds: float = 0.0

    @property
    def is_failure(self) -> bool:
        return self.status in ("differs", "error")

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Outcome":
        comparisons = [Comparison(**one) for one in values["comparisons"]]
        timings = [Timing(**one) for one in values["timings"]]
        return cls(**values | {"comparisons": comparisons, "timings": timings})


def relative_difference(one, other, *, floor: float = 0.1) -> float:
    """Give the largest difference of two arrays, relative to the numbers of `other`.

    Numbers smaller than `floor` count as `floor`.
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"The shapes differ: {one.shape} and {other.shape}.")
    differences = np.abs(one - other) / np.maximum(np.abs(other), floor)
    return float(differences.max(initial=0.0))


def count_of(what: str, found: int, expected: int) -> Comparison:
    """Compare numbers that must be equal."""
    return Comparison(f"{what}, off from {expected}", abs(found - expected), 0)
