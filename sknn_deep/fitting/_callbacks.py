"""The callbacks that a user gives: named, changed and copied, never run themselves."""

import copy
import inspect
import io
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from sklearn.base import BaseEstimator, clone
from skorch.callbacks import Callback

PREFIX = "callbacks__"


def _is_pair(item) -> bool:
    return isinstance(item, tuple | list) and len(item) == 2


def name_callbacks(callbacks) -> list[tuple[str, Any]]:
    """Give each callback the name that skorch's net gives it.

    That is the one in its pair, or that of its class, numbered if there are several.
    """
    pairs = [
        (str(item[0]), item[1]) if _is_pair(item) else (type(item).__name__, item)
        for item in callbacks or []
    ]
    n_named, n_seen = Counter(name for name, _ in pairs), Counter()
    named = []
    for name, callback in pairs:
        n_seen[name] += 1
        number = f"_{n_seen[name]}" if n_named[name] > 1 else ""
        named.append((f"{name}{number}", callback))
    return named


# --- copies ---------------------------------------------------------------------------


def copy_callback(callback: Callback) -> Callback:
    """Make a callback that shares what this one's constructor got, and has no state.

    It is made by the constructor, if that stores what it gets, as it is, in attributes
    of the same names. Any other is copied without the attributes that end in an
    underscore, which is how skorch marks what a callback has gathered.
    """
    made = _make_again(callback)
    if made is None:
        made = type(callback).__new__(type(callback))
        shared = {k: v for k, v in vars(callback).items() if not k.endswith("_")}
        vars(made).update(shared)
    return made


def _make_again(callback: Callback) -> Callback | None:
    names = _stored_parameters(callback)
    if names is None:
        return None
    arguments = {name: vars(callback)[name] for name in names}
    try:
        made = type(callback)(**arguments)
    except Exception:  # it stores something else than it gets
        return None
    is_kept = all(vars(made).get(name) is value for name, value in arguments.items())
    return made if is_kept else None


def _stored_parameters(callback: Callback) -> list[str] | None:
    """Give the names of the constructor's parameters, None if some are not stored."""
    parameters = inspect.signature(type(callback)).parameters.values()
    for parameter in parameters:
        is_named = parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if not is_named or parameter.name not in vars(callback):
            return None
    return [parameter.name for parameter in parameters]


def copy_for_fit(callbacks, *, owner: str) -> list:
    """Copy skorch callbacks, or (name, callback) pairs, for one fit; leave None out."""
    for item in callbacks or []:
        callback = item[1] if _is_pair(item) else item
        is_left_out = _is_pair(item) and callback is None
        if not isinstance(callback, Callback) and not is_left_out:
            raise TypeError(
                f"The 'callbacks' parameter of {owner} must be a list of skorch "
                f"callbacks, or of (name, callback) pairs. Got {item!r} among them."
                f"{_say_instance(item)}"
            )
    copies = map(_copy_item, callbacks or [])
    return [item for item in copies if not _is_pair(item) or item[1] is not None]


def _say_instance(item) -> str:
    is_class = isinstance(item, type) and issubclass(item, Callback)
    return f" Pass an instance, {item.__name__}()." if is_class else ""


def _copy_item(item):
    if _is_pair(item):
        return (item[0], _copy_item(item[1]))
    if isinstance(item, Callback):
        return copy_callback(item)
    return clone(item, safe=False)


class ClonedByCopying:
    """Takes the place of `callbacks` where scikit-learn clones an estimator.

    The clone gets copies that share, where scikit-learn would copy deeply. What is no
    list of callbacks is left for ``fit`` to refuse.
    """

    def __init__(self, callbacks):
        self.callbacks = callbacks

    def __sklearn_clone__(self):
        if not isinstance(self.callbacks, list | tuple):
            return clone(self.callbacks, safe=False)
        copies = map(_copy_item, self.callbacks)
        return tuple(copies) if isinstance(self.callbacks, tuple) else list(copies)


# --- parameters -----------------------------------------------------------------------


def callback_parameters(callbacks) -> dict[str, Any]:
    """Give callbacks and their parameters by the names that ``get_params`` has."""
    if not isinstance(callbacks, list | tuple):
        return {}
    found = {}
    for name, callback in name_callbacks(callbacks):
        found[f"{PREFIX}{name}"] = callback
        if isinstance(callback, Callback):
            for parameter, value in _parameters(callback).items():
                found[f"{PREFIX}{name}__{parameter}"] = value
    return found


def _parameters(owner) -> dict[str, Any]:
    """Give the parameters of a callback that a copy has too, or of another object."""
    if isinstance(owner, type) or not hasattr(owner, "get_params"):
        return {}
    parameters = owner.get_params(deep=False)  # a callback may have its own estimator
    names = _stored_parameters(owner) if isinstance(owner, Callback) else None
    if names is None:
        return parameters
    return {name: value for name, value in parameters.items() if name in names}


def change_callbacks(callbacks, parameters: dict[str, Any], *, owner: str) -> list:
    """Give (name, callback) pairs in which some callbacks or parameters are others.

    `parameters` are named as by :func:`callback_parameters`. What the user made is not
    changed: a callback that gets another parameter is copied.
    """
    pairs = name_callbacks(callbacks)
    replaced, changed = {}, defaultdict(dict)
    for key, value in parameters.items():
        name, is_nested, parameter = key.removeprefix(PREFIX).partition("__")
        if name not in dict(pairs):
            raise ValueError(
                f"{owner} has no callback for the parameter {key!r}. The names of its "
                f"callbacks are {[name for name, _ in pairs]}."
            )
        if is_nested:
            changed[name][parameter] = value
        else:
            replaced[name] = value
    pairs = [(name, replaced.get(name, callback)) for name, callback in pairs]
    return [
        (name, _change(callback, changed[name], f"{PREFIX}{name} of {owner}"))
        if name in changed
        else (name, callback)
        for name, callback in pairs
    ]


def _change(thing, parameters: dict[str, Any], what: str):
    """Copy a callback, or what its constructor got, with some parameters changed."""
    valid = _parameters(thing)
    plain, nested = {}, defaultdict(dict)
    for key, value in parameters.items():
        name, is_nested, rest = key.partition("__")
        if name not in valid:
            raise ValueError(
                f"Invalid parameter {name!r} for {what}, which is {thing!r}. Valid "
                f"parameters are {sorted(valid)}."
            )
        if is_nested:
            nested[name][rest] = value
        else:
            plain[name] = value
    made = copy_callback(thing) if isinstance(thing, Callback) else copy.copy(thing)
    made.set_params(**plain)
    for name, rest in nested.items():
        part = made.get_params(deep=False)[name]
        made.set_params(**{name: _change(part, rest, f"{name} of {what}")})
    return made


# --- pickles --------------------------------------------------------------------------


def check_picklable_callbacks(estimator: BaseEstimator) -> None:
    """Refuse to pickle an estimator with a callback that cannot be."""
    for name, callback in _held_callbacks(estimator):
        try:
            _Probe(estimator).dump(callback)
        except Exception as error:
            owner = type(estimator).__name__
            raise pickle.PicklingError(
                f"{owner} can neither be pickled nor go to another process with its "
                f"callback {name!r}, {callback!r}: {error}. Fit in this process, with "
                "n_jobs=None of a search or an ensemble around it; keep a fitted "
                f"{owner} by `sknn_deep.save` after `set_params(callbacks=None)`; or "
                "give the callback a `__getstate__` that leaves out what cannot be "
                "pickled."
            ) from None


def _held_callbacks(estimator: BaseEstimator) -> Iterator[tuple[str, Any]]:
    if isinstance(estimator.callbacks, list | tuple):
        yield from name_callbacks(estimator.callbacks)
    if hasattr(estimator, "net_"):
        yield from estimator.net_.callbacks_


class _Probe(pickle.Pickler):
    """Pickles to find out whether that can be done.

    The estimator and its net are left out, and so is code: how it travels depends on
    who pickles, and joblib's processes get functions and classes of a notebook too.
    """

    def __init__(self, estimator: BaseEstimator):
        super().__init__(io.BytesIO())
        self._left_out = (estimator, getattr(estimator, "net_", estimator))

    def persistent_id(self, obj):
        is_code = isinstance(obj, type | FunctionType | ModuleType)
        return is_code or any(obj is other for other in self._left_out) or None
