"""Small data that the tests of the estimators share. They must not write into them."""

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import scale


@pytest.fixture(scope="session")
def cancer():
    """200 rows of 30 features, and two classes."""
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X)[:200], y[:200]


@pytest.fixture(scope="session")
def diabetes():
    """200 rows of ten features, and a number."""
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:200], scale(y)[:200]


@pytest.fixture(scope="session")
def ten_digits(digits):
    """300 rows of 64 features, and ten classes."""
    return digits.X[:300].astype(float), digits.y[:300]
