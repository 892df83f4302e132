"""Labels and numbers as the network learns them, and predictions in their form."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.exceptions import DataConversionWarning

from sknn_deep import (
    MLPClassifier,
    MLPRegressor,
    NetClassifier,
    NetRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from tests.estimators.fits import make, message_of

X = np.random.RandomState(0).normal(size=(30, 3))
CODES = np.arange(30) % 3
QUICK = {"max_iter": 2, "learning_rate": "one_cycle", "random_state": 0}


def test_one_hot_classes_are_told_from_labels():
    message = (
        "y of MLPClassifier has exactly one 1 in each row, as one-hot classes have, "
        "and is learnt as 3 labels that do not exclude each other. If they do, pass "
        "the classes: y.argmax(axis=1)."
    )
    with pytest.warns(UserWarning, match=re.escape(message)):
        MLPClassifier(**QUICK).fit(X, np.eye(3, dtype=int)[CODES])


@pytest.mark.parametrize(
    "y", [np.eye(2, dtype=int)[CODES % 2], np.eye(3, dtype=int)[CODES] * (X[:, :1] > 0)]
)
def test_other_labels_are_told_nothing(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(**QUICK).fit(X, y)


PRICES = 3 * (np.arange(300) % 120)


@pytest.mark.parametrize(
    "clf",
    [
        MLPClassifier((2,), n_estimators=2, **QUICK),
        MLPClassifier((2,), early_stopping=True, scoring="loss", **QUICK),
        NetClassifier(torch.nn.Linear(3, 120), **QUICK),
        TabularMLPClassifier((2,), max_iter=1, random_state=0),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_quantities_are_told_from_classes_once(clf, dtype):
    with pytest.warns(UserWarning) as caught:
        clf.fit(np.tile(X, (10, 1)), PRICES.astype(dtype))

    assert [str(w.message) for w in caught] == [
        f"y of {type(clf).__name__} has 120 different numbers in 300 rows, each of "
        "which is learnt as a class of its own. If they tell how much, use a "
        f"regressor, such as {type(clf).__name__.replace('Classifier', 'Regressor')}."
    ]


@pytest.mark.parametrize(
    "y",
    [
        np.arange(300) % 120,  # persons
        np.flatnonzero(np.arange(240) % 3).repeat(2),  # of whom a split left out some
        (np.arange(600) % 200 - 100).astype(np.int8),
        np.char.add("house ", PRICES.astype(str)),
        PRICES % 300,  # 100 of them
        np.where(np.arange(300) < 101, PRICES, 0).repeat(2),  # six rows each
    ],
)
def test_of_other_classes_nothing_is_said(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier((2,), **QUICK).fit(np.resize(X, (len(y), 3)), y)


def test_of_classes_that_are_listed_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = MLPClassifier((2,), **QUICK)
        clf.partial_fit(X[:20], PRICES[:20], classes=np.unique(PRICES))


@pytest.mark.parametrize(
    "clf",
    [MLPClassifier((2,)), NetClassifier(torch.nn.Linear(3, 2)), TabularMLPClassifier()],
)
def test_classes_of_validation_rows_alone_are_named(clf):
    y = np.array(["no", "yes"])[CODES % 2]
    unknown = np.where(CODES == 2, np.char.add("v", np.arange(30).astype(str)), y)

    assert message_of(clf.fit, X, y, X_val=X, y_val=unknown) == (
        "`y_val` has classes that `y` has not: 'v11', 'v14', 'v17', 'v2', 'v20' and 5 "
        "others. Leave out their rows, or fit to rows of these classes too."
    )


def test_classes_that_a_stream_brings_too_late_are_named():
    clf = MLPClassifier((2,), **QUICK).partial_fit(X, CODES, classes=range(30))

    assert message_of(clf.partial_fit, X, CODES + 28) == (
        "`y` has classes not in `self.classes_`: 30. `self.classes_` has 0, 1, 2, 3, 4 "
        "and 25 others. Pass all that will ever come as `classes` of the first call of "
        "partial_fit."
    )


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


# B08: Labels of any kind are learnt as their codes are, and predicted as they came.
@pytest.mark.must_never("B08")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind, early_stopping, digits_slice):
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


@pytest.mark.must_never("B08")
def test_pandas_categories_are_labels(digits_slice):
    X, y = digits_slice
    X, y = X[y < 3], y[y < 3]
    names = pd.Categorical.from_codes(y, ["zero", "one", "two"])

    clf = make(MLPClassifier).fit(X, pd.Series(names))

    assert set(clf.predict(X)) <= {"zero", "one", "two"} == set(clf.classes_)
    assert np.mean(clf.predict(X) == np.asarray(names)) > 0.9


# B09: Predictions have the shape of y; a column is one with scikit-learn's warning.
@pytest.mark.must_never("B09")
def test_predictions_have_the_shape_of_y(diabetes):
    X, y = diabetes

    assert make(MLPRegressor).fit(X, y).predict(X).shape == (200,)
    two = np.column_stack([y, -y])
    assert make(MLPRegressor).fit(X, two).predict(X).shape == (200, 2)
    message = "A column-vector y was passed when a 1d array was expected"
    with pytest.warns(DataConversionWarning, match=message):
        assert make(MLPRegressor).fit(X, y[:, None]).predict(X).shape == (200,)


# B10: The prediction of one row has one row.
@pytest.mark.must_never("B10")
def test_one_row_keeps_its_axis(digits_slice, diabetes):
    X, y = digits_slice
    for classes in (10, 2):
        clf = make(MLPClassifier).fit(X[y < classes], y[y < classes])
        assert clf.predict(X[:1]).shape == (1,)
        assert clf.predict_proba(X[:1]).shape == (1, classes)
    X, y = diabetes
    assert make(MLPRegressor).fit(X, y).predict(X[:1]).shape == (1,)
    two = make(MLPRegressor).fit(X, np.column_stack([y, y]))
    assert two.predict(X[:1]).shape == (1, 2)


NUMBERS_WITH_A_GAP = np.where(np.arange(30) == 7, np.nan, 1.0 * CODES)
LABELS_WITH_A_GAP = LABELS["strings"][CODES % 2].astype(object)
LABELS_WITH_A_GAP[7] = np.nan


@pytest.mark.parametrize(
    "estimator, y",
    [
        (MLPRegressor(), NUMBERS_WITH_A_GAP),
        (MLPClassifier(), NUMBERS_WITH_A_GAP),
        (MLPClassifier(), LABELS_WITH_A_GAP),
        (NetRegressor(torch.nn.Linear(3, 1)), NUMBERS_WITH_A_GAP),
        (TabularMLPRegressor(), NUMBERS_WITH_A_GAP),
        (TabularMLPClassifier(), NUMBERS_WITH_A_GAP),
        (TabularMLPClassifier(), LABELS_WITH_A_GAP),
        (TabularMLPClassifier(), pd.Series(LABELS_WITH_A_GAP)),
        (TabularMLPClassifier(), [*"abc" * 9, None, "b", "c"]),
        (MLPClassifier(), pd.Series(LABELS_WITH_A_GAP, dtype="string")),
        (MLPRegressor(), [*range(29), None]),
    ],
)
def test_rows_without_y_are_to_be_left_out(estimator, y):
    message = message_of(estimator.fit, X, y)

    assert message == (
        f"Input y contains NaN. {type(estimator).__name__} needs to know what it "
        "learns: leave out the rows where y is missing, by X[pd.notna(y)] and "
        "y[pd.notna(y)]."
    )
