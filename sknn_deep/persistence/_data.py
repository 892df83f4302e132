"""Python values as data: JSON for what is small, arrays beside it."""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import fields
from types import FunctionType
from typing import Any

import numpy as np
import torch
from sklearn.neighbors import kneighbors_graph, radius_neighbors_graph

from sknn_deep.columns import Categories, TableEncoder
from sknn_deep.data import ClassTarget, NumberTarget
from sknn_deep.fitting import TabularRecipe
from sknn_deep.machine import Placement
from sknn_deep.metrics import neighbors_accuracy_scorer, trustworthiness_scorer
from sknn_deep.persistence._container import Container, can_hold
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.training import Convergence, ForwardPass, Recipe

# What a value that JSON does not know is called by; its kind is the entry's.
_KIND = "kind"
_RECORDS = {
    cls.__name__: cls
    for cls in (
        Categories,
        ClassTarget,
        Convergence,
        ForwardPass,
        NumberTarget,
        Placement,
        Recipe,
        TableEncoder,
        TabularRecipe,
    )
}
_OPTIMIZERS = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)
}
# What `connectivity` and `scoring` may be.
_FUNCTIONS: dict[str, Callable] = {
    function.__name__: function
    for function in (
        kneighbors_graph,
        neighbors_accuracy_scorer,
        radius_neighbors_graph,
        trustworthiness_scorer,
    )
}
_DTYPES = {
    str(dtype): dtype for dtype in (torch.float32, torch.float64, torch.bfloat16)
}

# NumPy's types of truth values, whole numbers, real ones, text and objects.
_PLAIN_KINDS = "biufUO"

# Those of dates and of differences between them.
_TIME_KINDS = "mM"

# What is made of JSON takes up to 27 times the memory of its text: of "[]," for one.
_MAX_TEXT_BYTES = 1_500_000


def may_have_text(n_text_bytes: int, n_file_bytes: int) -> bool:
    """Tell whether a file of this size may have so much JSON."""
    return n_text_bytes <= _MAX_TEXT_BYTES + n_file_bytes // 32


def dump_json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


# --- encoding -------------------------------------------------------------------------


class Encoder:
    """Turns values into what JSON can hold, and collects arrays.

    Parameters
    ----------
    encode_other : callable (value, where, encoder) -> dict or None
        Encodes what is no plain value, with its "kind"; None where it does not know it.

    Attributes
    ----------
    arrays : dict of str to ndarray
    """

    def __init__(self, encode_other: Callable[[Any, str, "Encoder"], dict | None]):
        self.arrays: dict[str, np.ndarray] = {}
        self._encode_other = encode_other

    def encode(self, value: Any, where: str) -> Any:
        """Encode `value`, which messages call by the name `where`."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return _encode_float(value)
        if type(value) is list:
            return [self.encode(item, where) for item in value]
        encoded = self._encode_known(value, where)
        if encoded is None:
            encoded = self._encode_other(value, where, self)
        if encoded is None:
            raise TypeError(
                f"{where} cannot be saved as data: {_shorten(value)}. Set it to "
                "something else first (None, where it can be None), or use pickle, "
                "for files that nobody else can write."
            )
        return encoded

    def _encode_known(self, value: Any, where: str) -> dict | None:
        if isinstance(value, torch.Tensor):
            return self._encode_array(value.detach().cpu().numpy(), "tensor")
        if type(value) is np.ndarray:
            return self._encode_ndarray(value, where)
        if isinstance(value, np.generic) and value.dtype.kind in _PLAIN_KINDS:
            item = self.encode(value.item(), where)
            return {_KIND: "scalar", "dtype": value.dtype.str, "item": item}
        if type(value) is tuple:
            return {_KIND: "tuple", "items": self.encode(list(value), where)}
        if type(value) is dict:
            return {
                _KIND: "dict",
                "keys": self.encode(list(value), where),
                "values": self.encode(list(value.values()), where),
            }
        if isinstance(value, np.dtype) and value.kind in _PLAIN_KINDS:
            return {_KIND: "numpy_dtype", "name": value.str}
        if isinstance(value, np.random.RandomState):
            return {
                _KIND: "RandomState",
                "state": self.encode(value.get_state(legacy=False), where),
            }
        if type(value) in _RECORDS.values():
            entries = {
                field.name: self.encode(getattr(value, field.name), where)
                for field in fields(value)
            }
            return {_KIND: type(value).__name__, "fields": entries}
        return _encode_named(value, where, self)

    def _encode_array(self, array: np.ndarray, kind: str) -> dict:
        # Products can differ in the last bit if the order of the axes changes.
        is_transposed = array.ndim > 1 and array.strides[0] < array.strides[-1]
        name = str(len(self.arrays))
        self.arrays[name] = array.T if is_transposed else array
        return {_KIND: kind, "name": name, "transposed": is_transposed}

    def _encode_ndarray(self, array: np.ndarray, where: str) -> dict | None:
        if can_hold(array.dtype):
            return self._encode_array(array, "array")
        if array.dtype.kind == "U" and array.size:
            codes = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            codes = codes.reshape(-1, 1).view("<u4")
            shape = list(array.shape)
            return {**self._encode_array(codes, "text"), "shape": shape}
        if array.dtype.kind in _TIME_KINDS:
            numbers = array.astype(array.dtype.newbyteorder("=")).view(np.int64)
            return {**self._encode_array(numbers, "times"), "dtype": array.dtype.str}
        if array.dtype.kind == "O":
            items = self.encode(array.ravel().tolist(), where)
            return {_KIND: "objects", "shape": list(array.shape), "items": items}
        return None


def _encode_float(value: float) -> float | dict:
    if math.isfinite(value):
        return value
    return {_KIND: "float", "text": repr(value)}


def _encode_named(value: Any, where: str, encoder: Encoder) -> dict | None:
    if isinstance(value, torch.dtype) and str(value) in _DTYPES:
        return {_KIND: "dtype", "name": str(value)}
    if isinstance(value, torch.device):
        return {_KIND: "device", "name": str(value)}
    if isinstance(value, functools.partial) and not value.args:
        function = encoder.encode(value.func, where)
        arguments = encoder.encode(value.keywords, where)
        return {_KIND: "partial", "function": function, "arguments": arguments}
    if isinstance(value, type) and value in _OPTIMIZERS.values():
        return {_KIND: "optimizer", "name": value.__name__}
    if isinstance(value, FunctionType) and value in _FUNCTIONS.values():
        return {_KIND: "function", "name": value.__name__}
    return None


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


# --- decoding -------------------------------------------------------------------------


class Decoder:
    """Turns what :class:`Encoder` gave back into values.

    Parameters
    ----------
    container : Container

    others : dict of str to callable (entry, decoder) -> value
        What reads the kinds that `encode_other` of the encoder wrote.
    """

    def __init__(
        self,
        container: Container,
        others: dict[str, Callable[[dict, "Decoder"], Any]],
    ):
        self.container = container
        self._kinds = _DECODERS | others

    def decode(self, encoded: Any) -> Any:
        if isinstance(encoded, list):
            for i, item in enumerate(encoded):  # a second list would take its memory
                encoded[i] = self.decode(item)
            return encoded
        if not isinstance(encoded, dict):
            return encoded
        kind = encoded[_KIND]
        if kind not in self._kinds:
            raise ModelFileError(f"it holds something of the unknown type {kind!r}")
        return self._kinds[kind](encoded, self)


def _decode_array(entry: dict, decoder: Decoder) -> np.ndarray:
    array = decoder.container.read(entry["name"])
    return array.T if entry["transposed"] else array


def _decode_tensor(entry: dict, decoder: Decoder) -> torch.Tensor:
    return torch.from_numpy(_decode_array(entry, decoder))


def _decode_text(entry: dict, decoder: Decoder) -> np.ndarray:
    codes = _decode_array(entry, decoder)
    return codes.view(f"<U{codes.shape[1]}").reshape(entry["shape"])


def _decode_times(entry: dict, decoder: Decoder) -> np.ndarray:
    dtype = np.dtype(entry["dtype"])
    if dtype.kind not in _TIME_KINDS:
        raise ModelFileError("a date of it has not the type that it should have")
    return _decode_array(entry, decoder).view(dtype.newbyteorder("="))


def _decode_objects(entry: dict, decoder: Decoder) -> np.ndarray:
    items = decoder.decode(entry["items"])
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(entry["shape"])


def _decode_scalar(entry: dict, decoder: Decoder) -> np.generic:
    dtype = _decode_numpy_dtype({"name": entry["dtype"]}, decoder)
    return dtype.type(decoder.decode(entry["item"]))


def _decode_numpy_dtype(entry: dict, decoder: Decoder) -> np.dtype:
    dtype = np.dtype(entry["name"])
    if dtype.kind not in _PLAIN_KINDS:
        raise ModelFileError("a number of it has not the type that it should have")
    return dtype


def _decode_float(entry: dict, decoder: Decoder) -> float:
    return float(entry["text"])


def _decode_tuple(entry: dict, decoder: Decoder) -> tuple:
    return tuple(decoder.decode(entry["items"]))


def _decode_dict(entry: dict, decoder: Decoder) -> dict:
    keys, values = decoder.decode(entry["keys"]), decoder.decode(entry["values"])
    return dict(zip(keys, values, strict=True))


def _decode_random_state(entry: dict, decoder: Decoder) -> np.random.RandomState:
    random_state = np.random.RandomState(0)
    random_state.set_state(decoder.decode(entry["state"]))
    return random_state


def _decode_record(entry: dict, decoder: Decoder) -> Any:
    cls = _RECORDS[entry[_KIND]]
    return cls(**{k: decoder.decode(v) for k, v in entry["fields"].items()})


def _decode_partial(entry: dict, decoder: Decoder) -> functools.partial:
    if entry["function"][_KIND] not in ("optimizer", "function"):
        raise ModelFileError("it holds a function that it must not hold")
    function = decoder.decode(entry["function"])
    return functools.partial(function, **decoder.decode(entry["arguments"]))


_DECODERS: dict[str, Callable[[dict, Decoder], Any]] = {
    "RandomState": _decode_random_state,
    "array": _decode_array,
    "device": lambda entry, decoder: torch.device(entry["name"]),
    "dict": _decode_dict,
    "dtype": lambda entry, decoder: _DTYPES[entry["name"]],
    "float": _decode_float,
    "function": lambda entry, decoder: _FUNCTIONS[entry["name"]],
    "numpy_dtype": _decode_numpy_dtype,
    "objects": _decode_objects,
    "optimizer": lambda entry, decoder: _OPTIMIZERS[entry["name"]],
    "partial": _decode_partial,
    "scalar": _decode_scalar,
    "text": _decode_text,
    "times": _decode_times,
    "tensor": _decode_tensor,
    "tuple": _decode_tuple,
    **dict.fromkeys(_RECORDS, _decode_record),
}
