"""Contenders that take turns, so that what disturbs the machine disturbs them all."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What one contender did in one round.

    Attributes
    ----------
    seconds : float

    accuracy : float or None
        On the test samples; None where there is none to measure.
    """

    seconds: float
    accuracy: float | None = None


Round = dict[str, Run]
Contender = Callable[[int], Run]

# Seconds between two contenders.
PAUSE = 0.3


@dataclass(frozen=True)
class Alternation:
    """All rounds of a benchmark.

    Attributes
    ----------
    rounds : list of dict
        What each contender did, by its name.

    n_repeated : int
        Rounds that were played again because they had been disturbed.

    n_disturbed : int
        Disturbed rounds that are still among `rounds`: read the numbers with care.
    """

    rounds: list[Round]
    n_repeated: int
    n_disturbed: int

    def __str__(self) -> str:
        return (
            f"{len(self.rounds)} rounds, {self.n_repeated} repeated, "
            f"{self.n_disturbed} left disturbed"
        )


def alternate(
    contenders: dict[str, Contender], n_rounds: int, *, max_repeats: int | None = None
) -> Alternation:
    """Play `n_rounds` rounds, and disturbed ones again.

    Parameters
    ----------
    contenders : dict of callable
        Each takes the number of the round, to be used as a seed, and gives a Run.

    n_rounds : int

    max_repeats : int or None
        How many rounds may be played again; None allows as many as there are rounds.
    """
    max_repeats = n_rounds if max_repeats is None else max_repeats
    rounds = [play_round(contenders, number) for number in range(n_rounds)]
    n_repeated = 0
    while (disturbed := find_disturbed(rounds)) and n_repeated < max_repeats:
        rounds[disturbed[0]] = play_round(contenders, disturbed[0])
        n_repeated += 1
    return Alternation(rounds, n_repeated, len(disturbed))


def play_round(contenders: dict[str, Contender], number: int) -> Round:
    """Let each contender run once; another one begins in each round."""
    names = list(contenders)
    first = number % len(names)
    return {
        name: _play_alone(contenders[name], number)
        for name in names[first:] + names[:first]
    }


def _play_alone(contender: Contender, number: int) -> Run:
    """Let the threads of the one before go to sleep first.

    Those of scikit-learn's BLAS keep their cores busy for a while after its fit, and
    double the time of whoever comes next.
    """
    time.sleep(PAUSE)
    return contender(number)


def find_disturbed(rounds: list[Round], *, tolerance: float = 1.5) -> list[int]:
    """Number the rounds where some contender exceeds `tolerance` times its median."""
    limits = {name: tolerance * median_seconds(rounds, name) for name in rounds[0]}
    return [
        number
        for number, played in enumerate(rounds)
        if any(run.seconds > limits[name] for name, run in played.items())
    ]


def median_seconds(rounds: list[Round], name: str) -> float:
    return statistics.median(played[name].seconds for played in rounds)


def median_ratio(rounds: list[Round], name: str, other: str) -> float:
    """Give the median over the rounds of how long `name` takes, as share of `other`."""
    return statistics.median(
        played[name].seconds / played[other].seconds for played in rounds
    )


def median_accuracy(rounds: list[Round], name: str) -> float:
    return statistics.median(played[name].accuracy for played in rounds)
