"""What may come of a call: a result, or one clear error of a check."""

import copy
import dis
import pickle
import signal
import threading
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
import sklearn
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import (
    ConvergenceWarning,
    DataConversionWarning,
    UndefinedMetricWarning,
)

import sknn_deep
from tests.estimators.fits import arrays_of
from tests.requirements import is_met

# Nothing here takes a hundredth of it.
SECONDS = 60

_OURS = Path(sknn_deep.__file__).parent
_SCIKIT_LEARN = Path(sklearn.__file__).parent

# How a documented warning begins, and scikit-learn's about labels and names.
_ALLOWED_WARNINGS = (
    "Got `batch_size` less than 1 or larger than sample size",
    "X does not have valid feature names",
    "X has feature names",
    "The number of unique classes is greater than 50% of the number of samples",
    r"\w+ leaves out \d+ of \d+ rows",
)


@dataclass
class Refusal:
    """A call that was refused."""

    error: Exception


class Unclean(AssertionError):
    """A call that ended neither in a result nor in an error of a check."""


def attempt(function, *args, also: tuple = (), may_warn: tuple = (), **kwargs):
    """Call a function; return its result, or a Refusal if a check raised.

    Errors of the types `also` are refusals too; warnings of the types `may_warn` are
    expected.
    """
    try:
        with _time_limit(), _only_expected_warnings(may_warn):
            return function(*args, **kwargs)
    except (ValueError, TypeError, *also) as error:
        reason = why_unclean(error)
        if reason is not None:
            raise Unclean(reason) from error
        return Refusal(error)
    except Exception as error:
        raise Unclean(f"{type(error).__name__}: {error}") from error


def why_unclean(error: Exception) -> str | None:
    """Tell why an error is none of a check; None if it is one.

    It is one if one of our own lines raises it by ``raise``, or if scikit-learn was
    called from our code, or by the test, and torch was not called on the way.
    """
    if not str(error):
        return f"{type(error).__name__} says nothing"
    frames = traceback.extract_tb(error.__traceback__)
    paths = [Path(frame.filename) for frame in frames]
    inside = [i for i, path in enumerate(paths) if path.is_relative_to(_OURS)]
    last = inside[-1] if inside else 0
    where = f"{paths[-1]}:{frames[-1].lineno}"
    if inside and last == len(frames) - 1:
        return None if _is_raised(error) else f"{error!r} at {where}"
    beyond = paths[last + 1 :]
    if any("torch" in path.parts or "skorch" in path.parts for path in beyond):
        return f"{error!r} in {where}"
    if not any(path.is_relative_to(_SCIKIT_LEARN) for path in beyond):
        return f"{error!r} in {where}"
    return None


def _is_raised(error: Exception) -> bool:
    """Tell whether a ``raise`` made the error, and not an expression."""
    end = error.__traceback__
    while end.tb_next is not None:
        end = end.tb_next
    code = end.tb_frame.f_code.co_code
    return dis.opname[code[end.tb_lasti]] == "RAISE_VARARGS"


@contextmanager
def _only_expected_warnings(others: tuple):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (
            ConvergenceWarning,
            DataConversionWarning,
            UndefinedMetricWarning,
            *others,
        ):
            warnings.simplefilter("ignore", category)
        # Of checks, which refuse what they warn of.
        warnings.filterwarnings("ignore", ".*", RuntimeWarning, r"sklearn\.")
        # Until scikit-learn 1.7 is the oldest: it refuses such labels from then on.
        warnings.filterwarnings("ignore", "Support for labels represented as bytes")
        for message in _ALLOWED_WARNINGS:
            warnings.filterwarnings("ignore", message, UserWarning)
        yield


@contextmanager
def _time_limit():
    """Turn a hang into an error, where there are signals."""
    is_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "SIGALRM") or not is_main:
        yield
        return

    def stop(number, frame):
        raise Unclean(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def snapshot(value):
    """Copy what a call must not change, in a form that can be compared."""
    if isinstance(value, torch.Tensor):
        if value.is_meta:
            return str(value.dtype), tuple(value.shape)
        dense = value.detach().to_dense() if value.is_sparse else value.detach()
        return str(value.dtype), pickle.dumps(dense.clone().resolve_conj().tolist())
    if isinstance(value, pd.DataFrame | pd.Series):
        return value.copy(deep=True)
    if scipy.sparse.issparse(value):
        parts = (vars(value).get(name) for name in ("data", "indices", "indptr"))
        same = repr(value.toarray().tolist())
        return type(value), value.shape, str(value.dtype), same, *map(_bytes, parts)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, value.strides, str(value.dtype), value.tobytes()
    has_address = " at 0x" in repr(value)
    return type(value) if has_address else copy.deepcopy(value)


def _bytes(part) -> bytes | None:
    return part.tobytes() if isinstance(part, np.ndarray) else None


def assert_unchanged(value, before) -> None:
    if isinstance(value, pd.DataFrame | pd.Series):
        assert type(value) is type(before)
        assert value.equals(before)
        return
    assert repr(snapshot(value)) == repr(before)


def results_of(model, X, y=None) -> dict[str, np.ndarray]:
    """Call all methods that take rows; give what they return by name."""
    if is_classifier(model):
        names = ["predict", "predict_proba", "predict_log_proba"]
    elif is_regressor(model):
        names = ["predict"]
    else:
        names = ["transform", "score_samples"]
    results = {name: attempt(getattr(model, name), X) for name in names}
    if hasattr(model, "estimators_") or not hasattr(model, "hidden_features"):
        return results
    if model.n_layers_ > 2:
        results["hidden_features"] = attempt(model.hidden_features, X)
    return results


def assert_fine(model, X, n_rows: int, y=None) -> dict:
    """Hold a fitted model to finite results of the right shapes and types."""
    results = results_of(model, X)
    assert model.n_features_in_ >= 1
    for name, result in results.items():
        if isinstance(result, Refusal):
            continue
        assert isinstance(result, np.ndarray), name
        assert len(result) == n_rows, name
        if name == "predict" and is_classifier(model):
            _assert_labels(model, result)
            continue
        assert result.dtype == _dtype(model, name), name
        if name == "predict_log_proba":
            assert not np.isnan(result).any()
            assert (result <= 0).all()
            continue
        assert np.isfinite(result).all(), name
    if is_classifier(model):
        _assert_probabilities(model, results["predict_proba"], n_rows)
    elif is_regressor(model):
        _assert_shape(results["predict"], n_rows, model.n_outputs_)
    else:
        _assert_codes(model, results, n_rows)
    if y is not None or not is_judged_by_scikit_learn(model):
        assert_score(model, X, y, n_rows, results)
    return results


def is_judged_by_scikit_learn(model) -> bool:
    """Tell whether the score is scikit-learn's accuracy or R2."""
    return is_classifier(model) or is_regressor(model)


def assert_score(model, X, y, n_rows, results, sample_weight=None) -> bool:
    """Hold the score to a finite float; tell whether there is one.

    R2 is none of a single row, nor where the squares are infinite, of which NumPy warns
    from within scikit-learn.
    """
    is_judged = is_judged_by_scikit_learn(model)
    may_warn = (RuntimeWarning,) if is_judged else ()
    # Older metrics divide by the sum of weights that may all be zero.
    also = () if is_met("scikit-learn>=1.9") else (ZeroDivisionError,)
    score = attempt(model.score, X, y, sample_weight, also=also, may_warn=may_warn)
    if isinstance(score, Refusal):
        return False
    assert isinstance(score, float)
    if is_judged and sample_weight is not None:
        return True
    if is_regressor(model):
        numbers = np.append(results["predict"], _floats(y)).astype(np.float64)
        if n_rows < 2 or np.abs(numbers).max() > 1e100:
            return True
    assert np.isfinite(score)
    return True


def _floats(y) -> np.ndarray:
    y = y.detach().float() if isinstance(y, torch.Tensor) else y
    with np.errstate(all="ignore"):
        return np.asarray(y, dtype=np.float64)


def _dtype(model, name: str) -> np.dtype:
    """Tell the type of what the method of this name gives."""
    if name == "predict" and model._target.mean is not None:
        return np.dtype(np.float64)
    one = model.estimators_[0] if hasattr(model, "estimators_") else model
    return arrays_of(one)[0].dtype


def _assert_labels(model, labels) -> None:
    if model._target.kind == "multilabel":
        assert labels.shape == (len(labels), len(model.classes_))
        assert set(np.unique(labels)) <= {0, 1}
        return
    assert labels.ndim == 1
    assert labels.dtype == model.classes_.dtype
    assert np.isin(labels, model.classes_).all()


def _assert_probabilities(model, proba, n_rows: int) -> None:
    if isinstance(proba, Refusal):
        return
    assert proba.shape == (n_rows, len(model.classes_))
    assert ((proba >= 0) & (proba <= 1)).all()
    if model._target.kind != "multilabel":
        rounding = 1e-12 if proba.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=0, atol=rounding)


def _assert_shape(result, n_rows: int, n_columns: int) -> None:
    if not isinstance(result, Refusal):
        assert result.shape == ((n_rows,) if n_columns == 1 else (n_rows, n_columns))


def _assert_codes(model, results: dict, n_rows: int) -> None:
    codes = results["transform"]
    if isinstance(codes, Refusal):
        return
    assert codes.shape == (n_rows, len(model.get_feature_names_out()))
    back = attempt(model.inverse_transform, codes)
    if not isinstance(back, Refusal):
        assert back.shape == (n_rows, model.n_features_in_)
        assert np.isfinite(back).all()
        assert back.dtype == codes.dtype
    scores = results["score_samples"]
    if not isinstance(scores, Refusal):
        assert scores.shape == (n_rows,)
        assert (scores <= 0).all()


def assert_same(results: dict, others: dict) -> None:
    """Hold two models to the same results, refusals included."""
    assert results.keys() == others.keys()
    for name, result in results.items():
        other = others[name]
        assert isinstance(result, Refusal) == isinstance(other, Refusal), name
        if not isinstance(result, Refusal):
            np.testing.assert_array_equal(result, other, err_msg=name)


def fit_and_check(model, X, n_rows: int, fit_params: dict) -> bool:
    """Fit, and hold the outcome to what a user may expect; tell if it was fitted."""
    inputs = {"X": X, **fit_params}
    before = {name: snapshot(value) for name, value in inputs.items()}
    attributes = dict(vars(model))
    parameters = repr(model.get_params())
    fitted = attempt(model.fit, X, **fit_params)
    for name, value in inputs.items():
        assert_unchanged(value, before[name])
    assert repr(model.get_params()) == parameters
    if isinstance(fitted, Refusal):
        assert vars(model) == attributes, "a failed fit left traces"
        return False
    assert fitted is model
    assert model.n_iter_ >= (0 if model.solver == "lbfgs" else 1)
    assert isinstance(model.n_iter_, int)
    assert isinstance(model.loss_, float)
    if not model.early_stopping:
        assert np.isfinite(model.loss_)
    results = assert_fine(model, X, n_rows, fit_params.get("y"))
    assert_same(results, results_of(pickle.loads(pickle.dumps(model)), X))
    if isinstance(model.random_state, int | np.integer) and model.max_time is None:
        again = clone(model)
        assert not isinstance(attempt(again.fit, X, **fit_params), Refusal)
        assert_same(results, results_of(again, X))
        if not model.warm_start:
            assert not isinstance(attempt(model.fit, X, **fit_params), Refusal)
            assert_same(results, results_of(model, X))
    return True
