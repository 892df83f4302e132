"""What the two multi-layer perceptrons share beyond any network estimator."""

import functools
from collections.abc import Iterator
from numbers import Integral

import numpy as np

from sknn_deep._sklearn_private import Interval
from sknn_deep.data import check_rows
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._parameters import (
    SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
)
from sknn_deep.fitting import fit_members, forget_network, make_members, renew_members
from sknn_deep.modules import MLP


class BaseMLP(BaseNetEstimator):
    """A multi-layer perceptron from features to ``n_outputs_`` outputs, or several."""

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "hidden_layer_sizes": [
            "array-like",
            *TRAINING_CONSTRAINTS["max_iter"],
        ],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "scoring": SCORING,
    }

    def _make_module(self, n_features):
        owner = type(self).__name__
        hidden = check_hidden_layer_sizes(self.hidden_layer_sizes)
        return MLP, {
            "layer_units": (n_features, *hidden, self._target.n_outputs),
            "activations": check_activations(self.activation, len(hidden), owner=owner),
            "dropout": check_dropout(self.dropout, len(hidden), owner=owner),
            "normalization": self.normalization,
        }

    def _set_shape(self) -> None:
        self.n_outputs_ = self._target.n_outputs
        self.out_activation_ = self._target.out_activation
        self.n_layers_ = len(check_hidden_layer_sizes(self.hidden_layer_sizes)) + 2

    def _encode(self, samples):
        return self._target.encode(samples.y)

    def _has_trained(self) -> bool:
        return hasattr(self, "net_" if self.n_estimators == 1 else "estimators_")

    def _fit(self, data, *, incremental=False):
        if self.n_estimators == 1:
            vars(self).pop("estimators_", None)
            return super()._fit(data, incremental=incremental)
        first_pass = self._first_pass(incremental=incremental)
        members = make_members(self) if first_pass else renew_members(self)
        fit_members(self, members, data, incremental=incremental)
        forget_network(self)
        self.estimators_ = members
        self.n_iter_ = max(member.n_iter_ for member in members)
        self.loss_ = float(np.mean([member.loss_ for member in members]))
        self.device_ = members[0].device_
        return self

    def _activated_blocks(self, X):
        if hasattr(self, "net_"):
            return super()._activated_blocks(X)
        return (np.mean(outputs, axis=0) for outputs in self._outputs_of_members(X))

    def _outputs_of_members(self, X) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield what each network of an ensemble gives, one block after the other."""
        return zip(*(m._activated_blocks(X) for m in self.estimators_), strict=True)

    def hidden_features(self, X, layer: int = -1) -> np.ndarray:
        """Return the activations of a hidden layer, as features for something else.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features that were fitted.

        layer : int, default=-1
            Number of the hidden layer, from 0; negative numbers count from the last.

        Returns
        -------
        features : ndarray of shape (n_samples, hidden_layer_sizes[layer])
            What the layer passes on, after its activation and without dropout, in the
            type of numbers that `precision` says.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If there are several networks: `estimators_` has them.
        ValueError
            If X is not a finite matrix with the features that were fitted, or there is
            no such hidden layer.
        """
        net = self._single_net()
        X = check_rows(self, X, reset=False)
        n_hidden = self.n_layers_ - 2
        if n_hidden == 0:
            raise ValueError(
                f"This {type(self).__name__} has no hidden layer to give features of: "
                "its hidden_layer_sizes is empty."
            )
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be from {-n_hidden} to {n_hidden - 1}: this "
                f"{type(self).__name__} has {n_hidden} hidden layer(s). Got {layer!r}."
            )
        hidden = net.module_.hidden
        features = functools.partial(hidden, layer=layer % n_hidden)
        return self._map(features, X, takes_sparse=True)
