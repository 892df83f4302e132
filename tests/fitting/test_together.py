"""Planned fits that are trained together, against each estimator's own fit."""

import itertools
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.preprocessing import MinMaxScaler

import sknn_deep.machine._threads as threads_file
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.fitting import _together as together
from sknn_deep.fitting import family_of, may_be_stacked, train_together
from tests.estimators.fits import weights_of

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS = 60


def make_data(dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 5)).astype(dtype)
    return X, np.arange(N_ROWS) % 3


def make(cls=MLPClassifier, **options):
    return cls(
        **{
            "hidden_layer_sizes": (6,),
            "batch_size": 16,
            "max_iter": 10,
            "random_state": 0,
            **options,
        }
    )


def plan(estimator, X, y=None, **fit_params):
    return estimator._plan_fit(estimator._check_fit(X, y, **fit_params))


def fit_together(estimators, X, y=None, **fit_params):
    plans = [plan(estimator, X, y, **fit_params) for estimator in estimators]
    errors, stacked = train_together(estimators, plans)
    for estimator, planned, error in zip(estimators, plans, errors, strict=True):
        if error is None:
            estimator._end_fit(planned)
    return errors, stacked


LEARNT = (
    "loss_",
    "loss_curve_",
    "n_iter_",
    "t_",
    "n_features_in_",
    "best_loss_",
    "best_validation_score_",
    "validation_scores_",
)


def assert_same_fit(ours, theirs, tolerance=1e-10):
    """Compare the weights and all that a fit tells of itself."""
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    for name in LEARNT:
        assert hasattr(ours, name) == hasattr(theirs, name), name
        expected = getattr(theirs, name, None)
        if expected is None:
            assert getattr(ours, name, None) is None
        else:
            np.testing.assert_allclose(
                getattr(ours, name), expected, rtol=tolerance, err_msg=name
            )


def assert_together_equals_alone(make_one, n, X, y=None, tolerance=1e-10, **fit_params):
    ours = [make_one(k) for k in range(n)]

    errors, stacked = fit_together(ours, X, y, **fit_params)

    assert errors == [None] * n
    assert stacked == [True] * n
    for k, estimator in enumerate(ours):
        theirs = make_one(k).fit(X, y, **fit_params)
        assert_same_fit(estimator, theirs, tolerance)
    return ours


RATES = [0.003, 0.03, 0.1]

CASES = {
    "rates": lambda k: make(learning_rate_init=RATES[k]),
    "seeds": lambda k: make(random_state=k),
    "adamw": lambda k: make(solver="adamw", alpha=[0.0, 0.1, 1.0][k]),
    "sgd": lambda k: make(
        solver="sgd", momentum=[0.5, 0.9, 0.9][k], alpha=[0, 0, 1][k]
    ),
    "adaptive": lambda k: make(
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=RATES[k],
        tol=0.05,
        n_iter_no_change=1,
    ),
    "invscaling": lambda k: make(
        solver="sgd", learning_rate="invscaling", power_t=[0.1, 0.5, 0.9][k]
    ),
    "one_cycle": lambda k: make(learning_rate="one_cycle", max_iter=[3, 10, 5][k]),
    "dropout": lambda k: make(dropout=[0.1, 0.3, 0.6][k], random_state=k),
    "tol": lambda k: make(tol=[0.0, 0.02, 0.1][k], n_iter_no_change=1),
    "early stopping": lambda k: make(
        early_stopping=True,
        n_iter_no_change=1,
        learning_rate_init=RATES[k],
        random_state=k,
    ),
    "early stopping by loss": lambda k: make(
        early_stopping=True,
        scoring="loss",
        n_iter_no_change=1,
        learning_rate_init=[0.01, 0.3, 1.0][k],
    ),
    "label smoothing": lambda k: make(label_smoothing=[0.0, 0.1, 0.3][k]),
    "class weights": lambda k: make(
        class_weight=["balanced", {0: 3.0, 1: 1.0, 2: 0.5}, {0: 2.0}][k]
    ),
    "clipping": lambda k: make(clip_grad_norm=[None, 0.01, 1.0][k]),
}


@pytest.mark.parametrize("make_one", CASES.values(), ids=CASES)
def test_together_equals_alone(make_one):
    assert_together_equals_alone(make_one, 3, *make_data())


def test_together_in_float32_equals_alone():
    X, y = make_data(np.float32)

    ours = assert_together_equals_alone(
        lambda k: make(learning_rate_init=RATES[k], dropout=0.2), 3, X, y, 1e-5
    )

    assert ours[0].coefs_[0].dtype == np.float32


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_together_many_equal_each_alone(dtype, tolerance):
    X, y = make_data(dtype)
    n = 135

    def make_one(k):
        return make(
            hidden_layer_sizes=(4,),
            learning_rate_init=RATES[k % 3],
            alpha=[0.0, 1.0][k % 2],
            random_state=k,
        )

    ours = [make_one(k) for k in range(n)]
    errors, stacked = fit_together(ours, X, y)

    assert errors == [None] * n
    assert stacked == [True] * n
    for k in (0, 1, 31, 32, 77, 134):
        assert_same_fit(ours[k], make_one(k).fit(X, y), tolerance)


def test_together_stop_at_different_epochs():
    X, y = make_data()

    ours = assert_together_equals_alone(
        lambda k: make(early_stopping=True, n_iter_no_change=k + 1), 3, X, y
    )

    assert len({estimator.n_iter_ for estimator in ours}) > 1


@pytest.mark.parametrize("zeros", [False, True])
def test_together_with_sample_weights_equals_alone(zeros):
    X, y = make_data()
    weight = np.random.default_rng(1).uniform(0.2, 2.0, size=N_ROWS)
    if zeros:
        weight[::7] = 0.0

    assert_together_equals_alone(
        lambda k: make(alpha=[0.0, 1.0, 3.0][k]), 3, X, y, sample_weight=weight
    )


def test_together_with_a_validation_set_equals_alone():
    X, y = make_data()

    ours = assert_together_equals_alone(
        lambda k: make(
            early_stopping=True, n_iter_no_change=1, learning_rate_init=RATES[k]
        ),
        3,
        X,
        y,
        X_val=X[:20] + 0.1,
        y_val=y[:20],
    )

    assert all(len(estimator.validation_scores_) > 0 for estimator in ours)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_together_regressors_equal_alone(loss, n_outputs):
    X, y = make_data()
    y = y.astype(float) if n_outputs == 1 else np.abs(X[:, :2]) + 0.1

    assert_together_equals_alone(
        lambda k: make(MLPRegressor, loss=loss, alpha=[0.0, 1.0][k]), 2, X, y
    )


@pytest.mark.parametrize(
    "loss, out_activation",
    [("squared_error", "identity"), ("binary_cross_entropy", "logistic")],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_together_autoencoders_equal_alone(loss, out_activation, weighted):
    X = MinMaxScaler().fit_transform(make_data()[0])
    weight = {"sample_weight": np.arange(N_ROWS) + 1.0} if weighted else {}

    assert_together_equals_alone(
        lambda k: make(
            AutoencoderTransformer,
            n_components=2,
            loss=loss,
            out_activation=out_activation,
            learning_rate_init=RATES[k],
            dropout=0.1,
        ),
        3,
        X,
        **weight,
    )


def test_together_on_sparse_rows_equals_alone():
    X, y = make_data()
    X = scipy.sparse.csr_array(np.where(np.abs(X) < 0.5, 0, X))

    assert_together_equals_alone(CASES["rates"], 3, X, y)


@pytest.mark.parametrize("clip_grad_norm", [None, 0.01])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_together_penalizes_and_clips_weights_that_lie_transposed(
    solver, clip_grad_norm
):
    X, y = make_data()

    def make(k):
        return MLPClassifier(
            (64, 48),
            solver=solver,
            alpha=10.0 * (k + 1),
            clip_grad_norm=clip_grad_norm,
            max_iter=5,
            batch_size=16,
            random_state=k,
        )

    assert_together_equals_alone(make, 3, X, y)


def test_together_multilabel_equals_alone():
    X, y = make_data()
    labels = np.stack([y == 0, X[:, 0] > 0], axis=1).astype(int)

    assert_together_equals_alone(CASES["label smoothing"], 3, X, labels)


def test_together_leaves_estimators_that_go_on():
    X, y = make_data()
    ours = [CASES["rates"](k) for k in range(3)]
    fit_together(ours, X, y)
    theirs = CASES["rates"](1).fit(X, y)

    ours[1].partial_fit(X, y)
    theirs.partial_fit(X, y)

    assert_same_fit(ours[1], theirs)
    assert ours[0].score(X, y) > 0


# --- which may be stacked ----------------------------------------------------------


def test_together_trains_alone_what_is_alone():
    X, y = make_data()
    ours = [make(), make(alpha=1.0), make(hidden_layer_sizes=(3,)), make(solver="sgd")]

    errors, stacked = fit_together(ours, X, y)

    assert errors == [None] * 4
    assert stacked == [True, True, False, False]
    for estimator in ours:
        assert_same_fit(estimator, type(estimator)(**estimator.get_params()).fit(X, y))


ALONE = {
    "lbfgs": {"solver": "lbfgs"},
    "batch norm": {"normalization": "batch"},
    "layer norm": {"normalization": "layer"},
    "max_time": {"max_time": 1000.0},
    "verbose": {"verbose": True},
    "bfloat16": {"precision": "bfloat16"},
    "compile": {"compile": True},
}


@pytest.mark.parametrize("options", ALONE.values(), ids=ALONE)
def test_family_of_what_cannot_be_stacked_is_none(options):
    X, y = make_data()
    estimator = make(**options)

    assert family_of(estimator, plan(estimator, X, y)) is None


@pytest.mark.parametrize(
    "name", ["lbfgs", "batch norm", "layer norm", "max_time"], ids=str
)
def test_what_cannot_be_stacked_is_known_before_it_is_planned(name):
    assert may_be_stacked(make())
    assert not may_be_stacked(make(**ALONE[name]))


@pytest.mark.parametrize("name", ["lbfgs", "batch norm", "layer norm", "max_time"])
def test_together_trains_what_cannot_be_stacked_as_fit_does(name):
    X, y = make_data()
    ours = [make(alpha=alpha, **ALONE[name]) for alpha in (0.1, 1.0)]

    errors, stacked = fit_together(ours, X, y)

    assert errors == [None, None]
    assert stacked == [False, False]
    for estimator in ours:
        theirs = type(estimator)(**estimator.get_params()).fit(X, y)
        np.testing.assert_array_equal(weights_of(estimator), weights_of(theirs))


# --- failures ----------------------------------------------------------------------


def test_together_reports_each_failure_and_warns_for_each_fit():
    X, y = make_data()
    rates = [0.01, 1e300, 0.1]
    ours = [make(MLPRegressor, solver="sgd", learning_rate_init=rate) for rate in rates]

    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        errors, stacked = fit_together(ours, X, y.astype(float))

    assert [type(error) for error in errors] == [type(None), ValueError, type(None)]
    assert "diverged" in str(errors[1])
    assert stacked == [True] * 3
    assert len([w for w in caught if "Maximum iterations" in str(w.message)]) == 2
    for k in (0, 2):
        theirs = make(MLPRegressor, solver="sgd", learning_rate_init=rates[k])
        assert_same_fit(ours[k], theirs.fit(X, y.astype(float)))


def test_together_that_diverges_with_early_stopping_keeps_the_best_weights():
    X, y = make_data()

    def make_one(k):
        return make(
            MLPRegressor,
            solver="sgd",
            early_stopping=True,
            learning_rate_init=[0.01, 1e5][k],
        )

    ours = [make_one(k) for k in range(2)]
    with np.errstate(all="ignore"):
        errors, stacked = fit_together(ours, X, y.astype(float))
        theirs = [make_one(k).fit(X, y.astype(float)) for k in range(2)]

    assert errors == [None, None]
    assert stacked == [True, True]
    for k in range(2):
        assert_same_fit(ours[k], theirs[k])


# --- the size of the stacks --------------------------------------------------------


@pytest.mark.parametrize(
    "n, n_most, n_least, n_cores, sizes",
    [
        (5, 32, 8, 1, [5]),
        (32, 32, 8, 1, [32]),
        (33, 32, 8, 1, [16, 17]),
        (7, 3, 8, 1, [2, 2, 3]),
        (3, 1, 8, 1, [1, 1, 1]),
        (5, 32, 8, 2, [5]),
        (27, 32, 8, 2, [13, 14]),
        (54, 16, 8, 2, [13, 14, 13, 14]),
        (27, 32, 8, 16, [9, 9, 9]),
        (20, 8, 8, 2, [6, 7, 7]),
        (1, 32, 8, 2, [1]),
        (3, 1, 8, 2, [1, 1, 1]),
        (5, 32, 2, 2, [2, 3]),
        (5, 32, 2, 1, [5]),
        (3, 32, 2, 2, [3]),
        (5, 32, 2, 16, [2, 3]),
    ],
)
def test_stacks_are_of_similar_size(n, n_most, n_least, n_cores, sizes):
    parts = together._divide(
        list(range(n)), n_most=n_most, n_least=n_least, n_cores=n_cores
    )

    assert [len(part) for part in parts] == sizes
    assert [number for part in parts for number in part] == list(range(n))


def test_stacks_shrink_where_memory_is_short(monkeypatch):
    X, y = make_data()
    planned = plan(make(), X, y)
    most = together._most_in_a_stack(planned, 1)
    n_parameters = 5 * 6 + 6 + 6 * 3 + 3

    assert most == together._MAX_ON_CPU
    monkeypatch.setattr(together, "_CACHED_BYTES", 1)
    assert together._most_in_a_stack(planned, 1) == 8
    monkeypatch.setattr(together, "_CACHED_BYTES", 2**40)
    monkeypatch.setattr(together, "_MAX_ON_CPU", 10**6)
    many = together._most_in_a_stack(planned, 1)
    assert together._most_in_a_stack(planned, 4) == many // 4
    monkeypatch.setattr(together, "_MAX_BYTES", 10 * 8 * 4 * n_parameters)
    assert 1 <= together._most_in_a_stack(planned, 1) < 10
    monkeypatch.setattr(together, "_MAX_BYTES", 1)
    assert together._most_in_a_stack(planned, 1) == 1


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def side_by_side(two_threads, monkeypatch):
    """Let any stack be worth a core."""
    monkeypatch.setattr(threads_file, "_STACK_IN_OWN_THREAD_FROM", 1.0)


def test_stacks_side_by_side_are_trained_as_alone(side_by_side, monkeypatch):
    threads = set()
    real = together.train_stack

    def spy(*args, **kwargs):
        threads.add((threading.get_ident(), torch.get_num_threads()))
        return real(*args, **kwargs)

    monkeypatch.setattr(together, "train_stack", spy)
    monkeypatch.setattr(together, "_MAX_ON_CPU", 2)
    X, y = make_data()
    rates = [0.001 * k for k in range(1, 9)]
    ours = [make(learning_rate_init=rate) for rate in rates]
    errors, stacked = fit_together(ours, X, y)

    assert errors == [None] * 8
    assert all(stacked)
    assert {n for _, n in threads} == {1}
    assert threading.get_ident() not in {thread for thread, _ in threads}
    for rate, each in zip(rates, ours, strict=True):
        assert_same_fit(each, make(learning_rate_init=rate).fit(X, y))


@pytest.mark.parametrize("width, n_threads", [(100, {2}), (800, {1})], ids=str)
def test_few_networks_get_a_core_each_where_their_steps_are_worth_it(
    two_threads, monkeypatch, width, n_threads
):
    sizes = []
    real = together.train_stack

    def spy(runs, *args, **kwargs):
        sizes.append((len(runs), torch.get_num_threads()))
        return real(runs, *args, **kwargs)

    monkeypatch.setattr(together, "train_stack", spy)
    X, y = make_data()
    ours = [
        make(hidden_layer_sizes=(width, width), random_state=k, max_iter=1)
        for k in range(4)
    ]
    fit_together(ours, X, y)

    assert {n for _, n in sizes} == n_threads
    assert sorted(n for n, _ in sizes) == ([4] if n_threads == {2} else [2, 2])


def test_small_stacks_of_several_families_are_trained_one_after_the_other(
    two_threads, monkeypatch
):
    threads = []
    real = together.train_stack

    def spy(runs, *args, **kwargs):
        threads.append((len(runs), threading.get_ident()))
        return real(runs, *args, **kwargs)

    monkeypatch.setattr(together, "train_stack", spy)
    X, y = make_data()
    ours = [make(hidden_layer_sizes=(k,)) for k in (3, 4, 3, 4)]
    fit_together(ours, X, y)

    assert threads == [(2, threading.get_ident())] * 2


def test_an_error_in_one_stack_ends_the_others(side_by_side, monkeypatch):
    monkeypatch.setattr(together, "_MAX_ON_CPU", 2)
    X, y = make_data()
    ours = [make(alpha=0.1 * k, max_iter=10**6, tol=0) for k in range(4)]
    plans = [plan(each, X, y) for each in ours]
    n_epochs = itertools.count()

    def fail(n_running):
        if next(n_epochs) == 3:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train_together(ours, plans, on_epoch=fail)
