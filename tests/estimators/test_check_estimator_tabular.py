"""scikit-learn's checks of the estimators for tables."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_deep import TabularMLPClassifier, TabularMLPRegressor
from tests.estimators.test_check_estimator import STRICT

# Smaller networks and fewer epochs than the defaults: what fails does so in any case.
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 30}

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "repeated rows draw dropout masks "
    "of their own, and other rows are held back",
}


@parametrize_with_checks(
    [TabularMLPClassifier(**SMALL), TabularMLPRegressor(**SMALL)],
    expected_failed_checks=lambda estimator: EXPECTED,
    **STRICT,
)
def test_check_estimator(estimator, check):
    check(estimator)
