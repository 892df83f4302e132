"""Random numbers come from `random_state`, and nothing global is touched."""

import hashlib
import os
import random
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_validate

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import (
    ESTIMATORS,
    make,
    output_of,
    threads_of_a_new_thread,
    weights_of,
)


def run_python(*parts, **env):
    """Run code in a fresh process, and return what it prints."""
    code = "\n".join(textwrap.dedent(part) for part in parts)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SEEDED = """
    import hashlib
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import scale
    from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

    X, y = load_breast_cancer(return_X_y=True)
    X, y = scale(X)[:100], y[:100]
    for Estimator in (MLPClassifier, MLPRegressor, AutoencoderTransformer):
        estimator = Estimator(
            hidden_layer_sizes=(8,),
            dropout=0.2,
            early_stopping=True,
            learning_rate="cosine",
            max_iter=5,
            batch_size=30,
            random_state=0,
            device="cpu",
        ).fit(X, y)
        arrays = estimator.coefs_ + estimator.intercepts_
        print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


@pytest.fixture(scope="module")
def fresh_process():
    """Threads after the import, where they were 3, and models, of a new process."""
    threads = """
    import torch
    own = torch.get_num_threads()
    torch.set_num_threads(3)
    import sknn_deep
    print(torch.get_num_threads())
    torch.set_num_threads(own)
    """
    n_threads, *hashes = run_python(threads, SEEDED).split()
    return int(n_threads), hashes


# B42: The same seed gives the same model: again, in a new process, by workers.
@pytest.mark.must_never("B42")
def test_the_same_seed_gives_the_same_model_anywhere(capsys, fresh_process):
    runs = []
    for _ in range(2):
        exec(textwrap.dedent(SEEDED), {})
        runs.append(capsys.readouterr().out.split())

    assert runs[0] == runs[1] == fresh_process[1]
    assert len(set(runs[0])) == 3


@pytest.mark.must_never("B42")
def test_workers_give_the_models_of_one_process(cancer):
    X, y = cancer
    clf = make(MLPClassifier, dropout=0.2, early_stopping=True)
    n_threads = torch.get_num_threads()

    alone, spread = (
        cross_validate(clf, X, y, cv=2, n_jobs=n_jobs, return_estimator=True)
        for n_jobs in (None, 2)
    )

    for a, b in zip(alone["estimator"], spread["estimator"], strict=True):
        assert_array_equal(weights_of(a), weights_of(b))
    assert torch.get_num_threads() == n_threads


@pytest.mark.must_never("B42")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_seeds_make_a_difference(Estimator, cancer):
    zero, one = (
        make(Estimator, random_state=s, max_iter=2).fit(*cancer) for s in (0, 1)
    )

    assert not np.array_equal(weights_of(zero), weights_of(one))


def global_states():
    numpy_state = np.random.get_state()
    return (
        hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest(),
        hashlib.sha256(numpy_state[1].tobytes()).hexdigest() + str(numpy_state[2:]),
        hash(random.getstate()),
        torch.get_default_dtype(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.enabled,
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        torch.is_grad_enabled(),
    )


# B43: A fit leaves the generators, flags and settings of the process as they were.
@pytest.mark.must_never("B43")
@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3, "normalization": "batch"}, {"early_stopping": True}],
    ids=["plain", "dropout", "early stopping"],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_leaves_everything_global_alone(Estimator, params, cancer):
    before = global_states()

    estimator = make(Estimator, **params).fit(*cancer)
    output_of(estimator, cancer[0])

    assert global_states() == before


@pytest.mark.must_never("B43")
def test_fits_side_by_side_leave_everything_global_alone(cancer):
    settings = [
        {},
        {"precision": "float32", "dropout": 0.3},
        {"precision": "bfloat16", "normalization": "batch"},
        {"solver": "lbfgs", "max_iter": 300, "tol": 1.0},
    ]
    fits = [(Estimator, params) for params in settings for Estimator in ESTIMATORS]
    barrier = threading.Barrier(3)

    def fit(job):
        Estimator, params = job
        barrier.wait(timeout=60)
        return weights_of(make(Estimator, **params).fit(*cancer))

    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)  # a number that no fit of small networks uses
        before = global_states()
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(fit, fits))
        after, counts = global_states(), (torch.get_num_threads(),)
        counts += (threads_of_a_new_thread(),)
    finally:
        torch.set_num_threads(n_threads)

    assert after == before
    assert counts == (3, 3)
    for (Estimator, params), weights in zip(fits, together, strict=True):
        alone = weights_of(make(Estimator, **params).fit(*cancer))
        assert_array_equal(alone, weights)


@pytest.fixture
def other_default_device():
    """The device of tensors that name none: "meta", whose tensors hold nothing."""
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


@pytest.mark.must_never("B43")
@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3, "normalization": "batch"}, {"precision": "bfloat16"}],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_default_device_makes_no_difference(Estimator, params, cancer, request):
    def fit():
        return make(Estimator, device="cpu", **params).fit(*cancer)

    expected = output_of(fit(), cancer[0])
    request.getfixturevalue("other_default_device")

    assert_array_equal(output_of(fit(), cancer[0]), expected)


@pytest.mark.must_never("B43")
def test_a_default_device_for_a_while_makes_no_difference(cancer):
    def predict():
        clf = make(MLPClassifier, device="cpu").fit(*cancer)
        return output_of(clf, cancer[0])

    expected = predict()
    torch.set_default_device("meta")
    torch.set_default_device(None)
    assert_array_equal(predict(), expected)
    with torch.device("meta"):
        assert_array_equal(predict(), expected)


@pytest.mark.must_never("B43")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_seed_draws_one_number_of_numpy(Estimator, cancer):
    np.random.seed(7)
    before = global_states()

    make(Estimator, random_state=None, dropout=0.2, early_stopping=True).fit(*cancer)

    drawn = global_states()
    np.random.seed(7)
    np.random.randint(np.iinfo(np.int32).max)
    assert drawn == global_states() != before


# B44: Without a seed two fits differ, and NumPy's generator decides.
@pytest.mark.must_never("B44")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_without_a_seed_no_two_models_are_the_same(Estimator, cancer):
    estimator = make(Estimator, random_state=None)

    torch.manual_seed(0)
    first = weights_of(estimator.fit(*cancer))
    torch.manual_seed(0)
    second = weights_of(estimator.fit(*cancer))

    assert not np.array_equal(first, second)


@pytest.mark.must_never("B44")
def test_without_a_seed_numpy_decides(cancer):
    clf = make(MLPClassifier, random_state=None)

    models = []
    for _ in range(2):
        np.random.seed(3)
        models.append(weights_of(clf.fit(*cancer)))

    assert_array_equal(*models)


# B45: Predictions are not random, and each row is predicted for itself.
@pytest.mark.must_never("B45")
@pytest.mark.parametrize(
    ("Estimator", "params"),
    [
        (MLPClassifier, {"dropout": 0.5, "normalization": "batch"}),
        (MLPRegressor, {"dropout": 0.5}),
        (AutoencoderTransformer, {"variational": True, "dropout": 0.3}),
        (AutoencoderTransformer, {"noise": "masking"}),
    ],
)
def test_predictions_are_not_random(Estimator, params, cancer):
    X, y = cancer
    estimator = make(Estimator, **params).fit(X, y)

    first = output_of(estimator, X)

    assert_array_equal(output_of(estimator, X), first)
    # Each row is predicted for itself.
    assert_allclose(output_of(estimator, X[10:11]), first[10:11], rtol=1e-6, atol=1e-9)


# B67: Importing the package leaves the number of threads alone.
@pytest.mark.must_never("B67")
def test_importing_leaves_the_threads_alone(fresh_process):
    assert fresh_process[0] == 3
