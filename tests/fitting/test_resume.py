"""Fits that were killed, interrupted or stopped, and what becomes of them."""

import itertools
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.callbacks import Checkpoint
from sknn_deep.fitting import _solvers as solvers
from sknn_deep.persistence import ModelFileError

ROOT = Path(__file__).resolve().parents[2]
ESTIMATORS = [AutoencoderTransformer, MLPClassifier, MLPRegressor]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer.*:sklearn.exceptions.ConvergenceWarning"
)


class Crash(Exception):
    pass


class After(Callback):
    """Does something at the end of an epoch, before its state is kept."""

    def __init__(self, n_epochs, action):
        self.n_epochs = n_epochs
        self.action = action

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            self.action()


def crash():
    raise Crash


def make(Estimator=MLPClassifier, **parameters):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}
    return Estimator(**{**defaults, **parameters})


def crash_after(n_epochs, estimator, folder, *data, **options):
    """Fit until an error comes after the epoch; leave the state of the one before."""
    estimator = clone(estimator).set_params(
        callbacks=[Checkpoint(folder), After(n_epochs, crash)]
    )
    with pytest.raises(Crash):
        estimator.fit(*data, **options)


def go_on(estimator, folder, *data, **options):
    estimator = clone(estimator).set_params(callbacks=[Checkpoint(folder)])
    return estimator.fit(*data, **options)


def rows_of(digits, Estimator=MLPClassifier, n_rows=200):
    X, y = digits.X[:n_rows], digits.y[:n_rows]
    return (X,) if Estimator is AutoencoderTransformer else (X, y)


def assert_same_model(ours, expected):
    for name in ("coefs_", "intercepts_", "loss_curve_", "validation_scores_"):
        assert_same_numbers(getattr(ours, name), getattr(expected, name))
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_"):
        assert getattr(ours, name) == getattr(expected, name), name


def assert_same_numbers(ours, expected):
    assert (ours is None) == (expected is None)
    for a, b in zip(ours or [], expected or [], strict=True):
        np.testing.assert_array_equal(a, b)


# --- killed ---------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of a process")
def test_fits_that_are_killed_go_on_and_end_as_if_nothing_had_happened():
    # Two kills in each of five cases.
    command = [sys.executable, "-m", "tests.fitting.killed_fits", "10", "0", "2"]

    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout

    results = [json.loads(line) for line in output.splitlines()]
    assert len({result["case"] for result in results}) == 5
    assert sum(len(result["epochs_when_killed"]) for result in results) == 10
    assert max(result["n_resumed"] for result in results) > 0
    for result in results:
        assert result["difference"] <= 1e-6, result
        assert result["same_curves"], result
        assert result["files_left"] == ["checkpoint_7.sknn"], result
        assert result["n_resumed"] >= max(result["epochs_when_killed"]), result


# --- going on -------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fit_goes_on_after_an_error(Estimator, early_stopping, digits, tmp_path):
    estimator = make(Estimator, early_stopping=early_stopping)
    data = rows_of(digits, Estimator)
    crash_after(3, estimator, tmp_path, *data)

    resumed = go_on(estimator, tmp_path, *data)

    assert resumed.net_.n_resumed_ == 2
    assert_same_model(resumed, clone(estimator).fit(*data))


def test_fit_goes_on_with_weights_and_validation_rows_of_the_users(digits, tmp_path):
    X, y = rows_of(digits)
    options = {
        "sample_weight": np.linspace(0, 1, len(y)),
        "X_val": digits.X[200:260],
        "y_val": digits.y[200:260],
    }
    estimator = make(early_stopping=True, class_weight="balanced", dropout=0.2)
    crash_after(3, estimator, tmp_path, X, y, **options)

    resumed = go_on(estimator, tmp_path, X, y, **options)

    assert resumed.net_.n_resumed_ == 2
    assert_same_model(resumed, clone(estimator).fit(X, y, **options))


def test_fit_goes_on_with_a_sparse_matrix(digits, tmp_path):
    X, y = rows_of(digits)
    X = scipy.sparse.csr_array(X)
    crash_after(3, make(), tmp_path, X, y)
    other = X.copy()
    other.data[5] += 1

    with pytest.raises(ValueError, match=r"What differs: X\. Fit as before"):
        go_on(make(), tmp_path, other, y)
    resumed = go_on(make(), tmp_path, X, y)

    assert resumed.net_.n_resumed_ == 2
    assert_same_model(resumed, make().fit(X, y))


def test_fit_goes_on_with_a_file_that_is_read_in_pieces(digits, tmp_path):
    X, y = rows_of(digits)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r+")
    states = tmp_path / "states"
    with sklearn.config_context(working_memory=0.03):  # MiB, less than X takes
        expected = make().fit(mapped, y)
        crash_after(3, make(), states, mapped, y)
        mapped[-1, -1] += 1
        with pytest.raises(ValueError, match=r"What differs: X\. Fit as before"):
            go_on(make(), states, mapped, y)
        mapped[-1, -1] -= 1

        resumed = go_on(make(), states, mapped, y)

    assert resumed.net_.n_resumed_ == 2
    assert_same_model(resumed, expected)


def test_fit_goes_on_as_often_as_need_be(digits, tmp_path):
    data = rows_of(digits)
    for n_epochs in (2, 3, 5):
        crash_after(n_epochs, make(), tmp_path, *data)

    resumed = go_on(make(), tmp_path, *data)

    assert resumed.net_.n_resumed_ == 4
    assert_same_model(resumed, make().fit(*data))


def test_fit_that_is_finished_gives_its_model_again(digits, tmp_path):
    data = rows_of(digits)
    first = go_on(make(), tmp_path, *data)

    again = go_on(make(), tmp_path, *data)

    assert (first.net_.n_resumed_, again.net_.n_resumed_) == (0, 6)
    assert_same_model(again, first)


def test_fit_warns_again_that_it_has_not_converged(digits, tmp_path):
    data = rows_of(digits)
    go_on(make(), tmp_path, *data)

    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(6\) reached"):
        go_on(make(), tmp_path, *data)


def test_fit_that_is_finished_is_replaced_by_another(digits, tmp_path):
    data = rows_of(digits)
    go_on(make(), tmp_path, *data)

    other = go_on(make(alpha=0.5), tmp_path, *data)

    assert other.net_.n_resumed_ == 0
    assert_same_model(other, make(alpha=0.5).fit(*data))


def test_fit_that_its_time_ended_goes_on(digits, tmp_path):
    data = rows_of(digits)
    estimator = make(max_time=1e-9)
    for n_epochs in range(1, 7):
        fitted = go_on(estimator, tmp_path, *data)
        assert fitted.n_iter_ == n_epochs

    assert_same_model(fitted, make().fit(*data))


def test_ensemble_goes_on_with_the_network_that_it_was_at(digits, tmp_path):
    data = rows_of(digits)
    ensemble = make(n_estimators=3)
    whole = clone(ensemble).fit(*data)
    seeds = [member.random_state for member in whole.estimators_]
    go_on(whole.estimators_[0], tmp_path, *data)
    crash_after(4, whole.estimators_[1], tmp_path, *data)

    resumed = go_on(ensemble, tmp_path, *data)

    resumed_from = [member.net_.n_resumed_ for member in resumed.estimators_]
    assert resumed_from == [6, 3, 0]
    # An ensemble trains together, resumed networks by themselves: whether both round
    # alike depends on the processor.
    np.testing.assert_allclose(
        resumed.predict_proba(data[0]), whole.predict_proba(data[0]), rtol=1e-5
    )
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {f"checkpoint_{seed}.sknn" for seed in seeds}


def test_fit_with_a_checkpoint_is_the_fit_without(digits, tmp_path):
    data = rows_of(digits)

    assert_same_model(go_on(make(), tmp_path, *data), make().fit(*data))


def test_partial_fit_leaves_checkpoints_alone(digits, tmp_path):
    reg = make(MLPRegressor, callbacks=[Checkpoint(tmp_path / "states")])

    reg.partial_fit(*rows_of(digits))

    assert not (tmp_path / "states").exists()


def test_checkpoint_can_be_cloned(tmp_path):
    copy = clone(make(callbacks=[Checkpoint(tmp_path, fn_prefix="a_")]))

    (checkpoint,) = copy.callbacks
    assert checkpoint.get_params() == {"dirname": tmp_path, "fn_prefix": "a_"}


def test_checkpoint_removes_what_a_killed_process_was_writing(digits, tmp_path):
    (tmp_path / ".checkpoint_0.sknn.0123.tmp").write_bytes(b"half")
    (tmp_path / "notes.tmp").write_bytes(b"not ours")

    go_on(make(), tmp_path, *rows_of(digits))

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint_0.sknn", "notes.tmp"]


# --- refused --------------------------------------------------------------------------


def test_another_fit_is_refused_by_what_differs(digits, tmp_path):
    X, y = rows_of(digits)
    crash_after(3, make(), tmp_path, X, y)
    changes = {
        r"alpha \(now 0.5, was 0.0001\)": (make(alpha=0.5), X, y),
        r"max_iter \(now 9, was 6\)": (make(max_iter=9), X, y),
        r"(?<!_)X\. Fit as before": (make(), X + np.eye(*X.shape, dtype=X.dtype), y),
        r"(?<!_)y\. Fit as before": (make(), X, np.roll(y, 1)),
        "estimator .now MLPRegressor, was MLPClassifier.": (make(MLPRegressor), X, y),
    }

    for message, (estimator, *data) in changes.items():
        with pytest.raises(ValueError, match=message) as error:
            go_on(estimator, tmp_path, *data)
        assert "has the unfinished training of another fit" in str(error.value)
        assert not hasattr(estimator, "net_")

    assert go_on(make(), tmp_path, X, y).net_.n_resumed_ == 2


def test_other_validation_rows_are_refused(digits, tmp_path):
    data = rows_of(digits)
    valid = {"X_val": digits.X[200:260], "y_val": digits.y[200:260]}
    other = {"X_val": digits.X[210:270], "y_val": digits.y[210:270]}
    crash_after(3, make(), tmp_path, *data, **valid)

    with pytest.raises(ValueError, match="What differs: X_val, y_val"):
        go_on(make(), tmp_path, *data, **other)


def test_warm_start_from_other_weights_is_refused(digits, tmp_path):
    data = rows_of(digits)
    clf = make(warm_start=True).fit(*data)
    clf.set_params(callbacks=[Checkpoint(tmp_path), After(3, crash)])
    with pytest.raises(Crash):
        clf.fit(*data)

    with pytest.raises(ValueError, match="What differs: the weights to start from"):
        go_on(make(warm_start=True), tmp_path, *data)


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_checkpoint_needs_a_seed(random_state, digits, tmp_path):
    clf = make(random_state=random_state)

    with pytest.raises(ValueError, match="Checkpoint needs an integer as random_state"):
        go_on(clf, tmp_path, *rows_of(digits))


def test_two_checkpoints_are_refused(digits, tmp_path):
    clf = make(callbacks=[Checkpoint(tmp_path / "a"), Checkpoint(tmp_path / "b")])

    with pytest.raises(ValueError, match=r"may have one Checkpoint\. Got 2"):
        clf.fit(*rows_of(digits))


def test_folder_of_a_fit_that_is_running_is_refused(digits, tmp_path):
    pytest.importorskip("fcntl", reason="there are no such locks on Windows")
    data = rows_of(digits)
    messages = []

    def fit_beside():
        with pytest.raises(ValueError, match="is in use by another fit") as error:
            go_on(make(), tmp_path, *data)
        messages.append(str(error.value))

    clf = make(callbacks=[Checkpoint(tmp_path), After(2, fit_beside)]).fit(*data)

    assert messages
    assert clf.n_iter_ == 6


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_file_is_refused(damage, digits, tmp_path):
    data = rows_of(digits)
    crash_after(3, make(), tmp_path, *data)
    path = tmp_path / "checkpoint_0.sknn"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-100] ^= 1
    path.write_bytes(content[: {"cut": -7, "flip": None, "empty": 0}[damage]])

    with pytest.raises(ModelFileError, match=r"cannot be gone on with: .* Remove it"):
        go_on(make(), tmp_path, *data)


# --- Ctrl-C ---------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """Let SIGINT raise, which it does not in pytest-xdist's processes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class CtrlC(Callback):
    """Sends what Ctrl-C sends, in the middle of an epoch."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_batch_end(self, net, **kwargs):
        if (
            len(net.history) == self.n_epochs + 1
            and len(net.history[-1, "batches"]) == 2
        ):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_epochs", [0, 3])
def test_ctrl_c_leaves_a_usable_model(Estimator, early_stopping, n_epochs, digits):
    parameters = {
        "early_stopping": early_stopping,
        "learning_rate": "constant",
        "batch_size": 20,
    }
    data = rows_of(digits, Estimator)
    estimator = make(Estimator, callbacks=[CtrlC(n_epochs)], **parameters)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        estimator.fit(*data)

    assert estimator.n_iter_ == len(estimator.loss_curve_) == n_epochs
    use = getattr(estimator, "predict", None) or estimator.transform
    assert np.isfinite(use(data[0])).all()
    if early_stopping:
        expected = weights_of_the_best_epoch(
            make(Estimator, **parameters), n_epochs, data
        )
        assert_same_numbers(estimator.coefs_, expected)
    else:
        estimator.set_params(callbacks=None).partial_fit(*data)


def weights_of_the_best_epoch(estimator, n_epochs, data):
    """Fit for so many epochs; without any, the weights are those to start from."""
    if n_epochs:
        return estimator.set_params(max_iter=n_epochs).fit(*data).coefs_
    still = estimator.set_params(learning_rate_init=1e-300, max_iter=1)
    return still.fit(*data).coefs_


@pytest.mark.parametrize("n_losses", [0, 12])
def test_ctrl_c_in_lbfgs_leaves_the_last_whole_iteration(n_losses, digits, monkeypatch):
    losses = itertools.count()

    add_penalty = solvers.add_penalty

    def interrupt(*args):
        if next(losses) == n_losses:
            signal.raise_signal(signal.SIGINT)
        return add_penalty(*args)

    monkeypatch.setattr(solvers, "add_penalty", interrupt)
    X, y = rows_of(digits)
    clf = make(solver="lbfgs", max_iter=200)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        clf.fit(X, y)

    monkeypatch.undo()
    assert np.isfinite(clf.predict_proba(X)).all()
    if n_losses == 0:
        assert clf.n_iter_ == 0
        return
    assert 0 < clf.n_iter_ < n_losses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = make(solver="lbfgs", max_iter=clf.n_iter_).fit(X, y)
    assert_same_numbers(clf.coefs_, expected.coefs_)
    assert clf.loss_ == expected.loss_


def test_ctrl_c_leaves_a_state_to_go_on_from(digits, tmp_path):
    data = rows_of(digits)
    callbacks = [Checkpoint(tmp_path), CtrlC(3)]
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        make(callbacks=callbacks, batch_size=20).fit(*data)

    resumed = go_on(make(batch_size=20), tmp_path, *data)

    assert resumed.net_.n_resumed_ == 3
    assert_same_model(resumed, make(batch_size=20).fit(*data))


# --- divergence -----------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_raises_and_leaves_the_estimator_unfitted(Estimator, digits):
    rate = {"learning_rate": "constant", "learning_rate_init": 1e30}
    estimator = make(Estimator, solver="sgd", **rate)
    message = (
        r"^Solver produced non-finite parameter weights.* in epoch \d+ at the learning "
        r"rate 1e\+30: scale X first"
    )

    with pytest.raises(ValueError, match=message):
        estimator.fit(*rows_of(digits, Estimator))

    assert not hasattr(estimator, "net_")
    assert not hasattr(estimator, "coefs_")


class Explode(Callback):
    """Makes a weight infinite before an epoch."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:
            next(net.module_.parameters()).data[0, 0] = np.inf


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_with_early_stopping_restores_the_best_weights(Estimator, digits):
    data = rows_of(digits, Estimator)
    parameters = {"early_stopping": True, "learning_rate": "constant"}
    estimator = make(Estimator, callbacks=[Explode()], **parameters)

    with pytest.warns(
        ConvergenceWarning, match="The best weights so far were restored"
    ):
        estimator.fit(*data)

    expected = make(Estimator, max_iter=3, **parameters).fit(*data)
    assert_same_numbers(estimator.coefs_, expected.coefs_)
    assert estimator.n_iter_ == 4
    assert np.isnan(estimator.validation_scores_[3])
    assert_same_numbers(estimator.validation_scores_[:3], expected.validation_scores_)
    assert estimator.best_validation_score_ == expected.best_validation_score_
