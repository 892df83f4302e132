"""A fitted estimator as an ONNX file."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sklearn.pipeline import Pipeline
from torch import nn

from sknn_deep.estimators import AutoencoderTransformer, MLPClassifier
from sknn_deep.persistence._files import replace_file
from sknn_deep.persistence._torch import make_module


def to_onnx(estimator, path) -> None:
    """Write a fitted estimator as an ONNX model [1]_, for runtimes without Python.

    The model computes what the module of ``to_torch`` does, in float32; predictions of
    a regressor with ``normalize_y=True`` come in float64 all the same. Its input is
    called "X", of shape (n_rows, n_features) with any number of rows; its output is
    called "probabilities", "predictions" or "codes", of what ``predict_proba``,
    ``predict`` or ``transform`` gives.

    The file is written beside `path` and moved there once it is complete.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, AutoencoderTransformer or Pipeline
        Fitted. The steps of a Pipeline may be these, StandardScaler, MinMaxScaler,
        MaxAbsScaler, "passthrough", and Pipelines of them.

    path : str or os.PathLike
        File to write or to replace. Its folder must exist.

    Raises
    ------
    ImportError
        If onnx or onnxscript is missing; the extra ``onnx`` has them.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another estimator, or a Pipeline with such a step.
    FileNotFoundError, IsADirectoryError
        If the folder of `path` is missing, or `path` is a folder itself.

    See Also
    --------
    to_torch : Gives the same as a torch module.
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
    _check_packages()
    module = make_module(estimator, torch.float32)
    n_features = next(
        m for m in module.modules() if isinstance(m, nn.Linear)
    ).in_features
    with _silence(), torch.device("cpu"):
        example = torch.zeros(2, n_features)
        program = torch.onnx.export(
            module,
            (example,),
            input_names=["X"],
            output_names=[_output_name(estimator)],
            dynamic_shapes=({0: torch.export.Dim("n_rows")},),
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    _clear_traces(model)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def _clear_traces(message) -> None:
    """Drop what the exporter notes of how the model came about.

    It names files of this machine in the stack trace of each node, and takes several
    times the room of a small network.
    """
    for name in ("metadata_props", "doc_string"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = [value] if hasattr(value, "ListFields") else value
            for part in parts:
                _clear_traces(part)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what the exporter says about its own code and missing packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _check_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx and onnxscript: install them with python -m pip "
            'install "sknn-deep[onnx]".'
        ) from error


def _output_name(estimator) -> str:
    if isinstance(estimator, Pipeline):
        return _output_name(estimator.steps[-1][1])
    if isinstance(estimator, MLPClassifier):
        return "probabilities"
    return "codes" if isinstance(estimator, AutoencoderTransformer) else "predictions"
