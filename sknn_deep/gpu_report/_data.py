"""What the report trains on, without a download."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

KINDS = ("train", "test")


class Digits(NamedTuple):
    X: np.ndarray  # (1797, 64), float32, in [0, 1]
    y: np.ndarray  # (1797,), int64


class Images(NamedTuple):
    """Images of digits to train and to test on.

    Attributes
    ----------
    name : str

    X_train, X_test : float32 ndarray of shape (n_images, 784), in [0, 1]

    y_train, y_test : int64 ndarray of shape (n_images,)
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@functools.cache
def digits() -> Digits:
    X, y = load_digits(return_X_y=True)
    return Digits((X / 16).astype(np.float32), y.astype(np.int64))


def load_images(mnist: Path | None, n_train: int) -> Images:
    """Read MNIST from a file in Keras' npz format, or draw images that are like it."""
    images = _draw_images(n_train) if mnist is None else _read_mnist(mnist)
    return images._replace(
        X_train=images.X_train[:n_train], y_train=images.y_train[:n_train]
    )


def _read_mnist(path: Path) -> Images:
    with np.load(path) as file:
        X_train, X_test = (
            file[f"x_{kind}"].reshape(-1, 784).astype(np.float32) / np.float32(255)
            for kind in KINDS
        )
        y_train, y_test = (
            file[name].astype(np.int64) for name in ("y_train", "y_test")
        )
    return Images("MNIST", X_train, y_train, X_test, y_test)


def _draw_images(n_train: int) -> Images:
    """Enlarge scikit-learn's digits to 24 x 24, and put them somewhere in 28 x 28."""
    X, y = digits()
    large = np.kron(X.reshape(-1, 8, 8), np.ones((3, 3), np.float32))
    rng = np.random.default_rng(0)
    n_images = n_train + min(n_train, 10_000)
    # The last 400 digits are for the test alone.
    numbers = np.concatenate(
        [
            rng.integers(0, len(X) - 400, n_train),
            rng.integers(len(X) - 400, len(X), n_images - n_train),
        ]
    )
    images = np.zeros((n_images, 28, 28), np.float32)
    for i, (number, (row, column)) in enumerate(
        zip(numbers, rng.integers(0, 5, (n_images, 2)), strict=True)
    ):
        images[i, row : row + 24, column : column + 24] = large[number]
    images, labels = images.reshape(n_images, -1), y[numbers]
    return Images(
        "images like MNIST",
        images[:n_train],
        labels[:n_train],
        images[n_train:],
        labels[n_train:],
    )
