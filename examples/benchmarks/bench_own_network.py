"""Train a network of one's own, beside a loop written for it alone and beside skorch.

    python examples/benchmarks/bench_own_network.py --rows 10000 --epochs 2
    python examples/benchmarks/bench_own_network.py --network mlp --batch-size 200
    python examples/benchmarks/bench_own_network.py --accuracy 3

All train the same module on MNIST with Adam and a one-cycle schedule, on the CPU, on
the same number of rows in the same batches. Times are those of the processor, of all
threads together. ``--accuracy N`` trains ours alone, to the end, from N seeds.
"""

import statistics
import time
import warnings

import numpy as np
import torch
from alternation import Run, alternate, median_accuracy, median_ratio, median_seconds
from arguments import make_parser
from data import load
from report import describe_load, format_table, load_average, write_json
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from sknn_deep import NetClassifier

OURS, HAND, SKORCH = "sknn_deep", "torch-loop", "skorch"


class LeNet(nn.Sequential):
    """LeNet-5 with ReLU and max pooling.

    LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. "Gradient-based learning applied
    to document recognition." Proceedings of the IEEE 86 (1998), 2278-2324.
    """

    side = 28

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, (1, self.side)),
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )


class Perceptron(nn.Sequential):
    """The lecture's layers, of images."""

    def __init__(self):
        super().__init__(
            nn.Flatten(),
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


NETWORKS = {"lenet": LeNet, "mlp": Perceptron}


def main(argv=None):
    args = parse_arguments(argv)
    data = load("mnist", mnist_path=args.mnist)
    side = int(np.sqrt(data.X_train.shape[1]))
    images = {
        name: getattr(data, name).reshape(-1, side, side)
        for name in ("X_train", "X_test")
    }
    data = data._replace(**images)
    data = data._replace(
        X_train=data.X_train[: args.rows], y_train=data.y_train[: args.rows]
    )
    load_before = load_average()
    if args.accuracy:
        rounds = [
            {OURS: fit_sknn_deep(args, data, seed)} for seed in range(args.accuracy)
        ]
        accuracies = [played[OURS].accuracy for played in rounds]
        print(f"mean test accuracy {statistics.mean(accuracies):.4f} of {accuracies}")
    else:
        contenders = {
            name: lambda seed, fit=fit: fit(args, data, seed)
            for name, fit in FITS.items()
        }
        for fit in contenders.values():
            fit(0)
        rounds = alternate(contenders, args.rounds).rounds
        print(format_result(rounds))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="own_network",
        settings=vars(args),
        rounds=[{name: vars(run) for name, run in played.items()} for played in rounds],
    )


def format_result(rounds) -> str:
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.3f}",
            "" if name == OURS else f"{median_ratio(rounds, OURS, name):.3f}",
            f"{median_accuracy(rounds, name):.4f}",
        ]
        for name in FITS
    ]
    return format_table(["", "CPU s/epoch", "ours/this", "test accuracy"], rows)


def fit_sknn_deep(args, data, seed: int) -> Run:
    clf = NetClassifier(
        NETWORKS[args.network],
        learning_rate="one_cycle",
        learning_rate_init=args.rate,
        batch_size=args.batch_size,
        max_iter=args.epochs,
        random_state=seed,
        device="cpu",
    )
    return _fit(clf, args, data)


def fit_skorch(args, data, seed: int) -> Run:
    """Train skorch's net as it comes, but on all rows, which are shuffled."""
    torch.manual_seed(seed)
    n_steps = args.epochs * -(-len(data.X_train) // args.batch_size)
    net = NeuralNetClassifier(
        NETWORKS[args.network],
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=args.rate,
        batch_size=args.batch_size,
        max_epochs=args.epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        callbacks=[
            LRScheduler(
                torch.optim.lr_scheduler.OneCycleLR,
                max_lr=args.rate,
                total_steps=n_steps + 1,
                step_every="batch",
            )
        ],
    )
    return _fit(net, args, data)


def _fit(estimator, args, data) -> Run:
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(data.X_train, data.y_train)
    seconds = (time.process_time() - start) / args.epochs
    return Run(seconds, float(np.mean(estimator.predict(data.X_test) == data.y_test)))


def fit_by_hand(args, data, seed: int) -> Run:
    """Train as someone would who writes for speed and for this task alone."""
    torch.manual_seed(seed)
    X, y = torch.from_numpy(data.X_train), torch.from_numpy(data.y_train)
    start = time.process_time()
    module = NETWORKS[args.network]()
    optimizer = torch.optim.Adam(module.parameters(), lr=args.rate, fused=True)
    n_batches = -(-len(X) // args.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.rate, total_steps=args.epochs * n_batches
    )
    for _ in range(args.epochs):
        for index in torch.randperm(len(X)).split(args.batch_size):
            optimizer.zero_grad(set_to_none=True)
            output = module(X.index_select(0, index))
            nn.functional.cross_entropy(output, y.index_select(0, index)).backward()
            optimizer.step()
            schedule.step()
    seconds = (time.process_time() - start) / args.epochs
    with torch.inference_mode():
        predicted = module.eval()(torch.from_numpy(data.X_test)).argmax(dim=1).numpy()
    return Run(seconds, float(np.mean(predicted == data.y_test)))


FITS = {OURS: fit_sknn_deep, HAND: fit_by_hand, SKORCH: fit_skorch}


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=5, mnist=True)
    parser.add_argument("--network", choices=NETWORKS, default="lenet")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="to train on (default: all)"
    )
    parser.add_argument("--batch-size", type=int, default=256, metavar="N")
    parser.add_argument("--epochs", type=int, default=5, metavar="N")
    parser.add_argument("--rate", type=float, default=0.01, metavar="RATE")
    parser.add_argument("--accuracy", type=int, metavar="N", help="seeds to train from")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
