"""Keras', torch's and skorch's words are answered by ours."""

import copy
import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sknn_deep
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_deep._sklearn_private import StrOptions
from sknn_deep.parameters._words import (
    FIT_ARGUMENTS,
    METHODS,
    NEIGHBOR_PARAMETERS,
    PARAMETERS,
    SETTLED_FOR_TABLES,
    TABLE_PARAMETERS,
    VALUES,
)

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "user_guide"
X = np.random.default_rng(0).normal(size=(20, 3))
y = (X[:, 0] > 0).astype(int)


def message_of(error, function, *args, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_of_other_packages_is_answered_by_ours(Estimator, name):
    ours = PARAMETERS[name]
    answer = f"{name!r} is called {ours} here."
    if ours == "loss" and Estimator is MLPClassifier:
        answer = f"{name!r} is not needed: the loss is the cross entropy."

    assert message_of(TypeError, Estimator, **{name: 1}) == (
        f"{Estimator.__name__}.__init__() got an unexpected keyword argument "
        f"{name!r}. {answer}"
    )
    message = message_of(ValueError, Estimator().set_params, **{name: 1})
    assert message.startswith(f"Invalid parameter {name!r} for estimator ")
    assert message.endswith(f"]. {answer}")


@pytest.mark.parametrize("name", PARAMETERS)
def test_our_parameters_are_there_and_theirs_are_not(name):
    ours = set.union(*(set(Estimator().get_params()) for Estimator in ESTIMATORS))

    assert name not in ours
    assert set(re.findall(r"[a-z]+(?:_\w+)*", PARAMETERS[name])) & ours


def test_what_the_recipe_for_tables_settles_is_what_the_mlps_let_be_chosen():
    tables = {*TabularMLPClassifier().get_params(), *TabularMLPRegressor().get_params()}
    mlps = {*MLPClassifier().get_params(), *MLPRegressor().get_params()}

    assert mlps - tables == SETTLED_FOR_TABLES


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
@pytest.mark.parametrize("name", ["normalize_y", "solver", "optimizer", "patience"])
def test_the_recipe_for_tables_says_what_it_settles(Estimator, name):
    assert message_of(TypeError, Estimator, **{name: True}) == (
        f"{Estimator.__name__}.__init__() got an unexpected keyword argument "
        f"{name!r}. {name!r} is not to be chosen here: the recipe for tables has it."
    )


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
@pytest.mark.parametrize(
    ("name", "ours"), [("lr", "learning_rate_init"), ("epochs", "max_iter")]
)
def test_what_the_recipe_for_tables_lets_be_chosen_has_our_name(Estimator, name, ours):
    message = message_of(TypeError, Estimator, **{name: 1})

    assert message.endswith(f" {name!r} is called {ours} here.")


@pytest.mark.parametrize("name", NEIGHBOR_PARAMETERS)
def test_a_word_of_t_sne_is_answered_by_ours(name):
    ours = NEIGHBOR_PARAMETERS[name]

    assert message_of(TypeError, NeighborAutoencoder, **{name: 30}) == (
        f"NeighborAutoencoder.__init__() got an unexpected keyword argument {name!r}. "
        f"{name!r} is called {ours} here."
    )
    assert ours.split()[0] in NeighborAutoencoder().get_params()


@pytest.mark.parametrize("name", TABLE_PARAMETERS)
def test_a_word_of_boosted_trees_is_answered_by_the_tables_word(name):
    ours = TABLE_PARAMETERS[name]

    assert message_of(TypeError, TabularMLPRegressor, **{name: 5}) == (
        f"TabularMLPRegressor.__init__() got an unexpected keyword argument {name!r}. "
        f"{name!r} is called {ours} here."
    )
    assert re.match(r"\w+", ours).group() in TabularMLPRegressor().get_params()


@pytest.mark.parametrize("Estimator", [NetClassifier, NetRegressor])
@pytest.mark.parametrize("name", ["optimizer__weight_decay", "solver__weight_decay"])
def test_the_weight_decay_of_an_own_network_belongs_to_its_solver(Estimator, name):
    assert message_of(TypeError, Estimator, torch.nn.Linear, **{name: 0.1}) == (
        f"{Estimator.__name__}.__init__() got an unexpected keyword argument {name!r}. "
        f"{name!r} is called solver=functools.partial(torch.optim.AdamW, "
        "weight_decay=...), or alpha, here. Arguments of the module and of the loss "
        "begin with module__ and criterion__."
    )


def test_a_search_says_our_parameter_too():
    pipe = make_pipeline(MLPClassifier())
    search = GridSearchCV(pipe, {"mlpclassifier__lr": [0.1]})

    message = message_of(ValueError, search.fit, X, y)

    assert message.endswith("'lr' is called learning_rate_init here.")


def test_an_unknown_parameter_is_answered_as_scikit_learn_does():
    assert message_of(TypeError, MLPClassifier, bogus=1) == (
        "MLPClassifier.__init__() got an unexpected keyword argument 'bogus'."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", FIT_ARGUMENTS)
def test_an_argument_of_fit_of_other_packages_is_answered_by_ours(Estimator, name):
    message = message_of(TypeError, Estimator().fit, X, y, **{name: 1})

    assert message == (
        f"{Estimator.__name__}.fit() got an unexpected keyword argument {name!r}. "
        f"{name!r} is called {FIT_ARGUMENTS[name]} here."
    )


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("epochs", "Pass it to MLPClassifier(...), where it is called max_iter."),
        ("batch_size", "Pass it to MLPClassifier(...)."),
    ],
)
def test_a_parameter_that_is_passed_to_fit_belongs_to_the_estimator(name, answer):
    message = message_of(TypeError, MLPClassifier().fit, X, y, **{name: 5})

    assert message == (
        f"MLPClassifier.fit() got an unexpected keyword argument {name!r}. {answer}"
    )


@pytest.mark.parametrize("name", FIT_ARGUMENTS)
def test_an_argument_of_fit_that_is_passed_to_the_estimator_belongs_there(name):
    message = message_of(TypeError, MLPClassifier, **{name: (X, y)})

    assert message.endswith(f" {name!r} is passed to fit, as X_val and y_val.")


def test_a_classifier_has_no_loss():
    message = message_of(TypeError, MLPClassifier, loss="log_loss")

    assert message.endswith(" 'loss' is not needed: the loss is the cross entropy.")


@pytest.mark.parametrize("sizes", [(8, 4), [8]])
@pytest.mark.parametrize(
    ("Estimator", "first"),
    [(MLPRegressor, "loss"), (AutoencoderTransformer, "n_components")],
)
def test_sizes_in_the_first_place_are_answered_by_their_name(Estimator, first, sizes):
    message = message_of(ValueError, Estimator(sizes).fit, X, y)

    assert message.endswith(
        f" Numbers of units are given as hidden_layer_sizes={sizes!r}; {first} is the "
        "first parameter."
    )


def test_an_error_within_fit_is_not_taken_for_one_about_its_arguments():
    message = message_of(TypeError, MLPClassifier(callbacks=[3]).fit, X, y)

    assert "unexpected keyword" not in message


@pytest.mark.parametrize("method", ["__init__", "fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_signatures_are_those_of_the_methods_themselves(Estimator, method):
    parameters = inspect.signature(getattr(Estimator, method)).parameters.values()

    assert not any(p.kind is p.VAR_KEYWORD for p in parameters)


def takers(name):
    """Give the estimators that have a parameter."""
    return [E for E in ESTIMATORS if name in E().get_params()]


CASES = [
    (Estimator, name, theirs)
    for name, words in VALUES.items()
    for theirs in words
    for Estimator in takers(name)
]


@pytest.mark.parametrize(("Estimator", "name", "theirs"), CASES)
def test_a_value_of_other_packages_is_answered_by_ours(Estimator, name, theirs):
    message = message_of(ValueError, Estimator(**{name: theirs}).fit, X, y)

    assert message.startswith(f"The {name!r} parameter of {Estimator.__name__} must be")
    assert message.endswith(
        f"Got {theirs!r} instead. {theirs!r} is called {VALUES[name][theirs]} here."
    )


@pytest.mark.parametrize(
    ("name", "value", "ours"),
    [
        ("activation", "ReLU", "relu"),
        ("solver", "Adam", "adam"),
        ("solver", "SGD", "sgd"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_capital_letters_are_answered_by_small_ones(Estimator, name, value, ours):
    message = message_of(ValueError, Estimator(**{name: value}).fit, X, y)

    assert message.endswith(f" {value!r} is called {ours!r} here.")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("layer", "answer"),
    [
        (torch.nn.ReLU, "'ReLU' is called 'relu' here."),
        (torch.nn.ReLU(), "'ReLU' is called 'relu' here."),
        (torch.nn.Sigmoid(), "'Sigmoid' is called 'logistic' here."),
    ],
    ids=str,
)
def test_a_layer_of_torch_as_activation_is_answered_by_its_name(
    Estimator, layer, answer
):
    message = message_of(ValueError, Estimator(activation=layer).fit, X, y)

    assert message.endswith(f" instead. {answer}")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_normalization_is_not_switched_but_named(Estimator):
    message = message_of(ValueError, Estimator(normalization=True).fit, X, y)

    assert message.endswith(
        "Got True instead. It is named: normalization='batch' or 'layer'."
    )


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(),
        MLPRegressor(),
        TabularMLPClassifier(),
        TabularMLPRegressor(),
        NetClassifier(torch.nn.Linear),
        NetRegressor(torch.nn.Linear),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_fit_without_y_names_the_estimator(estimator):
    assert message_of(TypeError, estimator.fit, X).startswith(
        f"{type(estimator).__name__}.fit() missing 1 required positional argument: 'y'"
    )


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, NeighborAutoencoder])
def test_what_keras_predicts_by_an_autoencoder_is_a_way_there_and_back(Estimator):
    name = Estimator.__name__

    assert message_of(AttributeError, getattr, Estimator(), "predict") == (
        f"{name!r} object has no attribute 'predict'. 'predict' is called "
        "inverse_transform(transform(X)) here."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_importances_of_features_are_those_of_a_function(Estimator):
    name = Estimator.__name__

    assert message_of(AttributeError, getattr, Estimator(), "feature_importances_") == (
        f"{name!r} object has no attribute 'feature_importances_'. "
        "'feature_importances_' is called sklearn.inspection.permutation_importance "
        "here."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_number_as_learning_rate_is_answered_by_learning_rate_init(Estimator):
    message = message_of(ValueError, Estimator(learning_rate=0.01).fit, X, y)

    assert message.endswith(
        "Got 0.01 instead. A number is given as learning_rate_init=0.01; learning_rate "
        "is its schedule."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_device_of_keras_is_answered_by_torchs(Estimator):
    message = message_of(ValueError, Estimator(device="gpu").fit, X, y)

    assert message.endswith(
        "must be 'auto' or a torch device such as 'cpu', 'cuda', 'cuda:1' or 'mps'. "
        "Got 'gpu' instead."
    )


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        (name, theirs)
        for name, words in VALUES.items()
        for theirs, ours in words.items()
        if not ours.startswith("torch.")
    ],
)
def test_our_values_are_taken_by_an_estimator(name, theirs):
    value = VALUES[name][theirs].strip("'")
    options = [
        constraint.options
        for Estimator in takers(name)
        for constraint in Estimator._parameter_constraints[name]
        if isinstance(constraint, StrOptions)
    ]

    assert any(value in some for some in options)


@pytest.mark.parametrize(
    "ours", [v for v in VALUES["solver"].values() if v.startswith("torch.")]
)
def test_torchs_optimizers_are_there(ours):
    if not hasattr(torch.optim, ours.rpartition(".")[2]):
        pytest.skip(f"torch {torch.__version__} has no {ours}")

    assert issubclass(eval(ours), torch.optim.Optimizer)


# --- methods and attributes -----------------------------------------------------------

NEEDLESS = [name for name, ours in METHODS.items() if ours.startswith("needless: ")]


@pytest.fixture(scope="module")
def fitted():
    """Give a fitted estimator of each kind."""
    params = {"learning_rate": "cosine", "max_iter": 1, "random_state": 0}
    return {
        MLPClassifier: MLPClassifier((4,), **params).fit(X, y),
        MLPRegressor: MLPRegressor("squared_error", (4,), **params).fit(X, y),
        AutoencoderTransformer: AutoencoderTransformer(2, (4,), **params).fit(X),
    }


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", [n for n in METHODS if n not in NEEDLESS])
def test_a_method_of_other_packages_is_answered_by_ours(Estimator, name, fitted):
    estimator, ours = fitted[Estimator], METHODS[name]
    first, *rest = ours.partition(",")[0].split(".")
    said = f"{name!r} is called {ours} here."
    if rest:
        thing = sknn_deep if first == "sknn_deep" else getattr(estimator, first)
        for part in rest:
            thing = getattr(thing, part)  # all that the answer names is there
    elif not hasattr(estimator, first):
        said = ""  # an autoencoder does not predict, a classifier does not encode

    message = message_of(AttributeError, getattr, estimator, name)

    start = f"{Estimator.__name__!r} object has no attribute {name!r}"
    assert message == (f"{start}. {said}" if said else start)
    assert not hasattr(estimator, name) and not hasattr(Estimator(), name)


@pytest.mark.parametrize("name", NEEDLESS)
def test_a_method_that_is_not_needed_is_answered_by_the_reason(name):
    message = message_of(AttributeError, getattr, TabularMLPClassifier(), name)

    assert message == (
        f"'TabularMLPClassifier' object has no attribute {name!r}. {name!r} is not "
        f"needed: {METHODS[name].removeprefix('needless: ')}."
    )


def test_what_is_missing_for_other_reasons_says_so_in_its_own_words(fitted):
    clf = MLPClassifier(solver="lbfgs")

    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        _ = clf.partial_fit
    assert "lbfgs is not stochastic" in str(error.value.__cause__)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        _ = clf.coefs_
    with pytest.raises(AttributeError) as error:
        _ = clf.hiden_layer_sizes
    assert (error.value.name, error.value.obj) == ("hiden_layer_sizes", clf)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_answers_are_in_nobodys_way(Estimator, fitted):
    estimator = fitted[Estimator]
    way = "predict" if hasattr(estimator, "predict") else "transform"
    expected = getattr(estimator, way)(X)

    for made in (
        copy.copy(estimator),
        copy.deepcopy(estimator),
        pickle.loads(pickle.dumps(estimator)),
    ):
        np.testing.assert_array_equal(getattr(made, way)(X), expected)
        assert vars(made).keys() == vars(estimator).keys()
    bare = Estimator.__new__(Estimator)  # as copies and pickles begin
    assert not hasattr(bare, "net_") and not hasattr(bare, "evaluate")
    assert "evaluate" not in dir(estimator)


def rows_of(page):
    return [line for line in (GUIDE / page).read_text().splitlines() if "|" in line]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *PARAMETERS.items(),
        *FIT_ARGUMENTS.items(),
        *((n, "nothing" if n in NEEDLESS else ours) for n, ours in METHODS.items()),
        *(item for words in VALUES.values() for item in words.items()),
    ],
)
def test_the_pages_on_coming_from_other_packages_have_each_word(theirs, ours):
    rows = [
        *rows_of("coming_from_keras.md"),
        *rows_of("coming_from_skorch.md"),
    ]
    names = re.findall(r"[\w.]+\w", ours)

    assert any(
        re.search(rf"\b{theirs}\b", row) and names[0] in row.split("|")[2]
        for row in rows
        if row.count("|") >= 3
    ), f"no row has {theirs!r} on the left and {names[0]!r} on the right"
