"""What five networks cost and bring, against one.

    python examples/benchmarks/bench_ensemble.py
    python examples/benchmarks/bench_ensemble.py --against PATH
    python examples/benchmarks/bench_ensemble.py --mnist mnist.npz --california c.csv.gz

On digits, one network and an ensemble of five take turns: a ratio is the median over
the rounds. With ``--against`` the one network is another build's, in that folder. On
MNIST and California housing, if their files are named, the ensemble is
judged beside its members. Let nothing else run on the machine.
"""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from alternation import Run, alternate, median_accuracy, median_ratio, median_seconds
from arguments import make_parser
from contenders import fit_quietly
from data import load
from report import describe_load, format_table, load_average, write_json
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, MLPRegressor

N_MEMBERS = 5
HIDDEN = (128, 64)


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    data = load("digits")
    contenders = {
        name: partial(time_digits, data, args.epochs, n_estimators)
        for name, n_estimators in {"one": 1, "ensemble of 5": N_MEMBERS}.items()
    }
    if args.against is not None:
        contenders["one"] = partial(time_other_build, args.against, args.epochs)
    alternation = alternate(contenders, args.rounds)
    rounds = alternation.rounds
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.3f}",
            f"{median_ratio(rounds, name, 'one'):.2f}",
            f"{median_accuracy(rounds, name):.4f}",
        ]
        for name in contenders
    ]
    layers = "-".join(map(str, (64, *HIDDEN, 10)))
    print(f"digits as float32, {layers}, {args.epochs} epochs")
    print(format_table(["", "seconds", "this/one", "test accuracy"], rows))
    print(alternation)
    if args.mnist is not None:
        print(format_table(*judge_mnist(args.mnist)))
    if args.california is not None:
        print(format_table(*judge_california(args.california)))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="ensemble",
        settings=vars(args),
        rounds=[{name: run.seconds for name, run in each.items()} for each in rounds],
    )


def time_digits(data, epochs, n_estimators, seed):
    clf = MLPClassifier(
        HIDDEN, max_iter=epochs, tol=0, n_estimators=n_estimators, random_state=seed
    )
    start = time.perf_counter()
    fit_quietly(clf, data.X_train, data.y_train)
    seconds = time.perf_counter() - start
    return Run(seconds, clf.score(data.X_test, data.y_test))


def time_other_build(folder, epochs, seed):
    """Fit one network with the build in another folder, in a process of its own."""
    arguments = map(str, (*HIDDEN, epochs, seed))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("one_fit.py"), *arguments],
        env={**os.environ, "PYTHONPATH": folder},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Run(*map(float, done.stdout.split()))


def judge_mnist(path):
    """Give accuracy and log-loss of the members' mean and of the ensemble."""
    data = load("mnist", mnist_path=path)
    clf = MLPClassifier(
        HIDDEN,
        learning_rate="one_cycle",
        learning_rate_init=0.005,
        batch_size=256,
        max_iter=6,
        n_estimators=N_MEMBERS,
        random_state=0,
    ).fit(data.X_train, data.y_train)

    def judge(estimator):
        proba = estimator.predict_proba(data.X_test)
        return estimator.score(data.X_test, data.y_test), log_loss(data.y_test, proba)

    return table("MNIST", ["accuracy", "log-loss"], judge, clf)


def judge_california(path):
    """Give R2 and RMSE, in units of 100,000 dollars, on a fifth of the rows."""
    table_ = pd.read_csv(path)
    y = table_.pop("median_house_value") / 100_000
    X = table_.select_dtypes("number")
    X = X.fillna(X.median())
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, random_state=0
    )
    scaler = StandardScaler()
    X_train, X_test = scaler.fit_transform(X_train), scaler.transform(X_test)
    reg = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        normalize_y=True,
        max_iter=40,
        n_estimators=N_MEMBERS,
        random_state=0,
    ).fit(X_train, y_train)

    def judge(estimator):
        error = root_mean_squared_error(y_test, estimator.predict(X_test))
        return estimator.score(X_test, y_test), error

    return table("California housing", ["R2", "RMSE"], judge, reg)


def table(title, measures, judge, ensemble):
    members = np.array([judge(member) for member in ensemble.estimators_])
    lines = {
        "one, mean of 5": members.mean(axis=0),
        "ensemble of 5": judge(ensemble),
    }
    rows = [[name, *(f"{value:.4f}" for value in v)] for name, v in lines.items()]
    return [title, *measures], rows


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=9, mnist=True)
    parser.add_argument("--epochs", type=int, default=60, metavar="N")
    parser.add_argument(
        "--against", metavar="PATH", help="folder of the build whose fit is the one"
    )
    parser.add_argument(
        "--california", metavar="PATH", help="California housing as CSV"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
