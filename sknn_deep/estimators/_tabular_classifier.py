"""The classifier for tables."""

from numbers import Real

import numpy as np
import torch
from sklearn.base import ClassifierMixin

from sknn_deep._sklearn_private import Interval, StrOptions, fit_context, with_callbacks
from sknn_deep.estimators._class_weights import learn_class_weights, weigh
from sknn_deep.estimators._data import FitData, Samples, all_or_nothing, positive_rows
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.estimators._targets import ClassTarget
from sknn_deep.modules import OUT_ACTIVATIONS, BinaryCrossEntropy, CrossEntropy


class TabularMLPClassifier(ClassifierMixin, BaseTabular):
    """x"""

    _parameter_constraints: dict = {
        **BaseTabular._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "calibration": [StrOptions({"temperature"}), None],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

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

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        with all_or_nothing(self):
            columns = self._read_table(X, reset=True)
            y = np.asarray(y)
            self._target = ClassTarget.of(y)
            self.classes_ = self._target.classes
            self.out_activation_ = self._target.out_activation
            self.temperature_ = 1.0
            self._fit_encoder(columns)
            X = self._encoder.encode(columns, owner=type(self).__name__)
            strata = self._target.encode(y)
            strata = strata.ravel().astype(int)
            self._fit(
                FitData(Samples(X, y, None), None, strata), for_classes=True, rows=None
            )
            return self

    _check_fit = None
    def _encode(self, samples):
        return self._target.encode(samples.y)

    def _make_criterion(self):
        is_softmax = self._target.kind == "multiclass"
        loss = CrossEntropy if is_softmax else BinaryCrossEntropy
        return loss, {"label_smoothing": self.label_smoothing}

    def _default_score(self, output, samples):
        return 0

    def _activate(self, output):
        p = OUT_ACTIVATIONS[self.out_activation_](output / self.temperature_)
        return p.mean(dim=0).cpu().numpy()

    def predict_proba(self, X):
        return self._predict(X, "probabilities")

    def predict(self, X):
        return self._predict(X, "decode")
