"""NeighborAutoencoder, against a loop in plain torch and what its parts promise."""

import functools
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F

import sknn_deep
from sknn_deep import AutoencoderTransformer, NeighborAutoencoder
from sknn_deep.callbacks import Checkpoint
from sknn_deep.gradients import _gradient
from sknn_deep.metrics import neighbors_accuracy_scorer, trustworthiness_scorer
from sknn_deep.model_selection import BatchedGridSearchCV
from sknn_deep.modules import ConvDecoder, ConvEncoder
from sknn_deep.neighbors import PairOrders, find_neighbors
from sknn_deep.optimizers import one_cycle
from tests.requirements import needs

DIGITS, CLASSES = load_digits(return_X_y=True)
DIGITS = DIGITS / 16
SOME = DIGITS[:300]

QUICK = {
    "hidden_layer_sizes": (16,),
    "out_activation": "logistic",
    "max_iter": 3,
    "batch_size": 64,
    "random_state": 0,
    "device": "cpu",
}
nearest_15 = functools.partial(kneighbors_graph, n_neighbors=15)


def make(**params):
    return NeighborAutoencoder(**QUICK | params)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(SOME)


@pytest.fixture(scope="module")
def both():
    """With the neighbors' loss and without it, fitted to 800 digits."""
    long = {"hidden_layer_sizes": (32,), "max_iter": 20}
    return [
        make(neighbors_weight=weight, **long).fit(DIGITS[:800]) for weight in (1, 0)
    ]


# --- what is learnt -------------------------------------------------------------------


def test_codes_tell_digits_apart_and_reconstructions_are_as_good(both):
    new, classes = DIGITS[800:], CLASSES[800:]

    accuracies = [
        KNeighborsClassifier(5)
        .fit(autoencoder.transform(DIGITS[:800]), CLASSES[:800])
        .score(autoencoder.transform(new), classes)
        for autoencoder in both
    ]
    assert accuracies[0] > accuracies[1] + 0.05
    errors = [-autoencoder.score_samples(new).mean() for autoencoder in both]
    assert errors[0] < 1.1 * errors[1]


def test_training_equals_a_loop_in_plain_torch():
    params = {"activation": "tanh", "neighbors_weight": 0.5, "sparsity_penalty": 0.1}
    start = make(**params, max_iter=1, learning_rate_init=1e-30).fit(SOME)
    autoencoder = make(**params, max_iter=4).fit(SOME)

    X = torch.from_numpy(SOME)
    W0, W1, W2, W3 = (torch.tensor(w, requires_grad=True) for w in start.coefs_)
    b0, b1, b2, b3 = (torch.tensor(b, requires_grad=True) for b in start.intercepts_)
    # Steps of Adam do not know units: these are 4 times the code's.
    for tensor, factor in ((W1, 0.25), (b1, 0.25), (W2, 4)):
        tensor.data *= factor
    step = make_adam_step([W0, W1, W2, W3, b0, b1, b2, b3])
    random_state = np.random.RandomState(0)
    for w in start.coefs_:  # what the weights and biases draw
        random_state.uniform(size=w.size + w.shape[1])
    orders = PairOrders(
        find_neighbors(SOME, 15, "euclidean", owner="loop"),
        batch_size=64,
        n_epochs=4,
        shuffle=True,
        random_state=random_state,
        device=X.device,
    )
    losses, own_losses, n_steps = [], [], 0
    for _ in range(4):
        total = own_total = 0.0
        for index in orders().split(128):
            batch = X[index]
            u = torch.tanh(batch @ W0 + b0) @ W1 + b1
            back = torch.sigmoid(torch.tanh(u @ W2 + b2) @ W3 + b3)
            rows, partners = (4 * u).chunk(2)
            q = 1 / (1 + (rows[:, None] - partners[None]).square().sum(2))
            own = F.cross_entropy(q.log(), torch.arange(len(rows)))
            own = own - 0.5 * q.diagonal().log().mean()
            sparsity = (4 * u).abs().mean()
            loss = F.mse_loss(back, batch) + 0.5 * own + 0.1 * sparsity
            loss.backward()
            step(0.01 * one_cycle(n_steps, 4 * 5))
            n_steps += 1
            total += loss.item() * len(index)
            own_total += own.item() * len(index)
        losses.append(total / 600)
        own_losses.append(own_total / 600)

    assert_allclose(autoencoder.loss_curve_, losses, rtol=1e-9)
    assert_allclose(autoencoder.neighbor_loss_curve_, own_losses, rtol=1e-9)
    code = 4 * (torch.tanh(X @ W0 + b0) @ W1 + b1)
    assert_allclose(autoencoder.transform(SOME), code.detach(), rtol=1e-6, atol=1e-8)


def make_adam_step(parameters):
    """Make Adam's step as scikit-learn takes it."""
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    t = 0

    def step(rate):
        nonlocal t
        t += 1
        rate *= np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for p, mean, square in zip(parameters, means, squares, strict=True):
            mean.mul_(0.9).add_(p.grad, alpha=0.1)
            square.mul_(0.999).add_(p.grad.square(), alpha=0.001)
            p.data -= rate * mean / (square.sqrt() + 1e-8)
            p.grad = None

    return step


def test_written_out_and_recorded_gradients_train_the_same(fitted, monkeypatch):
    monkeypatch.setattr(_gradient, "can_backpropagate_code", lambda *args: False)
    recorded = make().fit(SOME)

    assert_allclose(recorded.transform(SOME), fitted.transform(SOME), rtol=1e-7)
    assert_allclose(recorded.loss_curve_, fitted.loss_curve_, rtol=1e-9)


VARIANTS = {
    "gaussian": {"noise": "gaussian"},
    "masking, sparse": {"noise": "masking", "sparsity_penalty": 0.1},
    "dropout": {"dropout": 0.1},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "cross entropy": {"loss": "binary_cross_entropy"},
    "one component": {"n_components": 1},
    "three components": {"n_components": 3},
    "ten components": {"n_components": 10},
    "bfloat16": {"precision": "bfloat16"},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
    "adamw": {"solver": "adamw", "alpha": 0.1},
    "cosine": {"metric": "cosine"},
    "all others": {"n_neighbors": 1000},
    "in order": {"shuffle": False},
    "early stopping": {"early_stopping": True},
}


@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.filterwarnings("ignore:n_neighbors=1000:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_variants_keep_neighbors_better_than_their_start(params):
    before = make(**{"learning_rate_init": 1e-30, "max_iter": 1} | params)
    before.set_params(learning_rate_init=1e-30, max_iter=1).fit(SOME)
    after = make(**params | {"max_iter": 15}).fit(SOME)

    assert after.neighbor_loss_curve_[-1] < before.neighbor_loss_curve_[-1] - 0.1
    assert after.transform(SOME).shape == (300, after.n_components)


def test_sparse_rows_are_fitted_as_dense_ones_are():
    X = np.random.default_rng(0).uniform(size=(300, 20))  # without ties
    dense, sparse = (make().fit(rows) for rows in (X, csr_matrix(X)))

    assert_allclose(sparse.transform(X), dense.transform(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "max_iter"),
    [(50, 50, 1200), (500, 64, 150), (1600, 100, 75), (60_000, 512, 20)],
)
def test_auto_is_so_many_rows_and_epochs(n_rows, batch_size, max_iter):
    recipe = NeighborAutoencoder()._resolve_recipe(
        n_rows,
        sknn_deep.machine.Placement(torch.device("cpu"), torch.float32),
        incremental=False,
    )

    assert (recipe.batch_size, recipe.max_iter) == (batch_size, max_iter)


def test_attributes_say_what_auto_became():
    auto = make(batch_size="auto").fit(SOME)

    assert (auto.batch_size_, auto.max_iter_, auto.n_iter_) == (64, 3, 3)


# --- transforming ---------------------------------------------------------------------


def test_fit_transform_is_fit_and_transform(fitted):
    assert_array_equal(make().fit_transform(SOME), fitted.transform(SOME))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)]
)
def test_a_code_does_not_depend_on_other_rows(dtype, tolerance):
    X = SOME.astype(dtype)
    autoencoder = make().fit(X)
    codes = autoencoder.transform(X)

    alone = np.concatenate([autoencoder.transform(X[i : i + 1]) for i in range(20)])
    assert_allclose(alone, codes[:20], rtol=tolerance, atol=tolerance)
    assert_allclose(autoencoder.transform(X[::-1])[::-1], codes, rtol=tolerance)


def test_any_point_has_features(fitted):
    points = np.random.default_rng(0).uniform(-50, 50, size=(7, 2))

    back = fitted.inverse_transform(points)
    assert back.shape == (7, 64)
    assert (back >= 0).all() and (back <= 1).all()


def test_layers_compute_codes_and_reconstructions(fitted):
    X = torch.from_numpy(SOME)
    with torch.no_grad():
        assert_array_equal(fitted.encoder_(X), fitted.transform(SOME))
        back = fitted.decoder_(fitted.encoder_(X))
    assert_array_equal(back, fitted.inverse_transform(fitted.transform(SOME)))
    hidden = SOME @ fitted.coefs_[0] + fitted.intercepts_[0]
    hidden = F.gelu(torch.from_numpy(hidden)).numpy()
    code = hidden @ fitted.coefs_[1] + fitted.intercepts_[1]
    assert_allclose(code, fitted.transform(SOME))


def test_scores_are_about_the_reconstruction(fitted):
    back = fitted.inverse_transform(fitted.transform(SOME))

    assert_allclose(fitted.score_samples(SOME), -((SOME - back) ** 2).mean(axis=1))
    expected = 1 - ((SOME - back) ** 2).sum() / ((SOME - SOME.mean(0)) ** 2).sum()
    assert fitted.score(SOME) == pytest.approx(expected)


# --- curves ---------------------------------------------------------------------------


def test_loss_curve_has_both_parts():
    autoencoder = make(neighbors_weight=0.3).fit(SOME)

    both = np.array(autoencoder.loss_curve_)
    own = np.array(autoencoder.neighbor_loss_curve_)
    reconstruction = both - 0.3 * own
    assert (reconstruction > 0).all() and (reconstruction < 0.3).all()
    assert autoencoder.net_.history[:, "train_neighbor_loss"] == list(own)


def test_curves_grow_with_each_call_and_start_afresh_with_fit():
    autoencoder = make()
    for n in range(1, 3):
        autoencoder.partial_fit(SOME)
        assert len(autoencoder.neighbor_loss_curve_) == n
    autoencoder.fit(SOME)
    assert len(autoencoder.neighbor_loss_curve_) == 3
    autoencoder.set_params(warm_start=True).fit(SOME)
    assert len(autoencoder.neighbor_loss_curve_) == 6
    assert len(autoencoder.loss_curve_) == 6
    assert autoencoder.t_ == 2 * 6 * 300  # rows, and with each its neighbor


# --- going on -------------------------------------------------------------------------


def test_partial_fit_goes_on_where_the_last_call_ended():
    autoencoder = make(learning_rate_init=0.003)
    for _ in range(15):
        autoencoder.partial_fit(SOME)

    curve = autoencoder.neighbor_loss_curve_
    assert curve[-1] < curve[0] - 0.3
    codes = autoencoder.transform(SOME)
    autoencoder.set_params(learning_rate_init=1e-30).partial_fit(SOME)
    assert_allclose(autoencoder.transform(SOME), codes, rtol=1e-12)


class Codes(Callback):
    """Encodes after each epoch, as a scorer does."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.codes_ = []

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        net.module_.eval()
        with torch.no_grad():
            X = torch.from_numpy(SOME)
            code = net.module_.encode(X)
            self.codes_.append((code.numpy(), net.module_.decode(code).numpy()))


def test_callbacks_see_the_codes_that_transform_gives(fitted):
    autoencoder = make(callbacks=[Codes()]).fit(SOME)

    (_, callback) = autoencoder.net_.callbacks_[-1]
    code, back = callback.codes_[-1]
    assert_array_equal(code, autoencoder.transform(SOME))
    assert_allclose(back, autoencoder.inverse_transform(code))
    assert_array_equal(code, fitted.transform(SOME))


class Stop(Callback):
    """Ends a fit as a crash does."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        if len(net.history) == self.epoch:
            raise RuntimeError("stopped")


@pytest.mark.parametrize("connectivity", [None, nearest_15])
def test_an_interrupted_fit_goes_on_to_the_same_model(connectivity, tmp_path):
    params = {"max_iter": 6, "connectivity": connectivity}
    keeper = Checkpoint(tmp_path / "fit.sknn")
    with pytest.raises(RuntimeError, match="stopped"):
        make(**params, callbacks=[keeper, Stop(3)]).fit(SOME)
    resumed = make(**params, callbacks=[keeper]).fit(SOME)

    whole = make(**params).fit(SOME)
    assert resumed.net_.n_resumed_ == 2
    assert_array_equal(resumed.transform(SOME), whole.transform(SOME))
    assert resumed.neighbor_loss_curve_ == whole.neighbor_loss_curve_


def test_a_checkpoint_of_other_neighbors_is_not_gone_on_with(tmp_path):
    keeper = Checkpoint(tmp_path / "fit.sknn")
    with pytest.raises(RuntimeError, match="stopped"):
        make(callbacks=[keeper, Stop(2)]).fit(SOME, connectivity=nearest_15(SOME))

    with pytest.raises(ValueError, match="the neighbors"):
        make(callbacks=[keeper]).fit(SOME, connectivity=kneighbors_graph(SOME, 4))


def test_early_stopping_by_neighbors():
    autoencoder = make(
        early_stopping=True, scoring=trustworthiness_scorer, max_iter=8
    ).fit(SOME[:200], X_val=SOME[200:])

    scores = autoencoder.validation_scores_
    assert len(scores) == 8
    assert trustworthiness_scorer(autoencoder, SOME[200:]) == max(scores)


def test_early_stopping_by_classes_says_what_to_do():
    autoencoder = make(early_stopping=True, scoring=neighbors_accuracy_scorer)

    with pytest.raises(ValueError, match="Early stopping of an autoencoder has no y"):
        autoencoder.fit(SOME, CLASSES[:300])


# --- rows that count ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_row_of_no_weight_is_as_if_it_were_not_there(dtype):
    X = SOME.astype(dtype)
    weight = np.ones(300)
    weight[::3] = 0
    left = weight > 0

    weighted = make().fit(X, sample_weight=weight)
    removed = make().fit(X[left])
    assert_array_equal(weighted.transform(X), removed.transform(X))
    graph = kneighbors_graph(X, 20)
    weighted = make().fit(X, sample_weight=weight, connectivity=graph)
    removed = make().fit(X[left], connectivity=graph[left][:, left])
    assert_array_equal(weighted.transform(X), removed.transform(X))


def test_weights_change_what_is_learnt(fitted):
    weight = np.where(CLASSES[:300] == 3, 100.0, 1.0)

    weighted = make().fit(SOME, sample_weight=weight)
    threes = SOME[CLASSES[:300] == 3]
    assert weighted.score_samples(threes).mean() > fitted.score_samples(threes).mean()


def test_rows_that_are_set_aside_are_no_neighbors():
    seen = []

    def connectivity(X):
        seen.append(X)
        return nearest_15(X)

    make(early_stopping=True, connectivity=connectivity).fit(SOME)
    (X,) = seen
    assert X.shape == (270, 64)


# --- neighbors of one's own -----------------------------------------------------------


def test_connectivity_is_a_function_or_a_matrix(fitted):
    X = SOME[:, 20:60]
    found = make().fit(X)

    for autoencoder in (
        make(connectivity=nearest_15).fit(X),
        make().fit(X, connectivity=nearest_15(X)),
        make(connectivity=nearest_15).fit(X, connectivity=nearest_15(X).toarray()),
        make(connectivity=functools.partial(nearest_15, mode="distance")).fit(X),
    ):
        assert_array_equal(autoencoder.transform(X), found.transform(X))


def test_labels_as_connectivity_keep_classes_together():
    def same_class(X):
        return csr_matrix(CLASSES[:300, None] == CLASSES[:300])

    by_class = make(connectivity=same_class, max_iter=15).fit(SOME)
    by_rows = make(max_iter=15).fit(SOME)
    accuracies = [
        neighbors_accuracy_scorer(autoencoder, SOME, CLASSES[:300])
        for autoencoder in (by_class, by_rows)
    ]
    assert accuracies[0] > accuracies[1]


def test_connectivity_of_other_rows_names_cross_validation():
    graph = nearest_15(SOME)
    message = re.escape(
        "connectivity in NeighborAutoencoder.fit must be a square matrix with a row "
        "and a column for each of the 150 rows of X. Got shape (150, 300). "
        "Cross-validation cuts rows of a matrix but not its columns: pass a function "
        "as the constructor's connectivity"
    )
    with pytest.raises(ValueError, match=message):
        cross_val_score(
            make(), SOME, cv=2, params={"connectivity": graph}, error_score="raise"
        )
    assert np.isfinite(cross_val_score(make(connectivity=nearest_15), SOME, cv=2)).all()


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (nearest_15(SOME[1:]), "shape (299, 299)"),
        ((nearest_15(SOME),) * 3, "shape (3,)"),
        (None, "None"),
    ],
    ids=["other rows", "tuple", "nothing"],
)
def test_connectivity_that_gives_another_shape_says_so(returned, got):
    message = re.escape(
        "what connectivity of NeighborAutoencoder returns must be a square matrix with "
        f"a row and a column for each of the 300 rows of X. Got {got}."
    )
    with pytest.raises(ValueError, match=message):
        make(connectivity=lambda X: returned).fit(SOME)


@pytest.mark.parametrize("matrix", [np.full((300, 300), np.nan), "euclidean"])
def test_connectivity_that_is_no_matrix_of_numbers_is_refused(matrix):
    with pytest.raises(ValueError):
        make().fit(SOME, connectivity=matrix)


# --- what has no meaning --------------------------------------------------------------


def test_variational_is_refused_with_a_reason():
    message = re.escape(
        "NeighborAutoencoder keeps apart what is not near, which a code that is "
        "normally distributed contradicts: set variational=False, or use "
        "AutoencoderTransformer."
    )
    with pytest.raises(ValueError, match=message):
        make(variational=True).fit(SOME)


@pytest.mark.parametrize(
    ("params", "allowed"),
    [
        ({"solver": "lbfgs"}, "'adam', 'adamw', 'sgd'"),
        ({"latent_activation": "tanh"}, "'identity'"),
        ({"metric": "manhattan"}, "'cosine', 'euclidean'"),
        ({"connectivity": 3}, "a callable or None"),
    ],
)
def test_other_values_are_refused(params, allowed):
    with pytest.raises(ValueError, match=allowed):
        make(**params).fit(SOME)


def test_a_fit_that_fails_leaves_everything_as_it_was():
    autoencoder = make().fit(SOME)
    codes = autoencoder.transform(SOME)

    autoencoder.set_params(warm_start=True, learning_rate_init=1e300, solver="sgd")
    with pytest.raises(ValueError, match="diverged"):
        autoencoder.fit(SOME)
    assert_array_equal(autoencoder.transform(SOME), codes)


# --- as any estimator -----------------------------------------------------------------


def test_same_seed_same_model_and_no_other_generator(fitted):
    np.random.seed(7)
    torch.manual_seed(7)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    again = make().fit(SOME)

    assert_array_equal(again.transform(SOME), fitted.transform(SOME))
    assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    other = make(random_state=1).fit(SOME)
    assert not np.allclose(other.transform(SOME), fitted.transform(SOME))


def test_saved_pickled_and_cloned(fitted, tmp_path):
    sknn_deep.save(fitted, tmp_path / "it.sknn")
    loaded = sknn_deep.load(tmp_path / "it.sknn")
    unpickled = pickle.loads(pickle.dumps(fitted))

    for again in (loaded, unpickled, clone(fitted).fit(SOME)):
        assert type(again) is NeighborAutoencoder
        assert_array_equal(again.transform(SOME), fitted.transform(SOME))
        assert again.neighbor_loss_curve_ == fitted.neighbor_loss_curve_
        assert (again.batch_size_, again.max_iter_) == (64, 3)


def test_functions_of_scikit_learn_and_our_scorers_are_saved(tmp_path):
    params = {
        "connectivity": nearest_15,
        "early_stopping": True,
        "scoring": trustworthiness_scorer,
    }
    autoencoder = make(**params).fit(SOME)
    sknn_deep.save(autoencoder, tmp_path / "it.sknn")
    loaded = sknn_deep.load(tmp_path / "it.sknn")

    assert loaded.scoring is trustworthiness_scorer
    assert loaded.connectivity.func is kneighbors_graph
    assert loaded.connectivity.keywords == {"n_neighbors": 15}
    for one in (autoencoder, loaded):
        one.set_params(early_stopping=False).partial_fit(SOME)
    assert_array_equal(loaded.transform(SOME), autoencoder.transform(SOME))
    own = make(connectivity=lambda X: nearest_15(X)).fit(SOME)
    with pytest.raises(TypeError, match=r"'connectivity' parameter .* cannot be saved"):
        sknn_deep.save(own, tmp_path / "own.sknn")


def test_a_saved_one_goes_on_by_partial_fit(tmp_path):
    autoencoder = make().partial_fit(SOME)
    sknn_deep.save(autoencoder, tmp_path / "it.sknn")
    loaded = sknn_deep.load(tmp_path / "it.sknn")

    for one in (autoencoder, loaded):
        one.partial_fit(SOME)
    assert_array_equal(loaded.transform(SOME), autoencoder.transform(SOME))


def test_pipelines_frames_and_names():
    frame = pd.DataFrame(SOME * 16).add_prefix("pixel ")
    pipe = make_pipeline(MinMaxScaler(), make()).set_output(transform="pandas")

    codes = pipe.fit_transform(
        frame, neighborautoencoder__connectivity=nearest_15(SOME)
    )
    assert list(codes.columns) == ["neighborautoencoder0", "neighborautoencoder1"]
    assert pipe.inverse_transform(codes.to_numpy()).shape == (300, 64)


@needs("onnxruntime", "runs the models")
def test_encoder_and_decoder_as_onnx_and_torch(fitted, tmp_path):
    from onnxruntime import InferenceSession

    codes = fitted.transform(SOME)
    back = FunctionTransformer(fitted.inverse_transform)
    for step, X, expected in (
        (fitted, SOME, codes),
        (back, codes, fitted.inverse_transform(codes)),
    ):
        with torch.no_grad():
            given = sknn_deep.to_torch(step)(torch.from_numpy(X))
        assert_allclose(given, expected, rtol=1e-9)
        sknn_deep.to_onnx(step, tmp_path / "it.onnx")
        session = InferenceSession(tmp_path / "it.onnx")
        (given,) = session.run(None, {"X": X.astype(np.float32)})
        assert_allclose(given, expected, rtol=1e-3, atol=1e-4)


def test_a_search_by_neighbors_picks_a_weight_above_zero():
    grid = {"neighbors_weight": [0.0, 1.0], "n_neighbors": [5, 15]}
    X, y = SOME, CLASSES[:300]
    scoring = {"trust": trustworthiness_scorer, "classes": neighbors_accuracy_scorer}
    long = make(max_iter=15)
    search = GridSearchCV(long, grid, scoring=scoring, refit="trust", cv=2).fit(X, y)

    assert search.best_params_["neighbors_weight"] == 1.0
    by_classes = search.cv_results_["mean_test_classes"].argmax()
    assert search.cv_results_["params"][by_classes]["neighbors_weight"] == 1.0


def test_a_batched_search_is_as_scikit_learns():
    grid = {"neighbors_weight": [0.0, 1.0]}
    batched, alone = (
        Search(make(), grid, scoring=trustworthiness_scorer, cv=2).fit(SOME)
        for Search in (BatchedGridSearchCV, GridSearchCV)
    )

    for name in ("split0_test_score", "split1_test_score"):
        assert_array_equal(batched.cv_results_[name], alone.cv_results_[name])
    codes = alone.transform(SOME)
    assert_array_equal(batched.transform(SOME), codes)


def test_a_file_larger_than_working_memory_is_fitted(tmp_path):
    X = np.lib.format.open_memmap(
        tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(4500, 64)
    )
    X[:] = np.tile(DIGITS, (3, 1))[:4500]
    with config_context(working_memory=1):
        autoencoder = make(max_iter=1).fit(X)

    assert autoencoder.transform(SOME.astype(np.float32)).shape == (300, 2)


def test_autoencoder_transformer_has_no_new_parameter():
    ours = set(NeighborAutoencoder().get_params())
    new = ours - set(AutoencoderTransformer().get_params())
    assert new == {
        "connectivity",
        "exaggeration",
        "metric",
        "n_neighbors",
        "neighbors_weight",
    }
    assert set(AutoencoderTransformer().get_params()) < ours


# --- halves of one's own --------------------------------------------------------------


class Half(nn.Sequential):
    """Dense layers, as torch has them."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__(nn.Linear(n_inputs, 16), nn.Tanh(), nn.Linear(16, n_outputs))


def make_dense_decoder(n_components, n_outputs):
    return Half(n_components, n_outputs)


def make_encoder(n_components):
    return ConvEncoder((8, 8), n_components, channels=(4, 8))


def make_decoder(n_components):
    return ConvDecoder((8, 8), n_components, channels=(4, 8))


def make_convolutional(**params):
    halves = {"encoder": make_encoder, "decoder": make_decoder}
    # The neighbors' loss is then the cross entropy alone.
    return make(**halves, exaggeration=1.0, **params)


@pytest.fixture(scope="module")
def convolutional():
    return make_convolutional().fit(SOME)


def test_halves_of_ones_own_are_trained_as_dense_layers_are():
    params = {"activation": "tanh", "sparsity_penalty": 0.1, "warm_start": True}
    still = {"max_iter": 1, "learning_rate_init": 1e-30}
    dense = make(**params, **still).fit(SOME)
    halves = Half(64, 2), Half(2, 64)
    linear = [layer for half in halves for layer in (half[0], half[2])]
    # A quarter of the code is between them.
    for layer, factor, bias_factor, W, b in zip(
        linear,
        (1, 1 / 4, 4, 1),
        (1, 1 / 4, 1, 1),
        dense.coefs_,
        dense.intercepts_,
        strict=True,
    ):
        layer.weight.data = torch.tensor(W.T) * factor
        layer.bias.data = torch.tensor(b) * bias_factor
    own = make(encoder=halves[0], decoder=halves[1], **params, **still).fit(SOME)

    # Going on, neither draws weights, so that both draw the same pairs.
    for autoencoder in (dense, own):
        autoencoder.set_params(max_iter=4, learning_rate_init=0.01).fit(SOME)
    assert_allclose(own.transform(SOME), dense.transform(SOME), rtol=1e-6, atol=1e-8)
    for curve in ("loss_curve_", "neighbor_loss_curve_"):
        assert_allclose(getattr(own, curve)[1:], getattr(dense, curve)[1:], rtol=1e-9)
    assert own.neighbor_loss_curve_[-1] < own.neighbor_loss_curve_[1] - 0.05


@pytest.mark.parametrize(
    "params",
    [
        {"noise": "masking", "sparsity_penalty": 0.1, "n_components": 3},
        {"loss": "binary_cross_entropy", "metric": "cosine", "n_components": 1},
        {"early_stopping": True, "connectivity": nearest_15, "precision": "float32"},
    ],
    ids=["masking, sparse", "cross entropy, cosine", "early stopping, graph"],
)
def test_variants_of_halves_of_ones_own(params):
    params = {"max_iter": 6, "decoder": make_dense_decoder} | params
    encoder = functools.partial(Half, n_inputs=64)
    autoencoder = make(encoder=encoder, **params).fit(SOME)

    codes = autoencoder.transform(SOME)
    assert codes.shape == (300, autoencoder.n_components)
    back = autoencoder.inverse_transform(codes)
    assert back.shape == (300, 64)
    assert 0 <= back.min() <= back.max() <= 1
    curve = autoencoder.neighbor_loss_curve_
    assert curve[-1] < curve[0] - 0.05


def test_halves_of_ones_own_give_the_codes(convolutional):
    X = torch.from_numpy(SOME)
    codes = convolutional.transform(SOME)

    with torch.no_grad():
        assert_array_equal(convolutional.encoder_(X), codes)
        back = torch.sigmoid(convolutional.decoder_(torch.from_numpy(codes)))
    assert_array_equal(back.flatten(1), convolutional.inverse_transform(codes))
    assert_array_equal(make_convolutional().fit_transform(SOME), codes)
    curve = convolutional.neighbor_loss_curve_
    assert curve[-1] < curve[0] - 0.5
    alone = np.concatenate([convolutional.transform(SOME[i : i + 1]) for i in range(9)])
    assert_allclose(alone, codes[:9], rtol=1e-12, atol=1e-12)


def test_halves_of_ones_own_are_saved_and_go_on(convolutional, tmp_path):
    first = make_convolutional().partial_fit(SOME)
    for name, autoencoder in (("fit", convolutional), ("partial_fit", first)):
        sknn_deep.save(autoencoder, tmp_path / name)
        loaded = sknn_deep.load(tmp_path / name, modules=[make_encoder, make_decoder])
        for again in (loaded, pickle.loads(pickle.dumps(autoencoder))):
            assert_array_equal(again.transform(SOME), autoencoder.transform(SOME))
            assert again.neighbor_loss_curve_ == autoencoder.neighbor_loss_curve_
    for autoencoder in (first, loaded):
        autoencoder.partial_fit(SOME)
    assert_array_equal(loaded.transform(SOME), first.transform(SOME))


def test_halves_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="takes an encoder and a decoder, or neither"):
        make(encoder=make_encoder).fit(SOME)
    message = r"encoder of NeighborAutoencoder .* \(32, 2\) .* Got shape \(32, 5\)"
    with pytest.raises(ValueError, match=message):
        make(encoder=nn.Linear(64, 5), decoder=make_decoder).fit(SOME)
    message = r"decoder of NeighborAutoencoder .* \(32, 64\) .* Got shape \(32, 9\)"
    with pytest.raises(ValueError, match=message):
        make(encoder=make_encoder, decoder=nn.Linear(2, 9)).fit(SOME)


def test_exaggeration_brings_neighbors_nearer_to_each_other(digits):
    X, y = digits.X[:300], digits.y[:300]
    shares = []
    for exaggeration in (1.0, 3.0):
        code = NeighborAutoencoder(
            hidden_layer_sizes=(32,),
            max_iter=20,
            exaggeration=exaggeration,
            random_state=0,
        ).fit_transform(X)
        centers = np.stack([code[y == digit].mean(axis=0) for digit in range(10)])
        within = ((code - centers[y]) ** 2).sum(axis=1).mean()
        shares.append(within / ((code - code.mean(axis=0)) ** 2).sum(axis=1).mean())

    assert shares[1] < 0.8 * shares[0]
