"""Fit one network to digits, and print seconds and test accuracy.

`bench_ensemble.py --against` runs this with another build of the package:

    PYTHONPATH=PATH python examples/benchmarks/one_fit.py 128 64 EPOCHS SEED

The numbers before the last two are the widths of the hidden layers. It imports nothing
that an old build has not.
"""

import sys
import time
import warnings

from data import load
from sklearn.exceptions import ConvergenceWarning

from sknn_deep import MLPClassifier


def main(*arguments):
    *hidden, epochs, seed = map(int, arguments)
    data = load("digits")
    settings = {"hidden_layer_sizes": hidden, "tol": 0, "random_state": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # What happens once in a process.
        MLPClassifier(max_iter=1, **settings).fit(data.X_train, data.y_train)
        clf = MLPClassifier(max_iter=epochs, **settings)
        start = time.perf_counter()
        clf.fit(data.X_train, data.y_train)
        seconds = time.perf_counter() - start
    print(seconds, clf.score(data.X_test, data.y_test))


if __name__ == "__main__":
    main(*sys.argv[1:])
