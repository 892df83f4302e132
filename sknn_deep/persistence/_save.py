"""Write a fitted estimator to a file."""

import warnings

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknn_deep._files import check_path, replace_file
from sknn_deep._sklearn_private import BaseSearchCV
from sknn_deep.persistence._container import write_container
from sknn_deep.persistence._data import Encoder, dump_json, may_have_text
from sknn_deep.persistence._estimators import (
    encode_estimator,
    is_ours,
    refuse_own_class,
)
from sknn_deep.persistence._scikit_learn import encode_model
from sknn_deep.persistence._splitters import encode_splitter


def save(estimator, path) -> None:
    """Save an estimator as data, to be loaded by ``sknn_deep.load``.

    The file has no pickle in it, and no code. Weights and other arrays are in the
    safetensors format [1]_, which other programs read too; all else is JSON, and what
    is scikit-learn's is written by skops [2]_. A digest of all is in its header.

    It is written beside `path` and moved there once it is complete and on the disk: a
    crash at any moment leaves the file that was there before.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, AutoencoderTransformer, \
            NeighborAutoencoder or Pipeline
        Fitted or not; alone, or in a Pipeline, a ColumnTransformer or another estimator
        of scikit-learn. What is scikit-learn's needs the extra ``persistence``.

    path : str or os.PathLike
        File to write or to replace. Its folder must exist.

    Raises
    ------
    TypeError
        If it is a search, whose ``best_estimator_`` can be saved, or if something
        cannot be saved as data: a class of one's own that is made of one of these
        estimators, callbacks, a function of one's own as `scoring` or `connectivity`, a
        splitter that is not scikit-learn's, an optimizer that is not one of
        ``torch.optim``, a network whose layers were changed after the fit, a function
        of one's own in a Pipeline, a step of scikit-learn that keeps more than numbers,
        strings, arrays and lists of them, such as trees. Also if `path` is no path.
    ValueError
        If a parameter is not valid, or if there are more names, labels and other small
        values than ``load`` would read (some 100,000 strings, and more where the
        weights are large).
    ImportError
        If skops is needed and missing.
    FileNotFoundError, IsADirectoryError
        If the folder of `path` is missing, or `path` is a folder itself.

    Warns
    -----
    UserWarning
        If the estimator is not fitted.

    See Also
    --------
    load : Loads the file.
    to_torch : Gives the network as a plain torch module.
    to_onnx : Writes the network for other runtimes.

    References
    ----------
    .. [1] https://github.com/huggingface/safetensors

    .. [2] https://skops.readthedocs.io/en/stable/persistence.html

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sknn_deep
    >>> reg = sknn_deep.MLPRegressor(solver="lbfgs", max_iter=500, random_state=0)
    >>> reg = reg.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn_deep.save(reg, Path(folder) / "reg.sknn")
    ...     again = sknn_deep.load(Path(folder) / "reg.sknn")
    >>> bool(again.predict([[3.0]]) == reg.predict([[3.0]]))
    True
    """
    check_path(path, call="save(estimator, path)")
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            "save takes an estimator of sknn_deep, or one of scikit-learn with such "
            f"estimators in it. Got {type(estimator).__name__}."
            + _advise_on_module(estimator)
        )
    if isinstance(estimator, BaseSearchCV):
        raise TypeError(
            f"save takes the model that a {type(estimator).__name__} found, not the "
            "search: save(search.best_estimator_, path), which refit=True (the "
            "default) gives. cv_results_ is a table for pandas."
        )
    encoder = Encoder(_encode_object)
    document = dump_json(_encode_object(estimator, "", encoder))
    n_bytes = sum(array.nbytes for array in encoder.arrays.values())
    if not may_have_text(len(document), n_bytes + len(document)):
        raise ValueError(
            f"This {type(estimator).__name__} has more names, labels and lists than "
            f"can be loaded within twice the memory of its file: {len(document)} bytes "
            "of text. Use pickle, for files that nobody else can write."
        )
    with replace_file(path) as file:
        write_container(file, document, encoder.arrays)
    if not _is_fitted(estimator):
        warnings.warn(
            f"This {type(estimator).__name__} is not fitted: the file has its "
            "parameters alone.",
            stacklevel=2,
        )


def _advise_on_module(value) -> str:
    """Say how a torch module is kept, which says nothing of labels and shapes."""
    if not isinstance(value, nn.Module):
        return ""
    return (
        " A module by itself is kept by torch.save(module.state_dict(), path); fitted "
        "as NetClassifier(module) or NetRegressor(module), save takes it."
    )


def _is_fitted(estimator: BaseEstimator) -> bool:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def _encode_object(value, where: str, encoder: Encoder) -> dict | None:
    """Encode what is no plain value; `where` is what it is in, "" if it is all."""
    if is_ours(value):
        return encode_estimator(value, where, encoder)
    refuse_own_class(value, where or f"This {type(value).__name__}")
    if isinstance(value, BaseEstimator) and not isinstance(value, type):
        return encode_model(value, where, encoder)
    return encode_splitter(value, where, encoder)
