"""Fits that are killed at random moments, and gone on with until they end.

``python -m tests.fitting.killed_fits 50`` kills fifty times, over all cases, and
prints a line for each training that ended.

Each fit runs in a process of its own, a fork of this one, so that the time goes into
training and not into imports. This process must therefore not train itself.
"""

import json
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import sklearn.datasets

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.callbacks import Checkpoint
from sknn_deep.callbacks._checkpoint import read_state

SEED = 7
COMMON = {"hidden_layer_sizes": (32,), "random_state": SEED}
CASES = {
    "adam": (MLPClassifier, {"max_iter": 40}),
    "dropout, early stopping": (
        MLPClassifier,
        {
            "max_iter": 40,
            "dropout": 0.3,
            "normalization": "batch",
            "early_stopping": True,
            "n_iter_no_change": 15,
        },
    ),
    "one cycle": (
        MLPRegressor,
        {"max_iter": 40, "solver": "adamw", "learning_rate": "one_cycle"},
    ),
    "adaptive": (
        MLPRegressor,
        {
            "max_iter": 60,
            "solver": "sgd",
            "learning_rate": "adaptive",
            "learning_rate_init": 0.005,
            "n_iter_no_change": 2,
            "tol": 0.05,
        },
    ),
    "denoising": (
        AutoencoderTransformer,
        {
            "max_iter": 40,
            "noise": "masking",
            "noise_level": 0.3,
            "early_stopping": True,
        },
    ),
}


def load_rows(Estimator):
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    X = X[:600] / 16
    return (X,) if Estimator is AutoencoderTransformer else (X, y[:600])


def fit_and_report(case, folder, report):
    """Fit, and write down what came out; for a process of its own."""
    Estimator, parameters = CASES[case]
    warnings.simplefilter("ignore")  # of training that has not converged
    callbacks = None if folder is None else [Checkpoint(folder)]
    estimator = Estimator(callbacks=callbacks, **COMMON, **parameters)
    estimator.fit(*load_rows(Estimator))
    outcome = {
        "weights": [*estimator.coefs_, *estimator.intercepts_],
        "loss_curve": estimator.loss_curve_,
        "validation_scores": estimator.validation_scores_,
        "n_resumed": estimator.net_.n_resumed_,
    }
    report.with_suffix(".part").write_bytes(pickle.dumps(outcome))
    os.replace(report.with_suffix(".part"), report)


def start(function, *arguments):
    """Run a function in a fork of this process; give its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        function(*arguments)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(number):
    _, status = os.waitpid(number, 0)
    if status:
        raise RuntimeError(f"the fit failed with status {status}")


def wait_for(path, seconds=60):
    """Wait until there is such a file, but not for ever."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.001)


def train_with_kills(case, rng, n_kills):
    """Kill a fit at most `n_kills` times, then let it end; tell how it went."""
    with tempfile.TemporaryDirectory() as name:
        folder, report = Path(name) / "states", Path(name) / "report"
        began = time.monotonic()
        wait(start(fit_and_report, case, None, report))
        duration = time.monotonic() - began
        expected = pickle.loads(report.read_bytes())
        report.unlink()
        path = folder / f"checkpoint_{SEED}.sknn"
        epochs_when_killed = []
        for i in range(n_kills):
            number = start(fit_and_report, case, folder, report)
            if i % 2 == 1:
                # Some fits would not come to their first state on a busy machine.
                wait_for(path)
            time.sleep(rng.uniform(0, 0.6 * duration))
            os.kill(number, signal.SIGKILL)
            _, status = os.waitpid(number, 0)
            if not os.WIFSIGNALED(status):
                assert status == 0, f"the fit failed with status {status}"
                break
            if path.exists():
                epochs_when_killed.append(read_state(path)["state"]["n_epochs"])
            else:
                epochs_when_killed.append(0)
        n_rests = len(list(folder.glob(".*.tmp")))
        if not report.exists():
            wait(start(fit_and_report, case, folder, report))
        outcome = pickle.loads(report.read_bytes())
        files = sorted(p.name for p in folder.iterdir())
    return {
        "case": case,
        "epochs_when_killed": epochs_when_killed,
        "n_half_written": n_rests,
        "files_left": files,
        "n_resumed": outcome["n_resumed"],
        "n_epochs": len(outcome["loss_curve"]),
        "difference": max(
            float(np.abs(a - b).max())
            for a, b in zip(expected["weights"], outcome["weights"], strict=True)
        ),
        "same_curves": all(
            expected[name] == outcome[name]
            for name in ("loss_curve", "validation_scores")
        ),
    }


def main(n_kills, seed=0, n_kills_each=6):
    """Kill `n_kills` times in all, going round the cases."""
    rng = np.random.default_rng(seed)
    n_left = n_kills
    while n_left > 0:
        for case in CASES:
            if n_left <= 0:
                break
            result = train_with_kills(case, rng, min(n_kills_each, n_left))
            n_left -= len(result["epochs_when_killed"])
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
