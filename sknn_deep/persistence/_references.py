"""Classes and functions as the names of where they are imported from.

A file has the names alone. What they stand for comes from the caller, or is one of
those below: a name that is read is looked up, never imported.
"""

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

from torch import nn

from sknn_deep import modules
from sknn_deep.persistence._data import Decoder, Encoder
from sknn_deep.persistence._errors import ModelFileError

KIND = "reference"


def name_of(thing: Any) -> str | None:
    """Give the import path of a class of modules or a function, or of what is made.

    None where it is neither, nor a module.
    """
    if isinstance(thing, nn.Module):
        thing = type(thing)
    is_module_class = isinstance(thing, type) and issubclass(thing, nn.Module)
    if not is_module_class and not isinstance(thing, FunctionType):
        return None
    return f"{thing.__module__}.{thing.__qualname__}"


# What needs not be given: networks and losses of ours, and losses of torch.
_KNOWN: dict[str, Any] = {
    str(name_of(thing)): thing
    for thing in (
        modules.BinaryCrossEntropy,
        modules.ConvDecoder,
        modules.ConvEncoder,
        modules.ConvNet,
        modules.CrossEntropy,
        modules.SquaredError,
        *(cls for name, cls in vars(nn).items() if name.endswith("Loss")),
    )
}


def encode_references(value: Any, where: str, encoder: Encoder) -> Any:
    """Encode a value in which a class, a function or a module may be, by its name."""
    if type(value) is dict:
        return {
            "kind": "dict",
            "keys": encoder.encode(list(value), where),
            "values": [
                encode_references(item, where, encoder) for item in value.values()
            ],
        }
    name = name_of(value)
    if name is None:
        return encoder.encode(value, where)
    if "<" in name:
        raise TypeError(
            f"{where} cannot be saved as data: {name} has no name that it could be "
            "found by again. Define it at the top of a file that can be imported."
        )
    return {"kind": KIND, "name": name, "is_made": isinstance(value, nn.Module)}


def known_by_name(given: Iterable[Any]) -> dict[str, Any]:
    """Give what names stand for: what ``load`` was given, and what is known."""
    table = {}
    for thing in given:
        name = name_of(thing)
        if name is None:
            raise TypeError(
                "modules of load must be torch.nn.Module classes, modules, or the "
                f"functions that make them. Got {thing!r} among them."
            )
        table[name] = thing
    return {**_KNOWN, **table}


def make_decode_reference(
    table: dict[str, Any],
) -> Callable[[dict, Decoder], Any]:
    """Make what reads an entry of :func:`encode_references`."""

    def decode_reference(entry: dict, decoder: Decoder) -> Any:
        name, is_made = entry["name"], entry["is_made"]
        found = table.get(name)
        if found is None or isinstance(found, nn.Module) != is_made:
            what = "a module of the class" if is_made else "the class or function"
            raise ModelFileError(
                f"it needs {what} {name}, which no file can hold. Import it, and pass "
                f"it: load(path, modules=[{name.rpartition('.')[2]}"
                f"{'(...)' if is_made else ''}])"
            )
        return found

    return decode_reference
