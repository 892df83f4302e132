"""The regressor for tables."""

import numpy as np

from sknn_deep._sklearn_private import fit_context, with_callbacks
from sknn_deep.data import NumberTarget, all_or_nothing
from sknn_deep.estimators._regression import RegressionMixin
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.modules import OUT_ACTIVATIONS
from sknn_deep.parameters import names_our_words
from sknn_deep.rows import place_targets

_OF_REGRESSION = ("loss", "huber_delta", "quantile")


class TabularMLPRegressor(RegressionMixin, BaseTabular):
    """Multi-layer perceptron regressor for tables as they are.

    Numbers and categories, some of them missing, go in without preprocessing, and y in
    its own units. A few small networks are trained together, by a recipe after RealMLP
    [2]_ whose numbers are set for tables of a hundred to some 100,000 rows.

    Parameters
    ----------
    loss : {"absolute_error", "huber", "poisson", "quantile", "squared_error"}, \
            default="squared_error"
        What the training minimizes. All but "poisson", which is for counts and predicts
        by the exponential function, see y standardized.

    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(128, 128, 128)
        Number of units in each hidden layer of each network. An int is one layer;
        ``()`` is none.

    activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "identity", \
            "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", "silu", \
            "softplus", "softsign", "tanh"} or list of these, default="silu"
        Activation function of the hidden layers. A list has one name for each.

    huber_delta : float in (0, inf), default=1.0
        Distance, in standard deviations of y, up to which the loss is quadratic. Only
        used when ``loss="huber"``.

    quantile : float in (0, 1) or array-like of float, default=0.5
        Which quantile of y is predicted, or several in increasing order, of y that is
        one column: ``predict`` then gives a column for each, of which none is below the
        one before, and ``score`` is the mean of their D2 pinball scores. Scorers of one
        column, such as "r2", judge none of several. Only used when ``loss="quantile"``.

    n_estimators : int in [1, inf), default=2
        Number of networks, which are trained on the same batches, each on other rows
        (see `validation_fraction`). What they predict is averaged.

    max_iter : int in [1, inf) or "auto", default="auto"
        Number of epochs, which are passes over all rows. "auto" is as many as make some
        3,000 steps for classes, or 5,000 for numbers, but at least 16 and at most 80.

    batch_size : int in [1, inf), default=256
        Largest number of rows in a batch. All batches of an epoch get the same size, or
        nearly so.

    learning_rate_init : float in (0, inf) or "auto", default="auto"
        Peak of the learning rate, which follows the schedule coslog4 [2]_: it rises
        from 0 and falls to 0 four times, each time for twice as long. "auto" is 0.2.

    dropout : float in [0, 1), default=0.15
        Probability with which an output of a hidden layer is set to zero during
        training. It falls to 0 along half a cosine in the second half of the steps.

    alpha : float in [0, inf), default=0.02
        Decoupled weight decay of AdamW [1]_, on weights, embeddings and scales. It
        falls to 0 as `dropout` does.

    numeric_embedding : {"periodic"} or None, default="periodic"
        What is done to each number before the first layer: "periodic" adds three
        learned linear combinations of 16 cosines of it with learned frequencies [2]_;
        None is nothing.

    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, \
            default="from_dtype"
        Which columns hold categories:

        - "from_dtype": those whose values are not all numbers or bool. In a DataFrame
          of pandas or polars that is told by the type of the column: strings,
          categories, Enum, and objects that are not all numbers.
          A warning names those that are numbers but for a few words, or as text.
        - None: none.
        - bool: a mask of shape (n_features,); int: numbers of the columns; str: their
          names.

    max_cat_to_onehot : int in [0, inf), default=8
        Columns of so many categories, missing included, or fewer become one column
        for each, of two categories one column of -1 and 1; those of more get an
        embedding of 8 learned numbers for each category.

    validation_fraction : float in [0, 1) or cross-validation splitter, default=0.1
        Share of the rows that each network holds back and does not train on, drawn at
        random. As long as there are enough rows, no two networks hold back the same.
        With 0, all networks train on all rows. Of a splitter, with ``split`` and
        ``get_n_splits``, each network takes one of the last `n_estimators` splits; it
        gets the rows as they came and the `groups` of ``fit``. Rows that are passed as
        ``X_val`` take the place of those held back.

    early_stopping : bool, default=False
        Whether to stop at the end of a wave of the learning rate if the score on the
        rows held back is not better than at the end of the wave before, and to go back
        to the best of these weights. That takes less time, and can end too soon. False
        goes through all waves, and chooses among their ends afterwards.

    scoring : str, callable or None, default=None
        What the validation rows are scored by where they are scored during training:
        with ``early_stopping=True``, or if ``X_val`` is passed. None is what ``score``
        returns, "loss" the negated validation loss; otherwise a scorer of
        scikit-learn's: a name out of ``sklearn.metrics.get_scorer_names()``, or a
        callable ``scorer(estimator, X, y)``, which gets encoded columns as X.

    max_time : float in (0, inf) or None, default=None
        Seconds that the training may take. The schedules are shortened to end within
        them, by the time that each epoch takes; one epoch is the least. None is no
        limit.

    random_state : int, RandomState instance or None, default=None
        Where all random numbers come from. An int gives the same model at each call of
        ``fit`` on one machine. None draws one seed from NumPy's global generator.

    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1", "mps" or another of torch's. "auto"
        is the accelerator that torch finds, and without one the CPU.

    precision : {"auto", "float32", "float64"}, default="auto"
        Type of the numbers that are computed with. "auto" is float32.

    callbacks : list or tuple of skorch callbacks, or None, default=None
        Callbacks of skorch, or pairs of a name and a callback, which are told of each
        epoch. Each fit works on copies of its own.

    verbose : bool or int in [0, inf), default=False
        True or 1 shows a progress bar over the epochs on stderr, 2 or more prints a
        line for each on stdout.

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
        Number of outputs of a network, one for each column of y, or for each of several
        quantiles.

    out_activation_ : str
        Activation of the output: "exp" with ``loss="poisson"``, otherwise "identity".

    loss_ : float
        Training loss of the last epoch, the mean over the networks.

    best_loss_ : float or None
        Lowest training loss of all epochs. None with ``early_stopping=True``.

    loss_curve_ : list of float
        Training loss of each epoch.

    validation_loss_curve_ : list of float or None
        Loss on the validation rows after each epoch. None unless they are scored (see
        `scoring`).

    validation_scores_ : list of float or None
        Score on the validation rows after each epoch.

    best_validation_score_ : float or None
        Highest of the validation scores.

    n_iter_ : int
        Number of epochs.

    best_iter_ : int
        Number of epochs after which the weights were as they are now.

    t_ : int
        0; there is no training to go on with.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns of X. Absent if X has no names, or not only strings.

    device_ : str
        Where the networks were trained: "cpu", "cuda:0", ...

    net_ : skorch.NeuralNet
        The net that was trained. ``net_.module_`` is all networks as one
        ``torch.nn.Module``, from encoded columns to a stack of raw outputs.

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
    2,048 rows [2]_.

    Each network's prediction is kept within the range that y had in the fit.

    The learning rate comes to rest four times, after 1/15, 3/15, 7/15 and all of the
    epochs. The weights that are kept are the last ones of these four, unless earlier
    ones have a lower loss on the rows held back, by more than two standard errors of
    the mean difference: on noisy tables of few rows that is often so. Without rows
    held back the last ones count.

    There is neither `warm_start` nor `partial_fit`: the schedules span one fit.

    References
    ----------
    .. [1] Loshchilov, I. and Hutter, F. "Decoupled weight decay regularization." ICLR
       2019. https://doi.org/10.48550/arXiv.1711.05101

    .. [2] Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
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
        return super().score(X, y, sample_weight)

    def _learn_target(self, samples):
        self._target = NumberTarget.of(
            samples.y,
            samples.weight,
            out_activation=self.out_activation_,
            normalize=self.loss != "poisson",
            quantiles=self._target.quantiles,
        )
        # In the form of what the network predicts.
        encoded = self._target.encode(samples.y)
        self._range = encoded.min(axis=0), encoded.max(axis=0)

    def _activate(self, output):
        """Keep each network's prediction within the range of y that was fitted."""
        activated = OUT_ACTIVATIONS[self.out_activation_](output).numpy(force=True)
        return self._target.uncross(np.clip(activated, *self._range))

    @names_our_words
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

    def _judge(self, valid, held_by):
        """Give for each row the mean loss of the networks that held it back."""
        net = self.net_
        target, _ = place_targets(self._encode(valid), None, net.placement)
        outputs = self._outputs_of(valid.X).to(target.device)
        target = target.expand_as(outputs)
        losses = net.criterion_.elementwise(outputs, target).sum(dim=-1)
        shares = held_by.T / held_by.sum(axis=1)  # (n_members, n_rows)
        return (shares * losses.numpy(force=True)).sum(axis=0)
