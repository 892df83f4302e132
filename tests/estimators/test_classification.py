"""Probabilities, and a class that is alone."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sknn_deep import MLPClassifier
from tests.estimators.fits import make


# B13: A single class is always predicted, on the CPU and on GPUs.
@pytest.mark.must_never("B13")
@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
)
def test_a_single_class_is_always_predicted(device, diabetes):
    X, _ = diabetes
    clf = make(MLPClassifier, device=device).fit(X, ["only"] * len(X))

    assert_array_equal(clf.predict(X[:5]), ["only"] * 5)
    assert_array_equal(clf.predict_proba(X[:5]), np.ones((5, 1)))
    assert clf.score(X, ["only"] * len(X)) == 1


# B14: Rows of probabilities sum to one and are finite whatever the logits are, and the
# largest decides.
@pytest.mark.must_never("B14")
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("classes", [2, 10])
def test_probabilities_are_probabilities(classes, precision, digits_slice):
    X, y = digits_slice
    X, y = X[y < classes], y[y < classes]
    clf = make(MLPClassifier, precision=precision, max_iter=3).fit(X, y)
    n_saturated = 0
    for scale_of_logits in (1, 1e2, 1e6):
        with torch.no_grad():
            for p in clf.net_.module_[-1].parameters():
                p.mul_(scale_of_logits)

        proba = clf.predict_proba(X)

        assert np.isfinite(proba).all()
        assert proba.min() >= 0 and proba.max() <= 1
        assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
        assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
        n_saturated += (proba.max(axis=1) == 1).sum()
    assert n_saturated > 0
