"""What a fitted estimator computes, as a short list of parts.

What is affine is folded into the dense layers beside it, in float64: steps before the
network, batch normalization, the scale of a target. Both ``to_torch`` and ``to_onnx``
write these parts, each in its own layers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    fold_batch_norm,
)
from sknn_deep.persistence._linear_steps import (
    LINEAR_STEPS,
    Clip,
    LinearStep,
    linear_parts,
)

AUTOENCODERS = (AutoencoderTransformer, NeighborAutoencoder)
NETWORKS = (*AUTOENCODERS, MLPClassifier, MLPRegressor)

# Predictions are to keep this share of their spread.
_ACCURACY = 1e-5
# The rounding of a sum of n terms grows with the root of n; the largest among all rows
# was seen to be 1 to 3 times that.
_GROWTH = 2


class Linear(NamedTuple):
    """Computes ``X @ weight + bias``.

    Attributes
    ----------
    weight : ndarray of shape (n_in, n_out)

    bias : ndarray of shape (n_out,)

    center : ndarray of shape (n_in,) or None
        About the means of the columns of X, where they are far from zero.
    """

    weight: np.ndarray
    bias: np.ndarray
    center: np.ndarray | None = None

    def rounded(self, dtype: np.dtype) -> "Linear":
        """Round so that what is lost of the weights is not lost at the center."""
        weight, bias = self.weight.astype(dtype), self.bias
        if self.center is not None:
            bias = bias + self.center @ (self.weight - weight)
        return Linear(weight, bias.astype(dtype))


class LayerNorm(NamedTuple):
    """Normalizes each row over its columns.

    Attributes
    ----------
    weight, bias : ndarray of shape (n_columns,)

    eps : float
    """

    weight: np.ndarray
    bias: np.ndarray
    eps: float


class Activation(NamedTuple):
    """One of ``ACTIVATIONS`` or ``OUT_ACTIVATIONS``."""

    name: str


class Mean(NamedTuple):
    """The mean of what several lists of parts give."""

    members: list[list]


Part = Linear | LayerNorm | Activation | Clip | Mean


class Export(NamedTuple):
    """What is asked for.

    Attributes
    ----------
    function : str
        Name of the function that the user called.

    dtype : dtype or None
        Of all parts; None is that of the networks.

    is_raw : bool
        Whether the last network's output is left as it is before its activation.

    is_inverse : bool
        Whether it is the way back of an autoencoder, from codes.

    wider : str
        How the user asks for float64.
    """

    function: str
    dtype: np.dtype | None
    is_raw: bool
    is_inverse: bool
    wider: str


def parts_of(
    estimator: BaseEstimator, export: Export
) -> tuple[list[Part], np.dtype, BaseEstimator]:
    """Give parts, the type of their numbers, and the last of the networks."""
    if export.is_inverse and type(estimator) not in AUTOENCODERS:
        raise TypeError(
            f'{export.function} with output="reconstructions" takes an autoencoder '
            f"alone. Got {type(estimator).__name__}: of a Pipeline pass the "
            "autoencoder's own step."
        )
    steps = list(_steps(estimator, export))
    networks = [step for step in steps if type(step) in NETWORKS]
    if not networks:
        _refuse(estimator, export)
    dtype = export.dtype or np.result_type(*map(_dtype_of, networks))
    parts = []
    for step in steps:
        is_raw = export.is_raw and step is networks[-1]
        parts += _parts_of_step(step, export, is_raw=is_raw)
    parts = _rounded(_fold(parts, export, dtype), dtype)
    return parts, dtype, networks[-1]


def n_features_of(parts: list[Part]) -> int:
    """Give the number of columns that parts take."""
    first = parts[0]
    if isinstance(first, Mean):
        return n_features_of(first.members[0])
    return first.weight.shape[0]  # each network begins with a dense layer


def n_outputs_of(parts: list[Part]) -> int:
    """Give the number of columns that comes out of parts."""
    last = next(part for part in reversed(parts) if isinstance(part, Linear | Mean))
    return n_outputs_of(last.members[0]) if isinstance(last, Mean) else len(last.bias)


def _steps(estimator, export: Export) -> Iterator[BaseEstimator]:
    """List the steps of Pipelines in Pipelines."""
    if estimator is None or isinstance(estimator, str):  # "passthrough"
        return
    if type(estimator) is Pipeline:
        for _, step in estimator.steps:
            yield from _steps(step, export)
        return
    if type(estimator) in NETWORKS:
        check_is_fitted(estimator)
        yield estimator
        return
    if not isinstance(estimator, BaseEstimator):
        _refuse(estimator, export)
    yield estimator


def _refuse(step, export: Export) -> None:
    raise TypeError(
        f"{export.function} takes MLPClassifier, MLPRegressor, AutoencoderTransformer "
        "and NeighborAutoencoder, and Pipelines of these, of feature selection and of "
        f"{', '.join(LINEAR_STEPS)}. Got {type(step).__name__}: pass the network's own "
        "step, and do the steps before it in scikit-learn."
    )


def _dtype_of(network: BaseEstimator) -> np.dtype:
    if hasattr(network, "estimators_"):
        network = network.estimators_[0]
    return np.dtype(str(network.net_.placement.dtype).removeprefix("torch."))


# --- parts of one step ----------------------------------------------------------------


def _parts_of_step(step: BaseEstimator, export: Export, *, is_raw: bool) -> list:
    if type(step) not in NETWORKS:
        parts = linear_parts(step)
        if parts is None:
            _refuse(step, export)
        return parts
    if hasattr(step, "estimators_"):
        _check_mean(step, export, is_raw=is_raw)
        members = step.estimators_
        return [Mean([_parts_of_network(member, is_raw=is_raw) for member in members])]
    return _parts_of_network(step, is_raw=is_raw, is_inverse=export.is_inverse)


def _check_mean(ensemble: BaseEstimator, export: Export, *, is_raw: bool) -> None:
    if is_raw and ensemble.out_activation_ != "identity":
        raise ValueError(
            f'{export.function} with output="raw" needs a single network: the '
            f"predictions of this {type(ensemble).__name__} are a mean of activated "
            "outputs. Pass one of its estimators_."
        )


def _parts_of_network(
    estimator: BaseEstimator, *, is_raw: bool, is_inverse: bool = False
) -> list:
    module = estimator.net_.module_
    gives_code = isinstance(estimator, AutoencoderTransformer) and not is_inverse
    start = len(module.encoder) if is_inverse else 0
    stop = len(module.encoder if gives_code else module.blocks())
    parts, activation = [], "identity"
    for block, weight, bias in list(fold_batch_norm(module))[start:stop]:
        parts += _activation(activation)
        parts.append(Linear(weight, bias))
        norm = getattr(block, "normalization", None)
        if isinstance(norm, nn.LayerNorm):
            arrays = (
                array.detach().cpu().double().numpy() for array in norm.parameters()
            )
            parts.append(LayerNorm(*arrays, norm.eps))
        activation = block.activation_name
    if not gives_code:
        activation = estimator.out_activation_
    if isinstance(estimator, MLPRegressor) and estimator._target.mean is not None:
        scale, mean = estimator._target.scale, estimator._target.mean
        parts.append(LinearStep("normalize_y", scale, np.zeros_like(mean), mean, scale))
    if is_raw:
        return parts
    if isinstance(estimator, MLPClassifier) and estimator._target.kind == "binary":
        parts.append(_both_classes(parts.pop(), len(estimator.classes_)))
        activation = "softmax"
    return [*parts, *_activation(activation)]


def _activation(name: str) -> list[Activation]:
    return [] if name == "identity" else [Activation(name)]


def _both_classes(layer: Linear, n_classes: int) -> Linear:
    """Give as many outputs as there are classes, for a softmax over them.

    Softmax of 0 and z is 1 - logistic(z) and logistic(z), and that of one number is 1.
    """
    if n_classes == 1:
        return layer
    zero = np.zeros_like(layer.bias)
    weight = np.hstack([np.zeros_like(layer.weight), layer.weight])
    return Linear(weight, np.hstack([zero, layer.bias]))


# --- folding --------------------------------------------------------------------------


def _fold(parts: list, export: Export, dtype: np.dtype) -> list[Part]:
    """Fold each linear step into a dense layer before or after it."""
    folded: list = []
    for part in parts:
        is_step = isinstance(part, LinearStep)
        if is_step and part.is_diagonal and folded and isinstance(folded[-1], Linear):
            shift = part.offset - part.center * part.weight
            _check_digits(part, shift, part.spread, export, dtype)
            weight, bias, center = folded.pop()
            part = Linear(weight * part.weight, bias * part.weight + shift, center)
        folded.append(part)
    parts, folded = folded, []
    for part in reversed(parts):
        if isinstance(part, Mean):
            part = Mean([_fold(member, export, dtype) for member in part.members])
        elif isinstance(part, LinearStep):
            part = _fold_into(part, folded, export, dtype)
        folded.insert(0, part)
    return folded


def _fold_into(
    step: LinearStep, following: list, export: Export, dtype: np.dtype
) -> Linear | Mean:
    """Fold a step into what follows, which is taken out of the list."""
    if following and isinstance(following[0], Mean):
        members = following.pop(0).members
        return Mean([_fold([step, *member], export, dtype) for member in members])
    if following and isinstance(following[0], Linear):
        after, bias, _ = following.pop(0)
    else:
        after, bias = np.eye(len(step.offset)), np.zeros(len(step.offset))
    weight = step.times(after)
    subtracted = step.center[:, None] * weight
    _check_digits(step, subtracted, step.spread[:, None] * after, export, dtype)
    bias = bias + step.offset @ after - subtracted.sum(axis=0)
    return Linear(weight, bias, step.center)


def _rounded(parts: list[Part], dtype: np.dtype) -> list[Part]:
    rounded: list = []
    for part in parts:
        if isinstance(part, Linear):
            part = part.rounded(dtype)
        elif isinstance(part, Mean):
            part = Mean([_rounded(member, dtype) for member in part.members])
        rounded.append(part)
    return rounded


def _check_digits(
    step: LinearStep,
    subtracted: np.ndarray,
    spread: np.ndarray,
    export: Export,
    dtype: np.dtype,
) -> None:
    """Refuse to fold what would take the digits that tell predictions apart.

    A sum of numbers far from zero is rounded in units of these, and what is left of it
    once the mean is subtracted may be small.
    """
    ratio = np.linalg.norm(subtracted) / max(np.linalg.norm(spread), 1e-300)
    growth = _GROWTH * np.sqrt(len(subtracted))
    error = growth * np.finfo(dtype).eps / 2 * ratio
    if error <= _ACCURACY or not np.any(spread):
        return
    what = "adds" if step.name == "normalize_y" else "subtracts"
    wider = "" if dtype == np.float64 else f"pass {export.wider}, or "
    raise ValueError(
        f"{export.function} cannot fold {step.name} into a layer of {dtype}: what it "
        f"{what} is some {ratio:.0f} times the spread, and predictions would be off "
        f"by up to {error:.0e} of theirs. To keep their digits, {wider}pass "
        "the network's own step alone and do the rest in scikit-learn."
    )
