"""Hold NeighborAutoencoder against the plain one where there may be no clusters.

    python examples/benchmarks/bench_neighbors_tables.py --data digits
    python examples/benchmarks/bench_neighbors_tables.py --data california
    python examples/benchmarks/bench_neighbors_tables.py --data adult
    python examples/benchmarks/bench_neighbors_tables.py --data texts

Printed are, for a quarter of the rows that is held out and two components, means over
the seeds: how well the 5 nearest rows that were fitted tell the class, the
trustworthiness, and the share of variance that comes back.

"california" and "adult" are read from the folder of MNIST's file, 10,000 rows without
gaps; the classes of the first are prices above and below the median.
"texts" are TF-IDF vectors of the paragraphs of scikit-learn's docstrings; its
modules are the classes.
"""

import importlib
import inspect
import os
import re
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
import sklearn
from arguments import make_parser
from report import describe_load, format_table, load_average, write_json
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import NeighborAutoencoder
from sknn_deep.metrics import trustworthiness_scorer

MAX_ROWS = 10_000
MODULES = ("cluster", "decomposition", "ensemble", "linear_model", "metrics")
TABLES = {
    "california": ("california_housing.csv.gz", "median_house_value"),
    "adult": ("adult.csv.gz", "income"),
}
FIGURES = ("5-NN", "trust", "R2")


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    X, y = load(args.data, args.mnist)
    parts = train_test_split(X, y, stratify=y, random_state=0)
    metric = "cosine" if args.data == "texts" else "euclidean"
    out_activation = "logistic" if args.data == "digits" else "identity"
    linear = PCA if isinstance(X, np.ndarray) else TruncatedSVD
    results = {linear.__name__: [measure(linear(2, random_state=0), *parts, metric)]}
    for weight in (0.0, 1.0):
        results[f"neighbors_weight={weight}"] = [
            measure(
                NeighborAutoencoder(
                    neighbors_weight=weight,
                    metric=metric,
                    out_activation=out_activation,
                    max_iter=args.max_iter,
                    random_state=seed,
                    device="cpu",
                ),
                *(*parts, metric),
            )
            for seed in range(args.seeds)
        ]
    print(f"{args.data}: {X.shape[0]} rows, {X.shape[1]} columns")
    rows = [
        [name, *map(average, zip(*of, strict=True))] for name, of in results.items()
    ]
    print(format_table(["", *FIGURES], rows))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="neighbors_tables",
        settings=vars(args),
        results=results,
    )


def average(values):
    return f"{mean(values):.3f}"


def measure(method, X, X_test, y, y_test, metric):
    codes = method.fit_transform(X)
    test_codes = method.transform(X_test)
    back = method.inverse_transform(test_codes)
    dense = X_test if isinstance(X_test, np.ndarray) else X_test.toarray()
    return (
        KNeighborsClassifier(5).fit(codes, y).score(test_codes, y_test),
        trustworthiness_scorer(method, X_test, metric=metric),
        r2_score(dense, back, multioutput="variance_weighted"),
    )


def load(name, mnist_path):
    """Give rows and classes."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32), y
    if name == "texts":
        return load_texts()
    path = Path(mnist_path or os.environ["SKNN_DEEP_MNIST"])
    file, target = TABLES[name]
    table = pd.read_csv(path.with_name(file)).dropna()
    table = table.sample(min(len(table), MAX_ROWS), random_state=0)
    y = table.pop(target)
    if name == "california":
        y = y > y.median()
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    prepare = make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(sparse_output=False), others),
    )
    return prepare.fit_transform(table).astype(np.float32), y.to_numpy()


def load_texts():
    """Give TF-IDF vectors of paragraphs, each with the module that it is from."""
    texts, modules = [], []
    for name in MODULES:
        module = importlib.import_module(f"{sklearn.__name__}.{name}")
        for member in sorted(module.__all__):
            doc = inspect.getdoc(getattr(module, member)) or ""
            for paragraph in re.split(r"\n\s*\n", doc):
                if len(paragraph.split()) >= 20:
                    texts.append(paragraph)
                    modules.append(name)
    vectorizer = TfidfVectorizer(min_df=5, sublinear_tf=True, dtype=np.float32)
    return vectorizer.fit_transform(texts), np.array(modules)


def parse_arguments(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument(
        "--data", choices=("digits", "california", "adult", "texts"), default="digits"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many")
    parser.add_argument(
        "--max-iter",
        type=lambda text: text if text == "auto" else int(text),
        default="auto",
        metavar="N",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
