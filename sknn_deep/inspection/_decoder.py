"""The way back from codes, as parts that can be written down."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from sknn_deep.conversion import Activation, LayerNorm, Linear, parts_of_decoder
from sknn_deep.estimators import AutoencoderTransformer
from sknn_deep.modules import OwnAutoencoder

# What is left, of the spread, of an inverse that a sum of weighted columns computes.
_ROUNDING = 1e-5


class Scale(NamedTuple):
    """Computes ``X * weight + bias``.

    Attributes
    ----------
    weight, bias : ndarray of shape (n_columns,)
    """

    weight: np.ndarray
    bias: np.ndarray


InversePart = Linear | Scale | LayerNorm | Activation


def parts_of_inverse(transformer, n_components: int) -> list[InversePart] | None:
    """Give the parts that compute ``inverse_transform``, or None if there are none.

    Parameters
    ----------
    transformer : estimator
        Fitted, a Pipeline or a step of one.

    n_components : int
        Number of columns of what it is undone of.
    """
    if not hasattr(transformer, "inverse_transform"):
        return None
    if isinstance(transformer, Pipeline):
        return _parts_of_pipeline(transformer, n_components)
    if isinstance(transformer, AutoencoderTransformer):
        is_own = isinstance(transformer.net_.module_, OwnAutoencoder)
        return None if is_own else parts_of_decoder(transformer)
    return _parts_of_affine(transformer.inverse_transform, n_components)


def _parts_of_pipeline(pipeline: Pipeline, n_components: int) -> list | None:
    parts: list[InversePart] = []
    steps = [step for _, step in pipeline.steps if step not in (None, "passthrough")]
    for step in reversed(steps):
        found = parts_of_inverse(step, n_components)
        if found is None:
            return None
        parts += found
        sizes = [len(part.bias) for part in found if not isinstance(part, Activation)]
        n_components = sizes[-1] if sizes else n_components
    return parts


def _parts_of_affine(function: Callable, n_columns: int) -> list[InversePart] | None:
    """Find by trying the weights of a function that is a sum of weighted columns."""
    bias = function(np.zeros((1, n_columns)))[0]
    tried = np.linspace(-1, 1, 3 * n_columns).reshape(3, n_columns)
    expected = np.asarray(function(tried))
    if len(bias) == n_columns:
        weight = function(np.ones((1, n_columns)))[0] - bias
        if _is_close(tried * weight + bias, expected):
            return [Scale(weight, bias)]
    weight = function(np.eye(n_columns)) - bias
    if _is_close(tried @ weight + bias, expected):
        return [Linear(weight, bias)]
    return None


def _is_close(found: np.ndarray, expected: np.ndarray) -> bool:
    spread = np.abs(expected).max()
    return bool(np.abs(found - expected).max() <= _ROUNDING * spread)
