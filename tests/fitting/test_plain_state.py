"""What a pickle and skops hold of an estimator is plain, and all that it needs."""

import copy
import functools
import io
import pickle

import joblib
import numpy as np
import pytest
import skops.io
import torch
import torch.nn.utils.prune
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EarlyStopping, EpochScoring

import sknn_deep
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep.model_selection import BatchedGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
NUMBERS = 100 + 10 * X[:, 2]
LABELS = np.where(X[:, 0] > 0, "yes", "no")

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)

SETTINGS = {
    "plain": {},
    "early_stopping": {"early_stopping": True},
    "partial_fit": {"partial_fit": True},
    "partial_fit, sgd": {"partial_fit": True, "solver": "sgd"},
    "partial_fit, adamw": {"partial_fit": True, "solver": "adamw"},
    "warm_start": {"warm_start": True, "solver": "sgd", "learning_rate": "adaptive"},
    "sgd": {"solver": "sgd"},
    "adamw": {"solver": "adamw"},
    "lbfgs": {"solver": "lbfgs"},
    "bfloat16": {"precision": "bfloat16"},
    "dropout": {"dropout": 0.2, "normalization": "batch"},
    "random_state": {"random_state": np.random.RandomState(0)},
    "n_estimators": {"n_estimators": 2},
    "n_estimators, partial_fit": {"n_estimators": 2, "partial_fit": True},
    "normalize_y": {"normalize_y": True},
    "variational": {"variational": True, "sparsity_penalty": 0.1},
}
CASES = [
    pytest.param(Estimator, params, id=f"{Estimator.__name__}-{name}")
    for Estimator in ESTIMATORS
    for name, params in SETTINGS.items()
    if params.keys() <= {*Estimator().get_params(), "partial_fit"}
]
each_case = pytest.mark.parametrize(("Estimator", "params"), CASES)


def target_of(Estimator):
    return {MLPClassifier: LABELS, MLPRegressor: NUMBERS}.get(Estimator)


def go_on(estimator, n_calls=2):
    estimator.set_params(early_stopping=False)  # which partial_fit refuses
    classes = {"classes": ["no", "yes"]} if isinstance(estimator, MLPClassifier) else {}
    for _ in range(n_calls):
        estimator.partial_fit(X, target_of(type(estimator)), **classes)
    return estimator


def make(Estimator, **params):
    defaults = {"hidden_layer_sizes": (40, 6), "max_iter": 3, "random_state": 0}
    return Estimator(**{**defaults, **params})


def fitted(Estimator, params):
    params = dict(params)
    if params.pop("partial_fit", False):
        return go_on(make(Estimator, **params))
    return make(Estimator, **params).fit(X, target_of(Estimator))


def output_of(model, rows=X):
    for name in ("predict_proba", "predict", "transform"):
        if hasattr(model, name):
            return getattr(model, name)(rows)
    raise AssertionError(model)


def weights_of(estimator):
    members = getattr(estimator, "estimators_", [estimator])
    arrays = [a for m in members for a in (*m.coefs_, *m.intercepts_)]
    return np.concatenate([a.ravel() for a in arrays])


def by_skops(model):
    dumped = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=dumped)
    return skops.io.loads(dumped, trusted=trusted)


def by_joblib_mapped(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


def name_of(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


# --- what is there --------------------------------------------------------------------


class RecordingUnpickler(pickle.Unpickler):
    """Notes the names that a pickle has imported."""

    def __init__(self, file):
        super().__init__(file)
        self.names = set()

    def find_class(self, module, name):
        self.names.add(f"{module}.{name}")
        return super().find_class(module, name)


def names_in_pickle(model):
    unpickler = RecordingUnpickler(io.BytesIO(pickle.dumps(model)))
    unpickler.load()
    return unpickler.names


@each_case
def test_pickle_names_the_estimator_and_numpy_alone(Estimator, params):
    names = names_in_pickle(fitted(Estimator, params))

    others = {name for name in names if not name.startswith(("numpy.", "_codecs."))}
    assert others == {name_of(Estimator)}


def things_in(value):
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            yield from things_in(item)
    else:
        yield value


@each_case
def test_state_is_plain(Estimator, params):
    plain = (str, int, float, bool, type(None), np.ndarray, np.generic)
    model = fitted(Estimator, params)

    for estimator in (model, *getattr(model, "estimators_", [])):
        learned = {
            name: value
            for name, value in estimator.__getstate__().items()
            if name not in ("random_state", "estimators_")
        }
        assert {
            type(v) for v in things_in(learned) if not isinstance(v, plain)
        } == set()
        assert ("net_" in learned) == hasattr(estimator, "net_")


@each_estimator
def test_state_of_an_unfitted_estimator_is_its_parameters(Estimator):
    estimator = Estimator()

    assert estimator.__getstate__() == estimator.get_params()
    assert by_pickle(estimator).__dict__ == estimator.__dict__


# --- skops ----------------------------------------------------------------------------


@each_case
def test_skops_trusts_the_estimator_and_loads_it_as_it_was(Estimator, params):
    model = fitted(Estimator, params)
    dumped = skops.io.dumps(model)

    assert skops.io.get_untrusted_types(data=dumped) == [name_of(Estimator)]
    loaded = skops.io.loads(dumped, trusted=[name_of(Estimator)])

    assert_array_equal(output_of(loaded), output_of(model))
    assert_array_equal(weights_of(loaded), weights_of(model))
    if params.get("solver") != "lbfgs":
        assert_array_equal(weights_of(go_on(loaded)), weights_of(go_on(model)))


@pytest.mark.parametrize(
    ("Estimator", "y"),
    [
        (TabularMLPClassifier, LABELS),
        (TabularMLPRegressor, NUMBERS),
        (NeighborAutoencoder, None),
    ],
)
def test_skops_trusts_the_other_estimators_too(Estimator, y):
    model = Estimator(max_iter=2, random_state=0).fit(X, y)
    dumped = skops.io.dumps(model)

    assert skops.io.get_untrusted_types(data=dumped) == [name_of(Estimator)]
    loaded = skops.io.loads(dumped, trusted=[name_of(Estimator)])

    assert_array_equal(output_of(loaded), output_of(model))


@each_estimator
def test_skops_of_a_pipeline_needs_no_more_trust(Estimator):
    pipe = make_pipeline(StandardScaler(), make(Estimator))
    pipe.fit(X, target_of(Estimator))
    dumped = skops.io.dumps(pipe)

    assert skops.io.get_untrusted_types(data=dumped) == [name_of(Estimator)]
    loaded = skops.io.loads(dumped, trusted=[name_of(Estimator)])
    assert_array_equal(output_of(loaded), output_of(pipe))


@pytest.mark.parametrize("Search", [GridSearchCV, BatchedGridSearchCV])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_skops_of_a_search_needs_trust_in_what_a_search_holds(Search, Estimator):
    search = Search(make(Estimator), {"alpha": [0.1, 1.0]}, cv=2)
    search.fit(X, target_of(Estimator))
    dumped = skops.io.dumps(search)

    unknown = skops.io.get_untrusted_types(data=dumped)

    ours = {name_of(Estimator), name_of(BatchedGridSearchCV)}
    assert name_of(Estimator) in unknown
    assert all(name.startswith("sklearn.") or name in ours for name in unknown)
    loaded = skops.io.loads(dumped, trusted=unknown)
    assert_array_equal(output_of(loaded), output_of(search))


# --- the same model -------------------------------------------------------------------

WAYS = {"pickle": by_pickle, "skops": by_skops, "deepcopy": copy.deepcopy}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_case
def test_pickled_model_is_the_model_to_the_bit(Estimator, params):
    model = fitted(Estimator, params)

    loaded = by_pickle(model)

    assert vars(loaded).keys() == vars(model).keys()
    assert_array_equal(output_of(loaded), output_of(model))
    if params.get("solver") != "lbfgs":
        assert_array_equal(weights_of(go_on(loaded)), weights_of(go_on(model)))
        if hasattr(model, "net_"):
            names = ["train_loss", "train_loss_best", "epoch"]
            for name in names:
                history = [m.net_.history[:, name] for m in (loaded, model)]
                assert history[0] == history[1]
                assert [type(v) for v in history[0]] == [type(v) for v in history[1]]


@each_way
@each_estimator
def test_warm_start_of_a_loaded_model_goes_on_as_that_of_the_model(Estimator, way):
    model = fitted(Estimator, SETTINGS["warm_start"])
    loaded = way(model)

    for estimator in (model, loaded):
        estimator.fit(X, target_of(Estimator))

    assert_array_equal(weights_of(loaded), weights_of(model))
    assert loaded.n_iter_ == model.n_iter_
    assert loaded.loss_curve_ == model.loss_curve_


@each_estimator
@pytest.mark.parametrize("params", [{}, {"partial_fit": True}], ids=["fit", "partial"])
def test_model_that_joblib_maps_read_only_goes_on_training(Estimator, params, tmp_path):
    model = fitted(Estimator, {"hidden_layer_sizes": (300, 300), **params})

    loaded = by_joblib_mapped(model, tmp_path)

    assert_array_equal(output_of(loaded), output_of(model))
    assert_array_equal(weights_of(go_on(loaded)), weights_of(go_on(model)))


@each_estimator
def test_states_share_no_memory_with_what_is_made_of_them(Estimator):
    """`copy.deepcopy` copies a state, but others may hand it on as it is."""
    model = fitted(Estimator, {"partial_fit": True})
    other = Estimator()
    other.__setstate__(model.__getstate__())
    before, output = weights_of(model), output_of(model)

    go_on(other)

    assert_array_equal(weights_of(model), before)
    assert_array_equal(output_of(model), output)
    again = go_on(by_pickle(model))
    assert_array_equal(weights_of(other), weights_of(again))


@each_way
@each_estimator
def test_loaded_network_lies_in_memory_as_that_of_a_fit(Estimator, way):
    model = fitted(Estimator, {"partial_fit": True})
    loaded = way(model)

    for before, after in zip(
        model.net_.module_.parameters(), loaded.net_.module_.parameters(), strict=True
    ):
        assert after.stride() == before.stride()
        assert after.requires_grad and after.grad is None
        moments = [m.net_.optimizer_.state for m in (model, loaded)]
        for name, value in moments[0][before].items():
            assert torch.equal(moments[1][after][name], value)
            assert moments[1][after][name].stride() == value.stride()
    assert not loaded.net_.module_.training


@each_estimator
def test_shallow_copy_shares_the_network(Estimator):
    model = fitted(Estimator, {})

    copied = copy.copy(model)

    assert copied.net_ is model.net_
    assert vars(copied) == vars(model)
    copied.set_params(alpha=7)
    assert model.alpha != 7


@each_way
def test_labels_of_any_type_come_back(way):
    for labels in (
        np.where(X[:, 0] > 0, "yes", "no").astype(object),
        X[:, 0] > 0,
        np.where(X[:, 0] > 0, np.datetime64("2020-01-01"), np.datetime64("2021-01-01")),
        np.where(X[:, 0] > 0, 3, -7).astype(np.int8),
    ):
        clf = make(MLPClassifier).fit(X, labels)
        loaded = way(clf)
        assert_array_equal(loaded.predict(X), clf.predict(X))
        assert loaded.classes_.dtype == clf.classes_.dtype
        assert loaded._target.classes.dtype == clf._target.classes.dtype


# --- what the user gave ---------------------------------------------------------------


class Counter(Callback):
    """Counts epochs from where it is."""

    def initialize(self):
        self.n_epochs_ = 0
        return self

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1
        net.history.record("n_epochs_seen", self.n_epochs_)


class BatchNotes(Callback):
    """Records a number of each batch."""

    def on_batch_end(self, net, loss, **kwargs):
        net.history.record_batch("note", float(loss))


@pytest.mark.parametrize("way", [by_pickle, copy.deepcopy])
@each_estimator
def test_callbacks_of_the_user_come_along_with_what_they_learnt(Estimator, way):
    params = {"callbacks": [Counter(), ("stop", EarlyStopping("train_loss"))]}
    model = go_on(make(Estimator, **params), 3)

    loaded = way(model)

    names = [name for name, _ in model.net_.callbacks_]
    assert [name for name, _ in loaded.net_.callbacks_] == names
    assert dict(loaded.net_.callbacks_)["Counter"].n_epochs_ == 3
    for estimator in (loaded, model):
        go_on(estimator)
        assert estimator.net_.history[:, "n_epochs_seen"] == [1, 2, 3, 4, 5]
    assert_array_equal(weights_of(loaded), weights_of(model))


def test_callbacks_without_own_are_not_in_a_pickle():
    state = fitted(MLPRegressor, {"verbose": 0}).__getstate__()["net_"]

    assert state["callbacks"] == []
    assert not any(isinstance(table["batches"], list) for table in state["history"])


def test_what_a_callback_recorded_of_batches_comes_along():
    reg = make(MLPRegressor, callbacks=[BatchNotes()], batch_size=20)
    reg.fit(X, NUMBERS)

    loaded = by_pickle(reg)

    notes = loaded.net_.history[:, "batches", :, "note"]
    assert notes == reg.net_.history[:, "batches", :, "note"]
    assert len(notes) == 3 and len(notes[0]) == 3


@pytest.mark.parametrize(
    "solver",
    [torch.optim.NAdam, functools.partial(torch.optim.RMSprop, momentum=0.5)],
    ids=["class", "partial"],
)
@each_estimator
def test_optimizer_of_the_user_goes_on(Estimator, solver):
    model = go_on(make(Estimator, solver=solver))

    loaded = by_pickle(model)

    assert describe(loaded.solver) == describe(solver)
    assert_array_equal(weights_of(go_on(loaded)), weights_of(go_on(model)))


def describe(solver):
    if isinstance(solver, functools.partial):
        return solver.func, solver.args, solver.keywords
    return solver


def test_scoring_of_the_user_comes_along():
    clf = make(
        MLPClassifier,
        early_stopping=True,
        scoring=first_column,
        callbacks=[EpochScoring("accuracy")],
    )

    loaded = by_pickle(clf)

    assert loaded.scoring is first_column
    assert isinstance(loaded.callbacks[0], EpochScoring)


def first_column(estimator, X, y):
    return float(estimator.predict_proba(X)[:, 0].mean())


# --- what the user changed ------------------------------------------------------------


def replace_layer(net):
    dense = net.module_[0].dense
    net.module_[0].dense = torch.nn.Linear(dense.in_features, dense.out_features, False)
    net.module_.to(net.placement.dtype)


def prune_layer(net):
    torch.nn.utils.prune.l1_unstructured(net.module_[0].dense, "weight", amount=0.5)


@pytest.mark.parametrize("change", [replace_layer, prune_layer])
def test_network_that_the_user_changed_is_pickled_as_it_is(change, tmp_path):
    reg = fitted(MLPRegressor, {})
    before = output_of(reg)
    change(reg.net_)
    assert not np.array_equal(output_of(reg), before)

    for way in (by_pickle, copy.deepcopy):
        assert_array_equal(output_of(way(reg)), output_of(reg))
    with pytest.raises(
        TypeError, match=r"net_ of MLPRegressor cannot be saved as data"
    ):
        sknn_deep.save(reg, tmp_path / "reg.sknn")


def test_net_is_pickled_on_its_own_as_skorch_does():
    model = fitted(MLPRegressor, {"partial_fit": True})

    loaded = by_pickle(model.net_)

    assert type(loaded) is type(model.net_)
    for before, after in zip(
        model.net_.module_.parameters(), loaded.module_.parameters(), strict=True
    ):
        assert torch.equal(before, after)
    assert loaded.history == model.net_.history
