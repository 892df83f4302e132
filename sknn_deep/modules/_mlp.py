"""The multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sknn_deep.modules._blocks import DenseBlock


class DenseStack(nn.Sequential):
    """Dense layers one after the other, the last one with its own activation.

    Parameters
    ----------
    layer_units : sequence of int
        Widths from the input to the output: ``(784, 128, 10)`` is one hidden layer.

    activations : sequence of str, one per hidden layer

    dropout : sequence of float, one per hidden layer

    normalization : {"batch", "layer"} or None
        Applied between each hidden layer and its activation.

    out_activation : str, default="identity"
        Activation of the last layer.

    dtype : torch.dtype or None

    Shape
    -----
    Input ``(n_batch, layer_units[0])``, output ``(n_batch, layer_units[-1])``.

    Examples
    --------
    >>> import torch
    >>> from sknn_deep.modules import DenseStack
    >>> stack = DenseStack((4, 8, 3), activations=["relu"], dropout=[0.0])
    >>> stack(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        *,
        activations: Sequence[str],
        dropout: Sequence[float],
        normalization: str | None = None,
        out_activation: str = "identity",
        dtype: torch.dtype | None = None,
    ):
        hidden = [
            DenseBlock(
                n_in,
                n_out,
                activation=activation,
                normalization=normalization,
                dropout=p,
                dtype=dtype,
            )
            for (n_in, n_out), activation, p in zip(
                pairwise(layer_units[:-1]), activations, dropout, strict=True
            )
        ]
        output = DenseBlock(*layer_units[-2:], activation=out_activation, dtype=dtype)
        super().__init__(*hidden, output)

    # Data pass the blocks one after the other, and nothing else happens to them.
    is_chain = True
    takes_sparse_rows = True

    def blocks(self) -> list[DenseBlock]:
        """List the layers in the order in which data passes them."""
        return list(self)


class MLP(DenseStack):
    """A multi-layer perceptron from features to raw outputs (log-odds, means ...).

    The parameters are those of :class:`DenseStack`.
    """

    def hidden(self, X: Tensor, layer: int) -> Tensor:
        """Return what hidden layer number `layer` passes on, ``(n_batch, n_units)``."""
        for block in self.blocks()[: layer + 1]:
            X = block(X)
        return X
