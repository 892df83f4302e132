"""The multi-layer perceptron regressor."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from sknn_deep._sklearn_private import Interval, StrOptions, fit_context
from sknn_deep.estimators._data import (
    NO_SAMPLES,
    Samples,
    all_or_nothing,
    check_complete,
    check_rows,
    check_weights,
)
from sknn_deep.estimators._mlp import BaseMLP, is_stochastic
from sknn_deep.estimators._targets import NumberTarget
from sknn_deep.modules import AbsoluteError, Huber, Poisson, Quantile, SquaredError

LOSSES = {
    "squared_error": SquaredError,
    "poisson": Poisson,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
}


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multi-layer perceptron regressor."""

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "normalize_y": ["boolean"],
    }

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
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
        huber_delta=1.0,
        quantile=0.5,
        normalize_y=False,
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
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.normalize_y = normalize_y
        self.dropout = dropout
        self.normalization = normalization
        self.scoring = scoring
        self.max_time = max_time
        self.clip_grad_norm = clip_grad_norm
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the network to X and the numbers y."""
        valid = (X_val, y_val, sample_weight_val)
        with all_or_nothing(self):
            return self._fit_numbers(X, y, sample_weight, valid=valid)

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Go on training for one epoch over the given rows."""
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            return self._fit_numbers(X, y, sample_weight, incremental=True)

    def _fit_numbers(self, X, y, sample_weight, *, valid=NO_SAMPLES, incremental=False):
        first_pass = self._first_pass(incremental=incremental)
        samples = self._check_numbers(X, y, sample_weight, reset=first_pass)
        if first_pass:
            self._target = NumberTarget.of(
                samples.y,
                samples.weight,
                out_activation="exp" if self.loss == "poisson" else "identity",
                normalize=self.normalize_y and self.loss != "poisson",
            )
        self._set_shape()
        valid = (
            self._check_numbers(*valid, reset=False)
            if check_complete(*valid, self)
            else None
        )
        return self._fit_samples(samples, valid=valid, incremental=incremental)

    def _check_numbers(self, X, y, sample_weight, *, reset: bool) -> Samples:
        X, y = check_rows(self, X, y, reset=reset, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError(
                f"loss='poisson' of {type(self).__name__} is for counts: y must not "
                f"be negative. Got {y.min()}."
            )
        return Samples(X, y, check_weights(sample_weight, X))

    def _make_criterion(self):
        arguments = {
            "huber": {"delta": self.huber_delta},
            "quantile": {"quantile": self.quantile},
        }
        return LOSSES[self.loss], arguments.get(self.loss, {})

    def _default_score(self, output, samples):
        predicted = self._target.decode(output)
        if not np.isfinite(predicted).all():
            return np.nan
        return r2_score(samples.y, predicted, sample_weight=samples.weight)

    def predict(self, X):
        """Predict numbers."""
        activated = self._forward(X)
        return self._target.decode(activated)
