"""The classifier with a network of the user's own."""

from sknn_deep.estimators._classification import ClassificationMixin
from sknn_deep.estimators._own_net import BaseOwnNet
from sknn_deep.fitting import check_probabilities, check_raw, check_shape
from sknn_deep.modules import (
    PROBABILITY_LOSSES,
    RAW_LOSSES,
    RawOutputLoss,
    as_columns,
    is_loss_class,
    n_binary_outputs,
)


class NetClassifier(ClassificationMixin, BaseOwnNet):
    """Classifier with a network of one's own.

    Any ``torch.nn.Module`` that returns one raw output for each class, trained as an
    ``MLPClassifier`` is: labels of any kind, sample and class weights, validation,
    ``partial_fit``, searches, ensembles, files.

    Parameters
    ----------
    module : type of torch.nn.Module, callable or torch.nn.Module
        The network: a class of one, a callable that returns one, or one itself. A class
        or a callable is called at each fit, with torch's generator seeded by
        `random_state`, so that its weights are drawn by that. One that is made already
        is copied, weights and all, and never changed. Parameters of the constructor are
        passed as ``module__name``. Those that it has by one of these names are filled
        in if they are not: ``n_features_in`` (columns of X), ``input_shape`` (shape of
        a row, ``X.shape[1:]``), ``n_outputs``
        (what the loss needs: one for each class or label, and one for two classes) and
        ``n_classes``.
        It returns raw outputs (logits), without a softmax or sigmoid in the end: of
        shape (n, n_classes), for two classes also (n, 1) or (n,) for the second one;
        for multilabel y (n, n_labels).

    criterion : type of torch.nn.Module, callable or None, default=None
        The loss. None is the cross entropy. A class of torch's, such as
        ``nn.MultiMarginLoss``, is made with ``reduction="none"`` and with arguments
        that are passed as ``criterion__name``. Another callable takes (output, target)
        and returns one loss for each row. The mean over the rows, with their weights,
        is taken here.
        The target is class numbers, int64 of shape (n,), or 0 and 1 in floating point
        for two classes with one output and for multilabel y. With ``nn.NLLLoss`` and
        ``nn.BCELoss`` the module returns probabilities, as in skorch.

    input_dtype : {"float", "keep"}, default="float"
        What becomes of whole numbers and bool in X: "float" makes them the floating
        point numbers that are computed in (see `precision`); "keep" passes them as they
        are, as ``nn.Embedding`` needs them, or images of ``uint8`` that the network
        itself divides by 255.

    solver : {"lbfgs", "sgd", "adam", "adamw"}, torch.optim.Optimizer subclass or \
            functools.partial of one, default="adam"
        What updates the weights:

        - "lbfgs": SciPy's L-BFGS-B [1]_, which takes all rows at once, so that a sparse
          X that is made dense is so as a whole, and computes in float64. Good for small
          data. It needs a loss without random numbers: no dropout and no batch
          normalization.
        - "sgd": stochastic gradient descent with `momentum`.
        - "adam": Adam [2]_.
        - "adamw": Adam with decoupled weight decay [3]_.
        - A subclass of ``torch.optim.Optimizer`` whose ``step`` needs no closure, or a
          ``functools.partial`` of one with arguments of its own. It is given
          `learning_rate_init` as ``lr``, unless the partial has an ``lr`` itself.

    alpha : float in [0, inf), default=0.0001
        Strength of the L2 penalty on all parameters of two dimensions or more, which
        are weights and not biases or what normalization learns (the formula is in the
        Notes of MLPClassifier). With ``solver="adamw"`` it is the decoupled weight
        decay [3]_ instead, which is no part of the loss.

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
          ``learning_rate_init / 250000`` [4]_.
        - "cosine": along half a cosine from `learning_rate_init` down to 0 [5]_.
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
        Where all random numbers come from: the initial weights that the module draws,
        the rows set aside for validation, the order of the rows, and what the module
        draws in training by torch's functions, such as dropout. An int gives the same
        model at each call of ``fit`` on one machine. None draws one seed from NumPy's
        global generator.

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

    label_smoothing : float in [0, 1), default=0.0
        Share of each row's target that is spread evenly over all classes; with logistic
        outputs 0 and 1 are moved that far towards 1/2. Only with ``criterion=None``.

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
        Type of the numbers that are computed with and returned; the module's parameters
        are brought to it. "auto" is float64 on the CPU if X is, and float32 elsewhere,
        for whole numbers too. "bfloat16" is mixed precision: products in bfloat16,
        weights and what is returned in float32.

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

    **module__arguments : object
        Arguments of the module, as ``module__name``, and of the loss, as
        ``criterion__name``: parameters like all others, also in ``set_params`` and in
        grids. ``solver__param_groups=[("backbone.*", {"lr": 1e-4})]`` lets parameters
        whose names match begin with another learning rate than `learning_rate_init`,
        which then goes up and down as the others do.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted, in the type they came in; the numbers of the labels where
        y is multilabel.

    n_outputs_ : int
        Number of outputs of the network: 1 for two classes, otherwise one for each
        class or label.

    out_activation_ : str
        Activation of the output: "softmax" for more than two classes, otherwise
        "logistic".

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
        ``X.shape[1]``, as scikit-learn counts it.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features of X. Absent if X has no names, or not only strings.

    input_shape_ : tuple of int
        Shape of a row, ``X.shape[1:]``.

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
    NetRegressor : The same for numbers.
    MLPClassifier : Makes the network itself, of dense layers.
    sknn_deep.modules.ConvNet : A network for images.

    Notes
    -----
    Gradients come from autograd, and all else from where an MLPClassifier has it:
    solvers, schedules, stopping, weights of rows, validation, curves. Parameters with
    ``requires_grad=False`` stay as they are; skorch's ``Freezer`` and ``Unfreezer``
    among the `callbacks` work.

    Before a fit, some of its first rows pass the network, which is put back
    afterwards: what it returns is checked, its work is counted, and a UserWarning says
    if it draws random numbers that `random_state` cannot govern. torch's global
    generators are as before after each call.

    References
    ----------
    .. [1] Zhu, C., Byrd, R. H., Lu, P. and Nocedal, J. "Algorithm 778: L-BFGS-B." ACM
       Transactions on Mathematical Software 23 (1997), 550-560.
       https://doi.org/10.1145/279232.279236

    .. [2] Kingma, D. P. and Ba, J. "Adam: a method for stochastic optimization." ICLR
       2015. https://doi.org/10.48550/arXiv.1412.6980

    .. [3] Loshchilov, I. and Hutter, F. "Decoupled weight decay regularization." ICLR
       2019. https://doi.org/10.48550/arXiv.1711.05101

    .. [4] Smith, L. N. and Topin, N. "Super-convergence: very fast training of neural
       networks using large learning rates." 2018.
       https://doi.org/10.48550/arXiv.1708.07120

    .. [5] Loshchilov, I. and Hutter, F. "SGDR: stochastic gradient descent with warm
       restarts." ICLR 2017. https://doi.org/10.48550/arXiv.1608.03983

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from sknn_deep import NetClassifier
    >>> class Net(torch.nn.Module):
    ...     def __init__(self, n_outputs, width=16):
    ...         super().__init__()
    ...         self.conv = torch.nn.Conv2d(1, width, 3)
    ...         self.output = torch.nn.Linear(width * 6 * 6, n_outputs)
    ...
    ...     def forward(self, X):
    ...         return self.output(self.conv(X.unsqueeze(1)).relu().flatten(1))
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 8, 8).astype("float32") / 16
    >>> clf = NetClassifier(
    ...     Net,
    ...     module__width=8,
    ...     learning_rate="one_cycle",
    ...     learning_rate_init=0.01,
    ...     max_iter=10,
    ...     random_state=0,
    ... )
    >>> clf.fit(images[:1500], y[:1500]).score(images[1500:], y[1500:]) > 0.85
    True
    """

    _parameter_constraints: dict = {
        **ClassificationMixin._parameter_constraints,
        **BaseOwnNet._parameter_constraints,
    }

    def __init__(
        self,
        module,
        *,
        criterion=None,
        input_dtype="float",
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
        **module__arguments,
    ):
        self.module = module
        self.criterion = criterion
        self.input_dtype = input_dtype
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
        self._set_arguments(module__arguments)

    def _asked_for(self, n_features):
        known = super()._asked_for(n_features)
        if self._target.kind == "binary":
            known["n_outputs"] = n_binary_outputs(self.criterion)
        return {**known, "n_classes": len(self.classes_)}

    def _make_criterion(self):
        if self.criterion is None:
            self._refuse_criterion_arguments()
            loss, arguments = super()._make_criterion()
            return RawOutputLoss, {
                "loss": loss,
                "n_outputs": self._target.n_outputs,
                "arguments": arguments,
            }
        if self.label_smoothing:
            raise ValueError(
                f"label_smoothing={self.label_smoothing!r} of {type(self).__name__} "
                "goes with criterion=None alone. Pass it to the loss, as "
                "criterion__label_smoothing."
            )
        return self._torch_loss(has_classes=True)

    def _convergence_advice(self, plan):
        return super()._convergence_advice(plan) if self.criterion is None else ""

    def _check_raw_output(self, net, output, last_operation):
        n_rows, n_outputs = len(output) if output.ndim else 0, self._target.n_outputs
        shapes = [(n_rows, n_outputs)]
        if self._target.kind == "binary":
            shapes = [(n_rows, 2), (n_rows, 1), (n_rows,)]
        check_shape(output, shapes, net=net)
        if is_loss_class(self.criterion, PROBABILITY_LOSSES):
            check_probabilities(output, last_operation, self.criterion, net=net)
        elif self.criterion is None or is_loss_class(self.criterion, RAW_LOSSES):
            check_raw(output, last_operation, net=net)

    def _activate(self, output):
        columns = as_columns(output, output.shape[-1] if output.ndim == 2 else 1)
        if is_loss_class(self.criterion, PROBABILITY_LOSSES):
            has_both = self._target.kind == "binary" and columns.shape[1] == 2
            return (columns[:, 1:] if has_both else columns).cpu().numpy()
        return super()._activate(as_columns(output, self._target.n_outputs))
