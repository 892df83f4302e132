"""How long trainings and predictions take, beside other ways to do the same."""

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import ParameterGrid, StratifiedKFold

from sknn_deep import MLPClassifier
from sknn_deep.gpu_report._by_hand import HandLoop, captured
from sknn_deep.gpu_report._data import Images, digits, load_images
from sknn_deep.gpu_report._outcome import (
    Comparison,
    Finding,
    Timing,
    relative_difference,
)
from sknn_deep.model_selection import BatchedGridSearchCV

CPU = torch.device("cpu")
# Of the network of the lecture, 784-128-64-10.
HIDDEN = (128, 64)
LARGE_BATCH = 2048
SMALL_BATCH = 200


@dataclass(frozen=True)
class Sizes:
    """How much is timed.

    Attributes
    ----------
    n_images : int

    n_epochs_of_large_batches, n_epochs_of_small_batches : int

    n_epochs_on_cpu : int
        Where a GPU is compared with the CPU.

    n_epochs_of_small_fits, n_seeds_of_small_fits : int

    seconds_of_single_fits : float
        After which no more of the small fits is done alone.

    n_rounds : int
        In which contenders take turns.
    """

    n_images: int
    n_epochs_of_large_batches: int
    n_epochs_of_small_batches: int
    n_epochs_on_cpu: int
    n_epochs_of_small_fits: int
    n_seeds_of_small_fits: int
    seconds_of_single_fits: float
    n_rounds: int


FULL = Sizes(60_000, 100, 10, 3, 20, 4, 60.0, 3)
QUICK = Sizes(4_000, 4, 2, 2, 3, 1, 4.0, 1)


@dataclass(frozen=True)
class Training:
    """Seconds of a training, and how good it was.

    Attributes
    ----------
    seconds : float
        From data in host memory to the trained network.

    seconds_per_epoch : float
        Median over the epochs but the first two.

    accuracy : float
        On the test images.
    """

    seconds: float
    seconds_per_epoch: float
    accuracy: float


def time_large_batches(
    device: torch.device, sizes: Sizes, mnist: Path | None
) -> list[Finding]:
    """Train the lecture's network as the lecture does."""
    images = load_images(mnist, sizes.n_images)
    n_epochs = sizes.n_epochs_of_large_batches
    ours, by_hand = _take_turns(
        sizes,
        lambda n: train_ours(device, images, LARGE_BATCH, n),
        lambda n: train_by_hand(device, images, LARGE_BATCH, n),
        n_epochs=n_epochs,
    )
    on_cpu = train_ours(CPU, images, LARGE_BATCH, sizes.n_epochs_on_cpu)
    what = f"{len(images.X_train)} of {images.name}, batch {LARGE_BATCH}"
    return [
        Timing(
            f"fit of {n_epochs} epochs, {what}",
            ours.seconds,
            "loop by hand",
            by_hand.seconds,
        ),
        Timing(
            f"epoch, {what}",
            ours.seconds_per_epoch,
            "loop by hand",
            by_hand.seconds_per_epoch,
        ),
        Timing(
            f"epoch, {what}", ours.seconds_per_epoch, "CPU", on_cpu.seconds_per_epoch
        ),
        _compare_accuracies(ours, by_hand),
    ]


def time_small_batches(
    device: torch.device, sizes: Sizes, mnist: Path | None
) -> list[Finding]:
    """Train in batches so small that starting kernels takes longer than they run."""
    return _time_small_batches(device, sizes, mnist, is_captured=False)


def time_beside_captured(
    device: torch.device, sizes: Sizes, mnist: Path | None
) -> list[Finding]:
    """Do the same beside a CUDA graph that was captured by hand."""
    return _time_small_batches(device, sizes, mnist, is_captured=True)


def _time_small_batches(device, sizes, mnist, *, is_captured: bool) -> list[Finding]:
    images = load_images(mnist, sizes.n_images)
    ours, by_hand = _take_turns(
        sizes,
        lambda n: train_ours(device, images, SMALL_BATCH, n),
        lambda n: train_by_hand(
            device, images, SMALL_BATCH, n, is_captured=is_captured
        ),
        n_epochs=sizes.n_epochs_of_small_batches,
    )
    return [
        Timing(
            f"epoch, {len(images.X_train)} of {images.name}, batch {SMALL_BATCH}",
            ours.seconds_per_epoch,
            "CUDA graph captured by hand" if is_captured else "loop by hand",
            by_hand.seconds_per_epoch,
        ),
        _compare_accuracies(ours, by_hand),
    ]


def _compare_accuracies(ours: Training, by_hand: Training) -> Comparison:
    below = max(0.0, by_hand.accuracy - ours.accuracy)
    return Comparison("accuracy below the loop's", below, 0.02)


def _take_turns(
    sizes: Sizes, *contenders: Callable[[int], Training], n_epochs: int
) -> list[Training]:
    """Let each train once for short, then all in turns; give the medians."""
    for contender in contenders:
        contender(1)
    rounds = [
        [contender(n_epochs) for contender in contenders] for _ in range(sizes.n_rounds)
    ]
    return [
        Training(
            statistics.median(one.seconds for one in trainings),
            statistics.median(one.seconds_per_epoch for one in trainings),
            statistics.median(one.accuracy for one in trainings),
        )
        for trainings in zip(*rounds, strict=True)
    ]


def train_ours(
    device: torch.device, images: Images, batch_size: int, n_epochs: int
) -> Training:
    clf = MLPClassifier(
        HIDDEN,
        batch_size=batch_size,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
        device=device,
    )
    start = time.perf_counter()
    clf.fit(images.X_train, images.y_train)
    seconds = time.perf_counter() - start
    return Training(
        seconds,
        _median_after_two(clf.net_.history[:, "dur"]),
        clf.score(images.X_test, images.y_test),
    )


def train_by_hand(
    device: torch.device,
    images: Images,
    batch_size: int,
    n_epochs: int,
    *,
    is_captured: bool = False,
) -> Training:
    start = time.perf_counter()
    loop = HandLoop(
        images.X_train,
        images.y_train,
        HIDDEN,
        batch_size,
        device,
        capturable=is_captured,
    )
    step = captured(loop.step, batch_size, device) if is_captured else loop.step
    times = []
    for _ in range(n_epochs):
        start_of_epoch = time.perf_counter()
        for rows in loop.batches(1):
            step(rows)
        wait_for(device)
        times.append(time.perf_counter() - start_of_epoch)
    seconds = time.perf_counter() - start
    accuracy = loop.accuracy(images.X_test, images.y_test)
    return Training(seconds, _median_after_two(times), accuracy)


def wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _median_after_two(times: list[float]) -> float:
    """Leave out epochs in which libraries set themselves up and steps are captured."""
    return statistics.median(times[2:] or times)


def time_predictions(
    device: torch.device, sizes: Sizes, mnist: Path | None
) -> list[Finding]:
    """Predict all training images."""
    images = load_images(mnist, sizes.n_images)
    few = images._replace(X_train=images.X_train[:1000], y_train=images.y_train[:1000])
    seconds = []
    for where in (device, CPU):
        clf = MLPClassifier(HIDDEN, max_iter=2, random_state=0, device=where)
        clf.fit(few.X_train, few.y_train).predict_proba(images.X_train)
        times = []
        for _ in range(sizes.n_rounds):
            start = time.perf_counter()
            clf.predict_proba(images.X_train)
            times.append(time.perf_counter() - start)
        seconds.append(statistics.median(times))
    what = f"predict_proba, {len(images.X_train)} of {images.name}"
    return [Timing(what, seconds[0], "CPU", seconds[1])]


# --- many small fits ------------------------------------------------------------------

N_FOLDS = 5
GRID = {
    "learning_rate_init": [0.0003, 0.001, 0.003, 0.01, 0.03],
    "alpha": [1e-5, 1e-3, 1e-1],
}


def time_many_fits(device: torch.device, sizes: Sizes) -> list[Finding]:
    """Fit candidates on folds together, 300 in all, and one by one for some time."""
    X, y = digits()
    grid = {**GRID, "random_state": list(range(sizes.n_seeds_of_small_fits))}
    n_epochs = sizes.n_epochs_of_small_fits
    clf = MLPClassifier(max_iter=n_epochs, n_iter_no_change=np.inf, device=device)
    folds = StratifiedKFold(N_FOLDS)
    search = BatchedGridSearchCV(
        clf, grid, cv=folds, scoring="neg_log_loss", refit=False, error_score="raise"
    )
    # Libraries set themselves up.
    clone(clf).set_params(max_iter=1, random_state=0).fit(X, y)
    start = time.perf_counter()
    search.fit(X, y)
    seconds_together = time.perf_counter() - start

    score = get_scorer("neg_log_loss")
    candidates = list(ParameterGrid(grid))
    n_fits = len(candidates) * N_FOLDS
    alone, together = [], []
    start = time.perf_counter()
    for (number, parameters), (fold, (train, test)) in itertools.product(
        enumerate(candidates), enumerate(folds.split(X, y))
    ):
        one = clone(clf).set_params(**parameters).fit(X[train], y[train])
        alone.append(score(one, X[test], y[test]))
        together.append(search.cv_results_[f"split{fold}_test_score"][number])
        if time.perf_counter() - start > sizes.seconds_of_single_fits:
            break
    seconds_alone = (time.perf_counter() - start) / len(alone)
    return [
        Timing(
            f"fit of {n_epochs} epochs to digits, one of {n_fits} together",
            seconds_together / n_fits,
            f"one by one ({len(alone)} of them)",
            seconds_alone,
        ),
        Comparison(
            "scores of the same fits", relative_difference(together, alone), 1e-3
        ),
    ]
