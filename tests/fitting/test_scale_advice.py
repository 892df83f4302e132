"""X or y far from 1 is named where it keeps a network from learning."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
)
from sknn_deep.data import ClassTarget
from sknn_deep.fitting import are_columns_lost, is_loss_large
from sknn_deep.modules import BinaryCrossEntropy, CrossEntropy

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
SIGNAL = X[:, 0] + np.sin(X[:, 1])
NOT_CONVERGED = (
    "Stochastic Optimizer: Maximum iterations ({}) reached and the optimization hasn't "
    "converged yet."
)
ADVICE = (
    " y is far from what a network starts with, outputs around 0 that differ by about "
    "1: its mean is {:.3g} and its standard deviation {:.3g}. Set normalize_y=True, "
    "which standardizes y and undoes it in predict."
)


def warning_of(reg, y, X=X):
    with pytest.warns(ConvergenceWarning) as caught:
        reg.fit(X, y)
    (warning,) = caught
    return str(warning.message)


@pytest.mark.parametrize("scale, offset", [(1e5, 2e5), (1.0, 100.0), (1000.0, 0.0)])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_a_large_y_is_named_as_the_cause(scale, offset, loss):
    y = scale * SIGNAL + offset
    reg = MLPRegressor(hidden_layer_sizes=(8,), loss=loss, max_iter=20, random_state=0)

    message = warning_of(reg, y)

    assert message == NOT_CONVERGED.format(20) + ADVICE.format(y.mean(), y.std())
    assert reg.score(X, y) < 0.5


def test_the_column_that_is_farthest_is_named():
    y = np.c_[SIGNAL, 1e4 * SIGNAL]

    message = warning_of(MLPRegressor(max_iter=20, random_state=0), y)

    assert message.endswith(ADVICE.format(y[:, 1].mean(), y[:, 1].std()))


def test_a_tiny_y_on_which_the_training_ends_at_once_is_named():
    y = 1e-3 * SIGNAL
    reg = MLPRegressor(random_state=0)

    message = warning_of(reg, y)

    assert message == (
        "The training ended with a network worse than the mean of y."
        + ADVICE.format(y.mean(), y.std())
    )
    assert reg.n_iter_ < reg.max_iter
    assert reg.score(X, y) < 0


@pytest.mark.parametrize(
    ("params", "y"),
    [
        ({}, SIGNAL),
        ({"normalize_y": True}, 1e5 * SIGNAL),
        ({"loss": "poisson"}, np.exp(SIGNAL) * 1e3),
        # A network that has come close needs more epochs indeed.
        ({"learning_rate_init": 0.1}, 12 * SIGNAL),
        ({}, np.full(300, 3.0)),
    ],
    ids=["near 1", "normalize_y", "poisson", "well trained", "constant"],
)
def test_otherwise_more_epochs_are_all_that_is_advised(params, y):
    reg = MLPRegressor(max_iter=20, random_state=0, tol=0, n_iter_no_change=np.inf)

    assert warning_of(reg.set_params(**params), y) == NOT_CONVERGED.format(20)


def test_members_of_an_ensemble_say_it_too():
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), n_estimators=2, max_iter=20, random_state=0
    )

    with pytest.warns(ConvergenceWarning, match="Set normalize_y=True"):
        reg.fit(X, 1e5 * SIGNAL)


def test_a_schedule_that_ends_worse_than_the_mean_says_it_too():
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=5, learning_rate="one_cycle", random_state=0
    )
    y = 1e5 * SIGNAL

    message = warning_of(reg, y)

    assert message == (
        "The training ended with a network worse than the mean of y."
        + ADVICE.format(y.mean(), y.std())
    )
    assert reg.score(X, y) < 0


def test_a_schedule_has_the_epochs_that_the_user_planned():
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=5, learning_rate="one_cycle", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg.fit(X, SIGNAL)

    assert reg.loss_ > 0.1 * SIGNAL.var()


# --- X --------------------------------------------------------------------------------

FAR = np.c_[X[:, :3], 1e4 * X[:, 3] + 3e4]
FAR_ADVICE = (
    " X is far from what a network takes, columns around 0 that differ by about 1: the "
    "mean of {} is {:.3g} and its standard deviation {:.3g}. Put StandardScaler() "
    "before the network, in a Pipeline."
)
WITH_SCHEDULE = {"learning_rate": "one_cycle", "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize("make_sparse", [False, True], ids=["dense", "sparse"])
def test_a_column_far_from_1_is_named_where_a_regression_has_learnt_nothing(
    make_sparse,
):
    rows = sp.csr_matrix(FAR) if make_sparse else FAR
    with pytest.warns(ConvergenceWarning) as caught:
        MLPRegressor(normalize_y=True, **WITH_SCHEDULE).fit(rows, 1e5 * SIGNAL)

    expected = FAR_ADVICE.format("column 3", FAR[:, 3].mean(), FAR[:, 3].std())
    assert [str(w.message) for w in caught] == [
        f"The training ended with a network worse than the mean of y.{expected}"
    ]


def test_both_y_and_a_column_are_named():
    frame = pd.DataFrame(FAR, columns=["a", "b", "c", "income"])
    y = 1e5 * SIGNAL
    with pytest.warns(ConvergenceWarning) as caught:
        MLPRegressor(**WITH_SCHEDULE).fit(frame, y)

    (warning,) = caught
    of_column = FAR_ADVICE.format("'income'", FAR[:, 3].mean(), FAR[:, 3].std())
    assert str(warning.message).endswith(ADVICE.format(y.mean(), y.std()) + of_column)


CLASSES = {
    "two": SIGNAL > 0,
    "three": np.digitize(SIGNAL, [-0.5, 0.5]),
    "labels": np.c_[SIGNAL > 0, SIGNAL > 1].astype(int),
}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 1, 300)], ids=["", "weight"])
def test_a_column_far_from_1_is_named_where_a_classifier_has_learnt_nothing(
    kind, weight
):
    y = CLASSES[kind]
    with pytest.warns(ConvergenceWarning) as caught:
        MLPClassifier(**WITH_SCHEDULE).fit(FAR, y, sample_weight=weight)

    expected = FAR_ADVICE.format("column 3", FAR[:, 3].mean(), FAR[:, 3].std())
    assert [str(w.message) for w in caught] == [
        "The training ended with a network worse than the frequencies of the classes."
        + expected
    ]


PIXELS = np.random.default_rng(1).integers(0, 256, size=(200, 144), dtype=np.uint8)
PIXELS[:100, :72] //= 2


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(batch_size=20, max_iter=100),
        MLPRegressor(batch_size=20, max_iter=120),
        AutoencoderTransformer(learning_rate="constant", max_iter=4),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_pixels_that_were_not_scaled_are_named_where_more_epochs_are_needed(estimator):
    y = np.repeat([0, 10], 100)
    estimator.set_params(
        hidden_layer_sizes=(8,), n_iter_no_change=np.inf, random_state=0
    )

    message = warning_of(estimator, y, X=PIXELS)

    farthest = PIXELS.mean(axis=0).argmax()
    column = PIXELS[:, farthest]
    expected = FAR_ADVICE.format(f"column {farthest}", column.mean(), column.std())
    assert message == NOT_CONVERGED.format(estimator.max_iter) + expected
    if not isinstance(estimator, AutoencoderTransformer):
        assert estimator.score(PIXELS, y) > 0.7  # far better than a constant


@pytest.mark.parametrize("kind", CLASSES)
def test_a_classifier_that_learns_is_told_nothing(kind):
    far_but_harmless = np.c_[X, np.full(300, 50.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(learning_rate_init=0.01, **WITH_SCHEDULE).fit(
            far_but_harmless, CLASSES[kind]
        )


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 1, 300)], ids=["", "weight"])
def test_the_constant_output_is_the_best_of_its_kind(kind, weight):
    y = CLASSES[kind]
    target = ClassTarget.of(y)
    encoded = target.encode(y)
    constant = target.constant_output(encoded, weight)
    criterion = CrossEntropy() if kind == "three" else BinaryCrossEntropy()

    def is_worse(output):
        return is_loss_large(value, criterion, output, encoded, weight, large=1.0)

    value = loss_of(criterion, constant, encoded, weight)
    # No other constant has a loss that this one's is above of.
    rng = np.random.RandomState(0)
    others = constant + 0.1 * rng.normal(size=(20, len(constant)))
    assert not any(is_worse(other) for other in others)


def loss_of(criterion, constant, target, weight):
    output = torch.tensor(constant).expand(len(target), -1)
    target = torch.tensor(target)
    target = target.double() if target.dtype == torch.bool else target
    weight = None if weight is None else torch.tensor(weight)
    value = criterion(output, target, weight)
    return (value * criterion.reported_scale(output)).item()


# --- autoencoders ---------------------------------------------------------------------

UNSCALED = np.c_[X[:, :3], 1e4 * X[:, 3]]
AUTOENCODER = {"hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}


@pytest.mark.parametrize("make_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("kind", [AutoencoderTransformer, NeighborAutoencoder])
def test_an_autoencoder_that_loses_the_narrow_columns_says_so(kind, make_sparse):
    model = kind(**AUTOENCODER)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(sp.csr_matrix(UNSCALED) if make_sparse else UNSCALED)

    advice = FAR_ADVICE.format("column 3", UNSCALED[:, 3].mean(), UNSCALED[:, 3].std())
    assert [str(w.message) for w in caught] == [
        "The training ended with a network worse than the means of some columns."
        + advice
    ]
    back = model.inverse_transform(model.transform(UNSCALED))
    by_column = r2_score(UNSCALED, back, multioutput="raw_values")
    assert np.count_nonzero(by_column < 0) >= 2
    assert model.score(UNSCALED) > 0.9


@pytest.mark.parametrize("kind", [AutoencoderTransformer, NeighborAutoencoder])
def test_an_autoencoder_of_images_or_scaled_rows_is_told_nothing(kind):
    images = load_digits().data[:300]
    assert (images.std(axis=0) == 0).any()
    rare = np.where(rng.random(X.shape) < 0.01, 1.0, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (255 / 16 * images, X, sp.csr_matrix(rare), 1e3 * X):
            kind(**AUTOENCODER).fit(rows)


def test_columns_are_lost_if_they_are_narrow_and_come_back_worse_than_their_means():
    means = np.tile(UNSCALED.mean(axis=0), (300, 1))
    assert not are_columns_lost(UNSCALED, UNSCALED)
    assert not are_columns_lost(UNSCALED, np.c_[UNSCALED[:, :3], 0 * X[:, 3]])
    assert are_columns_lost(UNSCALED, np.c_[means[:, :2] + 1, UNSCALED[:, 2:]])
    # Few columns among many, such as the pixels of a corner.
    many = np.c_[UNSCALED[:, :1], 1e3 * rng.normal(size=(300, 20))]
    assert not are_columns_lost(many, np.c_[means[:, :1] + 1, many[:, 1:]])
