"""Train a deep network on handwritten digits, and look at what it learned.

    python examples/quickstart.py

takes a few seconds: the 1,797 digits of 8 x 8 pixels come with scikit-learn. MNIST has
70,000 of 28 x 28 pixels, and takes a minute:

    python examples/quickstart.py --data mnist --mnist mnist.npz

The file is that of Keras. Without ``--mnist`` it is the one that the environment
variable SKNN_DEEP_MNIST names, and without either scikit-learn downloads MNIST.
"""

import argparse
import os

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split

from sknn_deep import MLPClassifier

# Blue and vermilion, which the color-blind can tell apart.
RIGHT, WRONG = "#0072b2", "#d55e00"

# The network and how it is trained: small batches and dropout for few digits, large
# batches for many. The rate of "one_cycle" rises to `learning_rate_init` and falls to
# zero at the last epoch, so the training is complete when it ends.
SETTINGS = {
    "digits": {
        "hidden_layer_sizes": (256, 128),
        "dropout": 0.2,
        "batch_size": 64,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.005,
        "max_iter": 30,
    },
    "mnist": {
        "hidden_layer_sizes": (128, 64),
        "batch_size": 2048,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.01,
        "max_iter": 50,
    },
}


def main(argv=None):
    args = parse_arguments(argv)

    X_train, X_test, y_train, y_test = load(args.data, args.mnist)
    print(f"{len(X_train):,} digits to train on, {len(X_test):,} to test on.\n")

    clf = MLPClassifier(**SETTINGS[args.data], random_state=0, verbose=1)
    if args.epochs is not None:
        clf.set_params(max_iter=args.epochs)
    clf.fit(X_train, y_train)

    print(clf.summary())
    print(f"\nTest accuracy: {clf.score(X_test, y_test):.4f}")

    draw(clf, X_test, y_test).savefig(args.output, dpi=150)
    print(f"Picture: {args.output}")


def load(data, mnist_path=None):
    """Return X_train, X_test, y_train, y_test; pixels are float32 in [0, 1].

    Networks learn best from numbers of about that size, and fastest from float32.
    """
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype(np.float32)
        return train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

    mnist_path = mnist_path or os.environ.get("SKNN_DEEP_MNIST")
    if mnist_path is None:
        images, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        y = y.astype(int)
    else:
        with np.load(mnist_path) as file:
            images = np.concatenate([file["x_train"], file["x_test"]])
            y = np.concatenate([file["y_train"], file["y_test"]])
    X = images.reshape(70_000, 784).astype(np.float32) / 255
    # The last 10,000 are the test images that everyone uses.
    return X[:60_000], X[60_000:], y[:60_000], y[60_000:]


def draw(clf, X, y):
    """Draw the loss curve beside the first digits and those hardest to tell."""
    probability = clf.predict_proba(X)
    predicted = clf.classes_[probability.argmax(axis=1)]
    hardest = np.argsort(probability.max(axis=1))

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3))

    axes = left.subplots()
    epochs = np.arange(1, clf.n_iter_ + 1)
    axes.plot(epochs, clf.loss_curve_, color=RIGHT, linewidth=2)
    axes.set(title="Training", xlabel="Epoch", ylabel="Loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)

    top, bottom = right.subfigures(2, 1)
    for part, title, shown in (
        (top, "The first test digits and their predictions", range(7)),
        (bottom, "Those where the network is least sure", hardest[:7]),
    ):
        part.suptitle(title, fontsize="large")
        for axes, i in zip(part.subplots(1, 7), shown, strict=True):
            side = int(len(X[i]) ** 0.5)
            axes.imshow(X[i].reshape(side, side), cmap="gray_r")
            axes.set_axis_off()
            is_right = predicted[i] == y[i]
            axes.set_title(
                f"{predicted[i]}" if is_right else f"{predicted[i]}, not {y[i]}",
                color=RIGHT if is_right else WRONG,
                fontweight="normal" if is_right else "bold",
                fontsize="medium",
            )
    return figure


def parse_arguments(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits")
    parser.add_argument(
        "--mnist",
        metavar="PATH",
        help="MNIST in Keras' npz format, for --data mnist",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="passes over the training digits (default: 30 for digits, 50 for MNIST)",
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        default="quickstart.png",
        help="where the picture goes (default: %(default)s)",
    )
    args = parser.parse_args(argv)
    if args.mnist is not None and args.data != "mnist":
        parser.error("--mnist PATH is for --data mnist")
    return args


if __name__ == "__main__":
    main()
