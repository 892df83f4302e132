"""Cross-validation splitters of scikit-learn as data, and back."""

import inspect
from typing import Any

from sklearn import model_selection

from sknn_deep._sklearn_private import ListOfSplits
from sknn_deep.persistence._data import Decoder, Encoder

KIND = "splitter"
_NAMES = (
    "GroupKFold",
    "GroupShuffleSplit",
    "KFold",
    "LeaveOneGroupOut",
    "LeaveOneOut",
    "LeavePGroupsOut",
    "LeavePOut",
    "PredefinedSplit",
    "RepeatedKFold",
    "RepeatedStratifiedKFold",
    "ShuffleSplit",
    "StratifiedGroupKFold",
    "StratifiedKFold",
    "StratifiedShuffleSplit",
    "TimeSeriesSplit",
)
SPLITTERS = {name: getattr(model_selection, name) for name in _NAMES}
SPLITTERS["check_cv"] = ListOfSplits


def encode_splitter(splitter: Any, where: str, encoder: Encoder) -> dict | None:
    """Encode a splitter by its class and the arguments of its constructor."""
    for name, cls in SPLITTERS.items():
        if type(splitter) is cls:
            arguments = encoder.encode(_arguments(splitter), where)
            return {"kind": KIND, "class": name, "arguments": arguments}
    return None


def _arguments(splitter: Any) -> dict[str, Any]:
    # Those of a repeated splitter that go on to the one within are in `cvargs`.
    attributes = vars(splitter) | vars(splitter).get("cvargs", {})
    names = inspect.signature(type(splitter)).parameters
    return {name: attributes[name] for name in names if name in attributes}


def decode_splitter(entry: dict, decoder: Decoder) -> Any:
    return SPLITTERS[entry["class"]](**decoder.decode(entry["arguments"]))
