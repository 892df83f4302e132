"""The regressor for tables."""

from numbers import Real

import numpy as np
from sklearn.metrics import d2_pinball_score

from sknn_deep._sklearn_private import Interval, fit_context, with_callbacks
from sknn_deep.data import NumberTarget, all_or_nothing, as_array_like
from sknn_deep.estimators._regression import RegressionMixin
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.modules import OUT_ACTIVATIONS, Quantile
from sknn_deep.parameters import names_our_words

_OF_REGRESSION = ("loss", "huber_delta", "quantile")


class TabularMLPRegressor(RegressionMixin, BaseTabular):
    """Multi-layer perceptron regressor for tables as they are.

    Numbers and categories, some of them missing, go in without preprocessing, and y in
    its own units. A few small networks are trained together, by a recipe after RealMLP
    [5]_ whose numbers are set for tables of a hundred to some 100,000 rows.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile"}, \
            default="squared_error"
        What the training lowers, for each output:

        - "squared_error": half the squared error; the mean is predicted.
        - "poisson": half the Poisson deviance, for y that is not negative, such as
          counts. The output is the logarithm of the mean.
        - "absolute_error": the absolute error; the median is predicted.
        - "huber": half the squared error up to `huber_delta`, linear beyond [3]_.
        - "quantile": the pinball loss; `quantile` is predicted [4]_.

    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(128, 128, 128)
        Number of units in each hidden layer of each network. An int is one layer;
        ``()`` is none.

    activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "identity", \
            "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", "silu", \
            "softplus", "softsign", "tanh"} or list of these, default="silu"
        Activation function of the hidden layers: one of scikit-learn's, "identity",
        "logistic", "tanh" and "relu", or another of torch's. A list has one name for
        each hidden layer; in an autoencoder first the encoder's, then the decoder's.

    huber_delta : float in (0, inf), default=1.0
        Absolute error from which on the loss is linear, in units of y, or in standard
        deviations of y where ``normalize_y=True``. Only used when ``loss="huber"``.

    quantile : float in (0, 1), default=0.5
        Which quantile of y is predicted. Only used when ``loss="quantile"``.

    n_estimators : int in [1, inf), default=2
        Number of networks, which are trained on the same batches, each on other rows
        (see `validation_fraction`). What they predict is averaged.

    max_iter : int in [1, inf), default="auto"
        Largest number of epochs, which are passes over all training rows, or of
        iterations when ``solver="lbfgs"``. Ignored by ``partial_fit``, which is one
        epoch.

    batch_size : int in [1, inf) or "auto", default=256
        Rows in a batch. "auto" is ``min(200, n_samples)``; a number above the number of
        rows is clipped to it, with a warning. Ignored when ``solver="lbfgs"``.

    learning_rate_init : float in (0, inf), default="auto"
        Learning rate that `learning_rate` starts from; of "one_cycle" and "cosine" it
        is the highest. Ignored when ``solver="lbfgs"``.

    dropout : float in [0, 1) or list of float, default=0.15
        Probability with which an output of a hidden layer is set to zero during
        training [2]_; the others are multiplied by ``1 / (1 - dropout)``. A list has
        one number for each hidden layer, in the order of `activation`. Must be 0 when
        ``solver="lbfgs"``.

    alpha : float in [0, inf), default=0.02
        Strength of the L2 penalty on the weights, without the biases (the formula is in
        the Notes). With ``solver="adamw"`` it is the decoupled weight decay [1]_
        instead, which is no part of the loss.

    numeric_embedding : {"periodic"} or None, default="periodic"
        What is done to each number before the first layer: "periodic" adds three
        learned linear combinations of 16 cosines of it with learned frequencies [5]_;
        None is nothing.

    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, \
            default="from_dtype"
        Which columns hold categories:

        - "from_dtype": those whose values are not all numbers or bool. In a DataFrame
          of pandas or polars that is told by the type of the column: strings,
          categories, Enum, and objects that are not all numbers.
        - None: none.
        - bool: a mask of shape (n_features,); int: numbers of the columns; str: their
          names.

    max_cat_to_onehot : int in [0, inf), default=8
        Columns of so many categories, missing included, or fewer become one column
        for each, of two categories one column of -1 and 1; those of more get an
        embedding of 8 learned numbers for each category.

    validation_fraction : float in (0, 1) or cross-validation splitter, default=0.1
        Share of the rows to set aside for validation, drawn at random. Or a splitter
        with ``split`` and ``get_n_splits``, which gets all rows as they came and the
        `groups` of ``fit``: rows of the same group, or of the past, would tell too
        much. ``GroupShuffleSplit`` sets whole groups aside, ``TimeSeriesSplit`` the
        latest rows. Of its splits the one with the most rows to train on is used, the
        last one of equals, in all networks of an ensemble; rows of zero weight are then
        left out of both parts. Only used when ``early_stopping=True`` and no ``X_val``
        is passed to ``fit``.

    early_stopping : bool, default=False
        Whether to stop when the score on validation rows no longer improves (see `tol`
        and `scoring`), and to go back to the weights of the epoch with the best score.
        The rows are ``X_val`` if it is passed to ``fit``, otherwise those of X that
        `validation_fraction` sets aside, which are then not trained on. Not supported
        by ``partial_fit``; ignored when ``solver="lbfgs"``.

    scoring : str, callable or None, default=None
        What the validation rows are scored by; higher is better. None is what ``score``
        returns (accuracy or R2), "loss" the negated validation loss. Otherwise it is a
        scorer of scikit-learn's: a name out of ``sklearn.metrics.get_scorer_names()``,
        or a callable ``scorer(estimator, X, y)``, called with ``sample_weight`` too if
        the rows have weights and it takes them. Ignored where there are no validation
        rows.

    max_time : float in (0, inf) or None, default=None
        Seconds after which no new epoch begins; this gives no ConvergenceWarning. None
        is no limit. Ignored when ``solver="lbfgs"``.

    random_state : int, RandomState instance or None, default=None
        Where all random numbers come from: the initial weights, the rows set aside for
        validation, the order of the rows, and what dropout or an autoencoder's noise
        draw. An int gives the same model at each call of ``fit`` on one machine. None
        draws one seed from NumPy's global generator.

    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1", "mps" or another of torch's. "auto"
        is the accelerator that torch finds, and without one the CPU.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Type of the numbers that are computed with and returned. "auto" is X's own on
        the CPU (float32 stays, all else is float64, as in scikit-learn), and float32 on
        accelerators. "bfloat16" is mixed precision: products in bfloat16, weights and
        what is returned in float32.

    callbacks : list or tuple of skorch callbacks, or None, default=None
        Callbacks of skorch, or pairs of a name and a callback, which are told of each
        epoch. Each fit, and each clone of this estimator, works on copies of its own,
        which share the very objects that the constructors got and have nothing that the
        callbacks gathered; those of the last fit are in ``net_.callbacks_``. A copy is
        made by the constructor; where that does not store its arguments, as they are,
        as attributes of their names, all attributes are shared but those that end in an
        underscore. ``callbacks__name__parameter`` is a parameter of a callback, whose
        name, if not in a pair, is its class. Ignored when ``solver="lbfgs"``.

    verbose : bool or int in [0, inf), default=False
        True or 1 shows a progress bar over the epochs on stderr, with the loss and the
        validation score. 2 or more prints them on stdout, in lines as scikit-learn's.
        False or 0 is silent. Ignored when ``solver="lbfgs"``.

    Attributes
    ----------
    oob_prediction_ : ndarray of shape (n_samples,), (n_samples, n_outputs) or \
            (n_samples, n_quantiles)
        Predictions of the rows of the fit, each by the networks that held it back; NaN
        where none did. Absent where no row was held back.

    recipe_ : TabularRecipe
        All numbers that the networks were made and trained with; it prints.

    is_categorical_ : ndarray of bool of shape (n_features,) or None
        Mask of the columns taken for categories. None if there are none.

    categories_ : list of ndarray
        Categories of each of these columns, sorted; NaN is the last of them if some
        were missing.

    oob_score_ : float
        Score of the rows that were held back, each by the networks that did not train
        on it. Absent where none was.

    n_outputs_ : int
        Number of outputs of the network, one for each column of y.

    out_activation_ : str
        Activation of the output: "exp" with ``loss="poisson"``, otherwise
        `out_activation`.

    loss_ : float
        Training loss of the last epoch, or where L-BFGS ended, with the L2 penalty.

    best_loss_ : float or None
        Lowest training loss of all epochs. None with ``early_stopping=True``; absent
        with ``solver="lbfgs"``.

    loss_curve_ : list of float
        Training loss of each epoch, with the L2 penalty: the mean over its batches,
        each taken before its update. Absent with ``solver="lbfgs"``.

    validation_loss_curve_ : list of float or None
        Loss on the validation rows after each epoch, without any penalty. None without
        validation rows; absent with ``solver="lbfgs"``.

    validation_scores_ : list of float or None
        Score on the validation rows after each epoch (see `scoring`). None without
        validation rows; absent with ``solver="lbfgs"``.

    best_validation_score_ : float or None
        Highest of the validation scores. None without validation rows; absent with
        ``solver="lbfgs"``.

    n_iter_ : int
        Number of epochs of the last call of ``fit`` or ``partial_fit``, or of L-BFGS's
        iterations.

    t_ : int
        Number of rows trained on since the weights were new, counted again in each
        epoch; 0 with ``solver="lbfgs"``.

    n_features_in_ : int
        Number of features of X.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features of X. Absent if X has no names, or not only strings.

    device_ : str
        Where the network was trained: "cpu", "cuda:0", ...

    net_ : skorch.NeuralNet
        The net that was trained. ``net_.module_`` is the network, a
        ``torch.nn.Module``; ``net_.history`` has the records of each epoch.

    See Also
    --------
    TabularMLPClassifier : The same for classes.
    MLPRegressor : The network alone, as scikit-learn has it.
    sklearn.ensemble.HistGradientBoostingRegressor : Boosted trees, which are faster.

    Notes
    -----
    Numbers are brought between -3 and 3 by their quartiles and a smooth clip, so that
    they need not be scaled. A missing number (NaN, None, NA) becomes the median, with
    an indicator column if there were some in the rows that were fitted. Categories are
    told by their values, whatever the type of the column, missing ones being a category
    of their own; those that were not seen in the fit are no error: they get zeros, or
    the mean of the column's embeddings. Dates raise a TypeError that names the column.

    Weights of rows multiply what each network trains on and the rows held back; a row
    of zero weight is as if it were removed. The starting weights are scaled by up to
    2,048 rows [5]_.

    Each network's prediction is kept within the range that y had in the fit.

    There is neither `warm_start` nor `partial_fit`: the schedules span one fit.

    References
    ----------
    .. [1] Loshchilov, I. and Hutter, F. "Decoupled weight decay regularization." ICLR
       2019. https://doi.org/10.48550/arXiv.1711.05101

    .. [2] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov,
       R. "Dropout: a simple way to prevent neural networks from overfitting." Journal
       of Machine Learning Research 15 (2014), 1929-1958.
       https://jmlr.org/papers/v15/srivastava14a.html

    .. [3] Huber, P. J. "Robust estimation of a location parameter." Annals of
       Mathematical Statistics 35 (1964), 73-101.
       https://doi.org/10.1214/aoms/1177703732

    .. [4] Koenker, R. and Bassett, G. "Regression quantiles." Econometrica 46 (1978),
       33-50. https://doi.org/10.2307/1913643

    .. [5] Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data." NeurIPS 2024.
       https://doi.org/10.48550/arXiv.2407.04491

    Examples
    --------
    >>> import pandas as pd
    >>> from sknn_deep import TabularMLPRegressor
    >>> X = pd.DataFrame(
    ...     {"rooms": [1.0, 2.0, 3.0, None] * 20, "coast": list("ynyn") * 20}
    ... )
    >>> y = [110.0, 200.0, 310.0, 250.0] * 20
    >>> reg = TabularMLPRegressor(random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **{
            name: RegressionMixin._parameter_constraints[name]
            for name in _OF_REGRESSION
        },
        **BaseTabular._parameter_constraints,
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
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
        """Fit the networks to the table X and the numbers y.

        If it fails, the estimator stays as it was.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            A table with numbers, bool, strings and categories in its columns, some of
            which may be missing: a DataFrame of pandas or polars, an array (of objects
            too), lists. Infinite numbers, dates and sparse matrices are refused.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers, not negative with ``loss="poisson"``. One column is taken for a
            vector, with a DataConversionWarning.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        X_val : array-like or DataFrame of shape (n_val_samples, n_features), \
                default=None
            Validation rows, which take the place of those that the networks hold back.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), \
                default=None
            Numbers for `X_val`.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weight of each row of `X_val`.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, for the splitter that `validation_fraction` is.

        Returns
        -------
        self : TabularMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, or if the training diverges.
        TypeError
            If a column holds what is neither a number nor a category, if X is sparse,
            or if `callbacks` has something that is no skorch callback.

        Warns
        -----
        UserWarning
            If the user interrupts the training, or a splitter leaves out rows.
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

    def _levels(self) -> tuple[float, ...] | None:
        """Give the quantiles, if several are predicted."""
        if self.loss != "quantile" or isinstance(self.quantile, Real):
            return None
        return tuple(float(level) for level in np.asarray(self.quantile).ravel())

    def _check_levels(self, y: np.ndarray) -> None:
        levels = self._levels()
        if levels is None:
            return
        owner, edges = type(self).__name__, (0.0, *levels, 1.0)
        if not levels or np.min(np.diff(edges)) <= 0:
            raise ValueError(
                f"The 'quantile' parameter of {owner} must be a number between 0 and "
                "1, or several in increasing order. Got "
                f"{np.asarray(self.quantile).tolist()}."
            )
        if y.ndim > 1:
            raise ValueError(
                f"{owner} predicts several quantiles of one column: y must be a "
                f"vector. Got shape {y.shape}."
            )

    def _n_network_outputs(self):
        levels = self._levels()
        return super()._n_network_outputs() if levels is None else len(levels)

    def _make_criterion(self):
        levels = self._levels()
        return (
            super()._make_criterion()
            if levels is None
            else (
                Quantile,
                {"quantile": levels},
            )
        )

    def _average(self, outputs, held_by=None):
        activated = super()._average(outputs, held_by)
        # Sorted predictions never cross, and their loss is never higher:
        # Chernozhukov, Fernandez-Val and Galichon 2010, doi.org/10.3982/ECTA7880.
        return activated if self._levels() is None else np.sort(activated, axis=1)

    def _default_score(self, output, samples):
        if self._levels() is None:
            return super()._default_score(output, samples)
        return self._pinball_score(
            samples.y, self._target.decode(output), samples.weight
        )

    def _pinball_score(self, y, y_pred, sample_weight) -> float:
        scores = [
            d2_pinball_score(y, column, alpha=level, sample_weight=sample_weight)
            for level, column in zip(self._levels(), y_pred.T, strict=True)
        ]
        return float(np.mean(scores))

    def score(self, X, y, sample_weight=None) -> float:
        """Return R2, or of several quantiles the mean of their D2 pinball scores.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows with the columns that were fitted.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The right numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. None is one for each.

        Returns
        -------
        score : float
            1 at best, 0 for a constant that the right numbers alone would give,
            negative for worse.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X does not have the columns that were fitted, or y is not of the form
            that was fitted.
        """
        if self._levels() is None:
            return super().score(X, y, sample_weight)
        y, sample_weight = as_array_like(y), as_array_like(sample_weight)
        return self._pinball_score(y, self.predict(X), sample_weight)

    def _learn_target(self, samples):
        self._check_levels(samples.y)
        self._target = NumberTarget.of(
            samples.y,
            samples.weight,
            out_activation=self.out_activation_,
            normalize=self.loss != "poisson",
        )
        # In the form of what the network predicts.
        encoded = self._target.encode(samples.y)
        self._range = encoded.min(axis=0), encoded.max(axis=0)

    def _activate(self, output):
        """Keep each network's prediction within the range of y that was fitted."""
        activated = OUT_ACTIVATIONS[self.out_activation_](output).numpy(force=True)
        return np.clip(activated, *self._range)

    def predict(self, X):
        """Predict numbers.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows with the columns that were fitted.

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,), (n_samples, n_outputs) or \
                (n_samples, n_quantiles)
            A vector, or as many columns as were fitted or quantiles are asked for, in
            units of y; the mean over the networks.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X does not have the columns that were fitted, or has infinite numbers.
        TypeError
            If a column holds what is neither a number nor a category.
        """
        return self._check_output(self._predict(X, "decode"))
