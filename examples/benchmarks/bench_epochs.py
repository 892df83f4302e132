"""See whether an epoch takes the same time however many came before it.

    python examples/benchmarks/bench_epochs.py

A 10-16-2 network on 100 rows, the two columns of y being labels of their own: here it
is what surrounds a step that counts. Of `fit` it is the time of all epochs, divided by
their number; of `partial_fit` that of a call after so many calls. All is processor
time, ours and scikit-learn's in turn, in microseconds.
"""

import time
from functools import partial

import numpy as np
from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from contenders import fit_quietly
from report import describe_load, format_table, load_average, write_json
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sknn_deep import MLPClassifier

ESTIMATORS = {"sknn_deep": MLPClassifier, "scikit-learn": SklearnClassifier}
CALLS_AT_A_TIME = 200


def main(argv=None):
    args = parse_arguments(argv)
    data = make_data()
    load_before = load_average()
    lengths = [("epochs", n) for n in args.epochs] + [("calls", n) for n in args.calls]
    contenders = {
        name_of(name, length): make_contender(ESTIMATORS[name], length, data)
        for length in lengths
        for name in ESTIMATORS
    }
    alternation = alternate(contenders, args.rounds)

    rounds = alternation.rounds
    rows = [describe(rounds, length, lengths) for length in lengths]
    print("10-16-2, 100 rows: microseconds of an epoch, and of a call of partial_fit")
    print(format_table(["", *ESTIMATORS, "ours/theirs", "ours/ours at first"], rows))
    print(alternation)
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="epochs",
        settings=vars(args),
        seconds={name: [r[name].seconds for r in rounds] for name in contenders},
    )


def name_of(name, length):
    unit, n = length
    return f"{name}, {n:,} {unit}"


def describe(rounds, length, lengths):
    """Make a line of the table; `lengths` says which is the first of its unit."""
    first = next(other for other in lengths if other[0] == length[0])
    ours, theirs = (name_of(name, length) for name in ESTIMATORS)
    return [
        f"{length[1]:,} {length[0]}",
        *(f"{1e6 * median_seconds(rounds, name):,.0f}" for name in (ours, theirs)),
        f"{median_ratio(rounds, ours, theirs):.2f}",
        f"{median_ratio(rounds, ours, name_of('sknn_deep', first)):.2f}",
    ]


def make_data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((100, 10)), rng.integers(2, size=(100, 2))


def make_contender(Estimator, length, data):
    unit, n = length
    if unit == "epochs":
        return partial(time_epochs, Estimator, n, data)
    network = make_network(Estimator)
    for _ in range(n):
        call(network, data)
    return partial(time_calls, network, data)


def make_network(Estimator, max_iter=1):
    """Make a network that does not stop before its last epoch."""
    return Estimator(
        (16,), max_iter=max_iter, n_iter_no_change=max_iter, random_state=0
    )


def call(network, data):
    network.partial_fit(*data, classes=[0, 1])


def time_epochs(Estimator, n_epochs, data, seed):
    network = make_network(Estimator, n_epochs)
    start = time.process_time()
    fit_quietly(network, *data)
    seconds = time.process_time() - start
    assert len(network.loss_curve_) == n_epochs
    return Run(seconds / n_epochs)


def time_calls(network, data, seed):
    start = time.process_time()
    for _ in range(CALLS_AT_A_TIME):
        call(network, data)
    return Run((time.process_time() - start) / CALLS_AT_A_TIME)


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--epochs", type=int, nargs="*", default=[1_000, 10_000, 40_000], metavar="N"
    )
    parser.add_argument(
        "--calls", type=int, nargs="*", default=[1_000, 100_000], metavar="N"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
