"""Labels as the network learns them."""

import re
import warnings

import numpy as np
import pytest

from sknn_deep import MLPClassifier

X = np.random.RandomState(0).normal(size=(30, 3))
CODES = np.arange(30) % 3
QUICK = {"max_iter": 2, "learning_rate": "one_cycle", "random_state": 0}


def test_one_hot_classes_are_told_from_labels():
    message = (
        "y of MLPClassifier has exactly one 1 in each row, as one-hot classes have, "
        "and is learnt as 3 labels that do not exclude each other. If they do, pass "
        "the classes: y.argmax(axis=1)."
    )
    with pytest.warns(UserWarning, match=re.escape(message)):
        MLPClassifier(**QUICK).fit(X, np.eye(3, dtype=int)[CODES])


@pytest.mark.parametrize(
    "y", [np.eye(2, dtype=int)[CODES % 2], np.eye(3, dtype=int)[CODES] * (X[:, :1] > 0)]
)
def test_other_labels_are_told_nothing(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(**QUICK).fit(X, y)
