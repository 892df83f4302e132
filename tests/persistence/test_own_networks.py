"""Networks of the user's own in files: weights, and names that are never imported."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sknn_deep import (
    NetClassifier,
    NetRegressor,
    load,
    save,
)
from sknn_deep.modules import ConvNet
from sknn_deep.persistence import ModelFileError
from tests.estimators.own_modules import TwoLinear, WithDropout
from tests.persistence.damaged_files import change_document

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0]
LABELS = np.where(Y > 0, "more", "less")
SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}


def make_net(n_features_in, n_outputs):
    return nn.Sequential(nn.Linear(n_features_in, 5), nn.Linear(5, n_outputs))


CASES = {
    "class": (NetClassifier(TwoLinear, module__width=3, **SHORT), LABELS, [TwoLinear]),
    "function": (NetRegressor(make_net, **SHORT), Y, [make_net]),
    "instance": (
        NetRegressor(TwoLinear(4, 1), normalize_y=True, **SHORT),
        Y,
        [TwoLinear(4, 1)],
    ),
    "ensemble": (
        NetClassifier(WithDropout, n_estimators=2, **SHORT),
        LABELS,
        [WithDropout],
    ),
    "loss of torch": (
        NetClassifier(
            TwoLinear,
            criterion=nn.CrossEntropyLoss,
            criterion__weight=torch.tensor([1.0, 2.0]),
            solver__param_groups=[("hidden.*", {"lr": 1e-4})],
            **SHORT,
        ),
        LABELS,
        [TwoLinear],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_gives_back_the_same_network(case, tmp_path):
    estimator, y, modules = CASES[case]
    save(estimator.fit(X, y), tmp_path / "net.sknn")
    again = load(tmp_path / "net.sknn", modules=modules)

    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert again.get_params().keys() == estimator.get_params().keys()
    assert str(again.get_params()["max_iter"]) == "2"
    again.fit(X, y)
    if case != "instance":  # which starts from the weights that it is given
        np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def test_a_training_goes_on_from_a_file(tmp_path):
    clf = NetClassifier(WithDropout, **SHORT)
    clf.partial_fit(X, LABELS, classes=["less", "more"])
    save(clf, tmp_path / "net.sknn")
    again = load(tmp_path / "net.sknn", modules=[WithDropout])
    again.partial_fit(X, LABELS)
    clf.partial_fit(X, LABELS)

    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert again.net_.forward_pass_ == clf.net_.forward_pass_


def test_networks_of_ours_need_not_be_given(tmp_path):
    images = RNG.normal(size=(20, 8, 8)).astype(np.float32)
    clf = NetClassifier(ConvNet, module__channels=(4,), **SHORT)
    clf.fit(images, np.arange(20) % 3)
    save(clf, tmp_path / "net.sknn")
    again = load(tmp_path / "net.sknn")

    np.testing.assert_array_equal(
        again.predict_proba(images), clf.predict_proba(images)
    )
    assert str(again.summary()) == str(clf.summary())


@pytest.fixture
def path(tmp_path):
    clf = NetClassifier(TwoLinear, module__width=3, **SHORT).fit(X, LABELS)
    save(clf, tmp_path / "net.sknn")
    return tmp_path / "net.sknn"


def test_a_module_that_is_missing_is_named_and_not_imported(path):
    code = (
        "import sys, sknn_deep\n"
        f"try: sknn_deep.load({str(path)!r})\n"
        "except ValueError as error: print(error)\n"
        "print('tests.estimators.own_modules' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    message, imported = done.stdout.strip().rsplit("\n", 1)
    assert "needs the class or function tests.estimators.own_modules.TwoL" in message
    assert "pass it: load(path, modules=[TwoLinear])" in message
    assert imported == "False"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"tests.estimators.own_modules.TwoLinear", b"os.system", "needs the class or"),
        (b'"keys":["module__width"]', b'"keys":["solver"]', "'solver' parameter"),
        (b'"values":[4,1,3]', b'"values":[3,1,4]', "its weights are not"),
        (b'"module":"make_own_module"', b'"module":"system"', "system"),
        (b'"criterion":"RawOutputLoss"', b'"criterion":"eval"', "eval"),
    ],
    ids=str,
)
def test_forged_files_are_refused(old, new, reason, path):
    change_document(path, old, new)

    with pytest.raises(ModelFileError, match=reason):
        load(path, modules=[TwoLinear])


def test_large_networks_are_refused_before_they_are_made(path):
    change_document(path, b'"values":[4,1,3]', b'"values":[4,1,3000000000]')

    with pytest.raises(
        ModelFileError, match="its weights are not those of the network"
    ):
        load(path, modules=[TwoLinear])


def test_what_cannot_be_found_by_a_name_is_not_saved(tmp_path):
    clf = NetClassifier(lambda: TwoLinear(4, 1), **SHORT).fit(X, LABELS)
    with pytest.raises(
        TypeError, match="'module' parameter of NetClassifier cannot be"
    ):
        save(clf, tmp_path / "net.sknn")
    with pytest.raises(
        TypeError, match=r"modules of load must be torch.nn.Module class"
    ):
        load(tmp_path / "net.sknn", modules=["TwoLinear"])


def test_a_network_that_was_changed_is_not_saved(tmp_path):
    clf = NetClassifier(TwoLinear, **SHORT).fit(X, LABELS)
    clf.net_.module_.output = nn.Linear(3, 1)
    with pytest.raises(
        TypeError, match="net_ of NetClassifier cannot be saved as data"
    ):
        save(clf, tmp_path / "net.sknn")
