"""A search by Optuna whose trials train together, against fits one by one."""

import logging
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NetClassifier,
    TabularMLPClassifier,
)
from sknn_deep.model_selection import BatchedOptunaSearchCV
from sknn_deep.model_selection._search_space import SearchSpace
from sknn_deep.training import Net

optuna = pytest.importorskip("optuna")
FloatDistribution = optuna.distributions.FloatDistribution

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = (X[:, 0] + X[:, 1] ** 2 + 0.3 * RNG.normal(size=90) > 0.7).astype(int)
RATES = {"learning_rate_init": FloatDistribution(1e-3, 0.1, log=True)}
CV = 3
# The epoch, from 0, after which the pruner of these tests stops every other trial.
LAST_STEP = 1


class EveryOther(optuna.pruners.BasePruner):
    """Stops the trials of odd number."""

    def prune(self, study, trial):
        return trial.number % 2 == 1 and trial.last_step == LAST_STEP


def make_study(seed=0, pruner=None):
    """Make a study whose proposals do not depend on scores, nor so on batches."""
    sampler = optuna.samplers.RandomSampler(seed=seed)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    optuna.logging.set_verbosity(verbosity)
    return study


def make_pruned_study():
    return make_study(pruner=EveryOther())


def make(Estimator=MLPClassifier, **params):
    defaults = {"hidden_layer_sizes": (6,), "precision": "float64"}
    return Estimator(**defaults | {"max_iter": 4, "random_state": 0} | params)


def make_search(estimator=None, space=RATES, **params):
    defaults = {"n_trials": 5, "cv": CV, "study": make_study}
    estimator = make() if estimator is None else estimator
    return BatchedOptunaSearchCV(estimator, space, **defaults | params)


def split_scores(search, metric="score"):
    """Give the scores of all candidates, (n_candidates, n_splits)."""
    results = search.cv_results_
    columns = [results[f"split{i}_test_{metric}"] for i in range(search.n_splits_)]
    return np.stack(columns, axis=1)


def scores_one_by_one(search, estimator, y=Y, **changes):
    return [
        cross_val_score(clone(estimator).set_params(**params | changes), X, y, cv=CV)
        for params in search.cv_results_["params"]
    ]


@pytest.fixture(scope="module")
def searched():
    return make_search(n_parallel_trials=3).fit(X, Y)


@pytest.fixture(scope="module")
def pruned():
    return make_search(study=make_pruned_study, enable_pruning=True).fit(X, Y)


# --- as one fit after the other -------------------------------------------------------


def test_search_scores_as_one_fit_after_the_other(searched):
    assert_allclose(split_scores(searched), scores_one_by_one(searched, make()))
    assert searched.cv_results_["batched"].all()


def test_search_chooses_and_refits_the_best_trial(searched):
    results = searched.cv_results_
    best = results["mean_test_score"].argmax()

    assert searched.best_index_ == best
    assert searched.best_score_ == results["mean_test_score"][best]
    assert searched.best_params_ == searched.best_trial_.params
    assert searched.best_trial_ == searched.study_.best_trial
    expected = make(**searched.best_params_).fit(X, Y)
    assert_allclose(searched.predict_proba(X), expected.predict_proba(X))


def test_search_tells_the_study_of_each_trial(searched):
    results = searched.cv_results_

    assert searched.trials_ == searched.study_.trials
    assert_array_equal(results["number"], range(5))
    assert_array_equal(results["state"], ["COMPLETE"] * 5)
    assert [trial.value for trial in searched.trials_] == [*results["mean_test_score"]]


def test_search_in_batches_of_any_size_finds_the_same(searched):
    alone = make_search(n_parallel_trials=1).fit(X, Y)

    assert alone.cv_results_["params"] == searched.cv_results_["params"]
    assert_allclose(split_scores(alone), split_scores(searched))


def test_search_without_a_study_is_seeded_by_random_state():
    first, second = (
        make_search(study=None, random_state=3, n_parallel_trials=2).fit(X, Y)
        for _ in range(2)
    )

    assert first.cv_results_["params"] == second.cv_results_["params"]
    assert isinstance(first.study_.sampler, optuna.samplers.TPESampler)
    assert first.study_ is not second.study_


def test_search_weighs_rows():
    weight = np.random.default_rng(1).uniform(0.2, 2.0, size=len(X))
    search = make_search(n_trials=2).fit(X, Y, sample_weight=weight)

    for params, scores in zip(
        search.cv_results_["params"], split_scores(search), strict=True
    ):
        grid = {name: [value] for name, value in params.items()}
        expected = GridSearchCV(make(), grid, cv=CV).fit(X, Y, sample_weight=weight)
        assert_allclose(scores, split_scores(expected)[0])


# --- pruning --------------------------------------------------------------------------


def assert_pruned_as(search, estimator, y=Y, tolerance=1e-10):
    """Compare a search with fits that end where the pruner says so."""
    states = ["COMPLETE", "PRUNED"] * 3
    assert_array_equal(search.cv_results_["state"], states[: len(search.trials_)])
    n_epochs = [len(trial.intermediate_values) for trial in search.trials_]
    last = LAST_STEP + 1
    assert n_epochs == [last if t.state.name == "PRUNED" else 4 for t in search.trials_]
    (prefix,) = {name.rpartition("__")[0] for name in search.best_params_}
    name = f"{prefix}__max_iter" if prefix else "max_iter"
    whole = scores_one_by_one(search, estimator, y)
    short = scores_one_by_one(search, estimator, y, **{name: last})
    for trial, scores, complete, cut in zip(
        search.trials_, split_scores(search), whole, short, strict=True
    ):
        expected = cut if trial.state.name == "PRUNED" else complete
        assert_allclose(scores, expected, rtol=0, atol=tolerance)
        reported = trial.intermediate_values
        assert reported[LAST_STEP] == pytest.approx(cut.mean(), abs=tolerance)
        assert reported[max(reported)] == pytest.approx(scores.mean(), abs=tolerance)
        assert trial.value == pytest.approx(scores.mean(), abs=tolerance)
    assert search.best_trial_.state.name == "COMPLETE"


def test_pruned_trials_are_networks_of_fewer_epochs(pruned):
    assert_pruned_as(pruned, make())
    assert pruned.cv_results_["batched"].all()


def test_pruned_trials_leave_the_stack(monkeypatch):
    trained = []
    record = Net.record_epoch
    monkeypatch.setattr(
        Net, "record_epoch", lambda net, *args: trained.append(record(net, *args))
    )
    make_search(study=make_pruned_study, enable_pruning=True, refit=False).fit(X, Y)

    assert len(trained) == CV * (3 * 4 + 2 * (LAST_STEP + 1))


def test_best_is_chosen_among_the_completed_trials():
    class AllButTheWorst(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.number != worst

    scores = make_search().fit(X, Y).cv_results_["mean_test_score"]
    worst = int(scores.argmin())
    search = make_search(
        study=lambda: make_study(pruner=AllButTheWorst()), enable_pruning=True
    ).fit(X, Y)

    assert search.best_index_ == worst
    assert search.best_score_ == scores[worst]


def test_search_without_a_completed_trial_says_so():
    class All(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return True

    search = make_search(study=lambda: make_study(pruner=All()), enable_pruning=True)
    with pytest.raises(ValueError, match="None of the 5 trials of BatchedOptuna"):
        search.fit(X, Y)


class Layers(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 5), nn.Dropout(0.2), nn.ReLU(), nn.Linear(5, 2))


@pytest.mark.parametrize(
    ("estimator", "prefix", "y"),
    [
        (make_pipeline(StandardScaler(), make()), "mlpclassifier__", Y),
        (make(normalization="batch"), "", Y),
        (make(MLPRegressor), "", X[:, 0]),
        (make(AutoencoderTransformer), "", None),
        (make(dropout=0.2, learning_rate_init=0.01), "", Y),
        (NetClassifier(Layers, max_iter=4, random_state=0), "", Y),
    ],
    ids=["pipeline", "normalized", "regressor", "autoencoder", "dropout", "own"],
)
def test_pruning_of_any_network(estimator, prefix, y):
    space = {f"{prefix}learning_rate_init": RATES["learning_rate_init"]}
    search = make_search(
        estimator, space, study=make_pruned_study, enable_pruning=True, n_trials=3
    ).fit(X, y)

    assert_pruned_as(search, estimator, y, tolerance=1e-6)


def test_pruning_of_a_network_for_tables():
    estimator = TabularMLPClassifier((6,), max_iter=4, n_estimators=1, random_state=0)
    search = make_search(
        estimator,
        {"learning_rate_init": FloatDistribution(0.01, 0.1)},
        study=make_pruned_study,
        enable_pruning=True,
        n_trials=3,
    ).fit(X, Y)

    n_epochs = [len(trial.intermediate_values) for trial in search.trials_]
    assert n_epochs == [4, LAST_STEP + 1, 4]
    whole = scores_one_by_one(search, estimator)
    assert_allclose(split_scores(search)[::2], whole[::2])


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (LogisticRegression(), {"C": [0.1, 1.0, 10.0]}),
        (make(n_estimators=2), RATES),
        (make(solver="lbfgs"), {"alpha": [1e-4, 1.0]}),
    ],
    ids=["other", "ensemble", "lbfgs"],
)
def test_what_has_no_epochs_is_not_pruned(estimator, space):
    search = make_search(
        estimator, space, study=make_pruned_study, enable_pruning=True, n_trials=2
    ).fit(X, Y)

    assert_array_equal(search.cv_results_["state"], ["COMPLETE"] * 2)
    assert_allclose(split_scores(search), scores_one_by_one(search, estimator))


def test_a_network_that_stops_early_counts_with_its_last_score():
    estimator = make(early_stopping=True, n_iter_no_change=1, tol=1.0, max_iter=20)
    search = make_search(estimator, enable_pruning=True, n_trials=2).fit(X, Y)

    assert_array_equal(search.cv_results_["state"], ["COMPLETE"] * 2)
    assert max(len(trial.intermediate_values) for trial in search.trials_) < 20
    assert_allclose(split_scores(search), scores_one_by_one(search, estimator))


def test_pruning_by_the_metric_that_is_named():
    search = make_search(
        study=make_pruned_study,
        enable_pruning=True,
        n_trials=2,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
    ).fit(X, Y)

    means = search.cv_results_["mean_test_neg_log_loss"]
    assert [trial.value for trial in search.trials_] == pytest.approx([*means])
    for trial, mean in zip(search.trials_, means, strict=True):
        reported = trial.intermediate_values
        assert reported[max(reported)] == pytest.approx(mean)


def test_several_metrics_need_the_name_of_one():
    search = make_search(scoring=["accuracy", "neg_log_loss"], refit=False)
    with pytest.raises(ValueError, match="set refit to the name of one"):
        search.fit(X, Y)


def test_trainings_end_with_a_pruner_that_fails():
    class Failing(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            raise RuntimeError("no pruning today")

    study = make_study(pruner=Failing())
    n_threads = threading.active_count()
    with pytest.raises(RuntimeError, match="no pruning today"):
        make_search(study=study, enable_pruning=True).fit(X, Y)

    assert threading.active_count() == n_threads
    assert {trial.state.name for trial in study.trials} == {"FAIL"}


# --- the study ------------------------------------------------------------------------


def test_a_study_is_used_as_it_is_and_goes_on():
    study = make_study()
    search = make_search(study=study, n_trials=2)
    first = search.fit(X, Y).cv_results_["number"]
    second = clone(search).fit(X, Y)

    assert clone(search).study is study and second.study_ is study
    assert_array_equal(first, [0, 1])
    assert_array_equal(second.cv_results_["number"], [2, 3])
    assert second.trials_ == study.trials[2:]


def test_a_function_makes_a_study_for_each_fit():
    studies = []

    def make_one():
        studies.append(make_study())
        return studies[-1]

    search = make_search(study=make_one, n_trials=2)
    cross_val_score(search, X, Y, cv=2)

    assert [len(study.trials) for study in studies] == [2, 2]


@pytest.mark.parametrize("directions", [["minimize"], ["maximize", "maximize"]])
def test_a_study_must_maximize_one_number(directions):
    study = optuna.create_study(directions=directions)
    with pytest.raises(ValueError, match="must maximize one number"):
        make_search(study=study).fit(X, Y)


def test_trials_that_were_put_into_the_study_come_first():
    study = make_study()
    study.enqueue_trial({"learning_rate_init": 0.05})
    search = make_search(study=study, n_trials=2).fit(X, Y)

    assert search.cv_results_["params"][0] == {"learning_rate_init": 0.05}


def test_callbacks_see_all_trials_and_may_stop():
    seen = []

    def stop_after_three(study, trial):
        seen.append((trial.number, len(study.trials)))
        if trial.number == 2:
            study.stop()

    search = make_search(
        n_trials=None, n_parallel_trials=2, callbacks=[stop_after_three]
    ).fit(X, Y)

    assert seen == [(0, 2), (1, 2), (2, 4), (3, 4)]
    assert len(search.trials_) == 4


def test_search_ends_where_the_sampler_has_tried_all_there_is():
    sampler = optuna.samplers.GridSampler({"learning_rate_init": [0.01, 0.03]})
    study = optuna.create_study(direction="maximize", sampler=sampler)
    space = {"learning_rate_init": FloatDistribution(0.001, 0.1)}

    search = make_search(space=space, study=study, n_trials=10, n_parallel_trials=2)
    search.fit(X, Y)

    assert len(search.trials_) == 2
    rates = [params["learning_rate_init"] for params in search.cv_results_["params"]]
    assert sorted(rates) == [0.01, 0.03]


def test_a_function_of_several_metrics_needs_the_name_of_one():
    def score(estimator, X, y):
        return {"accuracy": estimator.score(X, y), "zero": 0.0}

    for refit in (True, False, "another"):
        with pytest.raises(ValueError, match="set refit to the name of one"):
            make_search(scoring=score, refit=refit).fit(X, Y)


def test_no_batch_begins_after_the_timeout():
    search = make_search(n_trials=None, n_parallel_trials=2, timeout=0).fit(X, Y)

    assert len(search.trials_) == 2


def test_search_with_callbacks_of_scikit_learn_tells_them_of_each_fit(
    capsys, sklearn_callback, searched
):
    search = make_search(n_parallel_trials=3)
    search.set_callbacks(sklearn_callback.ProgressBar()).fit(X, Y)

    assert_allclose(split_scores(search), split_scores(searched))
    assert_array_equal(search.cv_results_["number"], range(5))
    assert [trial.value for trial in search.trials_] == [
        *search.cv_results_["mean_test_score"]
    ]
    assert not search.cv_results_["batched"].any()
    assert capsys.readouterr().out.count("candidate-split-evaluation") == 5 * CV


def test_search_prints_nothing(capfd):
    verbosity = optuna.logging.get_verbosity()
    BatchedOptunaSearchCV(make(), RATES, n_trials=2, cv=2).fit(X, Y)

    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity == logging.INFO


def test_search_needs_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match="python -m pip install optuna"):
        make_search().fit(X, Y)


def test_search_can_be_pickled(searched):
    loaded = pickle.loads(pickle.dumps(searched.set_params(study=None)))

    assert_array_equal(loaded.predict(X), searched.predict(X))
    assert loaded.best_trial_ == searched.best_trial_


# --- spaces ---------------------------------------------------------------------------


def test_spaces_of_lists_and_of_scipys_distributions():
    space = {
        "hidden_layer_sizes": [(3,), (4, 2)],
        "activation": ["relu", "tanh"],
        "alpha": loguniform(1e-5, 1e-1),
        "dropout": uniform(0.0, 0.5),
        "batch_size": randint(20, 40),
        "learning_rate_init": norm(0.02, 0.002),
    }
    search = make_search(make(max_iter=1), space, n_trials=4).fit(X, Y)

    distributions = search.best_trial_.distributions
    assert distributions["alpha"] == FloatDistribution(1e-5, 1e-1, log=True)
    assert distributions["dropout"] == FloatDistribution(0.0, 0.5)
    assert distributions["batch_size"] == optuna.distributions.IntDistribution(20, 39)
    for params, trial in zip(search.cv_results_["params"], search.trials_, strict=True):
        assert params["hidden_layer_sizes"] in [(3,), (4, 2)]
        assert repr(params["hidden_layer_sizes"]) == trial.params["hidden_layer_sizes"]
        assert params["activation"] == trial.params["activation"]
        quantile = trial.params["learning_rate_init"]
        assert params["learning_rate_init"] == norm(0.02, 0.002).ppf(quantile)


@pytest.mark.parametrize(
    "given, low, high, kind",
    [
        ((1e-4, 1.0), "0.0001", "1.0", "FloatDistribution"),
        ((np.float64(0.5), 1), "0.5", "1", "FloatDistribution"),
        ((16, 64), "16", "64", "IntDistribution"),
    ],
)
def test_a_tuple_of_two_numbers_is_told_from_a_range(given, low, high, kind):
    with pytest.warns(UserWarning) as caught:
        distributions = SearchSpace({"alpha": given}).distributions

    assert [str(w.message) for w in caught] == [
        "param_distributions of BatchedOptunaSearchCV has a tuple for 'alpha': two "
        f"values are tried, {low} and {high}; a range is optuna.distributions."
        f"{kind}({low}, {high}), and a list, [{low}, {high}], are two values without "
        "this warning."
    ]
    assert distributions["alpha"].choices == given


@pytest.mark.parametrize(
    "given",
    [[1e-4, 1.0], (1e-4, 1e-2, 1.0), (1.0, 1e-4), ("relu", "tanh"), (True, False)],
    ids=str,
)
def test_other_choices_are_no_ranges(given):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SearchSpace({"alpha": given})


def test_space_of_whole_steps():
    space = {"minmaxscaler": [MinMaxScaler(), StandardScaler(), "passthrough"]}
    search = make_search(make_pipeline(MinMaxScaler(), make()), space).fit(X, Y)

    scalers = {str(params["minmaxscaler"]) for params in search.cv_results_["params"]}
    assert scalers <= {"MinMaxScaler()", "StandardScaler()", "passthrough"}


def test_space_of_a_function_may_depend_on_what_it_drew():
    def define(trial):
        solver = trial.suggest_categorical("solver", ["sgd", "adam"])
        params = {"solver": solver}
        if solver == "sgd":
            params["momentum"] = trial.suggest_float("m", 0.5, 0.9)
        return params

    search = make_search(space=define, n_trials=6).fit(X, Y)

    assert {params["solver"] for params in search.cv_results_["params"]} == {
        "sgd",
        "adam",
    }
    for params in search.cv_results_["params"]:
        assert ("momentum" in params) == (params["solver"] == "sgd")
    masked = np.ma.getmaskarray(search.cv_results_["param_momentum"])
    assert_array_equal(masked, search.cv_results_["param_solver"] == "adam")


@pytest.mark.parametrize("estimator", [make(), LogisticRegression()], ids=str)
def test_trials_that_the_space_prunes_are_pruned_ones(estimator):
    def define(trial):
        alpha = trial.suggest_float("alpha", 0.01, 1.0)
        if trial.number in (0, 2, 3):
            raise optuna.TrialPruned
        return {"C" if isinstance(estimator, LogisticRegression) else "alpha": alpha}

    seen = []
    search = make_search(
        estimator,
        define,
        n_trials=5,
        n_parallel_trials=2,
        callbacks=[lambda study, trial: seen.append((trial.number, trial.state.name))],
    ).fit(X, Y)

    states = ["PRUNED", "COMPLETE", "PRUNED", "PRUNED", "COMPLETE"]
    assert [trial.state.name for trial in search.study_.trials] == states
    assert seen == list(enumerate(states))
    assert [trial.number for trial in search.trials_] == [1, 4]
    assert_array_equal(search.cv_results_["number"], [1, 4])
    assert_allclose(split_scores(search), scores_one_by_one(search, estimator))


def test_a_space_that_prunes_all_trials_says_so():
    def define(trial):
        raise optuna.TrialPruned

    study = make_study()
    with pytest.raises(ValueError) as caught:
        make_search(space=define, n_trials=3, study=study).fit(X, Y)

    assert str(caught.value) == (
        "None of the 3 trials of BatchedOptunaSearchCV was completed: they were "
        "pruned or have failed. Let the pruner wait for longer, or look at the "
        "warnings of the fits."
    )
    assert [trial.state.name for trial in study.trials] == ["PRUNED"] * 3


def test_a_space_that_fails_ends_the_search_with_its_trials_told():
    def define(trial):
        if trial.number == 0:
            raise optuna.TrialPruned
        raise RuntimeError("no space today")

    study = make_study()
    with pytest.raises(RuntimeError, match="no space today"):
        make_search(space=define, n_trials=2, study=study).fit(X, Y)

    assert [trial.state.name for trial in study.trials] == ["PRUNED", "FAIL"]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"alpha": 0.1}, "has 0.1 for 'alpha', which is not a distribution"),
        ({"alpha": []}, "a list of at least one value"),
        (lambda trial: None, "must return a dict of the estimator's parameters"),
    ],
)
def test_spaces_that_are_none(space, message):
    study = make_study()
    with pytest.raises(TypeError, match=message):
        make_search(space=space, study=study).fit(X, Y)

    assert {trial.state.name for trial in study.trials} <= {"FAIL"}


# --- failures -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("enable_pruning", [False, True])
def test_trials_whose_fits_fail_are_told_so(enable_pruning):
    space = {"alpha": [-1.0, 0.1]}
    search = make_search(
        space=space, n_trials=6, n_parallel_trials=1, enable_pruning=enable_pruning
    )
    with pytest.warns(FitFailedWarning):
        search.fit(X, Y)

    results = search.cv_results_
    is_bad = np.array([params["alpha"] < 0 for params in results["params"]])
    assert is_bad.any() and not is_bad.all()
    assert_array_equal(results["state"], np.where(is_bad, "FAIL", "COMPLETE"))
    assert_array_equal(np.isnan(results["mean_test_score"]), is_bad)
    assert search.best_params_ == {"alpha": 0.1}


@pytest.mark.parametrize("enable_pruning", [False, True])
def test_an_error_leaves_no_trial_that_runs(enable_pruning):
    study = make_study()
    search = make_search(
        space={"learning_rate_init": [1e300]},
        study=study,
        error_score="raise",
        enable_pruning=enable_pruning,
    )
    with pytest.raises(ValueError, match="diverged in epoch 2"):
        search.fit(X, Y)

    assert {trial.state.name for trial in study.trials} == {"FAIL"}


def test_search_whose_fits_all_fail_says_so():
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        make_search(space={"alpha": [-1.0]}, n_trials=2).fit(X, Y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_trials": 0}, "The 'n_trials' parameter of BatchedOptunaSearchCV"),
        ({"n_parallel_trials": 0}, "The 'n_parallel_trials' parameter"),
        ({"study": 3}, "The 'study' parameter"),
        ({"enable_pruning": "yes"}, "The 'enable_pruning' parameter"),
    ],
)
def test_search_refuses_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        make_search(**params).fit(X, Y)


def test_search_has_the_keys_of_scikit_learns_and_three_more(searched):
    theirs = RandomizedSearchCV(make(), {"learning_rate_init": [0.1]}, n_iter=1, cv=CV)
    keys = set(theirs.fit(X, Y).cv_results_)

    assert set(searched.cv_results_) - keys == {"batched", "number", "state"}
