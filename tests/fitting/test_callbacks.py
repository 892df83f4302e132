"""Callbacks of the user: what their copies share, their names, and their parameters."""

import contextlib
import copy
import pickle
import sqlite3
import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    LoadInitState,
    LRScheduler,
    PrintLog,
    TensorBoard,
)
from torch import nn

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.fitting._callbacks import copy_callback
from sknn_deep.model_selection import BatchedGridSearchCV, BatchedRandomizedSearchCV

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
N_EPOCHS = 3

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_data():
    X = np.random.default_rng(0).normal(size=(60, 4))
    return X, (X[:, 0] > 0).astype(int)


def make(Estimator=MLPClassifier, **params):
    return Estimator(
        **{
            "hidden_layer_sizes": (4,),
            "max_iter": N_EPOCHS,
            "tol": 0.0,
            "random_state": 0,
            **params,
        }
    )


# --- what cannot be copied, and callbacks that have it --------------------------------


class Lines:
    """A list that a lock guards."""

    def __init__(self):
        self.lock = threading.Lock()
        self.lines = []

    def write(self, number):
        with self.lock:
            self.lines.append(number)

    def read(self):
        return self.lines


class Text:
    """An open file."""

    def __init__(self, path):
        self.file = open(path, "w+")  # noqa: SIM115 (closed by the fixture)

    def write(self, number):
        self.file.write(f"{number}\n")

    def read(self):
        self.file.seek(0)
        return [int(line) for line in self.file]


class Database:
    """A connection to a database."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:")
        self.connection.execute("create table reports (number integer)")

    def write(self, number):
        self.connection.execute("insert into reports values (?)", (number,))

    def read(self):
        rows = self.connection.execute("select number from reports order by rowid")
        return [number for (number,) in rows]


class Report(Callback):
    """Reports the number of the epoch, counted in its own state."""

    def __init__(self, target):
        self.target = target
        self.seen = []

    def on_epoch_end(self, net, **kwargs):
        self.seen.append(net.history[-1, "train_loss"])
        self.last_ = len(self.seen)
        self.target.write(self.last_)


class HiddenReport(Callback):
    """The same; its constructor stores what it gets under another name."""

    def __init__(self, target):
        self._target = target

    def initialize(self):
        self.n_seen_ = 0
        return self

    def on_epoch_end(self, net, **kwargs):
        self.n_seen_ += 1
        self._target.write(self.n_seen_)


class KeywordReport(HiddenReport):
    """The same; its constructor takes anything."""

    def __init__(self, **kwargs):
        vars(self).update({f"_{name}": value for name, value in kwargs.items()})


REPORTS = [Report, HiddenReport, KeywordReport]


@pytest.fixture(params=["lock", "file", "database"])
def target(request, tmp_path):
    if request.param == "lock":
        yield Lines()
    elif request.param == "file":
        text = Text(tmp_path / "reports.txt")
        with text.file:
            yield text
    else:
        database = Database()
        with contextlib.closing(database.connection):
            yield database


def own_callbacks(estimator):
    """The callbacks of a fit, without skorch's timer."""
    return [cb for name, cb in estimator.net_.callbacks_ if name != "epoch_timer"]


# --- fits -----------------------------------------------------------------------------


@pytest.mark.parametrize("Kind", REPORTS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_works_on_a_copy_that_shares_what_its_constructor_got(
    Estimator, Kind, target
):
    callback = Kind(target=target)
    before = {
        name: copy.copy(v) for name, v in vars(callback).items() if v is not target
    }
    estimator = make(Estimator, callbacks=[callback])

    estimator.fit(*make_data()).fit(*make_data())

    assert target.read() == 2 * [1, 2, 3]
    (copied,) = own_callbacks(estimator)
    assert copied is not callback and type(copied) is Kind
    assert estimator.callbacks[0] is callback
    assert {k: v for k, v in vars(callback).items() if v is not target} == before


def fit_in_parts(clf, X, y):
    for _ in range(N_EPOCHS):
        clf.partial_fit(X, y, classes=[0, 1])
    return 1


def fit_pipeline(clf, X, y):
    make_pipeline(StandardScaler(), clf).fit(X, y)
    return 1


def fit_grid_search(clf, X, y):
    GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    return 5


def fit_batched_grid_search(clf, X, y):
    pipeline = make_pipeline(StandardScaler(), clf)
    grid = {"mlpclassifier__alpha": [0.1, 1.0]}
    search = BatchedGridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert not search.cv_results_["batched"].any()
    return 5


def fit_batched_randomized_search(clf, X, y):
    BatchedRandomizedSearchCV(
        clf, {"alpha": [0.1, 1.0]}, n_iter=2, cv=2, random_state=0
    ).fit(X, y)
    return 5


def fit_bagging(clf, X, y):
    BaggingClassifier(clf, n_estimators=3, random_state=0).fit(X, y)
    return 3


def fit_voting(clf, X, y):
    VotingClassifier([("one", clf), ("other", clf)]).fit(X, y)
    return 2


def fit_ensemble(clf, X, y):
    clf.set_params(n_estimators=3).fit(X, y)
    return 3


def fit_ensemble_in_parts(clf, X, y):
    clf.set_params(n_estimators=2)
    for _ in range(N_EPOCHS):
        clf.partial_fit(X, y, classes=[0, 1])
    return 2


def fit_in_threads(clf, X, y):
    with joblib.parallel_config("threading", n_jobs=2):
        GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    return 5


@pytest.mark.parametrize("Kind", REPORTS)
@pytest.mark.parametrize(
    "fit",
    [
        fit_in_parts,
        fit_pipeline,
        fit_grid_search,
        fit_batched_grid_search,
        fit_batched_randomized_search,
        fit_bagging,
        fit_voting,
        fit_ensemble,
        fit_ensemble_in_parts,
    ],
)
def test_fits_share_the_users_objects_and_no_state(fit, Kind, target):
    clf = make(callbacks=[("report", Kind(target=target))])

    n_fits = fit(clf, *make_data())

    assert sorted(target.read()) == sorted(n_fits * [1, 2, 3])


def test_fits_in_threads_share_the_users_objects():
    target = Lines()

    n_fits = fit_in_threads(make(callbacks=[Report(target)]), *make_data())

    assert sorted(target.read()) == sorted(n_fits * [1, 2, 3])


def test_partial_fit_keeps_the_callbacks_of_the_first_call():
    target, other = Lines(), Lines()
    X, y = make_data()
    clf = make(callbacks=[Report(target)]).partial_fit(X, y, classes=[0, 1])
    first = own_callbacks(clf)
    given = clf.net_.callbacks

    clf.set_params(callbacks=[Report(other)]).partial_fit(X, y)
    clf.set_params(dropout=0.1).partial_fit(X, y)  # another net

    assert target.read() == [1, 2, 3] and other.read() == []
    assert own_callbacks(clf) == first
    assert clf.net_.callbacks == given


def test_warm_start_begins_with_new_copies():
    target = Lines()
    clf = make(callbacks=[Report(target)], warm_start=True)

    clf.fit(*make_data()).fit(*make_data())

    assert target.read() == 2 * [1, 2, 3]


# --- copies ---------------------------------------------------------------------------


@pytest.mark.parametrize("Kind", REPORTS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clone_shares_what_constructors_got_and_no_state(Estimator, Kind, target):
    ran = own_callbacks(make(callbacks=[Kind(target=target)]).fit(*make_data()))[0]
    estimator = make(Estimator, callbacks=[("report", ran)], alpha=0.3)

    copied = clone(clone(estimator))

    assert copied.alpha == 0.3
    ((name, callback),) = copied.callbacks
    assert name == "report" and type(callback) is Kind and callback is not ran
    assert vars(callback) in (
        {"target": target, "seen": []},
        {"_target": target},
    )
    copied.fit(*make_data())
    assert target.read() == 2 * [1, 2, 3]


def test_clone_keeps_what_scikit_learn_keeps():
    clf = make(callbacks=(EpochTimer(), ("other", EpochTimer())))
    clf.extra = 1

    copied = clone(clf.fit(*make_data()))

    assert isinstance(copied.callbacks, tuple) and copied.callbacks[1][0] == "other"
    assert not hasattr(copied, "net_") and not hasattr(copied, "extra")
    assert hasattr(clf, "net_") and clf.extra == 1
    assert repr(clone(make())) == repr(make())


@pytest.mark.parametrize(
    "callbacks", [[print], ["a"], "a", [("a", 3)], [EpochTimer], [([], 1)]]
)
def test_clone_leaves_it_to_fit_to_refuse(callbacks):
    clf = make(callbacks=callbacks)
    clf.get_params()

    with pytest.raises((TypeError, ValueError), match="'callbacks' parameter of"):
        clone(clf).fit(*make_data())


class Fixed(MLPClassifier):
    """A subclass whose users cannot choose the callbacks."""

    def __init__(self, target=None):
        super().__init__((4,), max_iter=N_EPOCHS, tol=0.0, callbacks=[Report(target)])
        self.target = target


def test_a_subclass_may_make_the_callbacks():
    search = GridSearchCV(Fixed(), {"target": [None]})

    assert "callbacks__Report" not in search.estimator.get_params()
    assert isinstance(clone(search.estimator).callbacks[0], Report)


class Rounding(Callback):
    """Stores something else than it gets."""

    def __init__(self, values, patience):
        self.values = list(values)
        self.patience = patience + 1
        self.n_ = 0


class Reading(Callback):
    """Cannot be made from what it has stored."""

    def __init__(self, text):
        self.text = text.split()


@pytest.mark.parametrize(
    "make_callback", [lambda: Rounding([1], 2), lambda: Reading("a")]
)
def test_copy_shares_what_a_constructor_has_made_of_its_arguments(make_callback):
    callback = make_callback()

    shared = vars(copy_callback(callback))

    assert shared == {k: v for k, v in vars(callback).items() if k != "n_"}
    assert all(value is vars(callback)[name] for name, value in shared.items())


@pytest.mark.parametrize(
    "callback",
    [
        Checkpoint(dirname="a", f_pickle="b", event_name=None),
        EarlyStopping(patience=7, load_best=True),
        EpochScoring("accuracy", name="a"),
        EpochTimer(),
        Freezer("0.*"),
        LRScheduler("StepLR", step_size=3),
        LoadInitState(Checkpoint()),
        PrintLog(sink=print),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_copy_has_the_parameters_of_skorchs_callbacks(callback):
    expected = callback.get_params(deep=False)
    callback.state_ = 1

    copied = copy_callback(callback)

    assert copied is not callback and not hasattr(copied, "state_")
    parameters = copied.get_params(deep=False)
    assert parameters.keys() == expected.keys()
    assert all(parameters[name] is expected[name] for name in expected)


def test_deepcopy_is_deep():
    lines = []
    clf = make(callbacks=[Rounding(lines, 1)]).fit(*make_data())

    copied = copy.deepcopy(clf)

    assert copied.callbacks[0] is not clf.callbacks[0]
    assert copied.callbacks[0].values is not clf.callbacks[0].values
    assert copied.net_ is not clf.net_
    X, _ = make_data()
    assert (copied.predict_proba(X) == clf.predict_proba(X)).all()


def test_shallow_copies_share_all(target):
    clf = make(callbacks=[Report(target)], early_stopping=True, scoring="accuracy")

    clf.fit(*make_data())  # scores a shallow copy

    copied = copy.copy(clf)
    assert vars(copied) == vars(clf)


# --- names and parameters -------------------------------------------------------------


def make_named():
    return make(
        callbacks=[
            EarlyStopping(monitor="train_loss", patience=50),
            ("stop", EarlyStopping(monitor="train_loss", patience=60)),
            PrintLog(sink=lambda text: None),
            EarlyStopping(monitor="train_loss", patience=70),
        ]
    )


def test_names_are_those_of_skorchs_net():
    clf = make_named()

    clf.fit(*make_data())

    names = {k.split("__")[1] for k in clf.get_params() if k.startswith("callbacks__")}
    assert names == {name for name, _ in clf.net_.callbacks_} - {"epoch_timer"}
    assert names == {"EarlyStopping_1", "EarlyStopping_2", "stop", "PrintLog"}
    for name, callback in clf.net_.callbacks_:
        if name != "epoch_timer":
            given = clf.get_params()[f"callbacks__{name}"]
            assert given.get_params() == callback.get_params()


def test_get_params_gives_parameters_of_callbacks():
    params = make_named().get_params()

    assert params["callbacks__EarlyStopping_2__patience"] == 70
    assert params["callbacks__stop__monitor"] == "train_loss"
    assert not any("__" in name for name in make_named().get_params(deep=False))
    report = make(callbacks=[Report(None)]).get_params()
    assert [k for k in report if "Report" in k] == [
        "callbacks__Report",
        "callbacks__Report__target",
    ]


def test_set_params_changes_a_copy_of_the_callback():
    clf = make_named()
    given, items = clf.callbacks, list(clf.callbacks)

    clf.set_params(callbacks__stop__patience=1, callbacks__EarlyStopping_2__patience=2)

    assert clf.get_params()["callbacks__stop__patience"] == 1
    assert clf.get_params()["callbacks__EarlyStopping_2__patience"] == 2
    assert given == items
    assert [given[1][1].patience, given[3].patience] == [60, 70]
    clf.fit(*make_data())
    patience = {n: cb.patience for n, cb in clf.net_.callbacks_ if "top" in n}
    assert patience == {"EarlyStopping_1": 50, "stop": 1, "EarlyStopping_2": 2}


def test_set_params_of_a_clone_leaves_the_users_callback():
    stop = EarlyStopping(monitor="train_loss", patience=5)
    clf = make(callbacks=[("stop", stop)])

    clone(clf).set_params(callbacks__stop__patience=1)

    assert stop.patience == 5
    assert clf.get_params()["callbacks__stop__patience"] == 5


def test_set_params_leaves_what_a_callback_shares():
    checkpoint = Checkpoint(f_params="a")
    clf = make(callbacks=[("load", LoadInitState(checkpoint))])

    clf.set_params(callbacks__load__checkpoint__f_params="b")

    assert checkpoint.f_params == "a"
    assert clf.get_params()["callbacks__load__checkpoint"].f_params == "b"


def test_set_params_replaces_callbacks_and_leaves_them_out():
    target, other = Lines(), Lines()
    clf = make(callbacks=[("one", Report(target)), ("two", Report(other))])

    clf.set_params(callbacks__one=None, callbacks__two=HiddenReport(target))
    clf.fit(*make_data())

    assert target.read() == [1, 2, 3] and other.read() == []
    assert [name for name, _ in clf.net_.callbacks_] == ["epoch_timer", "two"]
    assert clf.get_params()["callbacks__one"] is None
    clf.set_params(callbacks__one=Report(other), callbacks__one__target=target)
    assert clf.get_params()["callbacks__one__target"] is target


def test_set_params_takes_new_callbacks_first():
    clf = make().set_params(callbacks__a__target=1, callbacks=[("a", Report(None))])

    assert clf.callbacks[0][1].target == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "callbacks__a__target",
            "MLPClassifier has no callback for the parameter 'callbacks__a__target'. "
            "The names of its callbacks are ['Report'].",
        ),
        (
            "callbacks__Report__seen",
            "Invalid parameter 'seen' for callbacks__Report of MLPClassifier, which is "
            "Report. Valid parameters are ['target'].",
        ),
        (
            "callbacks__Report__target__a",
            "Invalid parameter 'a' for target of callbacks__Report of MLPClassifier, "
            "which is None. Valid parameters are [].",
        ),
    ],
)
def test_set_params_says_what_there_is(name, message, monkeypatch):
    monkeypatch.setattr(Report, "__repr__", lambda self: "Report", raising=False)
    callbacks = [Report(None)]
    clf = make(callbacks=callbacks)

    with pytest.raises(ValueError) as caught:
        clf.set_params(alpha=7.0, **{name: 1})

    assert str(caught.value) == message
    assert clf.callbacks is callbacks and clf.alpha != 7.0


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
def test_grids_reach_through_pipelines(Search):
    stop = EarlyStopping(monitor="train_loss", patience=50)
    pipeline = make_pipeline(
        StandardScaler(), make(max_iter=12, tol=1e-9, callbacks=[stop])
    )
    grid = {
        "mlpclassifier__callbacks__EarlyStopping__threshold": [0.0, 1.0],
        "mlpclassifier__callbacks__EarlyStopping__patience": [2, 3],
        "mlpclassifier__callbacks__EarlyStopping__sink": [str],  # prints nothing
    }

    def n_epochs(pipeline, X, y):
        return pipeline[-1].n_iter_

    search = Search(pipeline, grid, scoring=n_epochs, cv=2, refit=False)
    search.fit(*make_data())

    found = {
        tuple(value for name, value in params.items() if "sink" not in name): score
        for params, score in zip(
            search.cv_results_["params"],
            search.cv_results_["mean_test_score"],
            strict=True,
        )
    }
    # The first epoch is the best one, and as many follow as it has patience.
    assert found == {(2, 0.0): 12, (3, 0.0): 12, (2, 1.0): 3, (3, 1.0): 4}
    assert (stop.patience, stop.threshold) == (50, 1e-4)


def test_parameters_show_in_notebooks():
    assert "callbacks" in make_named()._repr_html_()


# --- pickles and processes ------------------------------------------------------------


def refusal(name):
    return (
        r"^MLPClassifier can neither be pickled nor go to another process with its "
        rf"callback '{name}', <.*>: cannot pickle .*\. Fit in this process, with "
        r"n_jobs=None of a search or an ensemble around it; keep a fitted "
        r"MLPClassifier by `sknn_deep.save` after `set_params\(callbacks=None\)`; or "
        r"give the callback a `__getstate__` that leaves out what cannot be pickled\.$"
    )


def resource_of(target):
    """What cannot be pickled itself."""
    (resource,) = {"lock", "file", "connection"} & vars(target).keys()
    return getattr(target, resource)


@pytest.mark.parametrize("is_fitted", [False, True])
@pytest.mark.parametrize("Kind", [Report, HiddenReport])
def test_pickle_names_the_callback_that_cannot_be(Kind, is_fitted, target):
    clf = make(callbacks=[EpochTimer(), ("mine", Kind(target))], n_estimators=1)
    if is_fitted:
        clf.fit(*make_data())

    for dump in (pickle.dumps, lambda c: pickle.dumps(make_pipeline(c))):
        with pytest.raises(pickle.PicklingError, match=refusal("mine")):
            dump(clf)


class Opening(Callback):
    """Gathers what cannot be pickled."""

    def on_train_begin(self, net, **kwargs):
        self.lock_ = threading.Lock()


def test_pickle_names_the_callback_that_has_gathered_what_cannot_be():
    clf = make(callbacks=[Opening()])
    pickle.dumps(clf)
    clf.fit(*make_data())

    with pytest.raises(pickle.PicklingError, match=refusal("Opening")):
        pickle.dumps(clf)

    pickle.dumps(clone(clf))


def test_pickle_of_an_ensemble_names_it():
    clf = make(callbacks=[Opening()], n_estimators=2).fit(*make_data())

    with pytest.raises(pickle.PicklingError, match=refusal("Opening")):
        pickle.dumps(clf)


class Owning(Callback):
    """Has the estimator and its net."""

    def __init__(self, clf):
        self.clf = clf

    def on_train_begin(self, net, **kwargs):
        self.net_ = net


def test_a_callback_may_have_its_estimator():
    clf = make()
    clf.set_params(callbacks=[Owning(clf)]).set_params(alpha=0.5)

    copied = clone(clf.fit(*make_data()))

    assert copied.callbacks[0].clf is clf
    assert clf.get_params()["callbacks__Owning__clf"] is clf


def test_pickle_keeps_callbacks_that_can_be():
    clf = make()
    clf.set_params(callbacks=[Owning(clf), EarlyStopping(monitor="train_loss")])
    clf.fit(*make_data())

    loaded = pickle.loads(pickle.dumps(clf))

    assert loaded.callbacks[0].clf is loaded
    # A net is pickled as plain values; one that a callback holds is another one then.
    weights = own_callbacks(loaded)[0].net_.module_.state_dict()
    for name, value in loaded.net_.module_.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
    X, _ = make_data()
    assert (loaded.predict_proba(X) == clf.predict_proba(X)).all()


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
def test_search_in_processes_names_the_callback_that_cannot_go_there(Search):
    clf = make(callbacks=[("mine", Report(threading.Lock()))])
    search = Search(clf, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2)

    with pytest.raises(pickle.PicklingError) as caught:
        search.fit(*make_data())

    said = f"{caught.value} {caught.value.__cause__}"  # joblib's error, and ours in it
    assert said.count("MLPClassifier can neither be pickled nor go to another") == 1
    assert "callback 'mine'" in said and "n_jobs=None" in said


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
def test_search_in_processes_takes_callbacks_along(Search):
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1.0, sink=str)
    clf = make(callbacks=[stop], max_iter=9)

    search = Search(clf, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2).fit(*make_data())

    assert search.best_estimator_.n_iter_ == 3  # the first, and two without success


# --- tools ----------------------------------------------------------------------------


class Start(Callback):
    """Puts numbers of its own into the network before the first epoch."""

    def __init__(self, seed):
        self.seed = seed

    def on_train_begin(self, net, **kwargs):
        rng = np.random.default_rng(self.seed)
        for parameter in net.module_.parameters():
            values = rng.uniform(-0.2, 0.2, size=tuple(parameter.shape))
            with torch.no_grad():
                parameter.copy_(torch.as_tensor(values))


class Prune(Callback):
    """Reports to a trial of Optuna, and gives up where that says so."""

    def __init__(self, trial, monitor):
        self.trial = trial
        self.monitor = monitor

    def on_epoch_end(self, net, **kwargs):
        import optuna

        self.trial.report(net.history[-1, self.monitor], len(net.history) - 1)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def prune(trial):
    return Prune(trial, "train_loss")


def prune_with_optunas_own(trial):
    optuna_integration = pytest.importorskip("optuna_integration")
    return optuna_integration.SkorchPruningCallback(trial, "train_loss")


COMMON = {"hidden": 8, "epochs": 8, "batch_size": 32}


def objective_with_ours(trial, rate, X, y, make_callback):
    clf = MLPClassifier(
        (COMMON["hidden"],),
        solver=torch.optim.Adam,
        alpha=0.0,
        learning_rate_init=rate,
        batch_size=COMMON["batch_size"],
        max_iter=COMMON["epochs"],
        n_iter_no_change=COMMON["epochs"],
        shuffle=False,
        callbacks=[Start(trial.number), ("prune", make_callback(trial))],
        random_state=0,
    )
    return clf.fit(X, y).loss_


def objective_with_skorch(trial, rate, X, y, make_callback):
    hidden = COMMON["hidden"]
    net = NeuralNetClassifier(
        nn.Sequential(nn.Linear(X.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, 10)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=rate,
        batch_size=COMMON["batch_size"],
        max_epochs=COMMON["epochs"],
        train_split=None,
        callbacks=[Start(trial.number), ("prune", make_callback(trial))],
        verbose=0,
    )
    net.fit(X, y)
    return net.history[-1, "train_loss"]


@pytest.mark.parametrize("make_callback", [prune, prune_with_optunas_own])
def test_optuna_prunes_as_many_trials_as_with_skorchs_net(make_callback, digits):
    optuna = pytest.importorskip("optuna")
    X, y = digits.X[:200], digits.y[:200].astype(np.int64)

    def run(objective):
        study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
        )

        def ask(trial):
            rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
            return objective(trial, rate, X, y, make_callback)

        study.optimize(ask, n_trials=12)
        return study.trials

    ours, expected = run(objective_with_ours), run(objective_with_skorch)

    assert [t.state for t in ours] == [t.state for t in expected]
    n_pruned = sum(t.state == optuna.trial.TrialState.PRUNED for t in ours)
    assert 3 <= n_pruned <= 9
    for one, other in zip(ours, expected, strict=True):
        assert one.intermediate_values.keys() == other.intermediate_values.keys()
        np.testing.assert_allclose(
            [*one.intermediate_values.values()],
            [*other.intermediate_values.values()],
            rtol=1e-4,
        )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tensorboard_gets_the_curve(Estimator, tmp_path):
    pytest.importorskip("tensorboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorboard's own
        from tensorboard.backend.event_processing.event_accumulator import (
            EventAccumulator,
        )
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(tmp_path)
        estimator = make(Estimator, callbacks=[TensorBoard(writer)])
        estimator.fit(*make_data())
        log = EventAccumulator(str(tmp_path)).Reload()

    values = [event.value for event in log.Scalars("Loss/train_loss")]
    np.testing.assert_allclose(values, estimator.loss_curve_, rtol=1e-6)
