"""Memory-mapped files that are checked a piece at a time."""

from pathlib import Path

import numpy as np
from sklearn import get_config
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from sknn_deep.rows import MappedArray, find_mapping

# A large file is read in windows of this share of scikit-learn's `working_memory`:
# the copies and buffers around a window take about as much again.
WINDOWS_IN_WORKING_MEMORY = 8


def is_large_file(X) -> bool:
    """Tell whether X is a memory-mapped file that is not to be read as a whole.

    That is a ``np.memmap`` of numbers with each row in one piece, which as float32 or
    float64 takes more than scikit-learn's `working_memory`. What joblib maps for its
    workers is in the memory of the process that started them.
    """
    if not isinstance(X, np.memmap) or X.ndim != 2 or X.dtype.kind not in "biuf":
        return False
    is_by_rows = X.strides[1] == X.itemsize and X.strides[0] >= X.itemsize * X.shape[1]
    folder = Path(X.filename).parent.name if X.filename is not None else ""
    if not is_by_rows or folder.startswith("joblib_memmapping_folder"):
        return False
    return X.size * float_type(X).itemsize > working_bytes()


def float_type(X: np.ndarray) -> np.dtype:
    """Give the type that scikit-learn's validation turns X into."""
    return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)


def working_bytes() -> int:
    return int(get_config()["working_memory"] * 2**20)


def check_mapped_rows(estimator, X, y, *, reset, **options):
    """Validate a large file as ``check_rows`` does an array, a piece at a time."""
    validate_data(estimator, X, y, reset=reset, skip_check_array=True)
    has_y = not (isinstance(y, str) and y == "no_validation")
    if has_y:
        # y is checked against a column of as many rows, which has nothing to refuse.
        column = np.zeros((X.shape[0], 1), dtype=np.float32)
        _, y = check_X_y(column, y, estimator=estimator, **options)
    if not isinstance(X, MappedArray):
        can_be_infinite = X.dtype.kind == "f" and not get_config()["assume_finite"]
        X = MappedArray(
            np.asarray(X),
            float_type(X),
            window_bytes=max(1, working_bytes() // WINDOWS_IN_WORKING_MEMORY),
            mapping=find_mapping(X),
        )
        for _, piece in X.all_pieces() if can_be_infinite else ():
            check_array(piece, estimator=estimator, input_name="X")
    return (X, y) if has_y else X
