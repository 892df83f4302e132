"""What Keras, torch and skorch call it, and what it is called here.

Error messages name our word by these tables, and the pages on coming from Keras and
from skorch have each entry.
"""

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
    "output_activation": "out_activation",
    "batch_norm": "normalization, as 'batch'",
    "dropout_rate": "dropout",
    "dtype": "precision",
    "use_gpu": "device",
    "seed": "random_state",
}

# Those that an estimator has no need of, with the reason.
NEEDLESS_PARAMETERS = {
    "n_jobs": (
        "a fit takes the threads that torch has, torch.set_num_threads(...), and "
        "n_jobs of a search fits several estimators at once"
    ),
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
    "out_activation": "module, which makes the layers",
}

# Those of an autoencoder that keeps neighbors, by the words of t-SNE and UMAP.
NEIGHBOR_PARAMETERS = {
    "perplexity": "n_neighbors (about three times as many)",
    "min_dist": "exaggeration (the larger, the denser the groups)",
}

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

# Those of the searches, each with what it may be called; a search has one of them.
SEARCH_PARAMETERS = {
    "n_iter": ("n_trials", "n_candidates"),
    "n_trials": ("n_iter", "n_candidates"),
    "param_grid": ("param_distributions",),
    "param_distributions": ("param_grid",),
    "search_spaces": ("param_distributions", "param_grid"),
    "n_jobs": ("n_parallel_trials (trials that are trained together)",),
    "sampler": (
        "study, as lambda: optuna.create_study(direction='maximize', sampler=...),",
    ),
    "pruner": (
        "study, as lambda: optuna.create_study(direction='maximize', pruner=...),",
    ),
    "metric": ("scoring",),
    "metrics": ("scoring",),
    "direction": (
        "needless: scores are better the higher they are, and so are errors as "
        "scorers, such as 'neg_mean_squared_error'",
    ),
}

# Arguments of `fit`.
FIT_ARGUMENTS = {
    "validation_data": "X_val and y_val",
    "eval_set": "X_val and y_val",
}

# Those of an autoencoder, where they are others.
AUTOENCODER_FIT_ARGUMENTS = {
    "validation_data": "X_val, without a y_val,",
    "eval_set": "X_val, without a y_val,",
    "y_val": "needless: an autoencoder is to bring back X_val itself",
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
    "to_onnx": "sknn_deep.to_onnx",
    "to_torch": "sknn_deep.to_torch",
    "to_sklearn": "sknn_deep.to_sklearn",
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
AUTOENCODER_METHODS = {
    "predict": "inverse_transform(transform(X))",
    "reconstruct": "inverse_transform(transform(X))",
}
FUNCTIONS = {"feature_importances_": "sklearn.inspection.permutation_importance"}
# Of networks that are more than a row of dense layers.
OTHER_WEIGHTS = {
    "coefs_": "net_.module_.state_dict",
    "intercepts_": "net_.module_.state_dict",
}

_ACTIVATIONS = {
    "sigmoid": "'logistic'",
    "swish": "'silu'",
    "linear": "'identity'",
    "none": "'identity'",
    "hard_sigmoid": "'hardsigmoid'",
    "hard_swish": "'hardswish'",
    "hard_tanh": "'hardtanh'",
}
_SOFTMAX = "needless: a classifier's outputs have it"

# Values of parameters.
VALUES = {
    "activation": {
        **_ACTIVATIONS,
        "softmax": f"{_SOFTMAX}; activation is that of the hidden layers",
    },
    "latent_activation": {
        **_ACTIVATIONS,
        "softmax": f"{_SOFTMAX}; latent_activation is that of the code",
    },
    "out_activation": {
        "sigmoid": "'logistic'",
        "linear": "'identity'",
        "none": "'identity'",
        "softmax": _SOFTMAX,
    },
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
        "rmse": "'squared_error'",
        "mae": "'absolute_error'",
        "mean_absolute_error": "'absolute_error'",
        "l1": "'absolute_error'",
        "pinball": "'quantile'",
        "bce": "'binary_cross_entropy'",
        "binary_crossentropy": "'binary_cross_entropy'",
        "cross_entropy": "'binary_cross_entropy'",
        "crossentropy": "'binary_cross_entropy'",
        "categorical_crossentropy": "'binary_cross_entropy'",
        "sparse_categorical_crossentropy": "'binary_cross_entropy'",
        "log_loss": "'binary_cross_entropy'",
    },
    "criterion": {
        "cross_entropy": "torch.nn.CrossEntropyLoss",
        "crossentropy": "torch.nn.CrossEntropyLoss",
        "bce": "torch.nn.BCEWithLogitsLoss",
        "mse": "torch.nn.MSELoss",
        "squared_error": "torch.nn.MSELoss",
        "mae": "torch.nn.L1Loss",
        "absolute_error": "torch.nn.L1Loss",
        "huber": "torch.nn.HuberLoss",
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
        "auc": "'roc_auc'",
        "pr_auc": "'average_precision'",
        "auc_pr": "'average_precision'",
        "log_loss": "'neg_log_loss'",
        "mse": "'neg_mean_squared_error'",
        "rmse": "'neg_root_mean_squared_error'",
        "mae": "'neg_mean_absolute_error'",
        "mape": "'neg_mean_absolute_percentage_error'",
    },
}
