"""Saved and loaded again, an estimator is what it was."""

import copy
import functools
import itertools
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_array_equal
from safetensors import safe_open
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    LeavePGroupsOut,
    LeavePOut,
    PredefinedSplit,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    check_cv,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, LRScheduler

import sknn_deep
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    load,
    save,
    to_torch,
)
from sknn_deep.model_selection import BatchedGridSearchCV
from sknn_deep.persistence import ModelFileError
from tests.persistence.damaged_files import change_document

CLASSES = [MLPClassifier, MLPRegressor, AutoencoderTransformer]

# Where the file itself is looked at, parameters are enough in it.
pytestmark = pytest.mark.filterwarnings("ignore:This .* is not fitted:UserWarning")


def make(cls, **params):
    defaults = {"hidden_layer_sizes": (6, 5), "max_iter": 3, "random_state": 0}
    return cls(**defaults | {"learning_rate": "one_cycle"} | params)


def make_data(*, dtype=np.float64, labels=("a", "b", "c")):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(60, 4)).astype(dtype)
    return X, np.array(labels)[rng.randint(len(labels), size=60)]


def fit(estimator, X, y):
    if isinstance(estimator, MLPRegressor):
        return estimator.fit(X, X[:, 0] + 2 * X[:, 1])
    return estimator.fit(X, y)


def output_of(estimator, X):
    if isinstance(estimator, MLPClassifier):
        return estimator.predict_proba(X)
    if isinstance(estimator, MLPRegressor):
        return estimator.predict(X)
    return np.hstack([estimator.transform(X), estimator.score_samples(X)[:, None]])


def and_back(estimator, folder, **options):
    save(estimator, folder / "model.sknn")
    return load(folder / "model.sknn", **options)


def run_python(code, folder):
    """Run code in a fresh process in `folder`, and return what it prints."""
    root = os.path.dirname(os.path.dirname(sknn_deep.__file__))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_same_values(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert_array_equal(one, other)
    else:
        assert repr(one) == repr(other)


# --- the same numbers -----------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dropout": [0.1, 0.2], "normalization": "batch", "activation": "gelu"},
        {"normalization": "layer", "precision": "bfloat16"},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"solver": "lbfgs", "max_iter": 500, "tol": 0.1},
        {
            "solver": "sgd",
            "learning_rate": "invscaling",
            "tol": 1e3,
            "n_iter_no_change": 1,
        },
        {"solver": functools.partial(torch.optim.RMSprop, alpha=0.9)},
        {"hidden_layer_sizes": np.array([3, 4])},
    ],
    ids=str,
)
def test_load_gives_the_same_numbers_and_attributes(cls, params, tmp_path):
    if cls is AutoencoderTransformer and "dropout" in params:
        params = params | {"dropout": 0.1, "activation": ["gelu", "tanh"] * 2}
    X, y = make_data(dtype=np.float32)
    estimator = fit(make(cls, **params), X, y)

    loaded = and_back(estimator, tmp_path)

    assert_array_equal(output_of(loaded, X), output_of(estimator, X))
    assert vars(loaded).keys() == vars(estimator).keys()
    for name in vars(loaded).keys() - {"net_"}:
        assert_same_values(getattr(loaded, name), getattr(estimator, name))
    assert loaded.net_.history == estimator.net_.history
    # How the steps were computed is told where they were computed.
    assert vars(loaded.net_).keys() == vars(estimator.net_).keys() - {"step_plan_"}
    assert loaded.summary() == estimator.summary()


@pytest.mark.parametrize("cls", CLASSES)
def test_load_gives_an_unfitted_estimator_back(cls, tmp_path):
    estimator = make(cls, alpha=0.5)

    with pytest.warns(UserWarning) as caught:
        loaded = and_back(estimator, tmp_path)

    assert [str(warning.message) for warning in caught] == [
        f"This {cls.__name__} is not fitted: the file has its parameters alone."
    ]
    assert repr(loaded) == repr(estimator)
    assert not hasattr(loaded, "net_")


def test_an_unfitted_pipeline_says_so_too(tmp_path):
    pytest.importorskip("skops")
    pipe = make_pipeline(StandardScaler(), make(MLPClassifier))

    with pytest.warns(UserWarning, match="This Pipeline is not fitted: the file has"):
        sknn_deep.save(pipe, tmp_path / "pipe.sknn")


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
def test_a_search_names_what_can_be_saved(Search, tmp_path):
    X, y = make_data()
    search = Search(make(MLPClassifier), {"alpha": [0, 0.1]}, cv=2).fit(X, y)

    with pytest.raises(TypeError) as caught:
        sknn_deep.save(search, tmp_path / "search.sknn")

    assert str(caught.value) == (
        f"save takes the model that a {Search.__name__} found, not the search: "
        "save(search.best_estimator_, path), which refit=True (the default) gives. "
        "cv_results_ is a table for pandas."
    )
    assert not list(tmp_path.iterdir())
    sknn_deep.save(search.best_estimator_, tmp_path / "best.sknn")
    assert_array_equal(
        sknn_deep.load(tmp_path / "best.sknn").predict(X), search.predict(X)
    )


ADDRESS = " at 0x[0-9A-F]+"
SPLITTERS = [
    GroupKFold(3),
    GroupShuffleSplit(4, test_size=0.3, random_state=np.random.RandomState(1)),
    KFold(4, shuffle=True, random_state=5),
    LeaveOneGroupOut(),
    LeaveOneOut(),
    LeavePGroupsOut(2),
    LeavePOut(3),
    PredefinedSplit(np.arange(60) // 20 - 1),
    RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    ShuffleSplit(2, train_size=0.5, test_size=0.5, random_state=0),
    StratifiedGroupKFold(3),
    StratifiedKFold(3),
    StratifiedShuffleSplit(2, test_size=0.25, random_state=0),
    TimeSeriesSplit(4, gap=2, test_size=5),
    check_cv([(np.arange(40), np.arange(40, 60)), (list(range(50)), [58, 59])]),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("cls", CLASSES)
def test_load_gives_the_splitter_back(cls, splitter, tmp_path):
    X, y = make_data()
    groups = np.arange(60) // 4

    loaded = and_back(make(cls, validation_fraction=splitter), tmp_path)

    again = loaded.validation_fraction
    assert type(again) is type(splitter)
    assert re.sub(ADDRESS, "", repr(again)) == re.sub(ADDRESS, "", repr(splitter))
    by_groups = {"groups": groups} if "Group" in type(splitter).__name__ else {}
    few = itertools.islice
    splits = few(copy.deepcopy(splitter).split(X, y, **by_groups), 20)
    for one, other in zip(splits, few(again.split(X, y, **by_groups), 20), strict=True):
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])


def test_save_keeps_a_model_that_a_splitter_stopped(tmp_path):
    X, y = make_data()
    groups = np.arange(60) // 4
    clf = make(MLPClassifier, early_stopping=True, validation_fraction=GroupKFold(3))
    clf.fit(X, y, groups=groups)

    loaded = and_back(clf, tmp_path)

    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    loaded.fit(X, y, groups=groups)
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


class OwnSplit(KFold):
    """A splitter of a user's own."""


def test_save_says_which_parameter_has_a_splitter_of_ones_own(tmp_path):
    clf = make(MLPClassifier, validation_fraction=OwnSplit(3))

    with pytest.raises(TypeError) as caught:
        save(clf, tmp_path / "model.sknn")

    assert str(caught.value).startswith(
        "The 'validation_fraction' parameter of MLPClassifier cannot be saved as data: "
        "OwnSplit(n_splits=3, random_state=None, shuffle=False)."
    )


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_load_gives_every_network_of_an_ensemble_back(cls, tmp_path):
    X, y = make_data()
    estimator = fit(make(cls, n_estimators=3), X, y)

    loaded = and_back(estimator, tmp_path)

    assert_array_equal(output_of(loaded, X), output_of(estimator, X))
    assert vars(loaded).keys() == vars(estimator).keys()
    for one, other in zip(loaded.estimators_, estimator.estimators_, strict=True):
        assert one.random_state == other.random_state
        assert_array_equal(one.coefs_[0], other.coefs_[0])
    with torch.no_grad():
        output = to_torch(loaded)(torch.from_numpy(X))
    expected = output_of(estimator, X).reshape(output.shape)
    np.testing.assert_allclose(output, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "labels",
    [
        (3, 5),
        (1.0, 2.0, 7.0),
        (True, False),
        ("no", "yes", "other"),
        np.array(["no", "yes", "maybe"], dtype=object),
        np.array([1, 2, 3], dtype=np.int8),
        np.array(["2026-01-01", "2026-01-02", "2026-07-01"], dtype="M8[D]"),
        np.array([1, 2, 400], dtype="m8[s]"),
    ],
    ids=lambda labels: f"{np.array(labels).dtype}",
)
def test_load_keeps_the_type_of_the_classes(labels, tmp_path):
    X, y = make_data(labels=labels)
    clf = make(MLPClassifier).fit(X, y)

    loaded = and_back(clf, tmp_path)

    assert loaded.classes_.dtype == clf.classes_.dtype
    assert_array_equal(loaded.classes_, clf.classes_)
    assert_array_equal(loaded.predict(X), clf.predict(X))
    assert loaded.score(X, y) == clf.score(X, y)


def test_load_keeps_multilabel_targets(tmp_path):
    X, _ = make_data()
    Y = (X[:, :3] > 0.5).astype(int)
    clf = make(MLPClassifier, class_weight=[{0: 1, 1: 2}] * 3).fit(X, Y)

    loaded = and_back(clf, tmp_path)

    assert_array_equal(loaded.predict(X), clf.predict(X))
    assert loaded.class_weight == clf.class_weight


def test_load_keeps_normalized_targets_and_column_names(tmp_path):
    X = pd.DataFrame(make_data()[0], columns=["a", "b", "c", "d"])
    reg = make(MLPRegressor, normalize_y=True).fit(X, 1e4 * X[["a", "b"]])

    loaded = and_back(reg, tmp_path)

    assert_array_equal(loaded.predict(X), reg.predict(X))
    assert_array_equal(loaded.feature_names_in_, reg.feature_names_in_)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(X[["b", "a", "c", "d"]])


@pytest.mark.parametrize(
    "params",
    [
        {"variational": True},
        {"noise": "masking", "sparsity_penalty": 0.1},
        {"loss": "binary_cross_entropy"},
    ],
    ids=str,
)
def test_load_keeps_every_kind_of_autoencoder(params, tmp_path):
    X, _ = make_data()
    ae = make(AutoencoderTransformer, **params).fit(X)

    loaded = and_back(ae.set_output(transform="pandas"), tmp_path)

    pd.testing.assert_frame_equal(loaded.transform(X), ae.transform(X))
    codes = ae.transform(X).to_numpy()
    assert_array_equal(loaded.inverse_transform(codes), ae.inverse_transform(codes))
    assert loaded.score(X) == ae.score(X)


def test_load_gives_the_same_numbers_in_another_process(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier).fit(X, y)
    save(clf, tmp_path / "clf.sknn")
    np.save(tmp_path / "X.npy", X)

    code = (
        "import numpy as np, sknn_deep; "
        "clf = sknn_deep.load('clf.sknn'); X = np.load('X.npy'); "
        "np.save('proba.npy', clf.predict_proba(X))"
    )
    run_python(code, tmp_path)

    assert_array_equal(np.load(tmp_path / "proba.npy"), clf.predict_proba(X))


def test_load_keeps_metadata_requests(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make(MLPClassifier).set_fit_request(sample_weight=True, X_val="X_test")

        loaded = and_back(clf, tmp_path)

        assert str(loaded.get_metadata_routing()) == str(clf.get_metadata_routing())


# --- training goes on -----------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam"},
        {"solver": "adamw", "dropout": 0.2},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": torch.optim.Adagrad},
        {"normalization": "batch"},
    ],
    ids=str,
)
def test_partial_fit_goes_on_as_if_it_had_not_been_saved(cls, params, tmp_path):
    X, y = make_data(labels=(0, 1, 2))
    estimator = make(cls, **params)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    estimator.partial_fit(X, y, **first)
    loaded = and_back(estimator, tmp_path)

    for goes_on in (estimator, loaded):
        for _ in range(3):
            goes_on.partial_fit(X[:40], y[:40])

    assert_array_equal(output_of(loaded, X), output_of(estimator, X))
    assert loaded.loss_curve_ == estimator.loss_curve_
    assert loaded.t_ == estimator.t_


def test_partial_fit_after_load_knows_the_given_classes(tmp_path):
    X, _ = make_data()
    clf = make(MLPClassifier).partial_fit(X, np.zeros(60, int), classes=[0, 1, 2])

    loaded = and_back(clf, tmp_path).partial_fit(X, np.full(60, 2))

    assert_array_equal(loaded.classes_, [0, 1, 2])


@pytest.mark.parametrize("cls", CLASSES)
def test_random_state_goes_on_where_it_was(cls, tmp_path):
    X, y = make_data()
    estimator = fit(make(cls, random_state=np.random.RandomState(0)), X, y)
    loaded = and_back(estimator, tmp_path)

    fit(estimator, X, y)
    fit(loaded, X, y)

    assert_array_equal(output_of(loaded, X), output_of(estimator, X))


def test_warm_start_goes_on_after_load(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier, warm_start=True).fit(X, y)
    loaded = and_back(clf, tmp_path)

    assert_array_equal(loaded.fit(X, y).coefs_[0], clf.fit(X, y).coefs_[0])


def test_load_does_not_take_the_random_numbers_of_others(tmp_path):
    X, y = make_data()
    save(make(MLPClassifier, dropout=0.1).fit(X, y), tmp_path / "clf.sknn")
    before = torch.get_rng_state(), np.random.get_state()[1].copy()

    load(tmp_path / "clf.sknn")

    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])


# --- devices --------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
def test_load_takes_the_cpu_where_the_device_is_missing(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier, device="cpu").partial_fit(X, y, classes=list("abc"))
    path = tmp_path / "clf.sknn"
    save(clf, path)
    change_document(path, b'"device":"cpu"', b'"device":"cuda:0"')

    loaded = load(path)

    assert loaded.device_ == "cpu"
    assert loaded.device == "cuda:0"
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    with pytest.raises(ValueError, match="no such device"):
        loaded.partial_fit(X, y)
    assert load(path, device="cpu").partial_fit(X, y).device_ == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there must be no GPU")
def test_load_refuses_a_device_that_is_not_there(tmp_path):
    save(make(MLPClassifier), tmp_path / "clf.sknn")

    with pytest.raises(ValueError, match="no such device") as raised:
        load(tmp_path / "clf.sknn", device="cuda")

    assert not isinstance(raised.value, ModelFileError)


# --- what cannot be saved -------------------------------------------------------------


class OwnOptimizer(torch.optim.SGD):
    """An optimizer that only this test knows."""


class OwnClassifier(MLPClassifier):
    """An estimator that only this test knows."""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"callbacks": [LRScheduler()]}, "The 'callbacks' parameter of MLPClassifier"),
        ({"scoring": lambda *_: 0.0}, "The 'scoring' parameter of MLPClassifier"),
        ({"solver": OwnOptimizer}, "The 'solver' parameter of MLPClassifier"),
        ({"solver": functools.partial(OwnOptimizer, weight_decay=1.0)}, "The 'solver'"),
    ],
)
def test_save_refuses_what_is_no_data(params, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        save(make(MLPClassifier, **params), tmp_path / "clf.sknn")

    assert os.listdir(tmp_path) == []


def test_save_says_how_a_module_is_kept(tmp_path):
    with pytest.raises(TypeError) as caught:
        save(torch.nn.Sequential(torch.nn.Linear(2, 1)), tmp_path / "net.sknn")

    assert str(caught.value) == (
        "save takes an estimator of sknn_deep, or one of scikit-learn with such "
        "estimators in it. Got Sequential. A module by itself is kept by "
        "torch.save(module.state_dict(), path); fitted as NetClassifier(module) or "
        "NetRegressor(module), save takes it."
    )


def test_save_refuses_other_objects(tmp_path):
    for thing in ({"a": 1}, MLPClassifier, OwnClassifier()):
        with pytest.raises(TypeError):
            save(thing, tmp_path / "thing.sknn")

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("is_fitted", [False, True])
def test_save_names_a_class_that_is_not_ours(is_fitted, tmp_path):
    clf = make(OwnClassifier)
    if is_fitted:
        clf.fit(*make_data())

    with pytest.raises(TypeError, match="OwnClassifier is a class of your own"):
        save(clf, tmp_path / "clf.sknn")


def test_save_names_the_place_that_is_missing(tmp_path):
    folder = tmp_path / "folder"
    for path, error, place in [
        (folder / "clf.sknn", FileNotFoundError, folder),
        (tmp_path, IsADirectoryError, tmp_path),
    ]:
        with pytest.raises(error) as caught:
            save(make(MLPClassifier), path)
        assert caught.value.filename == str(place)
        assert os.listdir(tmp_path) == []


def test_save_works_once_callbacks_and_own_optimizer_are_taken_out(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier, callbacks=[Callback()], solver=OwnOptimizer)
    clf.fit(X, y)

    loaded = and_back(clf.set_params(callbacks=None, solver="sgd"), tmp_path)

    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_save_refuses_more_names_than_load_would_read(tmp_path):
    clf = make(MLPClassifier)
    clf.notes = [f"name {i}" for i in range(500_000)]

    with pytest.raises(ValueError, match="more names, labels and lists"):
        save(clf, tmp_path / "clf.sknn")


# --- the file -------------------------------------------------------------------------


def test_save_writes_what_safetensors_reads(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier).fit(X, y)
    save(clf, tmp_path / "clf.sknn")

    with safe_open(tmp_path / "clf.sknn", "np") as file:
        arrays = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
        assert file.metadata()["format"] == "sknn_deep"

    for coef in clf.coefs_:
        assert any(np.array_equal(array, coef.T) for array in arrays)


def test_save_has_no_pickle_in_it(tmp_path):
    X, y = make_data()
    save(make(MLPClassifier).fit(X, y), tmp_path / "clf.sknn")

    data = (tmp_path / "clf.sknn").read_bytes()
    assert b"PK\x03\x04" not in data  # a zip archive, as torch.save writes it
    assert b"\x80\x04\x95" not in data  # how pickles begin


def test_save_replaces_a_file_and_leaves_nothing_else(tmp_path):
    X, _ = make_data()
    path = tmp_path / "model.sknn"
    save(make(MLPClassifier), path)

    save(make(MLPRegressor).fit(X, X[:, 0]), str(path))

    assert isinstance(load(path), MLPRegressor)
    assert os.listdir(tmp_path) == ["model.sknn"]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_save_gives_a_new_file_the_usual_mode(tmp_path):
    save(make(MLPClassifier), tmp_path / "model.sknn")
    (tmp_path / "other").touch()

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.skipif(os.name == "nt", reason="links are those of POSIX")
def test_save_writes_through_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.sknn").symlink_to(tmp_path / "folder" / "model.sknn")

    save(make(MLPClassifier), tmp_path / "link.sknn")

    assert (tmp_path / "link.sknn").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["model.sknn"]


def test_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.sknn"
    save(make(MLPClassifier), path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk is full"):
        save(make(MLPRegressor), path)

    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.sknn"]


SAVE_AND_BE_KILLED = """
import os, signal, sys, sknn_deep

moments, is_on = 0, False

def count(event, args=()):
    global moments
    if is_on and event in ("open", "os.rename", "fsync"):
        moments += 1
        if moments == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

def fsync(descriptor, fsync=os.fsync):
    count("fsync")
    fsync(descriptor)

sys.addaudithook(count)
os.fsync = fsync
for stop_at in range(1, 20):
    sknn_deep.save(sknn_deep.MLPClassifier(random_state=0), "model.sknn")
    child = os.fork()
    if child == 0:
        is_on = True
        sknn_deep.save(sknn_deep.MLPClassifier(random_state=1), "model.sknn")
        os._exit(0)
    was_killed = os.waitpid(child, 0)[1] == signal.SIGKILL
    print(sknn_deep.load("model.sknn").random_state)
    if not was_killed:
        break
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_save_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    done = run_python(SAVE_AND_BE_KILLED, tmp_path)

    # Killed before it opens, syncs and renames the file, it leaves the old one; once
    # the name is changed, and when it is not killed, there is the new one.
    assert done.split() == ["0", "0", "0", "1", "1", "1"]
