"""Numbers at the ends of their types, and containers that hold none."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.model_selection import BatchedGridSearchCV
from tests.requirements import needs

SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0, "device": "cpu"}

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::sklearn.exceptions.{name}")
    for name in ("ConvergenceWarning", "DataConversionWarning")
]


@pytest.fixture
def X():
    return np.random.RandomState(0).uniform(size=(12, 2))


@pytest.fixture
def y(X):
    return (X[:, 0] > 0.5).astype(int)


def make(cls, **params):
    return cls(**SMALL | params)


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("number", [0, np.float32(0), False])
def test_betas_may_be_any_kind_of_number(solver, number, X, y):
    plain, other = (
        make(MLPClassifier, solver=solver, beta_1=zero, momentum=zero).fit(X, y)
        for zero in (0.0, number)
    )
    np.testing.assert_array_equal(plain.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize("huge", [1e300, -1.7e308])
@pytest.mark.parametrize(
    ("cls", "params", "method"),
    [
        (MLPRegressor, {"n_estimators": 2, "precision": "float32"}, "predict"),
        (MLPClassifier, {"precision": "float32"}, "predict_proba"),
        (MLPClassifier, {}, "predict_proba"),
        (MLPRegressor, {"precision": "float32"}, "predict"),
        (MLPRegressor, {"loss": "poisson"}, "predict"),
        (MLPClassifier, {"precision": "float32"}, "hidden_features"),
        (AutoencoderTransformer, {}, "score_samples"),
        (AutoencoderTransformer, {}, "score"),
        (AutoencoderTransformer, {}, "inverse_transform"),
    ],
)
def test_results_that_are_not_finite_are_refused(cls, params, method, huge, X, y):
    model = make(cls, activation="identity", **params).fit(X, y)
    rows = np.array([[0.0, 1.0], [huge, -huge]])
    if cls is MLPClassifier and params == {}:
        # In float64 the two terms cancel only where the weights are equal.
        with torch.no_grad():
            for p in model.net_.module_.parameters():
                p.fill_(1e10)
    if cls is MLPRegressor and huge < 0 and params == {"loss": "poisson"}:
        rows = -rows
    if method == "inverse_transform":
        with torch.no_grad():
            model.decoder_[0].dense.weight.fill_(1e10)
    with pytest.raises(ValueError, match=f"{cls.__name__} cannot compute with this X"):
        getattr(model, method)(rows)


def test_regressor_predicts_numbers_beyond_the_precision_it_computes_in(X):
    params = {"normalize_y": True, "precision": "float32"}
    model = make(MLPRegressor, **params).fit(X, X[:, 0] * 1e60)
    of_small = make(MLPRegressor, **params).fit(X, X[:, 0])
    np.testing.assert_allclose(model.predict(X), of_small.predict(X) * 1e60, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f8"])
def test_regressor_takes_floats_of_any_width(dtype, X):
    y = np.round(X[:, 0] * 8) / 8
    plain = make(MLPRegressor, normalize_y=True).fit(X, y)
    other = make(MLPRegressor, normalize_y=True).fit(X, y.astype(dtype))
    np.testing.assert_array_equal(plain.predict(X), other.predict(X))


def test_standardization_of_float16_does_not_overflow(X):
    y = (X[:, 0] * 60_000).astype(np.float16)
    plain = make(MLPRegressor, normalize_y=True).fit(X, y.astype(np.float64))
    other = make(MLPRegressor, normalize_y=True).fit(X, y)
    np.testing.assert_array_equal(plain.predict(X), other.predict(X))


def test_standardization_refuses_numbers_without_a_variance(X):
    model = make(MLPRegressor, normalize_y=True)
    with pytest.raises(ValueError, match="normalize_y=True cannot standardize y"):
        model.fit(X, X[:, 0] * 1e200)


def test_regressor_refuses_sparse_targets(X):
    with pytest.raises(TypeError, match="y of MLPRegressor must be dense"):
        make(MLPRegressor).fit(X, sp.csr_array(X))


def test_labels_are_not_followed_by_columns_of_labels(X, y):
    columns = np.stack([y, 1 - y], axis=1)
    with pytest.raises(ValueError, match="y must be one label for each row"):
        make(MLPClassifier).fit(X, y, X_val=X, y_val=columns)
    with pytest.raises(ValueError, match="y must be one label for each row"):
        make(MLPClassifier).fit(X, y).partial_fit(X, columns)


def test_numbers_at_the_ends_are_refused_as_classes_without_a_warning(X, y):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make(MLPClassifier).fit(X, np.where(y, 1.0, -1.0) * np.finfo(float).max)


def test_dates_are_not_followed_by_numbers(X, y):
    dates = y.astype("M8[D]")
    model = make(MLPClassifier).fit(X, dates)
    assert np.isin(model.predict(X), dates).all()
    with pytest.raises(ValueError, match=r"classes not in `self\.classes_`"):
        model.partial_fit(X, y)


def test_one_sparse_column_is_that_column(X, y):
    column = y[:, None]
    plain = make(MLPClassifier).fit(X, column)
    other = make(MLPClassifier).fit(X, sp.csr_matrix(column))
    assert other.predict(X).shape == plain.predict(X).shape
    np.testing.assert_array_equal(plain.predict(X), other.predict(X))


@pytest.mark.parametrize(
    "convert", [torch.Tensor.to_sparse, lambda t: t.to("meta")], ids=["sparse", "meta"]
)
def test_tensors_without_an_array_are_refused(convert, X, y):
    tensor = convert(torch.from_numpy(X))
    with pytest.raises(TypeError, match="must be dense and hold values"):
        make(MLPClassifier).fit(tensor, y)
    with pytest.raises(TypeError, match="must be dense and hold values"):
        make(AutoencoderTransformer).fit(X).inverse_transform(tensor)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, AutoencoderTransformer])
def test_ints_beyond_all_floats_are_refused(cls, X, y):
    rows = X.astype(object)
    rows[0, 0] = 10**400
    with pytest.raises(ValueError, match="within the range of float64"):
        make(cls).fit(rows, y)


def test_scores_refuse_ints_beyond_all_floats(X):
    model = make(MLPRegressor).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="within the range of float64"):
        model.score(X, np.array([10**400] * len(X), dtype=object))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, AutoencoderTransformer])
def test_weights_without_a_sum_are_refused(cls, X, y):
    weight = np.full(len(X), 1e308)
    with pytest.raises(ValueError, match="weights of the rows must have a finite sum"):
        make(cls).fit(X, y, sample_weight=weight)


def test_class_weights_without_a_sum_are_refused(X, y):
    model = make(MLPClassifier, class_weight={0: 1e200, 1: 1.0})
    with pytest.raises(ValueError, match="weights of the rows must have a finite sum"):
        model.fit(X, y, sample_weight=np.full(len(X), 1e200))


def test_score_of_an_autoencoder_goes_by_the_ratios_of_weights(X):
    model = make(AutoencoderTransformer).fit(X)
    weight = np.arange(1.0, 13.0)
    far = X * 1e3
    assert model.score(far, sample_weight=weight * 1e305) == pytest.approx(
        model.score(far, sample_weight=weight), rel=1e-12
    )


@needs("scikit-learn>=1.6.1", "1.6.0 tells NumPy's cpu from torch's")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_scores_take_torch_tensors(dtype, X, y):
    target = torch.from_numpy(np.round(X[:, 0] * 8) / 8).to(dtype)
    weight = torch.arange(12.0, dtype=torch.float64, requires_grad=True)
    reg = make(MLPRegressor).fit(X, target)
    expected = r2_score(target.double(), reg.predict(X), sample_weight=range(12))
    assert reg.score(X, target.requires_grad_(), weight) == expected
    clf = make(MLPClassifier).fit(X, y)
    assert clf.score(X, torch.from_numpy(y)) == accuracy_score(y, clf.predict(X))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, AutoencoderTransformer])
def test_later_calls_of_partial_fit_check_the_parameters(cls, X, y):
    classes = {"classes": [0, 1]} if cls is MLPClassifier else {}
    model = make(cls).partial_fit(X, y, **classes)
    with pytest.raises(ValueError, match="The 'alpha' parameter of"):
        model.set_params(alpha=None).partial_fit(X, y)
    with pytest.raises(ValueError, match="The 'beta_1' parameter of"):
        model.set_params(alpha=0.0, beta_1=-1).partial_fit(X, y)


@pytest.mark.parametrize("layer", [None, 0.0, "0", [0]])
def test_layers_that_are_no_integers_are_refused(layer, X, y):
    model = make(MLPClassifier).fit(X, y)
    with pytest.raises(ValueError, match="layer must be from -1 to 0"):
        model.hidden_features(X, layer)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("limits", [[None, 0.1], [0.1, None]])
def test_networks_without_a_limit_are_not_clipped_by_an_infinite_norm(limits, X):
    grid = {"clip_grad_norm": limits}
    plain, batched = (
        search(make(MLPRegressor), grid, cv=2, refit=False)
        .fit(X * 1e150, X[:, 0])
        .cv_results_["mean_test_score"]
        for search in (GridSearchCV, BatchedGridSearchCV)
    )
    assert np.isfinite(plain[limits.index(None)])
    np.testing.assert_allclose(batched, plain, rtol=1e-6)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (MLPClassifier, "alpha"),
        (MLPRegressor, "huber_delta"),
        (AutoencoderTransformer, "noise_level"),
        (AutoencoderTransformer, "sparsity_penalty"),
        (AutoencoderTransformer, "kl_weight"),
    ],
)
def test_parameters_beyond_the_precision_are_refused(cls, name, X, y):
    model = make(cls, precision="float32", **{name: 1e300})
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {cls.__name__}"):
        model.fit(X, y)


def test_tags_do_not_need_a_valid_precision():
    tags = AutoencoderTransformer(precision=["float32"]).__sklearn_tags__()
    assert tags.transformer_tags.preserves_dtype == ["float32"]
