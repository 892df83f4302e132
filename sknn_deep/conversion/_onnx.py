"""A fitted estimator as an ONNX file."""

from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sknn_deep._files import check_path, replace_file
from sknn_deep.conversion._export import Export, check_output
from sknn_deep.conversion._fitted_parts import has_parts, parts_of
from sknn_deep.conversion._network_parts import is_own, is_table_estimator
from sknn_deep.conversion._onnx_inputs import inputs_of
from sknn_deep.conversion._own_torch import has_own_parts, own_sequence
from sknn_deep.conversion._skl2onnx import (
    missing_message,
    networks_in,
    takes_a_table,
)

_DTYPES = ("float32", "float64")
_OUTPUTS = ("predictions", "probabilities", "raw")
_DEFAULT_OPSET = 17
_DEFAULT_OWN_OPSET = 18
_MIN_OPSET = 14  # the first with HardSwish


def to_onnx(
    estimator,
    path,
    X=None,
    *,
    target_opset=None,
    dtype="float32",
    output="predictions",
) -> None:
    """Write a fitted estimator as an ONNX model [1]_, for runtimes without Python.

    A network, alone or behind linear steps in a Pipeline, is written as what the module
    of ``to_torch`` is: a classifier with one hidden layer behind a StandardScaler is
    Gemm, Relu, Gemm, Softmax, and ArgMax for the label. The input is called "X", of
    shape (n_rows, n_features) with any number of rows.

    A network of one's own, alone or behind linear steps, is written by torch's own
    exporter [3]_, which follows its ``forward`` and needs onnxscript, of the extra
    ``onnx``. X is then of the shape that was fitted, with any number of rows, and with
    ``input_dtype="keep"`` whole numbers are int64.

    TabularMLPClassifier and TabularMLPRegressor are written alone, from the columns of
    the table on: one input for each, of shape (n_rows, 1) and of its name, of strings
    where its categories are strings, and otherwise of numbers, NaN for missing ones. If
    the columns have no names, they are called "x0", "x1" and so on, or, if all are
    numbers, there is one input "X". A missing string is "nan", "None" or "<NA>".

    All else that holds a network, as a Pipeline with a ColumnTransformer, a
    VotingClassifier, a CalibratedClassifierCV or a search, is converted by skl2onnx
    [2]_, of the extra ``skl2onnx``, with its converters of scikit-learn's steps. Those
    of OneHotEncoder, SimpleImputer, KBinsDiscretizer and of a FunctionTransformer that
    calls a method of a network are this package's own.

    The file is written beside `path` and moved there once it is complete.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, NetClassifier, NetRegressor, \
            AutoencoderTransformer, NeighborAutoencoder, Pipeline or another estimator \
            that holds one of these
        Fitted.

    path : str or os.PathLike
        File to write or to replace. Its folder must exist.

    X : array-like of shape (n_rows, n_features) or None, default=None
        A few rows of what `estimator` was fitted to, for skl2onnx. Only needed where
        columns are chosen by name, or are not all numbers. The file then has one input
        for each column of a table, of shape (n_rows, 1) and of its name: numbers are of
        type `dtype`, whatever they are in the table, and all else is strings, in which
        "nan" is a missing one, as onnxruntime writes NaN. None is one input "X" of
        numbers.

    target_opset : int or None, default=None
        Version of ONNX's operators, from 14, or 17 with ``normalization="layer"``, to
        the newest of the installed onnx. None is 17, which most runtimes know, or 18
        with a network of one's own, below which torch's exporter fails with some.

    dtype : {"float32", "float64"}, default="float32"
        Type of the numbers that come in and out, and of weights. With "float64",
        activations for which onnxruntime has no operator in that type are computed in
        float32: all but "identity", "logistic", "tanh", "relu", "relu6", "hardtanh" and
        "silu".

    output : {"predictions", "probabilities", "raw"}, default="predictions"
        What comes out:

        - "predictions": of a classifier "label", what ``predict`` gives, and
          "probabilities", what ``predict_proba`` gives; of a regressor "predictions",
          of shape (n_rows, n_outputs); of an autoencoder "codes", what ``transform``
          gives. After a FunctionTransformer that calls ``inverse_transform`` of an
          autoencoder or ``hidden_features`` of another network it is "reconstructions"
          or "hidden_features". Labels are int64, float64 or strings, as ``classes_``
          are; True and False are 1 and 0.
        - "raw": one output called "raw", the same before the last activation, as
          softmax, logistic or exponential function; of two classes one column, that of
          the second.
        - "probabilities": of a classifier these alone, for runtimes without strings or
          without ArgMax.

        skl2onnx writes predictions only.

    Raises
    ------
    ImportError
        If onnx, onnxscript or skl2onnx is missing, where it is needed; the extras
        ``onnx`` and ``skl2onnx`` have them.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it holds no network, or a step that skl2onnx cannot convert, or a network of
        one's own that torch cannot export, or not for any number of rows; or a
        classifier of labels that are neither numbers nor strings; or if X does not show
        whether a column is numbers or strings, or `path` is no path.
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
    sknn_deep.persistence.register_skl2onnx : Makes skl2onnx know the estimators.
    save : Saves the estimator itself.

    References
    ----------
    .. [1] https://onnx.ai
    .. [2] https://onnx.ai/sklearn-onnx/
    .. [3] https://docs.pytorch.org/docs/stable/onnx.html

    Examples
    --------
    >>> import sknn_deep
    >>> clf = sknn_deep.MLPClassifier(solver="lbfgs", max_iter=500, random_state=0)
    >>> clf = clf.fit([[0.0], [1.0]], ["no", "yes"])
    >>> sknn_deep.to_onnx(clf, "clf.onnx")  # doctest: +SKIP
    """
    check_path(path, call="to_onnx(estimator, path, X)")
    opset = _check_opset(target_opset, estimator)
    if dtype not in _DTYPES:
        raise ValueError(
            f"dtype of to_onnx must be one of {', '.join(map(repr, _DTYPES))}. Got "
            f"{dtype!r}."
        )
    check_output(output, _OUTPUTS, "to_onnx")
    export = Export(
        "to_onnx",
        np.dtype(dtype),
        is_raw=output == "raw",
        wider='dtype="float64"',
    )
    if has_parts(estimator) or not any(networks_in(estimator)):
        model = _model_of_parts(estimator, export, opset, output)
    elif has_own_parts(estimator):
        model = _model_of_own(estimator, export, opset, output)
    else:
        model = _model_by_skl2onnx(estimator, X, export, opset, output)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def _check_opset(target_opset, estimator) -> int:
    """Import onnx, which takes long and is an extra, and check the opset."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx: install it with python -m pip install "
            '"sknn-deep[onnx]".'
        ) from error
    opset = target_opset
    if opset is None:
        has_own = any(map(is_own, networks_in(estimator)))
        opset = _DEFAULT_OWN_OPSET if has_own else _DEFAULT_OPSET
    newest = onnx.defs.onnx_opset_version()
    if not isinstance(opset, Integral) or not _MIN_OPSET <= opset <= newest:
        raise ValueError(
            f"target_opset of to_onnx must be an int from {_MIN_OPSET} to {newest}, or "
            f"None. Got {target_opset!r}."
        )
    return int(opset)


def _model_of_parts(estimator, export: Export, opset: int, output: str):
    from sknn_deep.conversion._onnx_graph import make_model
    from sknn_deep.conversion._tabular_onnx import make_table_model

    parts, _, step = parts_of(estimator, export)
    _check_probabilities(estimator, step, output)
    make = make_table_model if is_table_estimator(estimator) else make_model
    return make(parts, step, export, opset, has_label=output == "predictions")


def _model_of_own(estimator, export: Export, opset: int, output: str):
    from sknn_deep.conversion._own_onnx import make_own_model

    sequence, step = own_sequence(estimator, export)
    _check_probabilities(estimator, step, output)
    has_label = output == "predictions"
    return make_own_model(estimator, sequence, step, export, opset, has_label=has_label)


def _check_probabilities(estimator, step, output: str) -> None:
    if output == "probabilities" and not is_classifier(step):
        raise ValueError(
            f'to_onnx with output="probabilities": this {type(estimator).__name__} '
            f"ends in no classifier, but in {type(step).__name__}."
        )


def _model_by_skl2onnx(estimator, X, export: Export, opset: int, output: str):
    check_is_fitted(estimator)
    if output != "predictions":
        raise ValueError(
            f"to_onnx gives output={output!r} of a network and linear steps before it. "
            f"Got {type(estimator).__name__} with others: pass the network's own step, "
            "or use register_skl2onnx and skl2onnx with its options."
        )
    for network in networks_in(estimator):
        is_fitted = hasattr(network, "n_features_in_")  # and no template of a search
        if is_fitted and not is_own(network):
            parts_of(network, export)  # raises what only this package knows
    try:
        from sknn_deep.conversion.skl2onnx_converters import convert_whole
    except ImportError as error:
        raise ImportError(missing_message("to_onnx")) from error
    return convert_whole(
        estimator,
        inputs_of(estimator, X),
        export.dtype,
        opset,
        lacks_rows=X is None and takes_a_table(estimator),
    )
