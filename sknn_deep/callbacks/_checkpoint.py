"""A fit that another process can go on with."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sknn_deep._files import replace_file
from sknn_deep.persistence import ModelFileError
from sknn_deep.persistence._container import (
    Container,
    open_for_reading,
    write_container,
)
from sknn_deep.persistence._data import Decoder, Encoder, dump_json
from sknn_deep.training import StateKeeper, TrainingState


class Checkpoint(StateKeeper):
    """Keeps the state of a fit after each epoch, and goes on from it.

    Where a fit was killed, the same fit in another process, by the same parameters and
    the same data, begins with the epoch after the last whole one, and ends with the
    model that the first fit would have ended with. All that the next epoch depends on
    is kept: weights, those of the best epoch with early stopping, the optimizer, how
    far a schedule is, random numbers, what decides on stopping, the history, and what
    other callbacks have learnt.

    When the fit has ended, by its last epoch or because nothing improved any more, its
    state stays: the same fit again gives the same model at once. Another fit then
    replaces it. A fit that Ctrl-C, `max_time` or a callback has ended goes on if it is
    started again.

    It does nothing in ``partial_fit``.

    Parameters
    ----------
    dirname : str or os.PathLike
        Folder of the files; it is made if it is not there. It is for one fit at a time,
        but for the networks of an ensemble, whose files have names of their own.

    fn_prefix : str, default="checkpoint_"
        What the names of the files begin with; the ``random_state`` and ".sknn" follow.

    Attributes
    ----------
    path_ : pathlib.Path
        The last file. It has no pickle and no code in it, and holds no data of the fit
        but digests.

    Raises
    ------
    ValueError
        From ``fit``, if the folder has an unfinished state of another fit, or the file
        is damaged, if ``random_state`` is not an integer, or if another fit is using
        the folder.

    See Also
    --------
    sknn_deep.save : Saves a fitted model.
    skorch.callbacks.Checkpoint : Saves the weights of single epochs.

    Examples
    --------
    >>> import tempfile
    >>> from sknn_deep import MLPRegressor
    >>> from sknn_deep.callbacks import Checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reg = MLPRegressor(
    ...         hidden_layer_sizes=(4,),
    ...         learning_rate="cosine",
    ...         max_iter=3,
    ...         callbacks=[Checkpoint(folder)],
    ...         random_state=0,
    ...     )
    ...     reg = reg.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    ...     again = reg.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    >>> again.net_.n_resumed_
    3
    """

    def __init__(self, dirname, fn_prefix="checkpoint_"):
        self.dirname = dirname
        self.fn_prefix = fn_prefix

    @contextmanager
    def watch(self, seed: int, identity: dict[str, str]) -> Iterator["Checkpoint"]:
        folder = Path(self.dirname)
        folder.mkdir(parents=True, exist_ok=True)
        self.path_ = folder / f"{self.fn_prefix}{seed}.sknn"
        self._identity = identity
        with lock(folder):
            for rest in folder.glob(f".{self.path_.name}.*.tmp"):  # of a killed process
                rest.unlink()
            yield self

    def restore(self, state: TrainingState) -> None:
        if not self.path_.exists():
            return
        kept = read_state(self.path_)
        differing = [
            name
            for name in {**kept["identity"], **self._identity}
            if kept["identity"].get(name) != self._identity.get(name)
        ]
        if not differing:
            state.load_state_dict(kept["state"])
        elif not kept["state"]["is_finished"]:
            raise ValueError(
                f"{self.path_} has the unfinished training of another fit. What "
                f"differs: {self._compare(kept['identity'], differing)}. Fit as before "
                "to go on with it, or remove the file, or choose another dirname for "
                "Checkpoint."
            )

    def _compare(self, kept: dict[str, str], differing: list[str]) -> str:
        def tell(name: str) -> str:
            before, now = (i.get(name, "none") for i in (kept, self._identity))
            is_readable = name in kept and len(before) + len(now) < 100
            return f"{name} (now {now}, was {before})" if is_readable else name

        return ", ".join(map(tell, differing))

    def keep(self, state: TrainingState) -> None:
        write_state(
            self.path_, {"identity": self._identity, "state": state.state_dict()}
        )


def write_state(path: Path, content: dict[str, Any]) -> None:
    """Write data to a file that is whole at any moment."""
    encoder = Encoder(lambda value, where, encoder: None)
    document = dump_json(encoder.encode(content, "The state of the training"))
    with replace_file(path) as file:
        write_container(file, document, encoder.arrays)


def read_state(path: Path) -> dict[str, Any]:
    """Read what :func:`write_state` wrote."""
    with open_for_reading(path) as file:
        try:
            container = Container(file)
            document = json.loads(container.read_document())
            content = Decoder(container, {}).decode(document)
            content["identity"], content["state"]["is_finished"]
        except Exception as error:
            reason = error if isinstance(error, ModelFileError) else repr(error)
            raise ModelFileError(
                f"{path} cannot be gone on with: {reason}. Remove it to start anew."
            ) from error
    return content


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Refuse a folder that another fit is using; a killed process leaves no lock.

    Where the system or the file system has no such locks, nothing is refused.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Checkpoint's dirname {str(folder)!r} is in use by another fit. Give "
                "each fit a folder of its own."
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
