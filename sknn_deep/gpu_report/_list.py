"""All that the report checks and times, and how long each may take."""

import contextlib
import functools
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.exceptions import ConvergenceWarning

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.gpu_report import _checks, _fits, _timings
from sknn_deep.gpu_report._outcome import Comparison, Finding, Outcome, Timing

Function = Callable[[torch.device], list[Finding]]


@dataclass(frozen=True)
class Check:
    """One check, or a timing.

    Attributes
    ----------
    part, name : str

    function : callable (device) -> list of Comparison or Timing

    limit : float
        Seconds after which it is given up.

    needs_cuda : bool
    """

    part: str
    name: str
    function: Function
    limit: float = 60.0
    needs_cuda: bool = False


def list_checks(*, is_quick: bool = False, mnist: Path | None = None) -> list[Check]:
    """List all checks and timings; `is_quick` times less, and checks the same.

    `mnist` is a file in Keras' npz format; None trains on images that are like it.
    """
    groups = {
        "fit": _checks_of_fits(),
        "prediction": {"networks of the CPU": _checks.check_predictions},
        "search": {
            "beside the CPU": _checks.check_batched_search,
            "beside single fits": _checks.check_search_beside_single_fits,
        },
        "captured graph": _checks_of_graphs(),
        "rows sent ahead": _checks_of_sent_rows(),
        "rows of a file": {
            "batches": _checks.check_rows_of_a_file,
            "fit": _checks.check_fit_to_a_file,
        },
        "from device to device": _checks_of_moves(),
    }
    needing_cuda = ("captured graph", "rows sent ahead")
    return [
        *(
            Check(part, name, function, needs_cuda=part in needing_cuda)
            for part, functions in groups.items()
            for name, function in functions.items()
        ),
        *_list_timings(_timings.QUICK if is_quick else _timings.FULL, mnist),
    ]


def _list_timings(sizes: _timings.Sizes, mnist: Path | None) -> list[Check]:
    with_images = {"sizes": sizes, "mnist": mnist}
    return [
        Check("time", name, functools.partial(function, **arguments), limit, needs_cuda)
        for name, function, arguments, limit, needs_cuda in (
            ("large batches", _timings.time_large_batches, with_images, 60, False),
            ("small batches", _timings.time_small_batches, with_images, 60, False),
            ("captured graph", _timings.time_beside_captured, with_images, 60, True),
            ("prediction", _timings.time_predictions, with_images, 60, False),
            ("many small fits", _timings.time_many_fits, {"sizes": sizes}, 180, False),
        )
    ]


def _checks_of_fits() -> dict[str, Function]:
    groups = {
        "classifier": _fits.fits_of_classifiers(),
        "regressor": _fits.fits_of_regressors(),
        "autoencoder": _fits.fits_of_autoencoders(),
    }
    random_order = _checks.check_accuracy
    random_codes = _checks.check_random_autoencoder
    return {
        **{
            f"{kind}, {name}": functools.partial(_fits.check_fit, fit)
            for kind, fits in groups.items()
            for name, fit in fits.items()
        },
        "classifier, in random order": random_order,
        "classifier, dropout": functools.partial(random_order, dropout=0.1),
        "classifier, bfloat16": functools.partial(random_order, precision="bfloat16"),
        "autoencoder, noise": functools.partial(random_codes, noise="gaussian"),
        "autoencoder, variational": functools.partial(
            random_codes, variational=True, kl_weight=0.01
        ),
    }


def _checks_of_graphs() -> dict[str, Function]:
    cases = {
        "adam": {},
        "adamw, one_cycle": {"solver": "adamw", "learning_rate": "one_cycle"},
        "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
        "dropout": {"dropout": 0.3},
        "clipped gradients": {"clip_grad_norm": 0.1},
        "bfloat16": {"precision": "bfloat16"},
    }
    return {
        **{
            name: functools.partial(_checks.check_captured_graph, **parameters)
            for name, parameters in cases.items()
        },
        "beside the CPU": _checks.check_captured_graph_beside_cpu,
        "in two threads": _checks.check_captures_in_threads,
    }


def _checks_of_sent_rows() -> dict[str, Function]:
    dtypes = {
        "float32": torch.float32,
        "float64": torch.float64,
        "bfloat16": torch.bfloat16,
    }
    return {
        **{
            f"batches of {name}": functools.partial(
                _checks.check_rows_sent_ahead, dtype=dtype
            )
            for name, dtype in dtypes.items()
        },
        "fit": _checks.check_fit_to_rows_sent_ahead,
    }


def _checks_of_moves() -> dict[str, Function]:
    places = {"cpu": "the CPU", "device": "the device", "any": "where it was"}
    return {
        **{
            f"{cls.__name__} saved and loaded, to {place}": functools.partial(
                _checks.check_saved, cls=cls, to=to
            )
            for cls in (MLPClassifier, MLPRegressor, AutoencoderTransformer)
            for to, place in places.items()
        },
        "pickles": _checks.check_pickled,
    }


def run_check(check: Check, device: torch.device) -> Outcome:
    """Run one check; an error is an outcome too."""
    outcome = Outcome(check.part, check.name, "ok")
    if check.needs_cuda and device.type != "cuda":
        outcome.status, outcome.message = "skipped", "needs CUDA"
        return outcome
    start = time.perf_counter()
    with _kept_warnings(outcome.warnings):
        try:
            findings = check.function(device)
        except Exception:
            outcome.status, outcome.message = "error", traceback.format_exc()
        else:
            outcome.timings = [f for f in findings if isinstance(f, Timing)]
            outcome.comparisons = [f for f in findings if isinstance(f, Comparison)]
            if not all(comparison.holds for comparison in outcome.comparisons):
                outcome.status = "differs"
    outcome.seconds = time.perf_counter() - start
    return outcome


@contextlib.contextmanager
def _kept_warnings(texts: list[str]) -> Iterator[None]:
    """List the warnings that are given, but for that of a training cut short."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
    texts += [f"{one.category.__name__}: {one.message}" for one in given]
