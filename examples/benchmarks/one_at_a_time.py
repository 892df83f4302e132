"""Search a grid on digits, one candidate after the other, and print what it took.

`bench_search.py --against` runs this with another build of the package:

    PYTHONPATH=PATH python examples/benchmarks/one_at_a_time.py GRID DTYPE EPOCHS

GRID is JSON. It imports nothing that an old build has not.
"""

import json
import sys
import time
import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknn_deep import MLPClassifier


def main(grid, dtype, epochs):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(dtype)
    clf = MLPClassifier(max_iter=int(epochs), tol=0, random_state=0)
    search = GridSearchCV(clf, json.loads(grid), refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        search.fit(X, y)
        seconds = time.perf_counter() - start
    print(seconds, search.cv_results_["mean_test_score"].max())


if __name__ == "__main__":
    main(*sys.argv[1:])
