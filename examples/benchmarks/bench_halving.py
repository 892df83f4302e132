"""Time successive halving whose networks train together, against scikit-learn's.

    python examples/benchmarks/bench_halving.py
    python examples/benchmarks/bench_halving.py --other ../sknn_deep-0.1 --rounds 9

27 candidates of 64-100-10 on digits, five folds: learning rate x alpha x three seeds,
by epochs up to 60. scikit-learn's ``HalvingGridSearchCV`` fits our estimator, or that
of the checkout in ``--other``, one network after the other. Each contender has a
process of its own, and they take turns; a ratio is the batched search's time divided by
the other's, the median over the rounds. The time is that of the processor, in all
threads; with ``--clock wall`` it is what passes, and nothing else should run then. The
winner and the rounds must be the same.
"""

import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from report import describe_load, format_table, load_average, write_json
from sklearn.datasets import load_digits

GRID = {
    "learning_rate_init": [0.0003, 0.001, 0.003],
    "alpha": [1e-5, 1e-3, 1e-1],
    "random_state": [0, 1, 2],
}
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
ROUNDS = ("n_candidates_", "n_resources_", "best_params_")
BATCHED, WARM, THEIRS = "batched", "batched, warm_start", "scikit-learn's"


def main(argv=None):
    args = parse_arguments(argv)
    searches = {BATCHED: None, WARM: None, THEIRS: args.other}
    outcomes = {}
    load_before = load_average()
    pools = {name: start(path) for name, path in searches.items()}
    contenders = {
        name: partial(search, pool, name, args, outcomes)
        for name, pool in pools.items()
    }
    for contender in contenders.values():
        contender(0)  # first calls import and allocate
    rounds = alternate(contenders, args.rounds, max_repeats=0).rounds
    for pool in pools.values():
        pool.shutdown()

    print(
        f"digits as {args.dtype}, 64-100-10: 27 candidates x 5 folds, {args.epochs} "
        "epochs"
    )
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.2f}",
            "" if name == BATCHED else f"{median_ratio(rounds, BATCHED, name):.2f}",
            f"{rounds[0][name].accuracy:.4f}",
        ]
        for name in contenders
    ]
    print(
        format_table(["", f"{args.clock} seconds", "batched/this", "best score"], rows)
    )
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome}")
    print("same winner and rounds:", outcomes[BATCHED] == outcomes[THEIRS])
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="halving",
        settings=vars(args),
        rounds=[{name: vars(run) for name, run in r.items()} for r in rounds],
    )


def start(path: str | None) -> ProcessPoolExecutor:
    """Start a process, which imports the package from `path` if there is one."""
    return ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_prefer, initargs=(path,)
    )


def _prefer(path: str | None) -> None:
    if path is not None:
        sys.path.insert(0, os.path.abspath(path))


def search(pool, name, args, outcomes, number):
    options = (name, args.dtype, args.epochs, args.clock)
    run, outcomes[name] = pool.submit(_search, *options).result()
    return run


def _search(name: str, dtype: str, n_epochs: int, clock: str) -> tuple[Run, dict]:
    from sknn_deep import MLPClassifier

    X, y = load_digits(return_X_y=True)
    network = MLPClassifier(tol=0)
    options = {"resource": "max_iter", "max_resources": n_epochs, "refit": False}
    if name == THEIRS:
        from sklearn.experimental import enable_halving_search_cv  # noqa: F401
        from sklearn.model_selection import HalvingGridSearchCV as Search
    else:
        from sknn_deep.model_selection import BatchedHalvingGridSearchCV as Search

        options["warm_start"] = name == WARM
    halving = Search(network, GRID, return_train_score=False, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few epochs do not converge
        start = CLOCKS[clock]()
        halving.fit((X / 16).astype(dtype), y)
        seconds = CLOCKS[clock]() - start
    score = halving.cv_results_["mean_test_score"][halving.best_index_]
    return Run(seconds, float(score)), {key: getattr(halving, key) for key in ROUNDS}


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--epochs", type=int, default=60, metavar="N")
    parser.add_argument(
        "--other", metavar="PATH", help="checkout whose estimator is fitted one by one"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
