"""Searches over subclasses: their own code is what fits and scores them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    ParameterSampler,
    RandomizedSearchCV,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.model_selection import BatchedGridSearchCV, BatchedRandomizedSearchCV

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GRID = {"learning_rate_init": [0.003, 0.03]}
CV = TimeSeriesSplit(3)
N_FITS = 2 * 3 + 1
N_ROWS = 80


def make_series():
    """Rows in time, whose classes drift."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4))
    drift = np.linspace(-1, 1, N_ROWS)
    return X, (X[:, 0] + drift * X[:, 1] > 0).astype(int)


def make(Estimator, **params):
    return Estimator(
        **{
            "hidden_layer_sizes": (6,),
            "batch_size": 8,
            "max_iter": 4,
            "random_state": 0,
            **params,
        }
    )


CALLS = []  # by the code of the subclasses below


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def assert_fitted_alone(search, expected):
    assert not search.cv_results_["batched"].any()
    assert_same(search, expected)


def assert_same(search, expected):
    names = [n for n in expected.cv_results_ if "_test_score" in n]
    assert len(names) == 3 + 3
    for name in names:
        np.testing.assert_array_equal(
            search.cv_results_[name], expected.cv_results_[name], err_msg=name
        )
    assert search.best_params_ == expected.best_params_


def count(search):
    """Give the number of calls that fitting a search makes, and the search."""
    CALLS.clear()
    search.fit(*make_series())
    return len(CALLS), search


# --- fits of one's own ----------------------------------------------------------------


class HoldsOutTheLast(MLPClassifier):
    """Stops by the score on its last rows."""

    def fit(self, X, y):
        CALLS.append("fit")
        n = len(X) * 4 // 5
        return super().fit(X[:n], y[:n], X_val=X[n:], y_val=y[n:])


class HoldingOut:
    """The same as a mixin."""

    def fit(self, X, y):
        return HoldsOutTheLast.fit(self, X, y)


class MixedIn(HoldingOut, HoldsOutTheLast):
    pass


class GrandChild(HoldsOutTheLast):
    pass


class RegressorWithFit(MLPRegressor):
    def fit(self, X, y):
        CALLS.append("fit")
        return super().fit(X[::2], y[::2])


class AutoencoderWithFit(AutoencoderTransformer):
    def fit(self, X, y=None):
        CALLS.append("fit")
        return super().fit(X[::2])


class WithInnerFit(MLPClassifier):
    def _fit(self, data, *, incremental=False):
        CALLS.append("_fit")
        return super()._fit(data, incremental=incremental)


class WithTraining(MLPClassifier):
    def _train(self, plan):
        CALLS.append("_train")
        super()._train(plan)


class WithCheck(MLPClassifier):
    """Trains on fewer rows each time that the check is called."""

    def _check_fit(self, X, y, sample_weight=None, **options):
        CALLS.append("_check_fit")
        return super()._check_fit(X[5:], y[5:], sample_weight, **options)


class FitOfTheInstance(MLPClassifier):
    """An attribute takes the place of the method."""

    def __init__(self, learning_rate_init=0.1):
        super().__init__((6,), learning_rate_init=learning_rate_init, max_iter=4)
        self.random_state = 0
        self.fit = self.own_fit

    def own_fit(self, X, y):
        CALLS.append("own_fit")
        return MLPClassifier.fit(self, X[::2], y[::2])


OWN_FITS = [
    make(HoldsOutTheLast, early_stopping=True, max_iter=20),
    make(HoldsOutTheLast),
    make(MixedIn),
    make(GrandChild),
    make(RegressorWithFit),
    make(AutoencoderWithFit, n_components=2),
    make(WithInnerFit),
    make(WithTraining),
    make(WithCheck),
    FitOfTheInstance(),
]


@pytest.mark.parametrize("estimator", OWN_FITS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("is_in_a_pipeline", [False, True])
def test_grid_search_calls_the_code_of_a_subclass_for_each_fit(
    estimator, is_in_a_pipeline
):
    grid = GRID
    if is_in_a_pipeline:
        name = type(estimator).__name__.lower()
        estimator = make_pipeline(StandardScaler(), estimator)
        grid = {f"{name}__learning_rate_init": GRID["learning_rate_init"]}

    n_expected, expected = count(GridSearchCV(clone(estimator), grid, cv=CV))
    n_calls, search = count(BatchedGridSearchCV(clone(estimator), grid, cv=CV))

    assert n_calls == n_expected == N_FITS
    assert_fitted_alone(search, expected)


def test_randomized_search_calls_the_code_of_a_subclass_for_each_fit():
    searches = [
        Search(make(HoldsOutTheLast), GRID, n_iter=2, cv=CV, random_state=0)
        for Search in (RandomizedSearchCV, BatchedRandomizedSearchCV)
    ]

    (n_expected, expected), (n_calls, search) = map(count, searches)

    assert n_calls == n_expected == N_FITS
    assert len(list(ParameterSampler(GRID, 2, random_state=0))) == 2
    assert_fitted_alone(search, expected)


def test_search_stacks_those_candidates_that_are_ours():
    pipeline = Pipeline([("scale", StandardScaler()), ("net", make(MLPClassifier))])
    grid = {"net": [make(MLPClassifier), make(HoldsOutTheLast), make(MLPClassifier)]}

    n_expected, expected = count(GridSearchCV(pipeline, grid, cv=CV, refit=False))
    n_calls, search = count(BatchedGridSearchCV(pipeline, grid, cv=CV, refit=False))

    assert n_calls == n_expected == 3
    assert search.cv_results_["batched"].tolist() == [True, False, True]
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )


# --- Pipelines of one's own -----------------------------------------------------------


class LearnsAThreshold(Pipeline):
    """Learns something from the fitted network."""

    def fit(self, X, y=None, **params):
        CALLS.append("fit")
        super().fit(X[::2], y[::2], **params)
        self.threshold_ = np.quantile(self.predict_proba(X)[:, 1], 0.4)
        return self

    def predict(self, X, **params):
        return (self.predict_proba(X)[:, 1] > self.threshold_).astype(int)

    def score(self, X, y=None, **params):
        return np.mean(self.predict(X) == y)


class FitsStepsItself(Pipeline):
    def _fit(self, *args, **params):
        CALLS.append("_fit")
        return super()._fit(*args, **params)


@pytest.mark.parametrize("Kind", [LearnsAThreshold, FitsStepsItself])
def test_search_calls_the_code_of_a_pipeline_for_each_fit(Kind):
    pipeline = Kind([("scale", StandardScaler()), ("net", make(MLPClassifier))])
    grid = {"net__learning_rate_init": [0.003, 0.03]}

    n_expected, expected = count(GridSearchCV(pipeline, grid, cv=CV))
    n_calls, search = count(BatchedGridSearchCV(pipeline, grid, cv=CV))

    assert n_calls == n_expected == N_FITS
    assert_fitted_alone(search, expected)


class RemembersAnswers(Pipeline):
    """Has more than its parameters."""

    def __init__(self, steps, *, memory=None, verbose=False, transform_input=None):
        super().__init__(
            steps, memory=memory, verbose=verbose, transform_input=transform_input
        )
        self._answers = {}

    def predict_proba(self, X, **params):
        return self._answers.setdefault(len(X), super().predict_proba(X, **params))


def test_what_a_pipeline_remembers_is_of_one_fit():
    pipeline = RemembersAnswers(
        [("scale", StandardScaler()), ("net", make(MLPClassifier))]
    )
    grid = {"net__learning_rate_init": [0.003, 0.03]}

    X, y = make_series()

    search, expected = (
        Search(pipeline, grid, cv=CV, scoring="neg_log_loss", refit=False).fit(X, y)
        for Search in (BatchedGridSearchCV, GridSearchCV)
    )

    for k in range(CV.n_splits):
        name = f"split{k}_test_score"
        np.testing.assert_allclose(search.cv_results_[name], expected.cv_results_[name])


class PredictsOnes(Pipeline):
    """Comes after the training."""

    def predict(self, X, **params):
        return np.ones(len(X), dtype=int)

    def score(self, X, y=None, **params):
        return np.mean(self.predict(X) == y)


# --- what comes after the training ----------------------------------------------------


class PredictsTheRarer(MLPClassifier):
    """Predicts the class that is less likely, and has one more method and parameter."""

    _parameter_constraints: dict = {
        **MLPClassifier._parameter_constraints,
        "is_rare": [bool],
    }

    def __init__(self, learning_rate_init=0.1, is_rare=True):
        super().__init__(
            (6,), learning_rate_init=learning_rate_init, max_iter=4, random_state=0
        )
        self.is_rare = is_rare

    def predict(self, X):
        p = self.predict_proba(X)
        return self.classes_[p.argmin(axis=1) if self.is_rare else p.argmax(axis=1)]

    def surprise(self, X):
        return -np.log(self.predict_proba(X).max(axis=1))


class ScoresItself(MLPRegressor):
    def score(self, X, y, sample_weight=None):
        return -np.abs(self.predict(X) - y).max()


@pytest.mark.parametrize(
    ("estimator", "prefix"),
    [
        (PredictsTheRarer(), ""),
        (make(ScoresItself), ""),
        (make_pipeline(StandardScaler(), PredictsTheRarer()), "predictstherarer__"),
        (PredictsOnes([("a", StandardScaler()), ("b", make(MLPClassifier))]), "b__"),
    ],
)
def test_search_stacks_subclasses_and_uses_their_predictions(estimator, prefix):
    grid = {f"{prefix}learning_rate_init": [0.003, 0.03]}

    _, expected = count(GridSearchCV(clone(estimator), grid, cv=CV))
    _, search = count(BatchedGridSearchCV(clone(estimator), grid, cv=CV))

    assert search.cv_results_["batched"].all()
    for name in ("mean_test_score", "split0_test_score"):
        np.testing.assert_allclose(
            search.cv_results_[name], expected.cv_results_[name], rtol=1e-10
        )
    assert type(search.best_estimator_) is type(estimator)


# --- ensembles ------------------------------------------------------------------------


def test_an_ensemble_calls_the_fit_of_a_subclass_once_and_stacks_its_members():
    X, y = make_series()
    clf = make(HoldsOutTheLast, n_estimators=3).fit(X, y)
    n = N_ROWS * 4 // 5

    expected = make(MLPClassifier, n_estimators=3)
    expected.fit(X[:n], y[:n], X_val=X[n:], y_val=y[n:])

    assert CALLS == ["fit"]
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert all("validation_loss_curve_" in vars(m) for m in clf.estimators_)


def test_an_ensemble_calls_the_training_of_its_members():
    X, y = make_series()

    clf = make(WithTraining, n_estimators=3).fit(X, y)

    assert CALLS == 3 * ["_train"]
    expected = make(MLPClassifier, n_estimators=3).fit(X, y)
    np.testing.assert_allclose(
        clf.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("n_estimators", [2, 3])
def test_search_over_an_ensemble_calls_the_fit_of_a_subclass(n_estimators):
    estimator = make(HoldsOutTheLast, n_estimators=n_estimators)

    n_expected, expected = count(GridSearchCV(clone(estimator), GRID, cv=CV))
    n_calls, search = count(BatchedGridSearchCV(clone(estimator), GRID, cv=CV))

    assert n_calls == n_expected == N_FITS
    assert_fitted_alone(search, expected)
