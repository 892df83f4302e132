"""Hold NeighborAutoencoder against what else draws a map of the data, on MNIST.

    OMP_NUM_THREADS=1 python examples/benchmarks/bench_neighbors.py --contenders all

All are fitted to the training images, in turn, and judged on the test images:

- "5-NN": accuracy of the 5 nearest training images in the code;
- "trust": trustworthiness of 3,000 test images, with 5 neighbors;
- "mse": mean squared error of what comes back of the test images, where anything does;
- "fit", "transform": processor seconds, of the second call of ``transform``, since the
  first may compile.

"plain" is AutoencoderTransformer with the same layers, which encodes as many rows;
"weight 0" is NeighborAutoencoder without the neighbors' loss. openTSNE and umap-learn
are fitted to the first seed only; pip installs them by these names, and faiss by
faiss-cpu. umap-learn compiles itself in its first fit. The last lines tell of the
search for the neighbors alone, and of faiss' exact one among the same points.

    python examples/benchmarks/bench_neighbors.py --same-images --max-iter 40

fits to the test images, and judges on them too: "10-NN" is a cross-validated accuracy.
"""

import time
from statistics import mean

import numpy as np
from arguments import make_parser
from data import load_mnist
from memory import peak_bytes, reset_peak, resident_bytes
from report import describe_load, format_table, load_average, write_json
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from sknn_deep import AutoencoderTransformer, NeighborAutoencoder
from sknn_deep.metrics import trustworthiness_of
from sknn_deep.neighbors import find_neighbors
from sknn_deep.neighbors._exact import nearest_rows
from sknn_deep.neighbors._projection import project_rows

HIDDEN = (128, 64, 32)
RIVALS = ("openTSNE", "umap-learn")
OURS = ("neighbors", "plain", "weight 0")


def main(argv=None):
    args = parse_arguments(argv)
    names = (*OURS, *RIVALS) if "all" in args.contenders else args.contenders
    load_before = load_average()
    data = load_mnist(args.mnist, "float32")
    search = {} if args.same_images else measure_search(data.X_train)
    measure = measure_on_the_same if args.same_images else measure_on_new
    results = {name: [] for name in names}
    for seed in range(args.seeds):
        for name in names:
            if name not in RIVALS or seed == 0:
                results[name].append(measure(name, seed, data, args.max_iter))
                print(name, seed, results[name][-1], flush=True)
    figures = list(results[names[0]][0])
    rows = [row(name, results[name], figures) for name in names]
    print(format_table(["", *figures], rows))
    for name, value in search.items():
        print(f"{name}: {value:.2f}")
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="neighbors",
        settings=vars(args),
        results=results,
        search=search,
    )


def measure_on_new(name, seed, data, max_iter):
    """Fit to the training images, and give the figures of the test images."""
    contender = make(name, seed, len(data.X_train), max_iter)
    start = time.process_time()
    fitted = contender.fit(data.X_train)
    seconds = time.process_time() - start
    if name == "openTSNE":
        codes = np.asarray(fitted)
    else:
        codes = getattr(fitted, "embedding_", None)
        codes = fitted.transform(data.X_train) if codes is None else codes
    fitted.transform(data.X_test)
    start = time.process_time()
    test_codes = np.asarray(fitted.transform(data.X_test))
    transform_seconds = time.process_time() - start
    neighbors = KNeighborsClassifier(5).fit(codes, data.y_train)
    return {
        "5-NN": neighbors.score(test_codes, data.y_test),
        "trust": trustworthiness_of(data.X_test, test_codes),
        "mse": squared_error(fitted, data.X_test, test_codes) if name in OURS else None,
        "fit": seconds,
        "transform": transform_seconds,
    }


def measure_on_the_same(name, seed, data, max_iter):
    """Fit to the test images, and give the figures of these."""
    contender = make(name, seed, len(data.X_test), max_iter)
    start = time.process_time()
    codes = contender.fit_transform(data.X_test)
    seconds = time.process_time() - start
    return {
        "10-NN": cross_val_score(KNeighborsClassifier(10), codes, data.y_test).mean(),
        "mse": squared_error(contender, data.X_test, codes),
        "fit": seconds,
    }


def make(name, seed, n_rows, max_iter):
    ours = {
        "hidden_layer_sizes": HIDDEN,
        "out_activation": "logistic",
        "device": "cpu",
        "random_state": seed,
    }
    if name == "plain":
        n_epochs = 40 if max_iter == "auto" else 2 * max_iter
        batch_size = min(1024, n_rows)
        same = {"batch_size": batch_size, "max_iter": n_epochs, "clip_grad_norm": None}
        return AutoencoderTransformer(**ours, **same)
    if name == "openTSNE":
        from openTSNE import TSNE

        return TSNE(n_jobs=1, random_state=seed)
    if name == "umap-learn":
        from umap import UMAP

        return UMAP(n_jobs=1, random_state=seed)
    weight = 0.0 if name == "weight 0" else 1.0
    return NeighborAutoencoder(**ours, max_iter=max_iter, neighbors_weight=weight)


def squared_error(fitted, X, codes):
    return float(((X - fitted.inverse_transform(codes)) ** 2).mean())


def measure_search(X):
    """Give what the search for neighbors takes, and faiss' exact one."""
    find_neighbors(X[:100], 15, "euclidean", owner="bench_neighbors")  # imports
    reset_peak()
    before = resident_bytes()
    start = time.process_time()
    find_neighbors(X, 15, "euclidean", owner="bench_neighbors")
    taken = {"neighbors found, seconds": time.process_time() - start}
    taken["neighbors found, peak memory beside X, MB"] = (peak_bytes() - before) / 1e6
    try:
        import faiss
    except ImportError:
        return taken
    points = np.ascontiguousarray(project_rows(X, "euclidean"))
    ratios = []
    for _ in range(3):
        start = time.process_time()
        nearest_rows(points, 15)
        middle = time.process_time()
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        index.search(points, 16)
        end = time.process_time()
        ratios.append((middle - start) / (end - middle))
    taken["exact search of faiss, seconds"] = end - middle
    taken["exact search, median share of faiss' time"] = sorted(ratios)[1]
    return taken


def row(name, results, figures):
    """Give the means over the seeds."""
    cells = [name]
    for figure in figures:
        values = [result[figure] for result in results]
        if None in values:
            cells.append("-")
            continue
        digits = 2 if figure in ("fit", "transform") else 4
        cells.append(f"{mean(values):.{digits}f}")
    return cells


def parse_arguments(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=(*OURS, *RIVALS, "all"),
        default=list(OURS),
        metavar="NAME",
        help="some of: " + ", ".join((*OURS, *RIVALS)) + "; or all",
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many")
    parser.add_argument(
        "--max-iter",
        type=lambda text: text if text == "auto" else int(text),
        default="auto",
        metavar="N",
    )
    parser.add_argument(
        "--same-images",
        action="store_true",
        help="fit to the test images, and judge on them",
    )
    args = parser.parse_args(argv)
    if args.same_images and not set(args.contenders) <= set(OURS):
        parser.error(f"--same-images goes with {', '.join(OURS)}")
    return args


if __name__ == "__main__":
    main()
