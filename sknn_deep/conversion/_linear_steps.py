"""scikit-learn's steps before a network that are linear, as matrices."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from sknn_deep._sklearn_private import clips

# Standard deviations: of a uniform distribution, in units of its range, and of a normal
# one, in units of its interquartile range.
_OF_RANGE = 12**-0.5
_OF_IQR = 0.7413


class LinearStep(NamedTuple):
    """Computes ``(X - center) @ weight + offset``, in float64.

    Attributes
    ----------
    name : str
        Class of the step.

    weight : ndarray of shape (n_in, n_out) or (n_in,)
        One dimension is the diagonal of a matrix.

    center : ndarray of shape (n_in,)
        About the means of the columns; 0 where nothing is subtracted.

    offset, spread : ndarray of shape (n_out,)
        What is added, and about the deviations of what comes out.
    """

    name: str
    weight: np.ndarray
    center: np.ndarray
    offset: np.ndarray
    spread: np.ndarray

    @property
    def is_diagonal(self) -> bool:
        return self.weight.ndim == 1

    @property
    def matrix(self) -> np.ndarray:
        return np.diag(self.weight) if self.is_diagonal else self.weight

    @property
    def inverse(self) -> "LinearStep":
        """What undoes a diagonal step."""
        weight = 1 / self.weight
        return LinearStep(
            self.name, weight, self.offset, self.center, np.abs(self.spread * weight)
        )

    def times(self, weight: np.ndarray) -> np.ndarray:
        """Give the weights of this step and a dense layer after it as one."""
        return (
            self.weight[:, None] * weight if self.is_diagonal else self.matrix @ weight
        )


class Clip(NamedTuple):
    """Brings numbers between `low` and `high`."""

    low: float
    high: float


def is_linear(step: BaseEstimator) -> bool:
    """Tell whether a step is linear, but for clipping."""
    return isinstance(step, SelectorMixin) or type(step) in _MAKERS


def linear_parts(step: BaseEstimator) -> list[LinearStep | Clip]:
    """Give what a fitted linear step computes."""
    if isinstance(step, SelectorMixin):
        return [_step(step, np.eye(step.n_features_in_)[:, step.get_support()])]
    return _MAKERS[type(step)](step)


def is_scaler(step: BaseEstimator) -> bool:
    """Tell whether a step is linear in each column by itself, and can be undone."""
    return type(step) in (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)


def _step(step, weight, center=0.0, offset=0.0, spread=1.0) -> LinearStep:
    weight = np.asarray(weight.toarray() if issparse(weight) else weight, np.float64)
    n_in, n_out = weight.shape[0], weight.shape[-1]
    return LinearStep(
        type(step).__name__,
        weight,
        np.broadcast_to(np.asarray(center, np.float64), n_in),
        np.broadcast_to(np.asarray(offset, np.float64), n_out),
        np.broadcast_to(np.asarray(spread, np.float64), n_out),
    )


def _standard_scaler(scaler: StandardScaler):
    factor = 1 / scaler.scale_ if scaler.with_std else np.ones(scaler.n_features_in_)
    center = scaler.mean_ if scaler.with_mean else 0.0
    spread = np.sqrt(scaler.var_) * factor if scaler.with_std else 1.0
    return [_step(scaler, factor, center, spread=spread)]


def _min_max_scaler(scaler: MinMaxScaler):
    low, high = scaler.feature_range
    center = scaler.data_min_ + scaler.data_range_ / 2
    width = scaler.data_range_ * scaler.scale_
    offset = low + width / 2
    step = _step(scaler, scaler.scale_, center, offset, width * _OF_RANGE)
    return [step, Clip(low, high)] if clips(scaler) else [step]


def _max_abs_scaler(scaler: MaxAbsScaler):
    step = _step(scaler, 1 / scaler.scale_)
    return [step, Clip(-1.0, 1.0)] if clips(scaler) else [step]


def _robust_scaler(scaler: RobustScaler):
    n = scaler.n_features_in_
    factor = 1 / scaler.scale_ if scaler.with_scaling else np.ones(n)
    center = scaler.center_ if scaler.with_centering else 0.0
    return [_step(scaler, factor, center, spread=_OF_IQR)]


def _pca(pca: PCA | IncrementalPCA):
    deviation = np.sqrt(pca.explained_variance_)
    weight = pca.components_.T
    if pca.whiten:
        # As in its transform.
        divisor = np.maximum(deviation, np.finfo(deviation.dtype).eps)
        weight, deviation = weight / divisor, deviation / divisor
    return [_step(pca, weight, pca.mean_, spread=deviation)]


def _projection(step):
    return [_step(step, step.components_.T)]


_MAKERS = {
    GaussianRandomProjection: _projection,
    IncrementalPCA: _pca,
    MaxAbsScaler: _max_abs_scaler,
    MinMaxScaler: _min_max_scaler,
    PCA: _pca,
    RobustScaler: _robust_scaler,
    SparseRandomProjection: _projection,
    StandardScaler: _standard_scaler,
    TruncatedSVD: _projection,
}
LINEAR_STEPS = tuple(sorted(cls.__name__ for cls in _MAKERS))
