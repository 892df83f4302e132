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
