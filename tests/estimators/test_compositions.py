"""Pipelines, ensembles, folds and metadata of scikit-learn around an estimator."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from tests.estimators.fits import ESTIMATORS, make, output_of, weights_of
from tests.requirements import since_pipelines_route_scores


# B02: No cast stands between an estimator and a scaler or an encoder before it.
@pytest.mark.must_never("B02")
@pytest.mark.parametrize("first", [StandardScaler(), OneHotEncoder()])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_pipelines_need_no_cast(Estimator, first, digits_slice):
    X, y = digits_slice
    X = X[:, 20:30].astype(int)

    pipe = make_pipeline(first, make(Estimator)).fit(X, y)

    assert np.isfinite(output_of(pipe, X)).all()


# B07: A step before may change the number of features, and a wrong number is named with
# the right one.
@pytest.mark.must_never("B07")
def test_a_selector_before_may_change_the_width(diabetes):
    X, y = diabetes
    pipe = make_pipeline(SelectKBest(k=3), make(MLPClassifier))

    widths = [pipe.set_params(selectkbest__k=k).fit(X, y > 0) for k in (3, 7)]

    assert widths[-1][-1].coefs_[0].shape == (7, 16)
    assert pipe.predict(X).shape == (200,)


# B12: What scikit-learn puts around regressors goes with a y of one dimension.
@pytest.mark.must_never("B12")
def test_regressors_of_regressors_take_1d_y(diabetes):
    X, y = diabetes
    bagging = BaggingRegressor(make(MLPRegressor), n_estimators=2, random_state=0)
    transformed = TransformedTargetRegressor(
        make(MLPRegressor, max_iter=15), transformer=StandardScaler()
    )
    folds = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)

    assert bagging.fit(X, y).predict(X).shape == (200,)
    assert transformed.fit(X, 100 * y).predict(X).shape == (200,)
    assert transformed.score(X, 100 * y) > 0.2
    assert cross_val_score(make(MLPRegressor, max_iter=30), X, y, cv=folds).min() > 0


# B19: Ensembles that give rows no weight, by boosting or drawing, go on.
@pytest.mark.must_never("B19")
# scikit-learn's boosting takes the logarithm of the weights, which are zero here.
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
def test_ensembles_that_weight_rows_with_zero(cancer):
    X, y = cancer
    boosted = AdaBoostClassifier(make(MLPClassifier), n_estimators=3, random_state=0)
    bagged = BaggingClassifier(
        make(MLPClassifier, early_stopping=True, max_iter=30),
        n_estimators=3,
        random_state=0,
    )
    weight = np.ones(len(X))
    weight[::3] = 0

    assert boosted.fit(X, y).score(X, y) > 0.9
    assert boosted.fit(X, y, weight).score(X, y) > 0.9
    assert bagged.fit(X, y).score(X, y) > 0.9
    assert bagged.fit(X, y, sample_weight=weight).score(X, y) > 0.9


# B25: Tools of scikit-learn see a classifier or a regressor through a Pipeline, and
# work with it.
@pytest.mark.must_never("B25")
def test_scikit_learn_sees_what_they_are(cancer, diabetes):
    X, y = cancer
    clf = make_pipeline(StandardScaler(), make(MLPClassifier))
    reg = make_pipeline(StandardScaler(), make(MLPRegressor))
    pair = [("net", clf), ("line", LogisticRegression())]

    assert is_classifier(clf) and not is_regressor(clf)
    assert is_regressor(reg) and not is_classifier(reg)
    for meta in (
        VotingClassifier(pair, voting="soft"),
        StackingClassifier(pair, cv=2),
        CalibratedClassifierCV(clf, cv=2),
    ):
        assert meta.fit(X, y).score(X, y) > 0.9
    assert cross_val_score(clf, X, y, cv=2, scoring="roc_auc").min() > 0.9
    assert cross_val_score(clf, X, y, cv=2, scoring="neg_log_loss").min() > -0.5


# B27: A fold may lack a class.
@pytest.mark.must_never("B27")
def test_a_class_may_be_absent_from_a_fold(digits_slice):
    X, y = digits_slice
    order = np.argsort(y == 9, kind="stable")
    X, y = X[order], y[order]

    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        proba = cross_val_predict(
            make(MLPClassifier), X, y, cv=KFold(2), method="predict_proba"
        )

    assert proba.shape == (200, 10)
    assert_array_equal(proba[100:, 9], 0)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)


@pytest.fixture
def routed(cancer):
    """Make a pipeline that asks for all metadata, the metadata, and X and y."""
    X, y = cancer
    rng = np.random.default_rng(0)

    def make_routed(Estimator):
        metadata = {
            "sample_weight": rng.uniform(0.2, 2, len(X)),
            # Fewer rows than X: scikit-learn does not cut it by its folds.
            "X_val": X[:40],
            "y_val": y[:40],
            "sample_weight_val": rng.uniform(0.2, 2, 40),
        }
        if Estimator is AutoencoderTransformer:
            del metadata["y_val"]
        net = make(Estimator, early_stopping=True, max_iter=4)
        net.set_fit_request(**dict.fromkeys(metadata, True))
        net.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = Pipeline([("scaler", scaler), ("net", net)], transform_input=["X_val"])
        return pipe, metadata, X, y

    with sklearn.config_context(enable_metadata_routing=True):
        yield make_routed


def fit_by_hand(pipe, X, y, metadata, rows=slice(None), **params):
    """Do what a pipeline does, without scikit-learn's routing."""
    scaler = StandardScaler().fit(X[rows])
    metadata = metadata | {"X_val": scaler.transform(metadata["X_val"])}
    metadata["sample_weight"] = metadata["sample_weight"][rows]
    net = clone(pipe["net"]).set_params(**params)
    return scaler, net.fit(scaler.transform(X[rows]), y[rows], **metadata)


# B28: Weights and validation rows go through Pipelines and searches by metadata
# routing.
@pytest.mark.must_never("B28")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_metadata_go_through_a_pipeline(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)

    pipe.fit(X, y, **metadata)

    _, expected = fit_by_hand(pipe, X, y, metadata)
    assert_array_equal(weights_of(pipe["net"]), weights_of(expected))
    assert pipe["net"].validation_scores_ == expected.validation_scores_
    # None of them is taken and then forgotten.
    for name in ("sample_weight", "sample_weight_val"):
        without = {key: value for key, value in metadata.items() if key != name}
        other = clone(pipe).fit(X, y, **without)["net"]
        assert other.validation_loss_curve_ != expected.validation_loss_curve_


@pytest.mark.must_never("B28")
@since_pipelines_route_scores
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_metadata_go_through_cross_validate(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)

    folds = KFold(2)
    result = cross_validate(
        pipe, X, y, cv=folds, params=metadata, return_estimator=True
    )

    for i, (train, test) in enumerate(folds.split(X)):
        scaler, expected = fit_by_hand(pipe, X, y, metadata, train)
        weight = metadata["sample_weight"][test]
        score = expected.score(scaler.transform(X[test]), y[test], weight)
        assert_array_equal(
            weights_of(result["estimator"][i]["net"]), weights_of(expected)
        )
        assert result["test_score"][i] == score


@pytest.mark.must_never("B28")
@since_pipelines_route_scores
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_metadata_go_through_a_search(Estimator, routed):
    pipe, metadata, X, y = routed(Estimator)
    folds = KFold(2)
    grid = {"net__alpha": [0.01, 10.0]}

    search = GridSearchCV(pipe, grid, cv=folds, error_score="raise")
    search.fit(X, y, **metadata)

    for i, alpha in enumerate(grid["net__alpha"]):
        for j, (train, test) in enumerate(folds.split(X)):
            scaler, net = fit_by_hand(pipe, X, y, metadata, train, alpha=alpha)
            weight = metadata["sample_weight"][test]
            score = net.score(scaler.transform(X[test]), y[test], weight)
            assert search.cv_results_[f"split{j}_test_score"][i] == score
    _, best = fit_by_hand(pipe, X, y, metadata, alpha=search.best_params_["net__alpha"])
    assert_array_equal(weights_of(search.best_estimator_["net"]), weights_of(best))


@pytest.mark.must_never("B28")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_X_val_as_long_as_X_is_cut_by_the_folds(Estimator, routed):
    """What the user guide warns of: scikit-learn takes it for one row per sample."""
    pipe, metadata, X, y = routed(Estimator)
    metadata = {"X_val": X} | ({"y_val": y} if "y_val" in metadata else {})
    n_rows = []

    def scorer(estimator, X_val, y_val=None):
        n_rows.append(len(X_val))
        return 0.0

    pipe.set_params(net__scoring=scorer)
    GridSearchCV(pipe, {"net__alpha": [0.1]}, cv=2).fit(X, y, **metadata)

    assert set(n_rows) == {100, 200}
