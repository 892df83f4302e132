"""Draw the time of an epoch over rows, over width and over the batch size.

    python examples/benchmarks/bench_scaling.py --output scaling.png

Two hidden layers of the same width are trained on random data with 30 features, by us,
by hand in torch and by scikit-learn in turns. One of the three quantities varies, the
other two stay at 20,000 rows, 100 units and batches of 200.
"""

import dataclasses
from functools import partial

from alternation import alternate, median_seconds
from arguments import make_parser
from contenders import FITS, Task
from data import Data, make_table
from matplotlib.figure import Figure
from report import describe_load, format_table, load_average, write_json

# Colors that the color-blind can tell apart (Okabe and Ito), and markers for print.
STYLES = {
    "sknn_deep": {"color": "#0072b2", "marker": "o"},
    "torch-loop": {"color": "#e69f00", "marker": "s"},
    "scikit-learn": {"color": "#009e73", "marker": "^"},
}
QUANTITIES = {
    "n_rows": "Rows",
    "width": "Units per hidden layer",
    "batch_size": "Rows per batch",
}


@dataclasses.dataclass(frozen=True)
class Point:
    """One network and its data."""

    n_rows: int = 20_000
    width: int = 100
    batch_size: int = 200


def main(argv=None):
    args = parse_arguments(argv)
    values = {
        "n_rows": args.n_rows,
        "width": args.widths,
        "batch_size": args.batch_sizes,
    }
    load_before = load_average()
    X, y = make_table(max(*args.n_rows, Point.n_rows), 30)
    time_point(Point(1_000), X, y, n_rounds=1)  # first calls import and allocate
    curves = {
        quantity: [
            time_point(Point(**{quantity: value}), X, y, args.rounds)
            for value in values[quantity]
        ]
        for quantity in QUANTITIES
    }

    for quantity, label in QUANTITIES.items():
        rows = [
            [f"{value:,}", *(f"{seconds[name]:.4f}" for name in STYLES)]
            for value, seconds in zip(values[quantity], curves[quantity], strict=True)
        ]
        print(format_table([label, *STYLES], rows), end="\n\n")
    print(f"seconds per epoch, median of {args.rounds} rounds")
    print(describe_load(load_before))
    draw(values, curves).savefig(args.output, dpi=150)
    print(f"Picture: {args.output}")
    write_json(
        args.json,
        benchmark="scaling",
        settings=vars(args),
        seconds_per_epoch=curves,
    )


def time_point(point, X, y, n_rounds):
    """Give the median seconds per epoch of each contender."""
    rounds = alternate(make_contenders(point, X, y), n_rounds).rounds
    return {name: median_seconds(rounds, name) for name in STYLES}


def make_contenders(point, X, y):
    n = point.n_rows
    task = Task(
        Data(X[:n], X[:100], y[:n], y[:100]),
        hidden=(point.width, point.width),
        batch_size=point.batch_size,
        # So many that what is done once per fit does not count for much.
        epochs=max(1, 20_000 // n),
    )
    return {name: partial(FITS[name], task) for name in STYLES}


def draw(values, curves):
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        for name, style in STYLES.items():
            seconds = [point[name] for point in curves[quantity]]
            axes.plot(values[quantity], seconds, label=name, linewidth=2, **style)
        axes.set(xlabel=label, xscale="log", yscale="log")
        axes.set_xticks(values[quantity], [f"{value:,}" for value in values[quantity]])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("Seconds per epoch")
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].legend(frameon=False)
    return figure


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=3)
    for name, default in (
        ("--n-rows", [1_000, 4_000, 16_000, 64_000]),
        ("--widths", [8, 32, 128, 512]),
        ("--batch-sizes", [32, 128, 512, 2_048]),
    ):
        parser.add_argument(name, type=int, nargs="+", default=default, metavar="N")
    parser.add_argument(
        "--output",
        metavar="PATH",
        default="scaling.png",
        help="where the picture goes (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
