"""Errors about the validation set say that they are."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NetClassifier,
    TabularMLPClassifier,
)
from sknn_deep.fitting import say_other_scale
from tests.estimators.own_modules import TwoLinear

X = np.random.default_rng(0).normal(size=(30, 4))
y = np.arange(30) % 2
NARROW, WITH_NAN = X[:, :3], np.where(X.max() == X, np.nan, X)
MLPS = [MLPClassifier(max_iter=2), MLPRegressor(max_iter=2)]


@pytest.mark.parametrize("estimator", MLPS)
@pytest.mark.parametrize(
    "validation",
    [
        {"X_val": NARROW, "y_val": y},
        {"X_val": WITH_NAN, "y_val": y},
        {"X_val": X, "y_val": y[:-1]},
        {"X_val": X, "y_val": y, "sample_weight_val": -np.ones(30)},
    ],
    ids=["too few features", "NaN", "too few labels", "negative weights"],
)
def test_error_about_the_validation_set_says_so(estimator, validation):
    with pytest.raises(ValueError) as caught:
        estimator.fit(X, y, **validation)

    (note,) = caught.value.__notes__
    assert "validation set: X_val" in note


@pytest.mark.parametrize("X_val", [NARROW, WITH_NAN], ids=["too few features", "NaN"])
def test_error_about_the_autoencoders_validation_set_says_so(X_val):
    with pytest.raises(ValueError) as caught:
        AutoencoderTransformer(n_components=2, max_iter=2).fit(X, X_val=X_val)

    (note,) = caught.value.__notes__
    assert "validation set: X_val" in note


PIPELINE = (
    "\nIn a Pipeline, X_val comes past the steps before the {}, unless the Pipeline is "
    "to transform it too: sklearn.set_config(enable_metadata_routing=True), "
    'Pipeline(..., transform_input=["X_val"]), and set_fit_request(X_val=True, ...) of '
    "the network."
)


@pytest.mark.parametrize("estimator", [*MLPS, AutoencoderTransformer(max_iter=2)])
@pytest.mark.parametrize("step", ["text", "another width"])
def test_raw_validation_rows_in_a_pipeline_say_how_to_transform_them(estimator, step):
    table = pd.DataFrame({"work": ["Private", "State"] * 10, "age": np.arange(20.0)})
    labels = table["age"] > 9
    pipe = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["work"]), remainder="passthrough"),
        estimator,
    )
    name = type(estimator).__name__
    X_val = table.to_numpy() if step == "text" else table[["age"]].to_numpy()
    validation = {"X_val": X_val, "y_val": labels}
    if isinstance(estimator, AutoencoderTransformer):
        del validation["y_val"]

    prefix = f"{name.lower()}__"

    with pytest.raises(ValueError) as caught:
        pipe.fit(table, labels, **{prefix + k: v for k, v in validation.items()})

    first = {
        "text": "could not convert string to float: 'Private'\nThe column at index 0 "
        f"of X has text, and {name} takes numbers, as in its fit: encode it in the "
        "same way.",
        "another width": f"X has 1 features, but {name} is expecting 3 features as "
        "input.",
    }
    assert str(caught.value) == first[step] + PIPELINE.format(name)


def test_the_cure_that_the_message_names_works():
    table = pd.DataFrame({"work": ["Private", "State"] * 10, "age": np.arange(20.0)})
    labels = table["age"] > 9
    clf = MLPClassifier(max_iter=2, learning_rate="cosine", random_state=0)
    encode = make_column_transformer(
        (OneHotEncoder(), ["work"]), remainder="passthrough"
    )
    with config_context(enable_metadata_routing=True):
        clf.set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline([("encode", encode), ("clf", clf)], transform_input=["X_val"])
        pipe.fit(table, labels, X_val=table, y_val=labels)

    assert len(pipe["clf"].validation_scores_) == 2


@pytest.mark.parametrize("estimator", MLPS)
def test_error_about_the_training_rows_says_nothing_of_the_validation_set(estimator):
    with pytest.raises(ValueError) as caught:
        estimator.fit(WITH_NAN, y, X_val=X, y_val=y)

    assert not getattr(caught.value, "__notes__", [])


RAW = np.random.default_rng(1).normal([40, 1e5, 12, 0], [10, 3e4, 2, 1], size=(60, 4))
SCALED = (RAW - RAW.mean(axis=0)) / RAW.std(axis=0)


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(max_iter=2, learning_rate="one_cycle"),
        MLPRegressor(max_iter=2, learning_rate="one_cycle", n_estimators=2),
        NetClassifier(TwoLinear, max_iter=2, learning_rate="one_cycle"),
        AutoencoderTransformer(max_iter=2, learning_rate="one_cycle"),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_validation_rows_that_were_not_scaled_are_warned_of_once(estimator):
    given = {"X_val": RAW}
    if not isinstance(estimator, AutoencoderTransformer):
        given["y_val"] = np.arange(60) % 2
    pipe = make_pipeline(StandardScaler(), estimator)
    prefix = f"{type(estimator).__name__.lower()}__"

    with pytest.warns(UserWarning) as caught:
        pipe.fit(RAW, np.arange(60) % 2, **{prefix + k: v for k, v in given.items()})

    (warning,) = caught
    name, column = type(estimator).__name__, SCALED[:, 1]
    assert str(warning.message) == (
        f"X_val of {name} is far from X in 2 of 4 columns: the middle value of column "
        f"1 is {np.median(RAW[:, 1]):.3g}, and X ranges from {column.min():.3g} to "
        f"{column.max():.3g} there. {PIPELINE.format(name).strip()}"
    )


def test_columns_far_off_are_named_and_those_of_sparse_rows_too():
    X_val = X + np.array([0, 1e3, 0, -2e3])

    said = say_other_scale(X, X_val, ["a", "b", "c", "d"])
    sparse = say_other_scale(sp.csr_array(X), sp.csr_array(X_val), None)

    assert said.startswith(
        "far from X in 2 of 4 columns: the middle value of 'd' is -2"
    )
    assert sparse.startswith(
        "far from X in 2 of 4 columns: the middle value of column 3"
    )


TIME = np.arange(200.0)
TREND = np.c_[TIME, 0.3 * TIME, np.exp(TIME / 50)]
RARE = np.eye(60, 40)  # of each word one row, and of many others none


@pytest.mark.parametrize(
    "X, X_val",
    [
        (TREND[:120], TREND[120:]),
        (TREND[:10], TREND[10:]),
        (np.c_[TIME, X[:20].repeat(10, 0)], np.c_[1e9 + TIME, X[:20].repeat(10, 0)]),
        (RARE, 3 * RARE),
        (sp.csr_array(RARE), sp.csr_array(RARE + 20 * np.eye(60, 40, 1))),
        (X, np.r_[X[:25], np.full((5, 4), 1e9)]),
        (np.zeros((30, 4)), X + 100),
        (X[:5], X + 100),
        (np.sign(X) * 1e308, np.sign(X) * 1.7e308),
        (X[:, None].repeat(2, 1), X[:, None].repeat(2, 1) + 100),
    ],
    ids=[
        "a trend that goes on",
        "a trend that goes on for long",
        "one date among other columns",
        "rare values",
        "sparse rare values",
        "outliers",
        "constant columns",
        "few rows",
        "numbers that have no sum",
        "rows that are no vectors",
    ],
)
def test_validation_rows_that_may_be_right_are_not_doubted(X, X_val):
    assert say_other_scale(X, X_val, None) == ""


def test_a_table_that_differs_is_not_doubted():
    clf = TabularMLPClassifier(max_iter=1, hidden_layer_sizes=(4,))

    clf.fit(SCALED, np.arange(60) % 2, X_val=RAW, y_val=np.arange(60) % 2)


def test_a_table_of_text_is_no_sign_of_a_pipeline():
    table = pd.DataFrame({"work": ["Private", "State"] * 10, "age": np.arange(20.0)})
    y = np.arange(20) % 2
    clf = TabularMLPClassifier(max_iter=1)

    with pytest.raises(ValueError) as too_long:
        clf.fit(table, y, X_val=table, y_val=y[:-1])
    with pytest.raises(ValueError) as unknown:
        clf.fit(table, y, X_val=table, y_val=y + 1)
    with pytest.raises(ValueError) as narrow:
        clf.fit(table, y, X_val=table[["age"]], y_val=y)

    for caught in (too_long, unknown, narrow):
        (note,) = caught.value.__notes__
        assert "validation set: X_val" in note
    assert str(too_long.value) == (
        "Found input variables with inconsistent numbers of samples: [20, 19]"
    )
    assert "Pipeline" not in str(unknown.value)
    assert str(narrow.value).endswith(PIPELINE.format("TabularMLPClassifier"))
