"""What sparse matrices cost in memory, a batch or a block of rows, and GPUs' memory."""

import gc
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sknn_deep import MLPClassifier
from tests.estimators.fits import ESTIMATORS, make, output_of

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


# --- GPUs -----------------------------------------------------------------------------


# B52: Predicting many rows takes a GPU's memory for a batch.
@pytest.mark.must_never("B52")
@pytest.mark.cuda
def test_prediction_needs_memory_for_a_batch_only(cancer):
    X, y = cancer
    clf = make(MLPClassifier, device="cuda").fit(X, y)
    many = np.tile(X.astype(np.float32), (5000, 1))  # 1e6 rows, 120 MB
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()

    proba = clf.predict_proba(many)

    assert torch.cuda.max_memory_allocated() - before < many.nbytes / 4
    assert_allclose(proba[:200], clf.predict_proba(X), rtol=1e-4, atol=1e-5)


# B53: A model that is deleted gives a GPU's memory back.
@pytest.mark.must_never("B53")
@pytest.mark.cuda
def test_a_deleted_model_gives_its_memory_back(cancer):
    X, y = cancer
    params = {"device": "cuda", "batch_size": 4, "max_iter": 3}  # 150 steps: replayed
    make(MLPClassifier, **params).fit(X, y)  # what the libraries keep
    gc.collect()
    before = torch.cuda.memory_allocated()

    for _ in range(20):
        clf = make(MLPClassifier, **params).fit(X, y)
        clf.predict(X)
    del clf
    gc.collect()

    assert torch.cuda.memory_allocated() == before


# B54: Too little memory raises, or leaves the rows on the host, and never changes a
# number.
@pytest.mark.must_never("B54")
@pytest.mark.cuda
def test_too_little_memory_raises(cancer):
    X, y = cancer
    clf = make(MLPClassifier, device="cuda").fit(X, y)
    expected = clf.predict_proba(X)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction(64e6 / total)
        with pytest.raises(torch.OutOfMemoryError):
            make(MLPClassifier, device="cuda", hidden_layer_sizes=(20_000,)).fit(X, y)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert_array_equal(clf.predict_proba(X), expected)


@pytest.mark.must_never("B54")
@pytest.mark.cuda
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_rows_stay_on_the_host_where_the_gpu_has_no_room(
    Estimator, cancer, monkeypatch
):
    X, y = cancer
    params = {"device": "cuda", "batch_size": 16}
    expected = output_of(make(Estimator, **params).fit(X, y), X)
    monkeypatch.setattr("sknn_deep.rows._rows.has_room", lambda device, n_bytes: False)

    estimator = make(Estimator, **params).fit(X, y)

    assert_allclose(output_of(estimator, X), expected, rtol=1e-3, atol=1e-4)
