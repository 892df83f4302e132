"""A fitted estimator as an ONNX file."""

from numbers import Integral

import numpy as np

from sknn_deep.persistence._files import replace_file
from sknn_deep.persistence._parts import Export, parts_of
from sknn_deep.persistence._torch import check_output

_DTYPES = ("float32", "float64")
_DEFAULT_OPSET = 17
_MIN_OPSET = 14  # the first with HardSwish


def to_onnx(
    estimator, path, *, target_opset=None, dtype="float32", output="predictions"
) -> None:
    """Write a fitted estimator as an ONNX model [1]_, for runtimes without Python.

    The model computes what the module of ``to_torch`` does, by the same layers: a
    classifier with one hidden layer behind a StandardScaler is Gemm, Relu, Gemm,
    Softmax, and ArgMax for the label. Its input is called "X", of shape (n_rows,
    n_features) with any number of rows.

    The file is written beside `path` and moved there once it is complete.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, AutoencoderTransformer, \
            NeighborAutoencoder or Pipeline
        Fitted. The steps of a Pipeline may be those that ``to_torch`` takes.

    path : str or os.PathLike
        File to write or to replace. Its folder must exist.

    target_opset : int or None, default=None
        Version of ONNX's operators, from 14, or 17 with ``normalization="layer"``, to
        the newest of the installed onnx. None is 17, which most runtimes know.

    dtype : {"float32", "float64"}, default="float32"
        Type of X, of weights and of what comes out. With "float64", activations for
        which onnxruntime has no operator in that type are computed in float32: all but
        "identity", "logistic", "tanh", "relu", "relu6", "hardtanh" and "silu".

    output : {"predictions", "raw", "reconstructions"}, default="predictions"
        What comes out:

        - "predictions": of a classifier "label", what ``predict`` gives, and
          "probabilities", what ``predict_proba`` gives; of a regressor "predictions",
          of shape (n_rows, n_outputs); of an autoencoder "codes", what ``transform``
          gives. Labels are int64, float64 or strings, as ``classes_`` are; True and
          False are 1 and 0.
        - "raw": one output called "raw", the same before the last activation, as
          softmax, logistic or exponential function; of two classes one column, that of
          the second.
        - "reconstructions": of an autoencoder one output of that name, what
          ``inverse_transform`` gives; the input "X" has codes.

    Raises
    ------
    ImportError
        If onnx is missing; the extra ``onnx`` has it.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another estimator, or a Pipeline with another step, or a classifier of
        labels that are neither numbers nor strings.
    ValueError
        If float32 has too few digits: where a column, or y with ``normalize_y=True``,
        is so far from zero beside its spread that predictions would be off by more than
        some 1e-5 of theirs. ``dtype="float64"`` keeps them. Also if `target_opset`,
        `dtype` or `output` is none of the above, or if raw outputs of an ensemble are
        asked for that predicts a mean of activated ones.
    FileNotFoundError, IsADirectoryError
        If the folder of `path` is missing, or `path` is a folder itself.

    See Also
    --------
    to_torch : Gives the same as a torch module.
    to_sklearn : Gives scikit-learn's own estimator.
    save : Saves the estimator itself.

    References
    ----------
    .. [1] https://onnx.ai

    Examples
    --------
    >>> import sknn_deep
    >>> clf = sknn_deep.MLPClassifier(solver="lbfgs", max_iter=500, random_state=0)
    >>> clf = clf.fit([[0.0], [1.0]], ["no", "yes"])
    >>> sknn_deep.to_onnx(clf, "clf.onnx")  # doctest: +SKIP
    """
    make_model = _import_make_model()
    opset = _check_opset(target_opset)
    if dtype not in _DTYPES:
        raise ValueError(
            f"dtype of to_onnx must be one of {', '.join(map(repr, _DTYPES))}. Got "
            f"{dtype!r}."
        )
    check_output(output, "to_onnx")
    export = Export(
        "to_onnx",
        np.dtype(dtype),
        is_raw=output == "raw",
        is_inverse=output == "reconstructions",
        wider='dtype="float64"',
    )
    parts, _, network = parts_of(estimator, export)
    model = make_model(parts, network, export, opset)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def _import_make_model():
    """Import what needs onnx, which takes long and is an extra."""
    try:
        from sknn_deep.persistence._onnx_graph import make_model
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx: install it with python -m pip install "
            '"sknn-deep[onnx]".'
        ) from error
    return make_model


def _check_opset(target_opset) -> int:
    from onnx.defs import onnx_opset_version

    opset = _DEFAULT_OPSET if target_opset is None else target_opset
    newest = onnx_opset_version()
    if not isinstance(opset, Integral) or not _MIN_OPSET <= opset <= newest:
        raise ValueError(
            f"target_opset of to_onnx must be an int from {_MIN_OPSET} to {newest}, or "
            f"None. Got {target_opset!r}."
        )
    return int(opset)
