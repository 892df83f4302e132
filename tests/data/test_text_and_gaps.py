"""Text and gaps in X, and words as numbers to predict, are answered by a cure."""

import numpy as np
import pandas as pd
import pytest

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep.modules import ConvNet

TABLE = pd.DataFrame({"age": np.arange(20.0), "work": ["Private", "State"] * 10})
NUMBERS = np.random.default_rng(0).normal(size=(20, 2))
WITH_GAP = np.where(NUMBERS.max() == NUMBERS, np.nan, NUMBERS)
y = np.arange(20) % 2
WORDS = np.where(y, "high", "low")

ENCODER = "put a OneHotEncoder for the columns of text, before it in a Pipeline."
CASES = [
    (MLPClassifier(), "TabularMLPClassifier"),
    (MLPRegressor(), "TabularMLPRegressor"),
    (AutoencoderTransformer(), ""),
    (NeighborAutoencoder(), ""),
    (NetClassifier(ConvNet), ""),
    (NetRegressor(ConvNet), ""),
]


def message_of(function, *args):
    with pytest.raises(ValueError) as caught:
        function(*args)
    return str(caught.value)


@pytest.mark.parametrize(("estimator", "tables"), CASES)
@pytest.mark.parametrize(
    ("X", "label"),
    [(TABLE, "'work'"), (TABLE.to_numpy(), "at index 1")],
    ids=["DataFrame", "array"],
)
def test_a_column_of_text_is_named_with_what_takes_it(estimator, tables, X, label):
    owner = type(estimator).__name__
    ways = f"{tables} takes the table as it is. Or {ENCODER}" if tables else ENCODER

    assert message_of(estimator.fit, X, y) == (
        f"could not convert string to float: 'Private'\nThe column {label} of X has "
        f"text, and {owner} takes numbers: {ways}"
    )


def test_text_in_a_prediction_is_to_be_encoded_as_in_the_fit():
    clf = MLPClassifier((2,), learning_rate="cosine", max_iter=1).fit(NUMBERS, y)

    assert message_of(clf.predict, TABLE.to_numpy()) == (
        "could not convert string to float: 'Private'\nThe column at index 1 of X has "
        "text, and MLPClassifier takes numbers, as in its fit: encode it in the same "
        "way."
    )


@pytest.mark.parametrize(("estimator", "tables"), CASES)
def test_gaps_are_answered_by_what_fills_or_takes_them(estimator, tables):
    instead = f", or use {tables}, which takes them as they are" if tables else ""

    assert message_of(estimator.fit, WITH_GAP, y) == (
        f"Input X contains NaN. {type(estimator).__name__} takes no missing values: "
        f"put SimpleImputer() before it in a Pipeline{instead}."
    )


@pytest.mark.parametrize(
    "estimator", [MLPRegressor(), TabularMLPRegressor(), NetRegressor(ConvNet)]
)
@pytest.mark.parametrize(
    ("words", "got"),
    [(WORDS, "an array of dtype <U4"), (WORDS.astype(object), "'low'")],
    ids=["text", "objects"],
)
def test_words_in_y_of_a_regressor_are_answered_by_the_classifier(
    estimator, words, got
):
    owner = type(estimator).__name__

    assert message_of(estimator.fit, NUMBERS, words) == (
        f"y of {owner} must hold numbers. Got {got}. Classes are learnt by "
        f"{owner.replace('Regressor', 'Classifier')}."
    )


def test_words_in_a_column_that_held_numbers_are_to_be_brought_to_numbers():
    clf = TabularMLPClassifier(max_iter=1, hidden_layer_sizes=(4,), random_state=0)
    clf.fit(TABLE, y)
    later = TABLE.assign(age=["old"] * 20)

    assert message_of(clf.predict, later) == (
        "TabularMLPClassifier got 'old' in the column 'age', which held numbers in the "
        "fit. Bring it to numbers, by pd.to_numeric for instance, or fit again."
    )


SUPERVISED = [
    MLPClassifier(),
    MLPRegressor(),
    NetRegressor(ConvNet),
    TabularMLPClassifier(),
    TabularMLPRegressor(),
]


@pytest.mark.parametrize("estimator", SUPERVISED, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("dtype", [np.float64, object])
def test_infinite_y_says_which_rows_to_leave_out(estimator, dtype):
    infinite = np.where(y == 1, np.inf, 0.5).astype(dtype)

    assert message_of(estimator.fit, NUMBERS, infinite) == (
        "Input y contains infinity or a value too large for dtype('float64'). "
        f"{type(estimator).__name__} needs to know what it learns: leave out the rows "
        "where y is infinite, by X[np.isfinite(y)] and y[np.isfinite(y)]."
    )


@pytest.mark.parametrize(
    "estimator", [case[0] for case in CASES], ids=lambda e: type(e).__name__
)
def test_infinite_X_says_what_to_do(estimator):
    infinite = np.where(NUMBERS.max() == NUMBERS, np.inf, NUMBERS)

    message = message_of(estimator.fit, infinite, y)

    assert message.startswith("Input X contains infinity or a value too large for ")
    assert message.endswith(
        f" {type(estimator).__name__} takes finite numbers: make NaN of the others, by "
        "np.where(np.isfinite(X), X, np.nan), and put SimpleImputer() before it in a "
        "Pipeline."
    )


@pytest.mark.parametrize("estimator", SUPERVISED, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("first", [y, pd.Series(WORDS)], ids=["numbers", "words"])
def test_y_before_X_says_the_order(estimator, first):
    assert message_of(estimator.fit, first, TABLE) == (
        f"{type(estimator).__name__} takes X first and then y, as in fit(X, y). Got an "
        "X of shape (20,) and a y of shape (20, 2)."
    )


def test_a_vector_that_is_X_is_to_be_reshaped_as_before():
    assert message_of(MLPRegressor().fit, NUMBERS[:, 0], y).startswith(
        "Expected 2D array, got 1D array instead"
    )
    assert message_of(MLPRegressor().fit, NUMBERS[:, 0], y[:, None]).startswith(
        "Expected 2D array, got 1D array instead"
    )
