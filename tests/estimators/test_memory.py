"""What sparse matrices cost in memory: a batch or a block of rows, not all of them."""

import json
import subprocess
import sys

import pytest

N_ROWS, N_FEATURES = 6000, 6000
DENSE = N_ROWS * N_FEATURES * 8 / 2**20  # MiB

# Prints, in MiB, by how much the peak has grown after each step.
MEASURE = """
import json, sys, warnings
from pathlib import Path
import numpy as np
from scipy import sparse
import sknn_deep

name, n_rows, n_features, form = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
warnings.simplefilter("ignore")  # of training that has not converged

def peak():
    # Unlike ru_maxrss it does not begin with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**10

def grown():
    return round(peak() - before)

rng = np.random.default_rng(0)
rows, columns = (rng.integers(n, size=36_000) for n in (n_rows, n_features))
X = sparse.coo_array((rng.random(36_000), (rows, columns)), (n_rows, n_features))
X = X.asformat(form)
y = (np.asarray(X.sum(axis=1)).ravel() > 3).astype(float)
Estimator = getattr(sknn_deep, name)
params = {
    "hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0, "batch_size": 25
}
few = X.tocsr()[:100]
Estimator(**params).fit(few, y[:100])  # loads what the libraries load late
before = peak()

estimator = Estimator(**params).fit(X, y)
sizes = {"fit": grown()}
estimator.partial_fit(X, y)
sizes["partial_fit"] = grown()
if hasattr(estimator, "predict"):
    estimator.predict(X)
    estimator.hidden_features(X)
    Estimator(early_stopping=True, **params).fit(X, y)
else:
    estimator.transform(X)
sizes["predict"] = grown()
dense = X.toarray() + 1.0
sizes["dense"] = grown()
print(json.dumps(sizes))
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has"
)
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("MLPClassifier", "csr"),
        ("MLPRegressor", "csc"),
        ("AutoencoderTransformer", "csr"),
    ],
)
def test_sparse_rows_are_made_dense_a_part_at_a_time(name, form):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, name, str(N_ROWS), str(N_FEATURES), form],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    sizes = json.loads(done.stdout)

    assert sizes["fit"] < DENSE / 8
    assert sizes["partial_fit"] < DENSE / 8
    assert sizes["predict"] < DENSE / 3
    assert sizes["dense"] > 0.9 * DENSE  # a dense copy would have been seen
