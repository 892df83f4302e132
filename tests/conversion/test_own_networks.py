"""Networks of the user's own as torch modules and as ONNX files."""

import logging
import pickle

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, StandardScaler
from torch import nn

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
    to_onnx,
    to_sklearn,
    to_torch,
)
from sknn_deep.modules import ConvNet
from tests.estimators.own_modules import PerClass, TwoLinear, WithDropout, Words
from tests.requirements import since_torch_writes_opset_17

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0]
TWO = np.where(Y > 0, "more", "less")
THREE = np.arange(40) % 3
TOKENS = RNG.integers(20, size=(40, 5))
IMAGES = RNG.normal(size=(40, 8, 8)).astype(np.float32)
SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}


def make_halves(Estimator=AutoencoderTransformer, **params):
    return Estimator(
        encoder=lambda n_components: nn.Linear(4, n_components),
        decoder=lambda n_components: nn.Linear(n_components, 4),
        **params,
        **SHORT,
    )


def expected_of(estimator, X):
    for method in ("predict_proba", "transform", "predict"):
        if hasattr(estimator, method):
            return getattr(estimator, method)(X)


# --- torch ----------------------------------------------------------------------------

CASES = {
    "two classes": (NetClassifier(TwoLinear, **SHORT), TWO),
    "two outputs": (NetClassifier(PerClass, **SHORT), TWO),
    "three classes": (NetClassifier(TwoLinear, **SHORT), THREE),
    "one class": (NetClassifier(TwoLinear, **SHORT), np.zeros(40)),
    "labels": (NetClassifier(TwoLinear, **SHORT), np.stack([Y > 0, X[:, 0] > 0], 1)),
    "regressor": (NetRegressor(TwoLinear, **SHORT), Y),
    "scaled": (
        NetRegressor(TwoLinear(4, 2), normalize_y=True, **SHORT),
        np.stack([Y, 5 - Y], axis=1),
    ),
    "ensemble": (NetClassifier(WithDropout, n_estimators=2, **SHORT), TWO),
    "loss of torch": (
        NetClassifier(TwoLinear, criterion=nn.CrossEntropyLoss, **SHORT),
        TWO,
    ),
    "probabilities": (
        NetClassifier(
            lambda: nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)),
            criterion=nn.NLLLoss,
            **SHORT,
        ),
        THREE,
    ),
    "halves": (make_halves(latent_activation="tanh"), None),
    "variational": (make_halves(variational=True), None),
    "neighbors": (make_halves(NeighborAutoencoder), None),
    "Pipeline": (
        make_pipeline(MinMaxScaler(clip=True), make_halves(), StandardScaler()),
        None,
    ),
    "networks": (
        make_pipeline(StandardScaler(), make_halves(), MLPClassifier((5,), **SHORT)),
        TWO,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_to_torch_gives_a_copy_that_predicts(case):
    estimator, y = CASES[case]
    module = to_torch(estimator.fit(X, y))
    with torch.no_grad():
        out = module(torch.tensor(X)).numpy()

    expected = expected_of(estimator, X)
    np.testing.assert_allclose(out, expected.reshape(out.shape), rtol=1e-9, atol=1e-12)
    assert not any(layer is estimator for layer in module)


@pytest.mark.parametrize("case", ["two classes", "three classes", "scaled"])
def test_to_torch_gives_raw_outputs_and_can_be_pickled(case):
    estimator, y = CASES[case]
    raw = to_torch(estimator.fit(X, y), output="raw")
    raw = pickle.loads(pickle.dumps(raw))

    with torch.no_grad():
        np.testing.assert_array_equal(
            raw(torch.tensor(X)), estimator.net_.forward(X).numpy()
        )
    assert raw[0] is not estimator.net_.module_


def test_raw_outputs_of_ensembles_are_refused():
    estimator, y = CASES["ensemble"]
    with pytest.raises(ValueError, match="needs a single network: the predictions of"):
        to_torch(estimator.fit(X, y), output="raw")


def test_to_sklearn_takes_no_network_of_ones_own():
    with pytest.raises(TypeError, match=r"Got NetClassifier"):
        to_sklearn(NetClassifier(TwoLinear, **SHORT).fit(X, TWO))


# --- ONNX -----------------------------------------------------------------------------

ONNX_CASES = {
    "images": (NetClassifier(ConvNet, module__dropout=0.5, **SHORT), IMAGES, THREE, {}),
    "Pipeline of an ensemble": (
        make_pipeline(
            StandardScaler(), NetClassifier(WithDropout, n_estimators=2, **SHORT)
        ),
        X.astype(np.float32),
        TWO,
        {},
    ),
    "float64": (
        NetRegressor(TwoLinear, normalize_y=True, **SHORT),
        X,
        1e6 + Y,
        {"dtype": "float64", "target_opset": 17},
    ),
    "tokens": (
        NetClassifier(Words, input_dtype="keep", **SHORT),
        TOKENS,
        THREE,
        {"output": "probabilities"},
    ),
    "halves": (make_halves(variational=True), X.astype(np.float32), None, {}),
    "neighbors": (make_halves(NeighborAutoencoder), X.astype(np.float32), None, {}),
    "by skl2onnx": (
        make_pipeline(
            KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
            VotingClassifier(
                [
                    ("own", NetClassifier(TwoLinear, **SHORT)),
                    ("ours", MLPClassifier(**SHORT)),
                ],
                voting="soft",
            ),
        ),
        X.astype(np.float32),
        TWO,
        {},
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=since_torch_writes_opset_17) if c == "float64" else c
        for c in ONNX_CASES
    ],
)
def test_to_onnx_writes_what_predicts_the_same(case, tmp_path, capsys):
    estimator, rows, y, options = ONNX_CASES[case]
    to_onnx(estimator.fit(rows, y), tmp_path / "net.onnx", **options)
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")

    expected = expected_of(estimator, rows)
    for n in (1, 40):  # any number of rows
        *label, numbers = session.run(None, {"X": rows[:n]})
        tolerance = 1e-9 if rows.dtype == np.float64 else 2e-6
        np.testing.assert_allclose(
            numbers, expected[:n].reshape(numbers.shape), rtol=tolerance, atol=tolerance
        )
        if label:
            np.testing.assert_array_equal(label[0], estimator.predict(rows)[:n])
    names = {"halves": ["codes"], "neighbors": ["codes"], "float64": ["predictions"]}
    names["tokens"] = ["probabilities"]
    outputs = [put.name for put in session.get_outputs()]
    assert outputs == names.get(case, ["label", "probabilities"])
    opsets = {put.domain: put.version for put in model.opset_import}
    assert opsets[""] == options.get("target_opset", 18)
    # Nothing is said, and nothing of this machine is in the file.
    assert capsys.readouterr() == ("", "")
    assert b".py" not in model.SerializeToString()
    assert logging.getLogger("torch.onnx").level == logging.NOTSET


class CountsRows(TwoLinear):
    def forward(self, X):
        return super().forward(X.reshape(len(X), 4))


class ChoosesByValues(TwoLinear):
    def forward(self, X):
        return super().forward(X if X.sum() > 0 else -X)


@pytest.mark.parametrize("module", [CountsRows, ChoosesByValues])
def test_a_network_that_cannot_be_exported_is_named(module, tmp_path):
    clf = NetClassifier(module, **SHORT).fit(X, TWO)
    match = r"cannot export the network of NetClassifier for any number of rows: .*len"
    with pytest.raises(TypeError, match=match):
        to_onnx(clf, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_to_onnx_says_what_it_cannot_give(tmp_path):
    reg = NetRegressor(TwoLinear, **SHORT).fit(X, Y)
    with pytest.raises(ValueError, match="ends in no classifier, but in NetRegressor"):
        to_onnx(reg, tmp_path / "net.onnx", output="probabilities")
    halves = make_halves(variational=True).fit(X)
    with pytest.raises(ValueError, match=r"cannot write the network of Au.* below 18"):
        to_onnx(halves, tmp_path / "net.onnx", target_opset=17)
