"""A fitted estimator as a torch module that needs nothing else."""

import numpy as np
import torch
from torch import nn

from sknn_deep.conversion._export import Export, check_output
from sknn_deep.conversion._fitted_parts import parts_of
from sknn_deep.conversion._own_torch import has_own_module, own_sequence
from sknn_deep.conversion._torch_layers import make_sequence

OUTPUTS = ("predictions", "raw")


def to_torch(estimator, *, dtype=None, output="predictions") -> nn.Sequential:
    """Give a fitted estimator as a torch module, from raw features to what comes out.

    It is a copy on the CPU, in evaluation mode, of layers of ``torch.nn`` alone. Where
    these have none, for the exponential function of ``loss="poisson"``, for sorted
    quantiles, for the mean over an ensemble and for the columns of a table, one layer
    is a ``torch.fx.GraphModule``. It can be unpickled where torch is and sknn_deep is
    not.

    What is linear is part of the weights, which are computed in float64 and rounded
    once: steps before the network, batch normalization, ``normalize_y``. Dropout is
    left out. Two classes are told by a softmax over minus and plus half of the
    network's one output, which is the same as its logistic function.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, NetClassifier, NetRegressor, \
            AutoencoderTransformer, NeighborAutoencoder or Pipeline
        Fitted. The steps of a Pipeline may be these, StandardScaler, MinMaxScaler,
        MaxAbsScaler, RobustScaler, PCA, IncrementalPCA, TruncatedSVD, random
        projections, feature selection, "passthrough", Pipelines of them, and a
        FunctionTransformer that calls ``hidden_features``, ``transform`` or
        ``inverse_transform`` of a fitted network, or ``inverse_transform`` of one of
        these scalers.

        A network of one's own, of NetClassifier, NetRegressor or an autoencoder with
        halves of one's own, is taken too, alone, as an ensemble or as such a step: a
        copy of it is one of the layers, and whoever unpickles the result needs its
        class.

        So are TabularMLPClassifier and TabularMLPRegressor. Their columns are numbers,
        with NaN for missing ones; categories come as their places in `categories_`,
        with NaN for missing and -1 for unknown ones.

    dtype : torch.dtype or None, default=None
        ``torch.float32`` or ``torch.float64``, or the name of one, of weights and of
        what comes in and out.
        None is that of the network, float32 with ``precision="bfloat16"``.

    output : {"predictions", "raw"}, default="predictions"
        What comes out:

        - "predictions": of a classifier what ``predict_proba`` gives, columns in the
          order of ``classes_``; of a regressor what ``predict`` gives, in units of y;
          of an autoencoder what ``transform`` gives.
        - "raw": the same before the last activation, as softmax, logistic or
          exponential function; of two classes one column, that of the second.

    Returns
    -------
    module : torch.nn.Sequential
        Takes a tensor of shape (n_rows, n_features), or of the images and the like that
        a network of one's own takes, and of type `dtype`, and gives one
        of shape (n_rows, n_classes), (n_rows, n_outputs) or (n_rows, n_components).

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another estimator, or a Pipeline with another step.
    ValueError
        If float32 has too few digits: where a column, or y with ``normalize_y=True``,
        is so far from zero beside its spread that predictions would be off by more than
        some 1e-5 of theirs. ``dtype=torch.float64`` keeps them. Also if `dtype` or
        `output` is none of the above, or if raw outputs of an ensemble are asked for
        that predicts a mean of activated ones.

    See Also
    --------
    to_onnx : Writes the same for other runtimes.
    to_sklearn : Gives scikit-learn's own estimator.
    save : Saves the estimator itself.

    Examples
    --------
    >>> import torch
    >>> from sknn_deep import MLPRegressor, to_torch
    >>> reg = MLPRegressor(solver="lbfgs", max_iter=500, random_state=0)
    >>> reg = reg.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    >>> module = to_torch(reg)
    >>> with torch.no_grad():
    ...     print(module(torch.tensor([[1.5]], dtype=torch.float64)).shape)
    torch.Size([1, 1])
    """
    name = None if dtype is None else str(dtype).removeprefix("torch.")
    if name not in (None, "float32", "float64"):
        raise ValueError(
            "dtype of to_torch must be torch.float32, torch.float64, one of their "
            f"names or None. Got {dtype!r}."
        )
    check_output(output, OUTPUTS, "to_torch")
    export = Export(
        "to_torch",
        None if name is None else np.dtype(name),
        is_raw=output == "raw",
        wider="dtype=torch.float64",
    )
    with torch.device("cpu"):  # and not on the user's default device
        if has_own_module(estimator):
            return own_sequence(estimator, export)[0]
        parts, resolved, _ = parts_of(estimator, export)
        return make_sequence(parts, resolved).eval()
