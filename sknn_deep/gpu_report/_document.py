"""The report as a table to read, and as JSON."""

import json
import math

from sknn_deep.gpu_report._outcome import Comparison, Outcome, Timing

_HEADINGS = ("Part", "What", "Measured", "Beside", "Result")


def format_markdown(machine: dict, outcomes: list[Outcome]) -> str:
    """Write the machine as a line, and the outcomes as a table."""
    described = ", ".join(
        f"{name} {value}" for name, value in machine.items() if value is not None
    )
    rows = [row for outcome in outcomes for row in rows_of(outcome)]
    lines = [
        f"Machine: {described or 'unknown'}.",
        "",
        *(_line(cells) for cells in (_HEADINGS, ["---"] * len(_HEADINGS), *rows)),
        "",
        summarize(outcomes),
    ]
    return "\n".join(lines) + "\n"


def _line(cells) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def summarize(outcomes: list[Outcome]) -> str:
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("ok", "differs", "error", "skipped")
    }
    return ", ".join(f"{count} {status}" for status, count in counts.items()) + "."


def rows_of(outcome: Outcome) -> list[tuple[str, ...]]:
    """Give the rows of a check: its timings, and the comparisons that matter most."""
    part, name = outcome.part, outcome.name
    if outcome.status == "skipped":
        return [(part, name, "", "", f"skipped: {outcome.message}")]
    if outcome.status == "error":
        return [(part, name, "", "", f"error: {_shorten(outcome.message)}")]
    rows = [(part, *_cells_of_timing(timing)) for timing in outcome.timings]
    shown = [c for c in outcome.comparisons if not c.holds]
    if not shown and not outcome.timings:
        shown = [max(outcome.comparisons, key=_share)]
    rows += [_row_of_comparison(part, name, comparison) for comparison in shown]
    if outcome.warnings:
        *before, last = rows
        rows = [
            *before,
            (*last[:-1], f"{last[-1]}, {len(outcome.warnings)} warning(s)"),
        ]
    return rows


def _share(comparison: Comparison) -> float:
    """Tell how much of the tolerance is used up, for one that holds."""
    if comparison.tolerance == 0:
        return -1.0  # a count that is right says least
    return comparison.difference / comparison.tolerance


def _row_of_comparison(part: str, name: str, comparison: Comparison) -> tuple[str, ...]:
    return (
        part,
        name,
        f"{comparison.what}: {comparison.difference:.2g}",
        f"at most {comparison.tolerance:.2g}",
        "ok" if comparison.holds else "differs",
    )


def _cells_of_timing(timing: Timing) -> tuple[str, ...]:
    return (
        timing.what,
        _format_seconds(timing.seconds),
        f"{_format_seconds(timing.beside_seconds)} {timing.beside}",
        f"{timing.ratio:.2f} times as long",
    )


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 0.1 else f"{1000 * seconds:.3g} ms"


def _shorten(message: str) -> str:
    """Give the last line of a traceback, or how a process ended and what it said."""
    lines = message.strip().splitlines() or ["unknown"]
    is_traceback = lines[0].startswith("Traceback")
    return lines[-1] if is_traceback or len(lines) == 1 else f"{lines[0]} {lines[-1]}"


def format_json(machine: dict, outcomes: list[Outcome]) -> str:
    content = {
        "machine": machine,
        "outcomes": [outcome.to_dict() for outcome in outcomes],
    }
    return json.dumps(_plain(content), indent=2, allow_nan=False) + "\n"


def _plain(value):
    """Write NaN and infinity, which JSON has not, as text."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_odd else value
