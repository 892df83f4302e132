"""Compare the estimators for tables with boosted trees, and with RealMLP-TD.

    python examples/benchmarks/bench_tables.py
    python examples/benchmarks/bench_tables.py --tables german segment --realmlp

The tables are read from ``--folder``, by default that of the file that SKNN_DEEP_MNIST
names. Of each, a fifth is tested on (``train_test_split`` with the seed that the model
gets too; stratified for classes). For each table and contender the mean over the seeds
is printed: the error (RMSE, or the share of wrong labels), the log-loss, the expected
calibration error (15 bins) and the CPU seconds of the fit. Contenders take turns, in
one thread; times of a shared machine are good for ratios alone.

``--output`` draws the errors as ratios to RealMLP-TD's.

RealMLP-TD's errors and times are those of pytabkit 1.8.0, measured once on another
machine (the first seeds); ``--realmlp`` runs it, where pytabkit is installed, and its
times are then of this machine.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from arguments import make_parser
from data import mnist_folder
from matplotlib.figure import Figure
from report import describe_load, format_table, load_average, write_json
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from sknn_deep import TabularMLPClassifier, TabularMLPRegressor


class Source(NamedTuple):
    """A table: its file, its target, and RealMLP-TD's error, log-loss and CPU time."""

    file: str
    target: str
    is_classes: bool
    n_seeds: int
    realmlp: tuple[float, float | None, float]


TABLES = {
    "california": Source(
        "california_housing", "median_house_value", False, 3, (0.4759, None, 139)
    ),
    "adult": Source("adult", "income", True, 3, (0.1331, 0.306, 306)),
    "abalone": Source("abalone", "rings", False, 5, (2.181, None, 26.4)),
    "concrete": Source(
        "concrete", "compressive_strength", False, 5, (4.997, None, 6.2)
    ),
    "winewhite": Source("winewhite", "quality", False, 5, (0.729, None, 33.8)),
    "german": Source("german", "credit_risk", True, 5, (0.280, 0.633, 6.2)),
    "phoneme": Source("phoneme", "phoneme_class", True, 5, (0.0907, 0.264, 30.9)),
    "segment": Source("segment", "segment_class", True, 5, (0.0130, 0.127, 13.4)),
}
STYLES = {"sknn_deep": ("#0072b2", "o"), "HistGradientBoosting": ("#009e73", "^")}
OURS = (TabularMLPClassifier, TabularMLPRegressor)
FIGURES = ("error", "log_loss", "calibration", "cpu_seconds")


def main(argv=None):
    args = parse_arguments(argv)
    torch.set_num_threads(1)
    before = load_average()
    results = {}
    with threadpool_limits(1):
        for name in args.tables:
            results[name] = compare(name, args)
            print(
                format_table(("table", "contender", *FIGURES), rows_of(name, results))
            )
    print(format_table(("ratio to RealMLP-TD", *FIGURES), ratios(results)))
    print(describe_load(before))
    write_json(args.json, tables=results)
    if args.output is not None:
        draw(results).savefig(args.output, dpi=150)
        print(f"Picture: {args.output}")


def compare(name: str, args) -> dict[str, dict[str, float]]:
    """Fit all contenders to a table, one seed after the other."""
    source = TABLES[name]
    X, y = load(name, args.folder)
    stored = dict(
        zip(("error", "log_loss", "cpu_seconds"), source.realmlp, strict=True)
    )
    measured: dict[str, list] = {}
    for seed in range(args.seeds or source.n_seeds):
        for contender, make in contenders(source.is_classes, args.realmlp).items():
            figures = measure(make(seed), X, y, seed, source.is_classes, args)
            measured.setdefault(contender, []).append(figures)
    means = {
        contender: {f: float(np.mean([r[f] for r in runs])) for f in FIGURES}
        for contender, runs in measured.items()
    }
    return {"RealMLP-TD, stored": stored, **means}


def contenders(is_classes: bool, realmlp: bool) -> dict:
    """Give what makes each contender from a seed."""
    ours = TabularMLPClassifier if is_classes else TabularMLPRegressor
    trees = (
        HistGradientBoostingClassifier if is_classes else HistGradientBoostingRegressor
    )
    made = {
        "sknn_deep": lambda seed: ours(random_state=seed, device="cpu"),
        "HistGradientBoosting": lambda seed: trees(random_state=seed),
    }
    if realmlp:
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        theirs = RealMLP_TD_Classifier if is_classes else RealMLP_TD_Regressor
        made["RealMLP-TD"] = lambda seed: theirs(
            random_state=seed, device="cpu", n_threads=1
        )
    return made


def measure(model, X, y, seed: int, is_classes: bool, args) -> dict:
    """Fit to four fifths of the rows, or as many as asked for, and judge the others."""
    for name in ("max_iter", "validation_fraction"):
        value = getattr(args, name)
        if value is not None and isinstance(model, OURS):
            model.set_params(**{name: value})
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y,
        train_size=args.rows,
        test_size=None if args.rows else 0.2,
        random_state=seed,
        stratify=y if is_classes else None,
    )
    begin = time.process_time()
    model.fit(X_train, y_train)
    figures = {"cpu_seconds": time.process_time() - begin}
    if not is_classes:
        error = root_mean_squared_error(y_test, model.predict(X_test))
        return {"error": error, "log_loss": np.nan, "calibration": np.nan, **figures}
    proba = np.asarray(model.predict_proba(X_test), dtype=np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    y_pred = model.classes_[proba.argmax(axis=1)]
    return {
        "error": float(np.mean(y_pred != y_test)),
        "log_loss": log_loss(y_test, proba, labels=model.classes_),
        "calibration": calibration_error(y_pred == y_test, proba.max(axis=1)),
        **figures,
    }


def calibration_error(is_right: np.ndarray, confidence: np.ndarray, n_bins=15) -> float:
    """Give the mean distance of confidence and accuracy over bins of confidence.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. "On calibration of modern neural
    networks." ICML 2017. https://doi.org/10.48550/arXiv.1706.04599
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def load(name: str, folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a table; text becomes categories, which boosted trees need."""
    source = TABLES[name]
    X = pd.read_csv(folder / f"{source.file}.csv.gz")
    y = X.pop(source.target).to_numpy()
    text = X.select_dtypes(exclude="number").columns
    X[text] = X[text].astype(object).astype("category")
    return X, y / 1e5 if name == "california" else y


def rows_of(name: str, results: dict) -> list[tuple]:
    return [
        (name, contender, *(show(figures.get(f)) for f in FIGURES))
        for contender, figures in results[name].items()
    ]


def ratios(results: dict) -> list[tuple]:
    """Give geometric means over the tables, with and without the best one.

    Of CPU times it is the ratio of the sums.
    """
    lines = []
    names = {c for table in results.values() for c in table} - {"RealMLP-TD, stored"}
    for contender in sorted(names):
        values = [contender]
        for figure in FIGURES:
            pairs = [
                (table[contender][figure], base(table)[figure])
                for table in results.values()
                if base(table).get(figure) and not np.isnan(table[contender][figure])
            ]
            values.append(summarize(pairs, is_sum=figure == "cpu_seconds"))
        lines.append(tuple(values))
    return lines


def base(table: dict) -> dict:
    return table.get("RealMLP-TD", table["RealMLP-TD, stored"])


def summarize(pairs: list[tuple[float, float]], *, is_sum: bool) -> str:
    if not pairs:
        return "-"
    ours, theirs = np.array(pairs).T
    if is_sum:
        return f"{ours.sum() / theirs.sum():.3f} (max {(ours / theirs).max():.3f})"
    # Trees may be right everywhere.
    logs = np.sort(np.log(np.maximum(ours, 1e-9) / theirs))
    rest = f" ({np.exp(logs[1:].mean()):.3f})" if len(logs) > 1 else ""
    return f"{np.exp(logs.mean()):.3f}{rest}"


def draw(results: dict) -> Figure:
    """Draw each table's errors, as ratios to RealMLP-TD's."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    places = range(len(results))
    for contender, (color, marker) in STYLES.items():
        shares = [t[contender]["error"] / base(t)["error"] for t in results.values()]
        ax.plot(shares, places, marker, color=color, label=contender, clip_on=False)
    ax.axvline(1, color="0.5", linewidth=1, label="RealMLP-TD", zorder=0)
    ax.set(
        xlabel="Error as a share of RealMLP-TD's (to the left is better)",
        yticks=places,
        yticklabels=list(results),
    )
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(left=False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def show(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.4g}"


def parse_arguments(argv=None):
    parser = make_parser(__doc__)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--folder", type=Path, default=mnist_folder())
    parser.add_argument("--seeds", type=int, help="default: 5, and 3 of large tables")
    parser.add_argument("--rows", type=int, help="to fit to; default: four fifths")
    parser.add_argument("--epochs", dest="max_iter", type=int, help="of ours")
    parser.add_argument("--validation-fraction", type=float, help="of ours")
    parser.add_argument("--output", metavar="PATH", help="draw the errors")
    parser.add_argument("--realmlp", action="store_true", help="run pytabkit's too")
    args = parser.parse_args(argv)
    if args.folder is None:
        parser.error("set --folder, or SKNN_DEEP_MNIST to a file in it")
    return args


if __name__ == "__main__":
    main()
