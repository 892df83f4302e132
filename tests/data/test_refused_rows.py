"""Rows as dicts, and columns that are there twice, are answered by a way out."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import dok_array

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep.modules import ConvNet

ROW = {"age": 33, "work": "Private"}
ROWS = [ROW, {"age": 40, "work": "State"}]
ESTIMATORS = [
    MLPClassifier(),
    MLPRegressor(),
    AutoencoderTransformer(),
    NeighborAutoencoder(),
    NetClassifier(ConvNet),
    TabularMLPClassifier(),
    TabularMLPRegressor(),
]


def name_of(estimator):
    return type(estimator).__name__


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
@pytest.mark.parametrize(
    ("X", "found", "remedy"),
    [
        (ROW, "a dict", "pd.DataFrame([row])"),
        (ROWS, "dicts in a list", "pd.DataFrame(rows)"),
        (np.array(ROWS), "dicts in a list", "pd.DataFrame(rows)"),
        ({"age": [33, 40]}, "a dict", "pd.DataFrame(X)"),
    ],
    ids=["row", "rows", "array", "columns"],
)
def test_a_fit_to_dicts_is_told_of_the_frame(estimator, X, found, remedy):
    with pytest.raises(TypeError) as caught:
        estimator.fit(X, [0, 1])

    assert str(caught.value) == (
        f"X of {name_of(estimator)} must be a DataFrame or an array. Got {found}: pass "
        f"{remedy}, with the columns in the order of the fit."
    )


@pytest.mark.parametrize("X", [ROW, [ROW]], ids=["row", "rows"])
def test_a_prediction_of_dicts_is_told_of_the_frame_which_is_predicted(X):
    frame = pd.DataFrame(ROWS * 10)
    reg = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=1, random_state=0)
    reg.fit(frame, frame["age"])

    with pytest.raises(TypeError, match=r"pass pd\.DataFrame\("):
        reg.predict(X)
    np.testing.assert_array_equal(
        reg.predict(pd.DataFrame([ROW])), reg.predict(frame[:1])
    )


def test_sparse_matrices_that_are_dicts_are_none_of_these():
    X = dok_array(np.eye(20))
    clf = MLPClassifier((4,), learning_rate="cosine", max_iter=1, random_state=0)

    proba = clf.fit(X, np.arange(20) % 2).predict_proba(X)

    np.testing.assert_array_equal(clf.predict_proba(X.tocsr()), proba)


# --- columns that are there twice -----------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
@pytest.mark.parametrize("name", ["age", 0])
def test_a_column_that_is_there_twice_is_named(estimator, name):
    X = pd.DataFrame(np.eye(4), columns=["size", name, name, "weight"])

    with pytest.raises(ValueError) as caught:
        estimator.fit(X, [0, 1, 0, 1])

    assert str(caught.value) == (
        f"X of {name_of(estimator)} has the column {name!r} more than once. Rename one "
        "of them, or leave it out by X.loc[:, ~X.columns.duplicated()]."
    )


def test_a_column_that_is_there_twice_in_new_rows_is_left_out_as_the_message_says():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    clf = TabularMLPClassifier((4,), max_iter=1, random_state=0)
    clf.fit(X, np.arange(20) % 2)
    doubled = X[["a", "b", "b"]]

    with pytest.raises(ValueError, match="has the column 'b' more than once"):
        clf.predict_proba(doubled)
    np.testing.assert_array_equal(
        clf.predict_proba(doubled.loc[:, ~doubled.columns.duplicated()]),
        clf.predict_proba(X),
    )
