"""Few epochs with a one-cycle schedule against many at a constant rate, on MNIST.

    python examples/benchmarks/bench_onecycle.py --mnist mnist.npz
    python examples/benchmarks/bench_onecycle.py --mnist mnist.npz --timed-epochs 100

The network is 784-128-64-10. The reference trains it for 100 epochs in batches of 2048
at the constant rate 0.001, in Keras where that is installed. Only some of its epochs
are run and the time is scaled up, unless ``--timed-epochs 100`` asks for all: only then
is its accuracy that of the full training.
"""

from dataclasses import replace
from functools import partial
from statistics import mean

from alternation import Run, alternate
from arguments import make_parser
from contenders import Task, fit_sknn_deep, installed, make_contenders
from data import load
from report import describe_load, format_table, load_average, write_json

HIDDEN = (128, 64)
REFERENCE_EPOCHS = 100
REFERENCE_BATCH_SIZE = 2048
BATCH_SIZE = 256


def main(argv=None):
    args = parse_arguments(argv)
    data = load("mnist", mnist_path=args.mnist)
    short = Task(data, HIDDEN, BATCH_SIZE, args.epochs)
    long = Task(data, HIDDEN, REFERENCE_BATCH_SIZE, args.timed_epochs)
    one_cycle = partial(
        fit_sknn_deep,
        learning_rate="one_cycle",
        learning_rate_init=args.learning_rate_init,
    )
    load_before = load_average()
    one_cycle(replace(short, epochs=1), 0)  # first calls import and allocate
    reference = make_contenders([args.reference], long)[args.reference]
    rounds = alternate(
        {
            "one_cycle": in_total(partial(one_cycle, short), args.epochs),
            args.reference: in_total(reference, REFERENCE_EPOCHS),
        },
        args.seeds,
    ).rounds

    rows = [
        ["one_cycle", args.epochs, args.epochs, BATCH_SIZE],
        [args.reference, REFERENCE_EPOCHS, args.timed_epochs, REFERENCE_BATCH_SIZE],
    ]
    for row in rows:
        runs = [played[row[0]] for played in rounds]
        row.append(f"{mean(run.seconds for run in runs):.2f}")
        row.append(f"{mean(run.accuracy for run in runs):.4f}")
    headings = ["", "epochs", "of these run", "batch size", "seconds", "test accuracy"]
    print(format_table(headings, [list(map(str, row)) for row in rows]))
    share = float(rows[0][4]) / float(rows[1][4])
    print(f"one_cycle takes {share:.3f} of the time; means over {args.seeds} seeds")
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="onecycle",
        settings=vars(args),
        rounds=[{name: vars(run) for name, run in r.items()} for r in rounds],
    )


def in_total(contender, n_epochs):
    """Turn seconds per epoch into those of all epochs."""

    def run(seed):
        result = contender(seed)
        return Run(n_epochs * result.seconds, result.accuracy)

    return run


def parse_arguments(argv=None):
    choices = [name for name in installed() if name != "sknn_deep-float32"]
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument("--epochs", type=int, default=6, metavar="N")
    parser.add_argument("--learning-rate-init", type=float, default=0.005)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many")
    parser.add_argument(
        "--reference",
        choices=choices,
        default="keras-tensorflow" if "keras-tensorflow" in choices else "torch-loop",
        help="who trains for long (default here: %(default)s)",
    )
    parser.add_argument(
        "--timed-epochs",
        type=int,
        default=10,
        metavar="N",
        help=f"how many of the {REFERENCE_EPOCHS} are run (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
