"""Whether parameters are valid, told as scikit-learn tells it."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep._sklearn_private import InvalidParameterError
from sknn_deep.parameters._validation import has_valid_parameters

NUMBERS = [0, 1, -1, 2.5, 0.0, 1e-4, np.nan, np.inf, np.float32(0.5), np.int64(3)]
OTHERS = [True, np.bool_(False), None, "auto", "adam", [], [1], (), {}, np.ones(2), len]


def scikit_learn_accepts(estimator):
    try:
        BaseEstimator._validate_params(estimator)
    except InvalidParameterError:
        return False
    return True


@pytest.mark.parametrize(
    "Estimator", [MLPClassifier, MLPRegressor, AutoencoderTransformer]
)
def test_parameters_are_valid_where_scikit_learn_says_so(Estimator):
    n_valid = 0
    for name in Estimator().get_params():
        for value in NUMBERS + OTHERS:
            estimator = Estimator()
            setattr(estimator, name, value)
            expected = scikit_learn_accepts(estimator)
            assert has_valid_parameters(estimator) == expected, (name, value)
            n_valid += expected
    assert n_valid > 100


def test_a_default_of_a_subclass_that_is_not_valid_is_refused():
    class Wrong(MLPClassifier):
        def __init__(self, alpha=-1.0):
            super().__init__(alpha=alpha)

    assert not has_valid_parameters(Wrong())
    assert has_valid_parameters(Wrong(alpha=1.0))
    with pytest.raises(InvalidParameterError, match="'alpha' parameter of Wrong must"):
        Wrong().fit([[0.0], [1.0]], [0, 1])


def test_parameters_that_change_are_looked_at_again():
    estimator = MLPClassifier()
    assert has_valid_parameters(estimator)
    assert not has_valid_parameters(estimator.set_params(alpha=-1.0))
    assert not has_valid_parameters(clone(estimator))
    del estimator.alpha
    assert not has_valid_parameters(estimator)
