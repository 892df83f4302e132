"""Columns of numbers that became categories are named, and meant ones are not."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknn_deep import TabularMLPClassifier, TabularMLPRegressor
from sknn_deep.columns import find_categorical, read_table
from tests.columns.kinds import of_arrow, pa

OWNER = "TabularMLPClassifier"
NUMBERS = list(range(18, 47))
TEXT = [str(number) for number in NUMBERS]
WITH_A_WORD = [*NUMBERS, "?"]


def message_of(names):
    return (
        f"{OWNER} takes as categories what are numbers but for a few words, or written "
        f"as text, in these columns: {names}. Turn them into numbers by "
        "pd.to_numeric(X[column], errors='coerce'), or, if they are meant as "
        "categories, give them the dtype 'category' or name all columns of categories "
        "in categorical_features."
    )


def warn(X):
    columns = read_table(X, owner=OWNER).columns
    find_categorical("from_dtype", columns, None, owner=OWNER)


@pytest.mark.parametrize(
    "values",
    [
        WITH_A_WORD,
        [*TEXT, None],
        [*TEXT, "?", "nan", None],
        [f" {number / 7:.3f}" for number in NUMBERS],
        [f"-{number}e-3" for number in NUMBERS],
    ],
    ids=["word", "text", "words in text", "decimals", "exponents"],
)
def test_column_of_numbers_that_became_categories_is_named(values):
    frame = pd.DataFrame({"age": values})

    with pytest.warns(UserWarning) as caught:
        warn(frame)
        warn(frame.to_numpy(dtype=object))
        warn(pl.DataFrame({"age": [None if v is None else str(v) for v in values]}))

    assert [str(w.message) for w in caught] == [
        message_of("'age'"),
        message_of("at index 0"),
        message_of("'age'"),
    ]


def test_no_more_than_five_columns_are_named():
    with pytest.warns(UserWarning) as caught:
        warn(pd.DataFrame({f"x{i}": TEXT for i in range(7)}))

    (warning,) = caught
    assert str(warning.message) == message_of(
        "'x0', 'x1', 'x2', 'x3', 'x4' and 2 others"
    )


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(NUMBERS),
        pd.Series(TEXT[:20] * 2),
        pd.Series(["1", "2", "3"] * 20),
        pd.Series([f"0{text}" for text in TEXT]),
        pd.Series([*TEXT[:26], "a", "b", "c"]),
        pd.Series([f"town {text}" for text in TEXT]),
        pd.Series(["nan", "inf", *[f"1_{text}" for text in TEXT]]),
        pd.Series(TEXT, dtype="category"),
        of_arrow(TEXT, pa.dictionary(pa.int32(), pa.string())),
        pl.Series(TEXT, dtype=pl.Categorical),
        pl.Series(TEXT, dtype=pl.Enum(TEXT)),
    ],
    ids=[
        "numbers",
        "twenty",
        "three",
        "leading zeros",
        "a tenth words and more",
        "words",
        "no numbers of pandas",
        "category",
        "dictionary",
        "Categorical",
        "Enum",
    ],
)
def test_column_that_may_be_meant_as_categories_is_not_named(column):
    library = pl if isinstance(column, pl.Series) else pd
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn(library.DataFrame({"x": column}))


@pytest.mark.parametrize("Tabular", [TabularMLPClassifier, TabularMLPRegressor])
def test_fit_warns_once_and_not_of_columns_that_it_was_told_of(Tabular):
    X = pd.DataFrame({"age": [*WITH_A_WORD] * 2, "size": np.arange(60.0)})
    est = Tabular(hidden_layer_sizes=(4,), max_iter=1, device="cpu", random_state=0)

    with pytest.warns(UserWarning, match="in these columns: 'age'\\.") as caught:
        est.fit(X, [0, 1] * 30)
    assert len(caught) == 1
    assert est.is_categorical_.tolist() == [True, False]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        est.predict(X)
        est.set_params(categorical_features=["age"]).fit(X, [0, 1] * 30)
