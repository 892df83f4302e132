"""Time `fit` against the same network trained by other hands.

    python examples/benchmarks/bench_fit.py
    python examples/benchmarks/bench_fit.py --data mnist --mnist mnist.npz
    python examples/benchmarks/bench_fit.py --data mnist --mnist mnist.npz \\
        --batch-size 200 --contenders torch-loop scikit-learn

The contenders take turns. A ratio is the median over the rounds of our time divided by
the contender's: below one, ours is faster. Let nothing else run on the machine.
"""

import dataclasses

from alternation import (
    Alternation,
    alternate,
    median_accuracy,
    median_ratio,
    median_seconds,
)
from arguments import make_parser
from contenders import (
    KERAS,
    NAMES,
    NORMALIZING,
    Task,
    find_device,
    installed,
    make_contenders,
)
from data import load
from report import describe_load, format_table, load_average, write_json

OURS = "sknn_deep"
DEFAULT_CONTENDERS = ["torch-loop", "scikit-learn", "skorch", *KERAS]

# Hidden layers, batch size and epochs of a run, in which nobody takes long.
DEFAULTS = {
    "breast_cancer": ((100,), 200, 50),
    "digits": ((100,), 200, 20),
    "iris": ((100,), 200, 100),
    "mnist": ((128, 64), 2048, 2),
    "table": ((128, 64), 1024, 1),
}


def main(argv=None):
    args = parse_arguments(argv)
    data = load(args.data, dtype=args.dtype, mnist_path=args.mnist)
    task = Task(
        data,
        hidden=tuple(args.hidden),
        batch_size=min(args.batch_size, len(data.X_train)),
        epochs=args.epochs,
        device=args.device,
        precision=args.precision,
        solver=args.solver,
        normalization=args.normalization,
    )
    load_before = load_average()
    contenders = make_contenders([OURS, *args.contenders], task)
    alternation = alternate(contenders, args.rounds)

    print(describe_task(task, args))
    print(format_result(alternation))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="fit",
        settings=vars(args),
        load_average=[load_before, load_average()],
        rounds=[
            {name: dataclasses.asdict(run) for name, run in played.items()}
            for played in alternation.rounds
        ],
    )


def describe_task(task: Task, args) -> str:
    n_rows = len(task.data.X_train)
    network = "-".join(map(str, task.sizes))
    normalization = (
        f"{task.normalization} normalization, " if task.normalization else ""
    )
    return (
        f"{args.data}: {n_rows:,} rows as {args.dtype}, {network}, {normalization}"
        f"{task.solver}, batch size {task.batch_size}, {task.epochs} epoch(s), "
        f"device {find_device(task.device)}, precision {task.precision}"
    )


def format_result(alternation: Alternation) -> str:
    rounds = alternation.rounds
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.4f}",
            "" if name == OURS else f"{median_ratio(rounds, OURS, name):.2f}",
            f"{median_accuracy(rounds, name):.4f}",
        ]
        for name in sorted(rounds[0], key=NAMES.index)
    ]
    table = format_table(["", "s/epoch", "ours/this", "test accuracy"], rows)
    return f"{table}\n{alternation}"


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9, mnist=True)
    parser.add_argument("--data", choices=DEFAULTS, default="digits")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", help="widths of the hidden layers"
    )
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--epochs", type=int, metavar="N", help="of each run")
    parser.add_argument("--device", default="auto", help="auto or a torch device")
    parser.add_argument(
        "--solver",
        choices=("adam", "sgd", "lbfgs"),
        default="adam",
        help="other than Adam, ours and scikit-learn's alone are compared; L-BFGS has "
        "no batches, and as many iterations as there are epochs",
    )
    parser.add_argument(
        "--normalization",
        choices=("batch", "layer"),
        help=f"of the hidden layers; known to {', '.join(NORMALIZING)}",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "float64", "bfloat16"),
        default="auto",
    )
    parser.add_argument(
        "--contenders",
        nargs="*",
        choices=[name for name in installed() if name != OURS],
        metavar="NAME",
        help="among %(choices)s (default: the first two for the table, else all "
        "but sknn_deep-float32; scikit-learn for a solver other than Adam)",
    )
    args = parser.parse_args(argv)

    hidden, batch_size, epochs = DEFAULTS[args.data]
    if args.hidden is None:
        args.hidden = list(hidden)
    args.batch_size = args.batch_size or batch_size
    args.epochs = args.epochs or epochs
    if args.contenders is None and args.solver != "adam":
        args.contenders = ["scikit-learn"]
    if args.normalization is not None:
        args.contenders = args.contenders or ["torch-loop", "skorch"]
        if others := set(args.contenders) - set(NORMALIZING):
            parser.error(f"--normalization is not known to {', '.join(sorted(others))}")
    if args.contenders is None:
        # The others would take minutes on the table.
        n_named = 2 if args.data == "table" else None
        args.contenders = [
            name for name in DEFAULT_CONTENDERS[:n_named] if name in installed()
        ]
    return args


if __name__ == "__main__":
    main()
