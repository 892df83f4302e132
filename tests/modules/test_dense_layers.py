"""The attributes that scikit-learn documents describe the network that predicts.

The oracle is a forward pass in NumPy that knows the estimator by these attributes
alone, as tools do that turn scikit-learn's MLP into something else.
"""

import copy
import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf, expit, softmax
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    load,
    save,
)
from tests.estimators.fits import arrays_of

# Two epochs learn nothing of what is far from zero, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FUNCTIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": expit,
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "exp": np.exp,
    "softmax": lambda z: softmax(z, axis=1),
}
NORMALIZATIONS = [None, "batch", "layer"]
ACTIVATIONS = ["relu", "logistic", "tanh", ["gelu", "identity"]]
DTYPES = ["f4", "f8"]

QUICK = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "batch_size": 20,
    "max_iter": 2,
    "random_state": 0,
    "device": "cpu",
}

RNG = np.random.RandomState(0)
X = RNG.uniform(size=(60, 5))
# Far from zero and wide, so that a scale that is left out is seen.
NUMBERS = 40 * X[:, 0] + 300
CLASSES = {
    "one class": np.full(60, "a"),
    "two classes": np.array(["a", "b"])[RNG.randint(2, size=60)],
    "three classes": np.array(["a", "b", "c"])[RNG.randint(3, size=60)],
    "labels": RNG.randint(2, size=(60, 3)),
}
AUTOENCODERS = {
    "plain": {},
    "of latent tanh": {"latent_activation": "tanh", "loss": "absolute_error"},
    "logistic": {"out_activation": "logistic"},
    "of cross entropy": {"loss": "binary_cross_entropy"},
    "variational": {"variational": True},
    "sparse": {"sparsity_penalty": 0.1},
    "denoising": {"noise": "masking", "noise_level": 0.2},
    "with dropout, clipping": {"dropout": 0.3, "clip_grad_norm": 0.1},
}


def classifiers():
    for kind, y in CLASSES.items():
        yield f"classifier of {kind}", MLPClassifier((6, 4)), y


def regressors():
    losses = ["squared_error", "poisson", "absolute_error", "huber", "quantile"]
    for loss, normalize_y in itertools.product(losses, [False, True]):
        reg = MLPRegressor(loss, (6, 4), normalize_y=normalize_y)
        yield f"{loss}, normalize_y={normalize_y}", reg, NUMBERS
    two_columns = np.column_stack([NUMBERS, -7 * X[:, 1]])
    yield "two columns", MLPRegressor("huber", (6, 4), normalize_y=True), two_columns


def autoencoders():
    for kind, params in AUTOENCODERS.items():
        ae = AutoencoderTransformer(2, hidden_layer_sizes=(6,), **params)
        yield f"autoencoder, {kind}", ae, None


CASES = [*classifiers(), *regressors(), *autoencoders()]


def activations_of(estimator) -> list[str]:
    """Give the names of all layers' activations, as the parameters say."""
    is_autoencoder = isinstance(estimator, AutoencoderTransformer)
    n_hidden = estimator.n_layers_ - (3 if is_autoencoder else 2)
    names = estimator.activation
    names = [names] * n_hidden if isinstance(names, str) else list(names)
    if is_autoencoder:
        names.insert(len(estimator.hidden_layer_sizes), estimator.latent_activation)
    return [*names, estimator.out_activation_]


def forward_pass(estimator, X):
    output = X.astype(np.float64)
    for i, name in enumerate(activations_of(estimator)):
        output = output @ estimator.coefs_[i] + estimator.intercepts_[i]
        output = FUNCTIONS[name](output)
    return output


def predicted_by(estimator, X):
    """Give what the network is for, in the form of its last layer's output."""
    if isinstance(estimator, AutoencoderTransformer):
        return estimator.inverse_transform(estimator.transform(X))
    if isinstance(estimator, MLPRegressor):
        return estimator.predict(X).reshape(len(X), -1)
    proba = estimator.predict_proba(X)
    return proba[:, 1:] if proba.shape[1] == 2 else proba


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(
    ("estimator", "y"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_documented_forward_pass_is_what_predicts_or_is_not_there(
    estimator, y, normalization, activation, dtype
):
    rows = X.astype(dtype)
    estimator = clone(estimator).set_params(
        **QUICK, normalization=normalization, activation=activation
    )
    estimator.fit(rows, y)

    if normalization == "layer":
        for name in ("coefs_", "intercepts_"):
            assert not hasattr(estimator, name)
            with pytest.raises(AttributeError, match="'layer' no dense layers alone"):
                getattr(estimator, name)
        return
    output = forward_pass(estimator, rows)
    if isinstance(estimator, MLPClassifier):
        labels = estimator._label_binarizer.inverse_transform(output)
        assert_array_equal(labels, estimator.predict(rows))
    if y is not CLASSES["one class"]:  # whose probability is 1, as there is no other
        expected = predicted_by(estimator, rows)
        tolerance = {"f4": 1e-5, "f8": 1e-12}[dtype] * np.abs(expected).max()
        assert_allclose(output, expected, rtol=0, atol=tolerance)
    assert estimator.n_layers_ == len(estimator.coefs_) + 1


def test_without_hidden_layers_there_is_nothing_to_normalize():
    clf = MLPClassifier((), normalization="layer", **QUICK).fit(X, NUMBERS > 320)

    assert_allclose(forward_pass(clf, X), clf.predict_proba(X)[:, 1:], atol=1e-12)


# --- views, and arrays that are none --------------------------------------------------


def test_a_view_of_the_means_of_a_random_code_changes_the_network():
    ae = AutoencoderTransformer(
        2, hidden_layer_sizes=(6,), variational=True, **QUICK
    ).fit(X)

    ae.coefs_[1][:] = 0
    ae.intercepts_[1][:] = [3, -4]

    assert_array_equal(ae.transform(X), np.tile([3.0, -4.0], (60, 1)))


FOLDED = {
    "batch": MLPRegressor(hidden_layer_sizes=(6,), normalization="batch", **QUICK),
    "batch, autoencoder": AutoencoderTransformer(2, normalization="batch", **QUICK),
    "normalize_y": MLPRegressor(hidden_layer_sizes=(6,), normalize_y=True, **QUICK),
}
every_folded = pytest.mark.parametrize("estimator", FOLDED.values(), ids=FOLDED)


@every_folded
def test_what_is_folded_is_float64_and_cannot_be_written(estimator):
    rows = X.astype("f4")
    estimator = clone(estimator).fit(rows, NUMBERS)
    before = predicted_by(estimator, rows)

    for arrays in (estimator.coefs_, estimator.intercepts_):
        assert {array.dtype for array in arrays} == {np.dtype("f8")}
        for i in range(len(arrays)):
            with pytest.raises(ValueError, match="read-only"):
                arrays[i][:] = 0
            with pytest.raises(ValueError, match="read-only"):
                arrays[i] *= 2
            with pytest.raises(TypeError, match=r"read-only\. Change net_\.module_"):
                arrays[i] = np.zeros_like(arrays[i])
    for copied in (copy.deepcopy(estimator.coefs_), pickle.loads(pickle.dumps(arrays))):
        copied[0][:] = 0  # a list as any
        assert type(copied) is list
    assert_array_equal(predicted_by(estimator, rows), before)


@every_folded
def test_going_on_and_saving_take_the_network_and_nothing_folded(estimator, tmp_path):
    estimator = clone(estimator).set_params(warm_start=True).fit(X, NUMBERS)
    asked = copy.deepcopy(estimator)
    for arrays in (asked.coefs_, asked.intercepts_):
        assert len(arrays) == estimator.n_layers_ - 1

    save(asked, tmp_path / "model.sknn")
    for other in (asked, load(tmp_path / "model.sknn")):
        assert str(other.summary()) == str(estimator.summary())
        for ours, theirs in zip(other.coefs_, estimator.coefs_, strict=True):
            assert_array_equal(ours, theirs)
    for other in (asked, load(tmp_path / "model.sknn")):
        expected = copy.deepcopy(estimator).fit(X, NUMBERS).partial_fit(X, NUMBERS)
        other.fit(X, NUMBERS).partial_fit(X, NUMBERS)
        for ours, theirs in zip(arrays_of(other), arrays_of(expected), strict=True):
            assert_array_equal(ours, theirs)
        assert_allclose(
            forward_pass(other, X), predicted_by(other, X), rtol=0, atol=1e-9
        )


@pytest.mark.cuda
def test_copies_from_a_gpu_cannot_be_written():
    clf = MLPClassifier((6,), **QUICK | {"device": "cuda"}).fit(X, NUMBERS > 320)

    for array in (*clf.coefs_, *clf.intercepts_):
        assert not array.flags.writeable
    assert_allclose(forward_pass(clf, X), clf.predict_proba(X)[:, 1:], atol=1e-5)


def test_bfloat16_predicts_what_its_float32_weights_say_to_the_rounding_of_bfloat16():
    params = QUICK | {"precision": "bfloat16", "normalization": "batch"}
    clf = MLPClassifier((6,), **params).fit(X, NUMBERS > 320)

    assert_allclose(forward_pass(clf, X), clf.predict_proba(X)[:, 1:], atol=0.02)


# --- what tools ask scikit-learn's own MLP for ----------------------------------------


@pytest.mark.parametrize("y", CLASSES.values(), ids=CLASSES)
def test_the_label_binarizer_is_that_of_scikit_learn(y):
    ours = MLPClassifier((4,), **QUICK).fit(X, y)
    theirs = ScikitLearnMLPClassifier((4,), max_iter=1000, tol=0.1).fit(X, y)

    assert vars(ours).keys().isdisjoint({"_label_binarizer"})
    ours, theirs = ours._label_binarizer, theirs._label_binarizer
    assert ours.y_type_ == theirs.y_type_
    assert ours.sparse_input_ == theirs.sparse_input_
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(ours.transform(y), theirs.transform(y))


def test_an_unfitted_classifier_has_no_label_binarizer():
    assert not hasattr(MLPClassifier(), "_label_binarizer")
