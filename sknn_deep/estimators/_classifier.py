"""The multi-layer perceptron classifier."""

from sknn_deep.estimators._classification import ClassificationMixin
from sknn_deep.estimators._mlp import BaseMLP
from sknn_deep.parameters import names_our_words


class MLPClassifier(ClassificationMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    Layers of units, each connected with all of the layer before, trained with PyTorch
    on a CPU or a GPU. It takes the place of scikit-learn's ``MLPClassifier``:
    parameters and fitted attributes have the same names, defaults and meanings.
    Features should be brought to a similar range first, by ``StandardScaler`` in a
    Pipeline for instance.

    Parameters
    ----------
    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(100,)
        Number of units in each hidden layer, from the input to the output. An int is
        one layer; ``()`` is none, which makes the model linear.

    activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "identity", \
            "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", "silu", \
            "softplus", "softsign", "tanh"} or list of these, default="relu"
        Activation function of the hidden layers: one of scikit-learn's, "identity",
        "logistic", "tanh" and "relu", or another of torch's. A list has one name for
        each hidden layer; in an autoencoder first the encoder's, then the decoder's.

    solver : {"lbfgs", "sgd", "adam", "adamw"}, torch.optim.Optimizer subclass or \
            functools.partial of one, default="adam"
        What updates the weights:

        - "lbfgs": SciPy's L-BFGS-B [2]_, which takes all rows at once, so that a sparse
          X that is made dense is so as a whole, and computes in float64. Good for small
          data. It needs a loss without random numbers: ``dropout=0``, no batch
          normalization, no noise.
        - "sgd": stochastic gradient descent with `momentum`.
        - "adam": Adam [3]_.
        - "adamw": Adam with decoupled weight decay [4]_.
        - A subclass of ``torch.optim.Optimizer`` whose ``step`` needs no closure, or a
          ``functools.partial`` of one with arguments of its own. It is given
          `learning_rate_init` as ``lr``, unless the partial has an ``lr`` itself.

    alpha : float in [0, inf), default=0.0001
        Strength of the L2 penalty on the weights, without the biases (the formula is in
        the Notes). With ``solver="adamw"`` it is the decoupled weight decay [4]_
        instead, which is no part of the loss.

    batch_size : int in [1, inf) or "auto", default="auto"
        Rows in a batch. "auto" is ``min(200, n_samples)``; a number above the number of
        rows is clipped to it, with a warning. Ignored when ``solver="lbfgs"``.

    learning_rate : {"constant", "invscaling", "adaptive", "one_cycle", "cosine", \
            "coslog4", "flat_cos"}, default="constant"
        Schedule of the learning rate:

        - "constant": `learning_rate_init` throughout.
        - "invscaling": ``learning_rate_init / (t_ + 1)**power_t``, anew after each
          epoch. Only used when ``solver="sgd"``, otherwise constant.
        - "adaptive": `learning_rate_init`, divided by 5 where training would otherwise
          stop (see `tol`); it stops once the rate is 1e-6 or less. Only used when
          ``solver="sgd"``, otherwise constant.
        - "one_cycle": along half a cosine from ``learning_rate_init / 25`` up to
          `learning_rate_init` in the first 30 % of the steps, then down to
          ``learning_rate_init / 250000`` [5]_.
        - "cosine": along half a cosine from `learning_rate_init` down to 0 [6]_.
        - "coslog4": up from 0 to `learning_rate_init` and down to 0 again, four times,
          each time for twice as long.
        - "flat_cos": `learning_rate_init` for half of the steps, then along half a
          cosine down to 0.

        The last four go with every stochastic solver and span `max_iter` epochs. They
        are followed to their end, whatever `tol` is, unless ``early_stopping=True``,
        and give no ConvergenceWarning. In ``partial_fit`` they are constant. Ignored
        when ``solver="lbfgs"``.

    learning_rate_init : float in (0, inf), default=0.001
        Learning rate that `learning_rate` starts from; of "one_cycle" and what comes
        after it, the highest, which may be several times a constant one, and has to be
        with few epochs: 0.01 for instance. Ignored when ``solver="lbfgs"``.

    power_t : float in [0, inf), default=0.5
        Exponent of the schedule "invscaling". Only used when ``solver="sgd"`` and
        ``learning_rate="invscaling"``.

    max_iter : int in [1, inf), default=200
        Largest number of epochs, which are passes over all training rows, or of
        iterations when ``solver="lbfgs"``. Ignored by ``partial_fit``, which is one
        epoch.

    shuffle : bool, default=True
        Whether each epoch takes the rows in a new random order. Ignored when
        ``solver="lbfgs"``.

    random_state : int, RandomState instance or None, default=None
        Where all random numbers come from: the initial weights, the rows set aside for
        validation, the order of the rows, and what dropout or an autoencoder's noise
        draw. An int gives the same model at each call of ``fit`` on one machine. None
        draws one seed from NumPy's global generator.

    tol : float in [0, inf), default=0.0001
        An epoch is an improvement if the training loss is at least `tol` below the
        lowest so far, or with ``early_stopping=True`` if the validation score is at
        least `tol` above the highest so far. Training stops after more than
        `n_iter_no_change` epochs in a row without improvement. L-BFGS stops when no
        element of the gradient is larger than `tol`.

    verbose : bool or int in [0, inf), default=False
        True or 1 shows a progress bar over the epochs on stderr, with the loss and the
        validation score. 2 or more prints them on stdout, in lines as scikit-learn's.
        False or 0 is silent. Ignored when ``solver="lbfgs"``.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights and the curves of the call before, with
        data of the same features and outputs, instead of starting afresh.

    momentum : float in [0, 1], default=0.9
        Momentum of gradient descent. Only used when ``solver="sgd"``.

    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's. Only used when ``solver="sgd"`` and
        ``momentum > 0``.

    early_stopping : bool, default=False
        Whether to stop when the score on validation rows no longer improves (see `tol`
        and `scoring`), and to go back to the weights of the epoch with the best score.
        The rows are ``X_val`` if it is passed to ``fit``, otherwise those of X that
        `validation_fraction` sets aside, which are then not trained on. Not supported
        by ``partial_fit``; ignored when ``solver="lbfgs"``.

    validation_fraction : float in (0, 1) or cross-validation splitter, default=0.1
        Share of the rows to set aside for validation, drawn at random. Or a splitter
        with ``split`` and ``get_n_splits``, which gets all rows as they came and the
        `groups` of ``fit``: rows of the same group, or of the past, would tell too
        much. ``GroupShuffleSplit`` sets whole groups aside, ``TimeSeriesSplit`` the
        latest rows. Of its splits the one with the most rows to train on is used, the
        last one of equals, in all networks of an ensemble; rows of zero weight are then
        left out of both parts. Only used when ``early_stopping=True`` and no ``X_val``
        is passed to ``fit``.

    beta_1 : float in [0, 1), default=0.9
        Decay rate of Adam's mean of past gradients. Only used when ``solver`` is "adam"
        or "adamw".

    beta_2 : float in [0, 1), default=0.999
        Decay rate of Adam's mean of past squared gradients. Only used when ``solver``
        is "adam" or "adamw".

    epsilon : float in (0, inf), default=1e-08
        What keeps Adam's denominator from zero. Only used when ``solver`` is "adam" or
        "adamw".

    n_iter_no_change : int in [1, inf) or inf, default=10
        Number of epochs in a row that may be without improvement (see `tol`): one more
        ends the training. With ``np.inf`` none does. Ignored when ``solver="lbfgs"``.

    max_fun : int in [1, inf), default=15000
        Largest number of evaluations of the loss. Only used when ``solver="lbfgs"``.

    dropout : float in [0, 1) or list of float, default=0.0
        Probability with which an output of a hidden layer is set to zero during
        training [7]_; the others are multiplied by ``1 / (1 - dropout)``. A list has
        one number for each hidden layer, in the order of `activation`. Must be 0 when
        ``solver="lbfgs"``.

    normalization : {"batch", "layer"} or None, default=None
        What comes between a hidden layer and its activation: "batch" normalizes each
        unit over the rows of a batch, and for prediction by running means [8]_; "layer"
        normalizes each row over its units [9]_. Must not be "batch" when
        ``solver="lbfgs"``.

    label_smoothing : float in [0, 1), default=0.0
        Share of each row's target that is spread evenly over all classes [10]_; with
        logistic outputs 0 and 1 are moved that far towards 1/2.

    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, by which the sample weights are multiplied: a dict of
        weights by class label, in which those of weight 1 may be missing, or "balanced"
        for ``n_samples / (n_classes * n_rows_of_the_class)``. Multilabel y takes a list
        of dicts, one for each label. None is 1 for all. They count in the validation
        loss and score too. "balanced" is not supported by ``partial_fit``, which does
        not see all rows.

    n_estimators : int in [1, inf), default=1
        Number of networks, each with a seed of its own drawn from `random_state`, whose
        probabilities or predicted numbers are averaged. They are trained together where
        that can be done, and are in `estimators_`.

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

    clip_grad_norm : float in (0, inf) or None, default=None
        Euclidean norm to which a longer gradient of a batch, penalty included, is
        scaled down. None leaves it as it is. Ignored when ``solver="lbfgs"``.

    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1", "mps" or another of torch's. "auto"
        is the accelerator that torch finds, and without one the CPU.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Type of the numbers that are computed with and returned. "auto" is X's own on
        the CPU (float32 stays, all else is float64, as in scikit-learn), and float32 on
        accelerators. "bfloat16" is mixed precision: products in bfloat16, weights and
        what is returned in float32.

    compile : bool, default=False
        Whether training runs through ``torch.compile``, which needs a compiler on the
        machine and takes time at the start of each fit.

    callbacks : list or tuple of skorch callbacks, or None, default=None
        Callbacks of skorch, or pairs of a name and a callback, which are told of each
        epoch. Each fit, and each clone of this estimator, works on copies of its own,
        which share the very objects that the constructors got and have nothing that the
        callbacks gathered; those of the last fit are in ``net_.callbacks_``. A copy is
        made by the constructor; where that does not store its arguments, as they are,
        as attributes of their names, all attributes are shared but those that end in an
        underscore. ``callbacks__name__parameter`` is a parameter of a callback, whose
        name, if not in a pair, is its class. Ignored when ``solver="lbfgs"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted, in the type they came in; the numbers of the labels where
        y is multilabel.

    coefs_ : list of ndarray of shape (n_units_in, n_units_out)
        Weights of the ``n_layers_ - 1`` dense layers, from the input to the output.
        With `intercepts_`, `activation` and `out_activation_` they compute what
        ``predict_proba`` does. In the type of numbers that `precision` says; on the CPU
        they share the memory of `net_`, elsewhere they are read-only. With
        ``normalization="batch"`` they are float64 and read-only, as it is folded into
        them; with "layer" they are absent, as dense layers cannot compute that.

    intercepts_ : list of ndarray of shape (n_units_out,)
        Biases of the same layers.

    n_outputs_ : int
        Number of outputs of the network: 1 for two classes, otherwise one for each
        class or label.

    out_activation_ : str
        Activation of the output: "softmax" for more than two classes, otherwise
        "logistic".

    n_layers_ : int
        Number of layers, the input and the output among them.

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

    estimators_ : list of estimators
        The networks, each an estimator of its own. Absent with ``n_estimators=1``. If
        there are several, `coefs_`, `intercepts_`, `net_`, `t_` and all curves are
        theirs and absent here; `n_iter_` is the largest of theirs, `loss_` the mean.

    See Also
    --------
    MLPRegressor : The same for numbers.
    AutoencoderTransformer : Reduces dimensions without labels.
    sknn_deep.inspection.LossCurveDisplay : Draws the curves of the training.
    sklearn.neural_network.MLPClassifier : The estimator this one takes the place of.

    Notes
    -----
    The loss of a row is the cross entropy: of softmax outputs for more than two
    classes, of one logistic output for two, of one for each label, summed, for
    multilabel y. A step of the training changes the weights so as to lower, over the
    rows i of a batch::

        sum_i s_i * loss_i / n  +  alpha / (2 * n) * ||W||^2

    where s_i are the sample weights, n is their sum, or the number of rows if they have
    no weights, and ``||W||^2`` is the sum of the squares of the weights of all dense
    layers, without their biases and what normalization learns.

    Weights and biases start uniformly distributed in ``+-sqrt(6 / (n_in + n_out))``
    [1]_, with 2 in place of 6 where ``activation="logistic"``. With the parameters that
    scikit-learn's ``MLPClassifier`` has, the same `random_state` gives the weights, the
    batches and, on the CPU, up to rounding the model that it gives there. Two things
    are different: there, rows of zero weight fill batches, and more than two classes
    are not stratified.

    Random numbers come from `random_state` alone. The global generators of torch and
    Python are neither used nor changed, and NumPy's gives one seed if `random_state` is
    None. Rows of zero weight are as if they were removed: they fill no batch and are
    not set aside. Only their labels count, among `classes_`.

    With ``early_stopping=True``, loss and score on the validation rows are recorded
    after each epoch, and the weights of the epoch with the best score are those that
    remain; `loss_` is still that of the last epoch. The rows set aside are stratified:
    two classes always, which needs two rows of each; more than two where each class has
    two rows and the set has room for all, otherwise the rows are drawn as they come.
    Multilabel y is not stratified.

    References
    ----------
    .. [1] Glorot, X. and Bengio, Y. "Understanding the difficulty of training deep
       feedforward neural networks." AISTATS 2010.
       https://proceedings.mlr.press/v9/glorot10a.html

    .. [2] Zhu, C., Byrd, R. H., Lu, P. and Nocedal, J. "Algorithm 778: L-BFGS-B." ACM
       Transactions on Mathematical Software 23 (1997), 550-560.
       https://doi.org/10.1145/279232.279236

    .. [3] Kingma, D. P. and Ba, J. "Adam: a method for stochastic optimization." ICLR
       2015. https://doi.org/10.48550/arXiv.1412.6980

    .. [4] Loshchilov, I. and Hutter, F. "Decoupled weight decay regularization." ICLR
       2019. https://doi.org/10.48550/arXiv.1711.05101

    .. [5] Smith, L. N. and Topin, N. "Super-convergence: very fast training of neural
       networks using large learning rates." 2018.
       https://doi.org/10.48550/arXiv.1708.07120

    .. [6] Loshchilov, I. and Hutter, F. "SGDR: stochastic gradient descent with warm
       restarts." ICLR 2017. https://doi.org/10.48550/arXiv.1608.03983

    .. [7] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov,
       R. "Dropout: a simple way to prevent neural networks from overfitting." Journal
       of Machine Learning Research 15 (2014), 1929-1958.
       https://jmlr.org/papers/v15/srivastava14a.html

    .. [8] Ioffe, S. and Szegedy, C. "Batch normalization: accelerating deep network
       training by reducing internal covariate shift." ICML 2015.
       https://doi.org/10.48550/arXiv.1502.03167

    .. [9] Ba, J. L., Kiros, J. R. and Hinton, G. E. "Layer normalization." 2016.
       https://doi.org/10.48550/arXiv.1607.06450

    .. [10] Szegedy, C. et al. "Rethinking the Inception architecture for computer
       vision." CVPR 2016. https://doi.org/10.48550/arXiv.1512.00567

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_deep import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
    >>> clf = MLPClassifier(
    ...     hidden_layer_sizes=(32, 16),
    ...     learning_rate="one_cycle",
    ...     learning_rate_init=0.01,
    ...     batch_size=32,
    ...     max_iter=30,
    ...     random_state=0,
    ... )
    >>> pipe = make_pipeline(StandardScaler(), clf).fit(X_train, y_train)
    >>> pipe.score(X_val, y_val) > 0.9
    True
    >>> pipe.predict_proba(X_val[:2]).shape
    (2, 3)

    Stop where the score on rows of one's own is best:

    >>> clf = MLPClassifier(early_stopping=True, tol=0.01, random_state=0)
    >>> clf = clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    >>> clf.best_validation_score_ == max(clf.validation_scores_)
    True
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        **ClassificationMixin._parameter_constraints,
    }

    @names_our_words
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
        n_estimators=1,
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
        self.n_estimators = n_estimators
        self.scoring = scoring
        self.max_time = max_time
        self.clip_grad_norm = clip_grad_norm
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
