"""What a device must compute as the CPU does, beside single fits."""

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from unittest import mock

import numpy as np
import scipy.sparse
import torch
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor, load, save
from sknn_deep._torch_private import occupy_gpu
from sknn_deep.gpu_report._data import digits
from sknn_deep.gpu_report._fits import (
    exact_precision,
    exact_tolerance,
    losses_of,
    output_of,
    was_computed_on,
)
from sknn_deep.gpu_report._outcome import Comparison, count_of, relative_difference
from sknn_deep.model_selection import BatchedGridSearchCV
from sknn_deep.rows import (
    Batches,
    MappedArray,
    block_permutations,
    device_permutations,
    find_mapping,
    make_rows,
)

CPU = torch.device("cpu")
# Of numbers that the same weights give in float32.
_PREDICTION_TOLERANCE = 1e-4
# Of the losses of the same training in float32, started in another way.
_TRAINING_TOLERANCE = 1e-3
# Losses keep three digits in bfloat16.
_BFLOAT16_TOLERANCE = 5e-2


def make(cls, device: torch.device, **parameters):
    defaults = {"hidden_layer_sizes": (32,), "max_iter": 3, "random_state": 0}
    return cls(**defaults | {"learning_rate": "one_cycle"} | parameters, device=device)


def fit_to_digits(cls, device: torch.device, **parameters):
    X, y = digits()
    return make(cls, device, **parameters).fit(X, y)


# --- fits that no two devices repeat --------------------------------------------------


def check_accuracy(device: torch.device, **parameters) -> list[Comparison]:
    """Compare how well a training in random order learns, mixed precision included."""
    X, y = digits()
    train, test = slice(0, 1400), slice(1400, None)
    ours, expected = (
        make(
            MLPClassifier, where, max_iter=30, learning_rate_init=0.01, **parameters
        ).fit(X[train], y[train])
        for where in (device, CPU)
    )
    accuracies = [clf.score(X[test], y[test]) for clf in (ours, expected)]
    return [
        was_computed_on(device, ours),
        Comparison(
            "accuracy below the CPU's", max(0, accuracies[1] - accuracies[0]), 0.03
        ),
    ]


def check_random_autoencoder(device: torch.device, **parameters) -> list[Comparison]:
    """Compare how well an autoencoder with noise reconstructs."""
    X, _ = digits()
    ours, expected = (
        fit_to_digits(
            AutoencoderTransformer, where, n_components=8, max_iter=20, **parameters
        )
        for where in (device, CPU)
    )
    scores = [autoencoder.score(X) for autoencoder in (ours, expected)]
    return [
        was_computed_on(device, ours),
        Comparison("score below the CPU's", max(0, scores[1] - scores[0]), 0.05),
    ]


# --- predictions ----------------------------------------------------------------------


def check_predictions(device: torch.device) -> list[Comparison]:
    """Let networks of the CPU predict on the device, more rows than a block has."""
    X = np.tile(digits().X, (20, 1))
    comparisons = []
    for cls in (MLPClassifier, MLPRegressor, AutoencoderTransformer):
        expected = fit_to_digits(cls, CPU)
        ours = moved(expected, device)
        comparisons.append(was_computed_on(device, ours))
        for kind, rows in {"dense": X, "sparse": scipy.sparse.csr_array(X)}.items():
            difference = relative_difference(
                output_of(ours, rows), output_of(expected, rows)
            )
            comparisons.append(
                Comparison(
                    f"{kind} rows, {cls.__name__}", difference, _PREDICTION_TOLERANCE
                )
            )
        if cls is MLPClassifier:
            features = [clf.hidden_features(X) for clf in (ours, expected)]
            difference = relative_difference(*features)
        if cls is AutoencoderTransformer:
            codes = expected.transform(X)
            images = [one.inverse_transform(codes) for one in (ours, expected)]
            difference = relative_difference(*images)
        comparisons.append(
            Comparison("what lies between", difference, _PREDICTION_TOLERANCE)
        )
    return comparisons


def moved(estimator, device: torch.device):
    """Copy a fitted estimator to another device, by a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.sknn"
        save(estimator, path)
        return load(path, device=str(device))


# --- searches -------------------------------------------------------------------------


def check_batched_search(device: torch.device) -> list[Comparison]:
    """Search the same grid on the device and on the CPU, in one order of rows."""
    ours, expected = (
        _search(
            BatchedGridSearchCV, where, shuffle=False, precision=exact_precision(device)
        )
        for where in (device, CPU)
    )
    return [
        was_computed_on(device, ours.best_estimator_),
        _count_stacked(ours),
        Comparison(
            "scores", _score_difference(ours, expected), exact_tolerance(device)
        ),
    ]


def check_search_beside_single_fits(device: torch.device) -> list[Comparison]:
    """Search with random orders and dropout, together and one after the other."""
    ours = _search(BatchedGridSearchCV, device, dropout=0.1)
    expected = _search(GridSearchCV, device, dropout=0.1)
    return [
        _count_stacked(ours),
        Comparison("scores", _score_difference(ours, expected), _TRAINING_TOLERANCE),
    ]


def _search(cls, device: torch.device, **parameters):
    X, y = digits()
    return cls(
        make(MLPClassifier, device, **parameters),
        {
            "learning_rate_init": [0.001, 0.01],
            "alpha": [1e-4, 1e-1],
            "hidden_layer_sizes": [(32,), (16, 8)],
        },
        cv=3,
        scoring="neg_log_loss",
        error_score="raise",
    ).fit(X, y)


def _count_stacked(search: BatchedGridSearchCV) -> Comparison:
    batched = search.cv_results_["batched"]
    return count_of("candidates in stacks", int(batched.sum()), len(batched))


def _score_difference(one, other) -> float:
    scores = (search.cv_results_["mean_test_score"] for search in (one, other))
    return relative_difference(*scores)


# --- captured graphs ------------------------------------------------------------------


class BatchWatcher(Callback):
    """Its hook of single batches keeps a step from being captured."""

    def on_batch_end(self, net, **kwargs):
        pass


def check_captured_graph(device: torch.device, **parameters) -> list[Comparison]:
    """Compare steps that are replayed with the same steps started one by one."""

    parameters = {
        "learning_rate": "constant",
        "max_iter": 20,
        "n_iter_no_change": 20,
        **parameters,
    }

    def fit(**more) -> MLPClassifier:
        return fit_to_digits(MLPClassifier, device, **parameters, **more)

    with counted_captures() as captures:
        replayed = fit()
        n_captured = len(captures)
        one_by_one = fit(callbacks=[BatchWatcher()])
        n_captured_later = len(captures) - n_captured
    is_mixed = parameters.get("precision") == "bfloat16"
    return [
        was_computed_on(device, replayed),
        # A whole batch, and the last one of an epoch.
        count_of("captures", n_captured, 2),
        count_of("captures where none is allowed", n_captured_later, 0),
        Comparison(
            "training loss",
            relative_difference(losses_of(replayed), losses_of(one_by_one), floor=0),
            _BFLOAT16_TOLERANCE if is_mixed else _TRAINING_TOLERANCE,
        ),
    ]


def check_captured_graph_beside_cpu(device: torch.device) -> list[Comparison]:
    """Compare replayed steps with the CPU's, on the same rows in the same order."""
    parameters = {"early_stopping": True, "shuffle": False, "n_iter_no_change": 20}
    with counted_captures() as captures:
        ours, expected = (
            fit_to_digits(MLPClassifier, where, max_iter=20, **parameters)
            for where in (device, CPU)
        )
    return [
        count_of("captures", len(captures), 2),
        Comparison(
            "training loss",
            relative_difference(losses_of(ours), losses_of(expected), floor=0),
            _TRAINING_TOLERANCE,
        ),
        Comparison(
            "validation score below the CPU's",
            max(0, expected.best_validation_score_ - ours.best_validation_score_),
            0.02,
        ),
    ]


def check_captures_in_threads(device: torch.device) -> list[Comparison]:
    """Let two fits, whose steps are captured, run side by side."""

    def fit(seed: int) -> MLPClassifier:
        return fit_to_digits(MLPClassifier, device, max_iter=20, random_state=seed)

    expected = [fit(seed) for seed in range(2)]
    with counted_captures() as captures, ThreadPoolExecutor(2) as pool:
        ours = list(pool.map(fit, range(2)))
    return [
        count_of("captures", len(captures), 4),
        Comparison(
            "training loss",
            relative_difference(
                [losses_of(clf) for clf in ours],
                [losses_of(clf) for clf in expected],
                floor=0,
            ),
            _TRAINING_TOLERANCE,
        ),
    ]


@contextlib.contextmanager
def counted_captures() -> Iterator[list[logging.LogRecord]]:
    """List what the package's logger says of captures."""
    records: list[logging.LogRecord] = []

    class Keeper(logging.Handler):
        def emit(self, record):
            if "CUDA graph" in record.getMessage():
                records.append(record)

    logger, keeper = logging.getLogger("sknn_deep"), Keeper()
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        logger.setLevel(level)
        logger.removeHandler(keeper)


# --- rows that stay elsewhere ---------------------------------------------------------


@contextlib.contextmanager
def full_device() -> Iterator[None]:
    """Let there be no room for an array on any device."""
    with mock.patch("sknn_deep.rows._rows.has_room", return_value=False):
        yield


def check_rows_sent_ahead(device: torch.device, dtype: torch.dtype) -> list[Comparison]:
    """Compare batches that come from host memory with the rows that they should be."""
    X = np.random.default_rng(0).normal(size=(5000, 300))
    # Cast on the device, as rows that are sent are.
    expected = torch.from_numpy(X).to(device).to(dtype)
    generator = torch.Generator(device).manual_seed(0)
    with full_device():
        rows = make_rows(X, dtype, device)
    batches = Batches(
        rows,
        torch.arange(5000, device=device),
        None,
        batch_size=128,
        permute=device_permutations(5000, generator),
    )
    n_wrong = torch.zeros((), dtype=torch.int64, device=device)
    n_elsewhere, n_seen = 0, []
    for _ in range(3):
        seen = []
        for batch, index, _ in batches:
            n_elsewhere += batch.device.type != device.type
            if device.type == "cuda":
                # Longer than a transfer: rows that came too early would show.
                with torch.cuda.device(device):
                    occupy_gpu(10**6)
            n_wrong += (batch != expected[index]).any(dim=1).sum()
            seen.append(index.clone())
        n_seen.append(len(torch.cat(seen).unique()))
    return [
        count_of("rows of an epoch", min(n_seen), 5000),
        count_of("batches elsewhere", n_elsewhere, 0),
        count_of("wrong rows", int(n_wrong), 0),
    ]


def check_fit_to_rows_sent_ahead(device: torch.device) -> list[Comparison]:
    """Compare a fit to rows in host memory with that to rows on the device."""
    resident = fit_to_digits(MLPClassifier, device, max_iter=20)
    with full_device():
        sent = fit_to_digits(MLPClassifier, device, max_iter=20)
    return [
        was_computed_on(device, sent),
        Comparison(
            "training loss",
            relative_difference(losses_of(sent), losses_of(resident), floor=0),
            _TRAINING_TOLERANCE,
        ),
    ]


def check_rows_of_a_file(device: torch.device) -> list[Comparison]:
    """Compare batches that are read from a file with the rows that it has."""
    X = 100 * np.random.default_rng(0).standard_normal((1000, 7), dtype=np.float32)
    expected = torch.from_numpy(X).to(device)
    with map_file(X) as source:
        mapped = MappedArray(
            np.asarray(source),
            np.dtype("float32"),
            window_bytes=2**12,
            mapping=find_mapping(source),
        )
        batches = Batches(
            make_rows(mapped, torch.float32, device),
            expected,
            None,
            batch_size=32,
            permute=block_permutations(
                1000, mapped.window_rows(32), np.random.RandomState(0), device
            ),
        )
        n_wrong = sum(
            int((rows != target).any(dim=1).sum()) for rows, target, _ in batches
        )
    return [count_of("wrong rows", n_wrong, 0)]


def check_fit_to_a_file(device: torch.device) -> list[Comparison]:
    """Compare a fit to rows of a file, read in pieces, with the CPU's in memory."""
    X, y = digits()
    parameters = {"shuffle": False, "max_iter": 5}
    expected = make(MLPClassifier, CPU, **parameters).fit(X, y)
    # In MiB; X takes more.
    with map_file(X) as source, config_context(working_memory=0.1):
        ours = make(MLPClassifier, device, **parameters).fit(source, y)
        proba = ours.predict_proba(source)
    return [
        was_computed_on(device, ours),
        Comparison(
            "training loss",
            relative_difference(losses_of(ours), losses_of(expected)),
            _TRAINING_TOLERANCE,
        ),
        Comparison(
            "prediction",
            relative_difference(proba, expected.predict_proba(X)),
            _TRAINING_TOLERANCE,
        ),
    ]


@contextlib.contextmanager
def map_file(X: np.ndarray) -> Iterator[np.ndarray]:
    # Windows deletes no file that is still mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "X.npy"
        np.save(path, X)
        yield np.load(path, mmap_mode="r")


# --- from device to device ------------------------------------------------------------


def check_saved(
    device: torch.device, cls: type, to: Literal["cpu", "device", "any"]
) -> list[Comparison]:
    """Save what learned on the device, load it somewhere, and go on there.

    With `to` "any", it comes to where it was.
    """
    X, y = digits()
    where = CPU if to == "cpu" else device
    estimator = make(cls, device, dropout=0.1)
    first = {"classes": np.unique(y)} if cls is MLPClassifier else {}
    estimator.partial_fit(X, y, **first)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.sknn"
        save(estimator, path)
        loaded = load(path, device=None if to == "any" else str(where))
        comparisons = [
            was_computed_on(where, loaded),
            Comparison(
                "prediction",
                relative_difference(output_of(loaded, X), output_of(estimator, X)),
                _PREDICTION_TOLERANCE,
            ),
        ]
        loaded.partial_fit(X, y)
        save(loaded, path)
        again = output_of(load(path), X)
    return [
        *comparisons,
        Comparison(
            "prediction after one more epoch",
            relative_difference(again, output_of(loaded, X)),
            0 if where == CPU else _PREDICTION_TOLERANCE,
        ),
    ]


_WITHOUT_GPU = """
import pickle, sys
import numpy as np
import torch
assert not torch.cuda.is_available()
with open(sys.argv[1], "rb") as file:
    models, X = pickle.load(file)
np.save(sys.argv[2], [model.predict(X) for model in models])
"""


def check_pickled(device: torch.device) -> list[Comparison]:
    """Load pickles of models of the device here, and in a process without a GPU."""
    X, y = digits()
    models = [
        make(MLPRegressor, device).fit(X, y),
        make(MLPRegressor, device).partial_fit(X, y),
    ]
    expected = [model.predict(X) for model in models]
    here = pickle.loads(pickle.dumps(models))
    with tempfile.TemporaryDirectory() as folder:
        model, predicted = Path(folder) / "models.pkl", Path(folder) / "predicted.npy"
        model.write_bytes(pickle.dumps((models, X)))
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_GPU, model, predicted],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )
        if done.returncode != 0:
            raise RuntimeError(f"The process without a GPU failed: {done.stderr}")
        there = np.load(predicted)
    return [
        *(was_computed_on(device, model) for model in here),
        *(
            Comparison(
                what, relative_difference(found, expected), _PREDICTION_TOLERANCE
            )
            for what, found in {
                "prediction": [model.predict(X) for model in here],
                "prediction without a GPU": there,
            }.items()
        ),
    ]
