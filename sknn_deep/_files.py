"""Files that are whole, or as they were before."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def check_path(path, *, call: str) -> None:
    """Refuse what is no path, mostly another argument of the same `call`."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path of {call} must be a str or a Path. Got {type(path).__name__}: pass "
            "the arguments in this order, or by their names."
        )


@contextmanager
def replace_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Give a file to write, which takes the place of `path` when all is written.

    It lies in the same folder until then. If the writing fails, it is removed; if the
    process or the machine dies, it may stay, and `path` is as it was.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    _check_place(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _check_place(target: Path) -> None:
    """Raise the system's errors about what was asked for, not about the other file."""
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent)
        )
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))


def _sync_folder(folder: Path) -> None:
    """Make the new name last, where a folder can be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
