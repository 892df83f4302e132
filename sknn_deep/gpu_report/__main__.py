"""Check what this package computes on a GPU, and time it.

    python -m sknn_deep.gpu_report
    python -m sknn_deep.gpu_report --output report --mnist mnist.npz
    python -m sknn_deep.gpu_report --device cpu

Prints a table. The exit code is 1 if a check failed.
"""

import argparse
import os
import sys
from pathlib import Path

from sknn_deep.gpu_report._document import format_json, format_markdown
from sknn_deep.gpu_report._outcome import Outcome
from sknn_deep.gpu_report._processes import Plan, run_plan


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    plan = Plan(args.device, args.quick, args.mnist, args.seconds)
    machine, outcomes = run_plan(plan, on_outcome=tell)
    table = format_markdown(machine, outcomes)
    print(table, end="")
    if args.output is not None:
        for suffix, text in {
            ".md": table,
            ".json": format_json(machine, outcomes),
        }.items():
            Path(f"{args.output}{suffix}").write_text(text, encoding="utf-8")
    return int(any(outcome.is_failure for outcome in outcomes))


def tell(outcome: Outcome) -> None:
    """Say on the error stream how far the report is."""
    name = f"{outcome.part}, {outcome.name}" if outcome.name else outcome.part
    print(f"{name}: {outcome.status} ({outcome.seconds:.1f} s)", file=sys.stderr)
    for text in (outcome.message, *outcome.warnings):
        if text:
            print(f"    {text}", file=sys.stderr)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sknn_deep.gpu_report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="what to check, such as cuda:1; the default is what a fit would take",
    )
    parser.add_argument(
        "--quick", action="store_true", help="time less, as on a CPU; check the same"
    )
    parser.add_argument(
        "--mnist",
        type=Path,
        default=os.environ.get("SKNN_DEEP_MNIST"),
        metavar="PATH",
        help="MNIST in Keras' npz format (default: $SKNN_DEEP_MNIST, else images that "
        "are like it)",
    )
    parser.add_argument(
        "--output", metavar="NAME", help="write NAME.md and NAME.json as well"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=Plan.seconds,
        help="end after so many seconds (default: %(default)s)",
    )
    args = parser.parse_args(argv)
    if args.mnist is not None and not args.mnist.is_file():
        parser.error(f"there is no file {args.mnist}")
    return args


if __name__ == "__main__":
    sys.exit(main())
