"""What scikit-learn's users put around an estimator, on real data."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel, SequentialFeatureSelector
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.manifold import TSNE
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import estimator_html_repr
from torch.optim import RMSprop

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import StopAfterTwo

# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "hidden_layer_sizes": (16,),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.03,
    "batch_size": 32,
    "max_iter": 12,
    "random_state": 0,
}


def classifier(**params):
    return MLPClassifier(**QUICK | params)


def regressor(**params):
    return MLPRegressor(**QUICK | params)


def autoencoder(**params):
    return AutoencoderTransformer(**QUICK | params)


@pytest.fixture(scope="module")
def cancer():
    data = load_breast_cancer(as_frame=True)
    X = data.data.iloc[:250, :8]
    return X, data.target_names[data.target[:250]]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X[:200], (y[:200] - 150) / 77


# --- compositions ---------------------------------------------------------------------


def test_pipeline_and_column_transformer(cancer):
    X, y = cancer
    X = X.assign(size=np.where(X["mean radius"] > 15, "large", "small"))
    columns = make_column_transformer(
        (StandardScaler(), ["mean radius", "mean texture", "mean smoothness"]),
        (OneHotEncoder(), ["size"]),
        (autoencoder(), ["mean area", "mean perimeter", "mean concavity"]),
    )
    X["mean area"] /= 1000
    X["mean perimeter"] /= 100

    pipe = make_pipeline(columns, classifier()).fit(X, y)

    assert pipe[-1].n_features_in_ == 3 + 2 + 2
    assert pipe.score(X, y) > 0.85


def test_feature_union_of_codes_and_components(ten_digits):
    X, y = ten_digits
    union = make_union(autoencoder(n_components=8), PCA(5))

    pipe = make_pipeline(union, classifier()).fit(X, y)

    assert pipe[-1].n_features_in_ == 13
    assert pipe.score(X, y) > 0.8


def test_feature_union_passes_hidden_features_on(ten_digits):
    X, y = ten_digits
    clf = classifier(hidden_layer_sizes=(32, 12)).fit(X, y)
    union = FeatureUnion([("hidden", FunctionTransformer(clf.hidden_features))])

    features = union.fit_transform(X)

    assert features.shape == (300, 12)
    assert LogisticRegression(max_iter=500).fit(features, y).score(features, y) > 0.9


# --- searches -------------------------------------------------------------------------


def test_grid_search_over_a_pipeline(ten_digits):
    X, y = ten_digits
    pipe = make_pipeline(MinMaxScaler(), autoencoder(), classifier())
    grid = {
        "autoencodertransformer__n_components": [1, 12],
        "mlpclassifier__hidden_layer_sizes": [(16,), (16, 16)],
    }

    search = GridSearchCV(pipe, grid, cv=2).fit(X, y)

    assert search.best_params_["autoencodertransformer__n_components"] == 12
    assert search.best_score_ > 0.6
    assert search.predict(X).shape == (300,)


def test_grid_search_over_callbacks_and_solvers(diabetes):
    X, y = diabetes
    grid = {"callbacks": [None, [StopAfterTwo()]], "solver": ["adam", RMSprop]}

    search = GridSearchCV(regressor(), grid, cv=2, error_score="raise").fit(X, y)

    scores = search.cv_results_["mean_test_score"].reshape(2, 2)
    assert (scores[0] > scores[1]).all()
    assert search.best_params_["callbacks"] is None


def test_randomized_search(diabetes):
    X, y = diabetes
    space = {"alpha": [1e-4, 1e-2], "activation": ["relu", "tanh", "silu"]}

    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), regressor()),
        {f"mlpregressor__{name}": values for name, values in space.items()},
        n_iter=3,
        cv=2,
        random_state=0,
    ).fit(X, y)

    assert len(search.cv_results_["params"]) == 3
    assert search.best_score_ > 0.2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_grid_search_spends_epochs(ten_digits):
    X, y = ten_digits
    search = HalvingGridSearchCV(
        classifier(learning_rate="constant"),
        {"learning_rate_init": [1e-6, 1e-5, 1e-4, 1e-2]},
        resource="max_iter",
        min_resources=4,
        max_resources=16,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(X, y)

    assert search.n_resources_ == [4, 8, 16]
    assert search.best_params_ == {"learning_rate_init": 1e-2, "max_iter": 16}
    assert search.best_estimator_.n_iter_ == 16


# --- validation -----------------------------------------------------------------------


def test_cross_val_predict_gives_probabilities(ten_digits):
    X, y = ten_digits

    proba = cross_val_predict(classifier(), X, y, cv=3, method="predict_proba")

    assert proba.shape == (300, 10)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert accuracy_score(y, proba.argmax(axis=1)) > 0.7


def test_cross_validate_with_several_scores(ten_digits):
    X, y = ten_digits
    scoring = ["accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"]

    scores = cross_validate(classifier(), X, y, cv=2, scoring=scoring)

    assert scores["test_accuracy"].min() > 0.6
    assert scores["test_roc_auc_ovr"].min() > 0.9
    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in scoring)


def test_curves_over_rows_and_parameters(ten_digits):
    X, y = ten_digits

    sizes, _, scores = learning_curve(
        classifier(), X, y, cv=2, train_sizes=[0.4, 1.0], random_state=0
    )
    _, by_width = validation_curve(
        classifier(), X, y, param_name="hidden_layer_sizes", param_range=[1, 16], cv=2
    )

    assert list(sizes) == [60, 150]
    assert scores[1].mean() > scores[0].mean()
    assert by_width[1].mean() > by_width[0].mean()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_learning_curve_goes_on_by_partial_fit(ten_digits):
    X, y = ten_digits

    _, train_scores, _ = learning_curve(
        classifier(),
        X,
        y,
        cv=2,
        exploit_incremental_learning=True,
        train_sizes=[0.5, 1],
    )

    assert train_scores.shape == (2, 2)


def test_permutation_importance_finds_the_one_feature():
    X = np.random.default_rng(0).normal(size=(200, 4))
    clf = classifier().fit(X, X[:, 2] > 0)

    importance = permutation_importance(
        clf, X, X[:, 2] > 0, n_repeats=2, random_state=0
    )

    assert importance.importances_mean.argmax() == 2
    assert importance.importances_mean[2] > 0.3


@pytest.fixture(scope="module")
def with_shuffled(diabetes):
    """Three columns that tell of the target, and the same three in random order."""
    X, y = diabetes
    X = X[["bmi", "s5", "bp"]]
    rng = np.random.default_rng(0)
    shuffled = {f"shuffled {name}": rng.permutation(X[name]) for name in X}
    return X.assign(**shuffled), y


def permutation_importances(pipe, X, y):
    return permutation_importance(
        pipe, X, y, n_repeats=3, random_state=0
    ).importances_mean


def test_permutation_importance_tells_real_from_shuffled(with_shuffled):
    X, y = with_shuffled
    pipe = make_pipeline(StandardScaler(), regressor(alpha=1.0)).fit(X, y)

    importances = permutation_importances(pipe, X, y)

    assert importances[:3].min() > importances[3:].max()


def test_permutation_selects_real_features(with_shuffled):
    X, y = with_shuffled
    selector = SelectFromModel(
        make_pipeline(StandardScaler(), regressor(alpha=1.0)),
        importance_getter=lambda pipe: permutation_importances(pipe, X, y),
        max_features=3,
        threshold=-np.inf,
    )

    pipe = make_pipeline(selector, StandardScaler(), regressor()).fit(X, y)

    assert list(pipe[0].get_feature_names_out()) == ["bmi", "s5", "bp"]
    assert pipe[-1].n_features_in_ == 3
    assert pipe.score(X, y) > 0.3


def test_features_are_selected_by_permutation():
    X = np.random.default_rng(0).normal(size=(150, 4))
    y = X[:, 2] + X[:, 0]

    def importances(estimator):
        result = permutation_importance(estimator, X, y, n_repeats=2, random_state=0)
        return result.importances_mean

    selector = SelectFromModel(
        regressor(), importance_getter=importances, max_features=2, threshold=-np.inf
    )
    by_score = SequentialFeatureSelector(regressor(), n_features_to_select=2, cv=2)

    assert_array_equal(selector.fit(X, y).get_support(indices=True), [0, 2])
    assert_array_equal(by_score.fit(X, y).get_support(indices=True), [0, 2])


# --- ensembles ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "meta",
    [
        VotingClassifier(
            [("a", classifier()), ("b", LogisticRegression(max_iter=500))],
            voting="soft",
        ),
        StackingClassifier([("a", classifier()), ("b", classifier(alpha=1.0))], cv=2),
        BaggingClassifier(classifier(), n_estimators=3, random_state=0),
        BaggingClassifier(
            classifier(), n_estimators=2, max_features=0.8, n_jobs=2, random_state=0
        ),
        AdaBoostClassifier(classifier(), n_estimators=3, random_state=0),
        CalibratedClassifierCV(classifier(), cv=2),
        CalibratedClassifierCV(classifier(), method="isotonic", cv=2, ensemble=False),
        OneVsRestClassifier(classifier()),
    ],
    ids=lambda meta: type(meta).__name__,
)
def test_classifiers_of_classifiers(meta, ten_digits):
    X, y = ten_digits

    meta = clone(meta).fit(X, y)

    assert meta.score(X, y) > 0.85
    proba = meta.predict_proba(X)
    assert proba.shape == (300, 10)
    assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize(
    "meta",
    [
        VotingRegressor([("a", regressor()), ("b", LinearRegression())]),
        StackingRegressor([("a", regressor()), ("b", regressor(alpha=1.0))], cv=2),
        BaggingRegressor(regressor(), n_estimators=3, random_state=0),
        AdaBoostRegressor(regressor(), n_estimators=3, random_state=0),
        TransformedTargetRegressor(regressor(), transformer=StandardScaler()),
    ],
    ids=lambda meta: type(meta).__name__,
)
def test_regressors_of_regressors(meta, diabetes):
    X, y = diabetes

    pipe = make_pipeline(StandardScaler(), clone(meta)).fit(X, y)

    assert pipe.score(X, y) > 0.4
    assert pipe.predict(X).shape == (200,)


@pytest.mark.parametrize("Meta", [MultiOutputClassifier, ClassifierChain])
def test_classifiers_of_several_targets(Meta, ten_digits):
    X, y = ten_digits
    Y = np.column_stack([y > 4, y % 2]).astype(int)

    meta = Meta(classifier()).fit(X, Y)

    assert meta.predict(X).shape == (300, 2)
    assert (meta.predict(X) == Y).mean() > 0.9


@pytest.mark.parametrize("Meta", [MultiOutputRegressor, RegressorChain])
def test_regressors_of_several_targets(Meta, diabetes):
    X, y = diabetes
    X = StandardScaler().fit_transform(X)

    meta = Meta(regressor()).fit(X, np.column_stack([y, 2 * y]))

    assert meta.predict(X).shape == (200, 2)
    assert meta.score(X, np.column_stack([y, 2 * y])) > 0.4


def test_multi_output_classifier_goes_on_by_partial_fit(ten_digits):
    X, y = ten_digits
    Y = np.column_stack([y > 4, y % 2]).astype(int)
    meta = MultiOutputClassifier(classifier())

    for _ in range(3):
        meta.partial_fit(X, Y, classes=[[0, 1], [0, 1]])

    assert [clf.t_ for clf in meta.estimators_] == [900, 900]


def test_self_training_uses_rows_without_labels(ten_digits):
    X, y = ten_digits
    known = np.where(np.arange(len(y)) < 150, y, -1)

    meta = SelfTrainingClassifier(classifier(), max_iter=2, threshold=0.6).fit(X, known)

    assert (meta.transduction_ != -1).sum() > 150
    assert meta.score(X[150:], y[150:]) > 0.7


# --- workers --------------------------------------------------------------------------


def test_searches_run_in_worker_processes(diabetes):
    X, y = diabetes
    grid = {"alpha": [0.01, 1.0]}

    alone, spread = (
        GridSearchCV(regressor(), grid, cv=2, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (None, 2)
    )

    assert_array_equal(
        alone.cv_results_["mean_test_score"], spread.cv_results_["mean_test_score"]
    )
    assert_array_equal(alone.predict(X), spread.predict(X))


@pytest.mark.parametrize("make_estimator", [classifier, regressor, autoencoder])
def test_worker_processes_read_data_from_memory_maps(make_estimator, digits):
    """joblib hands arrays of more than 1 MB to workers as read-only maps."""
    X, y = digits.X.astype(float), (digits.y > 4).astype(int)
    X = np.hstack([X, X])
    assert X.nbytes > 2**20
    estimator = make_estimator(max_iter=1, batch_size=200)
    n_threads = torch.get_num_threads()

    alone, spread = (
        cross_val_score(estimator, X, y, cv=2, n_jobs=n_jobs, error_score="raise")
        for n_jobs in (None, 2)
    )

    assert_array_equal(alone, spread)
    assert torch.get_num_threads() == n_threads


# --- scikit-learn's callbacks ---------------------------------------------------------


@pytest.mark.parametrize("make_estimator", [classifier, regressor])
def test_a_monitor_hears_of_epochs_inside_a_pipeline(
    make_estimator, ten_digits, sklearn_callback
):
    X, y = ten_digits
    scoring = "accuracy" if make_estimator is classifier else "r2"
    monitor = sklearn_callback.ScoringMonitor(scoring=scoring)
    pipe = make_pipeline(MinMaxScaler(), make_estimator().set_callbacks(monitor))

    pipe.fit(X, y)

    log = monitor.get_logs(select="most_recent").data
    scores = [task[scoring] for task in log if task["task_name"] == "epoch"]
    assert len(scores) == QUICK["max_iter"]
    assert scores[-1] == pytest.approx(pipe.score(X, y))


def test_a_monitor_hears_of_each_fit_of_a_search(ten_digits, sklearn_callback):
    X, y = ten_digits
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    estimator = classifier(max_iter=3).set_callbacks(monitor)

    search = GridSearchCV(estimator, {"alpha": [0.01, 0.1]}, cv=2).fit(X, y)

    log = monitor.get_logs(select="most_recent").data
    epochs = [task for task in log if task["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 3
    scores = {task["accuracy"] for task in log}
    assert any(search.score(X, y) == pytest.approx(score) for score in scores)


@pytest.mark.parametrize("make_estimator", [classifier, regressor, autoencoder])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a pipeline"])
def test_scikit_learns_progress_bar_goes_to_its_end(
    make_estimator, inside, ten_digits, capsys, sklearn_callback
):
    estimator = make_estimator()
    # StandardScaler supports callbacks; of what does not, scikit-learn warns.
    outer = make_pipeline(StandardScaler(), estimator) if inside else estimator

    outer.set_callbacks(sklearn_callback.ProgressBar()).fit(*ten_digits)

    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if type(estimator).__name__ in line]
    assert lines and "100%" in lines[-1]


# --- what users see -------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_codes_come_as_data_frames(library, cancer):
    X, _ = cancer
    own = autoencoder().set_output(transform=library)
    pipe = make_pipeline(StandardScaler(), autoencoder()).set_output(transform=library)
    names = ["autoencodertransformer0", "autoencodertransformer1"]

    with sklearn.config_context(transform_output=library):
        configured = autoencoder().fit_transform(X / X.std())

    for codes in (own.fit_transform(X / X.std()), pipe.fit_transform(X), configured):
        assert type(codes).__module__.startswith(library)
        assert list(codes.columns) == names
        assert codes.shape == (250, 2)
    assert_array_equal(pipe.get_feature_names_out(), names)


@pytest.mark.parametrize(
    "Estimator", [MLPClassifier, MLPRegressor, AutoencoderTransformer]
)
def test_representation_is_that_of_scikit_learn(Estimator, diabetes):
    X, y = diabetes
    name = Estimator.__name__
    estimator = Estimator(alpha=0.5, learning_rate="cosine", max_iter=2)

    assert repr(estimator) == f"{name}(alpha=0.5, learning_rate='cosine', max_iter=2)"
    assert "<span>Not fitted</span>" in estimator_html_repr(estimator)
    html = estimator_html_repr(make_pipeline(StandardScaler(), estimator).fit(X, y > 0))
    assert name in html and "<span>Fitted</span>" in html


def test_decision_boundaries_are_drawn(cancer, pyplot):
    X, y = cancer
    X = StandardScaler().set_output(transform="pandas").fit_transform(X.iloc[:, :2])
    clf = classifier().fit(X, y)

    display = DecisionBoundaryDisplay.from_estimator(
        clf, X, grid_resolution=20, response_method="predict_proba"
    )

    assert display.response.shape == (20, 20)
    assert 0 <= display.response.min() < 0.5 < display.response.max() <= 1


def test_learning_curves_are_drawn(ten_digits, pyplot):
    X, y = ten_digits

    display = LearningCurveDisplay.from_estimator(
        classifier(), X, y, cv=2, train_sizes=[0.3, 1.0], random_state=0
    )

    few, all_rows = display.test_scores.mean(axis=1)
    assert few < all_rows
    test_line = display.lines_[1]
    assert_array_equal(test_line.get_xdata(), display.train_sizes)
    assert_allclose(test_line.get_ydata(), [few, all_rows])


def test_tsne_takes_codes_and_hidden_features(ten_digits):
    X, y = ten_digits
    X, y = X[:80], y[:80]
    tsne = TSNE(perplexity=10, max_iter=250, random_state=0)

    codes = make_pipeline(autoencoder(n_components=5), tsne).fit_transform(X)
    hidden = tsne.fit_transform(classifier().fit(X, y).hidden_features(X))

    assert codes.shape == hidden.shape == (80, 2)
    assert np.isfinite(codes).all() and np.isfinite(hidden).all()


def test_feature_names_go_through(cancer):
    X, y = cancer
    scaler = StandardScaler().set_output(transform="pandas")

    pipe = make_pipeline(scaler, classifier()).fit(X, y)

    assert_array_equal(pipe[-1].feature_names_in_, X.columns)
    assert isinstance(X, pd.DataFrame)
