"""Compare what `import sknn_deep` costs with what its dependencies cost alone.

    python examples/benchmarks/bench_import.py

The cost is processor time, of which a fresh process needs at least so much: the minimum
over some processes that take turns.
"""

import resource
import subprocess
import sys

from arguments import make_parser
from report import describe_load, format_table, load_average, write_json

STATEMENTS = {
    "sknn_deep": "import sknn_deep",
    "dependencies": "import torch, skorch, sklearn",
}


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    for statement in STATEMENTS.values():
        cpu_seconds(statement)  # the first import compiles and fills the disk's cache
    seconds = {name: [] for name in STATEMENTS}
    for _ in range(args.processes):
        for name, statement in STATEMENTS.items():
            seconds[name].append(cpu_seconds(statement))

    least = {name: min(values) for name, values in seconds.items()}
    share = least["sknn_deep"] / least["dependencies"]
    rows = [
        [STATEMENTS["sknn_deep"], f"{least['sknn_deep']:.2f}", ""],
        [STATEMENTS["dependencies"], f"{least['dependencies']:.2f}", f"{share:.2f}"],
    ]
    print(format_table(["", "CPU seconds", "ours/this"], rows))
    print(f"least of {args.processes} processes each")
    print(describe_load(load_before))
    write_json(args.json, benchmark="import", settings=vars(args), cpu_seconds=seconds)


def cpu_seconds(statement):
    """Give the processor time of a fresh process that runs `statement`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parse_arguments(argv=None):
    parser = make_parser(__doc__)
    parser.add_argument(
        "--processes", type=int, default=10, metavar="N", help="of each kind"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
