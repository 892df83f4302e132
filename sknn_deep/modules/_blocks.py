"""The parts that the networks are built of: dense layers, normalization, blocks."""

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn

from sknn_deep.modules._activations import ACTIVATIONS
from sknn_deep.modules._random_layers import Dropout
from sknn_deep.rows import SparseBatch


class Dense(nn.Linear):
    """A linear layer that starts at zero and leaves torch's global generator alone.

    The weights that training starts from are drawn by :func:`glorot_uniform_`.
    """

    def __init__(self, n_in: int, n_out: int, *, dtype: torch.dtype | None = None):
        nn.Module.__init__(self)  # torch's own would draw weights, or empty memory
        self.in_features, self.out_features = n_in, n_out
        self.weight = nn.Parameter(torch.zeros(n_out, n_in, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype))

    def forward(self, X: Tensor | SparseBatch) -> Tensor:
        if isinstance(X, SparseBatch):
            return X.product(self.weight.mT).add_(self.bias)
        return nn.functional.linear(X, self.weight, self.bias)

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


class BatchNorm(nn.BatchNorm1d):
    """Batch normalization that takes a batch of one row.

    One row has no variance, so it is normalized by the running statistics.
    """

    def forward(self, X: Tensor) -> Tensor:
        if len(X) > 1 or not self.training:
            return super().forward(X)
        return nn.functional.batch_norm(
            X, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


NORMALIZATIONS = {"batch": BatchNorm, "layer": nn.LayerNorm}


class DenseBlock(nn.Sequential):
    """A dense layer, then normalization, activation and dropout, if any.

    Shape: input ``(n_batch, n_in)``, output ``(n_batch, n_out)``.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        activation: str = "identity",
        normalization: str | None = None,
        dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ):
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["dense"] = Dense(n_in, n_out, dtype=dtype)
        if normalization is not None:
            parts["normalization"] = NORMALIZATIONS[normalization](n_out, dtype=dtype)
        if activation != "identity":
            parts["activation"] = ACTIVATIONS[activation].module()
        if dropout:
            parts["dropout"] = Dropout(dropout)
        super().__init__(parts)
        self.activation_name = activation


def glorot_uniform_(
    layers: list[Dense],
    random_state: np.random.RandomState,
    *,
    factor: float = 6.0,
) -> None:
    """Draw weights and biases uniformly in ``+-sqrt(factor / (n_in + n_out))``.

    The draws are scikit-learn's, in its order, so that a network starts from the very
    weights that ``sklearn.neural_network`` starts from with the same `random_state`.
    `factor` is 6, or 2 for the logistic activation.

    References
    ----------
    Glorot, X. and Bengio, Y. "Understanding the difficulty of training deep
    feedforward neural networks." AISTATS 2010.
    """
    with torch.no_grad():
        for layer in layers:
            n_in, n_out = layer.in_features, layer.out_features
            bound = np.sqrt(factor / (n_in + n_out))
            coef = random_state.uniform(-bound, bound, (n_in, n_out))
            intercept = random_state.uniform(-bound, bound, n_out)
            layer.weight.copy_(torch.from_numpy(coef.T))
            layer.bias.copy_(torch.from_numpy(intercept))
