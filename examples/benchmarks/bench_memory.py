"""See how much memory `fit` takes beyond the data (Linux only).

    python examples/benchmarks/bench_memory.py
    python examples/benchmarks/bench_memory.py --contenders torch-loop scikit-learn

X is a float32 array of one gigabyte. Each contender fits in a process of its own; what
counts is the peak of its resident memory, less what it held after the imports, less X,
less y.
"""

import sys

import numpy as np
from arguments import make_parser
from contenders import FITS, Task
from data import Data
from memory import in_fresh_process, peak_bytes, resident_bytes
from report import format_table, write_json


def main(argv=None):
    args = parse_arguments(argv)
    if not sys.platform.startswith("linux"):
        sys.exit("bench_memory.py reads /proc/self/status, which only Linux has.")
    measured = {
        name: in_fresh_process(
            measure_fit, name, args.gigabytes, args.n_features, args.batch_size
        )
        for name in ["sknn_deep", *args.contenders]
    }
    rows = [
        [name, *(f"{n_bytes / 1e6:,.0f}" for n_bytes in sizes.values())]
        for name, sizes in measured.items()
    ]
    headings = ["MB", *next(iter(measured.values()))]
    print(format_table(headings, rows))
    write_json(args.json, benchmark="memory", settings=vars(args), n_bytes=measured)


def measure_fit(name, gigabytes, n_features, batch_size):
    """Fit for one epoch; give the sizes in bytes."""
    after_import = resident_bytes()
    n_rows = round(gigabytes * 1e9 / (4 * n_features))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    y = rng.integers(10, size=n_rows)
    data = Data(X, X[:100], y, y[:100])
    FITS[name](Task(data, hidden=(128, 64), batch_size=batch_size, epochs=1), 0)
    peak = peak_bytes()
    return {
        "after import": after_import,
        "X": X.nbytes,
        "y": y.nbytes,
        "peak": peak,
        "peak beyond these": peak - after_import - X.nbytes - y.nbytes,
    }


def parse_arguments(argv=None):
    parser = make_parser(__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0, metavar="SIZE")
    parser.add_argument("--n-features", type=int, default=250, metavar="N")
    parser.add_argument("--batch-size", type=int, default=1024, metavar="N")
    parser.add_argument(
        "--contenders",
        nargs="*",
        choices=[name for name in FITS if name != "sknn_deep"],
        default=[],
        metavar="NAME",
        help="also measure these, among %(choices)s",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
