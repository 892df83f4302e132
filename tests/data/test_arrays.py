"""X of any container and type, and what is refused before a training."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array, csr_matrix

from sknn_deep import AutoencoderTransformer, MLPClassifier
from tests.estimators.fits import ESTIMATORS, MLPS, make, no_training, output_of
from tests.requirements import since_scikit_learn_sees_polars


# B01: X of any number type is taken by fit and predict, and gives the same model.
@pytest.mark.must_never("B01")
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i1", "u1", "bool"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_any_dtype_of_X_gives_the_same_model(Estimator, dtype, digits_slice):
    X, y = digits_slice
    X = X > 8 if dtype == "bool" else X
    reference = make(Estimator, precision="float64").fit(X.astype(float), y)

    estimator = make(Estimator, precision="float64").fit(X.astype(dtype), y)

    assert_allclose(
        output_of(estimator, X.astype(dtype)),
        output_of(reference, X.astype(float)),
        atol=1e-10,
    )


@pytest.mark.must_never("B01")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_float32_and_float64_agree(Estimator, digits_slice):
    X, y = digits_slice
    X = X / 7  # float32 rounds it
    fixed = [
        output_of(make(Estimator, precision="float64").fit(A, y), A)
        for A in (X, X.astype("f4"))
    ]
    auto = [output_of(make(Estimator).fit(A, y), A) for A in (X, X.astype("f4"))]

    assert_allclose(fixed[0], fixed[1], atol=1e-5)
    assert_allclose(auto[0], auto[1], rtol=1e-2, atol=1e-2 * np.abs(auto[0]).max())


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


# B03: Lists, frames with any index, nullable and polars columns, sparse matrices and
# tensors predict as arrays do.
@pytest.mark.must_never("B03")
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_containers_give_the_predictions_of_arrays(Estimator, kind, digits_slice):
    X, y = digits_slice
    X, y = X[:, 10:30], y.astype(np.int64)
    A, b = INPUTS[kind](X, y)
    params = {"precision": "float64"}

    estimator = make(Estimator, **params).fit(A, b)

    reference = make(Estimator, **params).fit(X, y)
    assert_allclose(output_of(estimator, A), output_of(reference, X), atol=1e-10)


@pytest.mark.must_never("B03")
def test_nullable_boolean_columns_are_numbers(digits_slice):
    X, y = digits_slice
    frame = pd.DataFrame(X > 8).astype("boolean")
    params = {"precision": "float64"}

    clf = make(MLPClassifier, **params).fit(frame, y)

    reference = make(MLPClassifier, **params).fit((X > 8).astype(float), y)
    assert_allclose(clf.predict_proba(frame), reference.predict_proba(X > 8))


# B04: Memory that cannot be written gives no warning, and X and y are as they were
# after a fit.
@pytest.mark.must_never("B04")
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("container", [np.array, csr_array, csc_array])
@pytest.mark.parametrize("kind", ["read-only", "memmap"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_memory_that_cannot_be_written_is_read(
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


@pytest.mark.must_never("B04")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_leaves_data_as_they_were(Estimator, diabetes):
    X, y = (a.copy() for a in diabetes)
    weight = np.linspace(0, 2, len(X))
    before = [a.copy() for a in (X, y, weight)]
    classes = y > 0 if Estimator is MLPClassifier else y

    make(Estimator, precision="float64").fit(X, classes, weight)

    for a, b in zip((X, y, weight), before, strict=True):
        assert_array_equal(a, b)


# B05: Columns in another order, or of other names, than those that were fitted raise.
@pytest.mark.must_never("B05")
@pytest.mark.parametrize("change", ["order", "names"])
@pytest.mark.parametrize(
    "library",
    [
        pd.DataFrame,
        pytest.param(pl.DataFrame, marks=since_scikit_learn_sees_polars),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_other_columns_at_predict_raise(Estimator, library, change, diabetes):
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


# B06: NaN and infinity raise scikit-learn's own error before any step of a training.
@pytest.mark.must_never("B06")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_nonfinite_X_raises_before_training(Estimator, value, diabetes, monkeypatch):
    no_training(monkeypatch)
    X, y = diabetes[0].copy(), diabetes[1]
    X[5, 3] = value

    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        make(Estimator).fit(X, y > 0)


@pytest.mark.must_never("B06")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("Estimator", MLPS)
def test_nonfinite_y_raises_before_training(Estimator, value, diabetes, monkeypatch):
    no_training(monkeypatch)
    X, y = diabetes[0], diabetes[1].copy()
    y[5] = value

    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        make(Estimator).fit(X, y)


# B07: A step before may change the number of features, and a wrong number is named with
# the right one.
@pytest.mark.must_never("B07")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_wrong_width_names_both(Estimator, diabetes):
    X, y = diabetes
    estimator = make(Estimator).fit(X, y > 0)

    message = f"X has 4 features, but {Estimator.__name__} is expecting 10 features"
    with pytest.raises(ValueError, match=message):
        output_of(estimator, X[:, :4])


# B55: Tensors, of a GPU too, are taken as X.
@pytest.mark.must_never("B55")
@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tensors_are_taken_as_X(Estimator, device, cancer):
    X, y = cancer
    params = {"precision": "float64", "device": device}
    expected = output_of(make(Estimator, **params).fit(X, y), X)
    A = torch.tensor(X, device=device, requires_grad=True)

    estimator = make(Estimator, **params).fit(A, torch.tensor(y, device=device))

    assert_allclose(output_of(estimator, A), expected, rtol=1e-10)
