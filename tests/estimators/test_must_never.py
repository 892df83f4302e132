"""What users of peer packages met, and what must never happen here.

Each test bears the number of the statement it holds to; `ELSEWHERE` at the end lists
those that are tested in another file, or cannot be tested, with the reason.
"""

import ast
import copy
import dataclasses
import gc
import hashlib
import inspect
import io
import logging
import os
import pickle
import random
import re
import subprocess
import sys
import textwrap
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpydoc.docscrape import NumpyDocString
from scipy.sparse import csc_array, csr_array, csr_matrix
from scipy.spatial.distance import cdist
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_s_curve
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback, EpochScoring
from torch import nn

import sknn_deep
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep._torch_private import current_device_index
from sknn_deep.modules import BinaryCrossEntropy, CrossEntropy, SquaredError
from sknn_deep.training import Net
from tests.estimators.fits import StopAfterTwo, threads_of_a_new_thread, weights_of
from tests.requirements import (
    since_pipelines_route_scores,
    since_scikit_learn_sees_polars,
)

# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "hidden_layer_sizes": (16,),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "max_iter": 8,
    "random_state": 0,
}
MLPS = [MLPClassifier, MLPRegressor]
ESTIMATORS = [*MLPS, AutoencoderTransformer]


def make(Estimator, **params):
    return Estimator(**QUICK | {"batch_size": "auto"} | params)


@pytest.fixture(scope="module")
def digits_slice(digits):
    """200 digits: X of whole numbers from 0 to 16, y of ten classes."""
    return digits.X[:200].astype(float) * 16, digits.y[:200]


def output_of(estimator, X):
    """Return what the network gives for X: probabilities, numbers or codes."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            return np.asarray(getattr(estimator, method)(X))
    raise AssertionError(estimator)


def no_training(monkeypatch):
    """Make any training step fail the test."""

    def step(*args, **kwargs):
        raise AssertionError("a training step was taken")

    monkeypatch.setattr(Net, "run_single_epoch", step)


class BatchLog(Callback):
    """Writes down the first column of each training batch."""

    batches: list = []

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.batches.append((len(net.history), batch[0][:, 0].tolist()))


@pytest.fixture
def batch_log():
    BatchLog.batches.clear()
    yield BatchLog
    BatchLog.batches.clear()


class Interrupt(Callback):
    """Presses Ctrl-C in the middle of the third epoch."""

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise KeyboardInterrupt


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


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_training_would_see_a_training(Estimator, method, diabetes, monkeypatch):
    """What holds that nothing was trained fails where something was."""
    no_training(monkeypatch)
    X, y = diabetes
    is_first = method == "partial_fit" and Estimator is MLPClassifier
    classes = {"classes": [False, True]} if is_first else {}

    with pytest.raises(AssertionError, match="a training step was taken"):
        getattr(make(Estimator), method)(X, y > 0, **classes)


# --- input and dtype ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i1", "u1", "bool"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B01_any_dtype_of_X_gives_the_same_model(Estimator, dtype, digits_slice):
    X, y = digits_slice
    X = X > 8 if dtype == "bool" else X
    reference = make(Estimator, precision="float64").fit(X.astype(float), y)

    estimator = make(Estimator, precision="float64").fit(X.astype(dtype), y)

    assert_allclose(
        output_of(estimator, X.astype(dtype)),
        output_of(reference, X.astype(float)),
        atol=1e-10,
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B01_float32_and_float64_agree(Estimator, digits_slice):
    X, y = digits_slice
    X = X / 7  # float32 rounds it
    fixed = [
        output_of(make(Estimator, precision="float64").fit(A, y), A)
        for A in (X, X.astype("f4"))
    ]
    auto = [output_of(make(Estimator).fit(A, y), A) for A in (X, X.astype("f4"))]

    assert_allclose(fixed[0], fixed[1], atol=1e-5)
    assert_allclose(auto[0], auto[1], rtol=1e-2, atol=1e-2 * np.abs(auto[0]).max())


@pytest.mark.parametrize("first", [StandardScaler(), OneHotEncoder()])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B02_pipelines_need_no_cast(Estimator, first, digits_slice):
    X, y = digits_slice
    X = X[:, 20:30].astype(int)

    pipe = make_pipeline(first, make(Estimator)).fit(X, y)

    assert np.isfinite(output_of(pipe, X)).all()


INPUTS = {
    "lists": lambda X, y: (X.tolist(), y.tolist()),
    "frame": lambda X, y: (pd.DataFrame(X), pd.Series(y)),
    "shuffled index": lambda X, y: (
        pd.DataFrame(X, index=np.arange(len(X))[::-1]),
        pd.Series(y, index=np.arange(len(X))[::-1] + 7),
    ),
    "Int64": lambda X, y: (
        pd.DataFrame(X).astype("Int64"),
        pd.Series(y, dtype="Int64"),
    ),
    "Float64": lambda X, y: (pd.DataFrame(X).astype("Float64"), y),
    "polars": lambda X, y: (
        pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])]),
        pl.Series(y),
    ),
    "sparse": lambda X, y: (csr_array(X), y),
    "sparse by columns": lambda X, y: (csc_array(X), y),
    "sparse matrix": lambda X, y: (csr_matrix(X), y),
    "torch": lambda X, y: (torch.from_numpy(X), torch.from_numpy(y)),
    "torch bfloat16": lambda X, y: (torch.from_numpy(X).bfloat16(), y),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B03_containers_give_the_predictions_of_arrays(Estimator, kind, digits_slice):
    X, y = digits_slice
    X, y = X[:, 10:30], y.astype(np.int64)
    A, b = INPUTS[kind](X, y)
    params = {"precision": "float64"}

    estimator = make(Estimator, **params).fit(A, b)

    reference = make(Estimator, **params).fit(X, y)
    assert_allclose(output_of(estimator, A), output_of(reference, X), atol=1e-10)


def test_B03_nullable_boolean_columns_are_numbers(digits_slice):
    X, y = digits_slice
    frame = pd.DataFrame(X > 8).astype("boolean")
    params = {"precision": "float64"}

    clf = make(MLPClassifier, **params).fit(frame, y)

    reference = make(MLPClassifier, **params).fit((X > 8).astype(float), y)
    assert_allclose(clf.predict_proba(frame), reference.predict_proba(X > 8))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("container", [np.array, csr_array, csc_array])
@pytest.mark.parametrize("kind", ["read-only", "memmap"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B04_memory_that_cannot_be_written_is_read(
    Estimator, kind, container, dtype, digits_slice, tmp_path
):
    """Warnings are errors: torch does not say that it cannot write there."""
    X, y = container(digits_slice[0].astype(dtype)), digits_slice[1].copy()
    weight = np.linspace(0.5, 2, len(y)).astype(dtype)
    if kind == "memmap":
        file = joblib.dump((X, y, weight), tmp_path / "data.pkl")[0]
        X, y, weight = joblib.load(file, mmap_mode="r")
    else:
        for a in (y, weight, *([X] if container is np.array else memory_of(X))):
            a.setflags(write=False)
    assert not any(a.flags.writeable for a in (y, weight, *memory_of(X)))
    given = {} if Estimator is AutoencoderTransformer else {"y_val": y}
    first = {"classes": np.arange(10)} if Estimator is MLPClassifier else {}

    estimator = make(Estimator, early_stopping=True).fit(X, y, weight)
    assert np.isfinite(output_of(estimator, X)).all()
    assert np.isfinite(estimator.score(X, y, weight))

    watched = make(Estimator).fit(X, y, X_val=X, sample_weight_val=weight, **given)
    assert np.isfinite(watched.validation_scores_).all()
    continued = make(Estimator).partial_fit(X, y, weight, **first)
    assert np.isfinite(output_of(continued, X)).all()


def memory_of(X):
    """Give the arrays that hold the numbers of a dense or sparse matrix."""
    return [X] if isinstance(X, np.ndarray) else [X.data, X.indices, X.indptr]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B04_fit_leaves_data_as_they_were(Estimator, diabetes):
    X, y = (a.copy() for a in diabetes)
    weight = np.linspace(0, 2, len(X))
    before = [a.copy() for a in (X, y, weight)]
    classes = y > 0 if Estimator is MLPClassifier else y

    make(Estimator, precision="float64").fit(X, classes, weight)

    for a, b in zip((X, y, weight), before, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("change", ["order", "names"])
@pytest.mark.parametrize(
    "library",
    [
        pd.DataFrame,
        pytest.param(pl.DataFrame, marks=since_scikit_learn_sees_polars),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B05_other_columns_at_predict_raise(Estimator, library, change, diabetes):
    X, y = diabetes
    frame = library({f"x{i}": X[:, i] for i in range(4)})
    estimator = make(Estimator).fit(frame, y > 0)
    other = frame[["x1", "x0", "x2", "x3"]]
    if change == "names":
        other = library({f"z{i}": X[:, i] for i in range(4)})

    with pytest.raises(
        ValueError, match="The feature names should match those that were passed"
    ):
        output_of(estimator, other)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B06_nonfinite_X_raises_before_training(
    Estimator, value, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes[0].copy(), diabetes[1]
    X[5, 3] = value

    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        make(Estimator).fit(X, y > 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("Estimator", MLPS)
def test_B06_nonfinite_y_raises_before_training(
    Estimator, value, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes[0], diabetes[1].copy()
    y[5] = value

    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        make(Estimator).fit(X, y)


def test_B07_a_selector_before_may_change_the_width(diabetes):
    X, y = diabetes
    pipe = make_pipeline(SelectKBest(k=3), make(MLPClassifier))

    widths = [pipe.set_params(selectkbest__k=k).fit(X, y > 0) for k in (3, 7)]

    assert widths[-1][-1].coefs_[0].shape == (7, 16)
    assert pipe.predict(X).shape == (200,)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B07_a_wrong_width_names_both(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator).fit(X, y > 0)

    message = f"X has 4 features, but {Estimator.__name__} is expecting 10 features"
    with pytest.raises(ValueError, match=message):
        output_of(estimator, X[:, :4])


# --- targets --------------------------------------------------------------------------

LABELS = {
    "strings": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], dtype=object),
    "5 and 7": np.array([5, 7]),
    "-1 and 1": np.array([-1, 1]),
    "floats": np.array([0.0, 1.0]),
    "bools": np.array([False, True]),
    "10, 20, 30": np.array([10, 20, 30]),
    "int8": np.array([3, 100], dtype=np.int8),
    "three strings": np.array(["a", "b", "c"]),
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", LABELS)
def test_B08_labels_of_any_kind(kind, early_stopping, digits_slice):
    labels = LABELS[kind]
    X, y = digits_slice
    X, codes = X[y < len(labels)], y[y < len(labels)]
    params = {"early_stopping": early_stopping, "max_iter": 15}
    reference = make(MLPClassifier, **params).fit(X, codes)

    clf = make(MLPClassifier, **params).fit(X, labels[codes])

    predicted = clf.predict(X)
    assert_array_equal(clf.classes_, labels)
    assert predicted.dtype == clf.classes_.dtype == labels.dtype
    assert_array_equal(predicted, labels[reference.predict(X)])
    assert clf.score(X, labels[codes]) == reference.score(X, codes) > 0.9


def test_B08_pandas_categories_are_labels(digits_slice):
    X, y = digits_slice
    X, y = X[y < 3], y[y < 3]
    names = pd.Categorical.from_codes(y, ["zero", "one", "two"])

    clf = make(MLPClassifier).fit(X, pd.Series(names))

    assert set(clf.predict(X)) <= {"zero", "one", "two"} == set(clf.classes_)
    assert np.mean(clf.predict(X) == np.asarray(names)) > 0.9


def test_B09_predictions_have_the_shape_of_y(diabetes):
    X, y = diabetes

    assert make(MLPRegressor).fit(X, y).predict(X).shape == (200,)
    two = np.column_stack([y, -y])
    assert make(MLPRegressor).fit(X, two).predict(X).shape == (200, 2)
    message = "A column-vector y was passed when a 1d array was expected"
    with pytest.warns(DataConversionWarning, match=message):
        assert make(MLPRegressor).fit(X, y[:, None]).predict(X).shape == (200,)


def test_B10_one_row_keeps_its_axis(digits_slice, diabetes):
    X, y = digits_slice
    for classes in (10, 2):
        clf = make(MLPClassifier).fit(X[y < classes], y[y < classes])
        assert clf.predict(X[:1]).shape == (1,)
        assert clf.predict_proba(X[:1]).shape == (1, classes)
    X, y = diabetes
    assert make(MLPRegressor).fit(X, y).predict(X[:1]).shape == (1,)
    two = make(MLPRegressor).fit(X, np.column_stack([y, y]))
    assert two.predict(X[:1]).shape == (1, 2)


@pytest.mark.parametrize(
    "params", [{}, {"normalization": "layer"}, {"solver": "lbfgs"}]
)
@pytest.mark.parametrize("n_columns", [None, 1, 3])
def test_B11_the_loss_sees_operands_of_one_shape(
    n_columns, params, diabetes, monkeypatch
):
    shapes = set()

    def record(method, shape_of_rows):
        def wrapped(self, output, target, rows=None):
            shapes.add((output.ndim, *output.shape[1:]))
            assert output.shape == target.shape
            assert rows is None or rows.shape == (len(output), *shape_of_rows)
            return method(self, output, target, rows)

        return wrapped

    for Loss in (SquaredError, BinaryCrossEntropy):
        # The first takes weights of the rows, the second their shares.
        for name, shape_of_rows in {"forward": (), "gradient": (1,)}.items():
            method = record(getattr(Loss, name), shape_of_rows)
            monkeypatch.setattr(Loss, name, method)
    X, y = diabetes
    if n_columns is not None:
        y = np.repeat(y[:, None], n_columns, axis=1)
    params = {"early_stopping": params.get("solver") != "lbfgs", "max_iter": 2} | params

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        make(MLPRegressor, **params).fit(X, y, np.ones(200) * 2)
        make(MLPClassifier, **params).fit(X, y > 0)

    assert shapes == {(2, n_columns or 1)}


def test_B11_the_softmax_loss_sees_one_class_a_row(digits_slice, monkeypatch):
    n_seen = 0
    original = CrossEntropy.gradient

    def gradient(self, output, target, shares):
        nonlocal n_seen
        n_seen += 1
        assert (output.ndim, target.ndim) == (2, 1)
        assert len(output) == len(target)
        return original(self, output, target, shares)

    monkeypatch.setattr(CrossEntropy, "gradient", gradient)
    make(MLPClassifier, max_iter=2).fit(*digits_slice)

    assert n_seen == 2


def test_B12_regressors_of_regressors_take_1d_y(diabetes):
    X, y = diabetes
    bagging = BaggingRegressor(make(MLPRegressor), n_estimators=2, random_state=0)
    transformed = TransformedTargetRegressor(
        make(MLPRegressor, max_iter=15), transformer=StandardScaler()
    )
    folds = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)

    assert bagging.fit(X, y).predict(X).shape == (200,)
    assert transformed.fit(X, 100 * y).predict(X).shape == (200,)
    assert transformed.score(X, 100 * y) > 0.2
    assert cross_val_score(make(MLPRegressor, max_iter=30), X, y, cv=folds).min() > 0


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
)
def test_B13_a_single_class_is_always_predicted(device, diabetes):
    X, _ = diabetes
    clf = make(MLPClassifier, device=device).fit(X, ["only"] * len(X))

    assert_array_equal(clf.predict(X[:5]), ["only"] * 5)
    assert_array_equal(clf.predict_proba(X[:5]), np.ones((5, 1)))
    assert clf.score(X, ["only"] * len(X)) == 1


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("classes", [2, 10])
def test_B14_probabilities_are_probabilities(classes, precision, digits_slice):
    X, y = digits_slice
    X, y = X[y < classes], y[y < classes]
    clf = make(MLPClassifier, precision=precision, max_iter=3).fit(X, y)
    n_saturated = 0
    for scale_of_logits in (1, 1e2, 1e6):
        with torch.no_grad():
            for p in clf.net_.module_[-1].parameters():
                p.mul_(scale_of_logits)

        proba = clf.predict_proba(X)

        assert np.isfinite(proba).all()
        assert proba.min() >= 0 and proba.max() <= 1
        assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
        assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
        n_saturated += (proba.max(axis=1) == 1).sum()
    assert n_saturated > 0


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B15_weights_of_one_are_no_weights(Estimator, params, diabetes):
    X, y = diabetes
    if params.get("solver") == "lbfgs":
        params = params | {"max_iter": 200, "tol": 1.0}

    none, ones = (
        make(Estimator, **params).fit(X, y > 0, sample_weight)
        for sample_weight in (None, np.ones(len(X)))
    )

    assert_array_equal(weights_of(none), weights_of(ones))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B16_integer_weights_are_repeated_rows(Estimator, diabetes):
    X, y = diabetes
    n = np.random.default_rng(0).integers(0, 4, len(X))
    params = {"precision": "float64", "shuffle": False, "alpha": 0.1}

    weighted = make(Estimator, batch_size=(n > 0).sum(), **params).fit(X, y > 0, n)
    X_repeated, y_repeated = np.repeat(X, n, axis=0), np.repeat(y > 0, n)
    repeated = make(Estimator, batch_size=n.sum(), **params).fit(X_repeated, y_repeated)

    assert_allclose(weights_of(weighted), weights_of(repeated), rtol=1e-6, atol=1e-9)


@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"batch_size": 30}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B16_a_row_of_zero_weight_is_no_row(Estimator, params, diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).integers(0, 2, len(X)).astype(float)
    keep = weight > 0
    X_junk = np.where(keep[:, None], X, 1e6)

    weighted = make(Estimator, **params).fit(X_junk, y > 0, weight)
    removed = make(Estimator, **params).fit(X[keep], y[keep] > 0)

    assert_allclose(weights_of(weighted), weights_of(removed), rtol=1e-7, atol=1e-10)
    if params.get("early_stopping"):
        for name in ("validation_scores_", "validation_loss_curve_"):
            assert_allclose(getattr(weighted, name), getattr(removed, name), rtol=1e-7)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B16_weights_are_repeated_rows_in_validation_too(Estimator, diabetes):
    X, y = diabetes[0], diabetes[1] > 0
    n = np.random.default_rng(0).integers(0, 4, 60)
    X_val, y_val = X[:60], y[:60]
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y_val}
    repeated = {name: np.repeat(a, n) for name, a in target.items()}
    X_repeated = np.repeat(X_val, n, axis=0)

    weighted, as_rows, plain = (
        make(Estimator, early_stopping=True, precision="float64").fit(X, y, **valid)
        for valid in (
            {"X_val": X_val, "sample_weight_val": n, **target},
            {"X_val": X_repeated, **repeated},
            {"X_val": X_val, **target},
        )
    )

    for name in ("validation_scores_", "validation_loss_curve_"):
        assert_allclose(getattr(weighted, name), getattr(as_rows, name), rtol=1e-9)
        assert getattr(weighted, name) != getattr(plain, name)
    assert_array_equal(weights_of(weighted), weights_of(as_rows))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B17_bad_weights_of_validation_rows_raise_before_training(
    Estimator, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y > 0}

    for make_weight, message in BAD_WEIGHTS.values():
        with pytest.raises(ValueError, match=message):
            make(Estimator).fit(
                X, y > 0, X_val=X, sample_weight_val=make_weight(200), **target
            )


BAD_WEIGHTS = {
    "zero": (
        lambda n: np.zeros(n),
        "Sample weights must contain at least one non-zero",
    ),
    "negative": (lambda n: -np.ones(n), "Negative values in data passed to"),
    "nan": (lambda n: np.full(n, np.nan), "Input sample_weight contains NaN"),
    "short": (
        lambda n: np.ones(n - 1),
        r"sample_weight.shape == \(199,\), expected \(200,\)",
    ),
    "column": (lambda n: np.ones((n, 1)), "Sample weights must be 1D array or scalar"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B17_bad_weights_raise_before_training(
    Estimator, method, kind, diabetes, monkeypatch
):
    no_training(monkeypatch)
    X, y = diabetes
    make_weight, message = BAD_WEIGHTS[kind]
    classes = {}
    if Estimator is MLPClassifier and method == "partial_fit":
        classes = {"classes": [False, True]}

    with pytest.raises(ValueError, match=message):
        getattr(make(Estimator), method)(
            X, y > 0, sample_weight=make_weight(len(X)), **classes
        )


@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 3.0, 1: 0.5}, {1: 4.0}], ids=str
)
def test_B18_class_weights_are_sample_weights(class_weight, diabetes):
    X, y = diabetes
    y = (y > 0.5).astype(int)
    weight = np.linspace(0.5, 2, len(X))

    for own in (None, weight):
        by_class = make(MLPClassifier, class_weight=class_weight).fit(X, y, own)
        factors = compute_sample_weight(class_weight, y)
        if class_weight == "balanced" and own is not None:
            sums = np.bincount(y, own)  # what is balanced are the weights
            factors = (sums.sum() / (2 * sums))[y]
        product = factors if own is None else factors * own
        by_row = make(MLPClassifier).fit(X, y, product)

        assert_allclose(weights_of(by_class), weights_of(by_row), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("own_set", [False, True])
def test_B18_class_weights_count_in_the_validation(own_set, diabetes):
    X, y = diabetes[0], (diabetes[1] > 0.5).astype(int)
    weight = np.linspace(0.5, 2, len(X))
    factors = np.where(y == 1, 4.0, 1.0)
    valid = {"X_val": X[:50], "y_val": y[:50]} if own_set else {}
    valid_by_row = valid | ({"sample_weight_val": factors[:50]} if own_set else {})
    params = {"early_stopping": True, "precision": "float64"}

    by_class = make(MLPClassifier, class_weight={1: 4.0}, **params)
    by_row = make(MLPClassifier, **params)
    unweighted = make(MLPClassifier, **params).fit(X, y, weight, **valid)
    by_class.fit(X, y, weight, **valid)
    by_row.fit(X, y, factors * weight, **valid_by_row)

    assert_allclose(by_class.validation_loss_curve_, by_row.validation_loss_curve_)
    assert_allclose(by_class.validation_scores_, by_row.validation_scores_)
    assert by_class.validation_scores_ != unweighted.validation_scores_


def test_B18_an_unknown_class_raises(diabetes):
    X, y = diabetes
    y = (y > 0).astype(int)

    # As everywhere in scikit-learn, a weight too many is an error where one is missing;
    # a fold that lacks a class has weights for all others.
    with pytest.raises(
        ValueError, match=r"The classes, \[1\], are not in class_weight"
    ):
        make(MLPClassifier, class_weight={0: 1, 7: 2}).fit(X, y)
    more = make(MLPClassifier, class_weight={0: 1, 1: 3, 7: 2}).fit(X, y)
    own = make(MLPClassifier, class_weight={0: 1, 1: 3}).fit(X, y)
    assert_array_equal(weights_of(more), weights_of(own))


# scikit-learn's boosting takes the logarithm of the weights, which are zero here.
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
def test_B19_ensembles_that_weight_rows_with_zero(cancer):
    X, y = cancer
    boosted = AdaBoostClassifier(make(MLPClassifier), n_estimators=3, random_state=0)
    bagged = BaggingClassifier(
        make(MLPClassifier, early_stopping=True, max_iter=30),
        n_estimators=3,
        random_state=0,
    )
    weight = np.ones(len(X))
    weight[::3] = 0

    assert boosted.fit(X, y).score(X, y) > 0.9
    assert boosted.fit(X, y, weight).score(X, y) > 0.9
    assert bagged.fit(X, y).score(X, y) > 0.9
    assert bagged.fit(X, y, sample_weight=weight).score(X, y) > 0.9


def test_B20_the_validation_loss_is_weighted(cancer):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0, 5, 50)
    clf = make(MLPClassifier, early_stopping=True, max_iter=1, alpha=0.0)

    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:], sample_weight_val=weight)

    proba = clf.predict_proba(X[150:])
    assert clf.validation_loss_curve_ == [
        pytest.approx(log_loss(y[150:], proba, sample_weight=weight))
    ]
    assert clf.best_validation_score_ == pytest.approx(
        clf.score(X[150:], y[150:], weight)
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B20_the_split_takes_the_weights_along(Estimator, cancer):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0.1, 5, len(X))
    seen = []

    def scorer(estimator, X_val, y_val, sample_weight):
        seen.append((X_val.copy(), sample_weight.copy()))
        return estimator.score(X_val, y_val, sample_weight)

    make(Estimator, early_stopping=True, scoring=scorer, max_iter=1).fit(X, y, weight)

    (X_val, weight_val) = seen[0]
    rows = cdist(X_val, X).argmin(axis=1)
    assert len(np.unique(rows)) == len(X_val) == 20
    assert_array_equal(weight_val, weight[rows])


# --- the contract of scikit-learn -----------------------------------------------------


def other_values(Estimator):
    """Give a valid value other than the default to every parameter."""
    values = {
        "hidden_layer_sizes": (7, 5),
        "decoder_hidden_layer_sizes": [4],
        "activation": ["tanh", "silu"],
        "latent_activation": "tanh",
        "out_activation": "logistic",
        "loss": "poisson",
        "solver": partial(torch.optim.RMSprop, alpha=0.9),
        "learning_rate": "cosine",
        "batch_size": 17,
        "random_state": 5,
        "n_iter_no_change": np.inf,
        "normalization": "batch",
        "noise": "gaussian",
        "dropout": [0.1, 0.2],
        "class_weight": {0: 1.0, 1: 2.0},
        "scoring": lambda estimator, X, y: 0.0,
        "max_time": 10.0,
        "clip_grad_norm": 0.5,
        "device": torch.device("cpu"),
        "precision": "float32",
        "encoder": nn.Identity,
        "decoder": nn.Flatten,
    }
    if Estimator is AutoencoderTransformer:
        values["loss"] = "absolute_error"
    for name, default in Estimator().get_params().items():
        if name == "callbacks":
            values[name] = [BatchLog(), ("scoring", EpochScoring("accuracy"))]
        elif isinstance(default, bool):
            values[name] = not default
        elif name not in values:
            values[name] = default + (1 if isinstance(default, int) else 0.05)
    return {name: values[name] for name in Estimator().get_params()}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B22_clone_keeps_every_parameter(Estimator):
    values = other_values(Estimator)
    estimator = Estimator(**values)
    callbacks = values.pop("callbacks")

    cloned = clone(estimator).get_params(deep=False)

    copies = cloned.pop("callbacks")
    # scikit-learn copies callables such as functools.partial, and keeps functions.
    solver, own = cloned.pop("solver"), values.pop("solver")
    assert (solver.func, solver.keywords) == (own.func, own.keywords)
    assert cloned == values
    defaults = Estimator().get_params()
    assert [name for name in values if values[name] == defaults[name]] == []
    assert type(copies[0]) is BatchLog
    assert copies[1][0] == "scoring"
    assert copies[1][1].get_params() == callbacks[1][1].get_params()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B22_init_only_assigns(Estimator):
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(Estimator.__init__))).body
    statements = [ast.unparse(statement) for statement in function.body]

    names = inspect.signature(Estimator).parameters
    assert statements == [f"self.{name} = {name}" for name in names]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B22_fit_changes_no_parameter(Estimator, diabetes):
    X, y = diabetes
    params = {"hidden_layer_sizes": [6, 5], "callbacks": [BatchLog()]}
    n_hidden = 4 if Estimator is AutoencoderTransformer else 2
    params |= {"dropout": [0.1] * n_hidden, "activation": ["relu"] * n_hidden}
    copies = {name: list(value) for name, value in params.items()}
    estimator = make(Estimator, **params)
    before = estimator.get_params()

    estimator.fit(X, y > 0)

    assert estimator.get_params() == before
    assert params == copies
    assert vars(params["callbacks"][0]) == {}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B23_an_unknown_parameter_raises(Estimator):
    with pytest.raises(ValueError, match="Invalid parameter 'bogus'"):
        Estimator().set_params(bogus=1)


SGD = {"solver": "sgd", "learning_rate": "constant"}
LBFGS = {"solver": "lbfgs", "max_iter": 500}
STOP = {"early_stopping": True, "learning_rate": "constant", "max_iter": 40}
PLAIN = {"learning_rate": "constant", "max_iter": 30}

# Two values of a parameter, and the other parameters under which it is not ignored.
TWO_VALUES = {
    "hidden_layer_sizes": ((5,), (6,), {}),
    "activation": ("relu", "tanh", {}),
    "solver": ("adam", "sgd", {}),
    "alpha": (0.1, 1.0, {}),
    "batch_size": (20, 30, {}),
    "learning_rate": ("one_cycle", "cosine", {}),
    "learning_rate_init": (0.01, 0.02, {}),
    "power_t": (0.1, 0.5, SGD | {"learning_rate": "invscaling"}),
    "max_iter": (2, 3, {}),
    "shuffle": (True, False, {"batch_size": 50}),
    "random_state": (0, 1, {}),
    "n_estimators": (1, 2, {}),
    "tol": (0.0, 1.0, PLAIN | {"n_iter_no_change": 1}),
    "momentum": (0.1, 0.9, SGD),
    "nesterovs_momentum": (True, False, SGD),
    "early_stopping": (True, False, {}),
    "validation_fraction": (0.1, 0.3, {"early_stopping": True}),
    "beta_1": (0.5, 0.9, {}),
    "beta_2": (0.9, 0.999, {}),
    "epsilon": (1e-8, 1e-1, {}),
    "n_iter_no_change": (1, 3, PLAIN | {"tol": 1.0}),
    "max_fun": (4, 9, LBFGS),
    "huber_delta": (0.1, 1.0, {"loss": "huber"}),
    "quantile": (0.1, 0.9, {"loss": "quantile"}),
    "normalize_y": (False, True, {}),
    "dropout": (0.1, 0.2, {}),
    "normalization": (None, "batch", {}),
    "label_smoothing": (0.0, 0.1, {}),
    "class_weight": (None, {0: 2.0}, {}),
    "scoring": (None, lambda estimator, X, y: 0.0, STOP | {"learning_rate_init": 0.1}),
    "max_time": (1e-9, None, {"max_iter": 5}),
    "clip_grad_norm": (1e-3, None, SGD),
    "precision": ("float32", "float64", {}),
    "warm_start": (False, True, {}),
    "callbacks": (None, [StopAfterTwo()], {}),
    "n_components": (1, 2, {}),
    "decoder_hidden_layer_sizes": ((5,), (6,), {}),
    "latent_activation": ("identity", "tanh", {}),
    "out_activation": ("identity", "logistic", {}),
    "noise": (None, "gaussian", {}),
    "noise_level": (0.1, 0.2, {"noise": "gaussian"}),
    "sparsity_penalty": (0.0, 0.1, {}),
    "variational": (False, True, {}),
    "kl_weight": (0.1, 1.0, {"variational": True}),
    "encoder": (
        lambda: nn.Linear(30, 2),
        lambda: nn.Sequential(nn.Linear(30, 3), nn.Linear(3, 2)),
        {"decoder": lambda: nn.Linear(2, 30)},
    ),
    "decoder": (
        lambda: nn.Linear(2, 30),
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 30)),
        {"encoder": lambda: nn.Linear(30, 2)},
    ),
}
LOSSES = {
    MLPRegressor: ("squared_error", "poisson"),
    AutoencoderTransformer: ("squared_error", "absolute_error"),
}
# What only says where to compute, how, and whom to tell: the same model comes out.
SAME_MODEL = {"verbose", "device", "compile"}

TUNABLE = [
    (Estimator, name)
    for Estimator in ESTIMATORS
    for name in Estimator().get_params()
    if name not in SAME_MODEL
]
EACH_TUNABLE = pytest.mark.parametrize(
    ("Estimator", "name"), TUNABLE, ids=[f"{E.__name__}-{n}" for E, n in TUNABLE]
)


def two_values(Estimator, name):
    """Give two values and what they need; a parameter without an entry fails here."""
    if name == "loss":
        return *LOSSES[Estimator], {}
    if name == "out_activation" and Estimator is MLPRegressor:
        return "identity", "softplus", {}  # y is above 0, and not below 1
    assert name in TWO_VALUES, f"{name} of {Estimator.__name__} is in no test: add it"
    return TWO_VALUES[name]


def unit_data(Estimator, cancer):
    """Give 120 rows between 0 and 1, and a target for the estimator."""
    X, y = cancer
    X = ((X - X.min(0)) / (X.max(0) - X.min(0)))[:120]
    return X, 3 * X[:, 0] if Estimator is MLPRegressor else y[:120]


def are_different(Estimator, name, values, context, data):
    """Tell whether two values of a parameter, set by set_params, give two models."""
    outputs = []
    for value in values:
        estimator = make(Estimator, **context).set_params(**{name: value}).fit(*data)
        if name == "warm_start":
            estimator.fit(*data)
        outputs.append(output_of(estimator, data[0]))
    return outputs[0].shape != outputs[1].shape or not np.array_equal(*outputs)


def text_of(Estimator, name):
    """Give what the docstring says of a parameter, on one line."""
    for entry in NumpyDocString(inspect.getdoc(Estimator))["Parameters"]:
        if name == entry.name:
            return " ".join(" ".join(entry.desc).split())
    raise AssertionError(f"{Estimator.__name__} does not describe {name}")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@EACH_TUNABLE
def test_B24_every_parameter_makes_a_difference(Estimator, name, cancer):
    *values, context = two_values(Estimator, name)

    data = unit_data(Estimator, cancer)

    assert are_different(Estimator, name, values, context, data)


# L-BFGS refuses what makes the loss random.
NOT_WITH_LBFGS = {
    "solver",
    "dropout",
    "noise",
    "noise_level",
    "variational",
    "kl_weight",
}


WITH_SOLVERS = [
    (Estimator, name, solver)
    for Estimator, name in TUNABLE
    for solver in ("adam", "sgd", "lbfgs")
    # One half of an autoencoder without the other is refused.
    if name not in ("solver", "encoder", "decoder")
    and not (solver == "lbfgs" and name in NOT_WITH_LBFGS)
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("Estimator", "name", "solver"),
    WITH_SOLVERS,
    ids=[f"{E.__name__}-{name}-{solver}" for E, name, solver in WITH_SOLVERS],
)
def test_B24_a_parameter_that_is_ignored_says_so(Estimator, name, solver, cancer):
    """Without the settings that a parameter needs, its description tells of them."""
    *values, _ = two_values(Estimator, name)
    if name == "normalization":
        values = [None, "layer"]  # "batch" is refused by L-BFGS
    context = {"solver": solver, "learning_rate": "constant", "tol": 1e-9}
    if name == "tol":
        context["n_iter_no_change"] = 1  # eight epochs are few for the default
    data = unit_data(Estimator, cancer)
    text = text_of(Estimator, name)

    if not are_different(Estimator, name, values, context, data):
        assert re.search("Only used|[Ii]gnored", text), text
    elif solver == "lbfgs":
        assert 'gnored when ``solver="lbfgs"``' not in text


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("value", [True, 2])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B24_verbose_is_heard_and_changes_no_model(Estimator, value, cancer, capfd):
    data = unit_data(Estimator, cancer)

    assert not are_different(Estimator, "verbose", [False, value], {}, data)

    out, err = capfd.readouterr()
    assert (out == "", err == "") == ((True, False) if value is True else (False, True))


def test_B25_scikit_learn_sees_what_they_are(cancer, diabetes):
    X, y = cancer
    clf = make_pipeline(StandardScaler(), make(MLPClassifier))
    reg = make_pipeline(StandardScaler(), make(MLPRegressor))
    pair = [("net", clf), ("line", LogisticRegression())]

    assert is_classifier(clf) and not is_regressor(clf)
    assert is_regressor(reg) and not is_classifier(reg)
    for meta in (
        VotingClassifier(pair, voting="soft"),
        StackingClassifier(pair, cv=2),
        CalibratedClassifierCV(clf, cv=2),
    ):
        assert meta.fit(X, y).score(X, y) > 0.9
    assert cross_val_score(clf, X, y, cv=2, scoring="roc_auc").min() > 0.9
    assert cross_val_score(clf, X, y, cv=2, scoring="neg_log_loss").min() > -0.5


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B26_a_failed_first_fit_is_no_fit(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator, device="nonsense")

    with pytest.raises(ValueError, match="nonsense"):
        estimator.fit(X, y > 0)

    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    assert [name for name in vars(estimator) if name.endswith("_")] == []
    output_of(estimator.set_params(device="cpu").fit(X, y > 0), X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B26_a_failed_refit_keeps_the_last_model(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator).fit(X, y > 0)
    before = output_of(estimator, X)

    with pytest.raises(ValueError):
        estimator.fit(X[:, :3] * np.nan, y > 0)
    with pytest.raises(ValueError, match="nonsense"):
        estimator.set_params(device="nonsense").fit(X[:, :3], y > 0)

    assert_array_equal(output_of(estimator, X), before)
    assert estimator.n_features_in_ == 10


def test_B26_a_failed_partial_fit_keeps_the_weights(diabetes):
    X, y = diabetes
    reg = make(MLPRegressor, **SGD).partial_fit(X, y)
    before = weights_of(reg)

    with pytest.raises(ValueError, match="diverged"):
        reg.partial_fit(X * 1e200, y)

    assert_array_equal(weights_of(reg), before)
    assert np.isfinite(weights_of(reg.partial_fit(X, y))).all()


def test_B27_a_class_may_be_absent_from_a_fold(digits_slice):
    X, y = digits_slice
    order = np.argsort(y == 9, kind="stable")
    X, y = X[order], y[order]

    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        proba = cross_val_predict(
            make(MLPClassifier), X, y, cv=KFold(2), method="predict_proba"
        )

    assert proba.shape == (200, 10)
    assert_array_equal(proba[100:, 9], 0)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)


@pytest.fixture
def routed(cancer):
    """Make a pipeline that asks for all metadata, the metadata, and X and y."""
    X, y = cancer
    rng = np.random.default_rng(0)

    def make_routed(Estimator):
        metadata = {
            "sample_weight": rng.uniform(0.2, 2, len(X)),
            # Fewer rows than X: scikit-learn does not cut it by its folds.
            "X_val": X[:40],
            "y_val": y[:40],
            "sample_weight_val": rng.uniform(0.2, 2, 40),
        }
        if Estimator is AutoencoderTransformer:
            del metadata["y_val"]
        net = make(Estimator, early_stopping=True, max_iter=4)
        net.set_fit_request(**dict.fromkeys(metadata, True))
        net.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = Pipeline([("scaler", scaler), ("net", net)], transform_input=["X_val"])
        return pipe, metadata, X, y

    with sklearn.config_context(enable_metadata_routing=True):
        yield make_routed


def fit_by_hand(pipe, X, y, metadata, rows=slice(None), **params):
    """Do what a pipeline does, without scikit-learn's routing."""
    scaler = StandardScaler().fit(X[rows])
    metadata = metadata | {"X_val": scaler.transform(metadata["X_val"])}
    metadata["sample_weight"] = metadata["sample_weight"][rows]
    net = clone(pipe["net"]).set_params(**params)
    return scaler, net.fit(scaler.transform(X[rows]), y[rows], **metadata)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B28_metadata_go_through_a_pipeline(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)

    pipe.fit(X, y, **metadata)

    _, expected = fit_by_hand(pipe, X, y, metadata)
    assert_array_equal(weights_of(pipe["net"]), weights_of(expected))
    assert pipe["net"].validation_scores_ == expected.validation_scores_
    # None of them is taken and then forgotten.
    for name in ("sample_weight", "sample_weight_val"):
        without = {key: value for key, value in metadata.items() if key != name}
        other = clone(pipe).fit(X, y, **without)["net"]
        assert other.validation_loss_curve_ != expected.validation_loss_curve_


@since_pipelines_route_scores
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B28_metadata_go_through_cross_validate(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)

    folds = KFold(2)
    result = cross_validate(
        pipe, X, y, cv=folds, params=metadata, return_estimator=True
    )

    for i, (train, test) in enumerate(folds.split(X)):
        scaler, expected = fit_by_hand(pipe, X, y, metadata, train)
        weight = metadata["sample_weight"][test]
        score = expected.score(scaler.transform(X[test]), y[test], weight)
        assert_array_equal(
            weights_of(result["estimator"][i]["net"]), weights_of(expected)
        )
        assert result["test_score"][i] == score


@since_pipelines_route_scores
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B28_metadata_go_through_a_search(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)
    folds = KFold(2)
    grid = {"net__alpha": [0.01, 10.0]}

    search = GridSearchCV(pipe, grid, cv=folds, error_score="raise")
    search.fit(X, y, **metadata)

    for i, alpha in enumerate(grid["net__alpha"]):
        for j, (train, test) in enumerate(folds.split(X)):
            scaler, net = fit_by_hand(pipe, X, y, metadata, train, alpha=alpha)
            weight = metadata["sample_weight"][test]
            score = net.score(scaler.transform(X[test]), y[test], weight)
            assert search.cv_results_[f"split{j}_test_score"][i] == score
    _, best = fit_by_hand(pipe, X, y, metadata, alpha=search.best_params_["net__alpha"])
    assert_array_equal(weights_of(search.best_estimator_["net"]), weights_of(best))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B28_an_X_val_as_long_as_X_is_cut_by_the_folds(Estimator, routed):
    """What the user guide warns of: scikit-learn takes it for one row per sample."""
    pipe, metadata, X, y = routed(Estimator)
    metadata = {"X_val": X} | ({"y_val": y} if "y_val" in metadata else {})
    n_rows = []

    def scorer(estimator, X_val, y_val=None):
        n_rows.append(len(X_val))
        return 0.0

    pipe.set_params(net__scoring=scorer)
    GridSearchCV(pipe, {"net__alpha": [0.1]}, cv=2).fit(X, y, **metadata)

    assert set(n_rows) == {100, 200}


# --- the training loop ----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The training ended with a network worse")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B29_every_row_is_used(Estimator, batch_log):
    X = np.arange(230.0)[:, None] / 230

    make(Estimator, max_iter=3, batch_size=50, callbacks=[batch_log()]).fit(
        X, X[:, 0] > 0
    )

    epochs = {}
    for epoch, rows in batch_log.batches:
        epochs.setdefault(epoch, []).extend(rows)
    assert list(epochs) == [1, 2, 3]
    for rows in epochs.values():
        assert_allclose(np.sort(rows), X[:, 0])


@pytest.mark.parametrize("shuffle", [True, False])
def test_B30_batches_are_shuffled_each_epoch(shuffle, batch_log):
    X = np.arange(100.0)[:, None] / 100
    params = {} if shuffle else {"shuffle": False}

    make(
        MLPClassifier, max_iter=3, batch_size=100, callbacks=[batch_log()], **params
    ).fit(X, X[:, 0] > 0.5)

    orders = [rows for _, rows in batch_log.batches]
    same = [
        orders[0] == orders[1],
        orders[1] == orders[2],
        orders[0] == X[:, 0].tolist(),
    ]
    assert same == [not shuffle] * 3


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize(("n", "batch_size"), [(41, 20), (7, "auto"), (1, "auto")])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B31_no_number_of_rows_is_wrong(
    Estimator, n, batch_size, normalization, diabetes
):
    X, y = diabetes
    params = {"batch_size": batch_size, "normalization": normalization, "max_iter": 3}

    estimator = make(Estimator, **params).fit(X[:n], y[:n] > 0)

    assert estimator.t_ == 3 * n
    assert np.isfinite(output_of(estimator, X)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_val", [1, 50])
@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B32_the_best_weights_come_back(Estimator, scoring, n_val, diabetes):
    X, y = diabetes
    y = y > 0 if Estimator is MLPClassifier else y
    if scoring is None and n_val == 1 and Estimator is not MLPClassifier:
        pytest.skip("one row has no R2")
    params = {"learning_rate": "constant", "learning_rate_init": 0.1, "max_iter": 60}
    X_val, y_val = X[150 : 150 + n_val], y[150 : 150 + n_val]
    target = {} if Estimator is AutoencoderTransformer else {"y_val": y_val}
    estimator = make(Estimator, early_stopping=True, scoring=scoring, **params)

    estimator.fit(X[:150], y[:150], X_val=X_val, **target)

    scores = estimator.validation_scores_
    assert max(scores) == estimator.best_validation_score_ > scores[-1] or n_val == 1
    if scoring is None:
        assert estimator.score(X_val, y_val) == pytest.approx(max(scores))
        return
    assert max(scores) == -min(estimator.validation_loss_curve_)
    if Estimator is MLPClassifier:
        proba = estimator.predict_proba(X_val)
        loss = log_loss(y_val, proba, labels=[False, True])
    elif Estimator is MLPRegressor:
        loss = np.mean((estimator.predict(X_val) - y_val) ** 2) / 2
    else:
        loss = -estimator.score_samples(X_val).mean()
    assert loss == pytest.approx(-max(scores), rel=1e-6)


def test_B33_too_little_to_split_raises_before_training(monkeypatch):
    no_training(monkeypatch)
    X = [[0.0], [1.0], [2.0], [3.0]]

    with pytest.raises(ValueError, match="The validation set is too small"):
        make(MLPRegressor, early_stopping=True).fit(X, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="The validation set is too small"):
        make(AutoencoderTransformer, early_stopping=True).fit(X)
    with pytest.raises(ValueError, match="should be greater or equal to the number of"):
        make(MLPClassifier, early_stopping=True).fit(X, [0, 0, 1, 1])


@pytest.mark.parametrize("Estimator", MLPS)
def test_B34_divergence_is_named(Estimator, diabetes):
    X, y = diabetes
    diverging = {
        "solver": "sgd",
        "learning_rate": "constant",
        "learning_rate_init": 1e6,
        "activation": "identity",
        "batch_size": 10,
        "max_iter": 50,
    }
    message = r"diverged in epoch .*: scale X first.*smaller learning_rate_init"

    with pytest.raises(ValueError, match=message):
        make(Estimator, alpha=1.0, **diverging).fit(X * 1e6, y > 0)


@pytest.mark.parametrize("Estimator", MLPS)
def test_B34_divergence_is_one_warning_with_early_stopping(Estimator, diabetes):
    X, y = diabetes
    params = {**SGD, "learning_rate_init": 1e6, "activation": "identity", "alpha": 1.0}
    params |= {"batch_size": 10, "max_iter": 50, "n_iter_no_change": 50}
    estimator = make(Estimator, early_stopping=True, **params)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X * 1e6, y > 0)

    assert [w.category for w in caught] == [ConvergenceWarning]
    assert re.search("diverged in epoch .* best weights", str(caught[0].message))
    assert np.isfinite(weights_of(estimator)).all()
    assert np.isfinite(output_of(estimator, X)).all()


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("stop", ["tol", "max_iter", "max_time", "interrupt"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:Training interrupted by user")
def test_B35_curves_have_an_entry_an_epoch(Estimator, stop, early_stopping, cancer):
    X, y = cancer
    params = {
        "tol": PLAIN | {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 50},
        "max_iter": {},
        "max_time": {"max_time": 1e-9},
        "interrupt": {"callbacks": [Interrupt()]},
    }[stop]

    estimator = make(Estimator, early_stopping=early_stopping, **params).fit(X, y)

    n_iter = {"max_iter": 8, "max_time": 1, "interrupt": 2}.get(stop, estimator.n_iter_)
    assert 0 < estimator.n_iter_ == n_iter < 50
    assert len(estimator.loss_curve_) == n_iter
    if early_stopping:
        assert len(estimator.validation_loss_curve_) == n_iter
        assert len(estimator.validation_scores_) == n_iter
    else:
        assert estimator.validation_loss_curve_ is None
        assert estimator.validation_scores_ is None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B36_fit_is_silent_by_default(Estimator, cancer, capfd, caplog):
    X, y = cancer
    with caplog.at_level(logging.INFO):
        estimator = make(Estimator, early_stopping=True).fit(X, y)
        output_of(estimator, X)

    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_B36_a_fit_gives_one_convergence_warning_at_most(cancer):
    X, y = cancer
    clf = make(MLPClassifier, learning_rate="constant", max_iter=2)
    search = GridSearchCV(clf, {"alpha": np.logspace(-3, 0, 10)}, cv=2, refit=False)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)

    assert [w.category for w in caught] == [ConvergenceWarning] * 20


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B37_an_interrupt_leaves_a_usable_model(Estimator, early_stopping, cancer):
    X, y = cancer
    params = {"early_stopping": early_stopping, "learning_rate": "constant"}
    estimator = make(Estimator, callbacks=[Interrupt()], max_iter=50, **params)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, y)

    two = make(Estimator, max_iter=2, **params)
    with pytest.warns(ConvergenceWarning):
        two.fit(X, y)
    assert estimator.n_iter_ == 2
    assert estimator.loss_curve_ == two.loss_curve_
    assert np.isfinite(output_of(estimator, X)).all()
    pickle.loads(pickle.dumps(estimator))


def test_B37_an_interrupt_while_scoring_leaves_a_usable_model(cancer):
    X, y = cancer
    n_calls = 0

    def scorer(estimator, X, y):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    clf = make(MLPClassifier, early_stopping=True, scoring=scorer)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training interrupted by user")
        clf.fit(X, y)

    assert len(clf.validation_scores_) == 2
    assert clf.score(X, y) > 0.5


@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"dropout": 0.2}], ids=str
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B38_a_second_fit_is_a_fresh_fit(Estimator, params, cancer, diabetes):
    fresh = make(Estimator, **params).fit(*cancer)
    used = make(Estimator, **params).fit(diabetes[0], diabetes[1] > 0)
    if Estimator is not AutoencoderTransformer and not params:
        used.partial_fit(diabetes[0], diabetes[1] > 0)

    used.fit(*cancer)

    assert_array_equal(weights_of(used), weights_of(fresh))
    assert used.loss_curve_ == fresh.loss_curve_
    assert used.validation_scores_ == fresh.validation_scores_
    assert (used.t_, used.n_iter_) == (fresh.t_, fresh.n_iter_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B39_partial_fit_refuses_early_stopping(Estimator, cancer):
    estimator = make(Estimator, early_stopping=True)
    classes = {"classes": [0, 1]} if Estimator is MLPClassifier else {}

    with pytest.raises(
        ValueError, match="partial_fit does not support early_stopping=True"
    ):
        estimator.partial_fit(*cancer, **classes)


def test_B39_partial_fit_takes_batches_that_lack_classes(digits_slice):
    X, y = digits_slice
    X = X / 16
    clf = make(MLPClassifier)
    for start in [*range(0, 200, 5)] * 3:
        rows = slice(start, start + 5)
        clf.partial_fit(X[rows], y[rows], classes=np.arange(12))

    assert clf.predict_proba(X).shape == (200, 12)
    assert set(clf.predict(X)) <= set(range(12))
    assert clf.score(X, y) > 0.5


def test_B39_partial_fit_takes_several_labels(digits_slice):
    X, y = digits_slice
    Y = np.column_stack([y > 4, y % 2 == 0, y == 11]).astype(int)
    clf = make(MLPClassifier, batch_size=20)
    for _ in range(10):
        clf.partial_fit(X / 16, Y, classes=[0, 1, 2])

    assert clf.predict(X / 16).shape == (200, 3)
    assert (clf.predict(X / 16) == Y).mean() > 0.85


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B40_warm_start_goes_on_for_max_iter_epochs(Estimator, cancer):
    estimator = make(Estimator, warm_start=True, learning_rate="constant", max_iter=5)
    estimator.fit(*cancer)
    first = weights_of(estimator)

    estimator.set_params(learning_rate_init=1e-9).fit(*cancer)

    assert estimator.n_iter_ == 5
    assert len(estimator.loss_curve_) == 10
    assert 0 < np.abs(weights_of(estimator) - first).max() < 1e-6


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", torch.optim.RMSprop])
def test_B41_a_new_rate_applies_and_keeps_the_weights(solver, diabetes):
    X, y = diabetes
    # With momentum, which is a sum of past updates, it would go on for a while.
    reg = make(MLPRegressor, solver=solver, learning_rate="constant", momentum=0)
    for _ in range(3):
        reg.partial_fit(X, y)
    before = weights_of(reg)

    reg.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    still = weights_of(reg)
    reg.set_params(learning_rate_init=1e-2).partial_fit(X, y)

    assert np.abs(still - before).max() < 1e-9
    assert np.abs(weights_of(reg) - before).max() > 1e-4


# --- randomness -----------------------------------------------------------------------

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


def test_B42_the_same_seed_gives_the_same_model_anywhere(capsys, fresh_process):
    runs = []
    for _ in range(2):
        exec(textwrap.dedent(SEEDED), {})
        runs.append(capsys.readouterr().out.split())

    assert runs[0] == runs[1] == fresh_process[1]
    assert len(set(runs[0])) == 3


def test_B42_workers_give_the_models_of_one_process(cancer):
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


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B42_seeds_make_a_difference(Estimator, cancer):
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


@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3, "normalization": "batch"}, {"early_stopping": True}],
    ids=["plain", "dropout", "early stopping"],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B43_fit_leaves_everything_global_alone(Estimator, params, cancer):
    before = global_states()

    estimator = make(Estimator, **params).fit(*cancer)
    output_of(estimator, cancer[0])

    assert global_states() == before


def test_B43_fits_side_by_side_leave_everything_global_alone(cancer):
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


@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3, "normalization": "batch"}, {"precision": "bfloat16"}],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B43_the_default_device_makes_no_difference(Estimator, params, cancer, request):
    def fit():
        return make(Estimator, device="cpu", **params).fit(*cancer)

    expected = output_of(fit(), cancer[0])
    request.getfixturevalue("other_default_device")

    assert_array_equal(output_of(fit(), cancer[0]), expected)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B43_no_seed_draws_one_number_of_numpy(Estimator, cancer):
    np.random.seed(7)
    before = global_states()

    make(Estimator, random_state=None, dropout=0.2, early_stopping=True).fit(*cancer)

    drawn = global_states()
    np.random.seed(7)
    np.random.randint(np.iinfo(np.int32).max)
    assert drawn == global_states() != before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B44_without_a_seed_no_two_models_are_the_same(Estimator, cancer):
    estimator = make(Estimator, random_state=None)

    torch.manual_seed(0)
    first = weights_of(estimator.fit(*cancer))
    torch.manual_seed(0)
    second = weights_of(estimator.fit(*cancer))

    assert not np.array_equal(first, second)


def test_B44_without_a_seed_numpy_decides(cancer):
    clf = make(MLPClassifier, random_state=None)

    models = []
    for _ in range(2):
        np.random.seed(3)
        models.append(weights_of(clf.fit(*cancer)))

    assert_array_equal(*models)


@pytest.mark.parametrize(
    ("Estimator", "params"),
    [
        (MLPClassifier, {"dropout": 0.5, "normalization": "batch"}),
        (MLPRegressor, {"dropout": 0.5}),
        (AutoencoderTransformer, {"variational": True, "dropout": 0.3}),
        (AutoencoderTransformer, {"noise": "masking"}),
    ],
)
def test_B45_predictions_are_not_random(Estimator, params, cancer):
    X, y = cancer
    estimator = make(Estimator, **params).fit(X, y)

    first = output_of(estimator, X)

    assert_array_equal(output_of(estimator, X), first)
    # Each row is predicted for itself.
    assert_allclose(output_of(estimator, X[10:11]), first[10:11], rtol=1e-6, atol=1e-9)


# --- persistence and devices ----------------------------------------------------------


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B46_copies_predict_the_same(Estimator, way, cancer):
    X, y = cancer
    copied = COPIES[way]
    estimator = make(Estimator, dropout=0.1)
    expected = output_of(clone(estimator).fit(X, y), X)

    assert_array_equal(output_of(copied(estimator).fit(X, y), X), expected)
    estimator.fit(X, y)
    assert_array_equal(output_of(copied(estimator), X), expected)
    output_of(estimator, X)
    assert_array_equal(output_of(copied(estimator), X), expected)
    pipe = make_pipeline(StandardScaler(), clone(estimator)).fit(X, y)
    assert_array_equal(output_of(copied(pipe), X), output_of(pipe, X))


@pytest.mark.parametrize("way", COPIES)
def test_B46_copies_of_a_search_predict_the_same(way, cancer):
    X, y = cancer
    pipe = make_pipeline(StandardScaler(), make(MLPClassifier, max_iter=3))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.1, 1]}, cv=2).fit(X, y)

    copied = COPIES[way](search)

    assert_array_equal(copied.predict_proba(X), search.predict_proba(X))
    assert copied.best_params_ == search.best_params_


def trained(Estimator, X, y, *, incremental, **params):
    """Train by one call of `fit`, or by three of `partial_fit`."""
    estimator = make(Estimator, learning_rate="constant", tol=1e9, **params)
    if not incremental:
        return estimator.set_params(n_iter_no_change=1).fit(X, y)
    first = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
    for _ in range(3):
        estimator.partial_fit(X, y, **first)
    return estimator


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("incremental", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B46_copies_go_on_as_the_original(Estimator, incremental, solver, way, cancer):
    X, y = cancer
    params = {"solver": solver, "dropout": 0.2}
    original = trained(Estimator, X, y, incremental=incremental, **params)
    before = weights_of(original)

    copied = COPIES[way](original)

    assert_array_equal(output_of(copied, X), output_of(original, X))
    for _ in range(2):
        copied.partial_fit(X, y)
    assert_array_equal(weights_of(original), before)
    for _ in range(2):
        original.partial_fit(X, y)
    assert_array_equal(weights_of(copied), weights_of(original))
    assert copied.t_ == original.t_


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B46_copies_of_what_was_partially_fitted_in_a_pipeline(Estimator, way, cancer):
    X, y = cancer
    scaler = StandardScaler().fit(X)
    net = trained(Estimator, scaler.transform(X), y, incremental=True)
    pipe = make_pipeline(scaler, net)

    assert_array_equal(output_of(COPIES[way](pipe), X), output_of(pipe, X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("incremental", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B46_a_clone_of_a_trained_estimator_is_untrained(
    Estimator, incremental, cancer
):
    X, y = cancer
    original = trained(Estimator, X, y, incremental=incremental)

    cloned = clone(original)

    assert vars(cloned).keys() == vars(Estimator()).keys()
    assert cloned.get_params() == original.get_params()
    again = cloned.fit(X, y)
    fresh = Estimator(**original.get_params()).fit(X, y)
    assert_array_equal(weights_of(again), weights_of(fresh))


@pytest.mark.parametrize("way", [lambda e: e, *COPIES.values()], ids=["same", *COPIES])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B46_partial_fit_after_fit_starts_a_fresh_optimizer(Estimator, way, cancer):
    """Adam's first step is its rate in each direction; a later one is shorter."""
    X, y = cancer
    params = {"precision": "float64", "learning_rate_init": 1e-3}
    after_fit = trained(Estimator, X, y, incremental=False, **params)
    after_partial_fit = trained(Estimator, X, y, incremental=True, **params)
    params = {"batch_size": 200, "clip_grad_norm": None}
    steps = []
    for estimator in (way(after_fit), way(after_partial_fit)):
        before = weights_of(estimator)
        estimator.set_params(**params).partial_fit(X, y)
        step = np.abs(weights_of(estimator) - before)
        steps.append(step[step > 0])

    fresh, kept = steps
    assert np.mean(np.abs(fresh - 1e-3) < 1e-6) > 0.95
    assert np.mean(np.abs(kept - 1e-3) < 1e-6) < 0.5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("pickler", [pickle, joblib], ids=["pickle", "joblib"])
def test_B47_a_pickle_that_names_a_gpu_comes_to_the_cpu(
    Estimator, pickler, cancer, tmp_path
):
    X, y = cancer
    estimator = make(Estimator).fit(X, y)
    expected = output_of(estimator, X)
    net = estimator.net_
    net.device = estimator.device_ = "cuda"
    net.placement = dataclasses.replace(net.placement, device=torch.device("cuda"))
    path = tmp_path / "model.pkl"
    with path.open("wb") as file:
        pickler.dump(estimator, file)

    with path.open("rb") as file:
        loaded = pickler.load(file)

    assert loaded.device_ == loaded.net_.device == "cpu"
    assert_array_equal(output_of(loaded, X), expected)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
def test_B47_a_pickled_ensemble_that_names_a_gpu_comes_to_the_cpu(cancer):
    X, y = cancer
    clf = make(MLPClassifier, n_estimators=2).fit(X, y)
    for estimator in (clf, *clf.estimators_):
        estimator.device_ = "cuda"
    for member in clf.estimators_:
        member.net_.device = "cuda"

    loaded = pickle.loads(pickle.dumps(clf))

    assert {e.device_ for e in (loaded, *loaded.estimators_)} == {"cpu"}
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B48_a_pickle_holds_the_weights_once_and_no_data(Estimator, digits):
    X, y = digits.X, digits.y
    estimator = make(
        Estimator, hidden_layer_sizes=(300, 100), max_iter=1, early_stopping=True
    ).fit(X, y)

    pickled = pickle.dumps(estimator)

    n_bytes = weights_of(estimator).nbytes
    assert n_bytes < len(pickled) < 3 * n_bytes
    for row in range(5):
        assert X[row].tobytes() not in pickled
    assert estimator.coefs_[0].T.tobytes() in pickled
    assert all(p.grad is None for p in estimator.net_.module_.parameters())
    assert not estimator.net_.optimizer_.state


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True},
        {"solver": "lbfgs", "max_iter": 500, "tol": 1.0},
        {"own set": True},
        {"incremental": True},
        {"monitor": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B48_a_pickle_does_not_grow_with_the_data(Estimator, params, digits, request):
    """Whatever they could hide in: weights, validation sets, curves, callbacks."""
    params = dict(params)
    own_set = params.pop("own set", False)
    incremental = params.pop("incremental", False)
    monitor = params.pop("monitor", False)
    sizes = []
    for n in (200, 1600):
        X, y = digits.X[:n], (digits.y[:n] > 4).astype(float)
        weight = np.linspace(1, 2, n)
        valid = {}
        if own_set:
            valid = {"X_val": X, "sample_weight_val": weight}
            valid |= {} if Estimator is AutoencoderTransformer else {"y_val": y}
        estimator = make(Estimator, **{"max_iter": 3} | params)
        if monitor and Estimator is not AutoencoderTransformer:
            callback = request.getfixturevalue("sklearn_callback")
            scoring = "accuracy" if Estimator is MLPClassifier else "r2"
            estimator.set_callbacks(callback.ScoringMonitor(scoring=scoring))
        if incremental:
            first = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
            estimator.partial_fit(X, y, weight, **first)
        else:
            estimator.fit(X, y, weight, **valid)
        output_of(estimator, X)
        sizes.append(len(pickle.dumps(estimator)))

    # Numbers such as t_ take a byte or two more.
    assert abs(sizes[1] - sizes[0]) < 100


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B48_after_partial_fit_it_holds_the_optimizer_too(Estimator, digits):
    X, y = digits.X[:300], digits.y[:300]
    classes = {"classes": np.arange(10)} if Estimator is MLPClassifier else {}
    estimator = make(Estimator, hidden_layer_sizes=(300, 100))
    estimator.partial_fit(X, y, **classes)
    n_bytes = weights_of(estimator).nbytes

    during = len(pickle.dumps(estimator))
    after = len(pickle.dumps(estimator.set_params(max_iter=1).fit(X, y)))

    assert 3 * n_bytes < during < 3.2 * n_bytes
    assert n_bytes < after < 1.5 * n_bytes


def test_B49_a_loaded_model_is_the_model(cancer, tmp_path):
    X, y = cancer
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    labels = np.where(y == 1, "good", "bad")
    clf = make(MLPClassifier, class_weight={"good": 2.0}, label_smoothing=0.1)
    clf.partial_fit(frame, labels, classes=["bad", "good"])
    joblib.dump(clf, tmp_path / "clf.pkl")

    loaded = joblib.load(tmp_path / "clf.pkl")

    assert loaded.get_params() == clf.get_params()
    assert_array_equal(loaded.classes_, clf.classes_)
    assert_array_equal(loaded.feature_names_in_, frame.columns)
    assert loaded.score(frame, labels) == clf.score(frame, labels)
    clf.partial_fit(frame, labels)
    loaded.partial_fit(frame, labels)
    assert loaded.loss_curve_ == clf.loss_curve_


def test_B49_a_loaded_model_keeps_the_scale_of_y(diabetes):
    X, y = diabetes
    reg = make(MLPRegressor, normalize_y=True, loss="huber").fit(X, 1e4 * y + 1e6)

    loaded = pickle.loads(pickle.dumps(reg))

    assert_array_equal(loaded.predict(X), reg.predict(X))
    assert loaded.score(X, 1e4 * y + 1e6) == reg.score(X, 1e4 * y + 1e6) > 0.2
    assert (
        loaded.partial_fit(X, 1e4 * y + 1e6).loss_
        == reg.partial_fit(X, 1e4 * y + 1e6).loss_
    )


def test_B50_parameters_load_as_weights_only(cancer, tmp_path):
    clf = make(MLPClassifier).fit(*cancer)
    clf.net_.save_params(f_params=tmp_path / "params.pt")

    state = torch.load(tmp_path / "params.pt", weights_only=True)

    assert_array_equal(state["0.dense.weight"].numpy().T, clf.coefs_[0])
    other = make(MLPClassifier, random_state=1).fit(*cancer)
    other.net_.load_params(f_params=tmp_path / "params.pt")
    assert_array_equal(weights_of(other), weights_of(clf))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B51_a_device_that_is_not_there_raises(Estimator, cancer, monkeypatch):
    no_training(monkeypatch)
    name = Estimator.__name__

    message = (
        f"The 'device' parameter of {name} must be 'auto' or a torch device such as "
        "'cpu', 'cuda', 'cuda:1' or 'mps'. Got 'nonsense' instead."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        make(Estimator, device="nonsense").fit(*cancer)
    if not torch.cuda.is_available():
        message = f"{name} was asked for device='cuda', but this torch"
        with pytest.raises(ValueError, match=message):
            make(Estimator, device="cuda").fit(*cancer)


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda:0", marks=pytest.mark.cuda)]
)
def test_B51_device_tells_where_it_ran(device, cancer):
    clf = make(MLPClassifier, device=device).fit(*cancer)

    assert clf.device_ == device
    assert {str(p.device) for p in clf.net_.module_.parameters()} == {device}


def test_B51_auto_is_the_accelerator_or_the_cpu(cancer):
    clf = make(MLPClassifier).fit(*cancer)

    if torch.accelerator.is_available():
        kind = torch.accelerator.current_accelerator().type
        index = current_device_index()
        assert torch.device(clf.device_) == torch.device(kind, index)
    else:
        assert clf.device_ == "cpu"


@pytest.mark.cuda
def test_B52_prediction_needs_memory_for_a_batch_only(cancer):
    X, y = cancer
    clf = make(MLPClassifier, device="cuda").fit(X, y)
    many = np.tile(X.astype(np.float32), (5000, 1))  # 1e6 rows, 120 MB
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()

    proba = clf.predict_proba(many)

    assert torch.cuda.max_memory_allocated() - before < many.nbytes / 4
    assert_allclose(proba[:200], clf.predict_proba(X), rtol=1e-4, atol=1e-5)


@pytest.mark.cuda
def test_B53_a_deleted_model_gives_its_memory_back(cancer):
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


@pytest.mark.cuda
def test_B54_too_little_memory_raises(cancer):
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


@pytest.mark.cuda
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B54_rows_stay_on_the_host_where_the_gpu_has_no_room(
    Estimator, cancer, monkeypatch
):
    X, y = cancer
    params = {"device": "cuda", "batch_size": 16}
    expected = output_of(make(Estimator, **params).fit(X, y), X)
    monkeypatch.setattr("sknn_deep.rows._rows.has_room", lambda device, n_bytes: False)

    estimator = make(Estimator, **params).fit(X, y)

    assert_allclose(output_of(estimator, X), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_B55_tensors_are_taken_as_X(Estimator, device, cancer):
    X, y = cancer
    params = {"precision": "float64", "device": device}
    expected = output_of(make(Estimator, **params).fit(X, y), X)
    A = torch.tensor(X, device=device, requires_grad=True)

    estimator = make(Estimator, **params).fit(A, torch.tensor(y, device=device))

    assert_allclose(output_of(estimator, A), expected, rtol=1e-10)


# --- the autoencoder ------------------------------------------------------------------


def test_B56_y_is_taken_and_ignored(cancer):
    X, y = cancer
    codes = make(AutoencoderTransformer).fit(X).transform(X)

    assert_array_equal(make(AutoencoderTransformer).fit(X, y).transform(X), codes)
    assert_array_equal(make(AutoencoderTransformer).fit_transform(X), codes)
    assert_array_equal(make(AutoencoderTransformer).fit_transform(X, y), codes)
    pipe = make_pipeline(make(AutoencoderTransformer), LogisticRegression()).fit(X, y)
    assert pipe.score(X, y) > 0.8


def test_B57_no_code_dies(cancer):
    X, _ = cancer
    X = X[:100, :8]
    for seed in range(20):
        codes = make(
            AutoencoderTransformer, n_components=3, max_iter=3, random_state=seed
        ).fit_transform(X)

        assert (codes.std(axis=0) > 1e-3).all()
        assert codes.min() < 0


def test_B58_negative_data_are_reconstructed(cancer):
    X, _ = cancer
    ae = AutoencoderTransformer(n_components=5, max_iter=40, random_state=0).fit(X)

    back = ae.inverse_transform(ae.transform(X))

    assert X.min() < -1 and back.min() < -1
    assert np.mean((back - X) ** 2) < 0.2 * np.mean(X**2)
    assert ae.score(X) > 0.8


def test_B59_codes_come_back_in_the_shape_of_X(cancer):
    X, _ = cancer
    ae = make(AutoencoderTransformer, n_components=3).fit(X)
    codes = ae.transform(X)

    assert ae.inverse_transform(codes).shape == X.shape
    assert ae.inverse_transform(codes[:1]).shape == (1, X.shape[1])
    frame = pd.DataFrame(codes, columns=ae.get_feature_names_out())
    assert_array_equal(ae.inverse_transform(frame), ae.inverse_transform(codes))
    message = (
        "X has 2 components, but AutoencoderTransformer was fitted with n_components=3."
    )
    with pytest.raises(ValueError, match=message):
        ae.inverse_transform(codes[:, :2])


def test_B60_layers_are_what_was_asked_for(diabetes):
    X, _ = diabetes
    ae = make(
        AutoencoderTransformer,
        n_components=12,
        hidden_layer_sizes=(40, 20),
        decoder_hidden_layer_sizes=(7,),
    ).fit(X)

    shapes = [w.shape for w in ae.coefs_]
    assert shapes == [(10, 40), (40, 20), (20, 12), (12, 7), (7, 10)]
    mirrored = make(AutoencoderTransformer, hidden_layer_sizes=(40, 20)).fit(X)
    assert [w.shape[1] for w in mirrored.coefs_] == [40, 20, 2, 20, 40, 10]
    with pytest.raises(
        ValueError, match=r"X has 9 features, but .* is expecting 10 features"
    ):
        ae.transform(X[:, :9])


@pytest.mark.parametrize(
    "library", ["pandas", pytest.param("polars", marks=since_scikit_learn_sees_polars)]
)
def test_B61_codes_have_names(library, cancer):
    X, _ = cancer
    index = np.arange(len(X))[::-1] + 5
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])], index=index)
    ae = make(AutoencoderTransformer, n_components=3).set_output(transform=library)

    codes = ae.fit_transform(frame)

    names = [f"autoencodertransformer{i}" for i in range(3)]
    assert list(ae.get_feature_names_out()) == list(codes.columns) == names
    if library == "pandas":
        assert_array_equal(codes.index, index)
    columns = ColumnTransformer([("ae", ae, ["x0", "x1", "x2", "x3"])])
    union = FeatureUnion([("ae", ae), ("pca", PCA(2))])
    assert columns.fit(frame).transform(frame).shape == (200, 3)
    union.set_output(transform=library)
    assert union.fit(frame).transform(frame).shape == (200, 5)
    assert list(union.get_feature_names_out())[:3] == [f"ae__{name}" for name in names]


def test_B62_score_is_higher_for_better_and_free_of_scale(cancer):
    X, _ = cancer
    ae = AutoencoderTransformer(
        hidden_layer_sizes=(32,), max_iter=30, precision="float64", random_state=0
    )
    search = GridSearchCV(ae, {"n_components": [1, 8]}, cv=2).fit(X)

    assert search.best_params_ == {"n_components": 8}
    fitted = search.best_estimator_
    back = fitted.inverse_transform(fitted.transform(X))
    explained = 1 - np.sum((X - back) ** 2) / np.sum((X - X.mean(axis=0)) ** 2)
    assert fitted.score(X) == pytest.approx(explained)
    # A linear network for X * 1000 that does the same, and is scored the same.
    linear = make(AutoencoderTransformer, hidden_layer_sizes=(), n_components=2).fit(X)
    score = linear.score(X)
    with torch.no_grad():
        linear.net_.module_.encoder[0].dense.weight.div_(1000)
        linear.net_.module_.decoder[0].dense.weight.mul_(1000)
        linear.net_.module_.decoder[0].dense.bias.mul_(1000)
    assert linear.score(1000 * X) == pytest.approx(score, rel=1e-6)


def test_B63_a_curved_manifold_is_found_better_than_by_pca():
    X, _ = make_s_curve(400, random_state=0)
    X = scale(X)

    ae = AutoencoderTransformer(batch_size=32, max_iter=50, random_state=0)

    score = ae.fit(X).score(X)

    unexplained = 1 - PCA(2).fit(X).explained_variance_ratio_.sum()
    assert 1 - score < unexplained / 3


def test_B63_a_linear_network_comes_within_five_percent_of_pca(digits):
    X = digits.X
    ae = AutoencoderTransformer(
        n_components=8,
        hidden_layer_sizes=(),
        activation="identity",
        batch_size=32,
        max_iter=40,
        random_state=0,
    )

    back = ae.inverse_transform(ae.fit_transform(X))

    pca = PCA(8).fit(X)
    best = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
    assert best * 0.999 < np.mean((back - X) ** 2) < 1.05 * best


def test_B64_codes_go_to_tsne_as_they_are(digits):
    codes = make(AutoencoderTransformer, n_components=6).fit_transform(digits.X[:80])

    assert codes.dtype.kind == "f" and codes.flags.c_contiguous
    assert np.isfinite(codes).all()
    embedded = TSNE(perplexity=10, max_iter=250).fit_transform(codes)
    assert embedded.shape == (80, 2) and np.isfinite(embedded).all()


# --- speed ----------------------------------------------------------------------------


def test_B67_importing_leaves_the_threads_alone(fresh_process):
    assert fresh_process[0] == 3


# Statements without a test of their own in this file, and why.
ELSEWHERE = {
    "B21": "the checks are run in test_check_estimator.py",
    "B65": "a ratio of times depends on the machine's load: examples/benchmarks has it",
    "B66": "a ratio of times too: examples/benchmarks has it",
}


def test_every_statement_is_tested_or_listed():
    tested = set(re.findall(r"test_(B\d\d)_", " ".join(globals())))
    every = {f"B{i:02d}" for i in range(1, 68)}

    assert tested | set(ELSEWHERE) == every
    assert not tested & set(ELSEWHERE)
    assert sknn_deep.__version__
