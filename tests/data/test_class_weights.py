"""Weights of classes are weights of rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from sknn_deep import MLPClassifier
from tests.estimators.fits import make, weights_of


# B18: Weights of classes are those of their rows, and multiply them; an unknown class
# raises.
@pytest.mark.must_never("B18")
@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 3.0, 1: 0.5}, {1: 4.0}], ids=str
)
def test_class_weights_are_sample_weights(class_weight, diabetes):
    X, y = diabetes
    y = (y > 0.5).astype(int)
    weight = np.linspace(0.5, 2, len(X))

    for own in (None, weight):
        by_class = make(MLPClassifier, class_weight=class_weight).fit(X, y, own)
        factors = compute_sample_weight(class_weight, y)
        if class_weight == "balanced" and own is not None:
            sums = np.bincount(y, own)  # what is balanced are the weights
            factors = (sums.sum() / (2 * sums))[y]
        product = factors if own is None else factors * own
        by_row = make(MLPClassifier).fit(X, y, product)

        assert_allclose(weights_of(by_class), weights_of(by_row), rtol=1e-6, atol=1e-9)


@pytest.mark.must_never("B18")
@pytest.mark.parametrize("own_set", [False, True])
def test_class_weights_count_in_the_validation(own_set, diabetes):
    X, y = diabetes[0], (diabetes[1] > 0.5).astype(int)
    weight = np.linspace(0.5, 2, len(X))
    factors = np.where(y == 1, 4.0, 1.0)
    valid = {"X_val": X[:50], "y_val": y[:50]} if own_set else {}
    valid_by_row = valid | ({"sample_weight_val": factors[:50]} if own_set else {})
    params = {"early_stopping": True, "precision": "float64"}

    by_class = make(MLPClassifier, class_weight={1: 4.0}, **params)
    by_row = make(MLPClassifier, **params)
    unweighted = make(MLPClassifier, **params).fit(X, y, weight, **valid)
    by_class.fit(X, y, weight, **valid)
    by_row.fit(X, y, factors * weight, **valid_by_row)

    assert_allclose(by_class.validation_loss_curve_, by_row.validation_loss_curve_)
    assert_allclose(by_class.validation_scores_, by_row.validation_scores_)
    assert by_class.validation_scores_ != unweighted.validation_scores_


@pytest.mark.must_never("B18")
def test_an_unknown_class_raises(diabetes):
    X, y = diabetes
    y = (y > 0).astype(int)

    # As everywhere in scikit-learn, a weight too many is an error where one is missing;
    # a fold that lacks a class has weights for all others.
    with pytest.raises(
        ValueError, match=r"The classes, \[1\], are not in class_weight"
    ):
        make(MLPClassifier, class_weight={0: 1, 7: 2}).fit(X, y)
    more = make(MLPClassifier, class_weight={0: 1, 1: 3, 7: 2}).fit(X, y)
    own = make(MLPClassifier, class_weight={0: 1, 1: 3}).fit(X, y)
    assert_array_equal(weights_of(more), weights_of(own))
