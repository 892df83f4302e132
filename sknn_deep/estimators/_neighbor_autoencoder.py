"""The autoencoder whose code keeps neighbors together."""

from contextlib import nullcontext
from dataclasses import replace
from numbers import Integral, Real

import numpy as np

from sknn_deep._sklearn_private import Interval, StrOptions
from sknn_deep.data import FitData, check_connectivity
from sknn_deep.estimators._autoencoder_transformer import AutoencoderTransformer
from sknn_deep.fitting import CURVES, FitPlan, digest, make_neighbor_loss
from sknn_deep.modules import scaled_code
from sknn_deep.neighbors import NeighborGraph, PairOrders, find_neighbors
from sknn_deep.optimizers import SOLVERS
from sknn_deep.parameters import names_our_words
from sknn_deep.rows import Batches, as_tensor, place_targets

# What "auto" is: a share of the rows within bounds, and enough steps.
_BATCH_SHARE = 1 / 16
_BATCH_SIZES = (64, 512)
_MIN_EPOCHS = 20
_MIN_STEPS = 1200

# How many times as far as the weights' a step moves the code: in units of the kernel it
# is some tens wide. A power of two, which rounds nothing.
_CODE_SCALE = 4.0


class NeighborAutoencoder(AutoencoderTransformer):
    """Autoencoder whose code keeps neighbors together.

    An encoder brings the features to a code of `n_components` numbers, a decoder brings
    the code back. Both are trained together, so that the features come back as they
    were [10]_ and that the code of a row is near those of its nearest rows and away
    from those of others [11]_ [12]_ [13]_. With two components it is a picture as those
    of t-SNE and UMAP, with a ``transform`` of new rows and an ``inverse_transform`` of
    any point. What depends on the data are `n_components`, the hidden layers and, for X
    between 0 and 1, ``out_activation="logistic"``.

    Parameters
    ----------
    n_components : int in [1, inf), default=2
        Number of units of the code, to which ``transform`` reduces the features.

    hidden_layer_sizes : int in [1, inf) or array-like of int, default=(128, 64, 32)
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
        all. It takes rows of shape (n, n_features) and returns a quarter of the codes,
        of shape (n, `n_components`): the factor of 4 is a layer behind it. Arguments of
        a constructor by the names ``n_features_in`` and ``n_components``, or
        ``n_outputs``, which are as many, are filled in. What says how dense layers are
        made is then ignored: `hidden_layer_sizes`, `decoder_hidden_layer_sizes`,
        `activation`, `dropout`, `normalization`.

    decoder : type of torch.nn.Module, callable, torch.nn.Module or None, default=None
        The other half, which takes a quarter of the codes and returns as many numbers
        as there are features, in any shape. It may ask for ``n_components`` and
        ``n_outputs``, here the number of features. None stays None in the fit:
        ``inverse_transform`` decodes, by `decoder_`.

    latent_activation : {"identity"}, default="identity"
        Activation of the code, which is linear.

    out_activation : {"identity", "logistic"}, default="identity"
        Activation of the reconstruction. "logistic" is for X between 0 and 1.

    loss : {"squared_error", "absolute_error", "binary_cross_entropy"}, \
            default="squared_error"
        Error of the reconstruction, a mean over the features of a row.
        "binary_cross_entropy" is for X between 0 and 1, and makes `out_activation`
        "logistic".

    n_neighbors : int in [1, inf), default=15
        How many of the nearest rows are neighbors of a row; where there are fewer, all
        others are, with a warning beyond 15 rows. Ignored with a `connectivity`.

    neighbors_weight : float in [0, inf), default=1.0
        Weight of the neighbors' loss beside the error of the reconstruction.

    exaggeration : float in (0, inf), default=1.5
        How much more a neighbor attracts a row than all others of a batch repel it, as
        in t-SNE [15]_. Above 1, groups are denser and farther apart; 1 keeps more of
        what lies between them, and of texts it keeps more of the neighbors.

    metric : {"euclidean", "cosine"}, default="euclidean"
        Distance by which the nearest rows are found: "cosine" is for word counts, and
        embeddings of texts and images. Ignored with a `connectivity`.

    connectivity : callable or None, default=None
        A function of the rows that are trained on, as AgglomerativeClustering takes it,
        which gives a square sparse matrix: row j is a neighbor of row i where the entry
        (i, j) is not zero, however large it is. Such is
        ``functools.partial(kneighbors_graph, n_neighbors=15)``. None finds the nearest
        rows. ``fit`` takes a matrix too.

    noise : {"gaussian", "masking"} or None, default=None
        What corrupts the rows that are encoded during training, while the clean ones
        are to be reconstructed [14]_: "gaussian" adds normal noise, "masking" sets
        features to zero.

    noise_level : float in [0, inf), default=0.1
        Standard deviation of the Gaussian noise, in units of X, or the probability with
        which a feature is masked, which must be below 1. Ignored when ``noise=None``.

    sparsity_penalty : float in [0, inf), default=0.0
        Weight of the mean absolute value of the code in the loss.

    variational : bool, default=False
        Must be False: a code that is normally distributed would contradict one that
        keeps apart what is not near.

    kl_weight : float in [0, inf), default=1.0
        Ignored.

    solver : {"sgd", "adam", "adamw"}, torch.optim.Optimizer subclass or \
            functools.partial of one, default="adam"
        What updates the weights:

        - "sgd": stochastic gradient descent with `momentum`.
        - "adam": Adam [2]_.
        - "adamw": Adam with decoupled weight decay [3]_.
        - A subclass of ``torch.optim.Optimizer`` whose ``step`` needs no closure, or a
          ``functools.partial`` of one with arguments of its own. It is given
          `learning_rate_init` as ``lr``, unless the partial has an ``lr`` itself.

    alpha : float in [0, inf), default=0.0
        Strength of the L2 penalty on the weights, without the biases (the formula is in
        the Notes). With ``solver="adamw"`` it is the decoupled weight decay [3]_
        instead, which is no part of the loss.

    batch_size : int in [1, inf) or "auto", default="auto"
        Rows in a batch, with which as many of their neighbors come. "auto" is a
        sixteenth of the rows, from 64 to 512; a number above the number of rows is
        clipped to it, with a warning.

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

    learning_rate_init : float in (0, inf), default=0.01
        Learning rate that `learning_rate` starts from; of "one_cycle" and what comes
        after it, the highest, which may be several times a constant one, and has to be
        with few epochs: 0.01 for instance. Ignored when ``solver="lbfgs"``.

    power_t : float in [0, inf), default=0.5
        Exponent of the schedule "invscaling". Only used when ``solver="sgd"`` and
        ``learning_rate="invscaling"``.

    max_iter : int in [1, inf) or "auto", default="auto"
        Largest number of epochs, each of which takes every row once, together with one
        of its neighbors. "auto" is 20, or as many as make 1200 batches. Ignored by
        ``partial_fit``, which is one epoch.

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
        Ignored.

    dropout : float in [0, 1) or list of float, default=0.0
        Probability with which an output of a hidden layer is set to zero during
        training [6]_; the others are multiplied by ``1 / (1 - dropout)``. A list has
        one number for each hidden layer, in the order of `activation`. Must be 0 when
        ``solver="lbfgs"``.

    normalization : {"batch", "layer"} or None, default=None
        What comes between a hidden layer and its activation: "batch" normalizes each
        unit over the rows of a batch, and for prediction by running means [7]_; "layer"
        normalizes each row over its units [8]_. Must not be "batch" when
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
    encoder_ : torch.nn.Module
        The encoder, from tensors of shape (n_rows, n_features) to codes.

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
        them; with "layer" they are absent, as dense layers cannot compute that.

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

    neighbor_loss_curve_ : list of float
        What the neighbors' loss, without its weight, is in `loss_curve_`.

    validation_loss_curve_ : list of float or None
        Loss on the validation rows after each epoch, without any penalty. None without
        validation rows; absent with ``solver="lbfgs"``.

    validation_scores_ : list of float or None
        Score on the validation rows after each epoch (see `scoring`). None without
        validation rows; absent with ``solver="lbfgs"``.

    best_validation_score_ : float or None
        Highest of the validation scores. None without validation rows; absent with
        ``solver="lbfgs"``.

    batch_size_ : int
        Rows in a batch, without the neighbors that come with them.

    max_iter_ : int
        Largest number of epochs.

    n_iter_ : int
        Number of epochs of the last call of ``fit`` or ``partial_fit``, or of L-BFGS's
        iterations.

    t_ : int
        Number of rows trained on since the weights were new, counted again in each
        epoch, and with each row its neighbor.

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
    AutoencoderTransformer : Autoencoder that is trained on the reconstruction alone.
    sknn_deep.metrics.trustworthiness_scorer : How well neighbors are kept.
    sknn_deep.metrics.neighbors_accuracy_scorer : How well classes are told apart.
    sknn_deep.inspection.LatentSpaceDisplay : Scatters the codes.
    sknn_deep.inspection.ReconstructionDisplay : Draws images and what comes back.
    sklearn.manifold.TSNE : Embeds the rows that are fitted, and no others.

    Notes
    -----
    A batch has rows i and one neighbor j(i) of each, drawn at random. With z_i the code
    of row i, and the kernel ``q(i, k) = 1 / (1 + |z_i - z_k|^2)`` of t-SNE, the loss of
    the neighbors is a mean over the rows of a batch::

        sum_i s_i * (log(sum_k q(i, j(k))) - a * log(q(i, j(i)))) / sum_i s_i

    where s_i are the sample weights, j(k) the neighbors of all rows of the batch, and a
    is the `exaggeration`. Added to it are the error of the reconstruction of rows and
    neighbors, their ``sparsity_penalty * mean(|code|)`` and the L2 penalty as in
    AutoencoderTransformer. The unit of the code is thus the kernel's: a distance of 1
    is near, and one of 10 is far. In training a step moves the code 4 times as far as
    the weights would, which start accordingly: the code is 4 times what the encoder's
    weights give, and the decoder's get a quarter of it.

    In the first half of the steps j(i) is not a neighbor of i but where a random walk
    over neighbors of neighbors ends, of four steps at first, so that the random start
    does not tear apart what belongs together.

    The nearest rows are found exactly, with memory for a block of distances: among more
    than 50 features by their first 50 principal components, or those of TruncatedSVD
    where X is sparse. The time grows with the square of the rows. Above 200,000 they
    are found approximately [9]_ if pynndescent is installed. ``partial_fit`` finds them
    among the rows of the call. Rows that are set aside for validation are neighbors of
    none. A row that is repeated is its own neighbor, so that weights are not quite the
    same as repetition.

    ``score`` is the share of variance explained: 1 for perfect reconstructions, 0 for
    those that are the mean of X, the same for X in other units. The validation loss is
    the error of the reconstruction alone, without neighbors, noise and penalties. To
    stop by neighbors, pass ``scoring=trustworthiness_scorer``.

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

    .. [2] Kingma, D. P. and Ba, J. "Adam: a method for stochastic optimization." ICLR
       2015. https://doi.org/10.48550/arXiv.1412.6980

    .. [3] Loshchilov, I. and Hutter, F. "Decoupled weight decay regularization." ICLR
       2019. https://doi.org/10.48550/arXiv.1711.05101

    .. [4] Smith, L. N. and Topin, N. "Super-convergence: very fast training of neural
       networks using large learning rates." 2018.
       https://doi.org/10.48550/arXiv.1708.07120

    .. [5] Loshchilov, I. and Hutter, F. "SGDR: stochastic gradient descent with warm
       restarts." ICLR 2017. https://doi.org/10.48550/arXiv.1608.03983

    .. [6] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov,
       R. "Dropout: a simple way to prevent neural networks from overfitting." Journal
       of Machine Learning Research 15 (2014), 1929-1958.
       https://jmlr.org/papers/v15/srivastava14a.html

    .. [7] Ioffe, S. and Szegedy, C. "Batch normalization: accelerating deep network
       training by reducing internal covariate shift." ICML 2015.
       https://doi.org/10.48550/arXiv.1502.03167

    .. [8] Ba, J. L., Kiros, J. R. and Hinton, G. E. "Layer normalization." 2016.
       https://doi.org/10.48550/arXiv.1607.06450

    .. [9] Dong, W., Moses, C. and Li, K. "Efficient k-nearest neighbor graph
       construction for generic similarity measures." WWW 2011, 577-586.
       https://doi.org/10.1145/1963405.1963487

    .. [10] Hinton, G. E. and Salakhutdinov, R. R. "Reducing the dimensionality of data
       with neural networks." Science 313 (2006), 504-507.
       https://doi.org/10.1126/science.1127647

    .. [11] van der Maaten, L. "Learning a parametric embedding by preserving local
       structure." AISTATS 2009. https://proceedings.mlr.press/v5/maaten09a.html

    .. [12] Sainburg, T., McInnes, L. and Gentner, T. Q. "Parametric UMAP embeddings for
       representation and semisupervised learning." Neural Computation 33 (2021),
       2881-2907. https://doi.org/10.1162/neco_a_01434

    .. [13] Damrich, S., Boehm, J. N., Hamprecht, F. A. and Kobak, D. "From t-SNE to
       UMAP with contrastive learning." ICLR 2023.
       https://doi.org/10.48550/arXiv.2206.01816

    .. [14] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. "Extracting and
       composing robust features with denoising autoencoders." ICML 2008.
       https://doi.org/10.1145/1390156.1390294

    .. [15] Boehm, J. N., Berens, P. and Kobak, D. "Attraction-repulsion spectrum in
       neighbor embeddings." Journal of Machine Learning Research 23 (2022).
       https://doi.org/10.48550/arXiv.2007.08902

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn_deep import NeighborAutoencoder
    >>> from sknn_deep.metrics import neighbors_accuracy_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> autoencoder = NeighborAutoencoder(
    ...     hidden_layer_sizes=(32,),
    ...     out_activation="logistic",
    ...     max_iter=10,
    ...     random_state=0,
    ... )
    >>> autoencoder.fit(X[:1000]).transform(X[1000:]).shape
    (797, 2)
    >>> neighbors_accuracy_scorer(autoencoder, X[1000:], y[1000:]) > 0.7
    True

    Any point of the plane has features:

    >>> autoencoder.inverse_transform([[0.0, 0.0]]).shape
    (1, 64)
    """

    _curves = {**CURVES, "neighbor_loss_curve_": "train_neighbor_loss"}

    _parameter_constraints: dict = {
        **AutoencoderTransformer._parameter_constraints,
        "latent_activation": [StrOptions({"identity"})],
        # Each step has other pairs of rows, which L-BFGS cannot follow.
        "solver": [StrOptions(set(SOLVERS) - {"lbfgs"}), callable],
        "max_iter": [
            StrOptions({"auto"}),
            *AutoencoderTransformer._parameter_constraints["max_iter"],
        ],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "neighbors_weight": [Interval(Real, 0, None, closed="left")],
        "exaggeration": [Interval(Real, 0, None, closed="neither")],
        "metric": [StrOptions({"euclidean", "cosine"})],
        "connectivity": [callable, None],
    }

    @names_our_words
    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(128, 64, 32),
        activation="gelu",
        *,
        decoder_hidden_layer_sizes=None,
        encoder=None,
        decoder=None,
        latent_activation="identity",
        out_activation="identity",
        loss="squared_error",
        n_neighbors=15,
        neighbors_weight=1.0,
        exaggeration=1.5,
        metric="euclidean",
        connectivity=None,
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
        max_iter="auto",
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
        clip_grad_norm=None,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
    ):
        super().__init__(
            n_components=n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            decoder_hidden_layer_sizes=decoder_hidden_layer_sizes,
            encoder=encoder,
            decoder=decoder,
            latent_activation=latent_activation,
            out_activation=out_activation,
            loss=loss,
            noise=noise,
            noise_level=noise_level,
            sparsity_penalty=sparsity_penalty,
            variational=variational,
            kl_weight=kl_weight,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            dropout=dropout,
            normalization=normalization,
            scoring=scoring,
            max_time=max_time,
            clip_grad_norm=clip_grad_norm,
            device=device,
            precision=precision,
            compile=compile,
            callbacks=callbacks,
        )
        self.n_neighbors = n_neighbors
        self.neighbors_weight = neighbors_weight
        self.exaggeration = exaggeration
        self.metric = metric
        self.connectivity = connectivity

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
        connectivity=None,
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

        connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples), \
                default=None
            Neighbors for this fit, where they are not to be found: row j is one of row
            i where the entry (i, j) is not zero. The diagonal is left out, and a row
            without neighbors is away from all. It takes the place of the constructor's
            `connectivity`, which is for cross-validation: that cuts rows of X.

        Returns
        -------
        self : NeighborAutoencoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, X outside [0, 1] with a logistic
            output among them, or if the training diverges: a weight or the training
            loss is not finite, or if `connectivity` is not square or has other rows
            than X. With early stopping also if `groups` are passed and a
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
            If there are more than 200,000 rows to find the neighbors of and pynndescent
            is not installed, if `batch_size` is clipped, if the validation score was no
            number in any epoch, if the user interrupts the training, which keeps what
            was learnt, if a ``TimeSeriesSplit`` or a predefined split has rows in
            neither part, if `X_val` is not on the scale of X, or, once in a process, if
            torchrun started several.
        RuntimeWarning
            If a step cannot be captured as a CUDA graph, which makes it slower only.
        """
        self._fit_samples(
            X,
            y,
            sample_weight,
            X_val,
            sample_weight_val,
            groups,
            connectivity=connectivity,
        )
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
        connectivity=None,
    ):
        """Fit the autoencoder to X, and encode X.

        The same as ``fit`` and then ``transform``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As in ``fit``.

        y : object, default=None
            As in ``fit``.

        sample_weight : array-like of shape (n_samples,), default=None
            As in ``fit``. Rows of zero weight are encoded too.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), \
                default=None
            As in ``fit``.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            As in ``fit``.

        groups : array-like of shape (n_samples,), default=None
            As in ``fit``.

        connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples), \
                default=None
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
        fit_params = {
            "sample_weight": sample_weight,
            "X_val": X_val,
            "sample_weight_val": sample_weight_val,
            "groups": groups,
            "connectivity": connectivity,
        }
        given = {k: v for k, v in fit_params.items() if v is not None}
        return self.fit(X, y, **given).transform(X)

    def _check_fit(self, X, y=None, sample_weight=None, connectivity=None, **options):
        data = super()._check_fit(X, y, sample_weight, **options)
        if connectivity is None:
            return data
        owner = f"connectivity in {type(self).__name__}.fit"
        graph = check_connectivity(connectivity, len(data.samples), owner=owner)
        return replace(data, connectivity=graph)

    def _check_variant(self) -> None:
        if self.variational:
            raise ValueError(
                f"{type(self).__name__} keeps apart what is not near, which a code "
                "that is normally distributed contradicts: set variational=False, or "
                "use AutoencoderTransformer."
            )
        super()._check_variant()

    def _make_module(self, n_features):
        module, arguments = super()._make_module(n_features)
        own = {} if self.encoder is None else {"code_factor": _CODE_SCALE}
        return module, {**arguments, **own, "returns_code": True}

    def _make_criterion(self):
        return make_neighbor_loss, {
            "loss": self.loss,
            "neighbors_weight": self.neighbors_weight,
            "exaggeration": self.exaggeration,
            "sparsity_penalty": self.sparsity_penalty,
        }

    def _resolve_sizes(self, n_rows: int) -> tuple[int, int]:
        batch_size, n_epochs = self.batch_size, self.max_iter
        if batch_size == "auto":
            batch_size = int(np.clip(n_rows * _BATCH_SHARE, *_BATCH_SIZES))
        if n_epochs == "auto":
            n_batches = -(-n_rows // min(batch_size, n_rows))
            n_epochs = max(_MIN_EPOCHS, -(-_MIN_STEPS // n_batches))
        return batch_size, n_epochs

    def _plan_fit(self, data: FitData, *, incremental=False) -> FitPlan:
        is_new = self._first_pass(incremental=incremental)
        plan = super()._plan_fit(data, incremental=incremental)
        if is_new and self.encoder is None:
            plan.net.module_.multiply_code(_CODE_SCALE)
        return plan

    def _train(self, plan: FitPlan) -> None:
        # Halves of one's own have the factor as layers.
        scaled = nullcontext()
        if self.encoder is None:
            scaled = scaled_code(plan.net.module_, _CODE_SCALE)
        with scaled:
            super()._train(plan)

    def _make_batches(
        self, net, data, rows, *, n_epochs, random_state, generator
    ) -> Batches:
        samples, recipe, place = data.samples, net.recipe, net.placement
        graph = self._find_graph(data, rows)
        orders = PairOrders(
            graph,
            batch_size=min(recipe.batch_size, len(graph)),
            n_epochs=n_epochs,
            shuffle=recipe.shuffle,
            random_state=random_state,
            device=place.device,
        )
        return Batches(
            samples.place(place),
            *place_targets(None, samples.weight, place),
            batch_size=2 * recipe.batch_size,
            permute=orders,
            subset=None if rows is None else as_tensor(rows, device=place.device),
            n_rows=2 * len(graph),
        )

    def _find_graph(self, data: FitData, rows: np.ndarray | None) -> NeighborGraph:
        """Give the neighbors among the rows to train on."""
        if data.connectivity is not None:
            graph = data.connectivity
            return NeighborGraph.of_matrix(
                graph if rows is None else graph[rows][:, rows]
            )
        owner = type(self).__name__
        X = data.samples.X if rows is None else data.samples.X[rows]
        if self.connectivity is not None:
            graph = self.connectivity(X)
            what = f"what connectivity of {owner} returns"
            graph = check_connectivity(graph, X.shape[0], owner=what)
            return NeighborGraph.of_matrix(graph)
        return find_neighbors(
            X, self.n_neighbors, self.metric, verbose=self.verbose, owner=owner
        )

    def _identity(self, plan: FitPlan) -> dict[str, str]:
        graph = plan.run.batches.permute.graph
        return {"the neighbors": digest(graph.indptr, graph.indices)}

    def _end_fit(self, plan: FitPlan):
        recipe = plan.net.recipe
        self.batch_size_, self.max_iter_ = recipe.batch_size, recipe.max_iter
        return super()._end_fit(plan)
