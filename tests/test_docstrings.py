"""The docstrings of all that is public: complete, and true to the code."""

import inspect
import re
from itertools import combinations
from numbers import Integral

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sknn_deep
import sknn_deep.inspection
import sknn_deep.metrics
from sknn_deep import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
)
from sknn_deep._sklearn_private import Interval, StrOptions
from sknn_deep.estimators import BaseNetEstimator

MODULES = [sknn_deep, sknn_deep.inspection, sknn_deep.metrics]
ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
WITH_NEIGHBORS = [*ESTIMATORS, NeighborAutoencoder]
CLASSES = [getattr(module, name) for module in MODULES for name in module.__all__]
EVERY_ESTIMATOR = [
    cls
    for cls in CLASSES
    if isinstance(cls, type) and issubclass(cls, BaseNetEstimator)
]

# numpydoc's codes that are not errors here, each with the reason.
IGNORED = {"RT02": "what is returned has a name too, as in scikit-learn"}
IGNORED_IN_METHODS = {
    "ES01": "a method's summary may say all; the paragraph is the class's",
    "SA01": "the class says what else to see",
    "EX01": "the class has the examples",
}

# Why what several estimators have is not documented in the same words in all of them.
OWN_WORDS = {
    "batch_size": "an autoencoder does better with smaller batches by default",
    "hidden_layer_sizes": "an autoencoder's are those of its encoder only",
    "loss": "the losses are others",
    "scoring": "scikit-learn's named scorers call `predict`; an autoencoder has none",
    "coefs_": "what they compute, and what is folded into them, differs",
    "n_outputs_": "outputs are classes, or columns of y",
    "out_activation": "an autoencoder's is that of X, a regressor's that of y",
    "out_activation_": "what it depends on differs",
}
# The same of one autoencoder beside the other, whose L-BFGS it does not have.
OWN_WORDS_WITH_NEIGHBORS = {
    "batch_size": "it depends on the rows",
    "coefs_": "there are no log-variances",
    "decoder": "it gets a quarter of the code",
    "encoder": "it gives a quarter of the code, and no log-variances",
    "encoder_": "there are no log-variances",
    "kl_weight": "it is not used",
    "latent_activation": "the code is linear",
    "max_fun": "it is not used",
    "max_iter": "it depends on the rows",
    "noise": "it goes with all solvers",
    "solver": "L-BFGS is not among them",
    "t_": "neighbors are counted",
    "variational": "it has to be off",
}
OWN_WORDS_OF_METHODS = {"y": "labels, numbers, or nothing", "y_val": "the same"}

# Where a type line is stricter than the constraint that the estimator checks.
STRICTER = {"validation_fraction": "an empty validation set is refused by the split"}


def is_ours(function):
    return (getattr(function, "__module__", None) or "").startswith("sknn_deep")


def methods_of(cls):
    """List the public methods that this package defines; not those inherited."""
    methods = ((name, getattr(cls, name)) for name in dir(cls) if name[0] != "_")
    return [name for name, method in methods if callable(method) and is_ours(method)]


def properties_of(cls):
    members = ((name, getattr(cls, name)) for name in dir(cls) if name[0] != "_")
    return [name for name, member in members if isinstance(member, property)]


def path_of(cls):
    module = next(module for module in MODULES if cls.__name__ in module.__all__)
    return f"{module.__name__}.{cls.__name__}"


METHODS = [
    pytest.param(cls, name, id=f"{cls.__name__}.{name}")
    for cls in CLASSES
    for name in methods_of(cls)
]


def documented(thing, section="Parameters"):
    """Give the entries of a section: name -> (type, description), in their order."""
    entries = NumpyDocString(inspect.getdoc(thing))[section]
    return {
        entry.name: (
            " ".join(entry.type.split()),
            " ".join(" ".join(entry.desc).split()),
        )
        for entry in entries
    }


def type_without_default(text):
    return re.sub(r", default=.*", "", text)


def signature_of(thing):
    """Give the defaults in a signature, without ``self``, ``*args``, ``**kwargs``."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(thing).parameters.items()
        if name != "self"
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


# --- complete -------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_class_docstring_is_complete(cls):
    errors = validate(path_of(cls))["errors"]

    assert [error for error in errors if error[0] not in IGNORED] == []


@pytest.mark.parametrize(("cls", "name"), METHODS)
def test_method_docstring_is_complete(cls, name):
    errors = validate(f"{path_of(cls)}.{name}")["errors"]

    ignored = IGNORED | IGNORED_IN_METHODS
    assert [error for error in errors if error[0] not in ignored] == []


@pytest.mark.parametrize("cls", CLASSES)
def test_properties_have_docstrings(cls):
    names = properties_of(cls)

    assert [name for name in names if not inspect.getdoc(getattr(cls, name))] == []


@pytest.mark.parametrize("cls", CLASSES)
def test_references_are_those_that_are_cited(cls):
    text = inspect.getdoc(cls)
    cited = {int(n) for n in re.findall(r"\[(\d+)\]_", text)}
    listed = [int(n) for n in re.findall(r"^\.\. \[(\d+)\]", text, re.MULTILINE)]

    assert listed == list(range(1, len(listed) + 1))
    assert cited == set(listed)


@pytest.mark.parametrize("cls", WITH_NEIGHBORS)
def test_each_reference_has_an_address(cls):
    references = NumpyDocString(inspect.getdoc(cls))["References"]
    blocks = re.split(r"(?m)^\.\. ", "\n".join(references))[1:]

    assert blocks
    assert [block for block in blocks if "https://" not in block] == []


# --- true to the signature and to what is checked -------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_documented_defaults_of_classes_are_those_of_the_signature(cls):
    check_parameters(cls)


@pytest.mark.parametrize(("cls", "name"), METHODS)
def test_documented_defaults_of_methods_are_those_of_the_signature(cls, name):
    check_parameters(getattr(cls, name))


def check_parameters(thing):
    """Hold names, order and defaults of documented parameters to the signature's."""
    signature, parameters = signature_of(thing), documented(thing)
    assert [name for name in parameters if name[0] != "*"] == list(signature)
    for name, default in signature.items():
        stated = re.search(r"default=(.*)", parameters[name][0])
        if default is inspect.Parameter.empty:
            assert stated is None, name
        else:
            assert stated is not None, name
            assert stated.group(1).replace('"', "'") == repr(default), name


@pytest.mark.parametrize("cls", EVERY_ESTIMATOR)
def test_documented_values_are_those_that_are_allowed(cls):
    parameters = documented(cls)
    for name, constraints in cls._parameter_constraints.items():
        text = type_without_default(parameters[name][0])
        options = set()
        for constraint in constraints:
            if isinstance(constraint, StrOptions):
                options |= constraint.options
            elif isinstance(constraint, Interval) and name not in STRICTER:
                assert as_text(constraint) in text, name
        if name != "scoring":  # the names of all scorers are too many
            assert set(re.findall(r'"(\w+)"', text)) == options, name
        takes_none = None in constraints or "random_state" in constraints
        assert ("None" in text) == takes_none, name


def as_text(interval):
    kind = "int" if interval.type is Integral else "float"
    left = "[" if interval.closed in ("left", "both") else "("
    right = "]" if interval.closed in ("right", "both") else ")"
    low, high = (
        np.inf if end is None else end for end in (interval.left, interval.right)
    )
    return f"{kind} in {left}{low}, {high}{right}"


# --- the same words -------------------------------------------------------------------


def differences(entries):
    """Name what two of several tables of entries document in different words."""
    return {
        name
        for one, other in combinations(entries, 2)
        for name in one.keys() & other.keys()
        if (type_without_default(one[name][0]), one[name][1])
        != (type_without_default(other[name][0]), other[name][1])
    }


def test_shared_parameters_and_attributes_have_the_same_words():
    entries = [documented(cls) | documented(cls, "Attributes") for cls in ESTIMATORS]

    assert differences(entries) == set(OWN_WORDS)


def test_autoencoders_have_the_same_words():
    entries = [
        {
            name: (kind, re.sub(r"\[\d+\]_", "[]_", text))  # others are cited between
            for section in ("Parameters", "Attributes")
            for name, (kind, text) in documented(cls, section).items()
        }
        for cls in (AutoencoderTransformer, NeighborAutoencoder)
    ]

    assert differences(entries) == set(OWN_WORDS_WITH_NEIGHBORS)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_shared_parameters_of_methods_have_the_same_words(method):
    entries = [documented(getattr(cls, method)) for cls in WITH_NEIGHBORS]

    assert differences(entries) <= set(OWN_WORDS_OF_METHODS)


@pytest.mark.parametrize("cls", WITH_NEIGHBORS)
def test_partial_fit_has_the_words_of_fit(cls):
    assert differences([documented(cls.fit), documented(cls.partial_fit)]) == set()


# --- attributes -----------------------------------------------------------------------


def fit(cls, **params):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.uniform(size=(20, 3)), columns=["a", "b", "c"])
    params = {"max_iter": 2, "learning_rate": "one_cycle", "batch_size": 10} | params
    estimator = cls(random_state=0, **params)
    return estimator.fit(
        X, None if issubclass(cls, AutoencoderTransformer) else [0, 1] * 10
    )


def fitted_attributes(estimator):
    """Name the public attributes ending in an underscore that there are."""
    return {
        name
        for name in dir(estimator)
        if name.endswith("_")
        and not name.startswith("_")
        # Before scikit-learn 1.8 `dir` also has what `available_if` hides.
        and hasattr(estimator, name)
    }


def documented_of_one_network(cls):
    """List the documented attributes of an estimator that is no ensemble."""
    attributes = documented(cls, "Attributes")
    absent = "Absent with ``n_estimators=1``"
    return {name: it for name, it in attributes.items() if absent not in it[1]}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_attributes_of_an_ensemble_are_those_documented(cls):
    ensemble = fit(cls, n_estimators=2)

    of_each = {"coefs_", "intercepts_", "net_", "t_", "best_loss_", "loss_curve_"}
    of_validation = {
        name for name in documented(cls, "Attributes") if "validation" in name
    }
    expected = set(documented(cls, "Attributes")) - of_each - of_validation
    assert fitted_attributes(ensemble) == expected


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("cls", WITH_NEIGHBORS)
def test_attributes_are_those_documented(cls, early_stopping):
    estimator = fit(cls, early_stopping=early_stopping)

    attributes = documented_of_one_network(cls)
    assert set(attributes) == fitted_attributes(estimator)
    for name, (text, _) in attributes.items():
        # The last part of each type's name: "ndarray", "NeuralNet", "None".
        names = {part.split()[0].split(".")[-1] for part in text.split(" or ")}
        value = getattr(estimator, name)
        bases = {base.__name__ for base in type(value).__mro__}
        assert names & (bases if value is not None else {"None"}), (
            f"{name} : {text}, but it is {value!r}"
        )


@pytest.mark.parametrize("cls", WITH_NEIGHBORS)
def test_attributes_without_validation_rows_are_none_as_documented(cls):
    estimator = fit(cls)

    for name, (_, text) in documented_of_one_network(cls).items():
        says_none = "None without validation rows" in text
        assert (getattr(estimator, name) is None) == says_none, name


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_attributes_after_lbfgs_are_absent_as_documented(cls):
    estimator = fit(cls, solver="lbfgs", max_iter=1000, hidden_layer_sizes=2, alpha=1.0)

    attributes = documented(cls, "Attributes")
    absent = {
        name
        for name, (_, text) in attributes.items()
        if re.search("[Aa]bsent with", text)
    }
    assert set(attributes) - fitted_attributes(estimator) == absent
