"""The classifier for tables."""

import numpy as np

from sknn_deep._sklearn_private import StrOptions, fit_context, with_callbacks
from sknn_deep.data import all_or_nothing
from sknn_deep.estimators._classification import ClassificationMixin
from sknn_deep.estimators._tabular import BaseTabular
from sknn_deep.fitting import fit_temperature, log_losses
from sknn_deep.modules import OUT_ACTIVATIONS
from sknn_deep.parameters import names_our_words


class TabularMLPClassifier(ClassificationMixin, BaseTabular):
    """Multi-layer perceptron classifier for tables as they are.

    Numbers and categories, some of them missing, go in without preprocessing;
    calibrated probabilities come out. A few small networks are trained together, by a
    recipe after RealMLP [2]_ whose numbers are set for tables of a hundred to some
    100,000 rows.

    Parameters
    ----------
    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(128, 128, 128)
        Number of units in each hidden layer of each network. An int is one layer;
        ``()`` is none.

    activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "identity", \
            "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", "silu", \
            "softplus", "softsign", "tanh"} or list of these, default="silu"
        Activation function of the hidden layers. A list has one name for each.

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
        from 0 and falls to 0 four times, each time for twice as long. "auto" is 0.04.

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

    label_smoothing : float in [0, 1), default=0.1
        Share of each row's target that is spread evenly over all classes.

    calibration : {"temperature"} or None, default="temperature"
        What makes probabilities those that come true: "temperature" divides the
        log-odds by `temperature_`, which minimizes the log-loss of the rows that were
        held back. None leaves them as `label_smoothing` made them, too low.

    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, by which the sample weights are multiplied: a dict of
        weights by class label, or "balanced" for
        ``n_samples / (n_classes * n_rows_of_the_class)``. Multilabel y takes a list of
        dicts, one for each label. None is 1 for all.

    validation_fraction : float in [0, 1) or cross-validation splitter, default=0.1
        Share of the rows that each network holds back and does not train on, drawn with
        the shares of the classes. As long as there are enough rows, no two networks
        hold back the same. With 0, all networks train on all rows. Of a splitter, with
        ``split`` and ``get_n_splits``, each network takes one of the last
        `n_estimators` splits; it gets the rows as they came and the `groups` of
        ``fit``. Rows that are passed as ``X_val`` take the place of those held back.

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
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted, in the type they came in; the numbers of the labels where
        y is multilabel.

    temperature_ : float
        What log-odds are divided by, from 0.1 to 20; 1 without rows that were held back
        or ``calibration=None``.

    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the rows of the fit, each by the networks that held it back;
        NaN where none did. Absent where no row was held back.

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
        Number of outputs of a network: 1 for two classes, otherwise one for each class
        or label.

    out_activation_ : str
        Activation of the output: "softmax" for more than two classes, otherwise
        "logistic".

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
    TabularMLPRegressor : The same for numbers.
    MLPClassifier : The network alone, as scikit-learn has it.
    sklearn.ensemble.HistGradientBoostingClassifier : Boosted trees, which are faster.

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

    The learning rate comes to rest four times, after 1/15, 3/15, 7/15 and all of the
    epochs. The weights that are kept are the last ones of these four, unless earlier
    ones have a lower loss on the rows held back, by more than two standard errors of
    the mean difference: on noisy tables of few rows that is often so. It is the
    log-loss, each time with the temperature that suits it. Without rows held back the
    last ones count.

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
    >>> from sknn_deep import TabularMLPClassifier
    >>> X = pd.DataFrame(
    ...     {
    ...         "age": [39.0, 50.0, None, 53.0] * 20,
    ...         "work": ["state", "self", "private", None] * 20,
    ...     }
    ... )
    >>> y = ["low", "high", "low", "high"] * 20
    >>> clf = TabularMLPClassifier(random_state=0).fit(X, y)
    >>> clf.score(X, y)
    1.0
    >>> clf.recipe_.max_iter
    80
    """

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
        """Fit the networks to the table X and the labels y.

        If it fails, the estimator stays as it was.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            A table with numbers, bool, strings and categories in its columns, some of
            which may be missing: a DataFrame of pandas or polars, an array (of objects
            too), lists. Infinite numbers, dates and sparse matrices are refused.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any kind: numbers, strings, bool. Several columns, dense or
            sparse, are 0 and 1 for each of several labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        X_val : array-like or DataFrame of shape (n_val_samples, n_features), \
                default=None
            Validation rows, which take the place of those that the networks hold back.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_labels), \
                default=None
            Labels of `X_val`, all of them among those of y.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weight of each row of `X_val`.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, for the splitter that `validation_fraction` is.

        Returns
        -------
        self : TabularMLPClassifier
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
        DataConversionWarning
            If y is a column, of shape (n_samples, 1).
        """
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
        return OUT_ACTIVATIONS[self.out_activation_](output / self.temperature_).numpy(
            force=True
        )

    def _judge(self, valid, held_by):
        outputs = self._outputs_of(valid.X).numpy(force=True).astype(np.float64)
        target, activation = self._target.encode(valid.y), self.out_activation_
        if self.calibration is not None:
            self.temperature_ = fit_temperature(
                outputs, target, held_by, valid.weight, out_activation=activation
            )
        outputs /= self.temperature_
        return log_losses(outputs, target, held_by, out_activation=activation)
