"""The checks hold on a GPU, and do not where the device computes something else."""

import logging
import types
import warnings

import numpy as np
import pytest
import torch

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.estimators import BaseNetEstimator
from sknn_deep.gpu_report import _checks, _fits
from sknn_deep.gpu_report._checks import counted_captures, full_device
from sknn_deep.gpu_report._list import Check, list_checks, run_check
from sknn_deep.gpu_report._outcome import Comparison
from sknn_deep.rows import make_rows

CPU = torch.device("cpu")
# The CPU by another name, which stands for a device that computes something else.
OTHER = torch.device("cpu", 0)

CHECKS = [check for check in list_checks(is_quick=True) if check.part != "time"]


def holding(comparisons):
    """Give what was compared, and whether it holds."""
    return {comparison.what: comparison.holds for comparison in comparisons}


@pytest.mark.cuda
@pytest.mark.parametrize(
    "check", CHECKS, ids=lambda check: f"{check.part}: {check.name}"
)
def test_a_gpu_computes_what_the_cpu_does(check):
    device = torch.device("cuda", torch.cuda.current_device())

    outcome = run_check(check, device)

    assert outcome.status == "ok", outcome
    assert outcome.warnings == []


@pytest.fixture
def wrong_device(monkeypatch):
    """Let each fit on `OTHER` end with weights and losses that are slightly wrong."""
    end_fit = BaseNetEstimator._end_fit

    def end_wrong(self, plan):
        end_fit(self, plan)
        if self.device == OTHER:
            with torch.no_grad():
                for parameter in self.net_.module_.parameters():
                    parameter.mul_(1 + 1e-3)
            losses = getattr(self, "loss_curve_", [])
            losses[:] = [loss * (1 + 1e-2) for loss in losses]
        return self

    monkeypatch.setattr(BaseNetEstimator, "_end_fit", end_wrong)


FITS = {
    "classifier": _fits.fits_of_classifiers()["adam"],
    "lbfgs": _fits.fits_of_classifiers()["lbfgs"],
    "ensemble": _fits.fits_of_classifiers()["three networks"],
    "regressor": _fits.fits_of_regressors()["squared error"],
    "autoencoder": _fits.fits_of_autoencoders()["plain"],
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FITS)
def test_a_fit_that_is_wrong_on_the_device_differs(name, wrong_device):
    found = holding(_fits.check_fit(FITS[name], OTHER))

    assert not found["prediction"]
    if name not in ("lbfgs", "ensemble"):  # of these the last loss alone is there
        assert not found["training loss"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_runs_elsewhere_is_seen():
    """The device's own name for itself is "cpu"."""
    found = holding(_fits.check_fit(FITS["classifier"], OTHER))

    assert found == {
        "estimators elsewhere, off from 0": False,
        "training loss": True,
        "prediction": True,
    }


def test_a_search_that_is_wrong_on_the_device_differs(wrong_device):
    found = holding(_checks.check_batched_search(OTHER))

    assert found["candidates in stacks, off from 8"]
    assert not found["scores"]


def test_a_captured_graph_is_missed_where_there_is_none():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = holding(_checks.check_captured_graph(CPU))
        beside_cpu = holding(_checks.check_captured_graph_beside_cpu(CPU))
        in_threads = holding(_checks.check_captures_in_threads(CPU))

    assert found == {
        "estimators elsewhere, off from 0": True,
        "captures, off from 2": False,
        "captures where none is allowed, off from 0": True,
        "training loss": True,
    }
    assert not beside_cpu.pop("captures, off from 2")
    assert not in_threads.pop("captures, off from 4")
    assert all(beside_cpu.values()) and all(in_threads.values())


def test_captures_are_counted_by_the_log():
    logger = logging.getLogger("sknn_deep")
    before = logger.level, list(logger.handlers)

    with counted_captures() as captures:
        logger.debug("a step of %d rows is replayed as a CUDA graph", 200)
        logger.debug("something else")

    assert len(captures) == 1
    assert (logger.level, logger.handlers) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rows_of_the_host_are_right(dtype):
    found = _checks.check_rows_sent_ahead(CPU, dtype)

    assert all(holding(found).values())


def test_rows_of_the_host_that_are_wrong_are_counted(monkeypatch):
    def make_wrong(X, dtype, device):
        X = X.copy()
        X[[3, 5]] = X[[5, 3]]
        return make_rows(X, dtype, device)

    monkeypatch.setattr(_checks, "make_rows", make_wrong)

    found = _checks.check_rows_sent_ahead(CPU, torch.float32)

    assert Comparison("wrong rows, off from 0", 6, 0) in found  # two in each epoch


def test_a_full_device_has_room_again_later():
    X = np.zeros((3, 2))
    with full_device():
        assert type(make_rows(X, torch.float32, CPU)).__name__ == "HostRows"
    assert type(make_rows(X, torch.float32, CPU)).__name__ == "DenseRows"


def test_a_fit_to_rows_of_the_host_equals_that_to_resident_ones():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = _checks.check_fit_to_rows_sent_ahead(CPU)

    assert all(holding(found).values())


def test_a_process_without_a_gpu_that_fails_is_an_error(monkeypatch):
    monkeypatch.setattr(_checks, "_WITHOUT_GPU", "raise SystemExit('no such file')")

    outcome = run_check(Check("move", "pickles", _checks.check_pickled), CPU)

    assert outcome.status == "error"
    assert "The process without a GPU failed: no such file" in outcome.message


# --- how a check is run ---------------------------------------------------------------


def raise_error(device):
    raise ZeroDivisionError("no device")


def warn(device):
    warnings.warn("slow", RuntimeWarning, stacklevel=1)
    return [Comparison("loss", 0.2, 0.1)]


def test_an_error_is_an_outcome():
    outcome = run_check(Check("fit", "adam", raise_error), CPU)

    assert (outcome.part, outcome.name, outcome.status) == ("fit", "adam", "error")
    assert outcome.message.endswith("ZeroDivisionError: no device\n")


def test_a_difference_and_a_warning_are_kept():
    outcome = run_check(Check("fit", "adam", warn), CPU)

    assert outcome.status == "differs"
    assert outcome.comparisons == [Comparison("loss", 0.2, 0.1)]
    assert outcome.warnings == ["RuntimeWarning: slow"]


@pytest.mark.parametrize("device", [CPU, types.SimpleNamespace(type="mps")])
def test_what_needs_cuda_is_skipped_elsewhere(device):
    outcome = run_check(Check("fit", "adam", raise_error, needs_cuda=True), device)

    assert (outcome.status, outcome.message) == ("skipped", "needs CUDA")


def test_each_check_has_a_name_of_its_own():
    names = [(check.part, check.name) for check in list_checks()]

    assert len(set(names)) == len(names)
    assert names == [(c.part, c.name) for c in list_checks(is_quick=True)]


def test_all_estimators_are_fitted_and_moved():
    classes = {
        fit.cls
        for fits in (
            _fits.fits_of_classifiers(),
            _fits.fits_of_regressors(),
            _fits.fits_of_autoencoders(),
        )
        for fit in fits.values()
    }
    moves = [c.name for c in CHECKS if c.part == "from device to device"]

    assert classes == {MLPClassifier, MLPRegressor, AutoencoderTransformer}
    for cls in classes:
        assert sum(cls.__name__ in name for name in moves) == 3
