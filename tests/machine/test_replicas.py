"""Several processes that torchrun started: each fits the whole model, and says so."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.machine import _replicas
from sknn_deep.model_selection import BatchedGridSearchCV

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = (
    "This is one of 2 processes that were started together, by torchrun for instance. "
    "sknn_deep trains in one process: each of them trains a whole model on the rows "
    "that it is given, and they share neither work nor weights. Start one process, "
    "without torchrun. What several processes, GPUs or machines can share is a search, "
    "through joblib with Dask or Ray: see 'How do I search on a cluster?' in the user "
    "guide."
)
ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]


@pytest.fixture(autouse=True)
def new_process():
    """Let each test be as the first in its process."""
    _replicas._warn_once.cache_clear()
    yield
    _replicas._warn_once.cache_clear()


@pytest.fixture
def torchrun(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)


def make(cls, **parameters):
    return cls(
        hidden_layer_sizes=(3,), learning_rate="one_cycle", max_iter=2, **parameters
    )


def make_data():
    X = np.random.default_rng(0).uniform(size=(40, 4))
    return X, (X[:, 0] > 0.5).astype(int)


def messages_of(*calls):
    """Call all with the data; give the warnings, each as often as it was given."""
    X, y = make_data()
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        for call in calls:
            call(X, y)
    return [str(one.message) for one in given]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_fit_under_torchrun_warns_once(Estimator, torchrun):
    estimator = make(Estimator)

    assert messages_of(estimator.fit, estimator.fit) == [MESSAGE]
    assert messages_of(make(Estimator).fit) == []


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_under_torchrun_warns_once(Estimator, torchrun):
    estimator = make(Estimator)
    first = {"classes": [0, 1]} if Estimator is MLPClassifier else {}

    def train(X, y):
        estimator.partial_fit(X, y, **first).partial_fit(X, y)

    assert messages_of(train) == [MESSAGE]


def test_an_ensemble_under_torchrun_warns_once(torchrun):
    assert messages_of(make(MLPRegressor, n_estimators=3).fit) == [MESSAGE]


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
def test_a_search_under_torchrun_warns_once(Search, torchrun):
    search = Search(make(MLPClassifier), {"alpha": [0.1, 0.01]}, cv=2)

    assert messages_of(search.fit) == [MESSAGE]


@pytest.mark.slow
def test_two_processes_of_a_joblib_search_warn_once_each_at_most(torchrun):
    script = """
        from sklearn.model_selection import GridSearchCV
        from tests.machine.test_replicas import make, make_data, MLPClassifier
        grid = {"alpha": [0.1, 0.01, 0.001]}
        GridSearchCV(make(MLPClassifier), grid, cv=2, n_jobs=2).fit(*make_data())
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(map(str.strip, script.splitlines()))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 0, done.stderr
    # Two workers, and the refit in the process itself.
    assert 1 <= done.stderr.count("This is one of 2 processes") <= 3


def test_a_warning_that_is_an_error_stops_each_fit(torchrun):
    reg = make(MLPRegressor)
    for _ in range(2):
        with pytest.raises(UserWarning, match="one of 2 processes"):
            reg.fit(*make_data())

    assert not hasattr(reg, "net_")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"RANK": "0"},
        {"WORLD_SIZE": "8"},
        {"RANK": "0", "WORLD_SIZE": "all"},
    ],
    ids=str,
)
def test_one_process_is_not_warned(environment, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert messages_of(make(MLPClassifier).fit) == []


@pytest.mark.parametrize("size", [1, 2])
def test_the_group_of_torch_counts_more_than_the_environment(
    size, monkeypatch, torchrun
):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: size)

    assert messages_of(make(MLPClassifier).fit) == [MESSAGE][: size - 1]


SCRIPT = """
import json, os, sys, warnings
from sknn_deep.model_selection import BatchedGridSearchCV
from tests.machine.test_replicas import ESTIMATORS, make, make_data, messages_of

search = BatchedGridSearchCV(make(ESTIMATORS[0]), {"alpha": [0.1, 0.01]}, cv=2)
given = messages_of(*(make(cls).fit for cls in ESTIMATORS), search.fit)
with open(os.path.join(sys.argv[1], os.environ["RANK"]), "w") as file:
    json.dump(given, file)
"""


@pytest.mark.slow
def test_each_process_of_a_true_torchrun_warns_once(tmp_path):
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"),
            *("--local-addr", "127.0.0.1", script, tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )

    assert done.returncode == 0, done.stderr
    for rank in ("0", "1"):
        assert json.loads((tmp_path / rank).read_text()) == [MESSAGE]
