"""The regressor for tables."""
import numpy as np
from sklearn.base import RegressorMixin
from sknn_deep._sklearn_private import Interval, StrOptions, fit_context, with_callbacks
from sknn_deep.estimators._data import FitData, Samples, all_or_nothing, positive_rows
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.estimators._targets import NumberTarget
from sknn_deep.estimators._tabular_classifier import TabularMLPClassifier
from sknn_deep.modules import SquaredError

class TabularMLPRegressor(RegressorMixin, BaseTabular):
    """x"""
    _parameter_constraints = BaseTabular._parameter_constraints
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
            y = np.asarray(y, dtype=float)
            self._target = NumberTarget.of(y, None, out_activation="identity", normalize=True)
            self.out_activation_ = "identity"
            self._range = y.min(), y.max()
            self._fit_encoder(columns)
            X = self._encoder.encode(columns, owner=type(self).__name__)
            self._fit(FitData(Samples(X, y, None), None, None), for_classes=False, rows=None)
            return self
    _check_fit = None
    def _encode(self, samples):
        return self._target.encode(samples.y)
    def _make_criterion(self):
        return SquaredError, {}
    def _default_score(self, output, samples):
        return 0
    def _activate(self, output):
        lo, hi = [(b - self._target.mean[0]) / self._target.scale[0] for b in self._range]
        return output.clamp(lo, hi).mean(dim=0).cpu().numpy()
    def predict(self, X):
        return self._predict(X, "decode")
