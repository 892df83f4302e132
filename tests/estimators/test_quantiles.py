"""Several quantiles of one column at once, of both regressors."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from onnxruntime import InferenceSession
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sknn_deep
from sknn_deep import MLPRegressor, TabularMLPRegressor
from sknn_deep.model_selection import BatchedGridSearchCV
from tests.estimators.fits import message_of, weights_of

LEVELS = (0.1, 0.5, 0.9)
QUICK = {
    "loss": "quantile",
    "quantile": list(LEVELS),
    "hidden_layer_sizes": (16,),
    "random_state": 0,
    "device": "cpu",
}
# A schedule that is followed to its end gives no ConvergenceWarning.
SCHEDULE = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "max_iter": 15,
    "batch_size": 50,
    "normalize_y": True,
}


def make(**params):
    return MLPRegressor(**QUICK | SCHEDULE | params)


def make_rows(n_rows, seed=0):
    """Make rows whose noise grows with the first of two features."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 2))
    return X, 5 + 2 * X[:, 1] + (1.1 + X[:, 0]) * rng.normal(size=n_rows)


def mean_d2(y, y_pred, sample_weight=None):
    scores = [
        d2_pinball_score(y, column, alpha=level, sample_weight=sample_weight)
        for level, column in zip(LEVELS, y_pred.T, strict=True)
    ]
    return np.mean(scores)


@pytest.fixture(scope="module")
def rows():
    return make_rows(400)


@pytest.fixture(scope="module")
def fitted(rows):
    return make().fit(*rows)


# --- what is predicted ----------------------------------------------------------------


def test_a_constant_finds_all_quantiles():
    y = np.random.default_rng(0).gamma(1.0, 2.0, size=151)
    X = np.zeros((151, 1))
    reg = make(
        hidden_layer_sizes=(),
        learning_rate="cosine",
        learning_rate_init=0.1,
        max_iter=600,
        batch_size="auto",
        normalize_y=False,
        alpha=0.0,
    ).fit(X, y)

    assert_allclose(reg.predict(X)[0], np.quantile(y, LEVELS), rtol=0.03)


def test_rows_get_a_column_for_each_quantile_in_order(fitted, rows):
    far = 100 * make_rows(200)[0]
    y_pred = fitted.predict(np.vstack([rows[0], far]))

    assert y_pred.shape == (600, 3) and y_pred.dtype == np.float64
    assert (np.diff(y_pred, axis=1) >= 0).all()
    assert fitted.n_outputs_ == fitted.coefs_[-1].shape[1] == 3


def test_a_single_one_in_a_list_is_a_column(rows):
    X, y = rows
    of_list, of_number = (make(quantile=q).fit(X, y).predict(X) for q in ([0.3], 0.3))

    assert of_list.shape == (400, 1)
    assert_array_equal(of_list[:, 0], of_number)


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_outputs_of_a_network_are_sorted(n_estimators, rows):
    X, y = rows
    still = {"learning_rate_init": 1e-300, "max_iter": 1, "solver": "sgd"}
    reg = make(**still, n_estimators=n_estimators, normalize_y=False).fit(X, y)
    networks = [reg] if n_estimators == 1 else reg.estimators_
    with torch.no_grad():
        outputs = [r.net_.module_(torch.as_tensor(X)).numpy() for r in networks]

    assert all((np.diff(output, axis=1) < 0).any() for output in outputs)
    assert_allclose(reg.predict(X), np.mean(np.sort(outputs, axis=2), axis=0))
    if n_estimators > 1:
        _, deviation = reg.predict(X, return_std=True)
        assert_allclose(deviation, np.std(np.sort(outputs, axis=2), axis=0))


def test_together_they_lose_no_more_than_alone(fitted, rows):
    X, y = make_rows(1000, seed=1)
    together = alone = 0.0
    for level, column in zip(LEVELS, fitted.predict(X).T, strict=True):
        one = make(quantile=level).fit(*rows)
        together += mean_pinball_loss(y, column, alpha=level)
        alone += mean_pinball_loss(y, one.predict(X), alpha=level)

    assert together < 1.02 * alone


def test_the_loss_is_the_mean_of_the_metrics(rows):
    X, y = rows
    still = {"learning_rate_init": 1e-300, "max_iter": 1, "solver": "sgd", "alpha": 0}
    reg = make(**still, normalize_y=False, early_stopping=True, scoring="loss")
    reg.fit(X, y, X_val=X, y_val=y)
    output = reg.net_.module_(torch.as_tensor(X)).detach().numpy()

    expected = np.mean(
        [mean_pinball_loss(y, output[:, k], alpha=q) for k, q in enumerate(LEVELS)]
    )
    assert reg.loss_ == pytest.approx(expected, rel=1e-9)
    assert reg.validation_loss_curve_[0] == pytest.approx(expected, rel=1e-9)
    assert reg.best_validation_score_ == pytest.approx(-expected, rel=1e-9)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "lbfgs", "max_iter": 60},
        {"precision": "float32"},
        {"normalization": "layer"},
        {"out_activation": "softplus", "normalize_y": False, "max_iter": 40},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_they_are_learnt_in_every_way_of_training(params, rows):
    reg = make(**params).fit(*rows)

    assert reg.score(*rows) > 0.2
    assert (np.diff(reg.predict(rows[0]), axis=1) >= 0).all()


def test_rows_of_zero_weight_are_as_if_removed(rows):
    X, y = rows
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    kept = weight > 0

    weighted = make().fit(X, y, weight)

    removed = make().fit(X[kept], y[kept], weight[kept])
    assert_array_equal(weighted.predict(X), removed.predict(X))


# --- scores ---------------------------------------------------------------------------


def test_the_score_is_the_mean_of_d2(fitted, rows):
    X, y = rows
    weight = np.linspace(0, 1, 400)
    y_pred = fitted.predict(X)

    assert fitted.score(X, y) == pytest.approx(mean_d2(y, y_pred))
    assert fitted.score(X, y, weight) == pytest.approx(mean_d2(y, y_pred, weight))


def test_early_stopping_watches_that_score(rows):
    X, y = rows
    reg = make(early_stopping=True, learning_rate_init=0.3)
    reg.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])

    expected = mean_d2(y[300:], reg.predict(X[300:]))
    assert reg.best_validation_score_ == pytest.approx(expected)
    assert reg.best_validation_score_ == max(reg.validation_scores_)


def test_searches_and_importances_take_that_score(fitted, rows):
    X, y = rows
    grid = {"alpha": [1e-4, 10.0], "quantile": [list(LEVELS), [0.2, 0.8]]}
    searches = [
        search(make(max_iter=3), grid, cv=2).fit(X, y)
        for search in (GridSearchCV, BatchedGridSearchCV)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    drops = permutation_importance(fitted, X, y, n_repeats=2, random_state=0)

    assert_allclose(*scores, rtol=1e-6)
    assert len(set(scores[0])) == 4
    assert (drops.importances_mean > 0.02).all()


# --- later on -------------------------------------------------------------------------


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_copies_predict_and_score_the_same(n_estimators, rows, tmp_path):
    X, y = rows
    reg = make(n_estimators=n_estimators, max_iter=3).fit(X, y)
    sknn_deep.save(reg, tmp_path / "reg.sknn")
    copies = [sknn_deep.load(tmp_path / "reg.sknn"), pickle.loads(pickle.dumps(reg))]

    for copy in copies:
        assert_array_equal(copy.predict(X), reg.predict(X))
        assert copy.score(X, y) == reg.score(X, y)
        assert copy.get_params()["quantile"] == list(LEVELS)


def test_partial_fit_goes_on_with_as_many(rows):
    X, y = rows
    reg = make().set_params(learning_rate="constant", batch_size=100)
    shares = []
    for quantile in ([0.2, 0.5, 0.8], [0.02, 0.5, 0.98]):
        reg.set_params(quantile=quantile)
        for _ in range(20):
            reg.partial_fit(X, y)
        low, _, high = reg.predict(X).T
        shares.append(np.mean((low < y) & (y < high)))

    assert shares == pytest.approx([0.6, 0.96], abs=0.06)


@pytest.mark.parametrize(
    "params",
    [{"quantile": [0.1, 0.9]}, {"quantile": 0.5}, {"loss": "squared_error"}],
    ids=str,
)
def test_going_on_with_other_outputs_is_refused(params, fitted, rows):
    reg = clone(fitted).set_params(max_iter=1).fit(*rows)
    before = weights_of(reg)
    reg.set_params(**params, warm_start=True)

    message = message_of(reg.fit, *rows)

    assert message.startswith(
        f"MLPRegressor cannot go on training with loss={reg.loss!r} and "
        f"quantile={reg.quantile!r}: its network has an output for each of "
        "(0.1, 0.5, 0.9). Restore the parameters"
    )
    assert_array_equal(weights_of(reg), before)


def test_a_network_for_columns_of_y_does_not_go_on_with_quantiles(rows):
    reg = make(loss="squared_error", quantile=0.5, max_iter=1).fit(*rows)
    reg.set_params(loss="quantile", quantile=list(LEVELS), warm_start=True)

    assert "has an output for each of the columns of y" in message_of(reg.fit, *rows)


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_exports_sort_them_too(n_estimators, rows, tmp_path):
    X, y = rows
    still = {"learning_rate_init": 1e-300, "max_iter": 1, "solver": "sgd"}
    reg = make(**still, n_estimators=n_estimators).fit(X, y)
    sknn_deep.to_onnx(reg, tmp_path / "reg.onnx", dtype="float64")
    session = InferenceSession(tmp_path / "reg.onnx")

    of_torch = sknn_deep.to_torch(reg)(torch.as_tensor(X)).detach()

    assert_allclose(of_torch, reg.predict(X))
    assert_allclose(session.run(None, {"X": X})[0], reg.predict(X))
    assert "scikit-learn's does not sort" in message_of(sknn_deep.to_sklearn, reg)


def test_skl2onnx_sorts_them_too(rows, tmp_path):
    X, y = rows
    pipe = make_pipeline(SimpleImputer(), make(max_iter=1, normalize_y=False))
    pipe.fit(X, y)
    sknn_deep.to_onnx(pipe, tmp_path / "pipe.onnx", dtype="float64")

    given = InferenceSession(tmp_path / "pipe.onnx").run(None, {"X": X})[0]

    assert_allclose(given, pipe.predict(X))


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize("cls", [MLPRegressor, TabularMLPRegressor])
@pytest.mark.parametrize(
    "quantile",
    [
        [0.5, 0.1],
        [0.1, 0.1],
        [0.0, 0.5],
        [1.5],
        [],
        [0.1, np.nan],
        ["a"],
        [[0.1, 0.9]],
        {0.1, 0.9},
    ],
    ids=str,
)
def test_quantiles_that_are_none_are_refused(quantile, cls):
    reg = cls(**QUICK | {"quantile": quantile})

    assert message_of(reg.fit, [[1.0], [2.0]], [1.0, 2.0]) == (
        f"The 'quantile' parameter of {cls.__name__} must be a number between 0 and 1, "
        f"or several in increasing order. Got {quantile!r}."
    )


@pytest.mark.parametrize("cls", [MLPRegressor, TabularMLPRegressor])
def test_they_need_the_loss_of_quantiles(cls):
    reg = cls(**QUICK | {"loss": "squared_error"})

    assert message_of(reg.fit, [[1.0], [2.0]], [1.0, 2.0]) == (
        f"{cls.__name__} predicts several quantiles with loss='quantile' alone. Got "
        "loss='squared_error' and quantile=[0.1, 0.5, 0.9]."
    )


@pytest.mark.parametrize("cls", [MLPRegressor, TabularMLPRegressor])
def test_they_are_of_one_column(cls):
    reg = cls(**QUICK)

    assert message_of(reg.fit, [[1.0], [2.0]], [[1.0, 2.0], [2.0, 1.0]]) == (
        f"{cls.__name__} predicts several quantiles of one column: y must be a vector. "
        "Got shape (2, 2)."
    )


# --- scorers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        make(early_stopping=True, scoring="r2"),
        TabularMLPRegressor(**QUICK, early_stopping=True, scoring="r2"),
    ],
    ids=["MLP", "tables"],
)
def test_a_scorer_of_one_column_is_refused(estimator, rows):
    assert message_of(estimator.fit, *rows) == (
        f"scoring='r2' of {type(estimator).__name__} judges a single column, and 3 "
        "quantiles are predicted: set scoring=None for the mean of their "
        "d2_pinball_score, 'loss', or a function scorer(estimator, X, y)."
    )


def test_a_scorer_of_one_column_is_refused_of_rows_of_ones_own(rows):
    X, y = rows
    message = message_of(make(scoring="r2").fit, X, y, X_val=X, y_val=y)

    assert message.startswith("scoring='r2' of MLPRegressor judges a single column")


@pytest.mark.parametrize(
    "params",
    [{"scoring": "r2"}, {"scoring": "r2", "quantile": [0.5], "early_stopping": True}],
)
def test_a_scorer_that_is_not_asked_or_judges_one_column_is_taken(params, rows):
    make(max_iter=2, **params).fit(*rows)
