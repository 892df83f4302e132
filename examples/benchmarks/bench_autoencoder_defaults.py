"""Hold the defaults of AutoencoderTransformer against other settings, one at a time.

    python examples/benchmarks/bench_autoencoder_defaults.py --data digits
    python examples/benchmarks/bench_autoencoder_defaults.py --data cancer
    python examples/benchmarks/bench_autoencoder_defaults.py --data mnist

Printed are the mean squared error of the reconstruction, of the rows that were fitted
and of others; the accuracy (5 folds) of a classifier by the 10 nearest neighbors in the
code; and how many columns of the code are the same for all rows. Of the
first and the third, the range over the seeds is printed too.

"mnist" fits the 10,000 test images by 784-128-32-8-2 and takes 10,000 of the training
images as others; of "digits" and "cancer" a quarter is held out. Pixels are between 0
and 1 and come out of a logistic layer; the columns of "cancer" are standardized.
"""

import warnings
from statistics import mean

import numpy as np
from arguments import make_parser
from data import load_mnist
from report import describe_load, format_table, load_average, write_json
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from sknn_deep import AutoencoderTransformer

# For as many epochs as the defaults take: "constant" would stop earlier by `tol`.
CONSTANT = {"learning_rate": "constant", "n_iter_no_change": np.inf}
SETTINGS = {
    "defaults": {},
    "activation relu": {"activation": "relu"},
    "activation tanh": {"activation": "tanh"},
    "activation silu": {"activation": "silu"},
    "latent_activation relu": {"latent_activation": "relu"},
    "learning_rate_init 0.001": {"learning_rate_init": 0.001},
    "learning_rate_init 0.003": {"learning_rate_init": 0.003},
    "learning_rate_init 0.03": {"learning_rate_init": 0.03},
    "constant, 0.001": CONSTANT | {"learning_rate_init": 0.001},
    "constant, 0.003": CONSTANT | {"learning_rate_init": 0.003},
    "constant, 0.01": CONSTANT,
    "batch_size 32": {"batch_size": 32},
    "batch_size 64": {"batch_size": 64},
    "batch_size 256": {"batch_size": 256},
    "batch_size 512": {"batch_size": 512},
    "clip_grad_norm None": {"clip_grad_norm": None},
    "max_iter 200": {"max_iter": 200},
}
HIDDEN = {"digits": (128, 64), "cancer": (128, 64), "mnist": (128, 32, 8)}
FIGURES = ("mse", "range", "mse of others", "neighbors", "range", "constant columns")


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    X, X_other, y = load(args.data, args.mnist)
    hidden = args.hidden or HIDDEN[args.data]
    base = {
        "n_components": args.n_components,
        "hidden_layer_sizes": hidden,
        "out_activation": "identity" if args.data == "cancer" else "logistic",
        "max_iter": args.max_iter,
        "device": "cpu",
    }
    results = {"PCA": [measure(PCA(args.n_components, random_state=0), X, X_other, y)]}
    for name in args.settings:
        results[name] = [
            measure(
                AutoencoderTransformer(**base | SETTINGS[name], random_state=seed),
                *(X, X_other, y),
            )
            for seed in range(args.seeds)
        ]

    print(
        f"{args.data}: {len(X)} rows, "
        + "-".join(map(str, (X.shape[1], *hidden, args.n_components)))
        + f", {args.max_iter} epochs, means over {args.seeds} seeds"
    )
    print(format_table(["", *FIGURES], [row(name, results[name]) for name in results]))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="autoencoder_defaults",
        settings=vars(args),
        results=results,
    )


def load(name, mnist_path):
    """Give rows to fit, rows of the same kind, and the classes of the first."""
    if name == "mnist":
        data = load_mnist(mnist_path, "float32")
        return data.X_test, data.X_train[:10_000], data.y_test
    X, y = (load_digits if name == "digits" else load_breast_cancer)(return_X_y=True)
    X = X.astype(np.float32)
    X, X_other, y, _ = train_test_split(X, y, stratify=y, random_state=0)
    if name == "digits":
        return X / 16, X_other / 16, y
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_other), y


def measure(transformer, X, X_other, y):
    """Fit, and give the figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)  # clipped
        codes = transformer.fit_transform(X)
    neighbors = KNeighborsClassifier(n_neighbors=10)
    return (
        squared_error(transformer, X),
        squared_error(transformer, X_other),
        float(cross_val_score(neighbors, codes, y, cv=5).mean()),
        int(np.sum(codes.std(axis=0) < 1e-6)),
    )


def squared_error(transformer, X):
    return float(
        ((X - transformer.inverse_transform(transformer.transform(X))) ** 2).mean()
    )


def row(name, figures):
    """Give the means over the seeds, and how far apart the seeds are."""
    errors, errors_of_others, accuracies, n_constant = zip(*figures, strict=True)
    return [
        name,
        f"{mean(errors):.4f}",
        f"{max(errors) - min(errors):.4f}",
        f"{mean(errors_of_others):.4f}",
        f"{mean(accuracies):.3f}",
        f"{max(accuracies) - min(accuracies):.3f}",
        f"{mean(n_constant):.1f}",
    ]


def parse_arguments(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument("--data", choices=HIDDEN, default="digits")
    parser.add_argument("--n-components", type=int, default=2, metavar="N")
    parser.add_argument(
        "--hidden",
        type=int,
        nargs="+",
        metavar="N",
        help="hidden layers of the encoder (default: 128 64; mnist: 128 32 8)",
    )
    parser.add_argument("--max-iter", type=int, default=100, metavar="N")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many")
    parser.add_argument(
        "--settings",
        nargs="+",
        choices=SETTINGS,
        default=list(SETTINGS),
        metavar="NAME",
        help="some of: " + "; ".join(SETTINGS),
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
