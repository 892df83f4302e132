"""A small recipe that the tests of the training change to their needs."""

from sknn_deep.training import Recipe


def make_recipe(**changes) -> Recipe:
    """Make a recipe of scikit-learn's defaults, but for tiny data and no penalty."""
    fields = {
        "solver": "adam",
        "alpha": 0.0,
        "batch_size": 8,
        "learning_rate": "constant",
        "learning_rate_init": 0.01,
        "power_t": 0.5,
        "max_iter": 20,
        "shuffle": True,
        "tol": 1e-4,
        "momentum": 0.9,
        "nesterovs_momentum": True,
        "early_stopping": False,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "n_iter_no_change": 10,
    }
    return Recipe(**{**fields, **changes})
