"""Time `predict` against scikit-learn's, and see how much memory it takes.

    python examples/benchmarks/bench_predict.py

Both networks have the same shape and little training, which does not matter here. The
memory is the peak beyond what the process held before, X included, in a process of its
own for each contender; it is measured on Linux only.
"""

import sys
import time

import numpy as np
from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from contenders import fit_quietly
from data import make_table
from memory import in_fresh_process, peak_bytes, reset_peak, resident_bytes
from report import describe_load, format_table, load_average, write_json
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sknn_deep import MLPClassifier

ESTIMATORS = {"sknn_deep": MLPClassifier, "scikit-learn": SklearnClassifier}


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    X = make_X(args.n_rows, args.n_features)
    contenders = {
        name: make_contender(fit(name, X, args.hidden), X) for name in ESTIMATORS
    }
    alternation = alternate(contenders, args.rounds)
    del X, contenders
    peaks = {name: measure_peak(name, args) for name in ESTIMATORS}

    rounds = alternation.rounds
    print(
        f"predict: {args.n_rows:,} x {args.n_features} as float32, "
        f"hidden layers {args.hidden}"
    )
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.4f}",
            "" if name == "sknn_deep" else f"{ratio(rounds, name):.2f}",
            "unknown" if peaks[name] is None else f"{peaks[name] / 1e6:.0f}",
        ]
        for name in ESTIMATORS
    ]
    print(format_table(["", "seconds", "ours/this", "peak beyond X (MB)"], rows))
    print(alternation)
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="predict",
        settings=vars(args),
        seconds={name: [r[name].seconds for r in rounds] for name in ESTIMATORS},
        peak_bytes_beyond_X=peaks,
    )


def ratio(rounds, name):
    return median_ratio(rounds, "sknn_deep", name)


def make_X(n_rows, n_features):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n_rows, n_features), dtype=np.float32)


def fit(name, X, hidden):
    """Fit for one epoch to few rows: enough for a network of the right shape."""
    X_few, y_few = make_table(1_000, X.shape[1])
    clf = ESTIMATORS[name](hidden_layer_sizes=tuple(hidden), max_iter=1, random_state=0)
    return fit_quietly(clf, X_few, y_few)


def make_contender(clf, X):
    clf.predict(X[:1_000])  # first calls allocate

    def predict(seed):
        start = time.perf_counter()
        clf.predict(X)
        return Run(time.perf_counter() - start)

    return predict


def measure_peak(name, args):
    """Give the bytes that `predict` takes beyond what is there before."""
    if not sys.platform.startswith("linux"):
        return None
    return in_fresh_process(
        peak_of_predict, name, args.n_rows, args.n_features, args.hidden
    )


def peak_of_predict(name, n_rows, n_features, hidden):
    X = make_X(n_rows, n_features)
    clf = fit(name, X, hidden)
    clf.predict(X[:1_000])
    before = resident_bytes()
    reset_peak()
    clf.predict(X)
    return peak_bytes() - before


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9)
    parser.add_argument("--n-rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--n-features", type=int, default=100, metavar="N")
    parser.add_argument("--hidden", type=int, nargs="*", default=[128, 64], metavar="N")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
