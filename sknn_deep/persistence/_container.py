"""The file: a document and arrays in the safetensors format, with a digest.

The layout is that of https://github.com/huggingface/safetensors#format: the length of
the header in 8 bytes, the header as JSON, and the arrays one after the other. It is
read and written here, and not by the library of that name, so that no more than one
array at a time is in memory beside the model, and that nothing is used before the
digest of the whole file has been checked.
"""

import hashlib
import json
import math
import os
import stat
from io import BufferedReader
from typing import BinaryIO

import numpy as np

from sknn_deep.persistence._errors import ModelFileError

VERSION = "1"
MAX_HEADER_BYTES = 2**21
# How pickles begin, those of joblib too, but for those that it compresses.
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))

_DOCUMENT = "document"
_DTYPES: dict[str, np.dtype] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_CHUNK_BYTES = 2**20


def can_hold(dtype: np.dtype) -> bool:
    """Tell whether arrays of this type can be written."""
    return dtype.newbyteorder("<") in _NAMES


def write_container(
    file: BinaryIO, document: bytes, arrays: dict[str, np.ndarray]
) -> None:
    """Write `arrays`, and `document` as one of bytes."""
    blocks = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        for name, array in arrays.items()
    }
    blocks[_DOCUMENT] = np.frombuffer(document, np.uint8)
    # The largest types first, so that every array is aligned.
    order = sorted(blocks, key=lambda name: -blocks[name].itemsize)
    entries, start = {}, 0
    for name in order:
        stop = start + blocks[name].nbytes
        entries[name] = {
            "dtype": _NAMES[blocks[name].dtype],
            "shape": list(np.shape(arrays.get(name, blocks[name]))),
            "data_offsets": [start, stop],
        }
        start = stop
    chunks = [memoryview(blocks[name].reshape(-1).view(np.uint8)) for name in order]
    digest = hashlib.sha256(_header(entries, None))
    for chunk in chunks:
        digest.update(chunk)
    header = _header(entries, digest.hexdigest())
    if len(header) > MAX_HEADER_BYTES:
        raise ValueError(
            f"A model of {len(arrays)} arrays is more than a file of sknn_deep can "
            "list. Save its parts in files of their own."
        )
    file.write(len(header).to_bytes(8, "little"))
    file.write(header)
    for chunk in chunks:
        file.write(chunk)


def _header(entries: dict, digest: str | None) -> bytes:
    """Write the one text that a header of these entries may have."""
    metadata = {"format": "sknn_deep", "version": VERSION}
    if digest is not None:
        metadata["sha256"] = digest
    text = json.dumps(
        {"__metadata__": metadata, **entries}, sort_keys=True, separators=(",", ":")
    ).encode("ascii")
    return text + b" " * (-len(text) % 8)


class Container:
    """An open file whose digest is right.

    Attributes
    ----------
    n_bytes : int
        Size of the file.
    """

    def __init__(self, file: BufferedReader):
        self._file = file
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError("it is not a regular file")
        self.n_bytes = status.st_size
        self._entries, self._data_start = self._read_header()
        self._check_offsets()
        self._was_read: set[str] = set()

    def _read_header(self) -> tuple[dict, int]:
        first = self._file.read(8)
        length = int.from_bytes(first, "little")
        if not 0 < length <= min(MAX_HEADER_BYTES, self.n_bytes - 8):
            if first.startswith(_PICKLES):
                raise ModelFileError(
                    "it is a pickle, which may run any code: of a file that you trust, "
                    "joblib.load or pickle.load reads what joblib.dump or pickle.dump "
                    "wrote"
                )
            raise ModelFileError("it does not begin as a file of sknn_deep does")
        raw = self._file.read(length)
        header = json.loads(raw)
        metadata = header.pop("__metadata__")
        if metadata["format"] != "sknn_deep":
            raise ModelFileError("it does not begin as a file of sknn_deep does")
        if metadata["version"] != VERSION:
            raise ModelFileError(
                f"it has the format version {metadata['version']!r}, and this "
                f"sknn_deep reads version {VERSION!r}: use the sknn_deep that wrote it"
            )
        digest = hashlib.sha256(_header(header, None))
        while chunk := self._file.read(_CHUNK_BYTES):
            digest.update(chunk)
        if raw != _header(header, digest.hexdigest()):
            raise ModelFileError(
                "its digest is not that of its contents: it was damaged or changed"
            )
        return header, 8 + length

    def _check_offsets(self) -> None:
        """Hold the arrays to filling the file, without gaps and overlaps."""
        position = 0
        entries = self._entries.values()
        for entry in sorted(entries, key=lambda entry: entry["data_offsets"]):
            start, stop = entry["data_offsets"]
            n_bytes = math.prod(entry["shape"]) * _DTYPES[entry["dtype"]].itemsize
            is_shape = all(type(n) is int and n >= 0 for n in entry["shape"])
            if not is_shape or start != position or stop != start + n_bytes:
                raise ModelFileError("its arrays do not lie where its header says")
            position = stop
        if self._data_start + position != self.n_bytes:
            raise ModelFileError("its arrays do not lie where its header says")

    def read_document(self) -> bytes:
        return self.read(_DOCUMENT).tobytes()

    def describe(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Give the shape and the type of an array without reading it."""
        entry = self._entries[name]
        return tuple(entry["shape"]), _DTYPES[entry["dtype"]]

    def read(self, name: str) -> np.ndarray:
        array = np.empty(*self.describe(name))
        self.read_into(name, array)
        return array

    def read_into(self, name: str, array: np.ndarray) -> None:
        """Read an array into the memory of a C-contiguous one of its shape and type."""
        if (array.shape, array.dtype) != self.describe(name):
            raise ModelFileError("an array of it has not the shape that it should have")
        if name in self._was_read:  # copies would take more memory than the file
            raise ModelFileError("it refers to an array twice")
        self._was_read.add(name)
        self._file.seek(self._data_start + self._entries[name]["data_offsets"][0])
        buffer = memoryview(array.reshape(-1).view(np.uint8))
        if self._file.readinto(buffer) != len(buffer):
            raise ModelFileError("it became shorter while it was read")


def open_for_reading(path: str | os.PathLike) -> BufferedReader:
    """Open a file; a pipe is not waited for."""
    flag = getattr(os, "O_NONBLOCK", 0)
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | flag))
