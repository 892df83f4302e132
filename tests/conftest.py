"""Data sets and guards that all tests share."""

import os
from pathlib import Path
from typing import NamedTuple

import hypothesis
import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import scale

ROOT = Path(__file__).resolve().parents[1]

# The time of a fit varies too much between machines for a deadline per example.
hypothesis.settings.register_profile("sknn_deep", deadline=None)
hypothesis.settings.load_profile("sknn_deep")


class Digits(NamedTuple):
    X: np.ndarray  # (1797, 64), float32, in [0, 1]
    y: np.ndarray  # (1797,), int64


class Mnist(NamedTuple):
    X_train: np.ndarray  # (60000, 784), float32, in [0, 1]
    y_train: np.ndarray  # (60000,), int64
    X_test: np.ndarray  # (10000, 784), float32, in [0, 1]
    y_test: np.ndarray  # (10000,), int64


def pytest_configure(config):
    """Let each of several test processes compute in one thread, and on the CPU.

    More threads than cores wait for each other, and all tests take longer. Outputs and
    tolerances of the tests that are not marked `cuda` are those of a CPU.
    """
    if config.getoption("markexpr") != "cuda":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if config.getoption("numprocesses", None):
        for library in ("OMP", "MKL", "OPENBLAS"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_runtest_setup(item):
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU that torch can use, and `pytest -m cuda`")
    if item.get_closest_marker("slow") and not (
        os.environ.get("SKNN_DEEP_SLOW") or item.config.getoption("markexpr") == "slow"
    ):
        pytest.skip("takes long: `pytest -m slow`, or SKNN_DEEP_SLOW=1 for all tests")


@pytest.fixture
def sklearn_callback():
    """scikit-learn's module of callbacks, where it has one."""
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


@pytest.fixture
def every_warning_of_torch():
    """Torch gives some warnings once in a process, and none to later tests."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.fixture(autouse=True)
def torch_settings_stay():
    """Hold every test to leaving torch's process-wide settings as it found them."""
    n_threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    yield
    n_threads_after, dtype_after = torch.get_num_threads(), torch.get_default_dtype()
    # Set back first, so that one test at fault does not fail those after it.
    torch.set_num_threads(n_threads)
    torch.set_default_dtype(dtype)
    assert n_threads_after == n_threads, "the test changed torch's number of threads"
    assert dtype_after == dtype, "the test changed torch's default dtype"


@pytest.fixture
def three_threads():
    """Start from a number that no test sets."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pyplot():
    """Pyplot without a screen and without open figures."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


# The data fixtures below are loaded once and shared: tests must not write into them.


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return Digits((X / 16).astype(np.float32), y)


@pytest.fixture(scope="session")
def digits_slice(digits):
    """200 digits: X of whole numbers from 0 to 16, y of ten classes."""
    return digits.X[:200].astype(float) * 16, digits.y[:200]


@pytest.fixture(scope="session")
def cancer():
    """200 rows of 30 features, and two classes."""
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X)[:200], y[:200]


@pytest.fixture(scope="session")
def diabetes():
    """200 rows of ten features, and a number."""
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:200], scale(y)[:200]


@pytest.fixture(scope="session")
def ten_digits(digits):
    """300 rows of 64 features, and ten classes."""
    return digits.X[:300].astype(float), digits.y[:300]


@pytest.fixture(scope="session")
def mnist(mnist_path):
    with np.load(mnist_path) as data:
        return Mnist(
            _scale_images(data["x_train"]),
            data["y_train"].astype(np.int64),
            _scale_images(data["x_test"]),
            data["y_test"].astype(np.int64),
        )


@pytest.fixture(scope="session")
def california(mnist_path):
    """California housing: 20640 rows, the target is `median_house_value`."""
    return _read_table(mnist_path.with_name("california_housing.csv.gz"))


@pytest.fixture(scope="session")
def adult(mnist_path):
    """Census income: 48842 rows, the target is `income`, missing values are NaN."""
    return _read_table(mnist_path.with_name("adult.csv.gz"))


@pytest.fixture(scope="session")
def mnist_path():
    """Path of MNIST in Keras' npz format; the tables lie in the same folder."""
    given = os.environ.get("SKNN_DEEP_MNIST")
    if given:
        path = Path(given)
        assert path.is_file(), f"SKNN_DEEP_MNIST={given} is not a file"
        return path
    path = ROOT.parent / "shared" / "data" / "mnist.npz"
    if not path.is_file():
        pytest.skip(
            "no MNIST: set the environment variable SKNN_DEEP_MNIST to the path of "
            "an npz file with x_train, y_train, x_test and y_test"
        )
    return path


def _scale_images(images):
    """Turn (n_images, 28, 28) uint8 into (n_images, 784) float32 in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _read_table(path):
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the MNIST file in {path.parent}")
    return pd.read_csv(path)
