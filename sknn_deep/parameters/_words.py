"""What Keras, torch and skorch call it, and what it is called here.

Error messages name our word by these tables, and the pages on coming from Keras and
from skorch have each entry.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from numbers import Real
from typing import TypeVar, cast

from sklearn.base import BaseEstimator

from sknn_deep._sklearn_private import StrOptions, make_constraint

# Parameters of an estimator.
PARAMETERS = {
    "epochs": "max_iter",
    "max_epochs": "max_iter",
    "n_epochs": "max_iter",
    "num_epochs": "max_iter",
    "lr": "learning_rate_init",
    "eta": "learning_rate_init",
    "optimizer": "solver",
    "criterion": "loss",
    "objective": "loss",
    "quantiles": "quantile (of MLPRegressor)",
    "metrics": "scoring, a single one,",
    "validation_split": "validation_fraction, with early_stopping=True",
    "train_split": "validation_fraction, with early_stopping=True",
    "patience": "n_iter_no_change",
    "early_stopping_rounds": "n_iter_no_change, with early_stopping=True",
    "min_delta": "tol",
    "weight_decay": "alpha (times batch_size, but for solver='adamw')",
    "kernel_regularizer": "alpha (twice the strength times batch_size)",
    "l2": "alpha (twice the strength times batch_size)",
    "nesterov": "nesterovs_momentum",
    "betas": "beta_1 and beta_2",
    "eps": "epsilon",
    "scheduler": "learning_rate",
    "lr_scheduler": "learning_rate",
    "hidden_units": "hidden_layer_sizes",
    "hidden_layers": "hidden_layer_sizes",
    "hidden_dims": "hidden_layer_sizes",
    "hidden_size": "hidden_layer_sizes",
    "n_hidden": "hidden_layer_sizes",
    "layers": "hidden_layer_sizes",
    "units": "hidden_layer_sizes",
    "latent_dim": "n_components (of AutoencoderTransformer)",
    "encoding_dim": "n_components (of AutoencoderTransformer)",
    "output_activation": "out_activation (of MLPRegressor)",
    "batch_norm": "normalization, as 'batch'",
    "dropout_rate": "dropout",
    "dtype": "precision",
    "use_gpu": "device",
    "seed": "random_state",
}

# Those of an estimator of a network of one's own, where they are others.
OWN_NET_PARAMETERS = {
    "loss": "criterion",
    "iterator_train__shuffle": "shuffle",
    "optimizer__weight_decay": (
        "solver=functools.partial(torch.optim.AdamW, weight_decay=...), or alpha,"
    ),
    "solver__weight_decay": (
        "solver=functools.partial(torch.optim.AdamW, weight_decay=...), or alpha,"
    ),
    "hidden_layer_sizes": "module, which makes the layers",
    "activation": "module, which makes the layers",
    "dropout": "module, which makes the layers",
    "normalization": "module, which makes the layers",
}

# Those of an autoencoder that keeps neighbors, by the words of t-SNE.
NEIGHBOR_PARAMETERS = {"perplexity": "n_neighbors (about three times as many)"}

# Those of the estimators for tables, by the words of boosted trees.
TABLE_PARAMETERS = {
    "early_stopping_rounds": "early_stopping=True",
    "cat_features": "categorical_features",
    "quantiles": "quantile (of TabularMLPRegressor)",
}

# What the recipe of the estimators for tables settles, and the MLPs let be chosen.
SETTLED_FOR_TABLES = {
    "beta_1",
    "beta_2",
    "clip_grad_norm",
    "compile",
    "epsilon",
    "learning_rate",
    "max_fun",
    "momentum",
    "n_iter_no_change",
    "nesterovs_momentum",
    "normalization",
    "normalize_y",
    "out_activation",
    "power_t",
    "shuffle",
    "solver",
    "tol",
    "warm_start",
}

# Arguments of `fit`.
FIT_ARGUMENTS = {
    "validation_data": "X_val and y_val",
    "eval_set": "X_val and y_val",
}

# Methods and attributes of a model.
METHODS = {
    "evaluate": "score",
    "train_on_batch": "partial_fit",
    "predict_on_batch": "predict",
    "predict_classes": "predict",
    "count_params": "summary",
    "get_weights": "net_.module_.state_dict",
    "set_weights": "net_.module_.load_state_dict",
    "state_dict": "net_.module_.state_dict",
    "load_state_dict": "net_.module_.load_state_dict",
    "parameters": "net_.module_.parameters",
    "named_parameters": "net_.module_.named_parameters",
    "layers": "net_.module_",
    "module_": "net_.module_",
    "optimizer_": "net_.optimizer_",
    "criterion_": "net_.criterion_",
    "coef_": "coefs_",
    "callbacks_": "net_.callbacks_",
    "history": "net_.history",
    "history_": "net_.history",
    "forward": "net_.forward",
    "forward_iter": "net_.forward_iter",
    "save": "sknn_deep.save",
    "save_model": "sknn_deep.save",
    "save_weights": "sknn_deep.save",
    "save_params": "sknn_deep.save",
    "load": "sknn_deep.load",
    "load_model": "sknn_deep.load",
    "load_weights": "sknn_deep.load",
    "load_params": "sknn_deep.load",
    "to": "device, a parameter,",
    "cuda": "device, a parameter,",
    "cpu": "device, a parameter,",
    "encode": "transform",
    "decode": "inverse_transform",
    # What is not needed, with the reason.
    "build": "needless: fit makes the network",
    "initialize": "needless: fit makes the network",
    "train": "needless: fit and partial_fit train",
    "eval": "needless: what predicts leaves dropout out",
    "zero_grad": "needless: fit and partial_fit train",
}

# Those that only some models lack, or that are functions elsewhere.
AUTOENCODER_METHODS = {"predict": "inverse_transform(transform(X))"}
FUNCTIONS = {"feature_importances_": "sklearn.inspection.permutation_importance"}

# Values of parameters.
VALUES = {
    "activation": {
        "sigmoid": "'logistic'",
        "swish": "'silu'",
        "linear": "'identity'",
        "hard_sigmoid": "'hardsigmoid'",
        "hard_swish": "'hardswish'",
        "hard_tanh": "'hardtanh'",
    },
    "out_activation": {"sigmoid": "'logistic'", "linear": "'identity'"},
    "solver": {
        "rmsprop": "torch.optim.RMSprop",
        "nadam": "torch.optim.NAdam",
        "adagrad": "torch.optim.Adagrad",
        "adadelta": "torch.optim.Adadelta",
        "adamax": "torch.optim.Adamax",
    },
    "loss": {
        "mse": "'squared_error'",
        "reg:squarederror": "'squared_error'",
        "mean_squared_error": "'squared_error'",
        "mae": "'absolute_error'",
        "mean_absolute_error": "'absolute_error'",
        "l1": "'absolute_error'",
        "bce": "'binary_cross_entropy'",
        "binary_crossentropy": "'binary_cross_entropy'",
    },
    "normalization": {
        "batch_norm": "'batch'",
        "batchnorm": "'batch'",
        "layer_norm": "'layer'",
        "layernorm": "'layer'",
    },
    "learning_rate": {
        "onecycle": "'one_cycle'",
        "plateau": "'adaptive'",
    },
    "scoring": {
        "val_loss": "'loss'",
        "acc": "'accuracy'",
        "val_accuracy": "'accuracy'",
        "log_loss": "'neg_log_loss'",
        "mse": "'neg_mean_squared_error'",
    },
}

_Method = TypeVar("_Method", bound=Callable)


def names_our_words(method: _Method) -> _Method:
    """Let the error of a keyword that ``__init__`` or ``fit`` has not name ours."""
    is_init = method.__name__ == "__init__"
    say = say_our_parameters if is_init else _say_our_arguments
    known = set(inspect.signature(method).parameters)

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except TypeError as error:
            unknown = [name for name in kwargs if name not in known]
            is_missing = str(error).startswith(f"{method.__qualname__}() missing ")
            if not unknown and not is_missing:
                raise
            # Python names the class that has the code, be it a mixin.
            name = f"{type(self).__name__}.{method.__name__}"
            message = str(error).replace(method.__qualname__, name)
            raise TypeError(f"{message}.{say(unknown, self)}") from None

    return cast(_Method, wrapper)


def say_our_parameters(unknown: Iterable[str], estimator: BaseEstimator) -> str:
    """Say what parameters that are not there are called here."""
    said, known = "", estimator._get_param_names()
    for name in unknown:
        ours = PARAMETERS.get(name)
        if "module" in known:
            ours = OWN_NET_PARAMETERS.get(ours or name, ours)
        if "n_neighbors" in known:
            ours = NEIGHBOR_PARAMETERS.get(name, ours)
        is_of_tables = "categorical_features" in known
        if is_of_tables:
            ours = TABLE_PARAMETERS.get(name, ours)
        if name in FIT_ARGUMENTS:
            said += f" {name!r} is passed to fit, as {FIT_ARGUMENTS[name]}."
        elif is_of_tables and _first_word(ours or name) in SETTLED_FOR_TABLES:
            said += f" {name!r} is not to be chosen here: the recipe for tables has it."
        elif ours == "criterion":
            said += f" {name!r} is called {ours} here."
        elif "loss" in (name, ours) and "loss" not in known:
            said += f" {name!r} is not needed: the loss is the cross entropy."
        elif ours is not None:
            said += f" {name!r} is called {ours} here."
    return said


def _first_word(words: str) -> str:
    return words.split()[0].rstrip(",")


def _say_our_arguments(unknown: Iterable[str], estimator: BaseEstimator) -> str:
    """Say what arguments that ``fit`` has not are called here."""
    owner = f"{type(estimator).__name__}(...)"
    said = ""
    for name in unknown:
        is_ours = name in estimator._get_param_names()
        if name in FIT_ARGUMENTS:
            said += f" {name!r} is called {FIT_ARGUMENTS[name]} here."
        elif is_ours:
            said += f" Pass it to {owner}."
        elif name in PARAMETERS:
            said += f" Pass it to {owner}, where it is called {PARAMETERS[name]}."
    return said


def say_our_method(name: str, cls: type[BaseEstimator]) -> str:
    """Say what a method or attribute is called here; nothing if there is no such."""
    ours = METHODS.get(name) or FUNCTIONS.get(name)
    if ours is None and hasattr(cls, "inverse_transform"):
        ours = AUTOENCODER_METHODS.get(name)
    if ours is None:
        return ""
    _, is_needless, reason = ours.partition("needless: ")
    if is_needless:
        return f" {name!r} is not needed: {reason}."
    if ours.isidentifier() and not hasattr(cls, ours):
        return ""
    return f" {name!r} is called {ours} here."


def say_our_values(estimator: BaseEstimator) -> str:
    """Say what the values of an estimator's parameters are called here."""
    said = ""
    for name in (*VALUES, "n_components", "callbacks"):
        constraints = estimator._parameter_constraints.get(name, ())
        options = {
            option
            for constraint in constraints
            if isinstance(constraint, StrOptions)
            for option in constraint.options
        }
        value = getattr(estimator, name, None)
        is_valid = any(
            make_constraint(constraint).is_satisfied_by(value)
            for constraint in constraints
        )
        if constraints and not is_valid:
            said += say_our_value(name, value, options)
    return said


def say_our_value(name: str, value, options) -> str:
    """Say what a parameter's value is called here; nothing where nobody knows.

    `options` are the strings that the parameter takes.
    """
    if name == "learning_rate" and isinstance(value, Real):
        return (
            f" A number is given as learning_rate_init={value!r}; learning_rate is its "
            "schedule."
        )
    if name == "callbacks":
        return " A single one is given in a list: callbacks=[callback]."
    if name in ("loss", "n_components") and isinstance(value, tuple | list):
        return (
            f" Numbers of units are given as hidden_layer_sizes={value!r}; {name} is "
            "the first parameter."
        )
    if name == "n_components" and (value is None or isinstance(value, float)):
        return (
            " It is the width of the code. An autoencoder cannot choose it by a share "
            "of the variance, or keep all, as PCA does; "
            "PCA(n_components=0.95).fit(X).n_components_ is a width to start from."
        )
    if name == "normalization" and value is True:
        return " It is named: normalization='batch' or 'layer'."
    if name == "activation":
        value = _name_of_layer(value)
    if not isinstance(value, str):
        return ""
    lower = value.lower()
    ours = VALUES.get(name, {}).get(lower)
    if ours is None and lower != value and lower in options:
        ours = repr(lower)
    return "" if ours is None else f" {value!r} is called {ours} here."


def _name_of_layer(value):
    """Give the name of a layer of torch, or of its class, such as nn.ReLU."""
    cls = value if isinstance(value, type) else type(value)
    return cls.__name__ if cls.__module__.startswith("torch.nn") else value
