"""The same seed gives the same network as scikit-learn's MLP, to rounding.

Everything is compared in float64 on the CPU: there the orders of the batches and the
epsilon of Adam are scikit-learn's too.
"""

import inspect
import numbers
import warnings

import numpy as np
import pytest
import sklearn.neural_network as theirs
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import is_classifier
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import sknn_deep as ours
from tests.requirements import is_met, needs

EXACT = {"device": "cpu", "precision": "float64"}
ESTIMATORS = ["MLPClassifier", "MLPRegressor"]


def binary():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X)[:150], np.where(y == 1, "good", "bad")[:150]


def multiclass():
    X, y = load_digits(return_X_y=True)
    return X[:150] / 16, y[:150]


def multilabel():
    X, y = make_multilabel_classification(
        n_samples=120, n_features=12, n_classes=4, random_state=0
    )
    return scale(X), y


def regression():
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:150], scale(y)[:150]


def multi_output():
    X, y = regression()
    return X[:, :6], np.column_stack([y, X[:, 6:8]])


def counts():
    X, y = regression()
    return X, np.random.default_rng(0).poisson(np.exp(0.5 * y + 0.5)).astype(float)


CLASSIFIER_DATA = {f.__name__: f() for f in (binary, multiclass, multilabel)}
REGRESSOR_DATA = {f.__name__: f() for f in (regression, multi_output, counts)}
DATA = CLASSIFIER_DATA | REGRESSOR_DATA

since_1_7 = needs("scikit-learn>=1.7", "its MLP has the Poisson loss and sample_weight")
# The names of the data, for parametrize: those with the Poisson loss need it there.
NAMES = [pytest.param(n, marks=since_1_7) if n == "counts" else n for n in DATA]


def name_of(data):
    return "MLPClassifier" if data in CLASSIFIER_DATA else "MLPRegressor"


def loss_of(data):
    return {"loss": "poisson"} if data == "counts" else {}


def make_pair(name, **params):
    """Make our estimator and scikit-learn's with the same parameters."""
    params = {"hidden_layer_sizes": (8,), "random_state": 3, "max_iter": 6} | params
    return getattr(ours, name)(**params, **EXACT), getattr(theirs, name)(**params)


def skip_unless_scores_strings():
    if not is_met("scikit-learn>=1.9"):
        pytest.skip("older scikit-learns look for NaN in labels that are strings")


def record_warnings(function, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Until scikit-learn 1.7 is the oldest: of an option that its L-BFGS passes.
        warnings.filterwarnings("ignore", "scipy.optimize: The `disp` and `iprint`")
        function(*args, **kwargs)
    return [(w.category, str(w.message)) for w in caught]


def fit_both(our, their, *args, method="fit", **kwargs):
    """Call the same method of both, and hold their warnings to being the same."""
    ours_warned = record_warnings(getattr(our, method), *args, **kwargs)
    theirs_warned = record_warnings(getattr(their, method), *args, **kwargs)
    assert ours_warned == theirs_warned
    return ours_warned


def assert_close(actual, desired, name):
    if desired is None:
        assert actual is None, name
    else:
        assert_allclose(actual, desired, rtol=1e-6, atol=1e-9, err_msg=name)


def assert_same_fit(our, their, X):
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(our, name) == getattr(their, name), name
    for name in ("coefs_", "intercepts_"):
        for i, (a, b) in enumerate(
            zip(getattr(our, name), getattr(their, name), strict=True)
        ):
            assert_close(a, b, f"{name}[{i}]")
    for name in (
        "loss_",
        "best_loss_",
        "loss_curve_",
        "validation_scores_",
        "best_validation_score_",
    ):
        assert_close(getattr(our, name), getattr(their, name), name)
    if is_classifier(their):
        assert_array_equal(our.classes_, their.classes_)
        assert_array_equal(our.predict(X), their.predict(X))
        assert_close(our.predict_proba(X), their.predict_proba(X), "predict_proba")
    else:
        assert_close(our.predict(X), their.predict(X), "predict")


SETTINGS = {
    "defaults": {},
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic"},
    "tanh": {"activation": "tanh"},
    "two hidden layers": {"hidden_layer_sizes": (7, 5)},
    "one number of units": {"hidden_layer_sizes": 9},
    "no penalty": {"alpha": 0.0},
    "strong penalty": {"alpha": 1.0},
    "last batch smaller": {"batch_size": 32},
    "last batch of one row": {"batch_size": 149},
    "batches of one row": {"batch_size": 1, "max_iter": 2},
    "no shuffle": {"shuffle": False, "batch_size": 40},
    "adam betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.02, "batch_size": 32},
    "sgd no momentum": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1},
    "sgd plain momentum": {
        "solver": "sgd",
        "nesterovs_momentum": False,
        "learning_rate_init": 0.02,
    },
    "sgd invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.1,
        "power_t": 0.3,
        "batch_size": 32,
    },
    "sgd adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "tol": 0.05,
        "n_iter_no_change": 1,
        "max_iter": 40,
        "batch_size": 32,
    },
    "adam ignores schedules": {"learning_rate": "invscaling"},
    "stops by tol": {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 60},
    "never stops": {"tol": 1e9, "n_iter_no_change": np.inf, "max_iter": 12},
    "early stopping": {
        "early_stopping": True,
        "n_iter_no_change": 3,
        "validation_fraction": 0.2,
        "max_iter": 30,
        "learning_rate_init": 0.01,
    },
    "early stopping sgd adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "early_stopping": True,
        "n_iter_no_change": 1,
        "max_iter": 30,
    },
}


@pytest.mark.parametrize("data", NAMES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_fit_equals_scikit_learn(data, setting):
    if data == "multiclass" and SETTINGS[setting].get("early_stopping"):
        pytest.skip("scikit-learn stratifies two classes only, here all are")
    if data == "binary" and SETTINGS[setting].get("early_stopping"):
        skip_unless_scores_strings()
    X, y = DATA[data]
    our, their = make_pair(name_of(data), **SETTINGS[setting], **loss_of(data))

    fit_both(our, their, X, y)

    assert_same_fit(our, their, X)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("data", NAMES)
def test_first_ten_steps_equal_scikit_learn(data, solver):
    X, y = DATA[data]
    our, their = make_pair(
        name_of(data),
        solver=solver,
        learning_rate_init=0.05,
        max_iter=1,
        batch_size=12,
        hidden_layer_sizes=(20, 10),
        **loss_of(data),
    )

    fit_both(our, their, X[:120], y[:120])

    for a, b in zip(our.coefs_, their.coefs_, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-6)
    for a, b in zip(our.intercepts_, their.intercepts_, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-6)


@since_1_7
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("data", ["binary", "regression", "multi_output", "counts"])
def test_fit_with_weights_equals_scikit_learn(data, solver, early_stopping):
    if data == "binary" and early_stopping:
        skip_unless_scores_strings()
    X, y = DATA[data]
    weight = np.random.default_rng(1).uniform(0.1, 3, len(X))
    our, their = make_pair(
        name_of(data),
        solver=solver,
        early_stopping=early_stopping,
        batch_size=40,
        alpha=0.5,
        **loss_of(data),
    )

    fit_both(our, their, X, y, sample_weight=weight)

    assert_same_fit(our, their, X)
    assert our.score(X, y, weight) == pytest.approx(their.score(X, y, weight))


# With early stopping, scikit-learn goes on to change the best weights themselves if the
# score no longer improves in a later fit: in the third case it improves in each.
@pytest.mark.parametrize(
    ("data", "params"),
    [
        ("binary", {}),
        ("multi_output", {"solver": "sgd"}),
        ("regression", {"early_stopping": True, "learning_rate_init": 0.01}),
    ],
    ids=["adam", "sgd", "early stopping"],
)
def test_warm_start_equals_scikit_learn(data, params):
    X, y = DATA[data]
    our, their = make_pair(name_of(data), warm_start=True, **params)

    for max_iter in (4, 7, 3):
        our.set_params(max_iter=max_iter)
        their.set_params(max_iter=max_iter)
        fit_both(our, their, X, y)

        assert_same_fit(our, their, X)
    assert len(our.loss_curve_) == 14


@pytest.mark.parametrize("make_seed", [int, np.random.RandomState])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "learning_rate_init": 0.05},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
        {"solver": "sgd", "momentum": 0, "batch_size": 10},
    ],
    ids=["adam", "sgd", "invscaling", "no momentum"],
)
@pytest.mark.parametrize("data", NAMES)
def test_partial_fit_equals_scikit_learn(data, params, make_seed):
    X, y = DATA[data]
    our, their = make_pair(name_of(data), **params, **loss_of(data))
    our.set_params(random_state=make_seed(3))
    their.set_params(random_state=make_seed(3))
    first = {}
    if data in ("binary", "multiclass"):
        first["classes"] = np.unique(y)
    elif data == "multilabel":
        first["classes"] = np.arange(y.shape[1])

    for rows in (slice(0, 50), slice(50, 90), slice(90, 120), slice(0, 120)):
        fit_both(our, their, X[rows], y[rows], method="partial_fit", **first)
        first = {}

    assert_same_fit(our, their, X)
    assert our.n_iter_ == 1
    assert len(our.loss_curve_) == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"alpha": 5.0},
        {"activation": "tanh"},
        {"batch_size": 7},
        {"shuffle": False},
    ],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_set_params_between_partial_fits(changed, solver):
    X, y = DATA["regression"]
    our, their = make_pair("MLPRegressor", solver=solver)
    for _ in range(2):
        fit_both(our, their, X, y, method="partial_fit")

    for estimator in (our, their):
        estimator.set_params(**changed)
    for _ in range(2):
        fit_both(our, their, X, y, method="partial_fit")

    assert_same_fit(our, their, X)


@pytest.mark.parametrize(
    "params",
    [{}, {"alpha": 1.0}, {"activation": "tanh", "tol": 1e-3}, {"max_fun": 15}],
    ids=["defaults", "alpha", "tanh", "max_fun"],
)
@pytest.mark.parametrize("data", [name for name in NAMES if name != "multi_output"])
def test_lbfgs_equals_scikit_learn(data, params):
    X, y = DATA[data]
    params = {"solver": "lbfgs", "max_iter": 15, "alpha": 0.01} | params
    our, their = make_pair(name_of(data), **params, **loss_of(data))

    fit_both(our, their, X, y)

    assert our.loss_ == pytest.approx(their.loss_, rel=1e-6)
    assert our.n_iter_ == their.n_iter_
    for name in ("loss_curve_", "best_loss_", "validation_scores_"):
        assert hasattr(our, name) == hasattr(their, name), name


def test_lbfgs_of_several_outputs_reports_their_mean():
    # scikit-learn's gradient is that of the sum over the outputs and its loss is their
    # mean, which leads its line search astray: its result is no oracle here.
    X, y = DATA["multi_output"]
    our, their = make_pair("MLPRegressor", solver="lbfgs", max_iter=30, alpha=0.01)

    record_warnings(our.fit, X, y)
    record_warnings(their.fit, X, y)

    penalty = 0.01 / (2 * len(X)) * sum(np.sum(w**2) for w in our.coefs_)
    assert our.loss_ == pytest.approx(np.mean((our.predict(X) - y) ** 2) / 2 + penalty)
    assert our.score(X, y) > their.score(X, y) - 0.02


@since_1_7
@pytest.mark.parametrize("name", ESTIMATORS)
def test_lbfgs_with_weights_equals_scikit_learn(name):
    X, y = DATA["binary" if name == "MLPClassifier" else "regression"]
    weight = np.random.default_rng(1).integers(1, 4, len(X))
    our, their = make_pair(name, solver="lbfgs", alpha=0.1, max_iter=15)

    fit_both(our, their, X, y, sample_weight=weight)

    assert our.loss_ == pytest.approx(their.loss_, rel=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_sparse_input_equals_scikit_learn(name):
    X, y = DATA["multiclass"]
    our, their = make_pair(name, batch_size=32)

    fit_both(our, their, csr_array(X), y.astype(float))

    assert_same_fit(our, their, csr_array(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_float32_starts_and_ends_near_scikit_learn(name):
    X, y = DATA["multiclass"]
    our, their = make_pair(name, max_iter=3)
    our.set_params(precision="auto")

    fit_both(our, their, X.astype(np.float32), y.astype(float))

    for a, b in zip(our.coefs_, their.coefs_, strict=True):
        assert a.dtype == b.dtype == np.float32
        assert_allclose(a, b, atol=1e-4)


def test_batch_size_above_n_samples_warns_as_scikit_learn():
    X, y = DATA["binary"]
    our, their = make_pair("MLPClassifier", batch_size=1000, max_iter=2)

    warned = fit_both(our, their, X, y)

    assert [category for category, _ in warned] == [UserWarning, ConvergenceWarning]
    assert_same_fit(our, their, X)


@pytest.mark.parametrize("setting", ["stops by tol", "sgd adaptive", "early stopping"])
@pytest.mark.parametrize("data", ["binary", "regression"])
def test_verbose_lines_equal_scikit_learn(data, setting, capsys):
    if data == "binary" and setting == "early stopping":
        skip_unless_scores_strings()
    X, y = DATA[data]
    our, their = make_pair(name_of(data), **SETTINGS[setting])
    our.set_params(verbose=2)
    their.set_params(verbose=True)

    record_warnings(our.fit, X, y)
    our_lines = capsys.readouterr().out
    record_warnings(their.fit, X, y)

    assert our_lines == capsys.readouterr().out
    assert our_lines.startswith("Iteration 1, loss = ")


# --- signatures -----------------------------------------------------------------------


def parameters_of(function):
    return [
        (p.name, p.default, p.kind)
        for p in inspect.signature(function).parameters.values()
    ]


@since_1_7
@pytest.mark.parametrize("name", ESTIMATORS)
def test_constructor_begins_with_that_of_scikit_learn(name):
    our = parameters_of(getattr(ours, name))
    their = parameters_of(getattr(theirs, name))

    assert our[: len(their)] == their
    assert all(
        kind is inspect.Parameter.KEYWORD_ONLY for _, _, kind in our[len(their) :]
    )


@since_1_7
@pytest.mark.parametrize("name", ESTIMATORS)
def test_public_methods_contain_those_of_scikit_learn(name):
    our, their = getattr(ours, name), getattr(theirs, name)
    methods = [
        method
        for method, function in inspect.getmembers(their, inspect.isfunction)
        if not method.startswith(("_", "set_"))
    ]

    assert {"fit", "predict", "score", "get_params"} <= set(methods)
    for method in methods:
        expected = parameters_of(getattr(their, method))
        found = parameters_of(getattr(our, method))
        assert found[: len(expected)] == expected, method


@since_1_7
@pytest.mark.parametrize("name", ESTIMATORS)
def test_partial_fit_signature_begins_with_that_of_scikit_learn(name):
    our, their = make_pair(name)

    expected = parameters_of(their.partial_fit)

    assert parameters_of(our.partial_fit)[: len(expected)] == expected


# --- fitted attributes ----------------------------------------------------------------


def form_of(value):
    """Tell what a user can see of a value's type: kind and shape."""
    if isinstance(value, np.ndarray):
        return "array", value.dtype.kind, value.shape
    if isinstance(value, list):
        return "list", [form_of(item) for item in value]
    if isinstance(value, numbers.Integral):
        return "int"
    if isinstance(value, numbers.Real):
        return "float"
    return type(value).__name__


@pytest.mark.parametrize(
    "params",
    [{}, {"solver": "sgd"}, {"early_stopping": True}, {"solver": "lbfgs"}],
    ids=["adam", "sgd", "early stopping", "lbfgs"],
)
@pytest.mark.parametrize("data", ["binary", "multilabel", "regression", "multi_output"])
def test_fitted_attributes_contain_those_of_scikit_learn(data, params):
    if data == "binary" and params.get("early_stopping"):
        skip_unless_scores_strings()
    X, y = DATA[data]
    our, their = make_pair(name_of(data), **params)
    fit_both(our, their, X, y)
    names = [n for n in vars(their) if n.endswith("_") and not n.startswith("_")]

    assert {"coefs_", "intercepts_", "n_features_in_", "loss_"} <= set(names)
    for name in names:
        assert form_of(getattr(our, name)) == form_of(getattr(their, name)), name


# --- errors ---------------------------------------------------------------------------

BAD = {
    "alpha": -1,
    "batch_size": 0,
    "beta_1": 1.0,
    "beta_2": -0.1,
    "early_stopping": "yes",
    "epsilon": 0,
    "hidden_layer_sizes": -3,
    "learning_rate_init": 0,
    "max_fun": 0,
    "max_iter": 0,
    "momentum": 2,
    "n_iter_no_change": 0,
    "nesterovs_momentum": "yes",
    "power_t": -1,
    "random_state": "seed",
    "shuffle": "yes",
    "tol": -1,
    "validation_fraction": 1.0,
    "verbose": "loud",
    "warm_start": "yes",
}


def message_of(function, *args, **kwargs):
    with pytest.raises(ValueError) as caught:
        function(*args, **kwargs)
    return type(caught.value).__name__, str(caught.value)


TAKEN_TOO = {
    "validation_fraction": " or an object implementing 'split' and 'get_n_splits'"
}


@pytest.mark.parametrize("parameter", BAD)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_bad_parameter_raises_as_scikit_learn(name, parameter):
    X, y = DATA["regression"]
    our, their = make_pair(name, **{parameter: BAD[parameter]})

    error, message = message_of(our.fit, X, y > 0)

    # What comes on top is named too.
    message = message.replace(TAKEN_TOO.get(parameter, ""), "")
    assert (error, message) == message_of(their.fit, X, y > 0)


@pytest.mark.parametrize("sizes", [(5, 0), [4, -2]])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_bad_hidden_layer_sizes_raise_as_scikit_learn(name, sizes):
    X, y = DATA["regression"]
    our, their = make_pair(name, hidden_layer_sizes=sizes)

    assert message_of(our.fit, X, y > 0) == message_of(their.fit, X, y > 0)


@pytest.mark.parametrize(
    "bad",
    [
        "nan X",
        "infinite X",
        "nan y",
        "lengths",
        "width",
        "1-D X",
        "complex X",
        "no rows",
    ],
)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_bad_data_raises_as_scikit_learn(name, bad):
    X, y = (a.copy() for a in DATA["regression"])
    if name == "MLPClassifier":
        y = (y > 0).astype(float)
    our, their = make_pair(name, max_iter=1)
    method = "fit"
    if bad == "nan X":
        X[3, 2] = np.nan
    elif bad == "infinite X":
        X[3, 2] = -np.inf
    elif bad == "nan y":
        y[4] = np.nan
    elif bad == "lengths":
        y = y[:-1]
    elif bad == "1-D X":
        X = X[:, 0]
    elif bad == "complex X":
        X = X + 1j
    elif bad == "no rows":
        X, y = X[:0], y[:0]
    else:
        fit_both(our, their, X, y)
        method, X = "predict", X[:, :4]

    args = (X,) if method == "predict" else (X, y)
    ours = message_of(getattr(our, method), *args)
    theirs = message_of(getattr(their, method), *args)

    # What to do about it, which follows, is another thing here.
    ends = {"nan X": "NaN.", "nan y": "NaN.", "infinite X": "('float64')."}
    if bad in ends:
        ours, theirs = (
            (kind, text.partition(ends[bad])[:2]) for kind, text in (ours, theirs)
        )
    assert ours == theirs


@pytest.mark.parametrize("name", ESTIMATORS)
def test_predict_before_fit_raises_as_scikit_learn(name):
    X, _ = DATA["regression"]
    our, their = make_pair(name)

    assert message_of(our.predict, X) == message_of(their.predict, X)


def test_partial_fit_errors_are_those_of_scikit_learn():
    X, y = DATA["binary"]
    our, their = make_pair("MLPClassifier")

    no_classes = message_of(our.partial_fit, X, y)
    assert no_classes == message_of(their.partial_fit, X, y)

    fit_both(our, their, X, y, method="partial_fit", classes=["bad", "good"])
    other_classes = message_of(our.partial_fit, X, y, classes=["bad", "ugly"])
    assert other_classes == message_of(their.partial_fit, X, y, classes=["bad", "ugly"])


def test_partial_fit_of_lbfgs_is_missing_as_in_scikit_learn():
    our, their = make_pair("MLPClassifier", solver="lbfgs")
    messages = []
    for estimator in (our, their):
        with pytest.raises(AttributeError) as caught:
            _ = estimator.partial_fit
        messages.append((str(caught.value), str(caught.value.__cause__)))

    assert messages[0] == messages[1]
