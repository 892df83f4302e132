"""Time the fit of an autoencoder against the same network trained by other hands.

    python examples/benchmarks/bench_autoencoder.py --mnist mnist.npz

784-128-32-8-2-8-32-128-784 with ReLU, a linear code and a logistic output learns the
mean squared error by Adam, in batches of 2048. The contenders take turns. A ratio is
the median over the rounds of our time divided by the contender's: below one, ours is
faster. Let nothing else run on the machine.
"""

import time
from functools import partial

from alternation import Run, alternate, median_accuracy, median_ratio, median_seconds
from arguments import make_parser
from contenders import (
    KERAS,
    AutoencoderTask,
    fit_quietly,
    fit_torch_loop,
    installed,
)
from data import load
from keras_backends import KerasProcess
from report import describe_load, format_table, load_average, write_json

from sknn_deep import AutoencoderTransformer

OURS = "sknn_deep"


def main(argv=None):
    args = parse_arguments(argv)
    data = load("mnist", mnist_path=args.mnist)
    task = AutoencoderTask(
        data,
        hidden=(128, 32, 8),
        batch_size=min(args.batch_size, len(data.X_train)),
        epochs=args.epochs,
    )
    load_before = load_average()
    alternation = alternate(make_contenders(task), args.rounds)
    rounds = alternation.rounds

    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.4f}",
            "" if name == OURS else f"{median_ratio(rounds, OURS, name):.2f}",
            f"{median_accuracy(rounds, name):.4f}",
        ]
        for name in rounds[0]
    ]
    print(f"784-128-32-8-2, batch size {task.batch_size}, {task.epochs} epoch(s)")
    print(format_table(["", "s/epoch", "ours/this", "test error"], sorted(rows)))
    print(alternation)
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="autoencoder",
        settings=vars(args),
        rounds=[{name: run.seconds for name, run in each.items()} for each in rounds],
    )


def make_contenders(task):
    """Make what can run here, each having trained for one epoch already."""
    contenders = {
        OURS: partial(fit_ours, task),
        "torch-loop": partial(fit_torch_loop, task),
    }
    for fit in contenders.values():
        fit(0)
    for name in installed():
        if name in KERAS:
            contenders[name] = KerasProcess(KERAS[name], task)
    return contenders


def fit_ours(task, seed):
    autoencoder = AutoencoderTransformer(
        2,
        hidden_layer_sizes=task.hidden,
        activation="relu",
        out_activation="logistic",
        learning_rate="constant",
        learning_rate_init=0.001,
        batch_size=task.batch_size,
        max_iter=task.epochs,
        tol=0,
        random_state=seed,
    )
    start = time.perf_counter()
    fit_quietly(autoencoder, task.data.X_train, None)
    seconds = time.perf_counter() - start
    codes = autoencoder.transform(task.data.X_test)
    return Run(seconds / task.epochs, task.judge(autoencoder.inverse_transform(codes)))


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9, mnist=True)
    parser.add_argument("--batch-size", type=int, default=2048, metavar="N")
    parser.add_argument(
        "--epochs", type=int, default=2, metavar="N", help="of each run"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
