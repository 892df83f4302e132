"""The estimators for tables as torch modules and ONNX files."""

import pickle

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from sknn_deep import (
    TabularMLPClassifier,
    TabularMLPRegressor,
    to_onnx,
    to_sklearn,
    to_torch,
)

SMALL = {
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "device": "cpu",
    "max_cat_to_onehot": 4,
    "categorical_features": ["color", "town", "grade", "side"],
}
N_ROWS = 60


def make_table():
    """Make numbers, bool, strings of two, few and many values, and a category of
    numbers, most of them with gaps."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=N_ROWS),
            "color": rng.choice(["red", "green", "blue"], N_ROWS),
            "year": 2000.0 + rng.randint(20, size=N_ROWS),
            "town": rng.choice([f"t{i}" for i in range(9)], N_ROWS),
            "grade": rng.choice([1, 2, 3.5], N_ROWS),
            "is_new": rng.rand(N_ROWS) < 0.3,
            "side": rng.choice(["left", "right"], N_ROWS),
        }
    )
    signal = X["size"].to_numpy() + (X["color"] == "red") * 2 + (X["grade"] > 2)
    for i, name in enumerate(["size", "color", "town", "grade"]):
        X.loc[i::8, name] = np.nan
    return X, signal.to_numpy()


X, SIGNAL = make_table()
# With numbers and categories that the fit has not seen, and new gaps.
STRANGE = X.assign(
    color=np.where(np.arange(N_ROWS) % 5 == 1, "pink", X["color"]),
    town=np.where(np.arange(N_ROWS) % 5 == 2, "new", X["town"]),
    grade=np.where(np.arange(N_ROWS) % 5 == 3, 7.0, X["grade"]),
    side=np.where(np.arange(N_ROWS) % 5 == 4, None, X["side"]),
    year=np.where(np.arange(N_ROWS) % 5 == 0, np.nan, X["year"] + 30),
    size=np.where(np.arange(N_ROWS) % 7 == 0, 1e30, X["size"]),
)
COUNTS = np.round(np.exp(SIGNAL / 2))
MODELS = {
    "classes": (TabularMLPClassifier(**SMALL), np.digitize(SIGNAL, [0.8, 2.2])),
    "two words": (TabularMLPClassifier(**SMALL), np.where(SIGNAL > 1, "yes", "no")),
    "one class": (TabularMLPClassifier(**SMALL), np.zeros(N_ROWS)),
    "labels": (TabularMLPClassifier(**SMALL), np.c_[SIGNAL > 1, SIGNAL > 2] * 1),
    "numbers": (TabularMLPRegressor(**SMALL), 100 + SIGNAL),
    "columns of y": (TabularMLPRegressor(**SMALL), np.c_[SIGNAL, 9 - SIGNAL]),
    "counts": (TabularMLPRegressor(**SMALL, loss="poisson"), COUNTS),
    "quantiles": (
        TabularMLPRegressor(**SMALL, loss="quantile", quantile=[0.1, 0.5, 0.9]),
        SIGNAL,
    ),
    "no embedding, no hidden layer": (
        TabularMLPRegressor(
            **SMALL | {"hidden_layer_sizes": ()},
            n_estimators=1,
            numeric_embedding=None,
        ),
        SIGNAL,
    ),
}


@pytest.fixture(scope="module")
def models():
    return {name: est.fit(X, y) for name, (est, y) in MODELS.items()}


def expected(est, X):
    given = est.predict_proba(X) if hasattr(est, "predict_proba") else est.predict(X)
    return given.reshape(len(X), -1)


def numbers_of(est, X):
    """Give what the torch module takes: categories as their places in categories_."""
    numbers, categories = np.empty(X.shape), iter(est.categories_)
    masks = np.zeros(X.shape[1]) if est.is_categorical_ is None else est.is_categorical_
    for i, (name, is_category) in enumerate(zip(X.columns, masks, strict=True)):
        column = X[name]
        if is_category:
            places = {value: place for place, value in enumerate(next(categories))}
            column = [np.nan if pd.isna(v) else places.get(v, -1) for v in column]
        numbers[:, i] = column
    return numbers


def run_onnx(path, X, dtype="float32"):
    session = onnxruntime.InferenceSession(path)
    feeds = {}
    for put in session.get_inputs():
        kind = object if put.type == "tensor(string)" else dtype
        feeds[put.name] = X[put.name].to_numpy(dtype=kind)[:, None]
    return session.run(None, feeds)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_to_torch_gives_what_the_estimator_gives(name, dtype, models):
    est = models[name]
    module = to_torch(est, dtype=dtype)

    for table in (X, STRANGE):
        with torch.no_grad():
            given = module(
                torch.tensor(numbers_of(est, table)).to(getattr(torch, dtype))
            )
        assert_allclose(given.numpy(), expected(est, table), rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_to_onnx_gives_what_the_estimator_gives(name, dtype, models, tmp_path):
    est = models[name]
    to_onnx(est, tmp_path / "est.onnx", dtype=dtype)

    for table in (X, STRANGE):
        *label, given = run_onnx(tmp_path / "est.onnx", table, dtype)
        assert_allclose(given, expected(est, table), rtol=3e-6, atol=3e-7)
        if label:
            assert_array_equal(label[0], est.predict(table))


def test_torch_module_is_of_torch_alone_and_learns(models):
    module = to_torch(models["numbers"], dtype="float64")
    rows = torch.tensor(numbers_of(models["numbers"], X))

    assert b"sknn_deep" not in pickle.dumps(module)
    again = pickle.loads(pickle.dumps(module))
    assert torch.equal(again(rows), module(rows))
    module(rows).sum().backward()
    gradients = [p.grad for p in module.parameters()]
    assert len(gradients) > 10 and all(g is not None for g in gradients)


def test_file_takes_a_column_each_by_its_name_and_type(models, tmp_path):
    to_onnx(models["classes"], tmp_path / "clf.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "clf.onnx")

    kinds = {put.name: put.type for put in session.get_inputs()}
    texts = {"color", "town", "side"}
    assert list(kinds) == list(X.columns)
    assert {name for name, kind in kinds.items() if "string" in kind} == texts
    assert all(put.shape[1] == 1 for put in session.get_inputs())


def test_file_of_columns_without_names_takes_one_matrix(tmp_path):
    numbers = X[["size", "year"]].to_numpy()
    reg = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    reg.fit(numbers, SIGNAL)
    to_onnx(reg, tmp_path / "reg.onnx", dtype="float64")
    session = onnxruntime.InferenceSession(tmp_path / "reg.onnx")

    given = session.run(["predictions"], {"X": numbers})[0]

    assert_allclose(given[:, 0], reg.predict(numbers), rtol=1e-6)


def test_file_of_objects_without_names_takes_a_column_each(tmp_path):
    table = X[["size", "town"]].astype(object).to_numpy()
    reg = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    reg.fit(table, SIGNAL)
    to_onnx(reg, tmp_path / "reg.onnx")

    frame = X[["size", "town"]].set_axis(["x0", "x1"], axis=1)
    given = run_onnx(tmp_path / "reg.onnx", frame)[0]

    assert_allclose(given[:, 0], reg.predict(table), rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("columns", [["town"], ["size"]])
def test_columns_of_one_kind_are_enough(columns, tmp_path):
    reg = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    reg.fit(X[columns], SIGNAL)
    to_onnx(reg, tmp_path / "reg.onnx")

    given = run_onnx(tmp_path / "reg.onnx", STRANGE[columns])[0]

    assert_allclose(given, expected(reg, STRANGE[columns]), rtol=3e-6, atol=3e-7)
    numbers = torch.tensor(numbers_of(reg, STRANGE[columns]))
    of_torch = to_torch(reg, dtype="float64")(numbers).detach()
    assert_allclose(of_torch, expected(reg, STRANGE[columns]), rtol=3e-6, atol=3e-7)


def test_raw_outputs_are_those_of_a_single_network(models, tmp_path):
    clf = TabularMLPClassifier(**SMALL, n_estimators=1)
    clf.fit(X, np.digitize(SIGNAL, [0.8, 2.2]))
    raw = to_torch(clf, output="raw")(torch.tensor(numbers_of(clf, X)).float())
    to_onnx(clf, tmp_path / "clf.onnx", output="raw")

    assert_allclose(
        torch.softmax(raw, -1).detach(), clf.predict_proba(X), rtol=3e-6, atol=3e-7
    )
    assert_allclose(run_onnx(tmp_path / "clf.onnx", X)[0], raw.detach(), atol=1e-5)
    with pytest.raises(ValueError, match="are a mean of activated outputs"):
        to_torch(models["classes"], output="raw")


def test_probabilities_alone_are_those_of_a_classifier(models, tmp_path):
    to_onnx(models["classes"], tmp_path / "clf.onnx", output="probabilities")

    assert len(run_onnx(tmp_path / "clf.onnx", X)) == 1
    with pytest.raises(ValueError, match="ends in no classifier"):
        to_onnx(models["numbers"], tmp_path / "x.onnx", output="probabilities")


@pytest.mark.parametrize("export", [to_torch, lambda est: to_onnx(est, "x.onnx")])
def test_what_cannot_be_written_is_refused(export):
    est = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)

    with pytest.raises(NotFittedError):
        export(est)
    est.fit(X[["size"]], SIGNAL)
    with pytest.raises(TypeError, match=r"alone, .* and not the Pipeline that holds"):
        export(make_pipeline(SimpleImputer(), est))


def test_categories_of_several_types_have_no_onnx_input(tmp_path):
    table = pd.DataFrame({"mixed": pd.Series(["a", 1] * 20, dtype=object)})
    reg = TabularMLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    reg.fit(table, SIGNAL[:40])

    with pytest.raises(TypeError, match=r"Got 1 and others in the column 'mixed'"):
        to_onnx(reg, tmp_path / "reg.onnx")


@pytest.mark.parametrize("name", ["label", "probabilities", "Concat_12", ""])
def test_columns_of_a_name_that_the_file_has_are_refused(name, tmp_path):
    table = pd.DataFrame({name: ["a", "b"] * 20, "x": np.arange(40.0)})
    clf = TabularMLPClassifier(max_iter=1, random_state=0).fit(table, [0, 1] * 20)
    if name.startswith("Concat"):  # the number is that of the graph
        model = to_model(clf, tmp_path)
        name = next(n.output[0] for n in model.graph.node if n.op_type == "Concat")
        table.columns = [name, "x"]
        clf.fit(table, [0, 1] * 20)

    with pytest.raises(ValueError, match=r"cannot do so for \['" + name):
        to_onnx(clf, tmp_path / "model.onnx")


def to_model(clf, folder):
    to_onnx(clf, folder / "first.onnx")
    return onnx.load(folder / "first.onnx")


def test_categories_that_float32_cannot_tell_apart_need_float64(tmp_path):
    customers = pd.Categorical([16777216, 16777217] * 20)
    table = pd.DataFrame({"customer": customers, "x": np.arange(40.0)})
    clf = TabularMLPClassifier(max_iter=1, random_state=0).fit(table, [0, 1] * 20)

    with pytest.raises(ValueError, match="Pass dtype='float64'"):
        to_onnx(clf, tmp_path / "model.onnx")

    to_onnx(clf, tmp_path / "model.onnx", dtype="float64")


def test_scikit_learn_has_no_network_for_tables(models):
    with pytest.raises(TypeError, match=r"no network for tables. to_torch and to_onnx"):
        to_sklearn(models["numbers"])
