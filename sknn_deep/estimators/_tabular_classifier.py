"""The classifier for tables."""

import numpy as np

from sknn_deep._sklearn_private import StrOptions, fit_context, with_callbacks
from sknn_deep.data import Samples, all_or_nothing
from sknn_deep.estimators._classification import ClassificationMixin
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.estimators._words import names_our_words
from sknn_deep.fitting import fit_temperature
from sknn_deep.modules import OUT_ACTIVATIONS


class TabularMLPClassifier(ClassificationMixin, BaseTabular):
    """x"""

    _parameter_constraints: dict = {
        **ClassificationMixin._parameter_constraints,
        **BaseTabular._parameter_constraints,
        "calibration": [StrOptions({"temperature"}), None],
    }

    _oob_names = {"oob_decision_function_": "probabilities"}

    @names_our_words
    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        activation="silu",
        *,
        n_estimators=2,
        max_iter="auto",
        batch_size=256,
        learning_rate_init="auto",
        dropout=0.15,
        alpha=0.02,
        numeric_embedding="periodic",
        categorical_features="from_dtype",
        max_cat_to_onehot=8,
        label_smoothing=0.1,
        calibration="temperature",
        class_weight=None,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_estimators = n_estimators
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.dropout = dropout
        self.alpha = alpha
        self.numeric_embedding = numeric_embedding
        self.categorical_features = categorical_features
        self.max_cat_to_onehot = max_cat_to_onehot
        self.label_smoothing = label_smoothing
        self.calibration = calibration
        self.class_weight = class_weight
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
            self.temperature_ = 1.0
            data = self._check_fit(
                X,
                y,
                sample_weight,
                X_val=X_val,
                y_val=y_val,
                sample_weight_val=sample_weight_val,
            )
            return self._fit(self._set_aside(data, X, y, groups))

    def _strata(self, y, rows):
        return None  # `_strata_of` is asked once it is known which rows there are

    def _strata_of(self, samples):
        if self._target.kind == "multilabel":
            return None
        return self._target.encode(samples.y).ravel().astype(np.intp)

    def _activate(self, output):
        return OUT_ACTIVATIONS[self.out_activation_](
            output / self.temperature_
        ).numpy(force=True)

    def _end(self, valid: Samples | None, held_by: np.ndarray) -> None:
        if valid is None or self.calibration is None:
            return
        outputs = np.concatenate(
            [output.numpy(force=True) for output in self._member_outputs(valid.X)],
            axis=1,
        )
        self.temperature_ = fit_temperature(
            outputs.astype(np.float64),
            self._target.encode(valid.y),
            held_by,
            valid.weight,
            out_activation=self.out_activation_,
        )
