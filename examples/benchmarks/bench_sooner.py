"""Draw the accuracy on MNIST over the seconds of a training.

    OMP_NUM_THREADS=1 python examples/benchmarks/bench_sooner.py --output sooner.png

The network is 784-128-64-10. scikit-learn, Keras on JAX where both are installed, and
this package train it by Adam at the constant rate 0.001 in batches of 200, which are
the defaults of the first and the last; their points are the epochs of one training.
With a one-cycle schedule, in batches of 256, each point is a training of its own, by
Adam or by Muon. The seconds are those of the processor, in all threads, without the
time that is taken for the accuracy.
"""

import functools
import importlib.util
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from arguments import make_parser
from bench_scaling import STYLES
from contenders import fit_quietly
from data import load
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from report import describe_load, format_table, load_average, write_json
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from skorch.callbacks import Callback

from sknn_deep import MLPClassifier

HIDDEN = (128, 64)
# Of whole trainings with a one-cycle schedule.
EPOCHS = (1, 2, 3, 4, 5)
COLORS = {
    "scikit-learn": STYLES["scikit-learn"],
    "Keras on JAX": {"color": "#cc79a7", "marker": "v"},
    "sknn_deep, default": {**STYLES["sknn_deep"], "linestyle": "--"},
    "sknn_deep, one-cycle": STYLES["sknn_deep"],
    "sknn_deep, one-cycle, Muon": {"color": "#d55e00", "marker": "D"},
}

Curve = list[tuple[float, float]]  # seconds and accuracy


class MuonAndAdam(torch.optim.Optimizer):
    """Muon for matrices of weights, Adam for the biases."""

    def __init__(self, params, lr, adam_lr):
        params = list(params)
        super().__init__(params, {"lr": lr})
        matrices = [p for p in params if p.ndim == 2]
        others = [p for p in params if p.ndim != 2]
        self.parts = [
            torch.optim.Muon(matrices, lr=lr, weight_decay=0.0),
            torch.optim.Adam(others, lr=adam_lr),
        ]
        # A schedule changes the rates of these groups.
        self.param_groups = [g for part in self.parts for g in part.param_groups]

    def step(self, closure=None):
        for part in self.parts:
            part.step()


class Clock(Callback):
    """Notes the time and the accuracy after each epoch."""

    def __init__(self, X, y, curve):
        self.X, self.y, self.curve = X, y, curve

    def on_train_begin(self, net, **kwargs):
        self.start_ = time.process_time()

    def on_epoch_end(self, net, **kwargs):
        now = time.process_time()
        seconds = now - self.start_
        output = torch.cat(list(net.forward_iter(self.X, device=net.device)))
        accuracy = np.mean(output.argmax(dim=1).cpu().numpy() == self.y)
        self.curve.append((seconds, float(accuracy)))
        self.start_ += time.process_time() - now


def follow_sknn_deep(data, n_epochs: int) -> Curve:
    curve: Curve = []
    clock = Clock(data.X_test, data.y_test, curve)
    clf = MLPClassifier(HIDDEN, max_iter=n_epochs, random_state=0, callbacks=[clock])
    fit_quietly(clf, data.X_train, data.y_train)
    return curve


def follow_scikit_learn(data, n_epochs: int) -> Curve:
    clf = SklearnClassifier(HIDDEN, max_iter=1, warm_start=True, random_state=0)
    curve, seconds = [], 0.0
    for _ in range(n_epochs):
        start = time.process_time()
        fit_quietly(clf, data.X_train, data.y_train)
        seconds += time.process_time() - start
        curve.append((seconds, clf.score(data.X_test, data.y_test)))
    return curve


def train_anew(data, solver, rate: float) -> Curve:
    """Train with a one-cycle schedule for more and more epochs."""
    curve = []
    for n_epochs in EPOCHS:
        clf = MLPClassifier(
            HIDDEN,
            solver=solver,
            learning_rate="one_cycle",
            learning_rate_init=rate,
            batch_size=256,
            max_iter=n_epochs,
            random_state=0,
        )
        start = time.process_time()
        clf.fit(data.X_train, data.y_train)
        seconds = time.process_time() - start
        curve.append((seconds, clf.score(data.X_test, data.y_test)))
    return curve


def follow_keras(data, n_epochs: int) -> Curve:
    """Train in a process of its own, which is compiled before the clock starts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_follow_keras, data, n_epochs).result()


def _follow_keras(data, n_epochs: int) -> Curve:
    import os

    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["XLA_FLAGS"] = (
        "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((784,)),
            *(keras.layers.Dense(n, activation="relu") for n in HIDDEN),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    variables = [*model.trainable_variables, *model.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    model.fit(data.X_train[:400], data.y_train[:400], batch_size=200, verbose=0)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    curve, seconds = [], 0.0
    for _ in range(n_epochs):
        start = time.process_time()
        model.fit(data.X_train, data.y_train, batch_size=200, verbose=0)
        seconds += time.process_time() - start
        output = model.predict(data.X_test, batch_size=2048, verbose=0)
        curve.append((seconds, float(np.mean(output.argmax(axis=1) == data.y_test))))
    return curve


def main(argv=None):
    args = parse_arguments(argv)
    torch.set_num_threads(1)
    data = load("mnist", mnist_path=args.mnist)
    load_before = load_average()
    muon = functools.partial(MuonAndAdam, adam_lr=args.rate)
    trainings = {
        "scikit-learn": lambda: follow_scikit_learn(data, args.epochs),
        "sknn_deep, default": lambda: follow_sknn_deep(data, args.epochs),
        "sknn_deep, one-cycle": lambda: train_anew(data, "adam", args.rate),
    }
    if hasattr(torch.optim, "Muon"):
        trainings["sknn_deep, one-cycle, Muon"] = lambda: train_anew(
            data, muon, args.muon_rate
        )
    if importlib.util.find_spec("keras") and importlib.util.find_spec("jax"):
        trainings["Keras on JAX"] = lambda: follow_keras(data, args.epochs)
    first = MLPClassifier(HIDDEN, max_iter=1)  # first calls import and allocate
    fit_quietly(first, data.X_train[:2000], data.y_train[:2000])
    curves = {name: train() for name, train in trainings.items()}

    rows = [
        [name, str(number), f"{seconds:.2f}", f"{accuracy:.4f}"]
        for name, curve in curves.items()
        for number, (seconds, accuracy) in enumerate(curve, start=1)
    ]
    print(format_table(["", "epochs", "seconds", "test accuracy"], rows))
    print(describe_load(load_before))
    write_json(args.json, benchmark="sooner", settings=vars(args), curves=curves)
    if args.output is not None:
        draw(curves).savefig(args.output, dpi=150)
        print(f"Picture: {args.output}")


def draw(curves: dict[str, Curve]) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    for name, style in COLORS.items():
        if name in curves:
            seconds, accuracy = zip(*curves[name], strict=True)
            ax.plot(seconds, accuracy, label=name, **style)
    ax.set(
        xlabel="Seconds of processor time, one thread",
        ylabel="Accuracy on the test images",
        title="784-128-64-10 on MNIST, epoch by epoch",
        xlim=(0, None),
    )
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def parse_arguments(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument("--epochs", type=int, default=5, metavar="N")
    parser.add_argument("--rate", type=float, default=0.005, help="peak rate of Adam")
    parser.add_argument("--muon-rate", type=float, default=0.05, help="that of Muon")
    parser.add_argument("--output", metavar="PATH", help="draw the curves")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
