"""Activation functions by name, with the derivatives of back-propagation."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

_aten = torch.ops.aten

# The constants of self-normalizing networks, Klambauer et al. 2017,
# https://doi.org/10.48550/arXiv.1706.02515, as torch.nn.SELU states them.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946
_LEAKY_SLOPE = 0.01


class Activation(NamedTuple):
    """An activation function as a module, and as two functions on arrays.

    Attributes
    ----------
    module : callable
        Makes the ``torch.nn.Module``.

    forward : callable (z, out) -> Tensor
        Gives the activation of ``z``, written into ``out`` unless it is ``z`` as it
        stands. ``out`` may be ``z`` itself when `derivative_from` is "output".

    backward_ : callable (gradient, saved) -> Tensor
        Multiplies ``gradient`` in place by the derivative at ``saved``, and returns it.

    derivative_from : {"input", "output"}
        What ``saved`` is: the values before or after the activation.
    """

    module: Callable[[], nn.Module]
    forward: Callable[[Tensor, Tensor], Tensor]
    backward_: Callable[[Tensor, Tensor], Tensor]
    derivative_from: Literal["input", "output"] = "output"


def _mish_backward_(gradient: Tensor, z: Tensor) -> Tensor:
    return gradient.copy_(_aten.mish_backward(gradient, z))


def _softsign(z: Tensor, out: Tensor) -> Tensor:
    return torch.div(z, z.abs().add_(1), out=out)


def _softsign_backward_(gradient: Tensor, output: Tensor) -> Tensor:
    # d/dz z / (1 + |z|) = (1 - |output|)^2
    return gradient.mul_((1 - output.abs()).square_())


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(
        nn.Identity,
        lambda z, out: z,
        lambda gradient, output: gradient,
    ),
    "logistic": Activation(
        nn.Sigmoid,
        lambda z, out: torch.sigmoid(z, out=out),
        lambda g, output: _aten.sigmoid_backward.grad_input(g, output, grad_input=g),
    ),
    "tanh": Activation(
        nn.Tanh,
        lambda z, out: torch.tanh(z, out=out),
        lambda g, output: _aten.tanh_backward.grad_input(g, output, grad_input=g),
    ),
    "relu": Activation(
        nn.ReLU,
        lambda z, out: torch.clamp_min(z, 0, out=out),
        lambda g, output: _aten.threshold_backward.grad_input(
            g, output, 0, grad_input=g
        ),
    ),
    "relu6": Activation(
        nn.ReLU6,
        lambda z, out: torch.clamp(z, 0, 6, out=out),
        lambda g, output: _aten.hardtanh_backward.grad_input(
            g, output, 0, 6, grad_input=g
        ),
    ),
    "leaky_relu": Activation(
        lambda: nn.LeakyReLU(_LEAKY_SLOPE),
        lambda z, out: _aten.leaky_relu.out(z, _LEAKY_SLOPE, out=out),
        lambda g, output: _aten.leaky_relu_backward.grad_input(
            g, output, _LEAKY_SLOPE, True, grad_input=g
        ),
    ),
    "elu": Activation(
        nn.ELU,
        lambda z, out: _aten.elu.out(z, out=out),
        lambda g, output: _aten.elu_backward.grad_input(
            g, 1, 1, 1, True, output, grad_input=g
        ),
    ),
    "selu": Activation(
        nn.SELU,
        lambda z, out: _aten.elu.out(z, _SELU_ALPHA, _SELU_SCALE, out=out),
        lambda g, output: _aten.elu_backward.grad_input(
            g, _SELU_ALPHA, _SELU_SCALE, 1, True, output, grad_input=g
        ),
    ),
    "gelu": Activation(
        nn.GELU,
        lambda z, out: _aten.gelu.out(z, out=out),
        lambda g, z: _aten.gelu_backward.grad_input(g, z, grad_input=g),
        derivative_from="input",
    ),
    "silu": Activation(
        nn.SiLU,
        lambda z, out: _aten.silu.out(z, out=out),
        lambda g, z: _aten.silu_backward.grad_input(g, z, grad_input=g),
        derivative_from="input",
    ),
    "mish": Activation(
        nn.Mish,
        lambda z, out: _aten.mish.out(z, out=out),
        _mish_backward_,
        derivative_from="input",
    ),
    "softplus": Activation(
        nn.Softplus,
        lambda z, out: _aten.softplus.out(z, out=out),
        lambda g, z: _aten.softplus_backward.grad_input(g, z, 1, 20, grad_input=g),
        derivative_from="input",
    ),
    "softsign": Activation(nn.Softsign, _softsign, _softsign_backward_),
    "hardtanh": Activation(
        nn.Hardtanh,
        lambda z, out: torch.clamp(z, -1, 1, out=out),
        lambda g, output: _aten.hardtanh_backward.grad_input(
            g, output, -1, 1, grad_input=g
        ),
    ),
    "hardswish": Activation(
        nn.Hardswish,
        lambda z, out: _aten.hardswish.out(z, out=out),
        lambda g, z: g.copy_(_aten.hardswish_backward(g, z)),
        derivative_from="input",
    ),
    "hardsigmoid": Activation(
        nn.Hardsigmoid,
        lambda z, out: _aten.hardsigmoid.out(z, out=out),
        lambda g, z: _aten.hardsigmoid_backward.grad_input(g, z, grad_input=g),
        derivative_from="input",
    ),
}


# torch's kernels take a whole register of a row at a time: rows shorter than that are
# up to twenty times faster as columns, and long ones are faster as they are.
_MAX_IN_COLUMNS = 64


def wants_columns(n_classes: int) -> bool:
    """Tell whether a softmax over so many classes is faster down a column."""
    return n_classes <= _MAX_IN_COLUMNS


def log_softmax_by_class(z: Tensor) -> Tensor:
    """Logarithm of the softmax over the classes, the last dimension of `z`.

    Shape: input ``(..., n_batch, n_classes)``, output ``(..., n_classes, n_batch)``.
    """
    if wants_columns(z.shape[-1]):
        return torch.log_softmax(z.mT, dim=-2)
    return torch.log_softmax(z, dim=-1).mT


def softmax(z: Tensor) -> Tensor:
    """Softmax over the last dimension."""
    if wants_columns(z.shape[-1]):
        return torch.softmax(z.mT, dim=-2).mT.contiguous()
    return torch.softmax(z, dim=-1)


# What turns a network's raw output into what the user asked for.
OUT_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "exp": torch.exp,
    "logistic": torch.sigmoid,
    "softmax": softmax,
}
