"""Saving what is scikit-learn's: Pipelines and their steps."""

import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor, load, save
from sknn_deep.persistence import ModelFileError
from tests.conversion.models import from_short_fits
from tests.persistence.damaged_files import change_document
from tests.requirements import needs

pytestmark = from_short_fits
since_numpy_says_numpy = needs(
    "numpy>=2.0", "older ones name another module for their functions"
)


def make(cls, **params):
    defaults = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}
    return cls(**defaults | {"learning_rate": "cosine"} | params)


def make_table():
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "size": rng.uniform(1, 9, 50),
            "age": np.where(rng.uniform(size=50) < 0.2, np.nan, rng.normal(size=50)),
            "colour": np.array(["red", "green", "blue"])[rng.randint(3, size=50)],
        }
    )
    return X, np.where(X["size"] > 5, "large", "small")


def and_back(model, folder):
    save(model, folder / "model.sknn")
    return load(folder / "model.sknn")


def test_load_gives_a_pipeline_of_a_table_back(tmp_path):
    X, y = make_table()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["size", "age"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ]
    )
    pipe = make_pipeline(columns, make(MLPClassifier)).fit(X, y)

    loaded = and_back(pipe, tmp_path)

    assert_array_equal(loaded.predict_proba(X), pipe.predict_proba(X))
    assert loaded.score(X, y) == pipe.score(X, y)
    assert_array_equal(
        loaded[:-1].get_feature_names_out(), pipe[:-1].get_feature_names_out()
    )
    assert_array_equal(loaded.fit(X, y).predict_proba(X), pipe.predict_proba(X))


@pytest.mark.parametrize(
    "steps",
    [
        (MinMaxScaler(), make(AutoencoderTransformer), make(AutoencoderTransformer)),
        (PCA(2, random_state=np.random.RandomState(0)), SelectKBest(k=1)),
        (QuantileTransformer(n_quantiles=9), FunctionTransformer(np.log1p)),
        (make_union(StandardScaler(), make(AutoencoderTransformer)),),
        ("passthrough", StandardScaler().set_output(transform="pandas")),
    ],
    ids=lambda steps: str(steps)[:50],
)
def test_load_gives_other_steps_back(steps, tmp_path):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(40, 3))
    pipe = make_pipeline(*steps, make(MLPClassifier)).fit(X, X[:, 0] > 0.5)

    loaded = and_back(pipe, tmp_path)

    assert [name for name, _ in loaded.steps] == [name for name, _ in pipe.steps]
    assert_array_equal(loaded.predict_proba(X), pipe.predict_proba(X))


def test_load_gives_selectors_of_columns_back(tmp_path):
    X, y = make_table()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), make_column_selector(dtype_include="number")),
            (
                "rest",
                "drop",
                make_column_selector(pattern="^c", dtype_exclude="number"),
            ),
        ]
    )
    pipe = make_pipeline(columns, make(MLPClassifier)).fit(X.fillna(0), y)

    loaded = and_back(pipe, tmp_path)

    expected = pipe.predict_proba(X.fillna(0))
    assert_array_equal(loaded.predict_proba(X.fillna(0)), expected)
    refitted = loaded.fit(X.fillna(0), y)
    assert_array_equal(refitted.predict_proba(X.fillna(0)), expected)


def test_load_gives_a_transformed_target_back(tmp_path):
    X = np.random.RandomState(0).uniform(size=(40, 3))
    model = TransformedTargetRegressor(
        make(MLPRegressor), transformer=StandardScaler()
    ).fit(X, 1e3 * X[:, 0])

    assert_array_equal(and_back(model, tmp_path).predict(X), model.predict(X))


def test_load_gives_a_vocabulary_back(tmp_path):
    texts = [f"word{i} word{i % 7} and some more" for i in range(200)]
    pipe = make_pipeline(TfidfVectorizer(), make(MLPRegressor))
    pipe.fit(texts, np.arange(200.0))

    assert_array_equal(and_back(pipe, tmp_path).predict(texts), pipe.predict(texts))


class OwnTransformer(TransformerMixin, BaseEstimator):
    """A step that only this test knows."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (OwnTransformer(), "OwnTransformer"),
        (FunctionTransformer(lambda X: X), "cannot be saved as data"),
        (FunctionTransformer(print), "print"),
        (SelectKBest(os.system, k=1), "system"),
        (make_union(RandomForestClassifier(2, max_depth=2)), "Tree"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_save_refuses_steps_that_are_no_data(step, message, tmp_path):
    X = np.random.RandomState(0).uniform(size=(30, 2))
    if message == "Tree":
        step.transformer_list[0][1].fit(X, X[:, 0] > 0.5)

    with pytest.raises(TypeError, match=message):
        save(make_pipeline(step, make(MLPRegressor)), tmp_path / "pipe.sknn")

    assert os.listdir(tmp_path) == []


class OwnClassifier(MLPClassifier):
    """An estimator that only this test knows."""


PICKLE = "use pickle, for files that nobody else can write."
PARTS = {
    "parameter": (
        make(MLPClassifier, scoring=print),
        "The 'scoring' parameter of MLPClassifier in this Pipeline cannot be saved as "
        "data: <built-in function print>. Set it to something else first (None, where "
        f"it can be None), or {PICKLE}",
    ),
    "step": (
        make_pipeline(RandomForestClassifier(2)),
        "This Pipeline cannot be saved as data: its RandomForestClassifier holds "
        f"numpy.ndarray, sklearn.tree._tree.Tree. Replace this part, or {PICKLE}",
    ),
    "function": (
        make_pipeline(FunctionTransformer(print), make(MLPClassifier)),
        "This Pipeline cannot be saved as data: its FunctionTransformer holds "
        f"builtins.print. Replace this part, or {PICKLE}",
    ),
    "search": (
        GridSearchCV(make(MLPClassifier), {"alpha": [0.1]}, cv=2),
        "This Pipeline cannot be saved as data: its GridSearchCV holds "
        f"{np.ma.MaskedArray.__module__}.MaskedArray, numpy.ndarray. Put "
        f"best_estimator_ of GridSearchCV in its place, or {PICKLE}",
    ),
    "own class": (
        make(OwnClassifier),
        "This Pipeline cannot be saved as data: OwnClassifier is a class of your own, "
        f"whose code would be needed to load it. {PICKLE.capitalize()}",
    ),
}


@pytest.mark.filterwarnings("ignore:This Pipeline is not fitted")
@pytest.mark.parametrize("name", PARTS)
def test_save_names_the_part_and_the_whole(name, tmp_path):
    X = np.random.RandomState(0).uniform(size=(30, 2))
    last, message = PARTS[name]
    pipe = make_pipeline(StandardScaler(), clone(last))
    if name in ("step", "search"):
        pipe.fit(X, X[:, 0] > 0.5)

    with pytest.raises(TypeError) as caught:
        save(pipe, tmp_path / "pipe.sknn")

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"FunctionTransformer"', b'"OwnTransformer"', "OwnTransformer"),
        pytest.param(b'"log1p"', b'"save"', "numpy.save", marks=since_numpy_says_numpy),
        pytest.param(b'"__module__":"numpy","__loader__":"FunctionNode"',
                     b'"__module__":"os","__loader__":"FunctionNode"', "os.log1p",
                     marks=since_numpy_says_numpy),
        (b'"__loader__":"FunctionNode"', b'"__loader__":"MethodNode"', "log1p"),
        (b'"__loader__":"FunctionNode"', b'"__loader__":"TreeNode"', "log1p"),
        (b'"__loader__":"FunctionNode"', b'"__loader__":"NdArrayNode"', "log1p"),
        (b'"__loader__":"FunctionNode"', b'"__id__":7,"__loader__":"FunctionNode"',
         "references"),
        (b'"number"', b'"nummer"', "number"),
    ],
    ids=str,
)  # fmt: skip
def test_load_refuses_forged_parts_of_scikit_learn(old, new, reason, tmp_path):
    X = np.random.RandomState(0).uniform(size=(30, 2))
    pipe = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    path = tmp_path / "pipe.sknn"
    save(pipe.fit(X), path)
    change_document(path, old, new)

    with pytest.raises(ModelFileError, match="cannot be loaded") as raised:
        load(path)

    assert reason in str(raised.value)


def test_networks_alone_need_no_skops(tmp_path):
    X = np.random.RandomState(0).uniform(size=(30, 2))
    code = (
        "import sys; sys.modules['skops'] = None\n"
        "import numpy as np, sknn_deep\n"
        "from sklearn.pipeline import make_pipeline\n"
        "X = np.ones((30, 2))\n"
        "reg = sknn_deep.MLPRegressor(max_iter=1, learning_rate='cosine')\n"
        "sknn_deep.save(reg.fit(X, X[:, 0]), 'reg.sknn')\n"
        "sknn_deep.load('reg.sknn').predict(X)\n"
        "for use in (lambda: sknn_deep.save(make_pipeline(reg), 'pipe2.sknn'),\n"
        "            lambda: sknn_deep.load('pipe.sknn')):\n"
        "    try: use()\n"
        "    except ImportError as error: print(error)\n"
    )
    save(make_pipeline(StandardScaler()).fit(X), tmp_path / "pipe.sknn")

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    lines = io.StringIO(done.stdout).readlines()
    assert len(lines) == 2
    assert all('install "sknn-deep[persistence]"' in line for line in lines)
