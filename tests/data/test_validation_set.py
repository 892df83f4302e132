"""Errors about the validation set say that they are."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

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
