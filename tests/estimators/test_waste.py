"""What a fit, an epoch and a call do once, or not at all, counted."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skorch.callbacks
from numpy.testing import assert_array_equal
from scipy.sparse import csc_array, csr_array
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from skorch.callbacks import Callback, EpochScoring
from skorch.history import History

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.data import _data
from sknn_deep.model_selection import BatchedGridSearchCV
from sknn_deep.training import CompactHistory, _callbacks, _prediction

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
every_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)


def make_data(n_rows=60, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(n_rows, 5)).astype(dtype)
    return np.where(X > 0.4, X, 0), np.arange(n_rows) % 3


def make(Estimator, **params):
    common = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
    return Estimator(**common | params)


@pytest.fixture
def count(monkeypatch):
    """Count the calls of a function."""

    def count(owner, name):
        real, calls = getattr(owner, name), []

        def counted(*args, **kwargs):
            calls.append(args)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)
        return calls

    return count


# --- epochs that came before ----------------------------------------------------------


@pytest.fixture
def lengths(monkeypatch):
    """Take note of how many epochs of a history are gone through at a time."""
    lengths = []
    to_list, iterate = History.to_list, CompactHistory.__iter__

    def listed(history):
        lengths.append(len(history))
        return to_list(history)

    def iterated(history):
        lengths.append(len(history))
        return iterate(history)

    monkeypatch.setattr(History, "to_list", listed)
    monkeypatch.setattr(CompactHistory, "__iter__", iterated)
    return lengths


class Reader(Callback):
    """Reads and writes the history as callbacks do."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("double", 2 * net.history[-1, "train_loss"])
        assert net.history[-1, "batches", -1] == {}
        if len(net.history) > 1:
            assert net.history[-2, ("epoch", "double")][0] == len(net.history) - 1


KINDS = {
    "alone": {},
    "callback": {"callbacks": [Reader()]},
    "validation": {"early_stopping": True, "n_iter_no_change": 100},
    "verbose": {"verbose": 2},
}


@pytest.mark.parametrize("params", KINDS.values(), ids=KINDS)
@every_estimator
def test_no_epoch_of_a_fit_goes_through_those_before(Estimator, params, lengths):
    estimator = make(Estimator, max_iter=100, **params).fit(*make_data())

    assert len(estimator.loss_curve_) == 100
    assert max(lengths, default=0) <= 1


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_no_epoch_of_a_stack_goes_through_those_before(Estimator, lengths):
    X, y = make_data()
    ensemble = make(Estimator, max_iter=100, n_estimators=3).fit(X, y)
    search = BatchedGridSearchCV(make(Estimator, max_iter=100), {"alpha": [0.1, 1]})
    search.fit(X, y)

    assert [len(e.loss_curve_) for e in ensemble.estimators_] == [100] * 3
    assert search.cv_results_["batched"].all()
    assert max(lengths, default=0) <= 1


@pytest.mark.parametrize("kind", ["alone", "callback"])
@every_estimator
def test_no_call_goes_through_the_epochs_before(Estimator, kind, lengths):
    estimator = make(Estimator, **KINDS[kind])
    estimator.partial_fit(*make_data(), **first(Estimator))
    curve = estimator.loss_curve_
    for _ in range(70):
        estimator.partial_fit(*make_data())

    assert estimator.loss_curve_ is curve  # and no copy of it
    assert estimator.net_.history[:, "train_loss"] == curve
    assert len(curve) == len(estimator.net_.history) == 71
    assert max(lengths, default=0) <= 1


def first(Estimator):
    return {"classes": [0, 1, 2]} if Estimator is MLPClassifier else {}


@every_estimator
def test_a_call_adds_two_numbers_to_a_pickle(Estimator):
    estimator = make(Estimator).partial_fit(*make_data(), **first(Estimator))
    sizes = []
    for _ in range(2):
        for _ in range(128):
            estimator.partial_fit(*make_data())
        sizes.append(
            [len(pickle.dumps(e)) for e in (estimator, estimator.net_.history)]
        )

    of_all, of_history = np.diff(sizes, axis=0)[0] / 128
    assert of_history <= 16
    assert of_all - of_history <= 9.1  # a number of loss_curve_, and its length


def test_a_member_that_fails_leaves_the_curves_of_the_others(monkeypatch):
    X, y = make_data()
    # With a limit of time they are trained one after the other.
    ensemble = make(MLPClassifier, n_estimators=2, warm_start=True, max_time=1e6)
    curves = [member.loss_curve_ for member in ensemble.fit(X, y).estimators_]
    train = MLPClassifier._train
    trained = []

    def fail_in_the_second(member, plan):
        trained.append(member)
        if len(trained) == 2:
            raise RuntimeError("enough")
        train(member, plan)

    monkeypatch.setattr(MLPClassifier, "_train", fail_in_the_second)
    with pytest.raises(RuntimeError, match="enough"):
        ensemble.fit(X, y)

    assert [len(curve) for curve in curves] == [5, 5]
    for member, curve in zip(ensemble.estimators_, curves, strict=True):
        assert member.loss_curve_ is curve and member.n_iter_ == 5


def test_the_best_score_is_that_of_all_trainings():
    X, y = make_data()
    clf = make(MLPClassifier, warm_start=True)
    for seed in range(3):
        clf.set_params(learning_rate_init=10.0**-seed).fit(X, y, X_val=X, y_val=y)

    assert len(clf.validation_scores_) == 15
    assert clf.best_validation_score_ == max(clf.validation_scores_)


# --- skorch's callbacks on the history ------------------------------------------------


def test_skorchs_callbacks_find_in_the_history_what_they_want(tmp_path, capsys):
    X, y = make_data()
    callbacks = [
        EpochScoring(
            lambda net, X, y=None: -len(net.history),
            name="falling",
            lower_is_better=False,
            on_train=True,
        ),
        skorch.callbacks.EarlyStopping("train_loss", patience=1000),
        skorch.callbacks.Checkpoint(monitor="train_loss_best", dirname=tmp_path),
        skorch.callbacks.PrintLog(),
    ]
    clf = make(MLPClassifier, max_iter=80, verbose=2, callbacks=callbacks).fit(X, y)

    history = clf.net_.history
    assert history[:, ("falling", "falling_best")][:2] == [(-1, True), (-2, False)]
    assert history[:, "event_cp"] == history[:, "train_loss_best"]
    loaded = History.from_file(str(tmp_path / "history.json"))
    assert loaded == history[: len(loaded)]
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [int(word) for word in words if word.isdigit()] == history[:, "epoch"]


def test_history_that_skorch_loads_becomes_a_compact_one(tmp_path):
    X, y = make_data()
    clf = make(MLPClassifier).partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    before = clf.net_.history.to_list()
    clf.net_.save_params(f_history=tmp_path / "history.json")

    clf.net_.load_params(f_history=tmp_path / "history.json")
    clf.partial_fit(X, y)

    assert type(clf.net_.history) is CompactHistory
    assert clf.net_.history[:2] == before and len(clf.net_.history) == 3


# --- hooks --------------------------------------------------------------------------


@every_estimator
def test_a_training_asks_once_what_callbacks_want_to_be_told(Estimator, count):
    asked = count(_callbacks, "overrides")
    make(Estimator, callbacks=[Reader()]).fit(*make_data())

    hooks = ["on_batch_begin", "on_grad_computed"]
    assert sorted(hook for _, hook, *_ in asked) == sorted(2 * hooks)  # and the timer's


@every_estimator
def test_a_callback_that_is_added_between_calls_is_told_of_batches(Estimator):
    class Batches(Callback):
        n_batches, n_gradients = 0, 0

        def on_batch_end(self, net, **kwargs):
            self.n_batches += 1

        def on_grad_computed(self, net, **kwargs):
            self.n_gradients += 1

    estimator = make(Estimator, batch_size=20)
    estimator.partial_fit(*make_data(), **first(Estimator))
    watcher = Batches()
    estimator.net_.callbacks_.append(("watcher", watcher))
    estimator.partial_fit(*make_data())
    assert (watcher.n_batches, watcher.n_gradients) == (3, 3)
    assert len(estimator.net_.history[-1, "batches"]) == 3

    estimator.net_.callbacks_.pop()
    estimator.partial_fit(*make_data())
    assert (watcher.n_batches, watcher.n_gradients) == (3, 3)


# --- strata -------------------------------------------------------------------------


def test_strata_are_made_for_a_split_alone(count):
    X, y = make_data()
    made = count(MLPClassifier, "_strata")
    make(MLPClassifier).fit(X, y)
    make(MLPClassifier, n_estimators=2).fit(X, y)
    make(MLPClassifier).partial_fit(X, y, classes=[0, 1, 2])
    make(MLPClassifier, early_stopping=True).fit(X, y, X_val=X, y_val=y)
    BatchedGridSearchCV(make(MLPClassifier), {"alpha": [0.1, 1]}).fit(X, y)
    assert made == []

    make(MLPClassifier, early_stopping=True).fit(X, y)
    make(MLPClassifier, early_stopping=True, n_estimators=2).fit(X, y)
    assert len(made) == 2


# --- fit_transform ------------------------------------------------------------------

VARIANTS = {
    "plain": {},
    "variational": {"variational": True},
    "normalization": {"normalization": "batch", "dropout": 0.2},
    "lbfgs": {"solver": "lbfgs", "tol": 0.01},
    "float64": {"precision": "float64"},
    "bfloat16": {"precision": "bfloat16"},
    "early stopping": {"early_stopping": True},
    "cross entropy": {"loss": "binary_cross_entropy"},
}
FORMS = {
    "float64": lambda X, path: X,
    "float32": lambda X, path: X.astype(np.float32),
    "fortran": lambda X, path: np.asfortranarray(X),
    "lists": lambda X, path: X.tolist(),
    "csr": lambda X, path: csr_array(X),
    "csc": lambda X, path: csc_array(X),
    "file": lambda X, path: save(X, path),
}


def save(X, path):
    np.save(path / "X.npy", X)
    return np.load(path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_transform_gives_the_codes_of_fit_and_transform(
    params, form, weighted, tmp_path
):
    X = form(np.tile(make_data(400)[0], 80), tmp_path)  # 400 columns: a MiB and more
    weight = np.arange(400) % 3 if weighted else None
    params = {"n_components": 2, "max_iter": 2, "batch_size": 100, **params}

    with config_context(working_memory=1):
        codes = make(AutoencoderTransformer, **params).fit_transform(
            X, sample_weight=weight
        )
        fitted = make(AutoencoderTransformer, **params).fit(X, sample_weight=weight)
        expected = fitted.transform(X)

    assert codes.dtype == expected.dtype
    assert_array_equal(codes, expected)


@pytest.mark.parametrize("form", ["float64", "float32", "csr"])
def test_fit_transform_checks_and_places_once(form, count, tmp_path):
    X = FORMS[form](make_data()[0], tmp_path)
    checked = count(_data, "validate")
    placed = [count(module, "make_rows") for module in (_data, _prediction)]

    make(AutoencoderTransformer).fit_transform(X)

    assert len(checked) == 1
    assert list(map(len, placed)) == [1, 0]


def test_fit_transform_gives_frames_with_the_index_of_x():
    X, _ = make_data()
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(100, 160))
    ae = make(AutoencoderTransformer).set_output(transform="pandas")

    codes = ae.fit_transform(frame)

    pd.testing.assert_frame_equal(codes, ae.transform(frame))
    assert codes.index[0] == 100
    assert list(ae.feature_names_in_) == list("abcde")
    pipeline = make_pipeline(MinMaxScaler(), make(AutoencoderTransformer))
    assert_array_equal(pipeline.fit_transform(frame), pipeline.transform(frame))


def test_fit_transform_of_a_subclass_is_its_own_fit_and_transform():
    X, _ = make_data()

    class Doubled(AutoencoderTransformer):
        def transform(self, X):
            return 2 * super().transform(X)

    class Counted(AutoencoderTransformer):
        def fit(self, X, y=None, **params):
            self.params_ = sorted(params)
            return super().fit(X, y, **params)

    codes = make(AutoencoderTransformer).fit_transform(X)
    assert_array_equal(make(Doubled).fit_transform(X), 2 * codes)
    counted = make(Counted)
    assert_array_equal(counted.fit_transform(X), codes)
    assert counted.params_ == []
    counted.fit_transform(X, sample_weight=np.ones(60))
    assert counted.params_ == ["sample_weight"]


def test_fit_transform_whose_codes_are_not_finite_leaves_a_fitted_estimator():
    X, _ = make_data()
    ae = make(AutoencoderTransformer)

    class Spoiled(Callback):
        def on_train_end(self, net, **kwargs):
            next(net.module_.parameters()).data.fill_(1e308)

    with pytest.raises(ValueError, match="what comes out is NaN or infinite"):
        ae.set_params(callbacks=[Spoiled()]).fit_transform(1e3 * X)
    assert hasattr(ae, "net_")
