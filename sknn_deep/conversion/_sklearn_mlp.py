"""A fitted estimator as scikit-learn's own."""

import copy
import inspect

import numpy as np
from sklearn import neural_network
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, LabelEncoder
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from sknn_deep._sklearn_private import make_constraint, mlp_has_poisson
from sknn_deep.conversion._network_parts import is_table_estimator
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
    NeighborAutoencoder,
    NetClassifier,
    NetRegressor,
)

_CLASSES = {
    MLPClassifier: neural_network.MLPClassifier,
    MLPRegressor: neural_network.MLPRegressor,
}
_ACTIVATIONS = ("identity", "logistic", "relu", "tanh")
_ATTRIBUTES = (
    "feature_names_in_",
    "loss_",
    "n_features_in_",
    "n_iter_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "t_",
)


def to_sklearn(estimator):
    """Give a fitted estimator as scikit-learn's own, for what knows only that.

    It is a copy on the CPU that predicts the same and needs no sknn_deep. An ensemble
    becomes a ``VotingClassifier`` with ``voting="soft"``, or a ``VotingRegressor``. Of
    a Pipeline a new one is made, in which the other steps are copies.

    Batch normalization and ``normalize_y`` are part of the weights, which are then
    float64; otherwise they are in the type of the network. With
    ``precision="bfloat16"`` predictions are the same up to its rounding.

    Parameters are those that scikit-learn has, where it has their values, and its
    defaults elsewhere: a network of ``solver="adamw"`` goes on with Adam and
    scikit-learn's `alpha`, one of ``loss="huber"`` with the squared error. Predictions
    do not depend on them. ``partial_fit`` goes on from these weights, with a new state
    of the optimizer.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        Fitted. The hidden layers must have one activation, "identity", "logistic",
        "relu" or "tanh", and no layer normalization.

    Returns
    -------
    converted : sklearn.neural_network.MLPClassifier or MLPRegressor, \
            sklearn.ensemble.VotingClassifier or VotingRegressor, or Pipeline
        Fitted, with the attributes that scikit-learn documents. `best_loss_` is
        infinite where the losses before were not in the units of scikit-learn's, with
        ``normalize_y=True`` or another loss. Of a single class, ``predict_proba`` has
        two columns, as always in scikit-learn's.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another estimator, or a Pipeline without any of these.
    ValueError
        If scikit-learn has no such network: with other or several activations, layer
        normalization, an `out_activation` or several quantiles of a regressor; or no
        such ensemble: of several labels, several outputs, or a single class.

    See Also
    --------
    to_torch : Gives a torch module.
    to_onnx : Writes an ONNX file.

    Examples
    --------
    >>> from sknn_deep import MLPClassifier, to_sklearn
    >>> clf = MLPClassifier((10,), solver="lbfgs", max_iter=500, random_state=0)
    >>> clf = clf.fit([[0.0], [1.0]], ["no", "yes"])
    >>> to_sklearn(clf)
    MLPClassifier(hidden_layer_sizes=(10,), max_iter=500, random_state=0,
                  solver='lbfgs')
    """
    if type(estimator) is Pipeline:
        return _convert_pipeline(estimator)
    if type(estimator) not in _CLASSES:
        raise TypeError(
            "to_sklearn takes MLPClassifier and MLPRegressor, and Pipelines with "
            f"these. Got {type(estimator).__name__}: {_advice(estimator)}"
        )
    check_is_fitted(estimator)
    if isinstance(estimator, MLPRegressor):
        _check_outputs(estimator)
    if hasattr(estimator, "estimators_"):
        return _convert_ensemble(estimator)
    return _convert_network(estimator)


def _advice(estimator) -> str:
    if isinstance(estimator, AutoencoderTransformer):
        return "scikit-learn has no autoencoder. to_torch and to_onnx take it."
    if isinstance(estimator, NetClassifier | NetRegressor):
        return "scikit-learn has no network of your own. to_torch and to_onnx take it."
    if is_table_estimator(estimator):
        return "scikit-learn has no network for tables. to_torch and to_onnx take it."
    if hasattr(estimator, "best_estimator_"):
        return "pass its best_estimator_."
    return "pass the fitted network that it holds."


def _convert_pipeline(pipe: Pipeline) -> Pipeline:
    if not _holds_network(pipe):
        raise TypeError(
            "to_sklearn takes Pipelines with an MLPClassifier or MLPRegressor among "
            f"their steps. Got the steps {', '.join(name for name, _ in pipe.steps)}: "
            "this Pipeline is scikit-learn's as it is, or holds networks in its steps."
        )
    check_is_fitted(pipe)
    converted = copy.copy(pipe)
    converted.steps = [(name, _convert_step(step)) for name, step in pipe.steps]
    return converted


def _holds_network(step) -> bool:
    if type(step) is Pipeline:
        return any(_holds_network(inner) for _, inner in step.steps)
    return type(step) in (AutoencoderTransformer, NeighborAutoencoder, *_CLASSES)


def _convert_step(step):
    return to_sklearn(step) if _holds_network(step) else copy.deepcopy(step)


def _convert_network(estimator: BaseEstimator) -> BaseEstimator:
    _check_network(estimator)
    cls = _CLASSES[type(estimator)]
    converted = cls(**_parameters_for(cls, estimator))
    for name in _ATTRIBUTES:
        if hasattr(estimator, name):
            setattr(converted, name, copy.copy(getattr(estimator, name)))
    converted.coefs_ = [coef.copy() for coef in estimator.coefs_]
    converted.intercepts_ = [bias.copy() for bias in estimator.intercepts_]
    converted._best_coefs = [coef.copy() for coef in converted.coefs_]
    converted._best_intercepts = [bias.copy() for bias in converted.intercepts_]
    if isinstance(estimator, MLPClassifier):
        converted._label_binarizer = estimator._label_binarizer
        converted.classes_ = converted._label_binarizer.classes_
    if hasattr(estimator, "loss_curve_"):
        _set_progress(converted, estimator)
    return converted


def _check_network(estimator: BaseEstimator) -> None:
    """Refuse what scikit-learn has no network for."""
    owner = type(estimator).__name__
    instead = "Use to_torch or to_onnx, or fit without it."
    if not hasattr(estimator, "coefs_"):
        raise ValueError(
            f"to_sklearn cannot convert this {owner}: scikit-learn has no "
            f"normalization='layer'. {instead}"
        )
    names = _hidden_activations(estimator)
    if len(names) > 1 or not names <= set(_ACTIVATIONS):
        raise ValueError(
            f"to_sklearn cannot convert this {owner}: the hidden layers of "
            f"scikit-learn's have one activation, of {', '.join(_ACTIVATIONS)}. Got "
            f"{estimator.activation!r}. {instead}"
        )
    known = {"logistic", "softmax"}
    if isinstance(estimator, MLPRegressor):
        known = {"identity", "exp"} if mlp_has_poisson() else {"identity"}
    if estimator.out_activation_ not in known:
        raise ValueError(
            f"to_sklearn cannot convert this {owner}: scikit-learn has no "
            f"out_activation={estimator.out_activation_!r}. {instead}"
        )


def _check_outputs(reg: MLPRegressor) -> None:
    """Refuse outputs that scikit-learn's would not put in order."""
    if reg._target.quantiles is not None:
        raise ValueError(
            "to_sklearn cannot convert this MLPRegressor: scikit-learn's does not sort "
            "several quantiles, which may cross. Use to_torch or to_onnx, or fit one "
            "for each."
        )


def _hidden_activations(estimator: BaseEstimator) -> set[str]:
    return {block.activation_name for block in estimator.net_.module_.blocks()[:-1]}


def _parameters_for(cls: type, estimator: BaseEstimator) -> dict:
    """Give the parameters of scikit-learn's whose values it knows."""
    params = {
        name: getattr(estimator, name)
        for name in inspect.signature(cls).parameters
        if hasattr(estimator, name)
    }
    for activation in _hidden_activations(estimator):
        params["activation"] = activation
    if params["solver"] == "adamw":
        params.pop("alpha")  # which is no penalty there
    return {
        name: clone(value, safe=False)
        for name, value in params.items()
        if _is_valid(cls, name, value)
    }


def _is_valid(cls: type, name: str, value) -> bool:
    constraints = map(make_constraint, cls._parameter_constraints[name])
    return any(constraint.is_satisfied_by(value) for constraint in constraints)


def _set_progress(converted: BaseEstimator, estimator: BaseEstimator) -> None:
    """Set what scikit-learn's stochastic solvers keep from one call to the next."""
    converted.loss_curve_ = list(estimator.loss_curve_)
    converted._no_improvement_count = 0
    if estimator.best_loss_ is None:  # early stopping
        converted.best_loss_ = None
        converted.validation_scores_ = list(estimator.validation_scores_)
        converted.best_validation_score_ = estimator.best_validation_score_
        return
    converted.best_loss_ = _best_loss(converted, estimator)
    converted.validation_scores_ = None
    converted.best_validation_score_ = None


def _best_loss(converted: BaseEstimator, estimator: BaseEstimator) -> float:
    if isinstance(estimator, MLPRegressor) and (
        converted.loss != estimator.loss or estimator._target.mean is not None
    ):
        return np.inf
    return estimator.best_loss_


def _convert_ensemble(ensemble: BaseEstimator) -> BaseEstimator:
    _check_ensemble(ensemble)
    members = [_convert_network(member) for member in ensemble.estimators_]
    named = {f"network_{i}": member for i, member in enumerate(members)}
    unfitted = [(name, clone(member)) for name, member in named.items()]
    if isinstance(ensemble, MLPRegressor):
        voting = VotingRegressor(unfitted)
    else:
        voting = VotingClassifier(unfitted, voting="soft")
        voting.le_ = LabelEncoder().fit(ensemble.classes_)
        voting.classes_ = voting.le_.classes_
        for member in members:  # which are fitted to the numbers of the classes
            member.classes_ = np.arange(len(voting.classes_))
            member._label_binarizer = LabelBinarizer().fit(member.classes_)
    voting.estimators_ = members
    voting.named_estimators_ = Bunch(**named)
    if hasattr(ensemble, "feature_names_in_"):
        voting.feature_names_in_ = ensemble.feature_names_in_.copy()
    return voting


def _check_ensemble(ensemble: BaseEstimator) -> None:
    """Refuse what scikit-learn has no fitted vote for."""
    if isinstance(ensemble, MLPRegressor):
        can, kind = ensemble.n_outputs_ == 1, "VotingRegressor with several outputs"
    elif ensemble._target.kind == "multilabel":
        can, kind = False, "VotingClassifier of several labels"
    else:
        can, kind = len(ensemble.classes_) > 1, "VotingClassifier of a single class"
    if not can:
        raise ValueError(
            f"to_sklearn cannot convert this {type(ensemble).__name__}, an ensemble of "
            f"{len(ensemble.estimators_)} networks: scikit-learn has no {kind}. "
            "Convert its estimators_ one by one."
        )
