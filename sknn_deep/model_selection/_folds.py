"""What a candidate is fitted to in a fold: prepared once, shared by all candidates."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sknn_deep._sklearn_private import check_method_params, safe_split
from sknn_deep.data import Samples
from sknn_deep.estimators import BaseNetEstimator
from sknn_deep.fitting import has_own_training, inner_methods, overrides


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Give the estimator itself, or the last step of a Pipeline."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def is_network(estimator: BaseEstimator) -> bool:
    """Tell whether an estimator, or a Pipeline's last step, is a network of ours.

    An ensemble is not: it trains its networks together itself. Nor is what is fitted by
    code of its own, a subclass with another ``fit`` for instance, or a Pipeline's.
    """
    last = last_step(estimator)
    if not isinstance(last, BaseNetEstimator) or has_own_training(last, "fit"):
        return False
    if isinstance(estimator, Pipeline):
        fits = inner_methods(Pipeline) | {"fit"}
        if overrides(estimator, Pipeline, fits):
            return False
    return getattr(last, "n_estimators", 1) == 1


class Received(NamedTuple):
    """What the last step of a fitted Pipeline was given.

    Attributes
    ----------
    steps : list of (str, estimator)
        The fitted steps before it.

    X, y : array-like
        As they reached it.

    fit_params : dict
        As they reached it.
    """

    steps: list
    X: Any
    y: Any
    fit_params: dict


class _Receiver(BaseEstimator):
    """Takes the place of a Pipeline's last step, and keeps what reaches it."""

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y=None, **fit_params):
        self.received_ = (X, y, fit_params)
        return self

    def get_metadata_routing(self):
        return self.estimator.get_metadata_routing()


class Fold:
    """The rows of one split, and what the steps before a network make of them.

    Parameters
    ----------
    estimator : estimator
        The one that is searched over.

    X, y : array-like
        All rows.

    train, test : ndarray of int

    fit_params, score_params : dict
        For all rows.
    """

    def __init__(self, estimator, X, y, train, test, fit_params, score_params):
        self.X_train, self.y_train = safe_split(estimator, X, y, train)
        self.X_test, self.y_test = safe_split(estimator, X, y, test, train)
        self.fit_params = check_method_params(X, params=fit_params, indices=train)
        self.train_score_params, self.test_score_params = (
            check_method_params(X, params=score_params, indices=rows)
            for rows in (train, test)
        )
        self._received: dict[tuple, Received] = {}
        self._checked: dict[tuple, tuple[Any, np.ndarray | None]] = {}
        self._placed: dict[tuple, dict] = {}
        self._tested: dict[tuple, Samples] = {}

    def plan(self, estimator: BaseEstimator, parameters: dict):
        """Bring a candidate to where only its network is to be trained.

        `estimator` is a network, or a Pipeline that ends in one, with `parameters`
        set. The steps before the network are fitted if no candidate came before with
        the same parameters of theirs; of a Pipeline they are replaced by those.

        Returns
        -------
        plan : FitPlan
        """
        network = last_step(estimator)
        key = _key_of_steps(estimator, parameters)
        X, y, fit_params = self.X_train, self.y_train, self.fit_params
        if isinstance(estimator, Pipeline):
            received = self._received.get(key)
            if received is None:
                received = _fit_steps(estimator, X, y, fit_params)
                self._received[key] = received
            estimator.steps = [*received.steps, estimator.steps[-1]]
            _, X, y, fit_params = received
        network._validate_params()
        checked, names = self._checked.get(key, (X, None))
        if names is not None and fit_params.get("X_val") is not None:
            checked = X  # the names of the validation rows are compared with these
        params = dict(fit_params)
        groups = params.pop("groups", None)
        data = network._check_fit(checked, y, **params)
        if key not in self._checked:
            # The next candidates need not convert the rows again.
            names = getattr(network, "feature_names_in_", None)
            self._checked[key] = data.samples.X, names
        elif names is not None:
            network.feature_names_in_ = names
        # Nor need they bring the rows to where they are computed with.
        placed = self._placed.setdefault(key, data.samples.placed)
        samples = replace(data.samples, placed=placed)
        data = network._set_aside(replace(data, samples=samples), X, y, groups)
        return network._plan_fit(data)

    def test_samples(self, estimator: BaseEstimator, parameters: dict) -> Samples:
        """Check the rows to test on, as a planned candidate's network gets them.

        Candidates whose steps before the network have the same parameters share them.
        """
        key = _key_of_steps(estimator, parameters)
        if key not in self._tested:
            X, y, fit_params = self.X_train, self.y_train, self.fit_params
            X_test = self.X_test
            if isinstance(estimator, Pipeline):
                _, X, y, fit_params = self._received[key]
                for _, step in estimator.steps[:-1]:
                    if step not in (None, "passthrough"):
                        X_test = step.transform(X_test)
            params = {k: v for k, v in fit_params.items() if not k.endswith("_val")}
            params.pop("groups", None)
            if self.y_test is not None:
                params["y_val"] = self.y_test
            checked, names = self._checked.get(key, (X, None))
            if names is None:
                X = checked
            network = copy.copy(last_step(estimator))  # which learns from the check
            data = network._check_fit(X, y, X_val=X_test, **params)
            self._tested[key] = data.valid
        return self._tested[key]


def _fit_steps(pipeline: Pipeline, X, y, fit_params: dict) -> Received:
    """Fit all steps but the last one."""
    name, network = pipeline.steps[-1]
    receiver = _Receiver(network)
    front = clone(pipeline).set_params(**{name: receiver})
    front.fit(X, y, **fit_params)
    return Received(front.steps[:-1], *front.steps[-1][1].received_)


def _key_of_steps(estimator: BaseEstimator, parameters: dict) -> tuple:
    """Tell apart candidates whose steps before the network are not the same.

    Equal objects of a grid are the very same ones; where they are not, the steps are
    fitted once too often, and nothing else happens.
    """
    if not isinstance(estimator, Pipeline):
        return ()
    prefix = f"{estimator.steps[-1][0]}__"
    return tuple(
        (name, id(value))
        for name, value in sorted(parameters.items())
        if not name.startswith(prefix)
    )


def fold_bytes(X, train: Sequence[int]) -> int:
    """Estimate the memory that the training rows of a fold take."""
    if not hasattr(X, "shape"):
        return 0
    nbytes = getattr(X, "nbytes", None)
    if nbytes is None or not np.isscalar(nbytes):
        nbytes = 8 * np.prod(X.shape)
    return int(nbytes * len(train) / max(1, X.shape[0]))
