"""What classifiers and regressors share: a target with a way there and back."""

import numpy as np

from sknn_deep.data import concatenate
from sknn_deep.modules import OUT_ACTIVATIONS
from sknn_deep.parameters import SCORING


class SupervisedMixin:
    """A network that is trained towards y, which ``_target`` encodes and decodes.

    ``_check_fit`` learns the target, and then calls ``_set_shape``.
    """

    _parameter_constraints: dict = {"scoring": SCORING}

    def _set_shape(self) -> None:
        """Set the attributes that follow from the target and the parameters."""
        self.n_outputs_ = self._target.n_outputs
        self.out_activation_ = self._target.out_activation

    def _encode(self, samples):
        return self._target.encode(samples.y)

    def _activate(self, output):
        return OUT_ACTIVATIONS[self.out_activation_](output).cpu().numpy()

    def _predict(self, X, way_back: str) -> np.ndarray:
        """Validate X, and turn the network's output into what the user asked for.

        `way_back` names the method of the target that does it.
        """
        self._check_fitted()
        X = self._check_rows(X, reset=False)
        finish = getattr(self._target, way_back)
        return concatenate(map(finish, self._activated_blocks(X)), n_rows=X.shape[0])
