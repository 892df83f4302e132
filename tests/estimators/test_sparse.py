"""Rows of few nonzeros stay sparse, and give the model that dense rows give."""

import copy
import pickle
import tempfile

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

import sknn_deep.rows._without_zeros as without_zeros_file
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor, load, save
from sknn_deep.rows import SparseRows
from sknn_deep.rows._nonzero_rows import copy_nonzeros

pytestmark = pytest.mark.filterwarnings(
    "ignore:(Stochastic Optimizer|lbfgs failed):sklearn.exceptions.ConvergenceWarning"
)

COMMON = {"hidden_layer_sizes": (20,), "max_iter": 5, "random_state": 0}
ESTIMATORS = {
    "adam": MLPClassifier(**COMMON),
    "adamw": MLPRegressor(solver="adamw", **COMMON),
    "sgd": MLPClassifier(solver="sgd", momentum=0.8, batch_size=32, **COMMON),
    "lbfgs": MLPRegressor(solver="lbfgs", **COMMON),
    "no hidden layer": MLPClassifier(**COMMON | {"hidden_layer_sizes": ()}),
    "in order": MLPClassifier(shuffle=False, batch_size=32, **COMMON),
    "early stopping": MLPClassifier(early_stopping=True, **COMMON),
    "dropout": MLPRegressor(dropout=0.3, **COMMON),
    "clipped": MLPClassifier(clip_grad_norm=0.1, **COMMON),
}
every = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)


def make_data(n_rows=150, n_features=200, density=0.04, dtype=np.float64):
    X = scipy.sparse.random_array(
        (n_rows, n_features),
        density=density,
        format="csr",
        dtype=dtype,
        # Until SciPy 1.15, which calls it `rng`, is the oldest.
        random_state=np.random.default_rng(0),
    )
    slopes = np.random.default_rng(1).normal(size=(n_features, 3))
    return X, np.argmax(X @ slopes, axis=1)


@pytest.fixture
def never_dense(monkeypatch):
    """Fail where sparse rows are made dense."""
    monkeypatch.setattr(SparseRows, "_make_batch", None)


def output_of(estimator, X):
    """Give what is not rounded to labels."""
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def assert_same_model(ours, expected, tolerance=1e-9):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(expected, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@every
def test_sparse_rows_stay_so_and_give_the_model_of_dense_ones(estimator, never_dense):
    X, y = make_data()
    expected = clone(estimator).fit(X.toarray(), y)

    ours = clone(estimator).fit(X, y)

    assert_same_model(ours, expected)
    np.testing.assert_allclose(
        output_of(ours, X), output_of(expected, X.toarray()), rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()])
def test_partial_fit_goes_on_with_sparse_and_dense_rows(estimator):
    X, y = make_data(n_rows=600)
    ours, expected = clone(estimator), clone(estimator)
    for model in (ours, expected):
        model.set_params(random_state=0)
    classes = {"classes": [0, 1, 2]} if isinstance(estimator, MLPClassifier) else {}

    # Of many rows and of few, which are made dense; those of the second are dense.
    for rows in (slice(0, 300), slice(300, 390), slice(0, 50), slice(300, 600)):
        is_dense = rows.stop == 390
        ours.partial_fit(X[rows].toarray() if is_dense else X[rows], y[rows], **classes)
        expected.partial_fit(X[rows].toarray(), y[rows], **classes)

    assert_same_model(ours, expected)


def test_weights_after_sparse_rows_are_as_any(tmp_path):
    X, y = make_data()
    clf = MLPClassifier(**COMMON).fit(X, y)
    expected = clf.predict_proba(X)

    again = pickle.loads(pickle.dumps(clf))

    assert clf.coefs_[0].shape == (200, 20)
    for weight in clf.net_.module_.parameters():
        assert weight.is_contiguous()
        assert weight.untyped_storage().nbytes() == weight.nbytes
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    few = clf.predict_proba(X[:3])
    np.testing.assert_allclose(few, clf.predict_proba(X[:3].toarray()), rtol=1e-12)


def test_float32_rows_stay_float32(never_dense):
    X, y = make_data(dtype=np.float32)

    clf = MLPClassifier(**COMMON).fit(X, y)

    assert clf.coefs_[0].dtype == clf.predict_proba(X).dtype == np.float32


@pytest.mark.usefixtures("every_warning_of_torch")
def test_rows_that_cannot_be_written_to_are_taken():
    """As those are that joblib maps for its workers."""
    X, y = make_data(dtype=np.float32)
    expected = MLPClassifier(shuffle=False, **COMMON).fit(X, y).predict_proba(X)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False

    proba = MLPClassifier(shuffle=False, **COMMON).fit(X, y).predict_proba(X)

    np.testing.assert_array_equal(proba, expected)


def test_precision_is_that_of_the_network_not_of_the_rows(never_dense):
    X, y = make_data()

    clf = MLPClassifier(precision="float32", **COMMON).fit(X, y)

    assert clf.coefs_[0].dtype == clf.predict_proba(X).dtype == np.float32


def test_codes_and_hidden_features_are_those_of_dense_rows(never_dense):
    X, y = make_data()
    clf = MLPClassifier(**COMMON).fit(X, y)

    hidden = clf.hidden_features(X)

    np.testing.assert_allclose(hidden, clf.hidden_features(X.toarray()), atol=1e-12)


def test_autoencoder_of_sparse_rows_is_that_of_dense_ones():
    X, _ = make_data()
    ours, expected = (
        AutoencoderTransformer(**COMMON).fit(rows) for rows in (X, X.toarray())
    )

    assert_same_model(ours, expected)
    for method in ("transform", "score_samples"):
        np.testing.assert_allclose(
            getattr(ours, method)(X), getattr(expected, method)(X.toarray()), atol=1e-9
        )


@pytest.mark.parametrize(
    "options",
    [{"normalization": "batch"}, {"precision": "bfloat16"}, {"n_estimators": 3}],
    ids=str,
)
def test_every_network_takes_sparse_rows(options):
    X, y = make_data()
    ours, expected = (
        MLPClassifier(**COMMON, **options).fit(rows, y) for rows in (X, X.toarray())
    )

    np.testing.assert_allclose(
        ours.predict_proba(X), expected.predict_proba(X.toarray()), atol=1e-2
    )


class Keep(Callback):
    """Keeps the batches that it sees."""

    def initialize(self):
        self.batches_ = []
        return self


class KeepAtBatches(Keep):
    def on_batch_end(self, net, batch=None, **kwargs):
        self.batches_.append(batch[0])


class KeepAtEpochs(Keep):
    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        self.batches_.extend(X for X, _, _ in dataset_train)


@pytest.mark.parametrize("callback", [KeepAtBatches(), KeepAtEpochs()])
def test_callbacks_see_dense_rows(callback):
    X, y = make_data()
    clf = MLPClassifier(callbacks=[callback], shuffle=False, **COMMON).fit(X, y)

    (kept,) = [c for _, c in clf.net_.callbacks_ if isinstance(c, Keep)]
    assert torch.equal(kept.batches_[0], torch.from_numpy(X.toarray()))


def test_rows_of_which_much_is_not_zero_are_made_dense(monkeypatch):
    X, y = make_data(density=0.2)
    monkeypatch.setattr(without_zeros_file, "wrap_matrix", None)

    clf = MLPClassifier(**COMMON).fit(X, y)

    assert clf.predict(X).shape == y.shape


def save_and_load(estimator):
    with tempfile.TemporaryDirectory() as folder:
        save(estimator, f"{folder}/model.sknn")
        return load(f"{folder}/model.sknn")


@pytest.mark.parametrize(
    "pass_on",
    [
        lambda x: x,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
        save_and_load,
    ],
    ids=["the same", "a copy", "a pickle", "a file"],
)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_partial_fit_goes_on_with_rows_of_either_kind(solver, pass_on):
    X, y = make_data()
    dense = X.toarray()
    params = {**COMMON, "solver": solver}
    ours = MLPClassifier(**params).partial_fit(X, y, classes=[0, 1, 2])
    expected = MLPClassifier(**params).partial_fit(dense, y, classes=[0, 1, 2])

    for rows in (X, dense, dense, X):
        ours = pass_on(ours).partial_fit(rows, y)
        expected.partial_fit(dense, y)

    assert_same_model(ours, expected)


# --- dense rows with many zeros -------------------------------------------------------


def make_zeros(n_rows=400, n_dense=3, dtype=np.float64):
    """Make an array of many zeros, but in its last columns."""
    X, y = make_data(n_rows, density=0.02, dtype=dtype)
    X = X.toarray()
    X[:, X.shape[1] - n_dense :] = np.random.default_rng(2).normal(
        size=(n_rows, n_dense)
    )
    return X, y


@pytest.fixture
def noted(monkeypatch):
    """List the trainings that leave out zeros."""
    trainings = []

    def copy_and_note(X, *args, **options):
        trainings.append(X.shape)
        return copy_nonzeros(X, *args, **options)

    monkeypatch.setattr(without_zeros_file, "copy_nonzeros", copy_and_note)
    return trainings


@pytest.fixture
def left_out(noted, monkeypatch):
    """Leave out zeros in the smallest of trainings; list those that do."""
    costs = without_zeros_file._COSTS
    free = {t: c._replace(apart=0, search=0) for t, c in costs.items()}
    monkeypatch.setattr(without_zeros_file, "_COSTS", free)
    monkeypatch.setattr(without_zeros_file, "_MIN_SAVED", 0)
    return noted


def fit_with_zeros(estimator, *data, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(without_zeros_file, "_is_faster", lambda *args: False)
        return clone(estimator).fit(*data)


AUTOENCODERS = {
    "autoencoder": AutoencoderTransformer(4, **COMMON),
    "autoencoder with dropout": AutoencoderTransformer(4, dropout=0.2, **COMMON),
}


@pytest.mark.parametrize("n_dense", [0, 3])
@pytest.mark.parametrize(
    "estimator", [*ESTIMATORS.values(), *AUTOENCODERS.values()], ids=str
)
def test_a_model_is_the_same_without_the_zeros(
    estimator, n_dense, left_out, monkeypatch
):
    data = make_zeros(n_dense=n_dense)
    if isinstance(estimator, AutoencoderTransformer):
        data = data[:1]
    expected = fit_with_zeros(estimator, *data, monkeypatch=monkeypatch)
    assert not left_out
    before = data[0].copy()

    ours = clone(estimator).fit(*data)

    assert left_out == [(400, 200)]
    assert_same_model(ours, expected)
    np.testing.assert_allclose(
        getattr(ours, "loss_curve_", []), getattr(expected, "loss_curve_", [])
    )
    np.testing.assert_array_equal(data[0], before)


def test_weights_count_without_the_zeros(left_out, monkeypatch):
    X, y = make_zeros()
    weight = np.linspace(0, 2, len(y))
    estimator = MLPClassifier(**COMMON)

    expected = fit_with_zeros(estimator, X, y, weight, monkeypatch=monkeypatch)
    ours = estimator.fit(X, y, weight)

    assert left_out
    assert_same_model(ours, expected)


def test_float32_is_the_same_to_its_rounding(left_out, monkeypatch):
    X, y = make_zeros(dtype=np.float32)
    estimator = MLPClassifier(**COMMON)

    expected = fit_with_zeros(estimator, X, y, monkeypatch=monkeypatch)
    ours = estimator.fit(X, y)

    assert left_out
    assert ours.coefs_[0].dtype == np.float32
    assert_same_model(ours, expected, tolerance=1e-4)


@pytest.mark.parametrize("n_dense", [0, 3])
def test_bfloat16_is_the_same_to_its_rounding(n_dense, left_out, monkeypatch):
    X, y = make_zeros(n_dense=n_dense, dtype=np.float32)
    estimator = MLPClassifier(precision="bfloat16", **COMMON)

    expected = fit_with_zeros(estimator, X, y, monkeypatch=monkeypatch)
    ours = estimator.fit(X, y)

    assert left_out
    assert ours.coefs_[0].dtype == np.float32
    assert_same_model(ours, expected, tolerance=1e-2)


@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "batch"},
        {"callbacks": [KeepAtBatches()]},
        {"solver": torch.optim.RMSprop},
    ],
    ids=["autograd", "callback", "optimizer"],
)
def test_zeros_stay_for_autograd_and_other_eyes(options, left_out):
    clf = MLPClassifier(**COMMON | options).fit(*make_zeros())

    assert not left_out
    assert clf.n_iter_ == 5


def test_which_trainings_are_long_enough_for_leaving_out_zeros(noted):
    X, y = make_zeros(2000)
    for n_epochs, expected in [(1, 0), (20, 1)]:
        clf = MLPClassifier((100,), batch_size=1000, max_iter=n_epochs, random_state=0)
        clf.fit(X, y)

        assert len(noted) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_numbers_of_columns_and_rows_may_be_of_two_types(solver, dtype):
    X, y = make_data(dtype=dtype)
    expected = MLPClassifier(solver=solver, **COMMON).fit(X, y)
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int64)

    clf = MLPClassifier(solver=solver, **COMMON).fit(X, y)

    assert X.indptr.dtype != X.indices.dtype
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("n_epochs", [1, 4])
def test_training_goes_on_without_the_zeros_as_with_them(
    n_epochs, left_out, monkeypatch
):
    """As it does after `partial_fit`, and with `warm_start`."""
    X, y = make_zeros()
    estimator = MLPClassifier(warm_start=True, **COMMON | {"max_iter": n_epochs})

    expected = fit_with_zeros(estimator, X, y, monkeypatch=monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(without_zeros_file, "_is_faster", lambda *args: False)
        expected.fit(X, y).partial_fit(X, y)
    ours = estimator.fit(X, y).fit(X, y).partial_fit(X, y)

    assert len(left_out) == 3
    assert_same_model(ours, expected)
