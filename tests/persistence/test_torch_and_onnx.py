"""The exported module and the ONNX file compute what the estimator does."""

import inspect
import os
import sys
import sysconfig
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
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
from sknn_deep.modules import ACTIVATIONS

RNG = np.random.RandomState(0)
X = 50 * RNG.uniform(size=(60, 4)) + 1000
Y = np.array(["c", "a", "b"])[RNG.randint(3, size=60)]


def make(cls, **params):
    defaults = {"hidden_layer_sizes": (6, 5), "max_iter": 3, "random_state": 0}
    return cls(**defaults | {"learning_rate": "one_cycle"} | params)


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


# MaxAbsScaler has `clip` from scikit-learn 1.8 on.
HAS_CLIP = "clip" in inspect.signature(MaxAbsScaler).parameters

MODELS = {
    "classes": lambda: scaled(make(MLPClassifier)).fit(X, Y),
    "two classes": lambda: scaled(make(MLPClassifier)).fit(X, Y == "a"),
    "one class": lambda: scaled(make(MLPClassifier)).fit(X, Y == "d"),
    "labels": lambda: scaled(make(MLPClassifier)).fit(X, (X[:, :3] > 1025).astype(int)),
    "numbers": lambda: scaled(make(MLPRegressor, normalize_y=True)).fit(X, X[:, 0]),
    "columns": lambda: scaled(make(MLPRegressor)).fit(X, X[:, :2]),
    "counts": lambda: scaled(make(MLPRegressor, loss="poisson")).fit(X, X[:, 0] // 500),
    "ensemble": lambda: scaled(make(MLPClassifier, n_estimators=2)).fit(X, Y == "a"),
    "dropout": lambda: scaled(
        make(MLPClassifier, dropout=0.2, normalization="batch", activation="mish")
    ).fit(X, Y),
    "layer norm": lambda: scaled(
        make(MLPClassifier, normalization="layer", activation=["gelu", "identity"])
    ).fit(X, Y),
    "codes": lambda: scaled(make(AutoencoderTransformer, latent_activation="tanh")).fit(
        X
    ),
    "mean codes": lambda: scaled(make(AutoencoderTransformer, variational=True)).fit(X),
    "codes, then numbers": lambda: make_pipeline(
        MinMaxScaler(clip=True),
        make(AutoencoderTransformer, loss="binary_cross_entropy"),
        "passthrough",
        MaxAbsScaler(clip=True) if HAS_CLIP else MaxAbsScaler(),
        make(MLPRegressor),
    ).fit(X, X[:, 0]),
}


def output_of(model, rows):
    for name in ("predict_proba", "predict", "transform"):
        if hasattr(model, name):
            return getattr(model, name)(rows)
    raise AssertionError(model)


# --- torch ----------------------------------------------------------------------------


@pytest.mark.parametrize("make_model", MODELS.values(), ids=MODELS)
def test_to_torch_gives_what_the_model_gives(make_model):
    model = make_model()
    rows = X[:20] * 1.1  # some of them beyond what was fitted
    module = to_torch(model)

    with torch.no_grad():
        output = module(torch.from_numpy(rows))

    expected = output_of(model, rows)
    assert output.shape == expected.shape
    assert output.numpy().dtype == expected.dtype
    assert_allclose(output, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_to_torch_knows_every_activation(activation):
    reg = make(MLPRegressor, activation=activation).fit(X / 1000, X[:, 0])

    with torch.no_grad():
        output = to_torch(reg)(torch.from_numpy(X / 1000))

    assert_allclose(output, reg.predict(X / 1000), rtol=1e-12)


@pytest.mark.parametrize("make_model", MODELS.values(), ids=MODELS)
def test_to_torch_can_be_mapped_over_rows(make_model):
    module, rows = to_torch(make_model()), torch.from_numpy(X[:5])

    slopes = torch.func.vmap(torch.func.jacrev(module))(rows)

    with torch.no_grad():
        expected = module(rows).reshape(5, -1)
        for row, output in zip(rows, expected, strict=True):
            torch.testing.assert_close(module(row), output, rtol=1e-12, atol=1e-12)
    # Those of the sums of columns: no row's output depends on another one.
    sums = torch.func.jacrev(lambda rows: module(rows).reshape(5, -1).sum(0))(rows)
    torch.testing.assert_close(slopes, sums.transpose(0, 1), rtol=1e-10, atol=1e-14)


def test_to_torch_takes_and_gives_single_precision():
    rows = (X / 1000).astype(np.float32)
    reg = make(MLPRegressor).fit(rows, X[:, 0])

    with torch.no_grad():
        output = to_torch(reg)(torch.from_numpy(rows))

    assert output.dtype == torch.float32
    assert_allclose(output, reg.predict(rows), rtol=1e-6)


@pytest.mark.parametrize("params", [{}, {"n_estimators": 2}], ids=str)
def test_a_normalized_target_keeps_its_digits_in_files_and_exports(params, tmp_path):
    rows = (X / 1000).astype(np.float32)
    y = 1e6 + 1e-3 * rows[:, 0].astype(np.float64)
    reg = make(MLPRegressor, normalize_y=True, **params).fit(rows, y)
    expected, signal = reg.predict(rows), y.std()

    save(reg, tmp_path / "reg.sknn")
    assert_array_equal(load(tmp_path / "reg.sknn").predict(rows), expected)

    with torch.no_grad():
        output = to_torch(reg)(torch.from_numpy(rows))
    assert output.dtype == torch.float64
    assert np.abs(output.numpy() - expected).max() < 1e-4 * signal

    to_onnx(reg, tmp_path / "reg.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "reg.onnx")
    (output,) = session.run(None, {"X": rows})
    assert output.dtype == np.float64
    assert np.abs(output - expected).max() < 1e-4 * signal


def test_to_torch_gives_layers_of_torch_in_evaluation_mode():
    module = to_torch(MODELS["dropout"]())

    assert not any(part.training for part in module.modules())
    with_weights = [part for part in module if list(part.parameters())]
    assert {type(part) for part in with_weights} == {nn.Linear, nn.BatchNorm1d}
    assert nn.Dropout in map(type, module)


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
    for model in (
        LinearRegression().fit(X, X[:, 0]),
        make_pipeline(PCA(2), make(MLPRegressor)).fit(X, X[:, 0]),
    ):
        with pytest.raises(TypeError, match=r"Got (LinearRegression|PCA): pass"):
            export(model)
    assert os.listdir() == []


# --- ONNX -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "output_name"),
    [
        ("dropout", "probabilities"),
        ("numbers", "predictions"),
        ("mean codes", "codes"),
    ],
)
def test_to_onnx_gives_what_the_model_gives(name, output_name, tmp_path, capfd):
    model = MODELS[name]()
    path = tmp_path / "model.onnx"

    to_onnx(model, path)

    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == ["model.onnx"]
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path)
    assert [put.name for put in session.get_inputs()] == ["X"]
    assert [put.name for put in session.get_outputs()] == [output_name]
    for rows in (X[:1], X[:7], X):
        (output,) = session.run(None, {"X": rows.astype(np.float32)})
        expected = output_of(model, rows)
        assert output.shape == expected.shape
        assert np.abs(output - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["dropout", "ensemble", "mean codes", "numbers"])
def test_to_onnx_says_nothing_of_the_machine(name, tmp_path):
    to_onnx(MODELS[name](), tmp_path / "model.onnx")

    written = (tmp_path / "model.onnx").read_bytes()
    places = [sknn_deep.__file__, torch.__file__, onnx.__file__, sysconfig.__file__]
    folders = {str(Path(place).parent.parent) for place in places}
    folders |= {os.getcwd(), str(Path.home()), str(tmp_path), sys.prefix}
    assert [f for f in folders if f.encode() in written] == []
    for word in (b".py", b"sknn_deep", b"site-packages", b"stack_trace", b"pkg.torch"):
        assert word not in written


def test_to_onnx_files_are_small(tmp_path):
    """The exporter's notes took 6 kB more."""
    reg = make(MLPRegressor).fit(X, X[:, 0])
    n_weights = sum(w.size for w in (*reg.coefs_, *reg.intercepts_))

    to_onnx(reg, tmp_path / "model.onnx")

    assert (tmp_path / "model.onnx").stat().st_size < 4 * n_weights + 1500


def test_to_onnx_without_its_packages_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    with pytest.raises(ImportError, match=r'install "sknn-deep\[onnx\]"'):
        to_onnx(make(MLPClassifier), tmp_path / "model.onnx")


def test_to_onnx_leaves_the_warning_filters_alone(tmp_path):
    before = list(warnings.filters)

    with pytest.raises(NotFittedError):
        to_onnx(make(MLPClassifier), tmp_path / "model.onnx")

    assert warnings.filters == before


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
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (ours,) = session.run(None, {"X": X.astype(np.float32)})
    assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)
