"""A search that trains networks together scores as one that fits them alone."""

import warnings

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV

from sknn_deep.model_selection import BatchedGridSearchCV
from tests.hostile.examples import draws
from tests.hostile.parameters import ESTIMATORS, INF

GRID = {
    "learning_rate_init": [1e-3, 0.1, 1e30, -1.0],
    "alpha": [0, 1e-2, 1e300],
    "solver": ["adam", "sgd", "adamw", "lbfgs"],
    "learning_rate": ["constant", "invscaling", "adaptive", "cosine"],
    "momentum": [0, 0.9, 1],
    "nesterovs_momentum": [True, False],
    "beta_1": [0, 0.9],
    "epsilon": [1e-8, 1.0, INF],
    "batch_size": ["auto", 1, 3, 50],
    "hidden_layer_sizes": [(), 3, (2, 2)],
    "activation": ["relu", "tanh", "gelu", "nonsense"],
    "dropout": [0.0, 0.2, [0.1]],
    "normalization": [None, "batch"],
    "max_iter": [1, 2, 3],
    "tol": [0, 1e-4, INF],
    "n_iter_no_change": [1, INF],
    "early_stopping": [True, False],
    "validation_fraction": [0.0, 0.2, 0.4],
    "random_state": [0, 1],
    "shuffle": [True, False],
    "clip_grad_norm": [None, 1e-3, 1.0],
    "precision": ["auto", "float32"],
}


@draws(25)
@given(data=st.data())
def test_batched_search_scores_as_the_plain_one(data):
    cls = data.draw(st.sampled_from(list(ESTIMATORS)), label="class")
    model = cls(**ESTIMATORS[cls][1])
    names = [data.draw(st.sampled_from(sorted(GRID))) for _ in range(2)]
    grid = {
        name: data.draw(
            st.lists(st.sampled_from(GRID[name]), min_size=1, max_size=3), label=name
        )
        for name in names
    }
    n_rows = data.draw(st.sampled_from([6, 12, 20]), label="rows")
    random = np.random.RandomState(n_rows)
    X = random.standard_normal((n_rows, 2)) * data.draw(st.sampled_from([1, 1e150]))
    y = None
    if is_classifier(model):
        y = np.arange(n_rows) % data.draw(st.sampled_from([2, 3]), label="classes")
    elif is_regressor(model):
        y = random.standard_normal(n_rows)
    plain, batched = (
        _outcome(search(model, grid, cv=2, refit=False), X, y)
        for search in (GridSearchCV, BatchedGridSearchCV)
    )
    event(f"refused: {plain is None}")
    assert (plain is None) == (batched is None)
    if plain is None:
        return
    # Sums of a stack are in another order; a step of 1e300 shows it.
    for key in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(
            batched[key], plain[key], rtol=1e-6, atol=1e-9, err_msg=key
        )


def _outcome(search, X, y):
    """Give the results of a search; None if all of its fits fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return search.fit(X, y).cv_results_
        except ValueError as error:
            assert "fits failed" in str(error)
            return None
