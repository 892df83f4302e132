"""The autoencoder as a scikit-learn transformer."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn

from sknn_deep._sklearn_private import Interval, StrOptions, fit_context
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._data import (
    Samples,
    all_or_nothing,
    as_array_like,
    check_rows,
    check_weights,
)
from sknn_deep.estimators._mlp import is_stochastic
from sknn_deep.estimators._parameters import (
    ACTIVATION,
    SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
)
from sknn_deep.modules import (
    AbsoluteError,
    Autoencoder,
    AutoencoderLoss,
    BinaryCrossEntropy,
    MeanOverFeatures,
    SquaredError,
)
from sknn_deep.training import as_tensor

# Each as a mean over the features; twice the squared error's half is the whole.
LOSSES = {
    "squared_error": lambda: MeanOverFeatures(SquaredError(), factor=2.0),
    "absolute_error": lambda: MeanOverFeatures(AbsoluteError()),
    "binary_cross_entropy": lambda: MeanOverFeatures(BinaryCrossEntropy()),
}


def make_loss(loss: str, sparsity_penalty: float, kl_weight: float) -> AutoencoderLoss:
    """Make the criterion of an autoencoder."""
    return AutoencoderLoss(LOSSES[loss](), sparsity_penalty, kl_weight)


class AutoencoderTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseNetEstimator
):
    """Autoencoder that reduces dimensions."""

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", *TRAINING_CONSTRAINTS["max_iter"]],
        "decoder_hidden_layer_sizes": [
            "array-like",
            *TRAINING_CONSTRAINTS["max_iter"],
            None,
        ],
        "latent_activation": [ACTIVATION],
        "out_activation": [StrOptions({"identity", "logistic"})],
        "loss": [StrOptions(set(LOSSES))],
        "noise": [StrOptions({"gaussian", "masking"}), None],
        "noise_level": [Interval(Real, 0, None, closed="left")],
        "sparsity_penalty": [Interval(Real, 0, None, closed="left")],
        "variational": ["boolean"],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "scoring": SCORING,
    }

    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(128, 64),
        activation="gelu",
        *,
        decoder_hidden_layer_sizes=None,
        latent_activation="identity",
        out_activation="identity",
        loss="squared_error",
        noise=None,
        noise_level=0.1,
        sparsity_penalty=0.0,
        variational=False,
        kl_weight=1.0,
        solver="adam",
        alpha=0.0,
        batch_size=128,
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        power_t=0.5,
        max_iter=100,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=0.0,
        normalization=None,
        scoring=None,
        max_time=None,
        clip_grad_norm=None,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.decoder_hidden_layer_sizes = decoder_hidden_layer_sizes
        self.latent_activation = latent_activation
        self.out_activation = out_activation
        self.loss = loss
        self.noise = noise
        self.noise_level = noise_level
        self.sparsity_penalty = sparsity_penalty
        self.variational = variational
        self.kl_weight = kl_weight
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.normalization = normalization
        self.scoring = scoring
        self.max_time = max_time
        self.clip_grad_norm = clip_grad_norm
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks

    # --- fitting ---------------------------------------------------------------------

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, sample_weight_val=None):
        """Fit the autoencoder to X."""
        with all_or_nothing(self):
            return self._fit_rows(
                X, sample_weight, X_val=X_val, sample_weight_val=sample_weight_val
            )

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training for one epoch over the given rows."""
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            return self._fit_rows(X, sample_weight, incremental=True)

    def _fit_rows(
        self,
        X,
        sample_weight,
        *,
        X_val=None,
        sample_weight_val=None,
        incremental: bool = False,
    ):
        self._check_variant()
        first_pass = self._first_pass(incremental=incremental)
        samples = self._check_samples(X, sample_weight, reset=first_pass)
        valid = (
            None
            if X_val is None
            else self._check_samples(X_val, sample_weight_val, reset=False)
        )
        encoder, decoder = self._hidden_layer_sizes()
        self.n_layers_ = len(encoder) + len(decoder) + 3
        self.out_activation_ = self._needs_unit_range() or "identity"
        # The cross entropy takes log-odds: it has the logistic function in itself.
        self._has_raw_output = self.loss == "binary_cross_entropy"
        return self._fit_samples(samples, valid=valid, incremental=incremental)

    def _check_samples(self, X, sample_weight, *, reset: bool) -> Samples:
        X = check_rows(self, X, reset=reset)
        self._check_range(X)
        return Samples(X, None, check_weights(sample_weight, X))

    def _hidden_layer_sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        encoder = check_hidden_layer_sizes(self.hidden_layer_sizes)
        if self.decoder_hidden_layer_sizes is None:
            return encoder, encoder[::-1]
        return encoder, check_hidden_layer_sizes(self.decoder_hidden_layer_sizes)

    def _needs_unit_range(self) -> str | None:
        """Name the output activation that asks for data in [0, 1], if there is one."""
        is_logistic = (
            self.out_activation == "logistic" or self.loss == "binary_cross_entropy"
        )
        return "logistic" if is_logistic else None

    def _check_variant(self) -> None:
        """Refuse combinations of parameters that contradict each other."""
        owner = type(self).__name__
        if self.variational and self.latent_activation != "identity":
            raise ValueError(
                f"{owner} with variational=True has a normally distributed code: "
                "latent_activation must be 'identity'. Got "
                f"{self.latent_activation!r}."
            )
        if self.noise == "masking" and self.noise_level >= 1:
            raise ValueError(
                f"{owner} with noise='masking' takes noise_level as the probability "
                f"of a feature to be masked, in [0, 1). Got {self.noise_level}."
            )
        if self.solver == "lbfgs" and (self.noise is not None or self.variational):
            raise ValueError(
                f"solver='lbfgs' of {owner} needs a loss that depends on the weights "
                "alone: set noise=None and variational=False, or choose another "
                "solver."
            )

    def _check_range(self, X) -> None:
        if self._needs_unit_range() is None:
            return
        low, high = X.min(), X.max()
        if low < 0 or high > 1:
            raise ValueError(
                f"{type(self).__name__} with out_activation={self.out_activation!r} "
                f"and loss={self.loss!r} reconstructs values between 0 and 1, but X "
                f"ranges from {low:.4g} to {high:.4g}. Scale X with MinMaxScaler, or "
                "use out_activation='identity' with loss='squared_error'."
            )

    def _make_module(self, n_features):
        owner = type(self).__name__
        encoder, decoder = self._hidden_layer_sizes()
        layers = len(encoder) + len(decoder)
        activations = check_activations(self.activation, layers, owner=owner)
        dropout = check_dropout(self.dropout, layers, owner=owner)
        return Autoencoder, {
            "encoder_units": (n_features, *encoder, self.n_components),
            "decoder_units": (self.n_components, *decoder, n_features),
            "activations": activations[: len(encoder)],
            "decoder_activations": activations[len(encoder) :],
            "dropout": dropout[: len(encoder)],
            "decoder_dropout": dropout[len(encoder) :],
            "latent_activation": self.latent_activation,
            "out_activation": (
                "identity" if self._has_raw_output else self.out_activation_
            ),
            "normalization": self.normalization,
            "noise": self.noise,
            "noise_level": self.noise_level,
            "variational": self.variational,
            "returns_code": self.sparsity_penalty > 0,
        }

    def _make_criterion(self):
        return make_loss, {
            "loss": self.loss,
            "sparsity_penalty": self.sparsity_penalty,
            "kl_weight": self.kl_weight,
        }

    def _encode(self, samples):
        return None

    def _default_score(self, output, samples):
        X = samples.X if isinstance(samples.X, np.ndarray) else samples.X.toarray()
        error = np.average((X - output) ** 2, axis=0, weights=samples.weight)
        mean = np.average(X, axis=0, weights=samples.weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=samples.weight)
        return explained_share(error.sum(), variance.sum())

    # --- transforming ----------------------------------------------------------------

    def transform(self, X):
        """Encode X."""
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        return self._map(self.net_.module_.encode, X)

    def inverse_transform(self, X):
        """Decode codes."""
        check_is_fitted(self)
        codes = check_array(as_array_like(X), dtype=(np.float64, np.float32), order="C")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} components, but {type(self).__name__} was "
                f"fitted with n_components={self._n_features_out}."
            )
        decode = self.net_.module_.decode
        return self._map(lambda code: self._in_range(decode(code)), codes)

    def score(self, X, y=None, sample_weight=None) -> float:
        """Return the share of X's variance that the reconstruction explains."""
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        weight = check_weights(sample_weight, X)
        error = np.average(self._squared_errors(X), weights=weight)
        variance = np.average(self._squared_deviations(X, weight), weights=weight)
        return float(explained_share(error, variance))

    def score_samples(self, X) -> np.ndarray:
        """Return the negated mean squared reconstruction error of each row."""
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        return -self._squared_errors(X)

    def _map(self, function, X) -> np.ndarray:
        """Pass X through part of the network, block by block."""
        self.net_.module_.eval()
        return torch.cat(list(self.net_.map_blocks(function, X))).numpy()

    def _squared_errors(self, X) -> np.ndarray:
        module = self.net_.module_

        def error(block: torch.Tensor) -> torch.Tensor:
            return (self._in_range(module(block)) - block).square().mean(dim=1)

        return self._map(error, X)

    def _squared_deviations(self, X, weight) -> np.ndarray:
        mean = np.asarray(
            np.average(X, axis=0, weights=weight)
            if isinstance(X, np.ndarray)
            else (X.mean(axis=0) if weight is None else X.T @ weight / weight.sum())
        )
        center = as_tensor(mean.ravel(), device=self.net_.placement.device)
        return self._map(lambda block: (block - center).square().mean(dim=1), X)

    def _in_range(self, output: torch.Tensor) -> torch.Tensor:
        """Apply the output activation, where the network leaves it to the loss."""
        return torch.sigmoid(output) if self._has_raw_output else output

    def _activate(self, output):
        return self._in_range(output).cpu().numpy()

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.decoder[0].dense.in_features

    @property
    def encoder_(self) -> nn.Module:
        """The encoder, a ``torch.nn.Module`` from features to codes."""
        check_is_fitted(self)
        return self.net_.module_.encoder

    @property
    def decoder_(self) -> nn.Module:
        """The decoder, a ``torch.nn.Module`` from codes to features."""
        check_is_fitted(self)
        return self.net_.module_.decoder

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def explained_share(error: float, variance: float) -> float:
    """Return ``1 - error / variance``; a constant is 1 if it is met, else 0."""
    if variance > 0:
        return 1 - error / variance
    return float(error == 0)
