"""See what it costs to train on a file that is larger than the memory it may take.

    python examples/benchmarks/bench_mapped.py
    python examples/benchmarks/bench_mapped.py --gigabytes 0 --seeds 3 --blocks 4 16 64

The first table (Linux only) is of memory: a float32 memory map is written, and in a
process of its own a classifier is trained on it for an epoch and predicts it. What
counts is the peak of the process, file pages included, less that after the imports.

The second is of accuracy: MNIST, in its own order and sorted by class, in memory with
a full shuffle and from a file with the shuffle of blocks, and then again for other
numbers of blocks that are mixed at a time. It needs MNIST.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from arguments import make_parser
from data import load_mnist
from memory import in_fresh_process, peak_bytes
from report import describe_load, format_table, load_average, write_json
from sklearn.exceptions import ConvergenceWarning

from sknn_deep import MLPClassifier
from sknn_deep.rows import _orders


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    sizes, accuracies = {}, {}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "X.npy"
        if args.gigabytes:
            if not sys.platform.startswith("linux"):
                sys.exit(
                    "Peaks are read from /proc, which only Linux has: add "
                    "--gigabytes 0."
                )
            write_map(path, args.gigabytes, args.n_features)
            sizes = in_fresh_process(measure_memory, path)
            numbers = [f"{value:,.0f}" for value in sizes.values()]
            print(format_table(list(sizes), [numbers]), end="\n\n")
        if args.seeds:
            accuracies = compare_shuffles(path, args)
            print_accuracies(accuracies)
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="mapped",
        settings=vars(args),
        memory=sizes,
        accuracies=accuracies,
    )


def write_map(path, gigabytes, n_features):
    """Write normal numbers, a block at a time."""
    n_rows = round(gigabytes * 1e9 / (4 * n_features))
    X = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, n_features))
    rng = np.random.default_rng(0)
    for start in range(0, n_rows, 10_000):
        block = X[start : start + 10_000]
        block[:] = rng.standard_normal(block.shape, dtype=np.float32)
    X.flush()


def measure_memory(path):
    """Train and predict; give sizes in MB and times in seconds."""
    after_import = peak_bytes()
    X = np.load(path, mmap_mode="r")
    y = np.arange(len(X)) % 3
    clf = MLPClassifier((32,), batch_size=1024, max_iter=1, random_state=0)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y)
    fitted, after_fit = time.perf_counter(), peak_bytes()
    clf.predict(X)
    return {
        "File (MB)": X.nbytes / 1e6,
        "after import": after_import / 1e6,
        "rise by fit": (after_fit - after_import) / 1e6,
        "and predict": (peak_bytes() - after_import) / 1e6,
        "fit (s)": fitted - start,
        "predict (s)": time.perf_counter() - fitted,
    }


def compare_shuffles(path, args):
    """Give the test accuracies of each order of the rows, and each shuffle."""
    mnist = load_mnist(args.mnist, "float32")
    orders = {
        "as it is": np.arange(len(mnist.y_train)),
        "sorted by class": np.argsort(mnist.y_train, kind="stable"),
    }
    accuracies = {}
    for name, rows in orders.items():
        y = mnist.y_train[rows]
        np.save(path, mnist.X_train[rows])
        mapped = np.load(path, mmap_mode="r")
        X = mnist.X_train[rows]
        measured = {"full shuffle": fit_seeds(X, y, mnist, args)}
        with sklearn.config_context(working_memory=X.nbytes / 2**20 / 3):
            for n_blocks in [_orders._BLOCKS_PER_WINDOW, *args.blocks]:
                with blocks_per_window(n_blocks):
                    accuracy = fit_seeds(mapped, y, mnist, args)
                measured[f"{n_blocks} blocks"] = accuracy
        accuracies[name] = measured
    return accuracies


class blocks_per_window:
    """Mix another number of blocks at a time, for a while."""

    def __init__(self, n_blocks):
        self.n_blocks = n_blocks

    def __enter__(self):
        self.before = _orders._BLOCKS_PER_WINDOW
        _orders._BLOCKS_PER_WINDOW = self.n_blocks

    def __exit__(self, *error):
        _orders._BLOCKS_PER_WINDOW = self.before


def fit_seeds(X, y, mnist, args):
    """Give the test accuracy of one network for each seed."""
    accuracies = []
    for seed in range(args.seeds):
        clf = MLPClassifier((64,), max_iter=args.epochs, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, y)
        accuracies.append(clf.score(mnist.X_test, mnist.y_test))
    return accuracies


def print_accuracies(accuracies):
    rows = [
        [f"{order}, {shuffle}", f"{np.mean(values):.4f}", f"{np.std(values):.4f}"]
        for order, measured in accuracies.items()
        for shuffle, values in measured.items()
    ]
    print(format_table(["MNIST", "accuracy", "deviation"], rows), end="\n\n")


def parse_arguments(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument(
        "--gigabytes", type=float, default=2.0, metavar="SIZE", help="0: no memory"
    )
    parser.add_argument("--n-features", type=int, default=250, metavar="N")
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="0: no accuracies"
    )
    parser.add_argument("--epochs", type=int, default=4, metavar="N")
    parser.add_argument("--blocks", type=int, nargs="*", default=[], metavar="N")
    parser.add_argument("--folder", metavar="PATH", help="where the file is written")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
