"""What needs no validation is what comes out of it as it is."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sknn_deep.data import ClassTarget, random_state_of
from sknn_deep.data._data import validate
from sknn_deep.data._plain import in_an_array, is_plain_matrix, is_plain_vector

X = np.random.default_rng(0).normal(size=(6, 3))
LARGE = np.finfo(np.float64).max

PLAIN = {
    "float64": X,
    "float32": X.astype(np.float32),
    "read-only": np.frombuffer(X.tobytes()).reshape(X.shape),
    "a row": X[:1],
}
OTHERS = {
    "infinite": np.where(X > 1, np.inf, X),
    "both infinities": np.array([[np.inf, -np.inf]]),
    "missing": np.where(X > 1, np.nan, X),
    "a large sum": np.full((2, 2), LARGE),
    "by columns": np.asfortranarray(X),
    "every other row": X[::2],
    "big-endian": X.astype(">f8"),
    "half": X.astype(np.float16),
    "integers": X.astype(int),
    "objects": X.astype(object),
    "complex": X + 0j,
    "vector": X[0],
    "image": X[None],
    "empty": X[:0],
    "masked": np.ma.masked_array(X),
    "list": X.tolist(),
    "nothing": None,
}


@pytest.mark.parametrize("array", PLAIN.values(), ids=PLAIN)
def test_plain_rows_come_out_of_the_validation_as_they_are(array):
    assert is_plain_matrix(array)
    checked = validate_data(
        BaseEstimator(), array, dtype=(np.float64, np.float32), order="C"
    )
    assert checked is array


@pytest.mark.parametrize("array", OTHERS.values(), ids=OTHERS)
def test_rows_that_validation_changes_or_looks_at_are_not_plain(array):
    assert not is_plain_matrix(array)


LABELS = {
    "integers": np.arange(6),
    "bool": np.arange(6) > 2,
    "text": np.array(list("abcabc")),
    "float64": np.arange(6.0),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_a_plain_vector_comes_out_of_the_validation_as_it_is(y):
    assert is_plain_vector(y, 6)
    assert not is_plain_vector(y, 5)
    assert not is_plain_vector(y[:, None], 6)
    assert validate_data(BaseEstimator(), X, y, multi_output=True)[1] is y


@pytest.mark.parametrize(
    "y", [np.array([1, np.nan]), np.array([1, 2], dtype=object), np.array([1j, 2])]
)
def test_a_vector_that_validation_may_refuse_is_not_plain(y):
    assert not is_plain_vector(y, 2)


def test_a_row_in_a_list_is_an_array_and_what_is_none_stays():
    np.testing.assert_array_equal(in_an_array([[1.0, 2.0]]), [[1.0, 2.0]])
    for other in ([[1.0], [2.0]], [[1.0, [2.0]]], X[:1], [], "a"):
        assert in_an_array(other) is other


def test_plain_rows_are_held_to_the_columns_that_were_fitted():
    estimator = BaseEstimator()
    assert validate(estimator, X, "no_validation", reset=True) is X
    assert estimator.n_features_in_ == 3
    with pytest.raises(ValueError, match="X has 2 features, but BaseEstimator is"):
        validate(estimator, X[:, :2].copy(), "no_validation", reset=False)
    estimator.feature_names_in_ = np.array(list("abc"), dtype=object)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        validate(estimator, X, "no_validation", reset=False)
    validate(estimator, X, "no_validation", reset=True)
    assert not hasattr(estimator, "feature_names_in_")


@pytest.mark.parametrize("seed", [0, 1, np.int64(7), 2**32 - 1])
def test_a_seed_gives_the_numbers_that_it_gives_numpy(seed):
    ours, expected = random_state_of(seed), np.random.RandomState(seed)
    for _ in range(2):
        assert ours.randint(2**31 - 1) == expected.randint(2**31 - 1)
        np.testing.assert_array_equal(ours.permutation(9), expected.permutation(9))
        np.testing.assert_array_equal(ours.normal(size=3), expected.normal(size=3))


@pytest.mark.parametrize("classes", [[0, 1, 2], ["a", "b", "c"]])
def test_known_labels_pass_and_any_other_is_named(classes):
    target = ClassTarget.of(np.array(classes * 9))
    target.check_known(np.array(classes[1:2]), warm_start=False)
    for other in (np.array([7]), np.array(["z"]), np.array([-1, 0])):
        with warnings.catch_warnings(), pytest.raises(ValueError, match="not in"):
            warnings.simplefilter("ignore")
            target.check_known(other, warm_start=False)
