"""What a fitted estimator computes, as a short list of parts.

What is affine is folded into the dense layers beside it. Both ``to_torch`` and
``to_onnx`` write these parts, each in its own layers.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._folding import fold, rounded
from sknn_deep.conversion._linear_steps import (
    LINEAR_STEPS,
    is_linear,
    is_scaler,
    linear_parts,
)
from sknn_deep.conversion._network_parts import (
    dtype_of,
    is_table_estimator,
    method_of,
    network_of,
    parts_of_method,
    parts_of_network,
    parts_of_table,
)
from sknn_deep.conversion._parts import Mean, Part
from sknn_deep.conversion._skl2onnx import estimators_in


def has_parts(estimator) -> bool:
    """Tell whether an estimator can be taken apart: a network and linear steps."""
    steps = list(steps_of(estimator))
    return are_known(steps) and any(map(network_of, steps))


def are_known(steps: list) -> bool:
    """Tell whether all steps can be taken apart."""
    return all(map(_is_known, steps))


def parts_of(
    estimator: BaseEstimator, export: Export
) -> tuple[list[Part], np.dtype, BaseEstimator]:
    """Give parts, the type of their numbers, and the last step with a network."""
    if is_table_estimator(estimator):
        return _parts_of_table(estimator, export)
    if any(map(is_table_estimator, estimators_in(estimator))):
        raise TypeError(
            f"{export.function} takes TabularMLPClassifier and TabularMLPRegressor "
            "alone, with the columns as they are: pass the fitted one itself, and not "
            f"the {type(estimator).__name__} that holds it."
        )
    steps = list(steps_of(estimator))
    with_network = [step for step in steps if network_of(step) is not None]
    check_steps(steps, export)
    if not with_network:
        _refuse(estimator, export)
    for step in with_network:
        check_is_fitted(network_of(step))
    dtype = export.dtype or np.result_type(
        *(dtype_of(network_of(step)) for step in with_network)
    )
    last = with_network[-1]
    return parts_of_steps(steps, export, dtype, last), dtype, last


def parts_of_steps(
    steps: list, export: Export, dtype: np.dtype, last: BaseEstimator
) -> list[Part]:
    """Give the parts of steps, in which `last` is the last one with a network."""
    parts = []
    for step in steps:
        parts += _parts_of_step(step, export, is_raw=export.is_raw and step is last)
    return rounded(fold(parts, export, dtype), dtype)


def check_steps(steps: list, export: Export) -> None:
    """Refuse steps that cannot be taken apart."""
    for step in steps:
        if not _is_known(step):
            _refuse(step, export)


def _parts_of_table(
    estimator: BaseEstimator, export: Export
) -> tuple[list[Part], np.dtype, BaseEstimator]:
    check_is_fitted(estimator)
    if estimator.recipe_.n_estimators > 1:
        check_mean(estimator, export, is_raw=export.is_raw)
    dtype = export.dtype or dtype_of(estimator)
    parts = parts_of_table(estimator, is_raw=export.is_raw)
    return rounded(fold(parts, export, dtype), dtype), dtype, estimator


def steps_of(estimator) -> Iterator:
    """List the steps of Pipelines in Pipelines."""
    if type(estimator) is Pipeline:
        for _, step in estimator.steps:
            yield from steps_of(step)
    elif estimator is not None and not isinstance(estimator, str):  # "passthrough"
        yield estimator


def _is_known(step) -> bool:
    if network_of(step) is not None or is_linear(step):
        return True
    method = method_of(step)
    return method is not None and _undoes_scaler(method)


def _undoes_scaler(method) -> bool:
    return method.name == "inverse_transform" and is_scaler(method.owner)


def _refuse(step, export: Export) -> None:
    raise TypeError(
        f"{export.function} takes MLPClassifier, MLPRegressor, NetClassifier, "
        "NetRegressor, AutoencoderTransformer and NeighborAutoencoder, and Pipelines "
        "of these, of feature selection and of "
        f"{', '.join(LINEAR_STEPS)}. Got {type(step).__name__}: pass the network's own "
        "step, and do the steps before it in scikit-learn."
    )


def _parts_of_step(step: BaseEstimator, export: Export, *, is_raw: bool) -> list:
    if is_linear(step):
        return linear_parts(step)
    method = method_of(step)
    if method is not None:
        if _undoes_scaler(method):
            return [linear_parts(method.owner)[0].inverse]
        return parts_of_method(method, is_raw=is_raw)
    if hasattr(step, "estimators_"):
        check_mean(step, export, is_raw=is_raw)
        members = step.estimators_
        return [Mean([parts_of_network(member, is_raw=is_raw) for member in members])]
    return parts_of_network(step, is_raw=is_raw)


def check_mean(ensemble: BaseEstimator, export: Export, *, is_raw: bool) -> None:
    """Refuse raw outputs of what predicts a mean of activated ones."""
    if is_raw and ensemble.out_activation_ != "identity":
        raise ValueError(
            f'{export.function} with output="raw" needs a single network: the '
            f"predictions of this {type(ensemble).__name__} are a mean of activated "
            "outputs. Pass one of its estimators_."
        )
