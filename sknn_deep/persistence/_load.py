"""Read an estimator from a file."""

import json
from io import BufferedReader
from typing import Any

import torch
from sklearn.base import BaseEstimator

from sknn_deep.machine import resolve_device
from sknn_deep.persistence import (
    _estimators,
    _references,
    _scikit_learn,
    _splitters,
)
from sknn_deep.persistence._container import Container, open_for_reading
from sknn_deep.persistence._data import Decoder, may_have_text
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._references import known_by_name


def load(path, *, device=None, modules=()):
    """Load an estimator that ``sknn_deep.save`` wrote.

    It predicts the same numbers, and goes on in ``partial_fit`` where it was. Nothing
    in the file is run, not even one that was made to do harm: a file is data, and what
    does not fit the format is refused. While it is loaded, the process takes no more
    memory than twice the file and 50 MB, and some 15 kB for each layer.

    Parameters
    ----------
    path : str or os.PathLike
        File to read.

    device : str, torch.device or None, default=None
        Where the networks are to be: "cpu", "cuda", "auto" or another of torch's. It
        becomes the parameter `device` too, unless that is "auto". None is where they
        were trained, or where that device is missing, the CPU.

    modules : sequence of torch.nn.Module classes, modules or functions, default=()
        What the file names as the networks and losses of NetClassifier, NetRegressor
        and AutoencoderTransformer: the classes, or the functions that make them, or
        where the parameter `module` was one that is made, such a module. They are
        called with the arguments that are in the file. Those of
        ``sknn_deep.modules`` and torch's own losses need not be given. Nothing is
        imported by its name.

    Returns
    -------
    estimator : object
        What was saved, without the callbacks of its training.

    Raises
    ------
    sknn_deep.persistence.ModelFileError
        If the file was not written by ``sknn_deep.save``, is damaged, was changed, has
        another version of the format, or holds types that are unknown, or names a
        module that is not among `modules`. It is a ValueError.
    OSError
        If there is no such file, or it cannot be opened.
    ImportError
        If the file holds parts of scikit-learn, and skops is missing.
    ValueError
        If `device` is not there.
    TypeError
        If `modules` has something else among them.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        If the file holds parts of scikit-learn and was saved with another version of
        it.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sknn_deep
    >>> clf = sknn_deep.MLPClassifier(solver="lbfgs", max_iter=500, random_state=0)
    >>> clf = clf.fit([[0.0], [1.0]], ["no", "yes"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn_deep.save(clf, Path(folder) / "clf.sknn")
    ...     again = sknn_deep.load(Path(folder) / "clf.sknn", device="cpu")
    >>> again.predict([[1.5]])
    array(['yes'], dtype='<U3')
    """
    if device is not None:
        device = resolve_device(device, owner="load")
    table = known_by_name(modules)
    with open_for_reading(path) as file:
        try:
            return _read(file, device, table)
        except Exception as error:
            if isinstance(error, ImportError) and error.name == "skops":
                raise
            is_ours = isinstance(error, ModelFileError)
            reason = error if is_ours else f"it is not as save writes it ({error!r})"
            raise ModelFileError(f"{path} cannot be loaded: {reason}.") from error


def _read(
    file: BufferedReader, device: torch.device | None, modules: dict[str, Any]
) -> BaseEstimator:
    container = Container(file)
    document = container.read_document()
    is_small = may_have_text(len(document), container.n_bytes)
    if not document.isascii() or not is_small:
        raise ModelFileError("it has more names, labels and lists than is safe to read")
    decoder = Decoder(
        container,
        {
            _estimators.KIND: lambda entry, decoder: _estimators.decode_estimator(
                entry, decoder, device
            ),
            _scikit_learn.KIND: lambda entry, decoder: _scikit_learn.decode_model(
                entry, decoder.decode
            ),
            _splitters.KIND: _splitters.decode_splitter,
            _references.KIND: _references.make_decode_reference(modules),
        },
    )
    model = decoder.decode(json.loads(document))
    if not isinstance(model, BaseEstimator):
        raise ModelFileError("it holds no estimator")
    return model
