"""Count the calls of a fit, and the moves between files that a reader makes with it.

    python -m tests.count_moves

``MLPClassifier(max_iter=1).fit`` on 300 rows of 20 numbers, in one batch, and then a
row of them. A call is one of a function of this package, comprehensions and each turn
of a generator among them; a move is a call in another file than the call before.
"""

import itertools
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sknn_deep

PACKAGE = str(Path(sknn_deep.__file__).parent)


class Walk(NamedTuple):
    """How long the way through the code is."""

    n_calls: int
    n_files: int
    n_moves: int


def walk_of(function) -> Walk:
    """Follow the calls of a function."""
    files = []

    def follow(frame, event, argument):
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(PACKAGE):
            files.append(file)

    sys.setprofile(follow)
    try:
        function()
    finally:
        sys.setprofile(None)
    n_moves = sum(one != other for one, other in itertools.pairwise(files))
    return Walk(len(files), len(set(files)), n_moves)


def make_fitted():
    """Fit for an epoch of one batch; give the rows and labels too."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 20)), rng.integers(2, size=300)
    clf = sknn_deep.MLPClassifier(
        max_iter=1, batch_size=300, device="cpu", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y)  # what is made once in a process
    return clf, X, y


def walk_of_fit() -> Walk:
    """Follow a fit of one epoch of one batch."""
    clf, X, y = make_fitted()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return walk_of(lambda: clf.fit(X, y))


def walk_of_prediction() -> Walk:
    """Follow the probabilities of a row."""
    clf, X, _ = make_fitted()
    clf.predict_proba(X[:1])
    return walk_of(lambda: clf.predict_proba(X[:1]))


def walk_of_partial_fit() -> Walk:
    """Follow a call with a row, not the first."""
    clf, X, y = make_fitted()
    clf.set_params(batch_size="auto").partial_fit(X[:1], y[:1])
    return walk_of(lambda: clf.partial_fit(X[:1], y[:1]))


if __name__ == "__main__":
    print("fit of an epoch:", walk_of_fit())
    print("probabilities of a row:", walk_of_prediction())
    print("partial_fit of a row:", walk_of_partial_fit())
