"""Search for parameters on a Dask cluster, on Ray, or in processes of this machine.

    python examples/cluster_search.py dask
    python examples/cluster_search.py ray
    python examples/cluster_search.py loky

A search of scikit-learn hands its fits to joblib, and joblib hands them to whatever is
registered under a name. Here that is a small cluster on this machine; with the address
of a scheduler in its place, nothing else changes. It has room for two tasks: where
there is room for one only, joblib stays in the process that asks.

Needs ``pip install "sknn-deep[dask]"`` or ``pip install "sknn-deep[ray]"``.
"""

import argparse
from contextlib import contextmanager

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier

GRID = {
    "mlpclassifier__hidden_layer_sizes": [(8,), (32,)],
    "mlpclassifier__alpha": [1e-4, 1.0],
}


@contextmanager
def dask_cluster():
    """Run joblib's tasks on Dask; `Client("tcp://host:8786")` joins a cluster."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as here,
        Client(here),
        joblib.parallel_config("dask"),
    ):
        yield


@contextmanager
def ray_cluster():
    """Run joblib's tasks on Ray; `ray.init(address="auto")` joins a cluster."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        # Without n_jobs joblib stays in this process; Dask takes all there is.
        with joblib.parallel_config("ray", n_jobs=-1):
            yield
    finally:
        ray.shutdown()


ENGINES = {
    "dask": dask_cluster,
    "ray": ray_cluster,
    "loky": lambda: joblib.parallel_config("loky", n_jobs=1),
}


def search(engine: str, **options) -> tuple[GridSearchCV, float]:
    """Search on an engine; return the search, and the score on other rows."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    clf = MLPClassifier(
        learning_rate="one_cycle", learning_rate_init=0.01, max_iter=10, random_state=0
    )
    pipe = make_pipeline(StandardScaler(), clf)
    with ENGINES[engine]():
        found = GridSearchCV(pipe, GRID, cv=2, **options).fit(X_train, y_train)
    return found, found.score(X_test, y_test)


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=ENGINES)
    found, accuracy = search(parser.parse_args(argv).engine)
    print(f"best parameters: {found.best_params_}")
    print(f"accuracy on other rows: {accuracy:.3f}")


if __name__ == "__main__":
    main()
