"""What the tests of the estimators ask of fits is asked rightly."""

import pytest

from sknn_deep import MLPClassifier
from tests.estimators.fits import ESTIMATORS, make, no_training


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_training_would_see_a_training(Estimator, method, diabetes, monkeypatch):
    """What holds that nothing was trained fails where something was."""
    no_training(monkeypatch)
    X, y = diabetes
    is_first = method == "partial_fit" and Estimator is MLPClassifier
    classes = {"classes": [False, True]} if is_first else {}

    with pytest.raises(AssertionError, match="a training step was taken"):
        getattr(make(Estimator), method)(X, y > 0, **classes)
