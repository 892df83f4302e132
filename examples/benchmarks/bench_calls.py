"""Time calls that do little against scikit-learn's: a row, a few epochs.

    OMP_NUM_THREADS=1 python examples/benchmarks/bench_calls.py

Both are asked for the same, in turn, of networks of 100 units for iris. Time is that of
the processor, in all threads together: what another program takes of it counts less
than in seconds. "rows one by one" is a call of ``partial_fit`` for each of 1,000 rows,
in lists and with the classes, as river's ``learn_one`` makes it.
"""

import time
import warnings
from collections.abc import Callable

from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from report import describe_load, format_table, load_average, write_json
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sknn_deep import MLPClassifier

ESTIMATORS = {"sknn_deep": MLPClassifier, "scikit-learn": SklearnClassifier}
X, y = load_iris(return_X_y=True)
CLASSES = [0, 1, 2]
N_ROWS = 1_000


def predict_proba(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    clf = estimator(max_iter=10, random_state=0).fit(X, y)
    return lambda: clf.predict_proba(X[:1])


def predict(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    clf = estimator(max_iter=10, random_state=0).fit(X, y)
    return lambda: clf.predict(X[:1])


def partial_fit(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    clf = estimator(random_state=0).partial_fit(X, y, classes=CLASSES)
    return lambda: clf.partial_fit(X[:1], y[:1])


def fit_one_epoch(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    return lambda: estimator(max_iter=1, random_state=0).fit(X, y)


def fit_ten_epochs(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    return lambda: estimator(max_iter=10, random_state=0).fit(X, y)


def rows_one_by_one(estimator: type[ClassifierMixin]) -> Callable[[], object]:
    rows, labels = X.tolist(), y.tolist()

    def learn():
        clf = estimator(random_state=0)
        for i in range(N_ROWS):
            row, label = rows[i % len(rows)], labels[i % len(rows)]
            clf.partial_fit([row], [label], classes=CLASSES)

    return learn


# What is called, and how often in a round.
CALLS: dict[str, tuple[Callable, int]] = {
    "predict_proba of a row": (predict_proba, 500),
    "predict of a row": (predict, 500),
    "partial_fit of a row": (partial_fit, 100),
    "fit of one epoch": (fit_one_epoch, 40),
    "fit of ten epochs": (fit_ten_epochs, 15),
    "rows one by one": (rows_one_by_one, 1),
}


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few epochs do not converge, and need not
        rounds = {name: play(name, args.rounds, args.share) for name in CALLS}

    rows = [
        [
            name,
            *(f"{1e3 * median_seconds(played, who):.3f}" for who in ESTIMATORS),
            f"{median_ratio(played, *ESTIMATORS):.2f}",
        ]
        for name, played in rounds.items()
    ]
    print(format_table(["CPU time in ms", *ESTIMATORS, "ours/theirs"], rows))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="calls",
        settings=vars(args),
        load_average=[load_before, load_average()],
        seconds={
            name: {who: [r[who].seconds for r in played] for who in ESTIMATORS}
            for name, played in rounds.items()
        },
    )


def play(name: str, n_rounds: int, share: float):
    make, n_calls = CALLS[name]
    n_calls = max(1, round(share * n_calls))
    contenders = {
        who: make_contender(make(estimator), n_calls)
        for who, estimator in ESTIMATORS.items()
    }
    return alternate(contenders, n_rounds).rounds


def make_contender(call: Callable[[], object], n_calls: int):
    call()  # what is made once in a process

    def contend(seed):
        start = time.process_time()
        for _ in range(n_calls):
            call()
        return Run((time.process_time() - start) / n_calls)

    return contend


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the calls of a round"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
