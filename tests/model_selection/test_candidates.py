"""Candidates whose parameters have other names."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, MLPRegressor
from sknn_deep._sklearn_private import InvalidParameterError
from sknn_deep.model_selection import (
    BatchedGridSearchCV,
    BatchedHalvingGridSearchCV,
    BatchedHalvingRandomSearchCV,
    BatchedOptunaSearchCV,
    BatchedRandomizedSearchCV,
)

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
PIPE = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=1))


def message_of_fit(search):
    with pytest.raises(ValueError) as caught:
        search.fit(X, Y)
    return str(caught.value)


@pytest.mark.parametrize(
    ("Search", "options"),
    [
        (BatchedGridSearchCV, {}),
        (BatchedRandomizedSearchCV, {"n_iter": 2}),
        (BatchedHalvingGridSearchCV, {}),
        (BatchedHalvingRandomSearchCV, {}),
        (BatchedOptunaSearchCV, {"n_trials": 2}),
        (BatchedOptunaSearchCV, {"n_trials": 2, "enable_pruning": True}),
    ],
)
def test_each_search_says_the_name_with_the_step_before_it(Search, options):
    if Search is BatchedOptunaSearchCV:
        pytest.importorskip("optuna")

    message = message_of_fit(Search(PIPE, {"alpha": [0.1, 0.2]}, **options))

    assert message.startswith("Invalid parameter 'alpha' for estimator Pipeline(")
    assert message.endswith("]. Did you mean 'mlpclassifier__alpha'?")


@pytest.mark.parametrize(
    ("estimator", "name", "end"),
    [
        (PIPE, "mlp__alpha", "Did you mean 'mlpclassifier__alpha'?"),
        (PIPE, "lr", "Did you mean 'mlpclassifier__learning_rate_init'?"),
        (PIPE, "alhpa", "'verbose']."),
        (PIPE, "mlpclassifier__lr", "'lr' is called learning_rate_init here."),
        (MLPClassifier(), "lr", "'lr' is called learning_rate_init here."),
        (MLPClassifier(), "mlpclassifier__alpha", "Did you mean 'alpha'?"),
        (PIPE, "standardscaler__", ": ['copy', 'with_mean', 'with_std']."),
        (
            TransformedTargetRegressor(MLPRegressor()),
            "alpha",
            "Did you mean 'regressor__alpha'?",
        ),
        (
            BaggingClassifier(PIPE),
            "dropout",
            "Did you mean 'estimator__mlpclassifier__dropout'?",
        ),
        (
            make_pipeline(SelectFromModel(Ridge()), MLPClassifier()),
            "alpha",
            "Did you mean 'selectfrommodel__estimator__alpha' or "
            "'mlpclassifier__alpha'?",
        ),
    ],
)
def test_a_search_names_the_parameter_of_a_part(estimator, name, end):
    message = message_of_fit(BatchedGridSearchCV(estimator, {name: [0.1]}))

    assert message.startswith("Invalid parameter ")
    assert message.endswith(end)
    assert message.count("Did you mean") == end.count("Did you mean")


class PickyScaler(StandardScaler):
    def set_params(self, **params):
        raise InvalidParameterError("no such thing") from KeyError("thing")


def test_a_search_leaves_the_error_of_a_step_as_it_is():
    pipe = make_pipeline(PickyScaler(), MLPClassifier())
    search = BatchedGridSearchCV(pipe, {"pickyscaler__with_std": [True]})

    with pytest.raises(InvalidParameterError, match="no such thing") as caught:
        search.fit(X, Y)

    assert isinstance(caught.value.__cause__, KeyError)


def test_a_search_names_the_parameter_of_a_step_that_the_candidate_brings():
    pipe = make_pipeline(StandardScaler(), MLPClassifier()).set_params(
        mlpclassifier="passthrough"
    )
    grid = {"mlpclassifier": [MLPClassifier()], "alpha": [0.1]}

    search = BatchedGridSearchCV(pipe, grid, scoring="accuracy")

    assert message_of_fit(search).endswith("Did you mean 'mlpclassifier__alpha'?")


@pytest.mark.parametrize(
    ("estimator", "resource", "ours"),
    [
        (PIPE, "max_iter", "mlpclassifier__max_iter"),
        (PIPE, "epochs", "mlpclassifier__max_iter"),
        (PIPE[-1], "epochs", "max_iter"),
    ],
)
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_resource_is_named_with_the_step_before_it(
    estimator, resource, ours, warm_start
):
    search = BatchedHalvingGridSearchCV(
        estimator,
        {ours.replace("max_iter", "alpha"): [0.1, 0.2]},
        resource=resource,
        max_resources=4,
        warm_start=warm_start,
    )

    assert message_of_fit(search) == (
        f"Cannot use resource={resource} which is not supported by estimator "
        f"{type(estimator).__name__}. Did you mean {ours!r}?"
    )
