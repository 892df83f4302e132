"""The two estimators for tables, on frames with a column of every type."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

import sknn_deep
from sknn_deep import TabularMLPClassifier
from tests.columns.kinds import PANDAS, POLARS
from tests.requirements import since_scikit_learn_sees_polars

N_TIMES = 20
Y = np.tile([0, 1, 2], N_TIMES)


def make_frame(library):
    """Make a frame whose columns all have one value, none, and another, in turns."""
    if library == "pandas":
        columns = {
            name: pd.concat([series] * N_TIMES, ignore_index=True)
            for name, (series, _) in PANDAS.items()
        }
        return pd.DataFrame(columns)
    return pl.DataFrame(
        {name: pl.concat([series] * N_TIMES) for name, (series, _) in POLARS.items()}
    )


@pytest.fixture(
    scope="module",
    params=["pandas", pytest.param("polars", marks=since_scikit_learn_sees_polars)],
)
def fitted(request):
    X = make_frame(request.param)
    est = TabularMLPClassifier((16,), max_iter=20, random_state=0, device="cpu")
    return est.fit(X, Y), X


def kinds_of(X):
    return PANDAS if isinstance(X, pd.DataFrame) else POLARS


def test_every_type_is_learnt_from(fitted):
    clf, X = fitted
    kinds = kinds_of(X)

    assert clf.is_categorical_.tolist() == [kinds[name][1] for name in X.columns]
    assert clf.score(X, Y) == 1
    assert all(len(categories) == 3 for categories in clf.categories_)
    assert all(np.isnan(categories[-1]) for categories in clf.categories_)


def test_unknown_categories_of_every_type_are_no_error(fitted):
    clf, X = fitted
    strange = {name: ["new", "newer"] for name in X.columns if kinds_of(X)[name][1]}
    numbers = {name: [1.0, 1.0] for name in X.columns if name not in strange}
    frame = type(X)({name: {**strange, **numbers}[name] for name in X.columns})

    proba = clf.predict_proba(frame)

    assert np.isfinite(proba).all()
    assert (proba[0] == proba[1]).all()


def test_columns_that_are_missing_as_a_whole_are_no_error(fitted):
    clf, X = fitted
    proba = clf.predict_proba(type(X)({name: [None] for name in X.columns}))

    np.testing.assert_allclose(proba, clf.predict_proba(X[1:2]))


def test_copies_have_categories_of_every_type(fitted, tmp_path):
    clf, X = fitted
    proba = clf.predict_proba(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(clf)).predict_proba(X), proba
    )
    if "category of intervals" in X.columns:
        with pytest.raises(TypeError, match=r"as data: Interval\(.* or use pickle"):
            sknn_deep.save(clf, tmp_path / "clf.sknn")
        X = X.drop(columns="category of intervals")
        clf = clone(clf).fit(X, Y)
        proba = clf.predict_proba(X)

    sknn_deep.save(clf, tmp_path / "clf.sknn")

    loaded = sknn_deep.load(tmp_path / "clf.sknn")
    np.testing.assert_array_equal(loaded.predict_proba(X), proba)


# --- rows that NumPy would make text of -----------------------------------------------

MIXED = [[age, work] for age in range(20) for work in ("Private", "State")]


@pytest.fixture(scope="module")
def fitted_to_objects():
    clf = TabularMLPClassifier((4,), max_iter=1, random_state=0, device="cpu")
    return clf.fit(np.array(MIXED, dtype=object), [0, 1] * 20)


def test_lists_of_numbers_beside_text_are_read_as_objects(fitted_to_objects):
    clf = fitted_to_objects
    proba = clf.predict_proba(np.array(MIXED, dtype=object))

    assert clf.is_categorical_.tolist() == [False, True]
    np.testing.assert_array_equal(clf.predict_proba(MIXED), proba)
    np.testing.assert_array_equal(clf.predict_proba(MIXED[:1]), proba[:1])
    of_lists = clone(clf).fit([tuple(row) for row in MIXED], [0, 1] * 20)
    np.testing.assert_array_equal(of_lists.predict_proba(MIXED), proba)


def test_array_of_text_in_the_place_of_numbers_is_told_of_numpy(fitted_to_objects):
    message = (
        "TabularMLPClassifier got '0' in the column at index 0, which is to hold "
        "numbers. NumPy makes text of numbers that stand beside text: pass a DataFrame "
        "with the columns, or an array made with dtype=object."
    )
    for_numbers = clone(fitted_to_objects).set_params(categorical_features=[1])

    with pytest.raises(ValueError) as predicted:
        fitted_to_objects.predict(np.array(MIXED))
    with pytest.raises(ValueError) as trained:
        for_numbers.fit(np.array(MIXED), [0, 1] * 20)

    assert str(predicted.value) == str(trained.value) == message
