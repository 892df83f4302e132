"""Time fit and prediction of sparse rows against scikit-learn's.

    python examples/benchmarks/bench_sparse.py
    python examples/benchmarks/bench_sparse.py --dtype float32

Rows are drawn at random, of which few numbers are not zero, as of texts; the label is
the largest of four linear functions.
"""

import time

import numpy as np
import scipy.sparse
from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from contenders import fit_quietly
from report import describe_load, format_table, load_average, write_json
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sknn_deep import MLPClassifier

ESTIMATORS = {"sknn_deep": MLPClassifier, "scikit-learn": SklearnClassifier}


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    X, y = make_data(args)
    networks = {
        name: Estimator((100,), max_iter=args.epochs, random_state=0)
        for name, Estimator in ESTIMATORS.items()
    }
    tasks = {
        "fit": (1, lambda network: fit_quietly(network, X, y)),
        "predict_proba": (20, lambda network: network.predict_proba(X)),
    }
    played = {}
    for task, (n_calls, call) in tasks.items():
        contenders = {
            name: make_contender(call, network, n_calls)
            for name, network in networks.items()
        }
        played[task] = alternate(contenders, args.rounds)

    print(
        f"{X.shape[0]:,} x {X.shape[1]:,} as {args.dtype}, {args.density:.1%} not "
        f"zero, one hidden layer of 100, {args.epochs} epoch(s)"
    )
    rows = [
        [
            task,
            *(f"{median_seconds(alternation.rounds, n):.4f}" for n in ESTIMATORS),
            f"{median_ratio(alternation.rounds, *ESTIMATORS):.2f}",
        ]
        for task, alternation in played.items()
    ]
    print(format_table(["seconds", *ESTIMATORS, "ours/this"], rows))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="sparse",
        settings=vars(args),
        seconds={
            task: {n: [r[n].seconds for r in alternation.rounds] for n in ESTIMATORS}
            for task, alternation in played.items()
        },
    )


def make_data(args):
    X = scipy.sparse.random_array(
        (args.n_rows, args.n_features),
        density=args.density,
        format="csr",
        dtype=args.dtype,
        random_state=np.random.default_rng(0),
    )
    slopes = np.random.default_rng(0).standard_normal((args.n_features, 4))
    return X, np.argmax(X @ slopes, axis=1)


def make_contender(call, network, n_calls):
    """Make what calls several times in a row: threads need milliseconds to wake up."""
    call(network)  # first calls allocate

    def run(number):
        start = time.perf_counter()
        for _ in range(n_calls):
            call(network)
        return Run((time.perf_counter() - start) / n_calls)

    return run


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9)
    parser.add_argument("--n-rows", type=int, default=3_000, metavar="N")
    parser.add_argument("--n-features", type=int, default=20_000, metavar="N")
    parser.add_argument("--density", type=float, default=0.005, metavar="SHARE")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--epochs", type=int, default=2, metavar="N")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
