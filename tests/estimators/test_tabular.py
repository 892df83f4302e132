"""The two estimators for tables, on data with categories and missing values."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import (
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.metrics import d2_pinball_score, log_loss, mean_pinball_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    TimeSeriesSplit,
)
from skorch.callbacks import Callback

import sknn_deep
from sknn_deep import TabularMLPClassifier, TabularMLPRegressor
from sknn_deep.callbacks import Checkpoint
from sknn_deep.estimators._regression import LOSSES
from sknn_deep.inspection import LossCurveDisplay
from sknn_deep.model_selection import BatchedGridSearchCV, BatchedHalvingGridSearchCV
from sknn_deep.training import copy_state
from tests.requirements import since_scikit_learn_sees_polars

SMALL = {
    "hidden_layer_sizes": (16,),
    "max_iter": 20,
    "random_state": 0,
    "device": "cpu",
}
BOTH = [TabularMLPClassifier, TabularMLPRegressor]


def make_table(n_rows=120, seed=0):
    """Make a table whose three columns all tell of y."""
    rng = np.random.RandomState(seed)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "color": rng.choice(["red", "green", "blue"], n_rows),
            "town": rng.choice([f"t{i:02}" for i in range(12)], n_rows),
        }
    )
    signal = (
        X["size"] + (X["color"] == "red") * 2 + X["town"].str[1:].astype(int).mod(3)
    ).to_numpy()
    X.loc[::7, "size"] = np.nan
    X.loc[::11, "color"] = None
    return X, signal


def make_y(cls, signal):
    if cls is TabularMLPRegressor:
        return 100 + 10 * signal
    return np.array(["low", "mid", "high"])[np.digitize(signal, [0.8, 2.2])]


@pytest.fixture(scope="module", params=BOTH)
def fitted(request):
    X, signal = make_table()
    y = make_y(request.param, signal)
    return request.param(**SMALL).fit(X, y), X, y


def same(a, b):
    return np.array_equal(a, b)


# --- what comes out -------------------------------------------------------------------


def test_all_columns_are_learnt_from(fitted):
    est, X, y = fitted
    drops = permutation_importance(est, X, y, n_repeats=3, random_state=0)

    assert est.score(X, y) > 0.6
    assert (drops.importances_mean > 0.05).all()


def test_recipe_prints_every_number_that_auto_became():
    X, signal = make_table(300)
    clf = TabularMLPClassifier(random_state=0, hidden_layer_sizes=4, device="cpu")
    clf.fit(X, make_y(TabularMLPClassifier, signal))

    recipe = clf.recipe_
    # 300 rows are two batches of 150; 3,000 steps would be 1,500 epochs.
    assert (recipe.batch_size, recipe.max_iter, clf.n_iter_) == (150, 80, 80)
    assert recipe.learning_rate_init == 0.04
    assert "learning_rate='coslog4'" in repr(recipe)
    assert "auto" not in repr(recipe)


def test_rate_for_numbers_is_another_one():
    X, signal = make_table(20)
    reg = TabularMLPRegressor(**SMALL).fit(X, signal)

    assert reg.recipe_.learning_rate_init == 0.2


def test_fitted_attributes_tell_of_the_columns(fitted):
    est, X, _ = fitted

    assert est.feature_names_in_.tolist() == ["size", "color", "town"]
    assert est.is_categorical_.tolist() == [False, True, True]
    colors, towns = est.categories_
    assert colors[:3].tolist() == ["blue", "green", "red"] and np.isnan(colors[3])
    assert len(towns) == 12
    assert same(clone(est).fit(X[["size"]], fitted[2]).is_categorical_, None)


def test_predictions_do_not_depend_on_the_rows_beside_a_row(fitted):
    est, X, _ = fitted
    one_by_one = [est.predict(X.iloc[[i]])[0] for i in range(5)]

    assert est.predict(X.iloc[:5]).tolist() == one_by_one


def test_fit_is_the_same_for_the_same_seed_and_leaves_global_generators_alone(fitted):
    est, X, y = fitted
    before = torch.get_rng_state(), np.random.get_state()[1].copy()

    again = clone(est).fit(X, y)

    assert same(again.predict(X), est.predict(X))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert same(np.random.get_state()[1], before[1])
    other = clone(est).set_params(random_state=1).fit(X, y)
    assert other.loss_ != est.loss_


@since_scikit_learn_sees_polars
def test_polars_and_objects_give_the_model_that_pandas_gives(fitted):
    est, X, y = fitted
    frame = pl.from_pandas(X)
    objects = X.astype(object).to_numpy()

    assert same(clone(est).fit(frame, y).predict(frame), est.predict(X))
    assert same(est.predict(frame), est.predict(X))
    assert same(clone(est).fit(objects, y).predict(objects), est.predict(X))


def test_regressor_predicts_within_the_range_of_y():
    X, signal = make_table()
    y_pred = TabularMLPRegressor(**SMALL).fit(X, signal).predict(X.assign(size=1e30))

    assert signal.min() <= y_pred.min() and y_pred.max() <= signal.max()


# --- rows that are held back ----------------------------------------------------------


def oob_of(est):
    name = "oob_decision_function_"
    return getattr(est, name if hasattr(est, name) else "oob_prediction_")


def test_each_network_holds_back_rows_of_its_own(fitted):
    est, X, y = fitted
    oob = oob_of(est)

    assert len(oob) == len(X)
    known = ~np.isnan(oob.reshape(len(X), -1)).any(axis=1)
    assert known.sum() == 2 * 12  # a tenth of 120 rows for each of two networks
    if isinstance(est, TabularMLPClassifier):
        hits = est.classes_[oob[known].argmax(axis=1)] == y[known]
        assert est.oob_score_ == pytest.approx(hits.mean())


def test_row_held_back_is_predicted_by_the_network_that_did_not_see_it():
    X, signal = make_table()
    reg = TabularMLPRegressor(**SMALL, validation_fraction=KFold(2)).fit(X, signal)
    both = torch.cat(
        list(reg._member_outputs(reg._encode_table(reg._read_table(X, reset=False)))), 1
    )
    first, second = (
        np.clip(output[:, 0].numpy(force=True), *reg._range) * reg._target.scale
        + reg._target.mean
        for output in both
    )

    np.testing.assert_allclose(reg.oob_prediction_[:60], first[:60], rtol=1e-6)
    np.testing.assert_allclose(reg.oob_prediction_[60:], second[60:], rtol=1e-6)


def test_without_rows_held_back_there_is_nothing_to_tell_of():
    X, signal = make_table(40)
    y = make_y(TabularMLPClassifier, signal)
    clf = TabularMLPClassifier(**SMALL, validation_fraction=0).fit(X, y)

    assert clf.temperature_ == 1
    assert not hasattr(clf, "oob_decision_function_")
    assert not hasattr(clf, "oob_score_")


def test_parts_overlap_where_there_are_not_enough_rows_for_all():
    X, signal = make_table(40)
    reg = TabularMLPRegressor(**SMALL, validation_fraction=0.75).fit(X, signal)

    assert not np.isnan(reg.oob_prediction_).any()


def test_parts_have_the_shares_of_the_classes():
    X, _ = make_table()
    y = np.repeat([0, 1], [100, 20])
    clf = TabularMLPClassifier(**SMALL).fit(X, y)
    held = ~np.isnan(clf.oob_decision_function_[:, 0])

    assert y[held].sum() == 4


def test_probabilities_of_rows_held_back_sum_to_one():
    X, signal = make_table(2000)
    y = make_y(TabularMLPClassifier, signal)
    clf = TabularMLPClassifier(**SMALL).fit(X, y)
    held = ~np.isnan(clf.oob_decision_function_[:, 0])

    assert clf.oob_decision_function_.dtype == clf.predict_proba(X[:1]).dtype
    assert log_loss(y[held], clf.oob_decision_function_[held]) > 0  # warns otherwise


def test_splitter_keeps_groups_together():
    X, signal = make_table()
    groups = np.arange(120) // 10
    reg = TabularMLPRegressor(**SMALL, validation_fraction=GroupKFold(6))
    reg.fit(X, signal, groups=groups)

    held = ~np.isnan(reg.oob_prediction_)
    assert held.sum() == 40
    assert {held[groups == g].mean() for g in range(12)} == {0, 1}
    with pytest.raises(ValueError, match="fit got no groups"):
        clone(reg).fit(X, signal)
    with pytest.raises(ValueError, match="fit got groups, but validation_fraction"):
        TabularMLPRegressor(**SMALL).fit(X, signal, groups=groups)


@pytest.mark.filterwarnings("ignore:TabularMLPRegressor leaves out")
def test_splitter_by_time_gives_its_last_splits():
    X, signal = make_table()
    reg = TabularMLPRegressor(**SMALL, validation_fraction=TimeSeriesSplit(5))
    reg.fit(X, signal)

    assert same(np.flatnonzero(~np.isnan(reg.oob_prediction_)), np.arange(80, 120))


def test_validation_rows_of_the_user_take_their_place():
    X, signal = make_table()
    y = make_y(TabularMLPClassifier, signal)
    clf = TabularMLPClassifier(**SMALL)
    clf.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])

    assert not hasattr(clf, "oob_decision_function_")
    assert clf.temperature_ != 1
    assert len(clf.validation_loss_curve_) == clf.n_iter_
    assert len(clf.validation_scores_) == clf.n_iter_


def test_temperature_minimizes_the_loss_of_the_rows_held_back():
    X, signal = make_table()
    y = make_y(TabularMLPClassifier, signal)
    clf = TabularMLPClassifier(**SMALL, validation_fraction=0.5).fit(X, y)
    raw = TabularMLPClassifier(**SMALL, validation_fraction=0.5, calibration=None)
    raw.fit(X, y)
    outputs = torch.cat(
        list(clf._member_outputs(clf._encode_table(clf._read_table(X, reset=False)))), 1
    )
    held_first = np.isclose(
        torch.softmax(outputs[0] / clf.temperature_, -1).numpy(force=True),
        clf.oob_decision_function_,
    ).all(axis=1)

    def objective(temperature):
        first, second = torch.softmax(outputs.double() / temperature, -1).numpy(
            force=True
        )
        p = np.where(held_first[:, None], first, second)
        return log_loss(y, p, labels=clf.classes_) + np.log(temperature) ** 2 / 120

    best = objective(clf.temperature_)
    assert best < objective(clf.temperature_ * 1.02)
    assert best < objective(clf.temperature_ / 1.02)
    assert raw.temperature_ == 1
    assert same(raw.predict(X), clf.predict(X))


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize("cls", BOTH)
def test_row_of_zero_weight_is_as_if_it_were_removed(cls):
    X, signal = make_table()
    y = make_y(cls, signal)
    weight = np.ones(120)
    weight[::5] = 0
    kept = weight > 0
    weighted = cls(**SMALL).fit(X, y, weight)
    removed = cls(**SMALL).fit(X[kept], y[kept])

    assert same(weighted.predict(X), removed.predict(X))
    np.testing.assert_array_equal(oob_of(weighted)[kept], oob_of(removed))
    assert np.isnan(oob_of(weighted)[~kept]).all()


def test_class_weights_multiply_the_weights_of_rows():
    X, signal = make_table()
    y = make_y(TabularMLPClassifier, signal)
    by_class = {"low": 3.0, "high": 0.5}
    weight = np.array([by_class.get(label, 1.0) for label in y])

    one = TabularMLPClassifier(**SMALL, class_weight=by_class).fit(X, y)
    other = TabularMLPClassifier(**SMALL).fit(X, y, weight)

    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-5)
    assert one.temperature_ == pytest.approx(other.temperature_, rel=1e-5)


def test_weights_of_one_change_nothing(fitted):
    est, X, y = fitted

    assert same(clone(est).fit(X, y, np.ones(120)).predict(X), est.predict(X))


# --- targets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [[0, 1], [5, 7], ["yes", "no"], [False, True], [-1.0, 1.0]]
)
def test_labels_of_any_kind_come_back(labels):
    X, signal = make_table(60)
    y = np.array(labels)[(signal > 1.5).astype(int)]
    clf = TabularMLPClassifier(**SMALL).fit(X, y)

    assert clf.predict(X).dtype == y.dtype
    assert set(clf.predict(X)) <= set(labels)
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_labels_may_be_several():
    X, signal = make_table(60)
    y = np.stack([signal > 1, signal > 2], axis=1).astype(int)
    clf = TabularMLPClassifier(**SMALL).fit(X, y)

    assert clf.predict(X).shape == (60, 2)
    assert clf.oob_decision_function_.shape == (60, 2)
    assert clf.score(X, y) > 0.5


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss):
    X, signal = make_table()
    y = np.round(np.exp(signal / 2)) if loss == "poisson" else 100 + 10 * signal
    reg = TabularMLPRegressor(**SMALL, loss=loss).fit(X, y)

    assert reg.score(X, y) > 0.5


@pytest.fixture(scope="module")
def quantiles():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(1500, 1))
    y = X[:, 0] + (0.2 + (X[:, 0] > 0)) * rng.normal(size=1500)
    params = {**SMALL, "loss": "quantile", "max_iter": 40}
    reg = TabularMLPRegressor(**params, quantile=[0.1, 0.5, 0.9])
    return reg.fit(X[:1000], y[:1000]), X, y, params


def test_several_quantiles_are_columns_that_never_cross(quantiles):
    reg, X, _, _ = quantiles
    far = np.linspace(-50, 50, 300)[:, None]

    assert reg.predict(X).shape == (1500, 3)
    assert (np.diff(reg.predict(np.vstack([X, far])), axis=1) >= 0).all()
    assert reg.oob_prediction_.shape == (1000, 3)


def test_several_quantiles_lose_no_more_than_single_ones(quantiles):
    reg, X, y, params = quantiles
    together = alone = 0.0
    for level, column in zip(reg.quantile, reg.predict(X[1000:]).T, strict=True):
        one = TabularMLPRegressor(**params, quantile=level).fit(X[:1000], y[:1000])
        together += mean_pinball_loss(y[1000:], column, alpha=level)
        alone += mean_pinball_loss(y[1000:], one.predict(X[1000:]), alpha=level)

    assert together < 1.02 * alone


def test_score_of_several_quantiles_is_the_mean_of_their_own(quantiles):
    reg, X, y, _ = quantiles
    expected = np.mean(
        [
            d2_pinball_score(y, column, alpha=level)
            for level, column in zip(reg.quantile, reg.predict(X).T, strict=True)
        ]
    )

    assert reg.score(X, y) == pytest.approx(expected)
    assert 0.1 < reg.oob_score_ < 1
    drop = permutation_importance(reg, X, y, n_repeats=2, random_state=0)
    assert drop.importances_mean[0] > 0.1


def test_rows_held_back_make_an_interval_that_covers(quantiles):
    reg, X, y, _ = quantiles
    held = ~np.isnan(reg.oob_prediction_[:, 0])
    low, _, high = reg.oob_prediction_[held].T
    beyond = np.maximum(low - y[:1000][held], y[:1000][held] - high)
    margin = np.quantile(beyond, 0.8, method="higher")

    low, _, high = reg.predict(X[1000:]).T
    is_inside = (low - margin <= y[1000:]) & (y[1000:] <= high + margin)

    # 500 rows: the standard deviation of their share is 0.018.
    assert abs(is_inside.mean() - 0.8) < 0.06


def test_several_columns_of_y_come_back():
    X, signal = make_table()
    y = np.stack([signal, 1000 - signal], axis=1)
    reg = TabularMLPRegressor(**SMALL).fit(X, y)

    assert reg.predict(X).shape == (120, 2)
    assert reg.score(X, y) > 0.5


# --- odd tables -----------------------------------------------------------------------


@pytest.mark.parametrize("cls", BOTH)
def test_one_row_is_enough_to_fit(cls):
    X, signal = make_table(1)
    est = cls(**SMALL).fit(X, make_y(cls, signal))

    assert est.predict(X)[0] == make_y(cls, signal)[0]


def test_two_rows_of_a_class_are_enough():
    X, _ = make_table(40)
    y = np.array(["a"] * 38 + ["b"] * 2)
    clf = TabularMLPClassifier(**SMALL).fit(X, y)

    assert clf.predict_proba(X).shape == (40, 2)


def test_constant_columns_and_missing_ones_are_no_error():
    X, signal = make_table(60)
    X = X.assign(constant=3, one="x", nothing=np.nan, none=None)
    reg = TabularMLPRegressor(**SMALL).fit(X, signal)

    other = X.assign(constant=4, one="y", nothing=1.0)
    assert np.isfinite(reg.predict(other)).all()


def test_table_of_constants_alone_predicts_the_mean():
    X = pd.DataFrame({"a": [1.0] * 40, "b": ["x"] * 40})
    y = np.tile([0.0, 2.0], 20)
    reg = TabularMLPRegressor(**SMALL).fit(X, y)

    assert reg.predict(X) == pytest.approx(1.0, abs=0.3)


def test_thousand_categories_and_unknown_ones():
    names = np.array([f"name {i}" for i in range(1000)])
    X = pd.DataFrame({"name": names})
    y = np.arange(1000) % 2
    clf = TabularMLPClassifier(**SMALL).fit(X, y)

    assert clf.recipe_.n_estimators == 2
    proba = clf.predict_proba(pd.DataFrame({"name": ["new", None, "newer"]}))
    assert np.isfinite(proba).all()
    assert same(proba[0], proba[2])


def test_numbers_of_1e30_are_no_error():
    X, signal = make_table(60)
    X["size"] = X["size"] * 1e30
    reg = TabularMLPRegressor(**SMALL).fit(X, signal)

    assert reg.score(X, signal) > 0.5


def test_columns_in_another_order_or_missing_are_refused(fitted):
    est, X, _ = fitted

    with pytest.raises(ValueError, match="must be in the same order"):
        est.predict(X[["color", "size", "town"]])
    with pytest.raises(
        ValueError, match=r"Feature names seen at fit time, yet now miss"
    ):
        est.predict(X[["size", "color"]])


@pytest.mark.parametrize("cls", BOTH)
def test_infinite_numbers_are_refused(cls):
    X, signal = make_table(20)
    X.loc[3, "size"] = np.inf

    with pytest.raises(ValueError, match=r"infinity .* in the column 'size'"):
        cls(**SMALL).fit(X, make_y(cls, signal))


def test_failed_fit_leaves_the_estimator_as_it_was(fitted):
    est, X, y = fitted
    state = dict(vars(est))

    with pytest.raises(ValueError, match="infinity"):
        est.fit(X.assign(size=np.inf), y)

    assert vars(est) == state


# --- categorical_features -------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([b"a"], "array-like of bool, int or str, got: bytes"),
        ([0.5], "array-like of bool, int or str, got: float"),
        ([0, -1], "integer indices must be in [0, n_features - 1]"),
        ([3], "integer indices must be in [0, n_features - 1]"),
        ([True, False], "a boolean mask must have shape (n_features,)"),
        (["nose"], "has an item value 'nose' which is not a valid feature name"),
    ],
)
def test_categorical_features_that_are_none_are_refused(given, message):
    X, signal = make_table(20)

    with pytest.raises(ValueError) as caught:
        TabularMLPRegressor(**SMALL, categorical_features=given).fit(X, signal)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "given", [[1, 2], [False, True, True], ["color", "town"], "from_dtype"]
)
def test_categorical_features_are_told_in_four_ways(given):
    X, signal = make_table(20)
    reg = TabularMLPRegressor(**SMALL, categorical_features=given).fit(X, signal)

    assert reg.is_categorical_.tolist() == [False, True, True]


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="on data without feature names"):
        TabularMLPRegressor(**SMALL, categorical_features=["a"]).fit([[1.0]], [1.0])


# --- early stopping, time, callbacks --------------------------------------------------


def test_early_stopping_ends_at_rest_with_the_best_weights():
    X, _ = make_table()
    y = np.random.RandomState(0).normal(size=120)  # nothing to learn
    reg = TabularMLPRegressor(**{**SMALL, "max_iter": 60}, early_stopping=True)
    reg.fit(X, y)

    waves = [4, 12, 28, 60]
    assert reg.n_iter_ in waves[1:]
    scores = [reg.validation_scores_[n - 1] for n in waves if n <= reg.n_iter_]
    assert reg.oob_score_ == pytest.approx(max(scores), abs=1e-6)
    with pytest.raises(ValueError, match="needs rows to validate on"):
        reg.set_params(validation_fraction=0).fit(X, y)


class Remember(Callback):
    """Keep the weights of each epoch, and stop after some."""

    def __init__(self, n_most=np.inf):
        self.n_most = n_most

    def on_train_begin(self, net, **kwargs):
        self.states = [copy_state(net.module_)]

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy_state(net.module_))
        if len(self.states) > self.n_most:
            raise KeyboardInterrupt

    def number_of(self, module):
        """Tell after which epoch the module was as it is now."""
        now = module.state_dict()
        same = [all(torch.equal(s[k], now[k]) for k in now) for s in self.states]
        return same.index(True)


def remembered(reg):
    ((_, callback),) = [c for c in reg.net_.callbacks_ if isinstance(c[1], Remember)]
    return callback


@pytest.fixture(scope="module", params=BOTH)
def overfit(request):
    """Fit to much noise and a little signal."""
    X, y = make_noisy(request.param, seed=0)
    model = request.param(
        **{**SMALL, "hidden_layer_sizes": (64, 64), "max_iter": 90},
        validation_fraction=0.3,
        callbacks=[Remember()],
    )
    return model.fit(X, y), X, y


def make_noisy(cls, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 12))
    return X, make_y(cls, X[:, 0] + rng.normal(0, 2, 600))


def test_earlier_end_of_a_wave_is_kept_where_training_on_overfits(overfit):
    model, X, y = overfit
    assert model.n_iter_ == 90
    assert model.best_iter_ in (6, 18, 42)
    assert remembered(model).number_of(model.net_.module_) == model.best_iter_
    last = clone(model).set_params(validation_fraction=0).fit(X, y)
    assert last.best_iter_ == last.n_iter_ == 90
    X_new, y_new = make_noisy(type(model), seed=1)
    assert model.score(X_new, y_new) > last.score(X_new, y_new) + 0.05


def test_last_end_is_kept_where_it_is_as_good(fitted):
    model, _, _ = fitted
    assert model.best_iter_ == model.n_iter_ == 20


def test_rows_of_the_user_choose_among_the_ends(overfit):
    model, X, y = overfit
    # Those that it is fitted to ask for more of it.
    model = clone(model).fit(X, y, X_val=X, y_val=y)
    assert model.best_iter_ == model.n_iter_ == 90


def test_temperature_is_that_of_the_weights_that_are_kept(overfit):
    model, _, y = overfit
    if not hasattr(model, "temperature_"):
        pytest.skip("regressors have no temperature")
    held = ~np.isnan(model.oob_decision_function_[:, 0])
    p = model.oob_decision_function_[held]
    best = log_loss(y[held], p, labels=model.classes_)
    for factor in (0.8, 1.25):
        other = p ** (1 / factor)
        other /= other.sum(axis=1, keepdims=True)
        loss = log_loss(y[held], other, labels=model.classes_)
        assert loss + np.log(factor * model.temperature_) ** 2 / held.sum() > best


@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_that_is_ended_between_two_ends_keeps_what_it_learnt(early_stopping):
    X, signal = make_table(200)
    reg = TabularMLPRegressor(
        **{**SMALL, "max_iter": 90},
        early_stopping=early_stopping,
        callbacks=[Remember(n_most=4)],
    ).fit(X, signal)

    assert reg.best_iter_ == reg.n_iter_ == 4
    assert remembered(reg).number_of(reg.net_.module_) == 4


def test_early_stopping_tells_of_which_epoch_the_weights_are():
    X, _ = make_table()
    y = np.random.RandomState(0).normal(size=120)
    reg = TabularMLPRegressor(
        **{**SMALL, "max_iter": 60}, early_stopping=True, callbacks=[Remember()]
    ).fit(X, y)

    assert reg.best_iter_ < reg.n_iter_
    assert remembered(reg).number_of(reg.net_.module_) == reg.best_iter_


def test_early_stopping_takes_a_scorer():
    X, signal = make_table()
    y = make_y(TabularMLPClassifier, signal)
    clf = TabularMLPClassifier(**SMALL, early_stopping=True, scoring="neg_log_loss")
    clf.fit(X, y)

    known = ~np.isnan(clf.oob_decision_function_[:, 0])
    assert known.sum() == 24
    assert max(clf.validation_scores_) == clf.best_validation_score_ < 0


def test_schedule_ends_within_the_time():
    X, signal = make_table()
    reg = TabularMLPRegressor(
        hidden_layer_sizes=8, max_iter=100_000, max_time=0.3, device="cpu"
    ).fit(X, signal)

    assert 1 < reg.n_iter_ < 100_000
    # The last epoch is the last one of the schedule.
    assert reg.net_.n_epochs_ == reg.n_iter_


def test_callbacks_are_told_of_each_epoch_and_may_end_the_training():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    X, signal = make_table(30)
    reg = TabularMLPRegressor(**SMALL, callbacks=[Stop()]).fit(X, signal)

    assert reg.n_iter_ == len(reg.loss_curve_) == 3


def test_checkpoint_is_refused(tmp_path):
    X, signal = make_table(30)

    with pytest.raises(
        ValueError, match="cannot be resumed by the callback Checkpoint"
    ):
        TabularMLPRegressor(**SMALL, callbacks=[Checkpoint(tmp_path / "c")]).fit(
            X, signal
        )


def test_there_is_no_partial_fit_and_no_warm_start(fitted):
    est, _, _ = fitted

    assert not hasattr(est, "partial_fit")
    assert "warm_start" not in est.get_params()


# --- what else is done with it --------------------------------------------------------


def test_pickle_predicts_the_same(fitted):
    est, X, _ = fitted
    again = pickle.loads(pickle.dumps(est))

    assert same(again.predict(X), est.predict(X))
    assert again.recipe_ == est.recipe_
    np.testing.assert_array_equal(oob_of(again), oob_of(est))


def test_file_predicts_the_same(fitted, tmp_path):
    est, X, _ = fitted
    sknn_deep.save(est, tmp_path / "est.sknn")
    again = sknn_deep.load(tmp_path / "est.sknn")

    assert same(again.predict(X), est.predict(X))
    assert again.recipe_ == est.recipe_
    assert again.get_params() == est.get_params()


GRID = {"alpha": [0.01, 0.1], "numeric_embedding": ["periodic", None]}


@pytest.mark.parametrize("cls", BOTH)
def test_batched_search_finds_what_scikit_learns_does(cls):
    X, signal = make_table(60)
    y = make_y(cls, signal)
    est = cls(**SMALL | {"max_iter": 3})
    theirs, ours = (
        search(est, GRID, cv=2).fit(X, y)
        for search in (GridSearchCV, BatchedGridSearchCV)
    )

    scores = [search.cv_results_["mean_test_score"] for search in (theirs, ours)]
    assert same(*scores) and len(set(scores[0])) > 1
    assert same(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("resource", ["n_samples", "max_iter"])
def test_halving_search_takes_it(resource):
    X, signal = make_table(60)
    search = BatchedHalvingGridSearchCV(
        TabularMLPRegressor(**SMALL | {"max_iter": 3}),
        GRID,
        cv=2,
        resource=resource,
        max_resources="auto" if resource == "n_samples" else 8,
        min_resources=20 if resource == "n_samples" else 2,
        factor=2,
        random_state=0,
    ).fit(X, signal)

    assert search.n_candidates_[0] == 4 > search.n_candidates_[-1]
    assert search.best_params_.keys() >= GRID.keys()


def test_summary_counts_what_each_network_has(fitted):
    est, _, _ = fitted
    module = est.net_.module_
    summary = est.summary()
    kinds = [layer.kind for layer in summary.layers]

    assert kinds[:3] == ["PeriodicEmbedding", "CategoryEmbedding", "StackedScale"]
    assert summary.n_parameters == sum(p.numel() for p in module.parameters())


def test_curves_are_drawn():
    X, signal = make_table(60)
    reg = TabularMLPRegressor(**SMALL).fit(X, signal, X_val=X, y_val=signal)

    display = LossCurveDisplay.from_estimator(reg)

    for lines, curve in (
        (display.loss_lines_, reg.loss_curve_),
        (display.validation_loss_lines_, reg.validation_loss_curve_),
    ):
        assert [line.get_ydata().tolist() for line in lines.values()] == [curve]
    plt.close("all")


@pytest.mark.parametrize("early_stopping", [True, False])
def test_curves_of_rows_held_back_are_drawn_with_early_stopping(early_stopping):
    X, signal = make_table(60)
    reg = TabularMLPRegressor(**SMALL, early_stopping=early_stopping).fit(X, signal)

    display = LossCurveDisplay.from_estimator(reg)

    drawn = [display.validation_loss_lines_, display.score_lines_]
    assert [len(lines) for lines in drawn] == [early_stopping] * 2
    plt.close("all")


def test_partial_dependence_takes_whole_numbers_as_floats():
    X, signal = make_table(60)
    X["rooms"] = np.arange(60) % 5
    reg = TabularMLPRegressor(**SMALL).fit(X, signal)
    as_floats = X.astype({"rooms": float})

    result = partial_dependence(
        reg, as_floats, ["rooms"], categorical_features=["color", "town"]
    )

    np.testing.assert_array_equal(reg.predict(as_floats), reg.predict(X))
    assert result["grid_values"][0].tolist() == [0, 1, 2, 3, 4]


def test_partial_dependence_is_the_mean_over_the_rows(fitted):
    est, X, _ = fitted
    features = {"size": None, "town": ["color", "town"]}

    for name, categorical in features.items():
        response = (
            "predict" if isinstance(est, TabularMLPRegressor) else "predict_proba"
        )
        result = partial_dependence(
            est,
            X,
            [name],
            categorical_features=categorical,
            grid_resolution=4,
            response_method="auto",
        )
        value = result["grid_values"][0][1]
        given = getattr(est, response)(X.assign(**{name: value}))
        expected = given.reshape(len(X), -1).mean(axis=0)
        assert result["average"][:, 1] == pytest.approx(expected)


def test_displays_of_scikit_learn_are_drawn(fitted):
    est, X, y = fitted
    target = None if isinstance(est, TabularMLPRegressor) else "low"

    display = PartialDependenceDisplay.from_estimator(
        est,
        X,
        ["size", "town"],
        categorical_features=["color", "town"],
        grid_resolution=12,
        target=target,
    )

    assert len(display.axes_[0, 1].patches) == 12
    if isinstance(est, TabularMLPClassifier):
        clf = TabularMLPClassifier(**SMALL).fit(X, y == "low")
        curve = CalibrationDisplay.from_estimator(clf, X, y == "low", n_bins=3)
        assert np.isfinite(curve.prob_true).all()
    plt.close("all")


def test_predefined_split_says_which_rows_are_held_back():
    X, signal = make_table(60)
    folds = np.where(np.arange(60) < 10, 0, -1)
    reg = TabularMLPRegressor(**SMALL, validation_fraction=PredefinedSplit(folds))
    reg.fit(X, signal)

    assert same(np.flatnonzero(~np.isnan(reg.oob_prediction_)), np.arange(10))
