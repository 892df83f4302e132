import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknn_deep.columns import TableEncoder, find_categorical, read_table
from sknn_deep.columns._scale import apply_scale, learn_scale
from tests.requirements import since_pyarrow_is_there

OWNER = "TabularMLPClassifier"


def fit_encoder(X, categorical="from_dtype", max_onehot=8):
    table = read_table(X, owner=OWNER)
    is_categorical = find_categorical(categorical, table.columns, None, owner=OWNER)
    encoder = TableEncoder.fit(
        table, is_categorical, max_onehot=max_onehot, owner=OWNER
    )
    return encoder, encode(encoder, X)


def encode(encoder, X):
    return encoder.encode(read_table(X, owner=OWNER), owner=OWNER)


def scale_by_hand(column):
    """Scale one column as the recipe says it."""
    present = column[~np.isnan(column)]
    low, median, high = np.quantile(present, [0.25, 0.5, 0.75])
    width = high - low
    if width == 0:
        width = (present.max() - present.min()) / 2
    if width == 0:
        return np.zeros(len(column))
    scaled = (np.where(np.isnan(column), median, column) - median) / width
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


@pytest.mark.parametrize(
    "column",
    [
        [1.0, 2.0, 5.0, 9.0, -4.0],
        [1.0, np.nan, 5.0, 9.0, -4.0],
        [0.0, 0.0, 0.0, 0.0, 7.0],
        [3.0, 3.0, 3.0],
        [1e30, -1e30, 2e30, 0.0],
    ],
)
def test_numbers_are_scaled_by_quartiles_and_clipped_smoothly(column):
    column = np.array(column)
    median, factor = learn_scale(column[:, None])

    scaled = apply_scale(column[:, None], median, factor)[:, 0]

    np.testing.assert_allclose(scaled, scale_by_hand(column), rtol=1e-12, atol=1e-15)
    assert np.abs(scaled).max() < 3


def test_largest_numbers_of_float64_are_scaled():
    largest = np.finfo(np.float64).max
    column = np.array([-largest, 0.0, largest])[:, None]

    scaled = apply_scale(column, *learn_scale(column))[:, 0]

    assert np.isfinite(scaled).all()
    assert (np.diff(scaled) > 0).all()


def test_missing_numbers_become_the_median_with_an_indicator():
    X = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "b": [1.0, 2.0, 3.0, 4.0]})
    encoder, encoded = fit_encoder(X)

    assert (encoder.n_numbers, encoder.n_plain) == (2, 1)
    assert encoded[1, 0] == 0
    assert len(set(encoded[[0, 2, 3], 2])) == 1 and encoded[1, 2] != encoded[0, 2]
    # Where the fit had none missing, it is as if it were the median.
    later = encode(encoder, pd.DataFrame({"a": [3.0], "b": [np.nan]}))
    assert later[0, 1] == 0


def test_column_that_is_missing_as_a_whole_is_zero():
    encoder, encoded = fit_encoder(np.array([[np.nan, 1.0], [np.nan, 2.0]]))

    assert (encoder.n_numbers, encoder.n_plain) == (2, 0)
    assert (encoded[:, 0] == 0).all()
    assert (encode(encoder, np.array([[7.0, 1.0]]))[:, 0] == 0).all()


def test_two_categories_are_one_column_and_missing_lies_between():
    X = pd.DataFrame({"c": ["b", "a", None, "b", "a"]})
    encoder, encoded = fit_encoder(X)

    assert encoded.shape == (5, 1)
    b, a, missing = encoded[:3, 0]
    assert a < missing < b
    unknown = encode(encoder, pd.DataFrame({"c": ["new"]}))
    assert unknown[0, 0] == missing


def test_few_categories_are_one_column_each_up_to_and_including_the_limit():
    X = pd.DataFrame({"c": [*"abcdefgh", None]})

    encoder, encoded = fit_encoder(X, max_onehot=9)
    assert (encoder.n_plain, encoder.n_categories) == (9, [])
    assert (np.argmax(encoded, axis=1) == np.arange(9)).all()

    encoder, encoded = fit_encoder(X, max_onehot=8)
    assert (encoder.n_plain, encoder.n_categories) == (0, [9])
    assert encoded[:, 0].tolist() == list(range(9))


@pytest.mark.parametrize("max_onehot", [8, 1], ids=["columns", "codes"])
def test_a_column_of_which_no_value_was_fitted_is_named(max_onehot):
    X = pd.DataFrame({"town": ["Bern", "Basel", None] * 4, "heating": ["gas"] * 12})
    encoder, _ = fit_encoder(X, max_onehot=max_onehot)
    as_codes = X.assign(town=pd.Series([1, 0, None] * 4, dtype="category"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(encoder, as_codes)  # eight values are too few to tell

    with pytest.warns(UserWarning) as caught:
        encode(encoder, pd.concat([as_codes] * 2, ignore_index=True))
    assert [str(w.message) for w in caught] == [
        "TabularMLPClassifier was fitted to none of the values in the column 'town': "
        "1 came, for instance, and 'Basel' was fitted. All of them count as unknown: "
        "pass them in the form of the fit."
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(encoder, pd.concat([X[:1], as_codes, as_codes], ignore_index=True))


def test_a_column_that_was_missing_as_a_whole_is_not_named():
    nothing = pd.DataFrame({"town": pd.Series([None] * 12, dtype="category")})
    encoder, _ = fit_encoder(nothing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(encoder, pd.DataFrame({"town": ["Bern"] * 12}))
        encode(encoder, nothing)


def test_unknown_category_gets_a_code_of_its_own_and_missing_one_that_was_there():
    X = pd.DataFrame({"c": [f"v{i:03}" for i in range(1000)]})
    encoder, encoded = fit_encoder(X)

    assert encoder.n_categories == [1000]
    assert encoded[:, 0].tolist() == list(range(1000))
    later = encode(encoder, pd.DataFrame({"c": ["new", None, "v007"]}))
    assert later[:, 0].tolist() == [1000, 1000, 7]


@since_pyarrow_is_there
def test_categories_are_told_by_value_whatever_the_type_of_the_column():
    fitted = pd.DataFrame({"c": pd.Categorical(["b", "a", "c", None])})
    encoder, encoded = fit_encoder(fitted, max_onehot=0)
    others = [
        pd.DataFrame({"c": pd.Categorical(["b", "a", "c", None], list("cxab"))}),
        pd.DataFrame({"c": ["b", "a", "c", None]}),
        pd.DataFrame({"c": pd.array(["b", "a", "c", None], "string[pyarrow]")}),
        pl.DataFrame({"c": ["b", "a", "c", None]}),
        pl.DataFrame(
            {"c": pl.Series(["b", "a", "c", None], dtype=pl.Enum(list("cab")))}
        ),
        np.array([["b"], ["a"], ["c"], [np.nan]], dtype=object),
    ]

    for other in others:
        np.testing.assert_array_equal(encode(encoder, other), encoded)


def test_numbers_are_categories_where_they_are_said_to_be():
    X = np.array([[3.0, 1.0], [1.0, 2.0], [np.nan, 3.0], [2.0, 4.0]])
    encoder, encoded = fit_encoder(X, categorical=[0], max_onehot=0)

    assert encoder.n_categories == [4]
    assert encoded[:, -1].tolist() == [2, 0, 3, 1]
    np.testing.assert_array_equal(
        encoder.categories[0].to_array(), [1.0, 2.0, 3.0, np.nan]
    )


def test_infinity_is_refused_with_the_name_of_the_column():
    encoder, _ = fit_encoder(pd.DataFrame({"a": [1.0, 2.0]}))

    with pytest.raises(ValueError, match=r"infinity .* found it in the column 'a'"):
        encode(encoder, pd.DataFrame({"a": [np.inf]}))
