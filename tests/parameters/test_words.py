"""Keras', torch's and skorch's words are answered by ours."""

import copy
import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer_names
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
from sknn_deep.model_selection import (
    BatchedGridSearchCV,
    BatchedHalvingGridSearchCV,
    BatchedHalvingRandomSearchCV,
    BatchedOptunaSearchCV,
    BatchedRandomizedSearchCV,
)
from sknn_deep.parameters._words import (
    AUTOENCODER_FIT_ARGUMENTS,
    FIT_ARGUMENTS,
    METHODS,
    NEEDLESS_PARAMETERS,
    NEIGHBOR_PARAMETERS,
    OTHER_WEIGHTS,
    PARAMETERS,
    SEARCH_PARAMETERS,
    SETTLED_FOR_TABLES,
    TABLE_PARAMETERS,
    VALUES,
)

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
SUPERVISED = [
    MLPClassifier,
    MLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
]
SEARCHES = [
    BatchedGridSearchCV,
    BatchedRandomizedSearchCV,
    BatchedHalvingGridSearchCV,
    BatchedHalvingRandomSearchCV,
    BatchedOptunaSearchCV,
]
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
    if Estimator is MLPClassifier and ours == "loss":
        answer = f"{name!r} is not needed: the loss is the cross entropy."
    if Estimator is MLPClassifier and ours == "out_activation":
        answer = f"{name!r} is not needed: a classifier gives probabilities."

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


@pytest.mark.parametrize("Estimator", [*ESTIMATORS, TabularMLPClassifier])
@pytest.mark.parametrize("name", NEEDLESS_PARAMETERS)
def test_a_parameter_that_is_not_needed_is_answered_by_the_reason(Estimator, name):
    answer = f" {name!r} is not needed: {NEEDLESS_PARAMETERS[name]}."

    assert message_of(TypeError, Estimator, **{name: 2}).endswith(f"{name!r}.{answer}")
    assert message_of(ValueError, Estimator().set_params, **{name: 2}).endswith(answer)


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


@pytest.mark.parametrize(
    ("Search", "name"),
    [
        (Search, name)
        for Search in SEARCHES
        for name in SEARCH_PARAMETERS
        if name not in inspect.signature(Search).parameters
    ],
)
def test_a_parameter_of_another_search_is_answered_by_this_ones(Search, name):
    answer = ""
    for ours in SEARCH_PARAMETERS[name]:
        if ours.startswith("needless: "):
            answer = f" {name!r} is not needed: {ours.removeprefix('needless: ')}."
        elif re.match(r"\w+", ours).group() in inspect.signature(Search).parameters:
            answer = f" {name!r} is called {ours} here."

    assert message_of(TypeError, Search, MLPClassifier(), {}, **{name: 1}) == (
        f"{Search.__name__}.__init__() got an unexpected keyword argument {name!r}."
        f"{answer}"
    )


@pytest.mark.parametrize("name", SEARCH_PARAMETERS)
def test_what_a_search_calls_it_is_a_parameter_of_some_search(name):
    known = set.union(*(set(inspect.signature(S).parameters) for S in SEARCHES))

    for ours in SEARCH_PARAMETERS[name]:
        assert ours.startswith("needless: ") or re.match(r"\w+", ours).group() in known


@pytest.mark.parametrize("Search", SEARCHES)
def test_a_search_has_the_signature_and_the_copies_of_scikit_learns(Search):
    search = Search(MLPClassifier(), {"alpha": [0.1]}, verbose=3)
    names = [name for name in inspect.signature(Search).parameters if name != "self"]

    assert (
        sorted(names) == Search._get_param_names() == sorted(search.get_params(False))
    )
    assert names[0] == "estimator"
    for made in (clone(search), pickle.loads(pickle.dumps(search))):
        assert made.verbose == 3 and type(made) is Search
    with pytest.raises(TypeError, match=rf"{Search.__name__}.__init__\(\) missing 1 "):
        Search(MLPClassifier())


def test_an_unknown_parameter_is_answered_as_scikit_learn_does():
    assert message_of(TypeError, MLPClassifier, bogus=1) == (
        "MLPClassifier.__init__() got an unexpected keyword argument 'bogus'."
    )


@pytest.mark.parametrize(
    ("Estimator", "theirs", "ours"),
    [
        (MLPClassifier, "dropuot", "dropout"),
        (AutoencoderTransformer, "hidden_layers_sizes", "hidden_layer_sizes"),
        (NeighborAutoencoder, "n_neighbours", "n_neighbors"),
        (TabularMLPRegressor, "randomstate", "random_state"),
    ],
)
def test_a_misspelt_parameter_is_answered_by_what_is_alike(Estimator, theirs, ours):
    answer = f" Did you mean {ours!r}?"

    assert message_of(TypeError, Estimator, **{theirs: 1}) == (
        f"{Estimator.__name__}.__init__() got an unexpected keyword argument "
        f"{theirs!r}.{answer}"
    )
    assert message_of(ValueError, Estimator().set_params, **{theirs: 1}).endswith(
        f"].{answer}"
    )


def test_a_misspelt_parameter_is_answered_of_own_networks_and_searches_too():
    message = message_of(TypeError, NetClassifier, torch.nn.Linear, criterions=None)
    assert "'criterions'. Did you mean 'criterion'? Arguments of the module" in message

    message = message_of(
        TypeError, BatchedGridSearchCV, MLPClassifier(), {}, error_scores=0
    )
    assert message.endswith(" 'error_scores'. Did you mean 'error_score'?")


def test_a_misspelt_argument_of_fit_is_answered_by_what_is_alike():
    message = message_of(TypeError, MLPClassifier().fit, X, y, sample_weights=y)
    assert message == (
        "MLPClassifier.fit() got an unexpected keyword argument 'sample_weights'. Did "
        "you mean 'sample_weight'?"
    )
    # There is none, and X_val is another thing.
    message = message_of(TypeError, AutoencoderTransformer().fit, X, y_val=X)
    assert "Did you mean" not in message


def test_a_deviation_of_a_table_is_answered_by_quantiles():
    reg = TabularMLPRegressor(quantile=[0.1, 0.9])  # which takes what is named

    assert message_of(TypeError, reg.predict, X, return_std=True) == (
        "TabularMLPRegressor.predict() got an unexpected keyword argument "
        "'return_std'. Intervals are those of TabularMLPRegressor(quantile=[0.1, 0.9])."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", FIT_ARGUMENTS)
def test_an_argument_of_fit_of_other_packages_is_answered_by_ours(Estimator, name):
    message = message_of(TypeError, Estimator().fit, X, y, **{name: 1})

    is_autoencoder = Estimator is AutoencoderTransformer
    words = AUTOENCODER_FIT_ARGUMENTS if is_autoencoder else FIT_ARGUMENTS
    assert message == (
        f"{Estimator.__name__}.fit() got an unexpected keyword argument {name!r}. "
        f"{name!r} is called {words[name]} here."
    )


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, NeighborAutoencoder])
def test_an_autoencoder_has_validation_rows_and_no_y_of_them(Estimator):
    name = Estimator.__name__
    begin = f"{name}.fit() got an unexpected keyword argument "

    assert message_of(TypeError, Estimator().fit, X, X, validation_data=(X, X)) == (
        f"{begin}'validation_data'. 'validation_data' is called X_val, without a "
        "y_val, here."
    )
    assert message_of(TypeError, Estimator().fit, X, X_val=X, y_val=X) == (
        f"{begin}'y_val'. 'y_val' is not needed: an autoencoder is to bring back X_val "
        "itself."
    )
    assert message_of(TypeError, Estimator, eval_set=[(X, X)]).endswith(
        "'eval_set' is passed to fit, as X_val, without a y_val."
    )
    assert message_of(TypeError, Estimator().fit, X, None, None, X) == (
        f"{name}.fit() takes from 2 to 4 positional arguments but 5 were given. "
        "Validation rows are passed by name, as X_val=X_val."
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


def test_a_classifier_has_no_activation_of_its_outputs():
    message = message_of(TypeError, MLPClassifier, out_activation="softmax")

    assert message.endswith(
        " 'out_activation' is not needed: a classifier gives probabilities."
    )


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


def answer_to(Estimator, name, theirs):
    """Give what is said of a value: what it is here, if it is to be had."""
    ours = VALUES[name][theirs]
    if ours.startswith("needless: "):
        return f" {theirs!r} is not needed: {ours.removeprefix('needless: ')}."
    is_value = not ours.startswith("'")
    if is_value or Estimator(**{name: ours.strip("'")})._has_valid_parameters():
        return f" {theirs!r} is called {ours} here."
    if ours == "'binary_cross_entropy'":
        return (
            f" {theirs!r} is the loss of classifiers, such as MLPClassifier, which "
            "have it by themselves."
        )
    return ""


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
        f"Got {theirs!r} instead.{answer_to(Estimator, name, theirs)}"
    )


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"criterion"}))
def test_each_value_is_answered_by_some_estimator(name):
    for theirs in VALUES[name]:
        answers = [answer_to(Estimator, name, theirs) for Estimator in takers(name)]
        assert any(answers), theirs


@pytest.mark.parametrize("Estimator", [NetClassifier, NetRegressor])
@pytest.mark.parametrize("theirs", VALUES["criterion"])
def test_a_word_for_the_loss_of_an_own_network_is_answered_by_torchs(Estimator, theirs):
    estimator = Estimator(torch.nn.Linear(3, 2), criterion=theirs)

    ours = VALUES["criterion"][theirs]
    assert message_of(ValueError, estimator.fit, X, y).endswith(
        f"Got {theirs!r} instead. {theirs!r} is called {ours} here."
    )
    assert issubclass(eval(ours), torch.nn.Module)


@pytest.mark.parametrize("activation", ["softmax", ["softmax"], torch.nn.Softmax(1)])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_softmax_is_no_activation_of_hidden_layers(Estimator, activation):
    message = message_of(ValueError, Estimator(activation=activation).fit, X, y)

    assert message.lower().endswith(
        "softmax' is not needed: a classifier's outputs have it; activation is that of "
        "the hidden layers."
    )


@pytest.mark.parametrize("name", ["activation", "latent_activation", "out_activation"])
def test_no_activation_is_the_identity(name):
    for Estimator in takers(name):
        message = message_of(ValueError, Estimator(**{name: None}).fit, X, y)

        assert message.endswith("Got None instead. None is called 'identity' here.")


@pytest.mark.parametrize(
    ("loss", "answer"),
    [
        (torch.nn.MSELoss(), "'MSELoss' is called 'squared_error' here."),
        (torch.nn.L1Loss, "'L1Loss' is called 'absolute_error' here."),
        (torch.nn.HuberLoss(), "'HuberLoss' is called 'huber' here."),
        ("huber_loss", "'huber_loss' is called 'huber' here."),
        (
            torch.nn.CrossEntropyLoss(),
            "'CrossEntropyLoss' is the loss of classifiers, such as MLPClassifier, "
            "which have it by themselves.",
        ),
    ],
    ids=str,
)
def test_a_loss_with_the_word_loss_is_answered_by_its_name(loss, answer):
    message = message_of(ValueError, MLPRegressor(loss).fit, X, y)

    assert message.endswith(f" instead. {answer}")


SCORERS = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "rmse": "neg_root_mean_squared_error",
    "f1_score": "f1",
    "r2_score": "r2",
    "mean_squared_error": "neg_mean_squared_error",
    "brier_score_loss": "neg_brier_score",
    "Accuracy": "accuracy",
    "pr_auc": "average_precision",
}


@pytest.mark.parametrize("Search", SEARCHES)
@pytest.mark.parametrize("theirs", SCORERS)
def test_a_search_says_what_the_scorer_is_called(Search, theirs):
    assert SCORERS[theirs] in get_scorer_names()
    search = Search(MLPClassifier(), {"alpha": [0.1]}, scoring=theirs)
    answer = f"{theirs!r} is called {SCORERS[theirs]!r} here."

    message = message_of(ValueError, search.fit, X, y)

    assert message.startswith(
        f"The 'scoring' parameter of {Search.__name__} must be a name that "
        "sklearn.metrics.get_scorer_names() lists, "
    )
    assert message.endswith(f"Got {theirs!r} instead. {answer}")


@pytest.mark.parametrize(
    ("theirs", "end"),
    [
        ("accurracy", " instead. Did you mean 'accuracy'?"),
        ("f2_macro", " instead. Did you mean 'f1_macro'?"),  # which it may not be
        ("precision_at_k", " instead."),
    ],
)
def test_a_search_doubts_what_scorer_is_meant(theirs, end):
    search = BatchedGridSearchCV(MLPClassifier(), {"alpha": [0.1]}, scoring=theirs)

    assert message_of(ValueError, search.fit, X, y).endswith(f"Got {theirs!r}{end}")


@pytest.mark.parametrize("scoring", [["r2", "acc"], ("acc",), {"a": "acc"}])
def test_a_search_by_several_metrics_says_what_a_scorer_is_called(scoring):
    for Search in (BatchedGridSearchCV, BatchedOptunaSearchCV):
        search = Search(MLPClassifier(), {"alpha": [0.1]}, scoring=scoring, refit="a")

        assert message_of(ValueError, search.fit, X, y) == (
            f"The 'scoring' parameter of {Search.__name__} must have names that "
            "sklearn.metrics.get_scorer_names() lists. Got 'acc' among them. 'acc' is "
            "called 'accuracy' here."
        )


def test_a_scorer_of_no_name_like_any_is_not_guessed():
    search = BatchedGridSearchCV(MLPClassifier(), {"alpha": [0.1]}, scoring="money")

    assert message_of(ValueError, search.fit, X, y).endswith("Got 'money' instead.")


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


@pytest.mark.parametrize("Estimator", SUPERVISED)
def test_validation_rows_by_position_are_to_be_named(Estimator):
    assert message_of(TypeError, Estimator().fit, X, y, X, y) == (
        f"{Estimator.__name__}.fit() takes from 3 to 4 positional arguments but 5 were "
        "given. Validation rows are passed by name, as X_val=X_val, y_val=y_val."
    )
    assert "X_val" not in message_of(TypeError, Estimator().predict, X, y, X, y)


@pytest.mark.parametrize("Estimator", [*SUPERVISED, AutoencoderTransformer])
@pytest.mark.parametrize(
    ("rows", "begin"),
    [
        (X, "Sample weights must be 1D array or scalar, got 2D array."),
        (X.astype(str).astype(object) + "!", "could not convert string to float: "),
        (sp.csr_array(X), "Sparse data was passed"),
    ],
    ids=["numbers", "text", "sparse"],
)
def test_rows_in_the_place_of_weights_are_to_be_named(Estimator, rows, begin):
    error = TypeError if sp.issparse(rows) else ValueError

    message = message_of(error, Estimator().fit, X, y, rows)

    assert message.startswith(begin)
    assert message.endswith(
        "\nThe third argument of fit is sample_weight, a number for each row. "
        "Validation rows are passed by name, as X_val=X_val."
    )


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, NeighborAutoencoder])
@pytest.mark.parametrize("theirs", ["predict", "reconstruct"])
def test_what_an_autoencoder_reconstructs_is_a_way_there_and_back(Estimator, theirs):
    name = Estimator.__name__

    assert message_of(AttributeError, getattr, Estimator(), theirs) == (
        f"{name!r} object has no attribute {theirs!r}. {theirs!r} is called "
        "inverse_transform(transform(X)) here."
    )


@pytest.mark.parametrize("theirs", OTHER_WEIGHTS)
def test_weights_of_other_networks_than_mlps_are_those_of_the_module(theirs):
    net = NetRegressor(torch.nn.Linear, module__in_features=3, module__out_features=1)
    net.set_params(max_iter=1, learning_rate="cosine").fit(X, X[:, 0])

    for estimator in (net, TabularMLPClassifier()):
        assert message_of(AttributeError, getattr, estimator, theirs).endswith(
            f"has no attribute {theirs!r}. {theirs!r} is called "
            f"{OTHER_WEIGHTS[theirs]} here."
        )
    assert net.net_.module_.state_dict()


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
        if ours.startswith("'")
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
        *((name, "nothing") for name in NEEDLESS_PARAMETERS),
        *OTHER_WEIGHTS.items(),
        ("reconstruct", "model.inverse_transform"),
        *((n, "nothing" if n in NEEDLESS else ours) for n, ours in METHODS.items()),
        *(
            (theirs, "nothing" if ours.startswith("needless: ") else ours)
            for words in VALUES.values()
            for theirs, ours in words.items()
        ),
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
