"""Networks of the user's own: asked what they are, and not taken for dense layers."""

import pickle
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse
import skorch.callbacks
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from sknn_deep import MLPClassifier, NetClassifier, NetRegressor
from sknn_deep.machine import threads_for_step
from sknn_deep.modules import ConvNet
from tests.estimators.own_modules import (
    EndsIn,
    HalfUsed,
    NumpyNoise,
    OneLevel,
    PerClass,
    SmallConv,
    TwoLinear,
    Unbiased,
    WithDropout,
    Words,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
Y = X @ [1.0, -2.0, 0.5, 0.0]
SHORT = {"max_iter": 3, "random_state": 0, "device": "cpu"}


def make_clf(module=TwoLinear, **params):
    return NetClassifier(module, **{**SHORT, **params})


def make_reg(module=TwoLinear, **params):
    return NetRegressor(module, **{**SHORT, **params})


def weights_of(estimator):
    state = estimator.net_.module_.state_dict()
    return np.concatenate([v.double().numpy().ravel() for v in state.values()])


@pytest.fixture(scope="module")
def images(digits):
    return digits.X[:300].reshape(-1, 8, 8), digits.y[:300]


# --- parameters -----------------------------------------------------------------------


def test_arguments_of_module_and_loss_are_parameters():
    clf = make_clf(module__width=5)
    clf.set_params(module__width=7, criterion__delta=0.5, alpha=0.1)

    assert clone(clf).get_params() == clf.get_params()
    assert clf.get_params()["module__width"] == 7
    assert clf.get_params(deep=False)["criterion__delta"] == 0.5
    assert "module__width=7" in repr(clf)


def test_a_clone_does_not_share_its_arguments():
    clf = make_clf(module__width=5)
    clone(clf).set_params(module__width=6)
    assert clf.get_params()["module__width"] == 5


@pytest.mark.parametrize(
    "name, ours",
    [
        ("max_epochs", "max_iter"),
        ("lr", "learning_rate_init"),
        ("optimizer", "solver"),
        ("train_split", "validation_fraction"),
        ("iterator_train__shuffle", "shuffle"),
        ("loss", "criterion"),
    ],
)
def test_words_of_skorch_are_answered_by_ours(name, ours):
    with pytest.raises(TypeError, match=f"argument '{name}'.* is called {ours}"):
        NetClassifier(TwoLinear, **{name: 1})
    with pytest.raises(ValueError, match=f"'{name}' is called {ours}"):
        make_clf().set_params(**{name: 1})


def test_other_unknown_parameters_are_refused():
    with pytest.raises(TypeError, match=r"argument 'wdth'. Arguments of the mod"):
        NetRegressor(TwoLinear, wdth=3)


def test_a_module_is_given_what_it_asks_for_by_name(images):
    seen = {}

    def make(n_features_in, input_shape, n_outputs, n_classes, own=1):
        seen.update(locals())
        return SmallConv(input_shape, n_classes)

    make_clf(make, module__own=2, max_iter=1).fit(*images)

    assert seen["n_features_in"] == 8
    assert seen["input_shape"] == (8, 8)
    assert seen["n_outputs"] == seen["n_classes"] == 10
    assert seen["own"] == 2


def test_what_is_given_is_not_filled_in():
    clf = make_clf(module__n_outputs=4)
    with pytest.raises(ValueError, match=r"shape \(32, 3\).* Got shape \(32, 4\)"):
        clf.fit(X, LABELS)


def test_a_missing_argument_is_named():
    def make(n_outputs, depth):
        raise AssertionError

    with pytest.raises(TypeError, match=r"cannot make its module make: .*'depth'.*mod"):
        make_clf(make).fit(X, LABELS)


def test_an_instance_is_copied_and_keeps_its_weights():
    module = TwoLinear(4, 3)
    before = pickle.dumps(module)
    clf = make_clf(module).fit(X, LABELS)

    assert pickle.dumps(module) == before
    assert clf.net_.module_ is not module
    tiny = make_clf(module, learning_rate_init=1e-12).fit(X, LABELS)
    np.testing.assert_allclose(
        tiny.net_.module_.hidden.weight.detach().numpy(),
        module.hidden.weight.detach().numpy(),
        atol=1e-9,
    )
    with pytest.raises(ValueError, match=r"got module__width, but its module is made"):
        make_clf(module, module__width=3).fit(X, LABELS)


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match=r"must be a .*nn.Module, a class of one"):
        make_clf(lambda: 3).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"'module' parameter of NetC"):
        make_clf("TwoLinear").fit(X, LABELS)
    with pytest.raises(ValueError, match=r"sizes are not known before a batch has"):
        make_clf(lambda: nn.LazyLinear(3)).fit(X, LABELS)


# --- what was guessed about dense layers ----------------------------------------------


def test_the_penalty_is_about_parameters_of_two_dimensions(images):
    def first_loss(alpha):
        clf = make_clf(SmallConv, alpha=alpha, max_iter=1, batch_size=300)
        return clf.fit(*images), clf.loss_

    free, loss = first_loss(0.0)
    held, penalized_loss = first_loss(100.0)

    torch.manual_seed(0)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    torch.manual_seed(seed)
    start = SmallConv((8, 8), 10)
    squares = sum(p.square().sum().item() for p in start.parameters() if p.ndim > 1)
    np.testing.assert_allclose(penalized_loss - loss, 100 * squares / 600, rtol=1e-4)
    assert not np.allclose(weights_of(free), weights_of(held))


@pytest.mark.parametrize("module", [TwoLinear, WithDropout, ConvNet])
def test_one_seed_gives_one_model_and_no_global_generator_moves(module, images):
    data = images if module is ConvNet else (X, LABELS)
    state, others = (
        torch.get_rng_state(),
        (random.getstate(), str(np.random.get_state())),
    )
    first = make_clf(module, batch_size=20).fit(*data)
    torch.rand(3)
    again = make_clf(module, batch_size=20).fit(*data)
    other = make_clf(module, batch_size=20, random_state=1).fit(*data)

    torch.set_rng_state(state)
    make_clf(module).fit(*data).predict(data[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert (random.getstate(), str(np.random.get_state())) == others
    assert np.array_equal(weights_of(first), weights_of(again))
    assert not np.allclose(weights_of(first), weights_of(other))


def test_dropout_of_torch_draws_other_masks_in_each_step():
    masks = []

    class Spied(WithDropout):
        def forward(self, X):
            if self.training:
                masks.append(self.dropout(torch.ones(12)))
            return super().forward(X)

    make_clf(Spied).fit(X, LABELS)

    assert len({tuple(m.tolist()) for m in masks[-3:]}) == 3


def test_two_threads_that_fit_at_once_do_not_share_random_numbers():
    alone = [
        weights_of(make_clf(WithDropout, random_state=s, max_iter=20).fit(X, LABELS))
        for s in range(2)
    ]
    found = {}

    def fit(s):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf = make_clf(WithDropout, random_state=s, max_iter=20)
            found[s] = weights_of(clf.fit(X, LABELS))

    threads = [threading.Thread(target=fit, args=(s,)) for s in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]

    assert all(np.array_equal(found[s], alone[s]) for s in range(2))


def test_another_process_gives_the_same_model():
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from tests.estimators.test_own_networks import *\n"
        "clf = make_clf(WithDropout).fit(X, LABELS)\n"
        "print(weights_of(clf).tolist())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )

    here = weights_of(make_clf(WithDropout).fit(X, LABELS))
    assert result.stdout.strip() == str(here.tolist()), result.stderr


def test_random_numbers_out_of_control_are_warned_of():
    with pytest.warns(UserWarning, match=r"NumpyNoise gives something else each time"):
        make_clf(NumpyNoise).fit(X, LABELS)


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs", torch.optim.Adam])
@pytest.mark.parametrize("module", [OneLevel, Unbiased, HalfUsed])
def test_every_solver_takes_parameters_of_every_kind(module, solver):
    reg = make_reg(module, solver=solver, learning_rate_init=0.05, max_iter=60)
    reg.fit(X, Y)

    assert reg.score(X, Y) > 0.5


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_frozen_parameters_stay_and_the_others_go_as_if_alone(solver):
    reg = make_reg(HalfUsed(4, 1), solver=solver, alpha=0.1).fit(X, Y)

    start, end = reg.module.state_dict(), reg.net_.module_.state_dict()
    for name in ("hidden.weight", "hidden.bias", "unused.weight"):
        expected = start[name].double()
        assert torch.equal(end[name], expected), name
    assert not torch.equal(end["output.weight"], start["output.weight"].double())


def test_nothing_to_train_is_refused():
    module = TwoLinear(4, 3).requires_grad_(False)
    with pytest.raises(ValueError, match=r"NetClassifier has nothing to tra"):
        make_clf(module).fit(X, LABELS)


def test_a_layer_may_be_frozen_for_some_epochs():
    def fit(*callbacks, **params):
        reg = make_reg(callbacks=list(callbacks), max_iter=4, **params)
        return reg.fit(X, Y).net_.module_.state_dict()

    start = fit(skorch.callbacks.Freezer("hidden.*"), learning_rate_init=1e-9)
    frozen = fit(skorch.callbacks.Freezer("hidden.*"))
    thawed = fit(
        skorch.callbacks.Freezer("hidden.*"),
        skorch.callbacks.Unfreezer("hidden.*", at=3),
    )

    np.testing.assert_allclose(
        frozen["hidden.weight"], start["hidden.weight"], atol=1e-7
    )
    moved = (thawed["hidden.weight"] - start["hidden.weight"]).abs().max()
    # Adam begins its count anew for what takes part anew: no step is above the rate.
    assert 1e-3 < moved < 2.1e-3


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", torch.optim.Adam])
def test_groups_of_parameters_have_learning_rates_of_their_own(solver):
    module = TwoLinear(4, 1)
    params = {"solver": solver, "shuffle": False, "learning_rate": "one_cycle"}
    groups = [("hidden.*", {"lr": 1e-9}), ("*.bias", {"lr": 0.002})]
    reg = make_reg(module, solver__param_groups=groups, **params).fit(X, Y)
    plain = make_reg(module, learning_rate_init=1e-9, **params).fit(X, Y)

    state, slow = reg.net_.module_.state_dict(), plain.net_.module_.state_dict()
    for name in ("hidden.weight", "hidden.bias"):
        torch.testing.assert_close(state[name], slow[name], rtol=0, atol=1e-7)
    assert (state["output.weight"] - slow["output.weight"]).abs().max() > 1e-5
    assert len({g["lr"] for g in reg.net_.optimizer_.param_groups}) == 3


def test_groups_of_parameters_that_are_none_are_refused():
    for groups in (3, [("hidden.*", 0.1)], [("hidden.*", {"momentum": 0.1})]):
        with pytest.raises(ValueError, match="must be a list of patterns of"):
            make_reg(solver__param_groups=groups).fit(X, Y)
    with pytest.raises(ValueError, match=r"the pattern 'backbone.\*', which no name"):
        make_reg(solver__param_groups=[("backbone.*", {"lr": 0.1})]).fit(X, Y)


@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_rows_are_made_dense_for_modules_that_do_not_take_them(make):
    dense = np.where(np.abs(X) > 1.5, X, 0.0)
    clf, same = make_clf(), make_clf()
    clf.fit(make(dense), LABELS)
    same.fit(dense, LABELS)

    np.testing.assert_array_equal(weights_of(clf), weights_of(same))
    np.testing.assert_allclose(
        clf.predict_proba(make(dense)), same.predict_proba(dense), rtol=1e-12
    )


def test_work_is_counted_and_not_guessed(images):
    clf = make_clf(SmallConv, max_iter=1).fit(*images)

    seen = clf.net_.forward_pass_
    assert seen.n_products == 64 * 4 * 9 + 4 * 64 * 10
    assert seen.n_units == 4 * 64  # more than any dimension of a parameter
    # A kernel of few weights is worth several threads where it is applied often.
    kernel = [torch.zeros(3, 3)]
    assert threads_for_step(kernel, 256) == 1
    assert threads_for_step(kernel, 256, n_products=1e6) is None
    assert not seen.draws_globally


def test_summary_lists_leaf_layers_with_the_shapes_they_give(images):
    summary = (
        make_clf(ConvNet, max_iter=1, module__channels=(4,)).fit(*images).summary()
    )

    assert [(layer.kind, layer.output_shape) for layer in summary.layers] == [
        ("Conv2d", (None, 4, 8, 8)),
        ("ReLU", (None, 4, 8, 8)),
        ("MaxPool2d", (None, 4, 4, 4)),
        ("Flatten", (None, 64)),
        ("Dropout", (None, 64)),
        ("Linear", (None, 10)),
    ]
    assert [layer.n_parameters for layer in summary.layers] == [40, 0, 0, 0, 0, 650]


def test_there_are_no_weights_of_dense_layers():
    clf = make_clf().fit(X, LABELS)

    assert not {"coefs_", "intercepts_"} & set(dir(clf))


def test_data_that_are_no_arrays_are_refused():
    dataset = torch.utils.data.TensorDataset(torch.tensor(X), torch.arange(60) % 3)
    with pytest.raises(TypeError, match=r"arrays or tensors: .* Got a TensorDatas"):
        make_clf().fit(dataset, LABELS)
    with pytest.raises(TypeError, match=r"arrays or tensors: .* Got a DataLoader"):
        make_clf().fit(torch.utils.data.DataLoader(dataset), LABELS)


def test_a_look_at_the_network_leaves_running_statistics_alone(images):
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))
    clf = make_clf(module, max_iter=1, batch_size=100).fit(*images)

    assert clf.net_.module_[1].num_batches_tracked == 3


# --- what it computes -----------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw"])
@pytest.mark.parametrize("y", [LABELS, LABELS == "a"], ids=["three", "two"])
def test_the_model_is_that_of_an_mlp_with_the_same_weights(solver, y):
    params = {**SHORT, "solver": solver, "max_iter": 5, "batch_size": 30}
    params |= {"shuffle": False, "alpha": 0.5, "learning_rate_init": 0.01}
    mlp = MLPClassifier((8,), activation="tanh", **params)
    start = MLPClassifier((8,), activation="tanh", **{**params, "max_iter": 1})
    start.set_params(learning_rate_init=1e-300).fit(X, y)
    module = TwoLinear(4, start.n_outputs_).double()
    for layer, W, b in zip(
        (module.hidden, module.output), start.coefs_, start.intercepts_, strict=True
    ):
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(W.T))
            layer.bias.copy_(torch.tensor(b))

    mlp.fit(X, y)
    net = NetClassifier(module, **params).fit(X, y)

    np.testing.assert_allclose(net.predict_proba(X), mlp.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(net.loss_curve_, mlp.loss_curve_, atol=1e-6)


def test_two_outputs_for_two_classes_are_as_good_as_one():
    y = LABELS == "a"
    clf = make_clf(PerClass, criterion=None, max_iter=100, learning_rate_init=0.01)
    two = clf.fit(X, y)
    same = clone(clf).set_params(criterion=nn.CrossEntropyLoss).fit(X, y)

    assert two.net_.forward(X[:2]).shape == (2, 2)
    np.testing.assert_allclose(two.predict_proba(X), same.predict_proba(X), atol=1e-9)
    assert two.score(X, y) > 0.85


@pytest.mark.parametrize(
    "criterion, end",
    [
        (nn.CrossEntropyLoss, nn.Identity()),
        (nn.NLLLoss, nn.Softmax(dim=1)),
        (lambda out, y: nn.functional.cross_entropy(out, y, reduction="none"), None),
    ],
    ids=["class", "probabilities", "function"],
)
def test_losses_of_torch_are_as_good_as_ours(criterion, end):
    module = EndsIn(4, 3, end or nn.Identity())
    weight = np.arange(60) % 3
    clf = make_clf(module, criterion=criterion, max_iter=20).fit(X, LABELS, weight)
    ours = make_clf(EndsIn(4, 3, nn.Identity()), max_iter=20)
    ours.set_params(module__end=nn.Identity())
    ours = make_clf(_same(module), max_iter=20).fit(X, LABELS, weight)

    np.testing.assert_allclose(clf.predict_proba(X), ours.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(clf.loss_curve_, ours.loss_curve_, rtol=1e-5)


def _same(module):
    copy = EndsIn(4, 3, nn.Identity())
    copy.output.load_state_dict(module.output.state_dict())
    return copy


@pytest.mark.parametrize("criterion", [nn.BCEWithLogitsLoss, nn.BCELoss])
def test_two_classes_by_one_output_and_a_loss_of_torch(criterion):
    end = nn.Sigmoid() if criterion is nn.BCELoss else nn.Identity()
    y = LABELS == "a"
    clf = make_clf(
        EndsIn,
        module__end=end,
        criterion=criterion,
        max_iter=200,
        learning_rate_init=0.05,
    ).fit(X, y)

    assert clf.score(X, y) > 0.85
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


def test_a_loss_has_its_own_arguments_and_class_weights():
    loud = make_clf(
        criterion=nn.CrossEntropyLoss,
        criterion__weight=torch.tensor([1.0, 1.0, 50.0]),
        max_iter=50,
        learning_rate_init=0.05,
    ).fit(X, LABELS)
    plain = clone(loud).set_params(criterion__weight=None).fit(X, LABELS)

    assert (loud.predict(X) == "c").sum() > (plain.predict(X) == "c").sum()


def test_a_regressor_takes_losses_of_torch():
    huber = make_reg(criterion=nn.HuberLoss, criterion__delta=0.3, max_iter=20)
    huber.fit(X, Y)
    mlp_like = make_reg(
        criterion=lambda out, y: nn.functional.huber_loss(
            out, y, delta=0.3, reduction="none"
        ),
        max_iter=20,
    ).fit(X, Y)

    np.testing.assert_array_equal(huber.predict(X), mlp_like.predict(X))
    assert not np.allclose(huber.predict(X), make_reg(max_iter=20).fit(X, Y).predict(X))


def test_a_regressor_of_several_outputs_and_normalized_y():
    targets = 1e6 + 1000 * np.stack([Y, -Y], axis=1)
    reg = make_reg(normalize_y=True, solver="lbfgs", max_iter=300).fit(X, targets)

    assert reg.predict(X).shape == (60, 2)
    assert reg.score(X, targets) > 0.99


@pytest.mark.parametrize(
    "module", [OneLevel, lambda n_outputs: nn.Linear(4, n_outputs)]
)
def test_one_output_may_be_a_vector_or_a_column(module):
    assert make_reg(module).fit(X, Y).predict(X).shape == (60,)
    clf = make_clf(module).fit(X, LABELS == "a")
    assert clf.predict_proba(X).shape == (60, 2)


def test_multilabel_targets_have_one_output_for_each_label():
    labels = np.stack([LABELS == "a", LABELS == "b"], axis=1).astype(int)
    clf = make_clf(max_iter=100, learning_rate_init=0.05).fit(X, labels)

    assert clf.predict(X).shape == (60, 2)
    assert clf.score(X, labels) > 0.5


# --- what it refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "end, name",
    [
        (nn.Softmax(dim=1), "softmax"),
        (nn.LogSoftmax(dim=1), "log_softmax"),
        (lambda out: torch.softmax(out, dim=1).squeeze(), "softmax"),
        (lambda out: out.exp() / out.exp().sum(dim=1, keepdim=True), "softmax"),
    ],
)
def test_a_second_softmax_is_refused(end, name):
    clf = make_clf(EndsIn, module__end=end)
    with pytest.raises(ValueError, match=f"EndsIn ends in a {name}, but .*Remove it"):
        clf.fit(X, LABELS)
    assert not hasattr(clf, "net_")


@pytest.mark.parametrize("end", [nn.Sigmoid(), lambda out: out.sigmoid()[:, 0]])
def test_a_second_sigmoid_is_refused_in_classifiers_alone(end):
    with pytest.raises(ValueError, match=r"EndsIn ends in a sigmoid, but"):
        make_clf(EndsIn, module__end=end).fit(X, LABELS == "a")
    make_reg(EndsIn, module__end=end).fit(X, LABELS == "a")


@pytest.mark.parametrize("criterion", [nn.NLLLoss, nn.BCELoss])
def test_losses_of_probabilities_are_given_no_raw_outputs(criterion):
    y = LABELS if criterion is nn.NLLLoss else LABELS == "a"
    with pytest.raises(ValueError, match=f"={criterion.__name__} of NetC"):
        make_clf(criterion=criterion).fit(3 * X, y)


def test_outputs_of_a_wrong_shape_are_refused_by_both_shapes():
    def make():
        return nn.Linear(4, 5)

    with pytest.raises(ValueError, match=r"shape \(32, 3\) for .* Got shape \(32, 5\)"):
        make_clf(make).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"\(32, 2\) or \(32, 1\) or \(32,\)"):
        make_clf(make).fit(X, LABELS == "a")
    with pytest.raises(
        ValueError, match=r"shape \(32, 1\) or \(32,\) for .* \(32, 5\)"
    ):
        make_reg(make).fit(X, Y)
    with pytest.raises(TypeError, match=r"must return one tensor. Got tuple from LSTM"):
        make_clf(lambda: nn.LSTM(4, 3)).fit(X, LABELS)


def test_a_loss_that_takes_the_mean_itself_is_refused():
    with pytest.raises(ValueError, match=r"criterion must give one loss for each row"):
        make_clf(criterion=nn.functional.cross_entropy).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"Got shape \(\).$"):
        make_clf(criterion=nn.functional.cross_entropy).fit(X, LABELS)
    with pytest.raises(
        ValueError, match=r" Pass the class, HuberLoss, in the place of HuberLoss\(\).$"
    ):
        make_reg(criterion=nn.HuberLoss()).fit(X, Y)
    with pytest.raises(ValueError, match=r"criterion__reduction of NetC"):
        make_clf(criterion=nn.CrossEntropyLoss, criterion__reduction="sum").fit(
            X, LABELS
        )
    with pytest.raises(ValueError, match=r"got criterion__delta, but criterion=None"):
        make_reg(criterion__delta=3).fit(X, Y)
    with pytest.raises(ValueError, match=r"goes with criterion=None alone"):
        make_clf(criterion=nn.CrossEntropyLoss, label_smoothing=0.1).fit(X, LABELS)


def test_a_ready_network_that_is_made_too_soon_says_who_makes_it():
    with pytest.raises(TypeError) as caught:
        NetClassifier(ConvNet())

    assert str(caught.value) == (
        "ConvNet needs input_shape and n_outputs. NetClassifier and NetRegressor give "
        "it both, if they are given the class: pass ConvNet instead of ConvNet(), and "
        "its arguments as module__name=value."
    )


def test_rows_that_the_module_would_change_are_refused():
    class InPlace(TwoLinear):
        def forward(self, X):
            X /= 2
            return super().forward(X)

    own = X.copy()
    with pytest.raises(ValueError, match=r"InPlace.forward changes the rows that"):
        make_clf(InPlace, shuffle=False).fit(own, LABELS)
    assert np.array_equal(own, X)


@pytest.mark.parametrize(
    "module, what",
    [
        (WithDropout, "random numbers"),
        (lambda: nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)), "BatchNorm1d"),
    ],
)
def test_lbfgs_refuses_what_makes_the_loss_random(module, what):
    with pytest.raises(
        ValueError, match=f"solver='lbfgs' of NetClassifier .* has {what}"
    ):
        make_clf(module, solver="lbfgs").fit(X, LABELS)


# --- rows -----------------------------------------------------------------------------


def test_token_numbers_are_kept_for_an_embedding():
    tokens = RNG.integers(20, size=(80, 5))
    y = (tokens == 3).any(axis=1)
    with pytest.raises(ValueError, match=r"Words embeds whole numbers, .*_dtype="):
        make_clf(Words).fit(tokens, y)
    clf = make_clf(Words, input_dtype="keep", max_iter=150, learning_rate_init=0.05)
    clf.fit(tokens, y)

    assert clf.score(tokens, y) > 0.9
    assert clf.net_.forward_pass_.takes_integers
    assert clf.predict_proba(tokens).dtype == np.float32
    assert "Embedding" in str(clf.summary())


def test_images_of_uint8_become_floats_or_stay(images):
    pixels, y = (16 * images[0]).astype(np.uint8), images[1]
    seen = set()

    class Spied(SmallConv):
        def forward(self, X):
            seen.add(X.dtype)
            return super().forward(X.float() / 16)

    floats = make_clf(Spied, max_iter=1).fit(pixels, y)
    assert seen == {torch.float32}
    seen.clear()
    kept = make_clf(Spied, max_iter=1, input_dtype="keep").fit(pixels, y)
    kept.predict(pixels)
    assert seen == {torch.uint8}
    np.testing.assert_array_equal(weights_of(floats), weights_of(kept))


def test_rows_of_another_shape_are_refused(images):
    clf = make_clf(ConvNet, max_iter=1).fit(*images)

    assert clf.input_shape_ == (8, 8)
    assert clf.n_features_in_ == 8
    with pytest.raises(ValueError, match=r"rows of shape \(8, 9\), but"):
        clf.predict(np.zeros((2, 8, 9)))
    with pytest.raises(ValueError, match=r"Input X contains NaN"):
        clf.predict(np.full((2, 8, 8), np.nan))


def test_all_of_a_fit_works_with_images(images):
    pixels, y = images
    X_val, y_val = pixels[:50], y[:50]
    clf = make_clf(ConvNet, module__channels=(4,), max_iter=2, class_weight="balanced")
    clf.fit(pixels, y, np.ones(300), X_val=X_val, y_val=y_val)
    assert len(clf.validation_scores_) == 2
    clf.set_params(early_stopping=True, scoring="neg_log_loss").fit(pixels, y)
    assert clf.best_validation_score_ < 0
    clf.set_params(early_stopping=False, class_weight=None, warm_start=True)
    n_seen = clf.t_
    clf.fit(pixels, y)
    assert clf.t_ > n_seen
    half = clone(clf).partial_fit(pixels, y, classes=np.arange(10))
    half.partial_fit(pixels, y)
    assert half.n_iter_ == 1
    assert len(half.loss_curve_) == 2


def test_a_row_of_zero_weight_is_as_if_it_were_not_there():
    weight = (np.arange(60) % 4 > 0).astype(float)
    rows = weight > 0
    weighted = make_clf(WithDropout, batch_size=10).fit(X, LABELS, weight)
    without = make_clf(WithDropout, batch_size=10).fit(X[rows], LABELS[rows])

    np.testing.assert_array_equal(weights_of(weighted), weights_of(without))


# --- among scikit-learn's tools -------------------------------------------------------


def test_an_ensemble_is_the_mean_of_its_networks():
    clf = make_clf(WithDropout, n_estimators=3).fit(X, LABELS)

    members = [member.predict_proba(X) for member in clf.estimators_]
    np.testing.assert_allclose(clf.predict_proba(X), np.mean(members, axis=0))
    assert not np.allclose(members[0], members[1])
    reg = make_reg(n_estimators=2).fit(X, Y)
    assert reg.predict(X, return_std=True)[1].shape == (60,)


def test_searches_try_arguments_of_the_module():
    search = GridSearchCV(make_clf(), {"module__width": [2, 9]}, cv=2)
    search.fit(X, LABELS)

    width = search.best_params_["module__width"]
    assert search.best_estimator_.net_.module_.hidden.out_features == width
    scores = cross_val_score(make_reg(), X, Y, cv=2)
    assert scores.shape == (2,)


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_two_jobs_give_what_one_gives(backend):
    grid = {"module__width": [3, 5]}
    search = GridSearchCV(make_clf(WithDropout), grid, cv=2)
    alone = search.fit(X, LABELS).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend, n_jobs=2):
        together = search.fit(X, LABELS).cv_results_["mean_test_score"]

    np.testing.assert_array_equal(together, alone)


def test_our_search_tries_networks_of_ones_own():
    from sknn_deep.model_selection import BatchedGridSearchCV

    grid = {"module__width": [2, 9], "alpha": [0.0, 1.0]}
    ours = BatchedGridSearchCV(make_clf(), grid, cv=2).fit(X, LABELS)
    theirs = GridSearchCV(make_clf(), grid, cv=2).fit(X, LABELS)

    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("copy", [lambda e: pickle.loads(pickle.dumps(e))])
def test_a_pickle_goes_on_where_it_was(copy):
    clf = make_clf(WithDropout).partial_fit(X, LABELS, classes=["a", "b", "c"])
    again = copy(clf)

    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    again.partial_fit(X, LABELS)
    clf.partial_fit(X, LABELS)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_a_mlp_of_ours_is_a_module_too():
    from sknn_deep.modules import MLP

    clf = make_clf(
        lambda n_features_in, n_outputs: MLP(
            (n_features_in, 6, n_outputs), activations=["relu"], dropout=[0.0]
        )
    )
    assert clf.fit(X, LABELS).net_.module_.is_chain
