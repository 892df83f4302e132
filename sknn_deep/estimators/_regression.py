"""What a regressor is, whatever its network."""

from dataclasses import replace
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from sknn_deep._sklearn_private import (
    Interval,
    StrOptions,
    fit_context,
    partial_fit_context,
    with_callbacks,
)
from sknn_deep.data import (
    FitData,
    NumberTarget,
    Samples,
    all_or_nothing,
    as_array_like,
    check_quantiles,
    check_scoring_of_quantiles,
    check_weights,
    concatenate,
    errors_instead_of_overflow,
    has_validation_set,
    mean_d2_pinball_score,
    of_the_validation_set,
    say_y_is_no_numbers,
)
from sknn_deep.estimators._base import is_stochastic
from sknn_deep.estimators._supervised import SupervisedMixin
from sknn_deep.fitting import advise_on_target, some_rows
from sknn_deep.modules import AbsoluteError, Huber, Poisson, Quantile, SquaredError
from sknn_deep.parameters import names_our_words

LOSSES = {
    "squared_error": SquaredError,
    "poisson": Poisson,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
}

# What can be predicted with an activation of the output.
_BOUNDS = {
    "identity": (-np.inf, np.inf),
    "logistic": (0, 1),
    "relu": (0, np.inf),
    "softplus": (0, np.inf),
}


class RegressionMixin(RegressorMixin, SupervisedMixin):
    """Numbers and their scale, losses, R2.

    The network that it is mixed into has one output for each column of y, or for each
    of several quantiles, on which it applies `out_activation` itself.
    """

    _parameter_constraints: dict = {
        **SupervisedMixin._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "normalize_y": ["boolean"],
        "out_activation": [StrOptions({"identity", "logistic", "relu", "softplus"})],
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
        """Fit the network to X and the numbers y.

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

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers, not negative with ``loss="poisson"``. One column is taken for a
            vector, with a DataConversionWarning.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), \
                default=None
            Validation rows. With ``early_stopping=True`` they take the place of those
            that would be set aside; otherwise their loss and score are recorded and
            change nothing. Ignored when ``solver="lbfgs"``.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), \
                default=None
            Numbers for `X_val`. Needed with `X_val`.

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
            a form that cannot be read, such as a sparse tensor or a sparse y.

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
    def partial_fit(self, X, y, sample_weight=None):
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

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers, not negative with ``loss="poisson"``. One column is taken for a
            vector, with a DataConversionWarning.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        AttributeError
            If ``solver="lbfgs"``.
        ValueError
            If a parameter or the data are not valid, if ``early_stopping=True``, or if
            the training diverges.
        TypeError
            If `callbacks` has something that is no skorch callback, or if data come in
            a form that cannot be read, such as a sparse tensor or a sparse y.
        """
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            data = self._check_fit(X, y, sample_weight, incremental=True)
            return self._fit(data, incremental=True)

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
        self._check_bounds()
        first_pass = self._first_pass(incremental=incremental)
        samples = self._check_numbers(X, y, sample_weight, reset=first_pass)
        quantiles = self._several_quantiles(samples.y)
        if first_pass:
            self._check_loss_of_quantiles()
            out_activation = self._link()
            self._target = NumberTarget.of(
                samples.y,
                samples.weight,
                out_activation=out_activation,
                normalize=self.normalize_y and out_activation != "exp",
                quantiles=quantiles,
            )
        else:
            self._check_same_outputs(quantiles)
            self._target = replace(self._target, quantiles=quantiles)
        self._set_shape()
        valid = None
        if has_validation_set(X_val, y_val, sample_weight_val, self):
            with of_the_validation_set(X_val, self):
                valid = self._check_numbers(
                    X_val, y_val, sample_weight_val, reset=False
                )
        if self.early_stopping or valid is not None:
            owner = type(self).__name__
            check_scoring_of_quantiles(self.scoring, quantiles, owner=owner)
        return FitData(samples, valid)

    def _check_numbers(self, X, y, sample_weight, *, reset: bool) -> Samples:
        X, y = self._check_rows(X, y, reset=reset, multi_output=True, y_numeric=True)
        if issparse(y):
            raise TypeError(
                f"y of {type(self).__name__} must be dense: pass y.toarray()."
            )
        if y.dtype.kind not in "biuf":
            raise ValueError(say_y_is_no_numbers(f"an array of dtype {y.dtype}", self))
        if y.dtype.kind == "f" and y.dtype not in (np.float32, np.float64):
            y = y.astype(np.float64)  # torch has no longdouble
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._check_targets(y)
        return Samples(X, y, check_weights(sample_weight, X))

    def _check_loss_of_quantiles(self) -> None:
        if self.loss != "quantile" and not isinstance(self.quantile, Real):
            raise ValueError(
                f"{type(self).__name__} predicts several quantiles with "
                f"loss='quantile' alone. Got loss={self.loss!r} and "
                f"quantile={self.quantile!r}."
            )

    def _several_quantiles(self, y: np.ndarray) -> tuple[float, ...] | None:
        """Give the quantiles of y, if several are to be predicted."""
        if self.loss != "quantile":
            return None
        return check_quantiles(self.quantile, y, owner=type(self).__name__)

    def _check_same_outputs(self, quantiles: tuple[float, ...] | None) -> None:
        """Refuse to go on with a network whose outputs mean something else."""
        owner, target = type(self).__name__, self._target
        instead = "Restore the parameters, or fit a new estimator."
        if self._link() != target.out_activation:
            raise ValueError(
                f"{owner} cannot go on training with loss={self.loss!r} and "
                f"out_activation={self.out_activation!r}: its network predicts by the "
                f"activation {target.out_activation!r}. {instead}"
            )
        if len(quantiles or ()) != len(target.quantiles or ()):
            before = target.quantiles or "the columns of y"
            raise ValueError(
                f"{owner} cannot go on training with loss={self.loss!r} and "
                f"quantile={self.quantile!r}: its network has an output for each of "
                f"{before}. {instead}"
            )

    def _link(self) -> str:
        """Name what turns the network's output into what is predicted."""
        return "exp" if self.loss == "poisson" else self.out_activation

    def _check_targets(self, y: np.ndarray) -> None:
        """Refuse numbers that cannot be predicted."""
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError(
                f"loss='poisson' of {type(self).__name__} is for counts: y must not "
                f"be negative. Got {y.min()}."
            )
        low, high = _BOUNDS[self.out_activation]
        if np.any(y < low) or np.any(y > high):
            raise ValueError(
                f"out_activation={self.out_activation!r} of {type(self).__name__} "
                f"predicts from {low} to {high}, but y ranges from {y.min():.8g} to "
                f"{y.max():.8g}. Bring y between these bounds, or use "
                "out_activation='identity'."
            )

    def _check_bounds(self) -> None:
        """Refuse what would bring predictions out of the bounds of out_activation."""
        if self.out_activation == "identity":
            return
        if self.loss == "poisson" or self.normalize_y:
            other = "loss='poisson'" if self.loss == "poisson" else "normalize_y=True"
            raise ValueError(
                f"out_activation={self.out_activation!r} of {type(self).__name__} "
                f"bounds what is predicted, which {other} does not go with. Leave out "
                "one of them."
            )

    def _activate(self, output):
        if self.out_activation_ == "exp":
            return super()._activate(output)
        # The network's last layer is activated itself.
        return self._target.uncross(output.cpu().numpy())

    def _make_criterion(self):
        arguments = {
            "huber": {"delta": self.huber_delta},
            "quantile": {"quantile": self._target.quantiles or self.quantile},
        }
        return LOSSES[self.loss], arguments.get(self.loss, {})

    def _remedy(self):
        is_scaled = self.normalize_y or self.loss == "poisson"
        return super()._remedy() + ("" if is_scaled else ", and y by normalize_y=True")

    _constant = "the mean of y"

    def _convergence_advice(self, plan):
        if self._target.out_activation != "identity":
            return ""
        is_raw = self._target.mean is None
        of_columns = self._advise_on_columns(plan)
        advice = advise_on_target(plan.samples.y) if is_raw else ""
        advice += of_columns
        if not advice:
            return ""
        y, weight = some_rows(plan.samples.y, plan.samples.weight)
        target = self._target.encode(y).astype(np.float64, copy=False)
        mean = np.average(target, axis=0, weights=weight)
        constant = np.broadcast_to(mean, self._target.n_outputs)
        if self._is_loss_large(plan, constant, target, weight):
            return advice
        return "" if plan.net.converged_ else of_columns

    def _default_score(self, output, samples):
        predicted = self._target.decode(output)
        if not np.isfinite(predicted).all():
            return np.nan
        y, weight, quantiles = samples.y, samples.weight, self._target.quantiles
        if quantiles is None:
            return r2_score(y, predicted, sample_weight=weight)
        return mean_d2_pinball_score(y, predicted, quantiles, weight)

    def predict(self, X, return_std=False):
        """Predict numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        return_std : bool, default=False
            Whether to return also how far the networks of an ensemble
            (``n_estimators`` above 1) differ.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,), (n_samples, n_outputs) or \
                (n_samples, n_quantiles)
            A vector, or as many columns as were fitted, or one for each of several
            quantiles, which never cross. In units of y: float64 where y was normalized,
            otherwise in the type of numbers that `precision` says. Of an ensemble, the
            mean over its networks.
        y_std : ndarray of the shape of `y_pred`
            Standard deviation of the networks' predictions, with ``n_estimators`` as
            divisor. It is larger where training rows are few, and says nothing of the
            noise in y. Only if `return_std` is True.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, what comes
            out is not finite, or `return_std` is asked of a single network.
        """
        if not return_std:
            return self._check_output(self._predict(X, "decode"))
        self._check_fitted()
        if hasattr(self, "net_"):
            raise ValueError(
                f"return_std=True of {type(self).__name__}.predict is how far the "
                "networks of an ensemble differ, and here is one. Fit with "
                "n_estimators=5, for instance."
            )
        X = self._check_rows(X, reset=False)
        blocks = (
            np.concatenate([np.mean(outputs, axis=0), np.std(outputs, axis=0)], axis=1)
            for outputs in self._outputs_of_members(X)
        )
        mean, deviation = np.hsplit(concatenate(blocks, n_rows=X.shape[0]), 2)
        y_pred = self._check_output(self._target.decode(mean))
        return y_pred, self._target.decode_deviation(deviation)

    def score(self, X, y, sample_weight=None) -> float:
        """Return R2, or of several quantiles the mean of their D2 pinball scores.

        R2 is the share of y's variance that is predicted, D2 that of the pinball loss
        of the constant quantile.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The right numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. None is one for each.

        Returns
        -------
        score : float
            1 at best, 0 for the mean, or the quantile, of the right numbers, negative
            for worse. The mean over the outputs, if there are several.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or y is not
            of the form that was fitted.
        """
        self._check_fitted()
        y, sample_weight = as_array_like(y), as_array_like(sample_weight)
        quantiles = self._target.quantiles
        with errors_instead_of_overflow(warnings="warn"):
            if quantiles is None:
                return super().score(X, y, sample_weight)
            return mean_d2_pinball_score(y, self.predict(X), quantiles, sample_weight)
