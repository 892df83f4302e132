"""The regressor for tables."""

from numbers import Real

import numpy as np

from sknn_deep._sklearn_private import fit_context, with_callbacks
from sknn_deep.data import all_or_nothing
from sknn_deep.estimators._regression import RegressionMixin
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.estimators._words import names_our_words
from sknn_deep.modules import OUT_ACTIVATIONS

_OF_REGRESSION = ("loss", "huber_delta", "quantile")


class TabularMLPRegressor(RegressionMixin, BaseTabular):
    """x"""

    _parameter_constraints: dict = {
        **{name: RegressionMixin._parameter_constraints[name] for name in _OF_REGRESSION},
        **BaseTabular._parameter_constraints,
    }

    # What other regressors let the user choose.
    normalize_y = True
    out_activation = "identity"

    _oob_names = {"oob_prediction_": "decode"}

    @names_our_words
    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(128, 128, 128),
        activation="silu",
        *,
        huber_delta=1.0,
        quantile=0.5,
        n_estimators=2,
        max_iter="auto",
        batch_size=256,
        learning_rate_init="auto",
        dropout=0.15,
        alpha=0.02,
        numeric_embedding="periodic",
        categorical_features="from_dtype",
        max_cat_to_onehot=8,
        validation_fraction=0.1,
        early_stopping=False,
        scoring=None,
        max_time=None,
        random_state=None,
        device="auto",
        precision="auto",
        callbacks=None,
        verbose=False,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.n_estimators = n_estimators
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.dropout = dropout
        self.alpha = alpha
        self.numeric_embedding = numeric_embedding
        self.categorical_features = categorical_features
        self.max_cat_to_onehot = max_cat_to_onehot
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.max_time = max_time
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.verbose = verbose

    @names_our_words
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
        groups=None,
    ):
        """x"""
        with all_or_nothing(self):
            data = self._check_fit(
                X,
                y,
                sample_weight,
                X_val=X_val,
                y_val=y_val,
                sample_weight_val=sample_weight_val,
            )
            return self._fit(self._set_aside(data, X, y, groups))

    def _fit(self, data):
        samples = data.samples
        seen = samples.y if samples.weight is None else samples.y[samples.weight > 0]
        # In the form of what the network predicts.
        seen = self._target.encode(seen)
        self._range = seen.min(axis=0), seen.max(axis=0)
        return super()._fit(data)

    def _activate(self, output):
        """Keep each network's prediction within the range of y that was fitted."""
        activated = OUT_ACTIVATIONS[self.out_activation_](output).numpy(force=True)
        return np.clip(activated, *self._range)

    def predict(self, X):
        """x"""
        return self._check_output(self._predict(X, "decode"))
