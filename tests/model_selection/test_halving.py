"""Successive halving whose networks are trained together, against scikit-learn's."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.model_selection import (
    BatchedHalvingGridSearchCV,
    BatchedHalvingRandomSearchCV,
)
from sknn_deep.training import Net

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] + X[:, 1] ** 2 + 0.3 * RNG.normal(size=120) > 0.7).astype(int)

NETWORK = {"hidden_layer_sizes": (6,), "precision": "float64", "random_state": 0}
GRID = {"learning_rate_init": [0.001, 0.01, 0.03, 0.1, 0.3], "alpha": [1e-4, 1.0]}
ROUNDS = [
    "n_resources_",
    "n_candidates_",
    "n_remaining_candidates_",
    "n_iterations_",
    "n_possible_iterations_",
    "n_required_iterations_",
    "min_resources_",
    "max_resources_",
    "n_splits_",
]


def make(Estimator=MLPClassifier, **params):
    return Estimator(**NETWORK | {"max_iter": 8} | params)


def assert_is_as(ours, theirs):
    for name in ROUNDS:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert set(ours.cv_results_) - set(theirs.cv_results_) == {"batched"}
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for key, values in theirs.cv_results_.items():
        if key.endswith("_score") and not key.startswith("rank"):
            assert_allclose(ours.cv_results_[key], values, rtol=0, atol=1e-10)
    assert_array_equal(ours.cv_results_["iter"], theirs.cv_results_["iter"])
    resources = theirs.cv_results_["n_resources"]
    assert_array_equal(ours.cv_results_["n_resources"], resources)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert ours.best_score_ == pytest.approx(theirs.best_score_, abs=1e-10)
    assert_allclose(ours.best_estimator_.coefs_[0], theirs.best_estimator_.coefs_[0])


@pytest.mark.parametrize(
    "options",
    [
        {"resource": "n_samples", "random_state": 0},
        {"resource": "n_samples", "random_state": 1, "factor": 2, "cv": KFold(2)},
        {"resource": "max_iter", "max_resources": 18},
        {"resource": "max_iter", "max_resources": 9, "min_resources": "smallest"},
        {"resource": "max_iter", "max_resources": 6, "aggressive_elimination": True},
        {"resource": "max_iter", "max_resources": 9, "scoring": "neg_log_loss"},
    ],
    ids=str,
)
def test_halving_grid_search_gives_what_scikit_learns_gives(options):
    options = {"cv": StratifiedKFold(3)} | options

    ours = BatchedHalvingGridSearchCV(make(), GRID, **options).fit(X, Y)
    theirs = HalvingGridSearchCV(make(), GRID, **options).fit(X, Y)

    assert_is_as(ours, theirs)
    assert ours.cv_results_["batched"].all()


@pytest.mark.parametrize(
    "options",
    [
        {"resource": "max_iter", "max_resources": 18, "min_resources": 2},
        {"n_candidates": 6, "min_resources": "exhaust"},
    ],
    ids=str,
)
def test_halving_random_search_gives_what_scikit_learns_gives(options):
    given = {"learning_rate_init": loguniform(1e-3, 0.3)}
    options = {"cv": 3, "random_state": 3} | options

    ours = BatchedHalvingRandomSearchCV(make(), given, **options).fit(X, Y)
    theirs = HalvingRandomSearchCV(make(), given, **options).fit(X, Y)

    assert_is_as(ours, theirs)


def test_halving_over_a_pipeline_and_a_regressor():
    pipe = make_pipeline(StandardScaler(), make(MLPRegressor))
    grid = {"mlpregressor__learning_rate_init": [0.001, 0.01, 0.1]}
    options = {"resource": "mlpregressor__max_iter", "max_resources": 9, "cv": 2}

    ours = BatchedHalvingGridSearchCV(pipe, grid, **options).fit(X, X[:, 0])
    theirs = HalvingGridSearchCV(pipe, grid, **options).fit(X, X[:, 0])

    assert ours.n_resources_ == theirs.n_resources_
    assert ours.best_params_ == theirs.best_params_
    key = "mean_test_score"
    assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], atol=1e-10)


def test_halving_over_an_autoencoder_needs_no_y():
    search = BatchedHalvingGridSearchCV(
        make(AutoencoderTransformer),
        {"learning_rate_init": [0.001, 0.01, 0.1]},
        resource="max_iter",
        max_resources=9,
        cv=2,
    ).fit(X)

    assert search.n_resources_ == [3, 9]
    assert search.transform(X).shape == (120, 2)


def test_halving_over_another_estimator_fits_it_one_by_one():
    search = BatchedHalvingGridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, random_state=0
    ).fit(X, Y)

    assert not search.cv_results_["batched"].any()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"resource": "max_iter"}, "resource can only be 'n_samples' when"),
        ({"resource": "epochs", "max_resources": 9}, "Cannot use resource=epochs"),
        (
            {"resource": "alpha", "max_resources": 9},
            "Cannot use parameter alpha as the resource",
        ),
        ({"cv": ShuffleSplit(2)}, "must yield consistent folds"),
        ({"factor": 0}, "The 'factor' parameter of BatchedHalvingGridSearchCV"),
    ],
)
def test_halving_refuses_what_scikit_learn_refuses(params, message):
    with pytest.raises(ValueError, match=message):
        BatchedHalvingGridSearchCV(make(), GRID, **params).fit(X, Y)


def test_halving_prints_its_rounds_where_it_is_asked(capsys):
    options = {"resource": "max_iter", "max_resources": 9, "cv": 2}
    grid = {"learning_rate_init": [0.01, 0.1, 0.3]}

    BatchedHalvingGridSearchCV(make(), grid, **options).fit(X, Y)
    assert capsys.readouterr().out == ""

    BatchedHalvingGridSearchCV(make(), grid, verbose=1, **options).fit(X, Y)
    assert "n_candidates: 3\nn_resources: 3\n" in capsys.readouterr().out


# --- survivors that go on -------------------------------------------------------------

CONTINUED = {"resource": "max_iter", "max_resources": 9, "cv": 2, "warm_start": True}
RATES = {"learning_rate_init": [0.001, 0.01, 0.1]}


@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True, "n_iter_no_change": 1}, {"normalization": "batch"}],
    ids=["stacked", "early_stopping", "alone"],
)
def test_survivors_at_a_constant_rate_score_as_if_they_started_afresh(params):
    search = BatchedHalvingGridSearchCV(make(**params), RATES, **CONTINUED).fit(X, Y)
    afresh = clone(search).set_params(warm_start=False).fit(X, Y)

    assert search.n_resources_ == afresh.n_resources_ == [3, 9]
    assert search.cv_results_["params"] == afresh.cv_results_["params"]
    for key in ("mean_test_score", "mean_train_score", "batched"):
        assert_allclose(search.cv_results_[key], afresh.cv_results_[key], atol=1e-10)
    assert search.best_index_ == afresh.best_index_
    coefs = search.best_estimator_.coefs_[0]
    assert_allclose(coefs, afresh.best_estimator_.coefs_[0])


def test_survivors_train_each_epoch_once(monkeypatch):
    trained = []
    record = Net.record_epoch
    monkeypatch.setattr(
        Net, "record_epoch", lambda net, *args: trained.append(record(net, *args))
    )
    search = BatchedHalvingGridSearchCV(make(), RATES, refit=False, **CONTINUED)
    search.fit(X, Y)

    assert search.n_candidates_ == [3, 1]
    assert len(trained) == 2 * (3 * 3 + 1 * (9 - 3))


def test_schedules_of_survivors_span_all_resources():
    class Stop(Callback):
        def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    network = make(learning_rate="one_cycle")
    search = BatchedHalvingGridSearchCV(network, RATES, **CONTINUED).fit(X, Y)

    scores = search.cv_results_["mean_test_score"]
    for params, score in zip(search.cv_results_["params"][:3], scores, strict=False):
        stopped = clone(network).set_params(**params | {"max_iter": 9})
        stopped.set_params(callbacks=[Stop()])
        assert score == pytest.approx(cross_val_score(stopped, X, Y, cv=2).mean())
    whole = clone(network).set_params(**search.cv_results_["params"][3])
    assert scores[3] == pytest.approx(cross_val_score(whole, X, Y, cv=2).mean())


def test_survivors_of_a_pipeline_in_random_candidates():
    search = BatchedHalvingRandomSearchCV(
        make_pipeline(StandardScaler(), make()),
        {"mlpclassifier__learning_rate_init": loguniform(1e-3, 0.3)},
        resource="mlpclassifier__max_iter",
        max_resources=9,
        min_resources=3,
        n_candidates=3,
        cv=2,
        random_state=0,
        warm_start=True,
    ).fit(X, Y)
    afresh = clone(search).set_params(warm_start=False).fit(X, Y)

    key = "mean_test_score"
    assert_allclose(search.cv_results_[key], afresh.cv_results_[key], atol=1e-10)


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        (make(), {"resource": "n_samples", "max_resources": "auto"}),
        (make(solver="lbfgs"), {}),
        (make(n_estimators=2), {}),
        (LogisticRegression(), {}),
    ],
    ids=["rows", "lbfgs", "ensemble", "other"],
)
def test_only_networks_with_epochs_go_on(estimator, params):
    name = "C" if isinstance(estimator, LogisticRegression) else "alpha"
    search = BatchedHalvingGridSearchCV(
        estimator, {name: [0.1, 1.0, 10.0]}, **CONTINUED | params
    )
    with pytest.raises(ValueError, match="warm_start=True needs a network of this"):
        search.fit(X, Y)


@pytest.mark.filterwarnings("ignore:One or more of the t")
def test_a_survivor_that_fails_is_left_out():
    grid = {"learning_rate_init": [0.01, 0.1, 1e300]}
    search = BatchedHalvingGridSearchCV(make(), grid, **CONTINUED)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 6"):
        search.fit(X, Y)

    assert_array_equal(np.isnan(search.cv_results_["mean_test_score"][:3]), [0, 0, 1])


# --------------------------------------------------------------------------------------


def test_halving_search_can_be_cloned_and_pickled():
    search = BatchedHalvingGridSearchCV(
        make(), GRID, resource="max_iter", max_resources=9, cv=2
    )
    assert clone(search).get_params().keys() == search.get_params().keys()

    loaded = pickle.loads(pickle.dumps(search.fit(X, Y)))

    assert_array_equal(loaded.predict(X), search.predict(X))


def test_import_does_not_enable_what_is_experimental_in_scikit_learn():
    code = (
        "import sknn_deep.model_selection, sklearn.model_selection as theirs\n"
        "print('HalvingGridSearchCV' in vars(theirs))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
