"""Numbers brought between -3 and 3, by their quartiles."""

import numpy as np

# Where the smooth clip levels off.
_LIMIT = 3.0


def learn_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give median and factor of each column; NaN is missing, and does not count.

    The factor is that of the interquartile range; where that is 0 of half the range;
    where that is 0 too, it is 0.

    Parameters
    ----------
    values : float64 ndarray of shape (n_samples, n_columns)

    Returns
    -------
    median, factor : ndarray of shape (n_columns,)
    """
    pairs = [_of_column(column[~np.isnan(column)]) for column in values.T]
    median, factor = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return median, factor


def _of_column(present: np.ndarray) -> tuple[float, float]:
    if not len(present):
        return 0.0, 0.0
    largest, smallest = np.finfo(np.float64).max, np.finfo(np.float64).tiny
    # Halves, for a difference of the largest numbers not to overflow.
    low, median, high = np.quantile(present / 2, [0.25, 0.5, 0.75])
    width = 2 * min(high - low, largest / 2)
    if width == 0:
        width = present.max() / 2 - present.min() / 2
    return 2 * median, 1 / width if width > smallest else 0.0


def apply_scale(
    values: np.ndarray, median: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Scale columns, and bring what is far out smoothly between -3 and 3.

    A missing number becomes 0, as the median does.

    References
    ----------
    Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data." NeurIPS 2024.
    https://doi.org/10.48550/arXiv.2407.04491
    """
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        scaled = np.clip(values - median, -largest, largest) * factor
        scaled = np.clip(scaled, -largest, largest)
    return np.nan_to_num(scaled / np.hypot(1, scaled / _LIMIT))
