"""Conversion by skl2onnx, of Pipelines that hold more than networks and scalers."""

from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator

from sknn_deep.conversion._network_parts import NETWORKS, is_own, network_of


def register_skl2onnx() -> None:
    """Make skl2onnx [1]_ know the estimators, alone and inside of its own.

    It registers converters for ``MLPClassifier``, ``MLPRegressor``, ``NetClassifier``,
    ``NetRegressor``, ``AutoencoderTransformer`` and ``NeighborAutoencoder``, so that
    ``skl2onnx.to_onnx`` and ``convert_sklearn`` take them in a Pipeline, a
    VotingClassifier, a CalibratedClassifierCV and the like. A regressor gives (n_rows,
    n_outputs), an autoencoder its codes. Numbers are those of the inputs, float32 or
    float64.

    A classifier has skl2onnx's options `zipmap`, `nocl` and `output_class_labels`, and
    `raw_scores`: what the last softmax or logistic function takes, of two classes minus
    and plus half of the logarithm of the odds. ``NetClassifier`` lacks the last one.

    ``to_onnx`` calls this itself, and converts some of scikit-learn's steps on top that
    skl2onnx does not, or only in part. Another call changes nothing.

    Raises
    ------
    ImportError
        If skl2onnx is missing; the extra ``skl2onnx`` has it.

    See Also
    --------
    sknn_deep.to_onnx : Writes an ONNX file.

    References
    ----------
    .. [1] https://onnx.ai/sklearn-onnx/

    Examples
    --------
    >>> from sknn_deep.persistence import register_skl2onnx
    >>> register_skl2onnx()  # doctest: +SKIP
    """
    try:
        from sknn_deep.conversion.skl2onnx_converters import register
    except ImportError as error:
        raise ImportError(missing_message("register_skl2onnx")) from error
    register()


def missing_message(function: str) -> str:
    """Say what is to be installed."""
    return (
        f"{function} needs skl2onnx for what is more than networks and linear steps: "
        'install it with python -m pip install "sknn-deep[skl2onnx]".'
    )


def estimators_in(value, seen: set[int] | None = None) -> Iterator:
    """Find the estimators in one of any kind, and the networks that functions call."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    if isinstance(value, dict):
        values = value.values()
    elif isinstance(value, list | tuple):
        values = value
    elif isinstance(value, BaseEstimator):
        seen.add(id(value))
        network = network_of(value)
        yield value if network is None else network
        values = () if network is not None else vars(value).values()
    else:
        return
    for item in values:
        yield from estimators_in(item, seen)


def takes_a_table(estimator: BaseEstimator) -> bool:
    """Tell whether it was fitted to columns with names, or to strings."""
    return hasattr(estimator, "feature_names_in_") or any(
        np.asarray(categories).dtype.kind in "OUT"
        for found in estimators_in(estimator)
        for categories in getattr(found, "categories_", ())
    )


def networks_in(estimator) -> list[BaseEstimator]:
    """Find the networks, fitted or not."""
    return [
        found
        for found in estimators_in(estimator)
        if type(found) in NETWORKS or is_own(found)
    ]
