"""What a classifier is, whatever its network."""

from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from sknn_deep._sklearn_private import (
    Interval,
    StrOptions,
    check_partial_fit_first_call,
    fit_context,
    partial_fit_context,
    with_callbacks,
)
from sknn_deep.data import (
    ClassTarget,
    FitData,
    Samples,
    all_or_nothing,
    as_array_like,
    check_weights,
    errors_instead_of_overflow,
    has_validation_set,
    is_splitter,
    learn_class_weights,
    of_the_validation_set,
    positive_rows,
    weigh,
)
from sknn_deep.estimators._base import is_stochastic
from sknn_deep.estimators._supervised import SupervisedMixin
from sknn_deep.fitting import some_rows
from sknn_deep.modules import BinaryCrossEntropy, CrossEntropy
from sknn_deep.parameters import names_our_words


class ClassificationMixin(ClassifierMixin, SupervisedMixin):
    """Labels and their weights, probabilities, accuracy.

    The network that it is mixed into has one output for each class, or for each label
    of multilabel y, and one for two classes.
    """

    _parameter_constraints: dict = {
        **SupervisedMixin._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

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
        """Fit the network to X and the labels y.

        Training starts from new weights, unless ``warm_start=True``. If it fails, the
        estimator stays as it was.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers, best of a similar range in all features: an array, a
            DataFrame, lists, a torch tensor. On the CPU a C-contiguous array of the
            type that is computed in is not copied; where much of it is zero, a long fit
            copies what is not, into 1 GiB at most. Rows of a sparse matrix stay sparse
            where that is faster, and are made dense a batch at a time elsewhere; a
            memory-mapped file that is larger than scikit-learn's `working_memory` is
            read a piece at a time.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any kind: numbers, strings, bool. Several columns, dense or
            sparse, are 0 and 1 for each of several labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), \
                default=None
            Validation rows. With ``early_stopping=True`` they take the place of those
            that would be set aside; otherwise their loss and score are recorded and
            change nothing. Ignored when ``solver="lbfgs"``.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_labels), \
                default=None
            Labels of `X_val`, all of them among those of y. Needed with `X_val`.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weight of each row of `X_val` in the validation loss and score.

        groups : array-like of shape (n_samples,), default=None
            Group of each row: numbers or strings, none of them missing. They go to the
            splitter that `validation_fraction` is; only used with one, and needed by
            those that keep groups together. Metadata routing brings them here after
            ``set_fit_request(groups=True)``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, or if the training diverges: a
            weight or the training loss is not finite. With early stopping also if
            `groups` are passed and a number is `validation_fraction`, which ignores
            them, or if a splitter gets no groups that it needs, gives no rows to one
            part, the same row to both parts, or some row to neither.
        TypeError
            If `callbacks` has something that is no skorch callback, or if data come in
            a form that cannot be read, such as a sparse tensor.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` is reached without convergence, or if the training diverges
            with ``early_stopping=True``, which goes back to the best weights.
        UserWarning
            If `batch_size` is clipped, if the validation score was no number in any
            epoch, if the user interrupts the training, which keeps what was learnt, if
            a ``TimeSeriesSplit`` or a predefined split has rows in neither part, if
            `X_val` is not on the scale of X, or, once in a process, if torchrun started
            several.
        RuntimeWarning
            If a step cannot be captured as a CUDA graph, which makes it slower only.
        DataConversionWarning
            If y is a column, of shape (n_samples, 1).
        """
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

    @available_if(is_stochastic)
    @partial_fit_context
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go on training for one epoch over the given rows.

        Only with the stochastic solvers. The first call starts from new weights, or
        from those of ``fit``; later calls keep the optimizer's state too. The learning
        rate is constant, or follows "invscaling" or "adaptive" from call to call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers, best of a similar range in all features: an array, a
            DataFrame, lists, a torch tensor. On the CPU a C-contiguous array of the
            type that is computed in is not copied; where much of it is zero, a long fit
            copies what is not, into 1 GiB at most. Rows of a sparse matrix stay sparse
            where that is faster, and are made dense a batch at a time elsewhere; a
            memory-mapped file that is larger than scikit-learn's `working_memory` is
            read a piece at a time.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any kind: numbers, strings, bool. Several columns, dense or
            sparse, are 0 and 1 for each of several labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        classes : array-like of shape (n_classes,), default=None
            All labels that y will ever hold. Needed in the first call, unless ``fit``
            came before; may be left out in later ones. Of multilabel y, the numbers of
            the labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        AttributeError
            If ``solver="lbfgs"``.
        ValueError
            If a parameter or the data are not valid, if `classes` is missing in the
            first call, if y has labels not among them, if ``early_stopping=True``, or
            if the training diverges.
        TypeError
            If `callbacks` has something that is no skorch callback, or if data come in
            a form that cannot be read, such as a sparse tensor.
        """
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            if not self._knows(classes) and check_partial_fit_first_call(self, classes):
                self._given_classes = self.classes_
            data = self._check_fit(X, y, sample_weight, incremental=True)
            return self._fit(data, incremental=True)

    def _knows(self, classes) -> bool:
        """Tell whether `classes`, or nothing in their place, are those that are known.

        scikit-learn's check, which follows where they are not, sorts them first.
        """
        known = getattr(self, "classes_", None)
        if known is None or classes is None:
            return known is not None
        if not isinstance(classes, list | np.ndarray) or len(classes) != len(known):
            return False
        try:
            given = np.asarray(classes)
        except ValueError:
            return False
        return given.dtype == known.dtype and np.array_equal(given, known)

    def _check_fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        incremental=False,
    ):
        first_pass = self._first_pass(incremental=incremental)
        X, y = self._check_rows(X, y, reset=first_pass, multi_output=True)
        y = dense_labels(y)
        given = vars(self).get("_given_classes") if incremental else None
        if first_pass:
            self._target = ClassTarget.of(y, given)
            self.classes_ = self._target.classes
            self._target.warn_of_one_hot(y, owner=type(self).__name__)
            if given is None:
                self._target.warn_of_quantities(len(y), owner=type(self).__name__)
        if given is not None or not first_pass:
            self._target.check_known(y, warm_start=self.warm_start and not incremental)
        self._set_shape()
        weight = check_weights(sample_weight, X)
        stratify = None
        if self.early_stopping and X_val is None:
            stratify = self._strata(y, positive_rows(weight))
        samples = self._weigh_classes(Samples(X, y, weight), learn=not incremental)
        valid = self._check_valid(X_val, y_val, sample_weight_val)
        return FitData(samples, valid, stratify)

    _constant = "the frequencies of the classes"

    def _convergence_advice(self, plan):
        advice = self._advise_on_columns(plan)
        if not advice or not plan.net.converged_:
            return advice
        y, weight = some_rows(plan.samples.y, plan.samples.weight)
        target = self._target.encode(y)
        constant = self._target.constant_output(target, weight)
        return advice if self._is_loss_large(plan, constant, target, weight) else ""

    def _check_valid(self, X_val, y_val, sample_weight_val) -> Samples | None:
        """Validate the user's own validation set."""
        if not has_validation_set(X_val, y_val, sample_weight_val, self):
            return None
        with of_the_validation_set(X_val, self):
            X, y = self._check_rows(X_val, y_val, reset=False, multi_output=True)
            y = dense_labels(y)
            self._target.check_known(y, is_validation=True)
            samples = Samples(X, y, check_weights(sample_weight_val, X))
            return self._weigh_classes(samples, learn=False)

    def _weigh_classes(self, samples: Samples, *, learn: bool) -> Samples:
        """Multiply the weights by those of the classes; `fit` learns balanced ones."""
        if learn:
            vars(self).pop("_balanced_weights", None)
        if self.class_weight is None:
            return samples
        is_balanced = self.class_weight == "balanced"
        if is_balanced and not learn:
            tables = self._learned_balance()
        else:
            tables = learn_class_weights(
                self.class_weight, self._target, samples.y, samples.weight
            )
        if is_balanced:
            self._balanced_weights = tables
        weight = weigh(tables, self._target, samples.y, samples.weight)
        return replace(samples, weight=weight)

    def _learned_balance(self) -> list[np.ndarray]:
        """Give the class weights that the last `fit` learned."""
        if not hasattr(self, "_balanced_weights"):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which sees "
                "a part of the data only. Pass the weights as a dict: "
                "compute_class_weight('balanced', classes=classes, y=y_of_all) gives "
                "them."
            )
        return self._balanced_weights

    def _strata(self, y, rows: np.ndarray | None) -> np.ndarray | None:
        """Give what a validation split keeps the shares of, where that can be done."""
        if self._target.kind == "multilabel" or is_splitter(self.validation_fraction):
            return None
        strata = self._target.encode(y)
        if self._target.kind == "binary":
            return strata
        counts = np.bincount(strata if rows is None else strata[rows])
        n_valid = int(np.ceil(self.validation_fraction * counts.sum()))
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
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class of each row, in the type of ``classes_``. For
            multilabel y, int64: 1 where the probability of a label is above 1/2.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        return self._predict(X, "decode")

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``, in the type of numbers that
            `precision` says. Rows sum to 1; for multilabel y each column is a
            probability of its own.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        return self._predict(X, "probabilities")

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            The logarithm of what ``predict_proba`` gives, in the same dtype; -inf where
            that is zero.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None) -> float:
        """Return the share of rows whose predicted labels are right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The right labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. None is one for each.

        Returns
        -------
        score : float
            The accuracy, 1 at best. All labels of a row of multilabel y must be right.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or y is not
            of the form that was fitted.
        """
        y, sample_weight = as_array_like(y), as_array_like(sample_weight)
        with errors_instead_of_overflow(warnings="warn"):
            return super().score(X, y, sample_weight)

    @property
    def _label_binarizer(self) -> LabelBinarizer:
        """Tell the form of y, for tools that ask scikit-learn's MLP for it so."""
        self._check_fitted()
        y = self.classes_
        if self._target.kind == "multilabel":
            y = np.stack([np.zeros_like(y), np.ones_like(y)])  # (2, n_labels)
        return LabelBinarizer().fit(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def dense_labels(y) -> np.ndarray:
    """Bring labels to an array: one column to a vector, sparse indicators to dense."""
    if hasattr(y, "toarray"):
        y = y.toarray()
    if y.ndim == 2 and y.shape[1] == 1 and type_of_target(y) != "multilabel-indicator":
        return column_or_1d(y, warn=True)
    return y
