"""Searches on Dask and on Ray: the same result, from another process."""

import importlib.util
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.requirements import needs

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "cluster_search.py"
# The package that each engine of the example needs.
PACKAGES = {"dask": "distributed", "ray": "ray"}

# In a process of its own: what the engines start and change ends with it.
SCRIPT = """
import json, os, runpy, sys

def process(estimator, X, y):
    return os.getpid()

search = runpy.run_path(sys.argv[1])["search"]
scoring = {"accuracy": "accuracy", "process": process}
found, accuracy = search(sys.argv[2], scoring=scoring, refit="accuracy")
print(json.dumps({
    "scores": found.cv_results_["mean_test_accuracy"].tolist(),
    "processes": found.cv_results_["mean_test_process"].tolist(),
    "own process": os.getpid(),
    "best": found.best_params_,
    "accuracy": accuracy,
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [
        "dask",
        pytest.param(
            "ray", marks=needs("numpy>=2.0", "Ray imports pyarrow 26, which needs it")
        ),
    ],
)
def test_search_on_an_engine_equals_the_one_in_this_process(engine):
    if importlib.util.find_spec(PACKAGES[engine]) is None:
        pytest.skip(f'needs {engine}: pip install "sknn-deep[{engine}]"')
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # sockets: short names
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, EXAMPLE, engine],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=300,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RAY_AUTH_MODE": "disabled",
                "RAY_TMPDIR": folder,
                "RAY_USAGE_STATS_ENABLED": "0",
            },
        )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])

    here, accuracy = runpy.run_path(EXAMPLE)["search"]("loky")

    assert there["scores"] == here.cv_results_["mean_test_score"].tolist()
    assert there["accuracy"] == accuracy
    assert there["own process"] not in there["processes"]
    # JSON knows no tuples.
    assert there["best"] == json.loads(json.dumps(here.best_params_))
