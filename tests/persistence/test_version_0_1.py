"""What version 0.1 wrote is loaded, predicts the same and goes on training.

`version_0_1/write.py` wrote the files, with the code of version 0.1.
"""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import sknn_deep
from tests.persistence.version_0_1.write import FOLDER, make_data

PREDICTION = {
    "classifier": "predict_proba",
    "classifier_partial_fit": "predict_proba",
    "regressor_partial_fit": "predict",
    "ensemble": "predict",
    "autoencoder": "transform",
}
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".pkl", ".sknn"))


def read(path: Path):
    if path.suffix == ".pkl":
        return pickle.loads(path.read_bytes())
    return sknn_deep.load(path)


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return dict(arrays)


def test_all_files_of_version_0_1_are_here():
    assert [path.name for path in FILES] == [
        "autoencoder.pkl",
        "autoencoder.sknn",
        "classifier.pkl",
        "classifier.sknn",
        "classifier_partial_fit.sknn",
        "ensemble.pkl",
        "regressor_partial_fit.pkl",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_version_0_1_predicts_the_same(path, expected):
    X, _, _ = make_data()
    predict = getattr(read(path), PREDICTION[path.stem])
    np.testing.assert_allclose(predict(X), expected[path.stem], rtol=1e-6)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.suffix == ".pkl"], ids=lambda path: path.name
)
def test_a_pickle_is_smaller_than_that_of_version_0_1(path, expected):
    model = read(path)

    pickled = pickle.dumps(model)

    assert len(pickled) < 0.6 * path.stat().st_size
    assert b"torch" not in pickled and b"skorch" not in pickled
    X, _, _ = make_data()
    predict, again = (
        getattr(m, PREDICTION[path.stem]) for m in (model, pickle.loads(pickled))
    )
    np.testing.assert_array_equal(again(X), predict(X))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_version_0_1_has_all_parameters_of_today(path):
    model = read(path)

    assert clone(model).get_params().keys() == type(model)().get_params().keys()
    for member in getattr(model, "estimators_", []):
        assert member.get_params().keys() == type(member)().get_params().keys()


@pytest.mark.parametrize(
    ("name", "prediction"),
    [
        ("regressor_partial_fit.pkl", "regressor_fourth_call"),
        ("classifier_partial_fit.sknn", "classifier_fourth_call"),
    ],
)
def test_a_file_of_version_0_1_goes_on_with_its_optimizer(name, prediction, expected):
    X, labels, numbers = make_data()
    model = read(FOLDER / name)
    model.partial_fit(X, numbers if "regressor" in name else labels)
    predict = getattr(model, PREDICTION[Path(name).stem])
    np.testing.assert_allclose(predict(X), expected[prediction], rtol=1e-6)
