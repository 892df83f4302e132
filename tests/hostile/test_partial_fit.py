"""Any sequence of calls leaves a working model, or one clear error and no trace."""

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st
from sklearn.base import is_classifier, is_regressor

from tests.hostile.data import rows, targets, weights
from tests.hostile.examples import draws
from tests.hostile.outcomes import Refusal, assert_fine, attempt
from tests.hostile.parameters import estimators, parameters

CLASSES = [
    None,
    [0, 1],
    [0, 1, 2],
    [2, 1, 0],
    [0, 0, 1],
    [5],
    [],
    ["a", "b", "ccc"],
    ["b", "a", 1],
    [False, True],
    [0.0, 1.0, 2.0],
    [0.5, 1.5],
    [0, 1, np.nan],
    [None, 1],
    [[0, 1], [1, 0]],
    np.arange(3),
    np.arange(30),
    "ab",
    3,
    {0, 1},
    {0: 1.0},
]


def _calls(data, model, n_rows: int, n_columns: int):
    """Draw one call of a method that trains."""
    X = data.draw(rows(n_rows, n_columns), label="X")
    params = {}
    if is_classifier(model) or is_regressor(model):
        params["y"] = data.draw(targets(model, n_rows), label="y")
    if data.draw(st.booleans()):
        params["sample_weight"] = data.draw(weights(n_rows), label="sample_weight")
    method = data.draw(st.sampled_from(["partial_fit"] * 4 + ["fit"]), label="method")
    if is_classifier(model) and method == "partial_fit":
        params["classes"] = data.draw(st.sampled_from(CLASSES), label="classes")
    return method, X, params


@draws(60)
@given(data=st.data())
def test_any_sequence_of_calls_leaves_a_working_model(data):
    model = data.draw(estimators(n_most=2, strange=False), label="model")
    n_columns = data.draw(st.integers(1, 3), label="columns")
    fitted = False
    for _ in range(data.draw(st.integers(2, 4), label="calls")):
        n_rows = data.draw(st.sampled_from([1, 2, 8]), label="rows")
        if data.draw(st.integers(0, 3)) == 0:
            changed = data.draw(parameters(type(model), n_most=1), label="set_params")
            model.set_params(**changed)
        width = n_columns + (data.draw(st.integers(0, 9)) == 0)
        method, X, params = _calls(data, model, n_rows, width)
        before = dict(vars(model))
        outcome = attempt(_call, model, method, X, params, also=(AttributeError,))
        if isinstance(outcome, Refusal):
            assert vars(model) == before, "a failed call left traces"
            continue
        fitted = True
        assert outcome is model
        assert model.n_iter_ >= (0 if model.solver == "lbfgs" else 1)
        assert_fine(model, X, n_rows)
    if fitted:
        assert_fine(model, np.full((2, model.n_features_in_), 0.5), 2)
    event("fitted" if fitted else "refused")


def _call(model, method, X, params):
    return getattr(model, method)(X, **params)


@draws(20)
@given(data=st.data())
def test_plain_sequences_are_the_same_twice(data):
    model = data.draw(estimators(n_most=2, strange=False), label="model")
    if not isinstance(model.random_state, int | np.integer) or model.early_stopping:
        model.set_params(random_state=0, early_stopping=False)
    if model.solver == "lbfgs":
        model.set_params(solver="adam")
    seed = data.draw(st.integers(0, 9), label="seed")
    one, other = (_train(type(model)(**model.get_params()), seed) for _ in range(2))
    if one is None or other is None:
        assert one is other
        return
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def _train(model, seed: int):
    """Train on three plain batches; give the arrays of the network's state."""
    random = np.random.RandomState(seed)
    for _ in range(3):
        X = random.uniform(size=(8, 2))
        params = {}
        if is_classifier(model):
            params = {"y": np.arange(8) % 3, "classes": [0, 1, 2]}
        elif is_regressor(model):
            params = {"y": X[:, 0]}
        if isinstance(attempt(model.partial_fit, X, **params), Refusal):
            return None
    members = getattr(model, "estimators_", [model])
    return [
        value.numpy() for m in members for value in m.net_.module_.state_dict().values()
    ]
