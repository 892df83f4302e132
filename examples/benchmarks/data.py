"""What the benchmarks train on."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import (
    fetch_openml,
    load_breast_cancer,
    load_digits,
    load_iris,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

# What comes with scikit-learn.
BUNDLED = {
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "iris": load_iris,
}


class Data(NamedTuple):
    """Samples to train and to test on, all C-contiguous; labels from 0 on, int64."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load(name: str, *, dtype: str = "float32", mnist_path: str | None = None) -> Data:
    """Load one of the data sets, with features of type `dtype`."""
    if name == "mnist":
        return load_mnist(mnist_path, dtype)
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        X = MinMaxScaler().fit_transform(X).astype(dtype)
        return Data(*train_test_split(X, y, test_size=0.2, stratify=y, random_state=0))
    return split_last(*make_table(1_010_000, 30, dtype), n_test=10_000)


def mnist_folder() -> Path | None:
    """Give the folder of the file that SKNN_DEEP_MNIST names, where tables lie too."""
    path = os.environ.get("SKNN_DEEP_MNIST")
    return None if path is None else Path(path).parent


def load_mnist(path: str | None, dtype: str) -> Data:
    """Read MNIST from a file in Keras' npz format, or download it.

    Where `path` is None, it is what the environment variable SKNN_DEEP_MNIST names.
    """
    path = path or os.environ.get("SKNN_DEEP_MNIST")
    if path is None:
        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        data = split_last(X, y, n_test=10_000)
    else:
        with np.load(path) as file:
            data = Data(
                file["x_train"], file["x_test"], file["y_train"], file["y_test"]
            )
    X_train, X_test = (
        X.reshape(len(X), -1).astype(dtype) / np.dtype(dtype).type(255)
        for X in (data.X_train, data.X_test)
    )
    return Data(
        X_train, X_test, data.y_train.astype(np.int64), data.y_test.astype(np.int64)
    )


def split_last(X: np.ndarray, y: np.ndarray, *, n_test: int) -> Data:
    return Data(X[:-n_test], X[-n_test:], y[:-n_test], y[-n_test:])


def make_table(
    n_rows: int, n_features: int, dtype: str = "float32"
) -> tuple[np.ndarray, np.ndarray]:
    """Draw normal features, and the largest of ten linear functions as the label."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=dtype)
    slopes = rng.standard_normal((n_features, 10), dtype=dtype)
    return X, np.argmax(X @ slopes, axis=1)
