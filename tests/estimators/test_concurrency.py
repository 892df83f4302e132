"""Fits side by side: in threads and in processes, and what stays of many in a row."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings(
    "ignore:(Stochastic Optimizer|lbfgs failed):sklearn.exceptions.ConvergenceWarning"
)

COMMON = {"hidden_layer_sizes": (16,), "max_iter": 8, "random_state": 0}
ESTIMATORS = [
    MLPClassifier(dropout=0.3, **COMMON),
    MLPClassifier(early_stopping=True, **COMMON),
    MLPRegressor(solver="sgd", learning_rate_init=0.01, **COMMON),
    MLPRegressor(solver="lbfgs", **COMMON),
    AutoencoderTransformer(noise="masking", **COMMON),
]


def assert_same_weights(ours, expected):
    for a, b in zip(ours.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_fits_in_two_threads_are_those_one_after_the_other(digits):
    X, y = digits.X[:300], digits.y[:300]
    expected = [clone(estimator).fit(X, y) for estimator in ESTIMATORS]
    before = threading.enumerate(), torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        jobs = [
            [pool.submit(clone(estimator).fit, X, y) for estimator in ESTIMATORS]
            for _ in range(3)
        ]
        rounds = [[job.result() for job in jobs_of_round] for jobs_of_round in jobs]

    for fitted in rounds:
        for ours, theirs in zip(fitted, expected, strict=True):
            assert_same_weights(ours, theirs)
    assert (threading.enumerate(), torch.get_num_threads()) == before


def test_search_in_two_threads_is_that_in_one(digits):
    X, y = digits.X[:300], digits.y[:300]
    search = GridSearchCV(ESTIMATORS[0], {"alpha": [1e-4, 1.0], "dropout": [0, 0.5]})
    expected = clone(search).fit(X, y)
    before = threading.enumerate()

    with parallel_config("threading", n_jobs=2):
        ours = clone(search).fit(X, y)

    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert_same_weights(ours.best_estimator_, expected.best_estimator_)
    # joblib keeps helpers of its own, and ends them some time after.
    deadline = time.monotonic() + 30
    while len(threading.enumerate()) > len(before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.enumerate() == before


SEARCH = """
import json, sys
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sknn_deep import MLPClassifier

X, y = load_digits(return_X_y=True)
clf = MLPClassifier(
    hidden_layer_sizes=(16,), learning_rate="one_cycle", max_iter=5, random_state=0
)
scores = {}
for n_jobs in (1, 2):
    search = GridSearchCV(clf, {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=n_jobs)
    search.fit(X[:200] / 16, y[:200])
    weights = [float(w.sum()) for w in search.best_estimator_.coefs_]
    scores[n_jobs] = [search.cv_results_["mean_test_score"].tolist(), weights]
print(json.dumps([scores[1], scores[2]]))
"""


@pytest.mark.skipif(os.name != "posix", reason="looks for a group of processes")
def test_search_in_two_processes_is_that_in_one_and_leaves_nothing(tmp_path):
    folders = {name: tmp_path / name for name in ("work", "temporary")}
    for folder in folders.values():
        folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SEARCH],
        cwd=folders["work"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JOBLIB_TEMP_FOLDER": str(folders["temporary"]),
            "TMPDIR": str(folders["temporary"]),
        },
        stdout=subprocess.PIPE,
        start_new_session=True,  # the group of all processes that it starts
    )

    output, _ = process.communicate(timeout=240)

    assert process.returncode == 0
    one, two = json.loads(output)
    assert one == two
    deadline = time.monotonic() + 30  # the last of joblib's processes ends after ours
    while has_processes(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not has_processes(process.pid)
    assert [list(folder.iterdir()) for folder in folders.values()] == [[], []]


def has_processes(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# --- memory ---------------------------------------------------------------------------

# Prints the resident size in MiB after 10 fits and after 100 of each estimator.
FITS = """
import json, warnings
import numpy as np
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")  # of training that has not converged
rng = np.random.default_rng(0)
X = rng.normal(size=(400, 20)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)

def resident():
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

common = {"hidden_layer_sizes": (64,), "max_iter": 1}
sizes = {}
for name, Estimator, options in [
    ("classifier", MLPClassifier, {"dropout": 0.2, "early_stopping": True}),
    ("regressor", MLPRegressor, {"dropout": 0.2}),
    ("autoencoder", AutoencoderTransformer, {"noise": "masking"}),
]:
    for n_fits in range(1, 101):
        Estimator(random_state=n_fits, **common, **options).fit(X, y)
        if n_fits == 10:
            after_10 = resident()
    sizes[name] = resident() - after_10
print(json.dumps(sizes))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux' /proc")
def test_resident_size_after_100_fits_is_that_after_10():
    output = subprocess.run(
        [sys.executable, "-c", FITS], cwd=ROOT, check=True, capture_output=True
    ).stdout

    grown = json.loads(output)

    assert len(grown) == 3
    assert {name: size for name, size in grown.items() if size > 2} == {}
