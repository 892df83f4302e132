"""Checks in a process of their own, which is replaced when it fails or hangs."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sknn_deep.gpu_report._list import Check, list_checks
from sknn_deep.gpu_report._outcome import Outcome

_WORKER = "sknn_deep.gpu_report._worker"
# Until a process has imported torch, and started CUDA on a cold machine.
_STARTUP_SECONDS = 120.0
# A process that waits for its driver cannot be killed, and is not waited for.
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.05
_TIME_IS_OVER = "The time of the whole report was over."
# Of what a process printed, the last characters.
_N_PRINTED = 2000


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    device : str
        "auto" or a torch device.

    is_quick : bool
        Whether less is timed, as it is on a CPU.

    mnist : Path or None

    seconds : float
        After which nothing goes on.
    """

    device: str = "auto"
    is_quick: bool = False
    mnist: Path | None = None
    seconds: float = 480.0


def run_plan(
    plan: Plan, *, on_outcome: Callable[[Outcome], None] = lambda outcome: None
) -> tuple[dict, list[Outcome]]:
    """Run all checks, one after the other.

    Returns
    -------
    machine : dict
        What is known of it, if anything.

    outcomes : list of Outcome
        Of each check, or of what kept all of them from beginning.
    """
    deadline = time.monotonic() + plan.seconds
    checks = list_checks(is_quick=plan.is_quick, mnist=plan.mnist)
    machine: dict = {}
    outcomes: list[Outcome] = []

    def add(outcome: Outcome) -> None:
        outcomes.append(outcome)
        on_outcome(outcome)

    while len(outcomes) < len(checks):
        if time.monotonic() > deadline and machine:
            add(_broken_off(checks, len(outcomes), _TIME_IS_OVER))
            continue
        n_before = len(outcomes)
        for note in run_worker(plan, checks, n_before, deadline):
            machine = note.get("machine", machine)
            if "outcome" in note:
                add(Outcome.from_dict(note["outcome"]))
            if "ending" not in note:
                continue
            if not machine:
                add(Outcome("start", "", "error", message=note["ending"]))
                return machine, outcomes
            # After an error of CUDA a process cannot always end well.
            has_erred = len(outcomes) > n_before and outcomes[-1].status == "error"
            if not has_erred:
                add(_broken_off(checks, len(outcomes), note["ending"]))
    return machine, outcomes


def _broken_off(checks: list[Check], number: int, message: str) -> Outcome:
    """Give the outcome of a check that did not end, or of an end after the last."""
    if number == len(checks):
        return Outcome("end", "", "error", message=message)
    check = checks[number]
    return Outcome(check.part, check.name, "error", message=message)


def run_worker(
    plan: Plan, checks: list[Check], start: int, deadline: float
) -> Iterator[dict]:
    """Run checks from number `start` on, until one has an error or hangs.

    Yields
    ------
    note : dict
        What the process notes; "ending" if it does not end by itself, or not well.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        record, printed = Path(folder) / "record", Path(folder) / "printed"
        record.touch()
        arguments = {
            "start": start,
            "device": plan.device,
            "is_quick": plan.is_quick,
            "mnist": None if plan.mnist is None else str(plan.mnist),
            "record": str(record),
        }
        with printed.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", _WORKER, json.dumps(arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            for note in _follow(process, record, checks, deadline):
                if "ending" in note:
                    text = printed.read_text(encoding="utf-8", errors="replace")
                    told = f"{note['ending']}\n{text[-_N_PRINTED:]}"
                    note = {"ending": told.strip()}
                yield note
        finally:
            process.kill()  # nothing, if it has ended
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILL_SECONDS)


def _follow(
    process: subprocess.Popen, record: Path, checks: list[Check], deadline: float
) -> Iterator[dict]:
    """Yield what a process notes, and how it ends if that is not well."""
    n_read, limit, since = 0, _STARTUP_SECONDS, time.monotonic()
    while True:
        has_ended = process.poll() is not None  # before what it noted last is read
        for note in _read_notes(record)[n_read:]:
            n_read, since = n_read + 1, time.monotonic()
            if "begin" in note:
                limit = checks[note["begin"]].limit
            yield note
        if has_ended:
            if process.returncode != 0:
                code = process.returncode
                yield {"ending": f"The process ended with the exit code {code}."}
            return
        now = time.monotonic()
        if now > deadline:
            yield {"ending": _TIME_IS_OVER}
            return
        if now > since + limit:
            yield {"ending": f"It took more than {limit:.0f} seconds, and was ended."}
            return
        time.sleep(_POLL_SECONDS)


def _read_notes(record: Path) -> list[dict]:
    """Read the lines that were written to their end."""
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
