"""See where the microseconds of a training step go.

    python examples/benchmarks/bench_step.py
    python examples/benchmarks/bench_step.py --data mnist --mnist mnist.npz

One step at each batch size, on the CPU: gathering the batch, forward, loss, backward,
penalty, update. What `fit` adds around them is the difference to its whole
epoch, divided by the steps: adding up the losses, recording them, callbacks, drawing
the order.
"""

import statistics
import time
from collections import defaultdict

import torch
from arguments import make_parser
from data import load
from report import describe_load, format_table, load_average, write_json

from sknn_deep import MLPClassifier
from sknn_deep.machine._denormals import flushed_denormals
from sknn_deep.optimizers import add_penalty
from sknn_deep.optimizers._optimizers import make_step
from sknn_deep.training import TrainingState, planned_gradient
from sknn_deep.training._epochs import close_epoch, run_epoch
from sknn_deep.training._step import make_train_step

HIDDEN = {"digits": (100,), "mnist": (128, 64), "table": (128, 64)}
LONG = 100  # epochs in which it pays to leave out zeros, where it does
PARTS = ("gather", "forward", "loss", "backward", "penalty", "update")


def main(argv=None):
    args = parse_arguments(argv)
    data = load(args.data, dtype=args.dtype, mnist_path=args.mnist)
    load_before = load_average()
    columns = {
        size: time_step(data, HIDDEN[args.data], size, args.rounds)
        for size in args.batch_sizes
        if size <= len(data.X_train)
    }
    print(
        f"{args.data} as {args.dtype}, hidden layers {HIDDEN[args.data]}, Adam: "
        "microseconds of a step, by batch size"
    )
    rows = [
        [part, *(f"{column[part]:,.0f}" for column in columns.values())]
        for part in next(iter(columns.values()))
    ]
    print(format_table(["", *map(str, columns)], rows))
    print(describe_load(load_before))
    write_json(args.json, benchmark="step", settings=vars(args), microseconds=columns)


def time_step(data, hidden, batch_size, n_rounds):
    """Give the median microseconds of each part of a step, and of what is around."""
    network = MLPClassifier(
        hidden, batch_size=batch_size, max_iter=1, random_state=0, device="cpu"
    )
    plan = network._plan_fit(network._check_fit(data.X_train, data.y_train))
    run, net = plan.run, plan.net
    run.epochs = LONG
    net.begin_training(run.epochs, run.n_seen)
    state = TrainingState(run)
    taken = defaultdict(list)
    with planned_gradient(run) as (_, batches, gradient):
        whole_step = make_train_step(net, gradient, n_steps=run.n_steps)
        update = make_step(net.optimizer_, net.recipe)
        for _ in range(n_rounds):
            with flushed_denormals():
                parts = time_parts(net, batches, gradient, update)
            for part, seconds in parts.items():
                taken[part].append(seconds)
            start = time.perf_counter()
            run_epoch(state, batches, whole_step)
            close_epoch(state)
            taken["whole"].append(time.perf_counter() - start)
    scale = 1e6 / len(run.batches)
    column = {part: scale * statistics.median(taken[part]) for part in taken}
    whole = column.pop("whole")
    return column | {"around": whole - sum(column.values()), "whole": whole}


def time_parts(net, batches, gradient, update):
    """Go through one epoch; give the seconds that each part took in it."""
    seconds = dict.fromkeys(PARTS, 0.0)
    last = time.perf_counter()

    def lap(part):
        nonlocal last
        now = time.perf_counter()
        seconds[part] += now - last
        last = now

    backpropagation, recipe = gradient.compute, net.recipe
    for X, target, weight in batches:
        lap("gather")
        with torch.inference_mode():
            a = X
            for layer in backpropagation.layers:
                a = layer.forward(a)
            lap("forward")
            value, delta, delta_t = backpropagation.differentiate(a, target, weight)
            lap("loss")
            for layer in reversed(backpropagation.layers):
                delta, delta_t = layer.backward(delta, delta_t)
        lap("backward")
        add_penalty(value, gradient.penalized(), recipe.alpha, weight, X.shape[0])
        lap("penalty")
        update()
        lap("update")
    return seconds


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9, mnist=True)
    parser.add_argument("--data", choices=HIDDEN, default="digits")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[32, 200, 2048], metavar="N"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
