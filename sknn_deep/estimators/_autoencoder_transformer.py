"""The autoencoder as a scikit-learn transformer."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array
from torch import nn

from sknn_deep._sklearn_private import (
    Interval,
    StrOptions,
    fit_context,
    partial_fit_context,
    with_callbacks,
)
from sknn_deep.data import (
    FitData,
    Samples,
    all_or_nothing,
    as_array_like,
    check_weights,
    column_means,
    errors_instead_of_overflow,
    explained_share,
    is_constant,
    of_the_validation_set,
    relative,
)
from sknn_deep.estimators._base import BaseNetEstimator, is_stochastic
from sknn_deep.estimators._dense_weights import DenseWeightsMixin
from sknn_deep.estimators._own_halves import OwnHalvesMixin
from sknn_deep.fitting import (
    LOSSES,
    are_columns_lost,
    make_loss,
    some_numbers,
)
from sknn_deep.modules import NOISES, Autoencoder
from sknn_deep.parameters import (
    ACTIVATION,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
    doubt_encoder_sizes,
    names_our_words,
)
from sknn_deep.rows import as_tensor

# How far scaling to [0, 1], by MinMaxScaler say, may leave it by rounding.
UNIT_RANGE_TOLERANCE = 1e-4


class AutoencoderTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    OwnHalvesMixin,
    DenseWeightsMixin,
    BaseNetEstimator,
):
    """Autoencoder that reduces dimensions.

    An encoder brings the features to a code of `n_components` numbers, a decoder brings
    the code back, and both are trained together, with PyTorch on a CPU or a GPU, so
    that the features come back as they were [10]_. It can be trained to remove noise,
    held to sparse codes, or be variational. What depends on the data are
    `n_components`, the hidden layers and, for X between 0 and 1,
    ``out_activation="logistic"``.

    Parameters
    ----------
    n_components : int in [1, inf), default=2
        Number of units of the code, to which ``transform`` reduces the features.

    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(128, 64)
        Number of units in each hidden layer of the encoder, from the input to the code.
        An int is one layer, ``()`` is none. The code is not among them: 784-128-32-8-2
        is ``(128, 32, 8)`` with ``n_components=2``.

    activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "identity", \
            "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", "silu", \
            "softplus", "softsign", "tanh"} or list of these, default="gelu"
        Activation function of the hidden layers: one of scikit-learn's, "identity",
        "logistic", "tanh" and "relu", or another of torch's. A list has one name for
        each hidden layer; in an autoencoder first the encoder's, then the decoder's.

    decoder_hidden_layer_sizes : int in [1, inf), array-like of int or None, \
            default=None
        Number of units in each hidden layer of the decoder, from the code to the
        output. None is the mirror image of `hidden_layer_sizes`.

    encoder : type of torch.nn.Module, callable, torch.nn.Module or None, default=None
        A network of one's own in the place of dense layers, with a `decoder`: a class,
        a callable that returns one, or one that is made, which is copied, weights and
        all. It takes rows of shape (n, n_features) and returns codes of shape (n,
        `n_components`), or twice as many columns if ``variational=True``: means, then
        logarithms of variances. Arguments of a constructor by the names
        ``n_features_in`` and ``n_components``, or ``n_outputs``, which are as many as
        it is to return, are filled in. What says how dense layers are made is then
        ignored: `hidden_layer_sizes`, `decoder_hidden_layer_sizes`, `activation`,
        `dropout`, `normalization`.

    decoder : type of torch.nn.Module, callable, torch.nn.Module or None, default=None
        The other half, which takes codes and returns as many numbers as there are
        features, in any shape. It may ask for ``n_components`` and ``n_outputs``, here
        the number of features. None stays None in the fit: ``inverse_transform``
        decodes, by `decoder_`.

    latent_activation : {"elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", \
            "identity", "leaky_relu", "logistic", "mish", "relu", "relu6", "selu", \
            "silu", "softplus", "softsign", "tanh"}, default="identity"
        Activation of the code. With "identity" no unit of it can die. Must be
        "identity" when ``variational=True``.

    out_activation : {"identity", "logistic"}, default="identity"
        Activation of the reconstruction. "logistic" is for X between 0 and 1.

    loss : {"squared_error", "absolute_error", "binary_cross_entropy"}, \
            default="squared_error"
        Error of the reconstruction, a mean over the features of a row.
        "binary_cross_entropy" is for X between 0 and 1, and makes `out_activation`
        "logistic".

    noise : {"gaussian", "masking"} or None, default=None
        What corrupts the rows that are encoded during training, while the clean ones
        are to be reconstructed [11]_: "gaussian" adds normal noise, "masking" sets
        features to zero. Must be None when ``solver="lbfgs"``.

    noise_level : float in [0, inf), default=0.1
        Standard deviation of the Gaussian noise, in units of X, or the probability with
        which a feature is masked, which must be below 1. Ignored when ``noise=None``.

    sparsity_penalty : float in [0, inf), default=0.0
        Weight of the mean absolute value of the code in the loss.

    variational : bool, default=False
        Whether the encoder gives mean and log-variance of a normal distribution, from
        which training draws the code [12]_; ``transform`` gives the mean. Must be False
        when ``solver="lbfgs"``.

    kl_weight : float in [0, inf), default=1.0
        Weight of the code's divergence from a standard normal distribution in the loss
        [13]_. Only used when ``variational=True``.

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

    alpha : float in [0, inf), default=0.0
        Strength of the L2 penalty on the weights, without the biases (the formula is in
        the Notes). With ``solver="adamw"`` it is the decoupled weight decay [4]_
        instead, which is no part of the loss.

    batch_size : int in [1, inf) or "auto", default="auto"
        Rows in a batch. "auto" is ``min(128, n_samples)``; a number above the number of
        rows is clipped to it, with a warning. Ignored when ``solver="lbfgs"``.

    learning_rate : {"constant", "invscaling", "adaptive", "one_cycle", "cosine", \
            "coslog4", "flat_cos"}, default="one_cycle"
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

    learning_rate_init : float in (0, inf), default=0.01
        Learning rate that `learning_rate` starts from; of "one_cycle" and what comes
        after it, the highest, which may be several times a constant one, and has to be
        with few epochs: 0.01 for instance. Ignored when ``solver="lbfgs"``.

    power_t : float in [0, inf), default=0.5
        Exponent of the schedule "invscaling". Only used when ``solver="sgd"`` and
        ``learning_rate="invscaling"``.

    max_iter : int in [1, inf), default=100
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

    scoring : {"loss"}, callable or None, default=None
        What the validation rows are scored by; higher is better. None is what ``score``
        returns (the variance explained), "loss" the negated validation loss. Otherwise
        it is a callable ``scorer(estimator, X, y)`` with ``y=None``, called with
        ``sample_weight`` too if the rows have weights. Ignored where there are no
        validation rows.

    max_time : float in (0, inf) or None, default=None
        Seconds after which no new epoch begins; this gives no ConvergenceWarning. None
        is no limit. Ignored when ``solver="lbfgs"``.

    clip_grad_norm : float in (0, inf) or None, default=1.0
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
    encoder_ : torch.nn.Module
        The encoder, from tensors of shape (n_rows, n_features) to codes; where
        ``variational=True``, to their means and, in as many columns more, their
        log-variances.

    decoder_ : torch.nn.Module
        The decoder, from codes of shape (n_rows, n_components) to reconstructions; with
        ``loss="binary_cross_entropy"``, to their log-odds.

    coefs_ : list of ndarray of shape (n_units_in, n_units_out)
        Weights of the ``n_layers_ - 1`` dense layers, from the input to the output.
        With `intercepts_`, `activation`, `latent_activation` of the layer that gives
        the code, and `out_activation_`, they compute what ``transform`` and then
        ``inverse_transform`` do. In the type of numbers that `precision` says; on the
        CPU they share the memory of `net_`, elsewhere they are read-only. With
        ``normalization="batch"`` they are float64 and read-only, as it is folded into
        them; with "layer" they are absent, as dense layers cannot compute that. What
        gives the log-variances where ``variational=True`` is not among them.

    intercepts_ : list of ndarray of shape (n_units_out,)
        Biases of the same layers.

    out_activation_ : str
        Activation of the reconstruction: "logistic" where `out_activation` or `loss`
        says so, otherwise "identity".

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

    See Also
    --------
    MLPClassifier : Multi-layer perceptron classifier.
    MLPRegressor : Multi-layer perceptron regressor.
    sknn_deep.inspection.LatentSpaceDisplay : Scatters the codes.
    sknn_deep.inspection.ReconstructionDisplay : Draws images and what comes back.
    sklearn.decomposition.PCA : Linear reduction of dimensions.

    Notes
    -----
    The loss of a row is the error of its reconstruction, a mean over the features: of
    the squared difference, of the absolute difference, or of the cross entropy. A step
    of the training changes the weights so as to lower, over the rows i of a batch::

        sum_i s_i * loss_i / n  +  penalties  +  alpha / (2 * n) * ||W||^2

    where s_i are the sample weights, n is their sum, or the number of rows if they have
    no weights, and ``||W||^2`` is the sum of the squares of the weights of all dense
    layers, without their biases and what normalization learns.

    The penalties are means over the rows with the same weights. One is
    ``sparsity_penalty * mean(|code|)``, the mean being over the components (of the mean
    code, where ``variational=True``). The other is ``kl_weight * KL / n_features``,
    where ``KL = sum(mean**2 + variance - 1 - log(variance)) / 2`` over the components.
    With ``kl_weight=1`` the negated evidence lower bound is thus lowered, divided by
    the number of features: exactly so with ``loss="binary_cross_entropy"``, and with
    ``loss="squared_error"`` for normal errors of variance 1/2.

    ``score`` is the share of variance explained: 1 for perfect reconstructions, 0 for
    those that are the mean of X, the same for X in other units. The validation loss is
    the error of the reconstruction alone, without noise, penalties and random codes.

    Weights and biases start uniformly distributed in ``+-sqrt(6 / (n_in + n_out))``
    [1]_, with 2 in place of 6 where ``activation="logistic"``. Random numbers come from
    `random_state` alone. The global generators of torch and Python are neither used nor
    changed, and NumPy's gives one seed if `random_state` is None. Rows of zero weight
    are as if they were removed: they fill no batch and are not set aside.

    With ``early_stopping=True``, loss and score on the validation rows are recorded
    after each epoch, and the weights of the epoch with the best score are those that
    remain; `loss_` is still that of the last epoch.

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

    .. [10] Hinton, G. E. and Salakhutdinov, R. R. "Reducing the dimensionality of data
       with neural networks." Science 313 (2006), 504-507.
       https://doi.org/10.1126/science.1127647

    .. [11] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. "Extracting and
       composing robust features with denoising autoencoders." ICML 2008.
       https://doi.org/10.1145/1390156.1390294

    .. [12] Kingma, D. P. and Welling, M. "Auto-encoding variational Bayes." ICLR 2014.
       https://doi.org/10.48550/arXiv.1312.6114

    .. [13] Higgins, I. et al. "beta-VAE: learning basic visual concepts with a
       constrained variational framework." ICLR 2017.
       https://openreview.net/forum?id=Sy2fzU9gl

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn_deep import AutoencoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> X = X[:500] / 16
    >>> autoencoder = AutoencoderTransformer(
    ...     n_components=8,
    ...     hidden_layer_sizes=(32,),
    ...     out_activation="logistic",
    ...     max_iter=20,
    ...     random_state=0,
    ... )
    >>> codes = autoencoder.fit_transform(X)
    >>> codes.shape
    (500, 8)
    >>> autoencoder.inverse_transform(codes).shape
    (500, 64)
    >>> 0.3 < autoencoder.score(X) < 1
    True

    A row unlike the others comes back worse than any of them:

    >>> stripes = [[0, 1] * 32]
    >>> bool(autoencoder.score_samples(stripes)[0] < autoencoder.score_samples(X).min())
    True
    """

    _auto_batch_size = 128

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", *TRAINING_CONSTRAINTS["max_iter"]],
        "decoder_hidden_layer_sizes": [
            "array-like",
            *TRAINING_CONSTRAINTS["max_iter"],
            None,
        ],
        **OwnHalvesMixin._parameter_constraints,
        "latent_activation": [ACTIVATION],
        "out_activation": [StrOptions({"identity", "logistic"})],
        "loss": [StrOptions(set(LOSSES))],
        "noise": [StrOptions(set(NOISES)), None],
        "noise_level": [Interval(Real, 0, None, closed="left")],
        "sparsity_penalty": [Interval(Real, 0, None, closed="left")],
        "variational": ["boolean"],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "scoring": [StrOptions({"loss"}), callable, None],
    }

    @names_our_words
    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(128, 64),
        activation="gelu",
        *,
        decoder_hidden_layer_sizes=None,
        encoder=None,
        decoder=None,
        latent_activation="identity",
        out_activation="identity",
        loss="squared_error",
        noise=None,
        noise_level=0.1,
        sparsity_penalty=0.0,
        variational=False,
        kl_weight=1.0,
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        power_t=0.5,
        max_iter=100,
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
        scoring=None,
        max_time=None,
        clip_grad_norm=1.0,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.decoder_hidden_layer_sizes = decoder_hidden_layer_sizes
        self.encoder = encoder
        self.decoder = decoder
        self.latent_activation = latent_activation
        self.out_activation = out_activation
        self.loss = loss
        self.noise = noise
        self.noise_level = noise_level
        self.sparsity_penalty = sparsity_penalty
        self.variational = variational
        self.kl_weight = kl_weight
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
        self.scoring = scoring
        self.max_time = max_time
        self.clip_grad_norm = clip_grad_norm
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks

    # --- fitting ---------------------------------------------------------------------

    @names_our_words
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Fit the autoencoder to X.

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

        y : object, default=None
            Ignored, but by a splitter as `validation_fraction`; it is there for
            Pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), \
                default=None
            Validation rows. With ``early_stopping=True`` they take the place of those
            that would be set aside; otherwise their loss and score are recorded and
            change nothing. Ignored when ``solver="lbfgs"``.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weight of each row of `X_val` in the validation loss and score.

        groups : array-like of shape (n_samples,), default=None
            Group of each row: numbers or strings, none of them missing. They go to the
            splitter that `validation_fraction` is; only used with one, and needed by
            those that keep groups together. Metadata routing brings them here after
            ``set_fit_request(groups=True)``.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, X outside [0, 1] with a logistic
            output among them, or if the training diverges: a weight or the training
            loss is not finite. With early stopping also if `groups` are passed and a
            number is `validation_fraction`, which ignores them, or if a splitter gets
            no groups that it needs, gives no rows to one part, the same row to both
            parts, or some row to neither.
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
        """
        self._fit_samples(X, y, sample_weight, X_val, sample_weight_val, groups)
        return self

    @names_our_words
    def fit_transform(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Fit the autoencoder to X, and encode X.

        The same as ``fit`` and then ``transform``, but X is checked and brought to the
        device once.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As in ``fit``.

        y : object, default=None
            Ignored; it is there for Pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            As in ``fit``. Rows of zero weight are encoded too.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), \
                default=None
            As in ``fit``.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            As in ``fit``.

        groups : array-like of shape (n_samples,), default=None
            As in ``fit``.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            What ``transform`` returns for X.

        Raises
        ------
        ValueError
            As ``fit``, or if what comes out is not finite; the estimator is fitted
            then.
        TypeError
            As ``fit``.

        Warns
        -----
        ConvergenceWarning
            As ``fit``.
        UserWarning
            As ``fit``.
        RuntimeWarning
            As ``fit``.
        """
        own = AutoencoderTransformer
        if type(self).fit is not own.fit or type(self).transform is not own.transform:
            fit_params = {
                "sample_weight": sample_weight,
                "X_val": X_val,
                "sample_weight_val": sample_weight_val,
                "groups": groups,
            }
            given = {k: v for k, v in fit_params.items() if v is not None}
            return super().fit_transform(X, y, **given)
        samples = self._fit_samples(
            X, y, sample_weight, X_val, sample_weight_val, groups
        )
        return self._encode_rows(samples.place(self.net_.placement))

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def _fit_samples(
        self, X, y, sample_weight, X_val, sample_weight_val, groups, **options
    ) -> Samples:
        """Fit, and give the checked samples."""
        with all_or_nothing(self):
            data = self._check_fit(
                X,
                y,
                sample_weight,
                X_val=X_val,
                sample_weight_val=sample_weight_val,
                **options,
            )
            self._fit(self._set_aside(data, X, y, groups))
        return data.samples

    @available_if(is_stochastic)
    @partial_fit_context
    def partial_fit(self, X, y=None, sample_weight=None):
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

        y : object, default=None
            Ignored, but by a splitter as `validation_fraction`; it is there for
            Pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each. A
            row of zero weight is as if it were not there.

        Returns
        -------
        self : AutoencoderTransformer
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
            a form that cannot be read, such as a sparse tensor.
        """
        with all_or_nothing(self):
            if self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            data = self._check_fit(X, y, sample_weight, incremental=True)
            return self._fit(data, incremental=True)

    def _check_fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        sample_weight_val=None,
        incremental=False,
    ):
        self._check_variant()
        first_pass = self._first_pass(incremental=incremental)
        samples = self._check_samples(X, sample_weight, reset=first_pass)
        valid = None
        if X_val is not None:
            with of_the_validation_set(X_val, self):
                valid = self._check_samples(X_val, sample_weight_val, reset=False)
        elif sample_weight_val is not None:
            raise ValueError(
                f"{type(self).__name__}.fit got sample_weight_val, but no X_val."
            )
        vars(self).pop("n_layers_", None)
        if self.encoder is None:
            encoder, decoder = self._hidden_layer_sizes()
            if first_pass:
                doubt_encoder_sizes(encoder, self)
            self.n_layers_ = len(encoder) + len(decoder) + 3
        self.out_activation_ = "logistic" if self._is_logistic() else "identity"
        # The cross entropy takes log-odds: it has the logistic function in itself.
        self._has_raw_output = self.loss == "binary_cross_entropy"
        return FitData(samples, valid)

    def _check_samples(self, X, sample_weight, *, reset: bool) -> Samples:
        X = self._check_rows(X, reset=reset)
        self._check_range(X)
        return Samples(X, None, check_weights(sample_weight, X))

    def _hidden_layer_sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        encoder = check_hidden_layer_sizes(self.hidden_layer_sizes)
        if self.decoder_hidden_layer_sizes is None:
            return encoder, encoder[::-1]
        return encoder, check_hidden_layer_sizes(
            self.decoder_hidden_layer_sizes, "decoder_hidden_layer_sizes"
        )

    def _is_logistic(self) -> bool:
        """Tell whether the reconstructions are between 0 and 1, as X has to be then."""
        return self.out_activation == "logistic" or self.loss == "binary_cross_entropy"

    def _check_variant(self) -> None:
        """Refuse combinations of parameters that contradict each other."""
        owner = type(self).__name__
        if (self.encoder is None) != (self.decoder is None):
            raise ValueError(
                f"{owner} takes an encoder and a decoder, or neither. Got "
                f"encoder={self.encoder!r} and decoder={self.decoder!r}."
            )
        if self.variational and self.latent_activation != "identity":
            raise ValueError(
                f"{owner} with variational=True has a normally distributed code: "
                "latent_activation must be 'identity'. Got "
                f"{self.latent_activation!r}."
            )
        if self.noise == "masking" and self.noise_level >= 1:
            raise ValueError(
                f"{owner} with noise='masking' takes noise_level as the probability "
                f"of a feature to be masked, in [0, 1). Got {self.noise_level}."
            )
        if self.solver == "lbfgs" and (self.noise is not None or self.variational):
            raise ValueError(
                f"solver='lbfgs' of {owner} needs a loss that depends on the weights "
                "alone: set noise=None and variational=False, or choose another "
                "solver."
            )

    def _check_range(self, X) -> None:
        if not self._is_logistic():
            return
        low, high = X.min(), X.max()
        if low < -UNIT_RANGE_TOLERANCE or high > 1 + UNIT_RANGE_TOLERANCE:
            raise ValueError(
                f"{type(self).__name__} with out_activation={self.out_activation!r} "
                f"and loss={self.loss!r} reconstructs values between 0 and 1, but X "
                f"ranges from {low:.8g} to {high:.8g}. Scale X with MinMaxScaler, or "
                "use out_activation='identity' with loss='squared_error'."
            )

    def _make_module(self, n_features):
        if self.encoder is not None:
            return self._make_own_module(n_features)
        owner = type(self).__name__
        encoder, decoder = self._hidden_layer_sizes()
        layers = len(encoder) + len(decoder)
        activations = check_activations(self.activation, layers, owner=owner)
        dropout = check_dropout(self.dropout, layers, owner=owner)
        return Autoencoder, {
            "encoder_units": (n_features, *encoder, self.n_components),
            "decoder_units": (self.n_components, *decoder, n_features),
            "activations": activations[: len(encoder)],
            "decoder_activations": activations[len(encoder) :],
            "dropout": dropout[: len(encoder)],
            "decoder_dropout": dropout[len(encoder) :],
            "normalization": self.normalization,
            **self._variant(),
        }

    def _variant(self) -> dict:
        """Give the arguments of the network that are not about layers."""
        out_activation = "identity" if self._has_raw_output else self.out_activation_
        return {
            "latent_activation": self.latent_activation,
            "out_activation": out_activation,
            "noise": self.noise,
            "noise_level": self.noise_level,
            "variational": self.variational,
            "returns_code": self.sparsity_penalty > 0,
        }

    def _make_criterion(self):
        return make_loss, {
            "loss": self.loss,
            "sparsity_penalty": self.sparsity_penalty,
            "kl_weight": self.kl_weight,
        }

    def _encode(self, samples):
        return None

    def _default_score(self, output, samples):
        X = samples.X if isinstance(samples.X, np.ndarray) else samples.X.toarray()
        weight = relative(samples.weight)
        error, variance = (
            np.average(((X - other) ** 2).mean(axis=1), weights=weight)
            for other in (output, column_means(X, weight))
        )
        return explained_share(error, 0.0 if is_constant(X, weight) else variance)

    def _convergence_advice(self, plan):
        advice = self._advise_on_columns(plan)
        if not advice or not plan.net.converged_:
            return advice
        samples, net = plan.samples, plan.net
        some = samples.take(some_numbers(samples.weight, len(samples)))
        rows = some.place(net.placement)
        output = self._activate(net.forward(rows, device=net.device))
        X = some.X if isinstance(some.X, np.ndarray) else some.X.toarray()
        return advice if are_columns_lost(X, output) else ""

    # --- transforming ----------------------------------------------------------------

    def transform(self, X):
        """Encode X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            The codes, or their means if ``variational=True``, in the type of numbers
            that `precision` says. ``set_output`` makes them a DataFrame.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        self._check_fitted()
        return self._encode_rows(self._check_rows(X, reset=False))

    def _encode_rows(self, X) -> np.ndarray:
        return self._map(self.net_.module_.encode, X, takes_sparse=True)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, such as ``transform`` gives.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The reconstructions, in the type of numbers that `precision` says.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with `n_components` columns.
        """
        self._check_fitted()
        with errors_instead_of_overflow():
            codes = check_array(
                as_array_like(X), dtype=(np.float64, np.float32), order="C"
            )
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} components, but {type(self).__name__} was "
                f"fitted with n_components={self._n_features_out}."
            )
        decode = self.net_.module_.decode
        return self._map(lambda code: self._in_range(decode(code)), codes)

    def score(self, X, y=None, sample_weight=None) -> float:
        """Return the share of X's variance that the reconstruction explains.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        y : object, default=None
            Ignored; it is there for Pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, not negative and not all zero. None is one for each.

        Returns
        -------
        score : float
            1 minus the sum of squared errors divided by the sum of squared deviations
            from the means of the features: 1 at best, 0 for the mean, negative for
            worse. Where X is constant, 1 if the reconstruction is exact and 0 if not.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        self._check_fitted()
        X = self._check_rows(X, reset=False)
        weight = relative(check_weights(sample_weight, X))
        mean = column_means(X, weight)
        error = np.average(self._squared_errors(X), weights=weight)
        variance = np.average(self._squared_deviations(X, mean), weights=weight)
        if is_constant(X, weight):
            variance = 0.0
        return float(explained_share(error, variance))

    def score_samples(self, X) -> np.ndarray:
        """Return the negated mean squared reconstruction error of each row.

        The sign is that of scikit-learn's outlier detectors: the lower, the more
        unusual.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Not above 0, means over the features, in the type of numbers that
            `precision` says.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix with the features that were fitted, or what
            comes out is not finite.
        """
        self._check_fitted()
        X = self._check_rows(X, reset=False)
        return -self._squared_errors(X)

    def _squared_errors(self, X) -> np.ndarray:
        module = self.net_.module_

        def error(block: torch.Tensor) -> torch.Tensor:
            return (self._in_range(module(block)) - block).square().mean(dim=1)

        return self._map(error, X)

    def _squared_deviations(self, X, mean: np.ndarray) -> np.ndarray:
        center = as_tensor(mean, device=self.net_.placement.device)
        return self._map(lambda block: (block - center).square().mean(dim=1), X)

    def _in_range(self, output: torch.Tensor) -> torch.Tensor:
        """Apply the output activation, where the network leaves it to the loss."""
        return torch.sigmoid(output) if self._has_raw_output else output

    def _activate(self, output):
        return self._in_range(output).cpu().numpy()

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.n_components

    @property
    def encoder_(self) -> nn.Module:
        """The encoder, a ``torch.nn.Module`` from features to codes."""
        self._check_fitted()
        return self.net_.module_.encoder

    @property
    def decoder_(self) -> nn.Module:
        """The decoder, a ``torch.nn.Module`` from codes to features."""
        self._check_fitted()
        return self.net_.module_.decoder

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        kept = {"auto": ["float64", "float32"], "float64": ["float64"]}
        tags.transformer_tags.preserves_dtype = kept.get(
            str(self.precision), ["float32"]
        )
        return tags
