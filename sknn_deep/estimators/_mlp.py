"""What the two multi-layer perceptrons share beyond any network estimator."""

import functools
from numbers import Integral

import numpy as np

from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._dense_weights import DenseWeightsMixin
from sknn_deep.estimators._ensemble import EnsembleMixin
from sknn_deep.estimators._supervised import SupervisedMixin
from sknn_deep.modules import MLP
from sknn_deep.parameters import (
    TRAINING_CONSTRAINTS,
    check_activations,
    check_dropout,
    check_hidden_layer_sizes,
)


class BaseMLP(SupervisedMixin, EnsembleMixin, DenseWeightsMixin, BaseNetEstimator):
    """A multi-layer perceptron from features to ``n_outputs_`` outputs, or several."""

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        **SupervisedMixin._parameter_constraints,
        **EnsembleMixin._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            *TRAINING_CONSTRAINTS["max_iter"],
        ],
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

    def _set_shape(self):
        super()._set_shape()
        self.n_layers_ = len(check_hidden_layer_sizes(self.hidden_layer_sizes)) + 2

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
        X = self._check_rows(X, reset=False)
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
