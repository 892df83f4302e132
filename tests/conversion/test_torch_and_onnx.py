"""The exported module and the ONNX file compute what the estimator does."""

import json
import os
import pickle
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from torch import nn

import sknn_deep
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    load,
    save,
    to_onnx,
    to_torch,
)
from sknn_deep.modules import ACTIVATIONS, OUT_ACTIVATIONS
from tests.conversion.models import (
    MODELS,
    RNG,
    X,
    Y,
    as_columns,
    assert_close_to_spread,
    fitted,
    from_short_fits,
    make,
    output_of,
    scaled,
)

pytestmark = from_short_fits
every_model = pytest.mark.parametrize("name", MODELS)

# --- torch ----------------------------------------------------------------------------


def call(module, rows, dtype=torch.float64):
    with torch.no_grad():
        return module(torch.from_numpy(rows).to(dtype)).numpy()


@every_model
def test_to_torch_gives_what_the_model_gives(name):
    model = fitted(name)
    rows = X[:20] * 1.1  # some of them beyond what was fitted

    output = call(to_torch(model), rows)

    expected = as_columns(output_of(model, rows))
    assert output.dtype == expected.dtype
    assert_allclose(output, expected, rtol=1e-12, atol=1e-12)


@every_model
def test_to_torch_gives_layers_of_torch_alone_in_evaluation_mode(name):
    module = to_torch(fitted(name))

    assert not any(part.training for part in module.modules())
    for part in module.modules():
        assert type(part).__module__.startswith("torch."), part
        assert not isinstance(part, (nn.Dropout, nn.BatchNorm1d, nn.Identity))


@every_model
def test_to_torch_can_be_differentiated_row_by_row(name):
    module = to_torch(fitted(name))
    rows = torch.from_numpy(X[:3])

    jacobians = torch.func.vmap(torch.func.jacrev(module))(rows).detach()

    expected = torch.autograd.functional.jacobian(lambda x: module(x).sum(0), rows)
    assert_allclose(jacobians, expected.permute(1, 0, 2), atol=1e-12)


def test_to_torch_of_a_network_behind_a_scaler_has_its_layers_alone():
    assert [type(part) for part in to_torch(fitted("classes"))] == [
        nn.Linear,
        nn.ReLU,
        nn.Linear,
        nn.ReLU,
        nn.Linear,
        nn.Softmax,
    ]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_to_torch_and_to_onnx_know_every_activation(activation, tmp_path):
    # Trained until the outputs differ, by which errors are judged.
    reg = make(MLPRegressor, activation=activation, solver="lbfgs", max_iter=1000)
    rows = StandardScaler().fit_transform(X)
    reg.set_params(tol=1e-3).fit(rows, rows[:, 0])
    expected = as_columns(reg.predict(rows))

    assert_allclose(call(to_torch(reg), rows), expected, rtol=1e-12)
    for dtype in ("float32", "float64"):
        for opset in (14, 17, 18, 20):
            path = tmp_path / "reg.onnx"
            to_onnx(reg, path, dtype=dtype, target_opset=opset)
            (output,) = run(path, rows, dtype)
            assert output.dtype == dtype
            assert_close_to_spread(output, expected, 1e-5)


def test_to_torch_takes_and_gives_the_type_of_the_network_or_another():
    rows = (X / 100).astype(np.float32)
    reg = make(MLPRegressor).fit(rows, X[:, 0])

    single = call(to_torch(reg), rows, torch.float32)
    double = call(to_torch(reg, dtype=torch.float64), rows, torch.float64)

    assert single.dtype == np.float32
    assert double.dtype == np.float64
    for output in (single, double):
        assert_allclose(output[:, 0], reg.predict(rows), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "n_columns"),
    [("classes", 3), ("two classes", 1), ("labels", 3), ("counts", 1), ("shares", 1)],
)
def test_raw_outputs_are_those_before_the_last_activation(name, n_columns, tmp_path):
    model = fitted(name)
    expected = output_of(model, X)
    activate = OUT_ACTIVATIONS[model[-1].out_activation_]

    raw = call(to_torch(model, output="raw"), X)

    assert raw.shape == (60, n_columns)
    activated = activate(torch.from_numpy(raw)).numpy()
    assert_allclose(activated, as_columns(expected)[:, -n_columns:], rtol=1e-12)
    to_onnx(model, tmp_path / "raw.onnx", output="raw", dtype="float64")
    (output,) = run(tmp_path / "raw.onnx", X, "float64")
    assert_allclose(output, raw, rtol=1e-12, atol=1e-12)


def test_raw_outputs_of_an_ensemble_are_those_of_one_member():
    with pytest.raises(ValueError, match=r"needs a single network.*estimators_"):
        to_torch(fitted("ensemble"), output="raw")
    reg = make(MLPRegressor, n_estimators=2).fit(X / 100, X[:, 0])
    output = call(to_torch(reg, output="raw"), X / 100)
    assert_allclose(output[:, 0], reg.predict(X / 100), rtol=1e-12)


# --- digits ---------------------------------------------------------------------------

FAR = {
    "years": 2000 + RNG.randint(-20, 20, size=60),
    "a large column": 1e6 + 10 * RNG.normal(size=60),
}


@pytest.mark.parametrize("column", FAR.values(), ids=FAR)
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_columns_far_from_zero_are_folded_in_float64_or_not_at_all(
    scaler, column, tmp_path
):
    rows = X.copy()
    rows[:, 1] = column
    reg = make_pipeline(clone(scaler), make(MLPRegressor)).fit(rows, X[:, 0])
    expected = as_columns(reg.predict(rows))

    assert_close_to_spread(call(to_torch(reg), rows), expected, 1e-8)
    to_onnx(reg, tmp_path / "reg.onnx", dtype="float64")
    (output,) = run(tmp_path / "reg.onnx", rows, "float64")
    assert_close_to_spread(output, expected, 1e-8)
    try:
        module = to_torch(reg, dtype=torch.float32)
    except ValueError as error:
        assert "pass dtype=torch.float64" in str(error)
        with pytest.raises(ValueError, match=f'{scaler}.*pass dtype="float64"'):
            to_onnx(reg, tmp_path / "reg.onnx")
    else:
        assert column is FAR["years"]
        output = call(module, rows.astype(np.float32), torch.float32)
        assert_close_to_spread(output, expected, 1e-5)


@pytest.mark.parametrize("params", [{}, {"n_estimators": 2}], ids=str)
def test_a_normalized_target_keeps_its_digits_in_files_and_exports(params, tmp_path):
    rows = (X / 100).astype(np.float32)
    y = 1e6 + 1e-3 * rows[:, 0].astype(np.float64)
    reg = make(MLPRegressor, normalize_y=True, **params).fit(rows, y)
    expected, signal = as_columns(reg.predict(rows)), y.std()

    save(reg, tmp_path / "reg.sknn")
    again = load(tmp_path / "reg.sknn")
    assert_array_equal(as_columns(again.predict(rows)), expected)

    with pytest.raises(ValueError, match=r"normalize_y.*adds.*dtype=torch.float64"):
        to_torch(reg)
    output = call(to_torch(reg, dtype=torch.float64), rows)
    assert np.abs(output - expected).max() < 1e-4 * signal

    with pytest.raises(ValueError, match=r'normalize_y.*adds.*dtype="float64"'):
        to_onnx(reg, tmp_path / "reg.onnx")
    to_onnx(reg, tmp_path / "reg.onnx", dtype="float64")
    (output,) = run(tmp_path / "reg.onnx", rows, "float64")
    assert np.abs(output - expected).max() < 1e-4 * signal


# --- what it is -----------------------------------------------------------------------


def test_to_torch_gives_what_unpickles_without_sknn_deep(tmp_path):
    path = tmp_path / "modules.pickle"
    modules = {name: to_torch(fitted(name)) for name in MODELS}
    path.write_bytes(pickle.dumps(modules))
    code = (
        "import json, pickle, sys\n"
        "sys.modules['sknn_deep'] = sys.modules['sklearn'] = None\n"
        "import torch\n"
        f"modules = pickle.load(open({str(path)!r}, 'rb'))\n"
        f"X = torch.ones(2, {X.shape[1]}, dtype=torch.float64)\n"
        "print(json.dumps({k: module(X).tolist() for k, module in modules.items()}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    outputs = json.loads(result.stdout)
    assert outputs.keys() == MODELS.keys()
    for name, output in outputs.items():
        expected = as_columns(output_of(fitted(name), np.ones((2, X.shape[1]))))
        assert_allclose(output, expected, rtol=1e-10, atol=1e-12, err_msg=name)


def test_to_torch_gives_a_copy_and_draws_no_random_numbers():
    model = MODELS["dropout"]()
    before, state = model.predict_proba(X), torch.get_rng_state()

    module = to_torch(model)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()

    assert torch.equal(torch.get_rng_state(), state)
    assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("export", [to_torch, lambda model: to_onnx(model, "m.onnx")])
def test_export_refuses_what_it_cannot_express(export, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unfitted = make(MLPClassifier)
    with pytest.raises(NotFittedError):
        export(unfitted)
    with pytest.raises(TypeError, match=r"Got LinearRegression: pass"):
        export(LinearRegression().fit(X, X[:, 0]))
    with pytest.raises(TypeError, match=r"Got PolynomialFeatures: pass"):
        export(make_pipeline(PolynomialFeatures(), LinearRegression()).fit(X, X[:, 0]))
    assert os.listdir() == []


def test_to_torch_refuses_steps_that_are_not_linear():
    model = make_pipeline(PolynomialFeatures(), make(MLPRegressor)).fit(X, X[:, 0])

    with pytest.raises(TypeError, match=r"Got PolynomialFeatures: pass"):
        to_torch(model)


# --- ONNX -----------------------------------------------------------------------------


def run(path, rows, dtype="float32", names=None):
    session = onnxruntime.InferenceSession(path)
    return session.run(names, {"X": rows.astype(dtype)})


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_model
def test_to_onnx_gives_what_the_model_gives(name, dtype, tmp_path, capfd):
    model = fitted(name)
    path = tmp_path / "model.onnx"

    to_onnx(model, path, dtype=dtype)

    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == ["model.onnx"]
    written = onnx.load(path)
    onnx.checker.check_model(written, full_check=True)
    assert written.opset_import[0].version == 17
    assert not written.metadata_props
    assert not written.graph.value_info
    assert bytes(tmp_path) not in path.read_bytes()
    session = onnxruntime.InferenceSession(path)
    assert [put.name for put in session.get_inputs()] == ["X"]
    (*labels, output_name) = [put.name for put in session.get_outputs()]
    assert output_name == output_name_of(name, model)
    assert labels == ["label"] * hasattr(model, "predict_proba")
    for rows in (X[:1], X[:7], X):
        rows = rows.astype(np.float32)
        output = run(path, rows, dtype)[-1]
        expected = as_columns(output_of(model, rows.astype(np.float64)))
        assert output.dtype == dtype
        assert output.shape == expected.shape
        assert_close_to_spread(output, expected, 1e-5 if len(rows) == 60 else 1e-4)
        if labels:
            (label,) = run(path, rows, dtype, ["label"])
            assert_array_equal(label, model.predict(rows))


@pytest.mark.parametrize("name", ["dropout", "ensemble", "mean codes", "numbers"])
def test_to_onnx_says_nothing_of_the_machine(name, tmp_path):
    to_onnx(fitted(name), tmp_path / "model.onnx")

    written = (tmp_path / "model.onnx").read_bytes()
    places = [sknn_deep.__file__, torch.__file__, onnx.__file__, sysconfig.__file__]
    folders = {str(Path(place).parent.parent) for place in places}
    folders |= {os.getcwd(), str(Path.home()), str(tmp_path), sys.prefix}
    assert [f for f in folders if f.encode() in written] == []
    for word in (b".py", b"site-packages", b"stack_trace", b"pkg.torch"):
        assert word not in written


def test_to_onnx_files_are_small(tmp_path):
    reg = make(MLPRegressor).fit(X / 100, X[:, 0])
    n_weights = sum(w.size for w in (*reg.coefs_, *reg.intercepts_))

    to_onnx(reg, tmp_path / "model.onnx")

    assert (tmp_path / "model.onnx").stat().st_size < 4 * n_weights + 1500


OUTPUT_NAMES = {
    AutoencoderTransformer: "codes",
    MLPClassifier: "probabilities",
    MLPRegressor: "predictions",
}


def output_name_of(name, model):
    for output in ("hidden features", "reconstructions"):
        if name.startswith(output):
            return output.replace(" ", "_")
    return OUTPUT_NAMES[type(model[-1])]


LABELS = {
    "numbers from 0": (np.arange(60) % 3, np.int64, ["ArgMax"]),
    "other numbers": (np.arange(60) % 3 * 5, np.int64, ["ArgMax", "Gather"]),
    "bool": (np.arange(60) % 2 == 0, np.int64, ["ArgMax"]),
    "floats": ((np.arange(60) % 2).astype("f4"), np.float64, ["ArgMax", "Gather"]),
    "strings": (Y, object, ["ArgMax", "Gather"]),
    "objects": (Y.astype(object), object, ["ArgMax", "Gather"]),
    "one number": (np.zeros(60, int), np.int64, ["ArgMax"]),
    "labels": ((X[:, :3] > 125).astype(int), np.int64, ["Greater", "Cast"]),
}


@pytest.mark.parametrize(("y", "dtype", "nodes"), LABELS.values(), ids=LABELS)
def test_to_onnx_writes_labels_by_few_nodes(y, dtype, nodes, tmp_path):
    clf = scaled(make(MLPClassifier, hidden_layer_sizes=(6,))).fit(X, y)

    to_onnx(clf, tmp_path / "clf.onnx")

    onnx.checker.check_model(onnx.load(tmp_path / "clf.onnx"), full_check=True)
    (label,) = run(tmp_path / "clf.onnx", X, names=["label"])
    assert label.dtype == dtype
    assert_array_equal(label, clf.predict(X))
    softmax = "Sigmoid" if y.ndim == 2 else "Softmax"
    assert operators(tmp_path / "clf.onnx") == ["Gemm", "Relu", "Gemm", softmax, *nodes]


@pytest.mark.parametrize("name", ["classes", "labels", "ensemble"])
def test_to_onnx_writes_probabilities_alone(name, tmp_path):
    path = tmp_path / "clf.onnx"

    to_onnx(fitted(name), path, output="probabilities")

    session = onnxruntime.InferenceSession(path)
    assert [put.name for put in session.get_outputs()] == ["probabilities"]
    assert_close_to_spread(run(path, X)[0], fitted(name).predict_proba(X), 1e-5)
    assert {"ArgMax", "Gather", "Cast"} & set(operators(path)) == set()
    with pytest.raises(ValueError, match=r"ends in no classifier, .*MLPRegressor"):
        to_onnx(fitted("numbers"), path, output="probabilities")


def test_to_onnx_refuses_labels_that_onnx_has_not(tmp_path):
    days = np.array(["2024-01-01", "2024-01-02"], "M8[D]")[np.arange(60) % 2]
    clf = make(MLPClassifier).fit(X / 100, days)

    with pytest.raises(
        TypeError, match=r"numbers or strings. Got classes_ of dtype datetime64\[D\]"
    ):
        to_onnx(clf, tmp_path / "clf.onnx")
    assert os.listdir(tmp_path) == []
    to_onnx(clf, tmp_path / "clf.onnx", output="raw")


def test_to_onnx_adds_the_members_of_an_ensemble(tmp_path):
    to_onnx(fitted("ensemble"), tmp_path / "clf.onnx", dtype="float64")

    names = operators(tmp_path / "clf.onnx")
    assert names.count("Add") == 2
    assert names[-3:] == ["Mul", "ArgMax", "Gather"]
    assert set(names) == {"Gemm", "Relu", "Softmax", "Add", "Mul", "ArgMax", "Gather"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_opset": 13}, "target_opset of to_onnx must be an int from 14 to"),
        ({"target_opset": "17"}, "target_opset of to_onnx must be .* Got '17'"),
        ({"dtype": "float16"}, "dtype of to_onnx must be one of 'float32', 'float64'"),
        (
            {"output": "logits"},
            "output of to_onnx must be one of 'predictions', 'probabilities', 'raw'",
        ),
    ],
)
def test_to_onnx_refuses_arguments_that_it_has_not(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        to_onnx(fitted("classes"), tmp_path / "clf.onnx", **arguments)
    assert os.listdir(tmp_path) == []


def test_to_torch_refuses_arguments_that_it_has_not():
    with pytest.raises(ValueError, match=r"dtype of to_torch must be torch.float32"):
        to_torch(fitted("classes"), dtype=torch.float16)
    with pytest.raises(ValueError, match=r"output of to_torch must be one of"):
        to_torch(fitted("classes"), output="logits")


def test_to_onnx_with_layer_normalization_needs_its_opset(tmp_path):
    with pytest.raises(ValueError, match=r"set target_opset to 17 or more. Got 16"):
        to_onnx(fitted("layer norm"), tmp_path / "clf.onnx", target_opset=16)


def test_to_onnx_without_its_package_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "sknn_deep.conversion._onnx_graph", raising=False)

    with pytest.raises(ImportError, match=r'install "sknn-deep\[onnx\]"'):
        to_onnx(make(MLPClassifier), tmp_path / "model.onnx")


def test_to_torch_and_to_onnx_take_no_notice_of_the_default_device(tmp_path):
    model = MODELS["classes"]()
    expected = model.predict_proba(X)

    torch.set_default_device("meta")
    try:
        module = to_torch(model)
        to_onnx(model, tmp_path / "model.onnx")
    finally:
        torch.set_default_device(None)

    with torch.no_grad():
        assert_allclose(module(torch.from_numpy(X)), expected, rtol=1e-12)
    _, ours = run(tmp_path / "model.onnx", X)
    assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)
