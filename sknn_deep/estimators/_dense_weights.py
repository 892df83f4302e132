"""The weights of networks that are dense layers, as arrays."""

import numpy as np

from sknn_deep.estimators._views import Views
from sknn_deep.modules import (
    Scaling,
    fold_layers,
    has_layer_norm,
    needs_folding,
    view_layers,
)


class DenseWeightsMixin:
    """``coefs_`` and ``intercepts_`` of an estimator whose module has ``blocks()``."""

    def _scaling(self) -> Scaling | None:
        """Give what is done to the network's output in the end, if anything."""
        return None

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, ndarrays of shape (n_units_in, n_units_out)."""
        return self._arrays_of_layers("weight")

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer, ndarrays of shape (n_units_out,)."""
        return self._arrays_of_layers("bias")

    def _arrays_of_layers(self, name: str) -> Views:
        """Give weights or biases whose forward pass is what is predicted."""
        module, scaling = self._single_net().module_, self._scaling()
        if not hasattr(module, "blocks"):
            raise AttributeError(
                f"This {type(self).__name__} has no coefs_ and intercepts_: its "
                "network is of modules of your own. Use net_.module_."
            )
        if has_layer_norm(module):
            raise AttributeError(
                f"This {type(self).__name__} has no coefs_ and intercepts_: with "
                "normalization='layer' no dense layers alone compute what it predicts. "
                "Use net_.module_, the network itself, or sknn_deep.to_torch, which "
                "gives all that predicts as a torch module."
            )
        if not needs_folding(module, scaling):
            layers = view_layers(module, self.out_activation_)
            return Views(getattr(layer, name) for layer in layers)
        layers = fold_layers(module, self.out_activation_, scaling)
        arrays = Views(getattr(layer, name) for layer in layers)
        for array in arrays:
            array.flags.writeable = False
        return arrays
