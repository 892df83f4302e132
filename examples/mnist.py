"""MNIST for the examples, or smaller digits where it is not to be had."""

import os
from typing import NamedTuple

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split


class Digits(NamedTuple):
    """Images as rows of float32 numbers in [0, 1], and the digits they show."""

    name: str
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load_mnist() -> Digits:
    """Load MNIST: 60,000 images of 28 x 28 pixels to train on, and 10,000 to test on.

    It is read from the file in Keras' npz format that the environment variable
    SKNN_DEEP_MNIST names, or else downloaded by scikit-learn. Without either, the 1,797
    digits of 8 x 8 pixels that come with scikit-learn stand in, and a line says so.
    """
    path = os.environ.get("SKNN_DEEP_MNIST")
    if path:
        with np.load(path) as file:
            images = np.concatenate([file["x_train"], file["x_test"]])
            y = np.concatenate([file["y_train"], file["y_test"]])
    else:
        try:
            images, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        except OSError as error:
            print(f"No MNIST ({error}): scikit-learn's small digits stand in.")
            return load_small_digits()
    X = images.reshape(70_000, 784).astype(np.float32) / 255
    y = y.astype(np.int64)
    return Digits("MNIST", X[:60_000], X[60_000:], y[:60_000], y[60_000:])


def load_small_digits() -> Digits:
    """Load the digits that come with scikit-learn."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    return Digits(
        "digits", *train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    )
