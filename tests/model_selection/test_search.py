"""Searches whose networks are trained together, against scikit-learn's searches."""

import pickle
import re
import threading
import warnings
from collections import Counter
from unittest import mock

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ParameterGrid,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from skorch.callbacks import Callback

import sknn_deep.model_selection._evaluation as evaluation
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    TabularMLPClassifier,
)
from sknn_deep.data import _data
from sknn_deep.estimators import _base as estimators_base
from sknn_deep.fitting import _together as together
from sknn_deep.model_selection import BatchedGridSearchCV, BatchedRandomizedSearchCV
from tests.requirements import since_pipelines_route_scores

N_ROWS = 60

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RATES = {"learning_rate_init": [0.003, 0.03]}


def make_data(dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 5)).astype(dtype)
    return X, np.arange(N_ROWS) % 3


def make_weights(zeros=False):
    weight = np.random.default_rng(1).uniform(0.2, 2.0, size=N_ROWS)
    if zeros:
        weight[::7] = 0.0
    return weight


def make_classifier(**options):
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (6,),
            "batch_size": 16,
            "max_iter": 4,
            "random_state": 0,
            **options,
        }
    )


def make_regressor(**options):
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (6,),
            "batch_size": 16,
            "max_iter": 4,
            "random_state": 0,
            **options,
        }
    )


def make_autoencoder(**options):
    return AutoencoderTransformer(
        **{
            "n_components": 2,
            "hidden_layer_sizes": (4,),
            "batch_size": 16,
            "max_iter": 4,
            "random_state": 0,
            **options,
        }
    )


def scores_of(search):
    return {
        name: values
        for name, values in search.cv_results_.items()
        if re.match(r"(split|mean|std)\d*_(test|train)_", name)
    }


def assert_same_search(ours, theirs, tolerance=1e-10):
    """Compare two fitted searches; accuracies must be equal to the last bit."""
    expected = scores_of(theirs)
    assert scores_of(ours).keys() == expected.keys()
    for name, values in scores_of(ours).items():
        exact = name.endswith("accuracy")
        np.testing.assert_allclose(
            values, expected[name], rtol=0 if exact else tolerance, atol=0, err_msg=name
        )
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    if hasattr(theirs, "best_params_"):
        assert ours.best_params_ == theirs.best_params_
        assert ours.best_index_ == theirs.best_index_


def search_both(estimator, grid, X, y=None, *, fit_params=None, **options):
    """Fit our search and scikit-learn's; return both."""
    return [
        cls(clone(estimator), grid, **{"cv": 2, **options}).fit(
            X, y, **(fit_params or {})
        )
        for cls in (BatchedGridSearchCV, GridSearchCV)
    ]


BOTH_METRICS = {
    "scoring": ["accuracy", "neg_log_loss"],
    "refit": "neg_log_loss",
}


# --- the same results as one fit after the other -----------------------------------

CASES = {
    "adam": ({}, {"learning_rate_init": [0.01, 0.1], "alpha": [0.0, 1.0]}),
    "betas": ({}, {"beta_1": [0.5, 0.9], "beta_2": [0.9], "epsilon": [1e-8, 1e-3]}),
    "adamw": ({"solver": "adamw"}, {"alpha": [0.0, 0.3]}),
    "momentum": (
        {"solver": "sgd"},
        {"momentum": [0.0, 0.5, 0.9], "nesterovs_momentum": [True, False]},
    ),
    "schedules": (
        {"solver": "sgd", "tol": 0.05, "n_iter_no_change": 1, "max_iter": 8},
        {
            "learning_rate": [
                "constant",
                "invscaling",
                "adaptive",
                "cosine",
                "one_cycle",
            ],
        },
    ),
    "epochs": (
        {"n_iter_no_change": 1, "tol": 0.02},
        {"max_iter": [2, 12], "learning_rate": ["constant", "one_cycle"]},
    ),
    "early stopping": (
        {"early_stopping": True, "max_iter": 10, "n_iter_no_change": 2},
        {"random_state": [0, 1], "learning_rate_init": [0.003, 0.1]},
    ),
    "early stopping by a scorer": (
        {
            "early_stopping": True,
            "n_iter_no_change": 1,
            "scoring": "balanced_accuracy",
            "max_iter": 6,
        },
        {"learning_rate_init": [0.003, 0.1]},
    ),
    "dropout": (
        {"hidden_layer_sizes": (6, 5)},
        {"dropout": [0.0, 0.5, (0.2, 0.3)], "random_state": [0, 1]},
    ),
    "label smoothing": ({}, {"label_smoothing": [0.0, 0.1, 0.3]}),
    "class_weight": (
        {},
        {"class_weight": ["balanced", {0: 3.0, 1: 0.5, 2: 1.0}]},
    ),
    "clip_grad_norm": ({"solver": "sgd"}, {"clip_grad_norm": [None, 0.05]}),
    "shuffle": ({}, {"shuffle": [True, False]}),
    "shapes": (
        {},
        [
            {"hidden_layer_sizes": [(4, 3), ()], "alpha": [0.0, 1.0]},
            {"activation": ["tanh", "gelu"], "batch_size": [25]},
            {"solver": ["sgd", "adamw"]},
        ],
    ),
    "float32 arithmetic": ({"precision": "float32"}, RATES),
}


@pytest.mark.parametrize("options, grid", CASES.values(), ids=CASES)
def test_search_gives_what_one_fit_after_the_other_gives(options, grid):
    tolerance = 1e-4 if "precision" in options else 1e-10
    X, y = make_data()

    ours, theirs = search_both(make_classifier(**options), grid, X, y, **BOTH_METRICS)

    assert_same_search(ours, theirs, tolerance)
    assert ours.cv_results_["batched"].all()
    for a, b in zip(
        ours.best_estimator_.coefs_, theirs.best_estimator_.coefs_, strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_search_of_float32_digits_scores_within_two_thousandths(digits):
    X, y = digits.X[:400], digits.y[:400]
    network = make_classifier(hidden_layer_sizes=(32,), batch_size=50, max_iter=6)
    grid = {"learning_rate_init": [1e-3, 1e-2], "dropout": [0.0, 0.2]}

    ours, theirs = search_both(network, grid, X, y)

    difference = (
        ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]
    )
    assert np.abs(difference).max() <= 0.002
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_score_ > 0.7


def test_randomized_search_gives_what_scikit_learns_gives():
    X, y = make_data()
    ours, theirs = (
        cls(
            make_classifier(),
            {"learning_rate_init": loguniform(1e-3, 1e-1), "alpha": [0.0, 1.0]},
            n_iter=3,
            random_state=3,
            cv=2,
            **BOTH_METRICS,
        ).fit(X, y)
        for cls in (BatchedRandomizedSearchCV, RandomizedSearchCV)
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_randomized_search_without_a_seed_draws_candidates():
    X, y = make_data()
    search = BatchedRandomizedSearchCV(
        make_classifier(),
        {"learning_rate_init": loguniform(1e-3, 1e-1)},
        n_iter=3,
        cv=2,
    ).fit(X, y)

    rates = [params["learning_rate_init"] for params in search.cv_results_["params"]]
    assert len(set(rates)) == 3
    assert search.cv_results_["batched"].all()


def test_search_without_a_seed_differs_from_run_to_run():
    X, y = make_data()
    network = make_classifier(random_state=None)
    first, second = (
        BatchedGridSearchCV(network, RATES, scoring="neg_log_loss", cv=2).fit(X, y)
        for _ in range(2)
    )

    assert first.cv_results_["batched"].all()
    assert np.isfinite(first.cv_results_["mean_test_score"]).all()
    assert not np.array_equal(
        first.cv_results_["mean_test_score"], second.cv_results_["mean_test_score"]
    )


def test_search_copies_a_generator_as_a_seed_for_each_fit():
    X, y = make_data()

    ours, theirs = search_both(
        make_classifier(random_state=np.random.RandomState(5)),
        RATES,
        X,
        y,
        scoring="neg_log_loss",
    )

    assert_same_search(ours, theirs)


# --- forms of data -----------------------------------------------------------------


@pytest.mark.parametrize("container", ["csr", "integers", "lists", "float32", "frame"])
def test_search_takes_X_in_any_form(container):
    X, y = make_data()
    X[np.abs(X) < 0.5] = 0.0
    forms = {
        "csr": scipy.sparse.csr_array,
        "integers": lambda X: (3 * X).astype(int),
        "lists": lambda X: X.tolist(),
        "float32": lambda X: X.astype(np.float32),
        "frame": lambda X: pd.DataFrame(X, columns=list("abcde")),
    }
    tolerance = 1e-4 if container == "float32" else 1e-10

    ours, theirs = search_both(
        make_classifier(), RATES, forms[container](X), y, **BOTH_METRICS
    )

    assert_same_search(ours, theirs, tolerance)
    assert ours.cv_results_["batched"].all()


def test_search_of_a_frame_keeps_the_names_of_every_candidate():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    names = []

    def scoring(estimator, X, y):
        names.append(list(estimator.feature_names_in_))
        return estimator.score(X, y)

    search = BatchedGridSearchCV(make_classifier(), RATES, scoring=scoring, cv=2)
    search.fit(frame, pd.Series(y))

    assert names == [list("abcde")] * 4
    assert list(search.feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names"):
        search.predict(frame.rename(columns={"a": "z"}))


def test_search_of_a_frame_takes_a_validation_frame():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcde"))

    ours, theirs = search_both(
        make_classifier(early_stopping=True, n_iter_no_change=1, max_iter=8),
        RATES,
        frame,
        y,
        fit_params={"X_val": frame[:20], "y_val": y[:20]},
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_leaves_the_data_alone():
    X, y = make_data()
    X_before, y_before = X.copy(), y.copy()

    BatchedGridSearchCV(make_classifier(), RATES, cv=2).fit(X, y)

    assert np.array_equal(X, X_before)
    assert np.array_equal(y, y_before)


@pytest.mark.parametrize("labels", ["words", "binary", "multilabel"])
def test_search_takes_labels_of_any_kind(labels):
    X, y = make_data()
    targets = {
        "words": np.array(["a", "b", "c"])[y],
        "binary": y == 0,
        "multilabel": np.stack([y == 0, X[:, 0] > 0], axis=1).astype(int),
    }

    ours, theirs = search_both(
        make_classifier(),
        {"alpha": [0.0, 1.0], "label_smoothing": [0.0, 0.2]},
        X,
        targets[labels],
        scoring=["accuracy", "roc_auc_ovr"] if labels != "multilabel" else ["accuracy"],
        refit="accuracy",
        cv=KFold(3),
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


@pytest.mark.parametrize(
    "loss, n_outputs", [("squared_error", 1), ("squared_error", 3), ("poisson", 3)]
)
def test_search_over_a_regressor(loss, n_outputs):
    X, y = make_data()
    y = y.astype(float) if n_outputs == 1 else np.abs(X[:, :3]) + 0.1

    ours, theirs = search_both(
        make_regressor(loss=loss), RATES, X, y, return_train_score=True
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_over_losses_and_their_numbers_separates_them():
    X, y = make_data()
    grid = [
        {"loss": ["squared_error", "absolute_error"]},
        {"loss": ["huber"], "huber_delta": [0.1, 1.0]},
        {"loss": ["quantile"], "quantile": [0.2, 0.8]},
    ]

    ours, theirs = search_both(make_regressor(), grid, X, y + X[:, 0])

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_search_over_an_autoencoder_needs_no_y(loss):
    X, _ = make_data()
    X = MinMaxScaler().fit_transform(X)
    out_activation = "logistic" if loss == "binary_cross_entropy" else "identity"

    ours, theirs = search_both(
        make_autoencoder(loss=loss, out_activation=out_activation), RATES, X
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()
    assert ours.transform(X).shape == (N_ROWS, 2)
    assert ours.score(X) == theirs.score(X)


# --- weights, groups and other parameters of fit -----------------------------------


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_search_splits_sample_weights(zeros, early_stopping):
    X, y = make_data()

    ours, theirs = search_both(
        make_classifier(early_stopping=early_stopping),
        {"alpha": [0.0, 1.0], "class_weight": [None, "balanced"]},
        X,
        y,
        fit_params={"sample_weight": make_weights(zeros)},
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_hands_groups_to_the_splitter():
    X, y = make_data()

    ours, theirs = search_both(
        make_classifier(),
        RATES,
        X,
        y,
        cv=GroupKFold(3),
        fit_params={"groups": np.arange(N_ROWS) // 5},
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)


@pytest.mark.parametrize(
    "cv",
    [
        2,
        StratifiedKFold(3, shuffle=True, random_state=0),
        ShuffleSplit(3, test_size=0.3, random_state=0),
        # Folds of 37 and 23 rows cannot share a stack.
        [(np.arange(37), np.arange(37, 60)), (np.arange(37, 60), np.arange(37))],
    ],
    ids=["number", "stratified", "shuffled", "pairs"],
)
def test_search_takes_any_splitter(cv):
    X, y = make_data()

    ours, theirs = search_both(make_classifier(), RATES, X, y, cv=cv, **BOTH_METRICS)

    assert_same_search(ours, theirs)
    assert ours.n_splits_ == theirs.n_splits_


def test_search_takes_splits_that_come_once():
    X, y = make_data()
    splits = KFold(3).split(X)

    search = BatchedGridSearchCV(make_classifier(), RATES, cv=splits).fit(X, y)

    assert search.n_splits_ == 3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# Four rows a group: every fold of five has twelve groups to train on, or to set aside.
GROUPS = np.random.default_rng(2).permutation(np.repeat(np.arange(15), 4))
BY_GROUPS = {"cv": GroupKFold(5), **BOTH_METRICS}
STOPPED_BY_GROUPS = {"early_stopping": True, "validation_fraction": GroupKFold(4)}


def test_search_splits_by_groups_within_each_fold_too():
    X, y = make_data()
    with config_context(enable_metadata_routing=True):
        network = make_classifier(**STOPPED_BY_GROUPS).set_fit_request(groups=True)

        ours, theirs = search_both(
            make_pipeline(StandardScaler(), network),
            {"mlpclassifier__learning_rate_init": [0.003, 0.03]},
            X,
            y,
            fit_params={"groups": GROUPS},
            **BY_GROUPS,
        )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_hands_groups_on_by_the_name_of_the_step():
    X, y = make_data()

    ours, theirs = search_both(
        make_pipeline(StandardScaler(), make_classifier(**STOPPED_BY_GROUPS)),
        {"mlpclassifier__learning_rate_init": [0.003, 0.03]},
        X,
        y,
        fit_params={"groups": GROUPS, "mlpclassifier__groups": GROUPS},
        **BY_GROUPS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_without_routing_says_that_the_network_got_no_groups():
    X, y = make_data()
    search = BatchedGridSearchCV(
        make_classifier(**STOPPED_BY_GROUPS),
        RATES,
        cv=GroupKFold(5),
        error_score="raise",
    )

    with pytest.raises(ValueError, match=r"MLPClassifier\.fit got no groups"):
        search.fit(X, y, groups=GROUPS)


def test_search_over_splitters_stacks_those_with_as_many_rows_to_train_on():
    X, y = make_data()
    splitters = [KFold(4), KFold(4, shuffle=True, random_state=0), TimeSeriesSplit(3)]
    grid = {"validation_fraction": [0.25, *splitters]}

    ours, theirs = search_both(
        make_classifier(early_stopping=True), grid, X, y, cv=KFold(3), **BOTH_METRICS
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


class ByIndex:
    """Sets the rows aside that a table's index says; of an array there is none."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1

    def split(self, X, y=None, groups=None):
        is_late = X.index.to_numpy() % 4 == 3
        yield np.flatnonzero(~is_late), np.flatnonzero(is_late)


def test_splitter_gets_the_table_from_every_candidate():
    X, y = make_data()
    X = pd.DataFrame(X, columns=list("abcde"))

    ours, theirs = search_both(
        make_classifier(early_stopping=True, validation_fraction=ByIndex()),
        RATES,
        X,
        y,
        cv=KFold(3),
        error_score="raise",
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


@pytest.mark.parametrize("make", [make_autoencoder, make_regressor])
def test_search_of_other_networks_splits_by_groups(make):
    X, _ = make_data()
    y = None if make is make_autoencoder else X[:, 0]
    with config_context(enable_metadata_routing=True):
        network = make(**STOPPED_BY_GROUPS).set_fit_request(groups=True)

        ours, theirs = search_both(
            network, RATES, X, y, cv=GroupKFold(5), fit_params={"groups": GROUPS}
        )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


@since_pipelines_route_scores
def test_search_routes_metadata_through_a_pipeline():
    X, y = make_data()
    with config_context(enable_metadata_routing=True):
        network = make_classifier(early_stopping=True, n_iter_no_change=1)
        network.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        network.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        pipe = Pipeline(
            [("scale", scaler), ("net", network)],
            transform_input=["X_val"],
        )

        ours, theirs = search_both(
            pipe,
            {"net__learning_rate_init": [0.003, 0.1], "scale__with_std": [True, False]},
            X,
            y,
            fit_params={
                "sample_weight": make_weights(),
                "X_val": 3 * X[:20],
                "y_val": y[:20],
            },
        )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()
    np.testing.assert_array_equal(
        ours.best_estimator_[-1].coefs_[0], theirs.best_estimator_[-1].coefs_[0]
    )


# --- pipelines ---------------------------------------------------------------------


class CountingScaler(TransformerMixin, BaseEstimator):
    """Divides by a number, and counts its fits by that number."""

    fits = []

    def __init__(self, divisor=1.0):
        self.divisor = divisor

    def fit(self, X, y=None):
        type(self).fits.append((self.divisor, len(X)))
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X / self.divisor


@pytest.fixture
def counting_scaler():
    CountingScaler.fits.clear()
    yield CountingScaler
    CountingScaler.fits.clear()


def test_search_fits_the_steps_once_for_each_fold_and_setting(counting_scaler):
    X, y = make_data()
    pipe = make_pipeline(counting_scaler(), StandardScaler(), make_classifier())
    grid = {
        "countingscaler__divisor": [1.0, 2.0],
        "standardscaler__with_mean": [True, False],
        "mlpclassifier__learning_rate_init": [0.003, 0.01, 0.03],
    }

    ours = BatchedGridSearchCV(pipe, grid, cv=2, refit=False).fit(X, y)

    # Two settings of the scaler after it, two folds.
    assert sorted(counting_scaler.fits) == [(1.0, 30)] * 4 + [(2.0, 30)] * 4
    assert ours.cv_results_["batched"].all()
    theirs = GridSearchCV(pipe, grid, cv=2, refit=False).fit(X, y)
    assert_same_search(ours, theirs)
    assert len(counting_scaler.fits) == 8 + 2 * 12


def test_search_places_the_rows_once_for_each_fold_and_precision(monkeypatch):
    X, y = make_data()
    make_rows = mock.Mock(wraps=_data.make_rows)
    monkeypatch.setattr(_data, "make_rows", make_rows)
    grid = {"alpha": [1e-4, 1e-2], "precision": ["float32", "float64"]}

    BatchedGridSearchCV(make_classifier(), grid, cv=3, refit=False).fit(X, y)

    placed = Counter(len(call.args[0]) for call in make_rows.call_args_list)
    n_test = len(X) // 3
    assert placed == {len(X) - n_test: 3 * 2, n_test: 3 * 2}


@pytest.mark.parametrize(
    "case",
    ["classes", "one class", "weighted classes", "numbers", "rows that overflow"],
)
def test_default_scores_are_those_of_score(case):
    X, y = make_data()
    if case == "rows that overflow":
        X = X.astype(np.float32)
        X[-1] = 1e38
    make = make_regressor if case == "numbers" else make_classifier
    options = {"class_weight": {0: 5.0}} if case == "weighted classes" else {}
    if case == "one class":
        y, options = np.zeros(N_ROWS), {"solver": "sgd", "learning_rate_init": 1e-9}
    cv = [(np.arange(40), np.arange(40, N_ROWS))]
    grid = {"random_state": [0, 1, 2]}

    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        searches = [
            Search(make(**options), grid, cv=cv, refit=False).fit(X, y)
            for Search in (BatchedGridSearchCV, GridSearchCV)
        ]
    ours, theirs = (s.cv_results_["mean_test_score"] for s in searches)
    assert searches[0].cv_results_["batched"].all()
    rtol = 1e-10 if case == "numbers" else 0
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=0)


def test_default_scores_check_the_rows_to_test_on_once_for_a_fold(monkeypatch):
    X, y = make_data()
    check_rows = mock.Mock(wraps=estimators_base.check_rows)
    monkeypatch.setattr(estimators_base, "check_rows", check_rows)
    cv = [(np.arange(45), np.arange(45, N_ROWS))]
    grid = {"alpha": [1e-4, 1e-3, 1e-2]}

    BatchedGridSearchCV(make_classifier(), grid, cv=cv, refit=False).fit(X, y)

    lengths = [len(call.args[1]) for call in check_rows.call_args_list]
    assert lengths.count(N_ROWS - 45) == 1


def test_search_replaces_whole_steps():
    X, y = make_data()
    pipe = Pipeline([("scale", StandardScaler()), ("net", make_classifier())])
    grid = {
        "scale": [StandardScaler(), "passthrough"],
        "net": [
            make_classifier(),
            make_classifier(solver="adamw", alpha=0.1),
            LogisticRegression(),
        ],
    }

    searches = [
        cls(pipe, grid, cv=2, **BOTH_METRICS).fit(X, y)
        for cls in (BatchedGridSearchCV, GridSearchCV)
    ]

    for a, b in zip(*(scores_of(search).values() for search in searches), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    assert searches[0].best_index_ == searches[1].best_index_
    batched = searches[0].cv_results_["batched"]
    assert batched.tolist() == [
        isinstance(params["net"], MLPClassifier)
        for params in searches[0].cv_results_["params"]
    ]


def test_search_over_steps_leaves_the_given_ones_unfitted():
    X, y = make_data()
    networks = [make_classifier(), make_classifier(alpha=1.0)]
    pipe = Pipeline([("scale", StandardScaler()), ("net", None)])

    search = BatchedGridSearchCV(pipe, {"net": networks}, scoring="accuracy", cv=2)
    search.fit(X, y)

    assert not any(hasattr(network, "net_") for network in networks)
    assert search.best_estimator_[-1] not in networks
    assert search.cv_results_["batched"].all()


def test_search_goes_through_a_pipeline_in_a_pipeline():
    X, y = make_data()
    inner = Pipeline([("scale", StandardScaler()), ("net", make_classifier())])
    pipe = Pipeline([("first", MinMaxScaler()), ("inner", inner)])
    grid = {
        "inner__net__learning_rate_init": [0.01, 0.1],
        "inner__scale__with_mean": [True, False],
    }

    ours, theirs = search_both(pipe, grid, X, y, **BOTH_METRICS)

    assert_same_search(ours, theirs)


def test_search_of_a_pipeline_takes_parameters_of_its_steps():
    X, y = make_data()
    pipe = Pipeline([("scale", StandardScaler()), ("net", make_classifier())])

    ours, theirs = search_both(
        pipe,
        {"net__alpha": [0.0, 1.0]},
        X,
        y,
        fit_params={
            "net__sample_weight": make_weights(),
            "scale__sample_weight": make_weights(zeros=True),
        },
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_of_a_pipeline_of_a_frame_with_names_all_through():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    scaler = StandardScaler().set_output(transform="pandas")

    ours, theirs = search_both(
        Pipeline([("scale", scaler), ("net", make_classifier())]),
        {"net__alpha": [0.0, 1.0], "scale__with_std": [True, False]},
        frame,
        y,
        **BOTH_METRICS,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_of_a_network_that_is_not_the_last_step_fits_one_by_one():
    X, y = make_data()
    pipe = make_pipeline(make_autoencoder(), LogisticRegression())

    ours, theirs = search_both(
        pipe, {"autoencodertransformer__alpha": [0.0, 1.0]}, X, y, **BOTH_METRICS
    )

    assert_same_search(ours, theirs, tolerance=0)
    assert not ours.cv_results_["batched"].any()


# --- failures ----------------------------------------------------------------------


def fit_with_failures(grid, **options):
    X, y = make_data()
    network = make_classifier(solver="sgd", momentum=0.0)
    search = BatchedGridSearchCV(network, grid, scoring="neg_log_loss", cv=3, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with np.errstate(all="ignore"):
            search.fit(X, y)
    return search, caught


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"learning_rate_init": [1e300]}, "diverged"),
        ({"learning_rate_init": [-1.0]}, "learning_rate_init"),
        ({"hidden_layer_sizes": [(0,)]}, "must be > 0"),
    ],
    ids=["diverges", "invalid", "invalid shape"],
)
@pytest.mark.parametrize("error_score", [np.nan, -7.0])
def test_search_gives_failed_candidates_the_error_score(bad, message, error_score):
    good = {"learning_rate_init": [0.01, 0.1]}
    expected, _ = fit_with_failures(good)

    search, caught = fit_with_failures([good, bad], error_score=error_score)

    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores[:2], expected.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(scores[2], error_score)
    (failed,) = [w for w in caught if w.category is FitFailedWarning]
    assert "3 fits failed out of a total of 9" in str(failed.message)
    assert message in str(failed.message)
    assert "Traceback" in str(failed.message)


@pytest.mark.parametrize("rate", [1e300, -1.0], ids=["diverges", "invalid"])
def test_search_raises_the_error_of_a_candidate(rate):
    with pytest.raises(ValueError, match="learning_rate_init"):
        fit_with_failures({"learning_rate_init": [0.1, rate]}, error_score="raise")


def test_search_whose_fits_all_fail_says_so():
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        fit_with_failures({"learning_rate_init": [1e300, 1e301]})


def test_search_with_several_metrics_gives_each_the_error_score():
    X, y = make_data()
    search = BatchedGridSearchCV(
        make_classifier(),
        {"alpha": [0.0, -1.0]},
        scoring=["accuracy", "neg_log_loss"],
        refit=False,
        error_score=0.25,
        return_train_score=True,
        cv=2,
    )

    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)

    for metric in ("accuracy", "neg_log_loss"):
        for part in ("test", "train"):
            first, second = search.cv_results_[f"mean_{part}_{metric}"]
            assert second == 0.25 != first


def test_search_with_a_scorer_that_fails_for_one_candidate():
    X, y = make_data()

    def scoring(estimator, X, y):
        if estimator.alpha == 1.0:
            raise ValueError("no score for alpha of one")
        return estimator.score(X, y)

    search = BatchedGridSearchCV(
        make_classifier(), {"alpha": [0.0, 1.0]}, scoring=scoring, cv=2, refit=False
    )

    with (
        pytest.warns(UserWarning, match="no score for alpha of one"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, y)
    first, second = search.cv_results_["mean_test_score"]
    assert np.isfinite(first)
    assert np.isnan(second)


@pytest.mark.parametrize(
    "grid", [{"no_such": [1]}, {"alpha": 3}, {"alpha": []}], ids=["name", "number", "0"]
)
def test_search_refuses_a_bad_grid_as_scikit_learn_does(grid):
    X, y = make_data()
    errors = []
    for cls in (BatchedGridSearchCV, GridSearchCV):
        with pytest.raises((ValueError, TypeError)) as caught:
            cls(make_classifier(), grid).fit(X, y)
        errors.append((caught.type, str(caught.value)))

    assert errors[0] == errors[1]


# --- what is not stacked -----------------------------------------------------------


class CountEpochs(Callback):
    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ = getattr(self, "n_epochs_", 0) + 1


FALLBACKS = {
    "lbfgs": {"solver": ["lbfgs"]},
    "batch norm": {"normalization": ["batch"]},
    "layer norm": {"normalization": ["layer"]},
    "callbacks": {"callbacks": [[CountEpochs()]]},
    "max_time": {"max_time": [1000.0]},
    "ensemble": {"n_estimators": [2]},
}


@pytest.mark.parametrize("fallback", FALLBACKS.values(), ids=FALLBACKS)
def test_search_fits_alone_what_cannot_be_stacked(fallback):
    X, y = make_data()
    grid = [{"alpha": [0.0, 1.0]}, fallback]

    ours, theirs = search_both(
        make_classifier(), grid, X, y, scoring="neg_log_loss", refit=False
    )

    for a, b in zip(scores_of(ours).values(), scores_of(theirs).values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    assert ours.best_index_ == theirs.best_index_
    assert ours.cv_results_["batched"].tolist() == [True, True, False]


@pytest.mark.parametrize(
    "variant",
    [
        {"noise": ["gaussian"]},
        {"noise": ["masking"]},
        {"sparsity_penalty": [0.1]},
        {"variational": [True]},
    ],
    ids=["gaussian", "masking", "sparse", "variational"],
)
def test_search_fits_variants_of_autoencoders_alone(variant):
    X, _ = make_data()
    grid = [{"alpha": [0.0, 1.0]}, variant]

    ours, theirs = search_both(make_autoencoder(), grid, X)

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].tolist() == [True, True, False]


def test_search_over_an_estimator_of_another_kind_is_scikit_learns():
    X, y = make_data()

    ours, theirs = search_both(
        LogisticRegression(), {"C": [0.1, 1.0]}, X, y, **BOTH_METRICS
    )

    assert_same_search(ours, theirs, tolerance=0)
    assert ours.cv_results_["batched"].tolist() == [False, False]


def test_search_over_a_single_network_for_tables_fits_it_alone():
    X, y = make_data()
    network = TabularMLPClassifier((4,), max_iter=2, n_estimators=1, random_state=0)
    search = BatchedGridSearchCV(network, {"dropout": [0.0, 0.2]}, cv=2).fit(X, y)
    theirs = GridSearchCV(network, {"dropout": [0.0, 0.2]}, cv=2).fit(X, y)

    assert_same_search(search, theirs)
    assert not search.cv_results_["batched"].any()


def test_search_over_documents_that_are_lists():
    class CountWords(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.array([[len(words), words.count("a")] for words in X], float)

    documents = [["a"] * (i % 4) + ["b"] * (i % 3) for i in range(N_ROWS)]
    y = np.arange(N_ROWS) % 2

    ours, theirs = search_both(
        make_pipeline(CountWords(), make_classifier()),
        {"mlpclassifier__alpha": [0.0, 1.0]},
        documents,
        y,
    )

    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].all()


def test_search_uses_n_jobs_for_what_is_fitted_alone():
    X, y = make_data()
    grid = [{"alpha": [0.0, 1.0]}, {"normalization": ["layer"]}]
    threads = set()

    def scoring(estimator, X, y):
        if estimator.normalization is not None:
            threads.add(threading.get_ident())
        return estimator.score(X, y)

    with joblib.parallel_config("threading"):
        ours = BatchedGridSearchCV(
            make_classifier(), grid, cv=2, n_jobs=2, scoring=scoring
        ).fit(X, y)

    theirs = GridSearchCV(make_classifier(), grid, cv=2).fit(X, y)
    assert_same_search(ours, theirs)
    assert ours.cv_results_["batched"].tolist() == [True, True, False]
    assert threading.get_ident() not in threads


def test_search_with_callbacks_of_scikit_learn_tells_them_of_each_fit(
    capsys, sklearn_callback
):
    X, y = make_data()
    search = BatchedGridSearchCV(make_classifier(), RATES, cv=2, **BOTH_METRICS)
    search.set_callbacks(sklearn_callback.ProgressBar())

    search.fit(X, y)

    theirs = GridSearchCV(make_classifier(), RATES, cv=2, **BOTH_METRICS).fit(X, y)
    assert_same_search(search, theirs, tolerance=0)
    assert search.cv_results_["batched"].tolist() == [False] * 2
    out = capsys.readouterr().out
    assert out.count("candidate-split-evaluation") == 4
    assert "refit-with-best-params" in out


# --- the searches' own parameters --------------------------------------------------


def test_search_without_refit_has_no_best_estimator():
    X, y = make_data()

    ours, theirs = search_both(make_classifier(), RATES, X, y, refit=False)

    assert_same_search(ours, theirs)
    assert not hasattr(ours, "best_estimator_")
    assert ours.best_score_ == theirs.best_score_
    assert not hasattr(ours, "predict")


def test_search_takes_a_callable_that_chooses():
    X, y = make_data()

    ours, theirs = search_both(
        make_classifier(),
        RATES,
        X,
        y,
        refit=lambda results: int(np.argmin(results["mean_test_score"])),
    )

    assert_same_search(ours, theirs)
    assert not hasattr(ours, "best_score_")
    assert ours.best_index_ == np.argmin(ours.cv_results_["mean_test_score"])
    assert ours.best_estimator_.learning_rate_init in RATES["learning_rate_init"]


def test_search_takes_a_scorer_of_several_numbers():
    X, y = make_data()

    def scoring(estimator, X, y):
        loss = log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)
        return {"loss": -loss, "right": accuracy_score(y, estimator.predict(X))}

    ours, theirs = search_both(
        make_classifier(), RATES, X, y, scoring=scoring, refit="loss"
    )

    assert_same_search(ours, theirs)
    assert ours.multimetric_
    assert ours.scorer_ is scoring
    assert ours.score(X, y) == theirs.score(X, y)


def test_search_takes_a_scorer_made_of_a_metric():
    X, y = make_data()
    scorer = make_scorer(log_loss, response_method="predict_proba", labels=[0, 1, 2])

    ours, theirs = search_both(make_classifier(), RATES, X, y, scoring=scorer)

    assert_same_search(ours, theirs)


def test_search_has_scikit_learns_keys_and_one_more():
    X, y = make_data()

    ours, theirs = search_both(make_classifier(), RATES, X, y, **BOTH_METRICS)

    assert set(ours.cv_results_) - set(theirs.cv_results_) == {"batched"}
    assert set(theirs.cv_results_) <= set(ours.cv_results_)
    for name, values in theirs.cv_results_.items():
        assert np.shape(ours.cv_results_[name]) == np.shape(values)
    assert (ours.cv_results_["mean_fit_time"] > 0).all()
    assert (ours.cv_results_["mean_score_time"] > 0).all()
    assert ours.cv_results_["batched"].dtype == bool
    attributes = {name for name in vars(theirs) if name.endswith("_")}
    assert attributes <= set(vars(ours))


def test_search_can_be_cloned_and_pickled():
    X, y = make_data()
    search = BatchedGridSearchCV(make_classifier(), RATES, cv=2)
    fitted = clone(search).fit(X, y)

    copy = pickle.loads(pickle.dumps(fitted))

    assert not hasattr(search, "cv_results_")
    assert clone(fitted).get_params().keys() == search.get_params().keys()
    assert np.array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    assert np.array_equal(copy.cv_results_["batched"], fitted.cv_results_["batched"])


def test_search_leaves_the_given_estimator_unfitted():
    X, y = make_data()
    network = make_classifier()
    before = str(network.get_params())

    BatchedGridSearchCV(network, RATES, cv=2).fit(X, y)

    assert not hasattr(network, "net_")
    assert str(network.get_params()) == before


def test_search_shows_a_bar_of_epochs_on_stderr(capsys):
    X, y = make_data()
    search = BatchedGridSearchCV(make_classifier(tol=0.0), RATES, cv=3, verbose=1)

    search.fit(X, y)

    out, err = capsys.readouterr()
    assert out == "Fitting 3 folds for each of 2 candidates, totalling 6 fits\n"
    assert "24epoch" in err  # 6 fits of 4 epochs


def test_search_is_quiet_by_default(capsys):
    X, y = make_data()

    BatchedGridSearchCV(make_classifier(), RATES, cv=2).fit(X, y)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, 2, 3])
def test_search_prints_of_what_is_fitted_alone_as_scikit_learn_does(capsys, verbose):
    X, y = make_data()
    printed = []
    for cls in (BatchedGridSearchCV, GridSearchCV):
        cls(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, verbose=verbose).fit(X, y)
        printed.append(re.sub(r"total time=.*", "", capsys.readouterr().out))

    assert printed[0] == printed[1]


# --- memory ------------------------------------------------------------------------


@pytest.fixture
def stack_sizes(monkeypatch):
    """List the sizes of the stacks that are trained."""
    sizes = []
    train_stack = together.train_stack

    def spy(runs, *args, **kwargs):
        sizes.append(len(runs))
        return train_stack(runs, *args, **kwargs)

    monkeypatch.setattr(together, "train_stack", spy)
    return sizes


@pytest.mark.parametrize("limit", ["fits", "fold bytes", "stack bytes", "stack size"])
def test_search_in_parts_gives_the_same_results(monkeypatch, limit, stack_sizes):
    X, y = make_data()
    network = make_classifier(dropout=0.2, early_stopping=True, n_iter_no_change=1)
    grid = {"alpha": [0.0, 0.1, 1.0]}
    search = BatchedGridSearchCV(network, grid, cv=4, scoring="neg_log_loss")
    whole = clone(search).fit(X, y)
    stack_sizes.clear()
    if limit == "fits":
        monkeypatch.setattr(evaluation, "_N_AT_A_TIME", 5)
    elif limit == "fold bytes":
        monkeypatch.setattr(evaluation, "_MAX_FOLD_BYTES", 2 * X[:45].nbytes)
    elif limit == "stack bytes":
        monkeypatch.setattr(together, "_MAX_BYTES", 50_000)
    else:
        monkeypatch.setattr(together, "_MAX_ON_CPU", 5)

    in_parts = clone(search).fit(X, y)

    assert len(stack_sizes) > 1
    assert sum(stack_sizes) == 12
    assert_same_search(in_parts, whole)
    assert in_parts.cv_results_["batched"].all()


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_folds_of_almost_as_many_rows_share_a_stack(dropout, stack_sizes):
    X, y = make_data()
    X, y = X[:-1], y[:-1]  # folds that are not all of the same size
    network = make_classifier(dropout=dropout)

    ours, theirs = search_both(network, RATES, X, y, cv=3)

    assert len(stack_sizes) == 1
    assert_same_search(ours, theirs)


def test_a_row_that_fills_up_a_last_batch_is_one_of_that_batch():
    """Elsewhere its rate may be beyond all numbers, while the network is sound."""
    rng = np.random.default_rng(36)
    X, y = rng.normal(size=(20, 1)), rng.poisson(3, 20).astype(float)
    X[0], y[0] = 20.0, 100.0
    network = MLPRegressor(
        "poisson",
        (),
        solver="sgd",
        momentum=0.0,
        learning_rate_init=0.05,
        batch_size=5,
        shuffle=False,
        max_iter=1,
        random_state=0,
        precision="float32",
    )
    options = {
        "cv": [(np.arange(n), np.arange(13, 20)) for n in (13, 12)],
        "scoring": "neg_mean_absolute_error",
        "refit": False,
    }

    ours, theirs = search_both(network, {"alpha": [0.0]}, X, y, **options)

    assert_same_search(ours, theirs, tolerance=1e-5)
    assert np.isfinite(theirs.cv_results_["mean_test_score"]).all()


def test_search_whose_stacks_would_hold_one_network_trains_them_alone(monkeypatch):
    X, y = make_data()
    monkeypatch.setattr(together, "_MAX_BYTES", 1)

    ours, theirs = search_both(make_classifier(), RATES, X, y, **BOTH_METRICS)

    assert_same_search(ours, theirs, tolerance=0)
    assert not ours.cv_results_["batched"].any()


def test_candidates_of_a_grid_come_in_its_order():
    X, y = make_data()
    search = BatchedGridSearchCV(make_classifier(), RATES, cv=2).fit(X, y)

    assert search.cv_results_["params"] == list(ParameterGrid(RATES))


def test_search_plans_no_candidate_that_cannot_be_stacked(monkeypatch):
    X, y = make_data()
    monkeypatch.setattr(evaluation.Fold, "plan", None)
    clf = make_classifier(max_time=60.0)

    search = BatchedGridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)

    assert not search.cv_results_["batched"].any()
