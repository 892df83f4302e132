"""What older versions of scikit-learn lack, with the version that is here."""

import importlib
import re
import sys
from unittest import mock

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose

from sknn_deep import _sklearn_private
from sknn_deep._sklearn_private import balanced_class_weights


@pytest.fixture
def without_callbacks():
    """Our module as it is where scikit-learn has no callbacks."""
    with mock.patch.dict(sys.modules, {"sklearn.callback": None}):
        spec = importlib.util.find_spec(_sklearn_private.__name__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def test_set_callbacks_says_what_it_needs(without_callbacks):
    class Net(without_callbacks.CallbackSupportMixin):
        """An estimator."""

    message = (
        "set_callbacks of Net needs scikit-learn 1.9 or newer, whose callbacks it "
        f"takes; this is {sklearn.__version__}. Upgrade scikit-learn, or pass skorch's "
        "callbacks as the parameter 'callbacks'."
    )
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        Net().set_callbacks(object())


def test_fit_is_the_same_method_without_callbacks(without_callbacks):
    def fit(self):
        """Fit."""

    assert without_callbacks.with_callbacks(fit) is fit


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 0.5, 4.0, 1.0, 1.0])])
@pytest.mark.parametrize("has_weights", [True, False], ids=["new", "old"])
def test_balanced_classes_have_the_same_weight_together(
    weight, has_weights, monkeypatch
):
    if not has_weights:
        monkeypatch.setattr(
            _sklearn_private, "compute_class_weight", lambda class_weight, classes, y: 1
        )
    classes, y = np.array(["a", "b", "c"]), np.array(["b", "a", "b", "c", "b", "c"])

    table = balanced_class_weights(classes, y, weight)

    weight = np.ones(len(y)) if weight is None else weight
    sums = [table[i] * weight[y == label].sum() for i, label in enumerate(classes)]
    assert_allclose(sums, weight.sum() / 3)
