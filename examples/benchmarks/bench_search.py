"""Time a grid search over networks that are trained together, and one after the other.

    python examples/benchmarks/bench_search.py
    python examples/benchmarks/bench_search.py --grid seeds --epochs 60 --rounds 9
    python examples/benchmarks/bench_search.py --busy --against PATH
    python examples/benchmarks/bench_search.py --output search.png

Candidates of 64-100-10 on digits, five folds: learning rate x alpha x dropout, or
learning rate x alpha x three seeds, which scikit-learn's own MLP can search too. The
contenders take turns. A ratio is the median over the rounds of the batched search's
time divided by the contender's: below one, the batched search is faster. With
``--output`` the time is drawn over the number of candidates. Let nothing else run.

The line below the table tells what a step of one network in a stack costs of a core's
time, and what its matrix products alone do in the same run: the first is the difference
between searches of many epochs and of one. With ``--busy`` a process spins meanwhile;
the system moves it where it likes. With ``--against`` one at a time is another build of
the package, in that folder.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import sklearn.neural_network
import torch
from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from bench_scaling import STYLES
from matplotlib.figure import Figure
from report import describe_load, format_table, load_average, write_json
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknn_deep import MLPClassifier
from sknn_deep.model_selection import BatchedGridSearchCV

RATES = [0.0003, 0.001, 0.003]
ALPHAS = [1e-5, 1e-3, 1e-1]
GRIDS = {
    "dropout": {"dropout": [0.0, 0.1, 0.2]},
    "seeds": {"random_state": [0, 1, 2]},
}
OURS = "batched"
COLORS = {
    OURS: STYLES["sknn_deep"],
    "one at a time": {"color": "#cc79a7", "marker": "v"},
    "n_jobs=2": STYLES["torch-loop"],
    "scikit-learn, n_jobs=2": STYLES["scikit-learn"],
}


def main(argv=None):
    args = parse_arguments(argv)
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(args.dtype)
    grid = {
        "learning_rate_init": RATES,
        "alpha": ALPHAS[: args.n_alphas],
    } | GRIDS[args.grid]
    load_before = load_average()
    contenders = make_contenders(args.grid, grid, X, y, args.epochs)
    if args.against is not None:
        contenders["one at a time"] = partial(
            time_other_build, args.against, json.dumps(grid), args.dtype, args.epochs
        )
    with spinning() if args.busy else contextlib.nullcontext():
        alternation = alternate(contenders, args.rounds)
        costs = measure_steps(grid, X, y, args.epochs)
    rounds = alternation.rounds

    n_candidates = int(np.prod([len(values) for values in grid.values()]))
    print(
        f"digits as {args.dtype}, 64-100-10, batch size 200, {args.epochs} epochs: "
        f"{n_candidates} candidates x 5 folds, {args.grid}"
    )
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.2f}",
            "" if name == OURS else f"{median_ratio(rounds, OURS, name):.2f}",
            f"{rounds[0][name].accuracy:.4f}",
        ]
        for name in contenders
    ]
    print(format_table(["", "seconds", "batched/this", "best score"], rows))
    step, products = costs
    print(
        f"a network's step in a stack: {step:.0f} us of a core, its products alone "
        f"{products:.0f} us"
    )
    print(alternation)
    print(describe_load(load_before))
    curves = None
    if args.output is not None:
        curves = time_numbers(X, y, args.epochs, args.rounds)
        draw(curves, args.epochs).savefig(args.output, dpi=150)
        print(f"Picture: {args.output}")
    write_json(
        args.json,
        benchmark="search",
        settings=vars(args),
        rounds=[
            {name: run.seconds for name, run in played.items()} for played in rounds
        ],
        curves=curves,
        step_microseconds=step,
        products_microseconds=products,
    )


@contextlib.contextmanager
def spinning():
    """Keep one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def time_other_build(folder, grid, dtype, epochs, number):
    """Search one at a time with the build in another folder."""
    script = Path(__file__).with_name("one_at_a_time.py")
    done = subprocess.run(
        [sys.executable, script, grid, dtype, str(epochs)],
        env={**os.environ, "PYTHONPATH": folder},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Run(*map(float, done.stdout.split()))


def measure_steps(grid, X, y, epochs):
    """Give microseconds of a core for a network's step, and for its products."""
    n_batches = -(-len(X) * 4 // 5 // 200)
    n_candidates = int(np.prod([len(values) for values in grid.values()]))
    n_steps = n_candidates * 5 * epochs * n_batches
    steps, products = [], []
    for _ in range(3):
        spent = []
        for n in (1, epochs + 1):
            clf = MLPClassifier(max_iter=n, tol=0, random_state=0)
            start = time.process_time()
            time_search(BatchedGridSearchCV(clf, grid), X, y, 0)
            spent.append(time.process_time() - start)
        steps.append(1e6 * (spent[1] - spent[0]) / n_steps)
        products.append(time_products(len(X) * 4 // 5, X.dtype.name))
    return statistics.median(steps), statistics.median(products)


def time_products(n_rows, dtype, *, n_networks=9, n_rounds=20):
    """Time the five products of a step of 64-100-10, on average over an epoch."""
    make = partial(torch.randn, dtype=getattr(torch, dtype))
    sizes = [*[200] * (n_rows // 200), n_rows % 200]
    arrays = [
        (
            make(n_networks, n, 64),
            make(n_networks, n, 100),
            make(n_networks, n, 10),
            make(n_networks, 64, 100),
            make(n_networks, 100, 10),
        )
        for n in sizes
    ]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.process_time()
    for _ in range(n_rounds):
        for X, hidden, output, first, second in arrays:
            torch.bmm(X, first, out=hidden)
            torch.bmm(hidden, second)
            torch.bmm(hidden.mT, output)
            torch.bmm(output, second.mT)
            torch.bmm(X.mT, hidden)
    seconds = time.process_time() - start
    torch.set_num_threads(before)
    return 1e6 * seconds / (n_rounds * len(sizes) * n_networks)


def make_contenders(kind, grid, X, y, epochs):
    """Make the searches over one grid, by name."""
    settings = {"max_iter": epochs, "tol": 0, "random_state": 0}
    ours = MLPClassifier(**settings)
    searches = {
        OURS: BatchedGridSearchCV(ours, grid),
        "one at a time": GridSearchCV(ours, grid),
        "n_jobs=2": GridSearchCV(ours, grid, n_jobs=2),
    }
    if kind == "seeds":
        theirs = sklearn.neural_network.MLPClassifier(**settings)
        searches["scikit-learn, n_jobs=2"] = GridSearchCV(theirs, grid, n_jobs=2)
    return {
        name: partial(time_search, search, X, y) for name, search in searches.items()
    }


def time_search(search, X, y, number):
    """Search once, without the refit."""
    search.set_params(refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        search.fit(X, y)
        seconds = time.perf_counter() - start
    return Run(seconds, search.cv_results_["mean_test_score"].max())


def time_numbers(X, y, epochs, n_rounds):
    """Time searches of more and more candidates: learning rates x seeds."""
    curves = {}
    for n_seeds in (1, 2, 4, 8):
        grid = {"learning_rate_init": RATES, "random_state": list(range(n_seeds))}
        contenders = make_contenders("seeds", grid, X, y, epochs)
        rounds = alternate(contenders, n_rounds).rounds
        curves[len(RATES) * n_seeds] = {
            name: median_seconds(rounds, name) for name in contenders
        }
    return curves


def draw(curves, epochs):
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    for name, style in COLORS.items():
        seconds = [by_name[name] for by_name in curves.values()]
        ax.plot(list(curves), seconds, label=name, **style)
    ax.set(
        xlabel="Candidates, on five folds each",
        ylabel="Seconds of the search",
        title=f"64-100-10 on digits, {epochs} epochs, two cores",
        xlim=(0, None),
        ylim=(0, None),
    )
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--grid", choices=GRIDS, default="dropout")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--n-alphas", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--epochs", type=int, default=10, metavar="N")
    parser.add_argument(
        "--busy", action="store_true", help="let another process spin meanwhile"
    )
    parser.add_argument(
        "--against", metavar="PATH", help="folder of the build that is one at a time"
    )
    parser.add_argument(
        "--output", metavar="PATH", help="draw the time over the number of candidates"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
