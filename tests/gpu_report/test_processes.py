"""A process that dies or hangs costs its check alone."""

import os
import time
from pathlib import Path

import pytest

from sknn_deep.gpu_report import _processes
from sknn_deep.gpu_report._list import Check
from sknn_deep.gpu_report._processes import Plan, run_plan

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def processes(monkeypatch):
    """Let three checks be run by what `workers.py` has; list the processes."""
    checks = [Check("part", str(number), None, limit=3.0) for number in range(3)]
    monkeypatch.setattr(_processes, "list_checks", lambda **options: checks)
    monkeypatch.setattr(_processes, "_WORKER", "tests.gpu_report.workers")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    )
    started = []

    class Popen(_processes.subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(_processes.subprocess, "Popen", Popen)
    yield started
    assert all(process.poll() is not None for process in started), "one goes on"


def statuses_of(outcomes):
    return [(outcome.name, outcome.status) for outcome in outcomes]


def test_a_process_that_dies_is_replaced(processes):
    told = []

    machine, outcomes = run_plan(Plan("die"), on_outcome=told.append)

    assert machine == {"device": "cpu"}
    assert statuses_of(outcomes) == [("0", "ok"), ("1", "error"), ("2", "ok")]
    assert outcomes[1].message == (
        "The process ended with the exit code 139.\n"
        "CUDA error: an illegal memory access was encountered"
    )
    assert told == outcomes
    assert len(processes) == 2


def test_a_process_that_hangs_is_ended_and_replaced(processes):
    start = time.monotonic()

    _, outcomes = run_plan(Plan("hang"))

    assert statuses_of(outcomes) == [("0", "ok"), ("1", "error"), ("2", "ok")]
    assert outcomes[1].message == "It took more than 3 seconds, and was ended."
    assert time.monotonic() - start < 60
    assert len(processes) == 2


def test_after_an_error_another_process_goes_on(processes):
    _, outcomes = run_plan(Plan("error"))

    assert statuses_of(outcomes) == [("0", "error"), ("1", "error"), ("2", "error")]
    assert len(processes) == 3


def test_an_error_that_kills_the_process_is_one_error(processes):
    _, outcomes = run_plan(Plan("die_after_error"))

    assert statuses_of(outcomes) == [("0", "error"), ("1", "ok"), ("2", "ok")]
    assert len(processes) == 2


def test_a_process_that_dies_after_the_last_check_is_an_error(processes):
    _, outcomes = run_plan(Plan("die_in_the_end"))

    assert statuses_of(outcomes) == [(str(n), "ok") for n in range(3)] + [("", "error")]
    assert outcomes[-1].message == "The process ended with the exit code 134."


def test_a_process_that_cannot_start_again_costs_a_check_each_time(processes):
    _, outcomes = run_plan(Plan("start_once"))

    assert statuses_of(outcomes) == [("0", "error"), ("1", "error"), ("2", "error")]
    assert [o.message for o in outcomes[1:]] == [
        "The process ended with the exit code 1.\nno more memory"
    ] * 2


def test_without_a_device_nothing_begins(processes):
    machine, outcomes = run_plan(Plan("no_device"))

    assert machine == {}
    assert statuses_of(outcomes) == [("", "error")]
    assert outcomes[0].message == (
        "The process ended with the exit code 1.\nValueError: there is no such device"
    )


@pytest.mark.parametrize("device, n_outcomes", [("hang", 3), ("hang_at_once", 1)])
def test_nothing_goes_on_when_the_time_is_over(device, n_outcomes, processes):
    if device == "hang":
        _processes.list_checks()[1:] = [Check("part", "1", None, limit=600.0)] * 2

    _, outcomes = run_plan(Plan(device, seconds=5.0))

    assert len(outcomes) == n_outcomes
    assert [outcome.message for outcome in outcomes if outcome.status == "error"] == [
        "The time of the whole report was over."
    ] * (2 if device == "hang" else 1)
