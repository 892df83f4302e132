"""The gradient of an autoencoder whose loss is about the code too, written out.

The derivative of the code's part of the loss is added to what comes back through the
decoder, and goes on through the encoder.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sknn_deep.gradients._backpropagation import Backpropagation, LayerParameters
from sknn_deep.modules import AutoencoderOutput, Loss


def can_backpropagate_code(module: nn.Module, loss: Loss) -> bool:
    """Tell whether the code's part of a loss, and the way there, are written out."""
    return (
        hasattr(loss, "code_gradient")
        and getattr(module, "is_chain_with_code", False)
        and not any(hasattr(block, "normalization") for block in module.blocks())
    )


class CodeBackpropagation(Backpropagation):
    """Loss and gradient of an encoder, a code that the loss is about, and a decoder.

    Parameters
    ----------
    module : Autoencoder
        Whose layers these are.

    layers, loss, **options
        As in Backpropagation; the loss has ``code_gradient`` too.
    """

    def __init__(
        self,
        module: nn.Module,
        layers: Iterable[LayerParameters],
        loss: Loss,
        **options,
    ):
        super().__init__(layers, loss, **options)
        n_encoder_layers = len(module.encoder)
        self.encoder = self.layers[:n_encoder_layers]
        self.decoder = self.layers[n_encoder_layers:]
        self.code_scale = module.code_scale

    @torch.inference_mode()
    def __call__(
        self, X, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, AutoencoderOutput]:
        a = X
        for layer in self.encoder:
            a = layer.forward(a)
        code = a.to(self.loss_dtype) * self.code_scale
        for layer in self.decoder:
            a = layer.forward(a)
        output = a.to(self.loss_dtype)
        value, delta, delta_t = self.differentiate(output, target, weight)
        for layer in reversed(self.decoder):
            delta, delta_t = layer.backward(delta, delta_t)
        own_value, own_delta = self.loss.code_gradient(
            code, weight, self.row_shares(output, weight)
        )
        delta.add_(own_delta.to(delta.dtype), alpha=self.code_scale)
        for layer in reversed(self.encoder):
            delta, delta_t = layer.backward(delta, delta_t)
        return value + own_value, AutoencoderOutput(output, code, None)
