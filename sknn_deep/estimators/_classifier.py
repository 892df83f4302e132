"""The multi-layer perceptron classifier."""

from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from sknn_deep._sklearn_private import (
    Interval,
    StrOptions,
    check_partial_fit_first_call,
    fit_context,
)
from sknn_deep.estimators._data import (
    NO_SAMPLES,
    Samples,
    all_or_nothing,
    check_complete,
    check_rows,
    check_weights,
)
from sknn_deep.estimators._mlp import BaseMLP, is_stochastic
from sknn_deep.estimators._targets import ClassTarget
from sknn_deep.modules import BinaryCrossEntropy, CrossEntropy


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier."""

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
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
        dropout=0.0,
        normalization=None,
        label_smoothing=0.0,
        class_weight=None,
        scoring=None,
        max_time=None,
        clip_grad_norm=None,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
    ):
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
        self.dropout = dropout
        self.normalization = normalization
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
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
        """Fit the network to X and the labels y."""
        valid = (X_val, y_val, sample_weight_val)
        with all_or_nothing(self):
            return self._fit_labels(X, y, sample_weight, valid=valid)

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go on training for one epoch over the given rows."""
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            if check_partial_fit_first_call(self, classes):
                self._given_classes = self.classes_
            return self._fit_labels(X, y, sample_weight, incremental=True)

    def _fit_labels(self, X, y, sample_weight, *, valid=NO_SAMPLES, incremental=False):
        first_pass = self._first_pass(incremental=incremental)
        X, y = check_rows(self, X, y, reset=first_pass, multi_output=True)
        y = dense_labels(y)
        if first_pass:
            given = getattr(self, "_given_classes", None) if incremental else None
            self._target = ClassTarget.of(y, given)
            self.classes_ = self._target.classes
        self._target.check_known(y, warm_start=self.warm_start and not incremental)
        self._set_shape()
        weight = self._weigh_classes(y, check_weights(sample_weight, X), incremental)
        return self._fit_samples(
            Samples(X, y, weight),
            valid=self._check_valid(*valid),
            stratify=self._strata(y),
            incremental=incremental,
        )

    def _check_valid(self, X_val, y_val, sample_weight_val) -> Samples | None:
        """Validate the user's own validation set."""
        if not check_complete(X_val, y_val, sample_weight_val, self):
            return None
        X, y = check_rows(self, X_val, y_val, reset=False, multi_output=True)
        y = dense_labels(y)
        self._target.check_known(y, warm_start=False)
        weight = check_weights(sample_weight_val, X)
        return Samples(X, y, self._weigh_classes(y, weight, incremental=False))

    def _weigh_classes(self, y, weight, incremental: bool):
        """Multiply the sample weights by the weights of their classes."""
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which sees "
                "a part of the data only. Pass the weights as a dict: "
                "compute_class_weight('balanced', classes=classes, y=y_of_all) gives "
                "them."
            )
        if self._target.kind == "multilabel":
            factors = compute_sample_weight(self.class_weight, y)
        else:
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weight
            )
            factors = by_class[np.searchsorted(self.classes_, y)]
        return factors if weight is None else weight * factors

    def _strata(self, y) -> np.ndarray | None:
        """Give what a validation split keeps the shares of, where that can be done."""
        if self._target.kind == "multilabel":
            return None
        strata = self._target.encode(y)
        if self._target.kind == "binary":
            return strata
        n_valid = int(np.ceil(self.validation_fraction * len(y)))
        counts = np.bincount(strata)
        can = counts[counts > 0].min() >= 2 and n_valid >= len(self.classes_)
        return strata if can else None

    def _make_criterion(self):
        is_softmax = self._target.kind == "multiclass"
        loss = CrossEntropy if is_softmax else BinaryCrossEntropy
        return loss, {"label_smoothing": self.label_smoothing}

    def _default_score(self, output, samples):
        right = self._target.class_numbers(output) == self._target.encode(samples.y)
        right = right if right.ndim == 1 else right.all(axis=1)
        return np.average(right, weights=samples.weight)

    def predict(self, X):
        """Predict class labels."""
        activated = self._forward(X)
        return self._target.decode(activated)

    def predict_proba(self, X):
        """Predict the probability of each class."""
        activated = self._forward(X)
        return self._target.probabilities(activated)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def dense_labels(y) -> np.ndarray:
    """Bring labels to an array: one column to a vector, sparse indicators to dense."""
    if hasattr(y, "toarray"):
        return y.toarray()
    if y.ndim == 2 and y.shape[1] == 1 and type_of_target(y) != "multilabel-indicator":
        return column_or_1d(y, warn=True)
    return y
