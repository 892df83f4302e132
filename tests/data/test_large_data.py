"""Files larger than the memory they may take: the same results, without the memory."""

import operator
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.data._large_files import is_large_file
from sknn_deep.rows import MappedArray

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def little_memory():
    """Take a MiB for large: a window is 128 KiB, 512 rows of 64 numbers of 4 bytes."""
    with sklearn.config_context(working_memory=1):
        yield


@pytest.fixture
def save(tmp_path):
    """Write an array to a file, and map it."""

    def save(X, mode="r"):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, X)
        return np.load(path, mmap_mode=mode)

    return save


def draw(n_rows=6000, n_features=64, dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features))
    y = X @ rng.standard_normal(n_features)
    if np.dtype(dtype).kind in "iu":
        X = np.clip(10 * X + 100, 0, 200)
    elif np.dtype(dtype).kind == "b":
        X = X > 0
    return X.astype(dtype), y


def make(estimator, **parameters):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
    if estimator is AutoencoderTransformer:
        defaults["n_components"] = 3
    return estimator(**{**defaults, "batch_size": 100, **parameters})


def assert_equal_networks(one, other):
    for name in ("coefs_", "intercepts_"):
        pairs = zip(getattr(one, name), getattr(other, name), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)


# --- the rule -----------------------------------------------------------------------


def test_large_file_is_one_of_more_than_the_working_memory(save):
    X = save(np.zeros((1024, 257), dtype=np.float32))

    assert not is_large_file(X)
    with sklearn.config_context(working_memory=1):
        assert is_large_file(X)
        assert not is_large_file(X[:1020])
        assert is_large_file(X[1:])


def test_large_file_counts_the_numbers_that_it_is_turned_into(save, little_memory):
    assert is_large_file(save(np.zeros((1024, 129), dtype=np.uint8)))
    assert not is_large_file(save(np.zeros((1024, 128), dtype=np.uint8)))


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((10_000, 64), dtype=np.float32),
        np.asfortranarray(np.zeros((10_000, 64), dtype=np.float32)),
        np.zeros((10_000, 64), dtype=np.complex64),
        np.zeros(640_000, dtype=np.float32),
    ],
    ids=["array", "columns", "complex", "vector"],
)
def test_large_file_is_a_file_of_rows_of_numbers(X, save, little_memory):
    mapped = save(X)
    is_first = X.flags.c_contiguous and X.ndim == 2 and X.dtype == np.float32

    assert not is_large_file(X)
    assert not is_large_file(np.asarray(mapped))
    assert not is_large_file(mapped[::-1])
    assert is_large_file(mapped) == is_first


def test_large_file_may_be_joblibs(tmp_path, little_memory):
    joblib.dump(draw()[0], tmp_path / "X.joblib")

    assert is_large_file(joblib.load(tmp_path / "X.joblib", mmap_mode="r"))


def test_large_file_is_not_what_joblib_maps_for_its_workers(little_memory):
    X, _ = draw()
    name_of = joblib.delayed(operator.attrgetter("filename"))  # no array has that

    with joblib.Parallel(n_jobs=2, max_nbytes=1000) as parallel:
        path, _ = parallel(name_of(X) for _ in range(2))
        mapped = np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape)

        assert mapped.size * mapped.itemsize > 2**20
        assert not is_large_file(mapped)


# --- equal to what is in memory -----------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "bool", ">f4"])
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_fit_in_the_order_of_the_file_equals_fit_in_memory(
    save, little_memory, dtype, precision
):
    X, y = draw(dtype=dtype)
    mapped = save(X)
    assert is_large_file(mapped)
    reg = make(MLPRegressor, shuffle=False, precision=precision, solver="sgd")
    reg.set_params(learning_rate_init=1e-6)

    from_file = sklearn.clone(reg).fit(mapped, y)
    in_memory = reg.fit(X, y)

    assert_equal_networks(from_file, in_memory)
    assert from_file.loss_curve_ == in_memory.loss_curve_
    np.testing.assert_array_equal(from_file.predict(mapped), in_memory.predict(X))


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_fit_of_a_file_counts_weights_and_leaves_out_rows(
    save, little_memory, estimator
):
    X, y = draw()
    y = np.digitize(y, [-3, 3]) if estimator is MLPClassifier else y
    weight = np.arange(len(X)) % 3 / 2.0
    net = make(estimator, shuffle=False)

    from_file = sklearn.clone(net).fit(save(X), y, weight)
    in_memory = net.fit(X, y, weight)

    assert_equal_networks(from_file, in_memory)


def test_partial_fit_of_a_file_equals_that_in_memory(save, little_memory):
    X, y = draw()
    net = make(MLPRegressor, shuffle=False, batch_size=50)

    from_file = sklearn.clone(net).partial_fit(save(X), y).partial_fit(X[:50], y[:50])
    in_memory = net.partial_fit(X, y).partial_fit(X[:50], y[:50])

    assert_equal_networks(from_file, in_memory)


def test_lbfgs_reads_the_whole_file(save, little_memory):
    X, y = draw()
    net = make(MLPRegressor, solver="lbfgs")

    from_file = sklearn.clone(net).fit(save(X), y)

    assert_equal_networks(from_file, net.fit(X, y))


def test_classifier_answers_for_a_file_as_for_an_array(save, little_memory):
    X, y = draw()
    y = np.digitize(y, [-3, 3])
    mapped = save(X)
    clf = make(MLPClassifier).fit(X, y)

    for method in ("predict", "predict_proba", "hidden_features"):
        answers = getattr(clf, method)
        np.testing.assert_array_equal(answers(mapped), answers(X))
    assert clf.score(mapped, y) == clf.score(X, y)


@pytest.mark.parametrize("has_weights", [False, True])
def test_autoencoder_answers_for_a_file_as_for_an_array(
    save, little_memory, has_weights
):
    X, _ = draw(dtype="uint8")
    X = X.astype(np.float32) / 255
    mapped = save(X)
    weight = np.arange(len(X)) % 2 + 0.5 if has_weights else None
    net = make(AutoencoderTransformer, out_activation="logistic", shuffle=False)

    from_file = sklearn.clone(net).fit(mapped, sample_weight=weight)
    net.fit(X, sample_weight=weight)

    assert_equal_networks(from_file, net)
    for method in ("transform", "score_samples"):
        answers = getattr(net, method)
        np.testing.assert_array_equal(answers(mapped), answers(X))
    scores = [net.score(rows, sample_weight=weight) for rows in (mapped, X)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_autoencoder_stops_early_on_rows_of_a_file(save, little_memory):
    X, _ = draw()

    net = make(AutoencoderTransformer, early_stopping=True).fit(save(X))

    assert np.isfinite(net.validation_scores_).all()


def test_autoencoder_refuses_a_file_out_of_range(save, little_memory):
    X, _ = draw()
    net = make(AutoencoderTransformer, out_activation="logistic")

    with pytest.raises(ValueError, match=f"ranges from {X.min():.8g} to {X.max():.8g}"):
        net.fit(save(X))


# --- validation rows ----------------------------------------------------------------


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_early_stopping_leaves_the_validation_rows_in_the_file(
    save, little_memory, scoring, monkeypatch
):
    X, y = draw()
    y = y > 0
    mapped = save(X)
    taken = []
    original = MappedArray.__getitem__
    monkeypatch.setattr(
        MappedArray,
        "__getitem__",
        lambda self, rows: taken.append(original(self, rows)) or taken[-1],
    )

    clf = make(MLPClassifier, early_stopping=True, scoring=scoring).fit(mapped, y)

    valid = taken[0]
    assert all(isinstance(rows, MappedArray) for rows in taken)
    assert valid.shape == (600, 64)
    assert clf.best_validation_score_ == pytest.approx(
        clf.score(np.asarray(valid), y[valid.rows])
    )


def test_validation_rows_may_be_a_file(save, little_memory):
    X, y = draw()
    X_val, y_val = draw(n_rows=7000)
    net = make(MLPRegressor, early_stopping=True)

    from_file = sklearn.clone(net).fit(X, y, X_val=save(X_val), y_val=y_val)
    in_memory = net.fit(X, y, X_val=X_val, y_val=y_val)

    assert from_file.validation_scores_ == in_memory.validation_scores_


def test_ensemble_of_a_file_is_of_the_same_networks(save, little_memory):
    X, y = draw()
    mapped = save(X)

    ensemble = make(MLPRegressor, n_estimators=2).fit(mapped, y)

    for member in ensemble.estimators_:
        single = make(MLPRegressor, random_state=member.random_state).fit(mapped, y)
        assert_equal_networks(single, member)


# --- bad input ----------------------------------------------------------------------


def spoil_last_row(X, y):
    X[-1, -1] = np.nan
    return X, y


def miss_target(X, y):
    return X, y[:-1]


def miss_all_targets(X, y):
    return X, None


def spoil_target(X, y):
    y[5] = np.inf
    return X, y


@pytest.mark.parametrize(
    "spoil", [spoil_last_row, miss_target, miss_all_targets, spoil_target]
)
def test_bad_file_gives_the_message_of_a_bad_array(save, little_memory, spoil):
    X, y = spoil(*draw())
    messages = []

    for rows in (X, save(X)):
        with pytest.raises(ValueError) as refused:
            make(MLPRegressor).fit(rows, y)
        messages.append(str(refused.value))

    assert messages[0] == messages[1]


def test_file_of_another_width_is_refused(save, little_memory):
    X, y = draw()
    reg = make(MLPRegressor).fit(X[:100, :60], y[:100])

    with pytest.raises(ValueError, match="X has 64 features, but MLPRegressor is expe"):
        reg.predict(save(X))


def test_file_after_a_frame_gives_the_warning_about_names(save, little_memory):
    X, y = draw()
    names = [f"x{i}" for i in range(64)]
    reg = make(MLPRegressor).fit(pd.DataFrame(X[:100], columns=names), y[:100])

    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        reg.predict(save(X))


def test_assume_finite_does_not_read_the_file_to_check_it(save, little_memory):
    X, y = spoil_last_row(*draw())
    reg = make(MLPRegressor).fit(X[:100], y[:100])

    with sklearn.config_context(assume_finite=True):
        predicted = reg.predict(save(X))

    assert np.isnan(predicted[-1])
    assert np.isfinite(predicted[:-1]).all()


def test_working_memory_of_nothing_reads_row_by_row(save):
    X, y = draw(n_rows=300, n_features=4)

    with sklearn.config_context(working_memory=0):
        reg = make(MLPRegressor).fit(save(X), y)

    assert np.isfinite(reg.loss_)


# --- how well, and in how much memory -----------------------------------------------


def test_mnist_in_the_order_of_its_classes_is_learnt_as_well_as_in_memory(mnist, save):
    by_class = np.argsort(mnist.y_train, kind="stable")
    X, y = mnist.X_train[by_class[::2]], mnist.y_train[by_class[::2]]
    clf = MLPClassifier((32,), max_iter=3, random_state=0)

    with sklearn.config_context(working_memory=32):
        mapped = save(X)
        assert is_large_file(mapped)
        from_file = sklearn.clone(clf).fit(mapped, y)
    in_memory = clf.fit(X, y)

    accuracies = [c.score(mnist.X_test, mnist.y_test) for c in (from_file, in_memory)]
    assert accuracies[0] > accuracies[1] - 0.005


MEASURE = """
import sys, warnings
import numpy as np
import sklearn
from sknn_deep import MLPClassifier
from examples.benchmarks.memory import peak_bytes

warnings.simplefilter("ignore")
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 3
clf = MLPClassifier((8,), max_iter=1, early_stopping=True, batch_size=1000)
clf.fit(X[:2000], y[:2000]).predict(X[:2000])  # what torch needs for itself
sklearn.set_config(working_memory=16)
before = peak_bytes()
for rows in (X, np.asarray(X)):
    clf.fit(rows, y).predict(rows)
    print(peak_bytes() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has"
)
def test_memory_of_a_fit_does_not_grow_with_the_file(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 300), dtype=np.float32)  # 120 MB
    np.save(tmp_path / "X.npy", X)

    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path / "X.npy"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    from_file, in_memory = map(int, done.stdout.split())
    assert from_file < 60e6
    assert in_memory > 100e6
