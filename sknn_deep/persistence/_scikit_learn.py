"""The parts of a Pipeline that are scikit-learn's, by skops.

skops writes what kind of objects there are and how they hang together, as JSON. Their
arrays, long lists and estimators of this package are put aside before, with a
:class:`Placeholder` left in their place, and are written as other data of a file are.
So there is nothing but JSON for skops to read, and only what is listed here.
"""

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep._sklearn_private import BaseSearchCV, Composition, plain_list
from sknn_deep.persistence._data import Encoder, can_hold
from sknn_deep.persistence._errors import ModelFileError
from sknn_deep.persistence._estimators import (
    is_ours,
    name_part,
    refuse_own_class,
)

KIND = "scikit_learn"

# Kinds of nodes that skops makes of the listed types of objects without a call of
# anything that a file could choose.
_LOADERS = {
    "DefaultDictNode",
    "DictNode",
    "FunctionNode",
    "JsonNode",
    "ListNode",
    "ObjectNode",
    "SetNode",
    "SliceNode",
    "TupleNode",
    "TypeNode",
}
_SELECTION = "sklearn.feature_selection._univariate_selection"
_TRUSTED = [
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "sklearn.compose._column_transformer.make_column_selector",
    f"{_SELECTION}.chi2",
    f"{_SELECTION}.f_classif",
    f"{_SELECTION}.f_regression",
]

# skops takes up to 5 kB for each node.
_MAX_NODES = 4000
# Longer lists and dicts are put aside.
_N_LONG = 16


class Placeholder:
    """Stands for what is written elsewhere.

    Attributes
    ----------
    number : int
    """

    def __init__(self, number: int):
        self.number = number


def import_skops():
    """Import skops.io, or say how to get it."""
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Pipelines and other parts of scikit-learn are saved and loaded by skops: "
            'install it with python -m pip install "sknn-deep[persistence]".',
            name="skops",
        ) from error
    return skops.io


# --- saving ---------------------------------------------------------------------------


def encode_model(model: BaseEstimator, where: str, encoder: Encoder) -> dict:
    """Encode an estimator of scikit-learn and what is in it.

    `where` is what it is in, for messages; "" if it is in nothing.
    """
    what = f"{'The' if where else 'This'} {name_part(model, where)}"
    aside = _find_aside(model)
    schema, problem = _describe(model, aside)
    if problem:
        part = _part_with_a_problem(model)
        refuse_own_class(part, what)
        holder = "it" if part is model else f"its {type(part).__name__}"
        raise TypeError(
            f"{what} cannot be saved as data: {holder} {problem}. {_advise(part)}, or "
            "use pickle, for files that nobody else can write."
        )
    if sum(1 for _ in _dicts(schema)) > _MAX_NODES:
        raise ValueError(
            f"{what} has too many parts for one file. Save its steps one by one."
        )
    values = [encoder.encode(plain_list(value), what) for value in aside]
    return {"kind": KIND, "schema": schema, "values": values}


def _describe(model: BaseEstimator, aside: list) -> tuple[dict, str]:
    """Give what skops writes, with what is put aside left out; say what it cannot."""
    skops_io = import_skops()
    places = {id(value): Placeholder(number) for number, value in enumerate(aside)}
    try:
        dumped = skops_io.dumps(copy.deepcopy(model, places))
    except Exception as error:
        return {}, f"has something that skops cannot write ({error})"
    schema = _read_schema(dumped)
    unknown = sorted(_unknown(schema))
    unknown += skops_io.get_untrusted_types(data=_as_zip(schema)) if not unknown else []
    unknown = [name for name in unknown if name not in _trusted()]
    return schema, f"holds {', '.join(unknown)}" if unknown else ""


def _part_with_a_problem(model: BaseEstimator) -> BaseEstimator:
    """Find the step that cannot be described, be it of a Pipeline in another."""
    if isinstance(model, Composition):
        for part in _parts(list(vars(model).values())):
            if _describe(part, _find_aside(part))[1]:
                return _part_with_a_problem(part)
    return model


def _parts(value: Any) -> Iterator[BaseEstimator]:
    """Find the estimators of scikit-learn that a value has in it, not those in them."""
    if isinstance(value, BaseEstimator) and not is_ours(value):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _parts(item)


def _advise(part: BaseEstimator) -> str:
    if isinstance(part, BaseSearchCV):
        return f"Put best_estimator_ of {type(part).__name__} in its place"
    return "Replace this part"


def _find_aside(value: Any) -> list:
    """Find what a Placeholder is to stand for, each once."""
    return list({id(found): found for found in _all_aside(value)}.values())


def _all_aside(value: Any) -> Iterator[Any]:
    if is_ours(value) or _is_data(value) or plain_list(value) is not value:
        yield value
    elif isinstance(value, BaseEstimator):
        yield from _all_aside(vars(value))
    elif type(value) in (list, tuple):
        for item in value:
            yield from _all_aside(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _all_aside(item)


def _is_data(value: Any) -> bool:
    if type(value) is np.ndarray:
        return value.dtype.kind in "UO" or can_hold(value.dtype)
    if type(value) in (list, tuple, dict) and len(value) > _N_LONG:
        items = value.items() if isinstance(value, dict) else ((v,) for v in value)
        simple = (str, int, float, bool, np.generic)
        return all(isinstance(part, simple) for item in items for part in item)
    return isinstance(value, np.generic | np.dtype | np.random.RandomState)


def _read_schema(dumped: bytes) -> dict:
    """Take the schema out of skops' archive, as a tree: without references."""
    with zipfile.ZipFile(io.BytesIO(dumped)) as archive:
        schema = json.loads(archive.read("schema.json"))
    for node in _dicts(schema):
        node.pop("__id__", None)
    return schema


def _dicts(value: Any) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _dicts(item)


def _unknown(schema: dict) -> set[str]:
    """Name the types of the nodes that are not made of JSON alone."""
    return {
        f"{node.get('__module__')}.{node.get('__class__')}"
        for node in _dicts(schema)
        if node.get("__loader__", "DictNode") not in _LOADERS
    }


def _as_zip(schema: dict) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def _trusted() -> list[str]:
    return [f"{Placeholder.__module__}.{Placeholder.__qualname__}", *_TRUSTED]


# --- loading --------------------------------------------------------------------------


def decode_model(entry: dict, decode: Callable[[Any], Any]) -> BaseEstimator:
    """Make the objects that `entry` describes; `decode` reads what was put aside."""
    schema = entry["schema"]
    if sum(1 for _ in _dicts(schema)) > _MAX_NODES:
        raise ModelFileError("it has more parts of scikit-learn than is safe to read")
    if unknown := sorted(_unknown(schema)):
        raise ModelFileError(f"it holds {', '.join(unknown)}, which may not be safe")
    # A node that is referred to twice could be visited without end.
    if any("__id__" in node for node in _dicts(schema)):
        raise ModelFileError("it has references that sknn_deep does not write")
    model = import_skops().loads(_as_zip(schema), trusted=_trusted())
    if not isinstance(model, BaseEstimator):
        raise ModelFileError("it holds no estimator")
    values = [decode(value) for value in entry["values"]]
    return _put_back(model, values)


def _put_back(value: Any, values: list) -> Any:
    """Replace each Placeholder by what it stands for."""
    if isinstance(value, Placeholder):
        return values[value.number]
    if isinstance(value, BaseEstimator):
        _put_back(vars(value), values)
    elif isinstance(value, dict):
        for key, item in value.items():
            value[key] = _put_back(item, values)
    elif type(value) is list:
        value[:] = [_put_back(item, values) for item in value]
    elif type(value) is tuple:
        return tuple(_put_back(item, values) for item in value)
    return value
