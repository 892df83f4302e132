"""Several networks of different seeds as one estimator."""

import pickle
from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknn_deep import MLPClassifier, MLPRegressor
from sknn_deep.data import _data
from sknn_deep.fitting import _ensemble

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PARAMS = {"hidden_layer_sizes": (12,), "max_iter": 6, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500] / 16, y[:500]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:200] * 10, y[:200]


def same_weights(one, other, atol=1e-10):
    pairs = zip(
        one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
    )
    return all(np.allclose(a, b, rtol=0, atol=atol) for a, b in pairs)


def test_members_share_the_rows_where_they_are_computed_with(digits, monkeypatch):
    X, y = digits
    make_rows = mock.Mock(wraps=_data.make_rows)
    monkeypatch.setattr(_data, "make_rows", make_rows)

    MLPClassifier(**PARAMS, n_estimators=4, precision="float32").fit(X, y)

    assert make_rows.call_count == 1


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dropout": 0.2},
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1},
        {"normalization": "batch"},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
def test_members_are_the_single_fits_with_their_seeds(digits, params):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=3).set_params(**params).fit(X, y)

    assert len({m.random_state for m in ensemble.estimators_}) == 3
    for member in ensemble.estimators_:
        alone = MLPClassifier(**PARAMS).set_params(
            **params, random_state=member.random_state
        )
        alone.fit(X, y)
        assert same_weights(member, alone)
        assert member.n_iter_ == alone.n_iter_
        np.testing.assert_array_equal(member.predict(X), alone.predict(X))


def test_probabilities_are_averaged(digits):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=3).fit(X, y)

    mean = np.mean([m.predict_proba(X) for m in ensemble.estimators_], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, atol=1e-15)
    np.testing.assert_array_equal(
        ensemble.predict(X), ensemble.classes_[mean.argmax(axis=1)]
    )


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_predicted_numbers_are_averaged(diabetes, loss):
    X, y = diabetes
    ensemble = MLPRegressor(loss, n_estimators=3, normalize_y=True, **PARAMS)
    ensemble.fit(X, y)

    mean = np.mean([m.predict(X) for m in ensemble.estimators_], axis=0)
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "multilabel", "strings"])
def test_targets_of_any_kind_are_averaged(digits, kind):
    X, digit = digits
    y = {
        "binary": digit > 4,
        "multilabel": np.column_stack([digit > 4, digit % 2 == 0]).astype(int),
        "strings": np.char.add("digit ", digit.astype(str)),
    }[kind]
    ensemble = MLPClassifier(**PARAMS, n_estimators=2).fit(X, y)

    first, second = (m.predict_proba(X) for m in ensemble.estimators_)
    np.testing.assert_allclose(
        ensemble.predict_proba(X), (first + second) / 2, atol=1e-15
    )
    assert ensemble.predict(X).dtype == clone(ensemble).fit(X, y).predict(X).dtype
    assert set(np.unique(ensemble.predict(X))) <= set(np.unique(y))


def test_members_make_a_better_probability_than_one(digits):
    X, y = digits
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    ensemble = MLPClassifier((40,), max_iter=60, n_estimators=5, random_state=0)
    ensemble.fit(X, y)

    losses = [log_loss(y_test, m.predict_proba(X_test)) for m in ensemble.estimators_]
    assert log_loss(y_test, ensemble.predict_proba(X_test)) < np.mean(losses)


def test_networks_that_can_be_are_trained_as_one_stack(digits, monkeypatch):
    outcomes = []
    real = _ensemble.train_together

    def spy(*args, **kwargs):
        outcomes.append(real(*args, **kwargs))
        return outcomes[-1]

    monkeypatch.setattr(_ensemble, "train_together", spy)
    MLPClassifier(**PARAMS, n_estimators=3).fit(*digits)
    MLPClassifier(**PARAMS, n_estimators=3, normalization="layer").fit(*digits)

    assert [stacked for _, stacked in outcomes] == [[True] * 3, [False] * 3]


def test_partial_fit_trains_each_member(digits):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=2)
    for _ in range(3):
        ensemble.partial_fit(X, y, classes=np.arange(10))

    for member in ensemble.estimators_:
        alone = MLPClassifier(**PARAMS).set_params(random_state=member.random_state)
        for _ in range(3):
            alone.partial_fit(X, y, classes=np.arange(10))
        assert same_weights(member, alone)


def test_warm_start_goes_on_with_each_member(digits):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=2, warm_start=True).fit(X, y)
    seeds = [m.random_state for m in ensemble.estimators_]
    ensemble.set_params(learning_rate_init=0.01).fit(X, y)

    assert [m.random_state for m in ensemble.estimators_] == seeds
    for member in ensemble.estimators_:
        alone = MLPClassifier(**PARAMS, warm_start=True)
        alone.set_params(random_state=member.random_state).fit(X, y)
        alone.set_params(learning_rate_init=0.01).fit(X, y)
        assert same_weights(member, alone)


def test_warm_start_with_another_number_raises_and_changes_nothing(digits):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=2, warm_start=True).fit(X, y)
    before = ensemble.predict_proba(X)
    ensemble.set_params(n_estimators=3)

    with pytest.raises(ValueError, match="2 networks with n_estimators=3"):
        ensemble.fit(X, y)
    np.testing.assert_array_equal(ensemble.predict_proba(X), before)


def test_a_new_fit_forgets_what_the_other_kind_left(digits):
    X, y = digits
    single = MLPClassifier(**PARAMS).fit(X, y)
    ensemble = MLPClassifier(**PARAMS, n_estimators=2).fit(X, y)
    single.set_params(n_estimators=2).fit(X, y)
    ensemble.set_params(n_estimators=1).fit(X, y)

    assert not hasattr(single, "net_")
    assert not hasattr(ensemble, "estimators_")
    assert len(single.estimators_) == 2
    assert same_weights(ensemble, MLPClassifier(**PARAMS).fit(X, y))


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_what_is_about_one_network_is_absent(digits, name):
    ensemble = MLPClassifier(**PARAMS, n_estimators=2).fit(*digits)

    assert not hasattr(ensemble, name)
    with pytest.raises(AttributeError, match="an ensemble of 2 networks"):
        ensemble.summary()
    with pytest.raises(AttributeError, match=r"estimators_\[0\]"):
        ensemble.hidden_features(digits[0])


def test_weights_of_rows_and_validation_rows_reach_all_members(digits):
    X, y = digits
    weight = np.arange(len(X)) % 3
    fit_params = {"sample_weight": weight, "X_val": X[:50], "y_val": y[:50]}
    ensemble = MLPClassifier(**PARAMS, n_estimators=2, class_weight="balanced")
    ensemble.fit(X, y, **fit_params)

    member = ensemble.estimators_[1]
    alone = clone(member).fit(X, y, **fit_params)
    assert same_weights(member, alone)
    assert len(member.validation_scores_) == PARAMS["max_iter"]


def test_dataframe_names_are_known(digits):
    pd = pytest.importorskip("pandas")
    X, y = digits
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    ensemble = MLPClassifier(**PARAMS, n_estimators=2).fit(frame, y)

    assert list(ensemble.feature_names_in_) == list(frame)
    np.testing.assert_array_equal(
        ensemble.predict_proba(frame),
        MLPClassifier(**PARAMS, n_estimators=2).fit(X, y).predict_proba(X),
    )
    with pytest.raises(ValueError, match="feature names"):
        ensemble.predict(frame[frame.columns[::-1]])


def test_pickled_and_cloned(digits):
    X, y = digits
    ensemble = MLPClassifier(**PARAMS, n_estimators=2).fit(X, y)

    loaded = pickle.loads(pickle.dumps(ensemble))
    np.testing.assert_array_equal(loaded.predict_proba(X), ensemble.predict_proba(X))
    assert not hasattr(clone(ensemble), "estimators_")


def test_failed_training_leaves_the_ensemble_unfitted(digits):
    X, y = digits
    ensemble = MLPClassifier(
        **PARAMS, n_estimators=2, solver="sgd", learning_rate_init=1e9
    )
    with pytest.raises(ValueError, match="Solver produced non-finite"):
        ensemble.fit(X * 1e100, y)
    assert not hasattr(ensemble, "estimators_")
    assert not hasattr(ensemble, "classes_")


class Listener:
    """Notes what callbacks of scikit-learn are told beside the data."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, metadata=None):
        self.told.append(metadata)

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.told.append(metadata)


def test_callbacks_of_scikit_learn_are_told_of_sample_weights(digits, sklearn_callback):
    X, y = digits
    weight = np.linspace(1, 2, len(y))
    listener = Listener()

    ensemble = MLPClassifier(**PARAMS, n_estimators=2).set_callbacks(listener)
    ensemble.fit(X, y, sample_weight=weight)

    assert len(listener.told) == 6  # the beginning and end of three tasks
    for metadata in listener.told:
        np.testing.assert_array_equal(metadata["sample_weight"], weight)


def test_callbacks_of_scikit_learn_are_told_of_each_member(
    digits, capsys, sklearn_callback
):
    ensemble = MLPClassifier(**PARAMS, n_estimators=2)
    ensemble.set_callbacks(sklearn_callback.ProgressBar()).fit(*digits)

    assert "network" in capsys.readouterr().out
    pickle.dumps(ensemble.estimators_)
