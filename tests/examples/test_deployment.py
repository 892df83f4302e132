"""The scripts of examples/deployment run, and end in their own checks."""

import importlib.util
import os
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import MLPClassifier, to_onnx
from tests.requirements import needs

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "deployment"
REQUIREMENTS = {
    "latency": "onnxruntime",
    "with_captum": "captum",
    "with_emlearn": "emlearn",
    "with_gurobi": "gurobi-machinelearning",
    "with_hls4ml": "hls4ml",
    "with_mlflow": "mlflow>=3.17",
    "with_omlt": "omlt",
    "with_onnx2torch": "onnx2torch",
    "with_onnxruntime": "onnxruntime",
    "with_opencv": "opencv-python-headless",
    "with_openvino": "openvino",
    "with_quantization": "onnxruntime",
    "with_shap": "shap",
    "with_skl2onnx": "skl2onnx",
    "with_torch_export": "torch",
}


@pytest.mark.filterwarnings(  # of other packages about others still
    "default::DeprecationWarning",
    "default::FutureWarning",
    "default::PendingDeprecationWarning",
    "default::UserWarning",
    "error::sklearn.exceptions.ConvergenceWarning",
)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs(requirement, "the script is about it"))
        for name, requirement in REQUIREMENTS.items()
    ],
)
def test_script_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


def test_every_script_is_run():
    names = {path.stem for path in FOLDER.glob("*.py")}

    assert names == {*REQUIREMENTS, "serve"}


@pytest.fixture
def client_of():
    from fastapi.testclient import TestClient

    spec = importlib.util.spec_from_file_location("serve", FOLDER / "serve.py")
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    return lambda path: TestClient(serve.make_app(os.fspath(path)))


@needs("fastapi>=0.160", "the application is made with it")
@needs("httpx2>=2.16", "its client is made with it")
def test_application_answers_with_what_the_model_gives(client_of, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    clf = MLPClassifier((5,), learning_rate="one_cycle", max_iter=3, random_state=0)
    model = make_pipeline(StandardScaler(), clf).fit(X, np.where(X[:, 0] > 0, "b", "a"))
    to_onnx(model, tmp_path / "model.onnx")
    client = client_of(tmp_path / "model.onnx")

    answer = client.post("/predict", json={"X": X[:4].tolist()})

    assert answer.status_code == 200
    assert answer.json()["label"] == model.predict(X[:4]).tolist()
    proba = answer.json()["probabilities"]
    assert_allclose(proba, model.predict_proba(X[:4]), atol=1e-6)
    for wrong in ({"X": [[1.0, 2.0]]}, {"X": [["a", "b", "c"]]}, {"Y": [[1.0]]}):
        answer = client.post("/predict", json=wrong)
        assert answer.status_code == 422
        assert ": " in answer.json()["detail"]


@needs("fastapi>=0.160", "the application is made with it")
@needs("httpx2>=2.16", "its client is made with it")
@needs("skl2onnx>=1.20", "it converts the Pipeline")
def test_application_takes_columns_by_their_names(client_of, tmp_path):
    table = pd.DataFrame({"city": ["Bern", "Genf", None] * 20, "n": [1.0, 2.0, 3] * 20})
    clf = MLPClassifier((5,), learning_rate="one_cycle", max_iter=3, random_state=0)
    model = make_pipeline(OneHotEncoder(), clf).fit(table, table["n"] > 1)
    to_onnx(model, tmp_path / "model.onnx", table.head(3))
    client = client_of(tmp_path / "model.onnx")

    answer = client.post("/predict", json={"city": ["Genf", None], "n": [2, 3]})

    expected = model.predict_proba(table[1:3])
    assert_allclose(answer.json()["probabilities"], expected, atol=1e-6)
