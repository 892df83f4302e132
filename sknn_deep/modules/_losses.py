"""Losses: what the training minimizes, as torch modules.

Each takes the network's raw output, the target and optional sample weights, and gives
the weighted mean over the rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sknn_deep.modules._activations import log_softmax_by_class, wants_columns


def row_shares(weight: Tensor | None, like: Tensor) -> Tensor:
    """Give what each row's loss is multiplied by, so that the sum is the weighted mean.

    Parameters
    ----------
    weight : Tensor of shape (..., n_batch) or None
        None is the same weight for all rows.

    like : Tensor of shape (..., n_batch, n_outputs)

    Returns
    -------
    shares : Tensor of shape (..., n_batch, 1)
    """
    if weight is None:
        return like.new_full((*like.shape[:-1], 1), 1.0 / like.shape[-2])
    # A batch whose weights are all zero has no loss and no gradient, not a NaN.
    tiny = torch.finfo(weight.dtype).tiny
    total = weight.sum(dim=-1, keepdim=True).clamp_min(tiny)
    return (weight / total)[..., None]


class Loss(nn.Module):
    """A weighted mean over the rows.

    ``forward`` gives the value, and ``gradient`` the value and its derivative by the
    output, for training without autograd. ``gradient`` takes :func:`row_shares` instead
    of weights, since those of equal weights are the same at each step.

    Shape
    -----
    output, target : ``(n_batch, n_outputs)``; weight : ``(n_batch,)`` or None; shares :
    ``(n_batch, 1)``; value: a number. ``gradient`` also takes a stack of networks, with
    one more dimension in front of all of these.
    """

    # Whether there is a ``gradient``, or autograd has to find it.
    is_written_out = True

    def gradient(
        self, output: Tensor, target: Tensor, shares: Tensor
    ) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def reported_scale(self, output: Tensor) -> float:
        """What `loss_` multiplies the value by."""
        return 1.0

    def terms(self) -> dict[str, Tensor]:
        """Give parts of the last value that the history records beside it."""
        return {}

    def wants_columns(self, n_outputs: int) -> bool:
        """Tell whether ``gradient`` is faster if outputs lie in columns in memory."""
        return False

    def family(self) -> tuple:
        """Give what losses must have in common to be computed as a stack."""
        may_differ = ("label_smoothing", "training")
        numbers = tuple(
            (name, value)
            for name, value in vars(self).items()
            if not name.startswith("_") and name not in may_differ
        )
        return type(self), numbers, tuple(loss.family() for loss in self.children())


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Add up the products of two arrays; of a stack of networks, for each network."""
    if a.ndim == 2:
        return torch.dot(a.flatten(), b.flatten())
    return (a * b).sum((-2, -1))


def _is_zero(number: float | Tensor) -> bool:
    """Tell whether a loss's number is zero; those of a stack are not looked at."""
    return not isinstance(number, Tensor) and number == 0


class ElementwiseLoss(Loss):
    """A mean over the rows of a loss that is a sum over the outputs.

    A subclass gives ``elementwise``, the loss of each output, and ``derivative``, its
    derivative by the output; both of the output's shape.
    """

    def elementwise(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def derivative(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        return (self.elementwise(output, target) * row_shares(weight, output)).sum()

    def gradient(
        self, output: Tensor, target: Tensor, shares: Tensor
    ) -> tuple[Tensor, Tensor]:
        value = self.elementwise(output, target).mul_(shares).sum((-2, -1))
        return value, self.derivative(output, target).mul_(shares)

    def reported_scale(self, output: Tensor) -> float:
        """Report a mean over the outputs, as scikit-learn does."""
        return 1.0 / output.shape[-1]


class SquaredError(ElementwiseLoss):
    """``(output - target)**2 / 2``."""

    def elementwise(self, output, target):
        return (output - target).square_().mul_(0.5)

    def derivative(self, output, target):
        return output - target

    def gradient(self, output, target, shares):
        residual = output - target
        delta = residual * shares
        return _dot(residual, delta).mul_(0.5), delta


class AbsoluteError(ElementwiseLoss):
    """``|output - target|``."""

    def elementwise(self, output, target):
        return (output - target).abs_()

    def derivative(self, output, target):
        return torch.sign(output - target)


class Huber(ElementwiseLoss):
    """Squared error within `delta` of the target, absolute error outside.

    References
    ----------
    Huber, P. J. "Robust estimation of a location parameter." Annals of Mathematical
    Statistics 35 (1964), 73-101. https://doi.org/10.1214/aoms/1177703732
    """

    def __init__(self, delta: float = 1.0):
        super().__init__()
        self.delta = delta

    def elementwise(self, output, target):
        return F.huber_loss(output, target, reduction="none", delta=self.delta)

    def derivative(self, output, target):
        return (output - target).clamp_(-self.delta, self.delta)


class Quantile(ElementwiseLoss):
    """Pinball loss, whose minimum is the `quantile` of the target.

    Of several quantiles each output has its own, and one target.

    References
    ----------
    Koenker, R. and Bassett, G. "Regression quantiles." Econometrica 46 (1978), 33-50.
    https://doi.org/10.2307/1913643
    """

    def __init__(self, quantile: float | tuple[float, ...] = 0.5):
        super().__init__()
        self.quantile = quantile
        self._levels: Tensor | None = None

    def _levels_like(self, output: Tensor) -> float | Tensor:
        if isinstance(self.quantile, float):
            return self.quantile
        dtype, device, levels = output.dtype, output.device, self._levels
        if levels is None or levels.dtype != dtype or levels.device != device:
            # Kept, since a step that is captured as a CUDA graph cannot copy from the
            # host; and of use for autograd too.
            with torch.inference_mode(False):
                levels = torch.tensor(self.quantile, dtype=dtype, device=device)
            self._levels = levels
        return levels

    def elementwise(self, output, target):
        residual, levels = target - output, self._levels_like(output)
        return torch.maximum(levels * residual, (levels - 1) * residual)

    def derivative(self, output, target):
        above = (output > target).to(output.dtype)
        below = (output < target).to(output.dtype)
        levels = self._levels_like(output)
        return (1 - levels) * above - levels * below


class Poisson(ElementwiseLoss):
    """Half the Poisson deviance, for an output that is the logarithm of the mean."""

    def elementwise(self, output, target):
        return torch.xlogy(target, target) - target * output - target + output.exp()

    def derivative(self, output, target):
        return output.exp() - target

    def reported_scale(self, output):
        return 1.0


class BinaryCrossEntropy(ElementwiseLoss):
    """Cross entropy of independent yes/no outputs, given as log-odds.

    `label_smoothing` moves the targets from 0 and 1 that far towards 1/2.
    """

    def __init__(self, label_smoothing: float | Tensor = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing

    def _smooth(self, target: Tensor) -> Tensor:
        if _is_zero(self.label_smoothing):
            return target
        return target * (1 - self.label_smoothing) + 0.5 * self.label_smoothing

    def elementwise(self, output, target):
        return F.binary_cross_entropy_with_logits(
            output, self._smooth(target), reduction="none"
        )

    def derivative(self, output, target):
        return torch.sigmoid(output).sub_(self._smooth(target))

    def reported_scale(self, output):
        return 1.0


class CrossEntropy(Loss):
    """Cross entropy of one class in `n_outputs`, given as unnormalized log-odds.

    The target holds class numbers, int64 of shape ``(n_batch,)``. `label_smoothing`
    spreads that share of each target evenly over all classes.

    References
    ----------
    Szegedy, C. et al. "Rethinking the Inception architecture for computer vision."
    CVPR 2016. https://doi.org/10.48550/arXiv.1512.00567
    """

    def __init__(self, label_smoothing: float | Tensor = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, output, target, weight=None):
        losses = F.cross_entropy(
            output, target, reduction="none", label_smoothing=self.label_smoothing
        )
        return (losses * row_shares(weight, output)[:, 0]).sum()

    def gradient(self, output, target, shares):
        shares = shares.mT  # (..., 1, n_batch)
        index = target.unsqueeze(-2)  # (..., 1, n_batch)
        log_p = log_softmax_by_class(output)  # (..., n_classes, n_batch)
        on, off = -shares, self.label_smoothing / log_p.shape[-2]
        smooths = not _is_zero(off)
        if smooths:
            on = on * (1 - self.label_smoothing)
        value = _dot(log_p.gather(-2, index), on)
        if smooths:
            value -= (log_p.sum(dim=-2, keepdim=True) * (off * shares)).sum((-2, -1))
        delta = log_p.exp_()
        if smooths:
            delta.sub_(off)
        delta.mul_(shares).scatter_add_(-2, index, on)
        return value, delta.mT

    def wants_columns(self, n_outputs):
        return wants_columns(n_outputs)


class MeanOverFeatures(ElementwiseLoss):
    """Another loss, times `factor`, as a mean over the features instead of a sum."""

    def __init__(self, loss: ElementwiseLoss, factor: float = 1.0):
        super().__init__()
        self.loss = loss
        self.factor = factor

    def _scale(self, output: Tensor) -> float:
        return self.factor / output.shape[-1]

    def elementwise(self, output, target):
        return self.loss.elementwise(output, target) * self._scale(output)

    def gradient(self, output, target, shares):
        value, delta = self.loss.gradient(output, target, shares)
        scale = self._scale(output)
        return value.mul_(scale), delta.mul_(scale)

    def reported_scale(self, output):
        return 1.0


class AutoencoderOutput(NamedTuple):
    """What an autoencoder's loss may be about while training.

    Attributes
    ----------
    reconstruction : Tensor of shape (n_batch, n_features)

    code : Tensor of shape (n_batch, n_components)

    log_variance : Tensor of shape (n_batch, n_components) or None
        Of the code, in a variational autoencoder; `code` is then its mean.
    """

    reconstruction: Tensor
    code: Tensor
    log_variance: Tensor | None


class AutoencoderLoss(Loss):
    """Reconstruction error, and what the code is held to.

    Parameters
    ----------
    reconstruction : Loss

    sparsity_penalty : float
        Weight of the mean absolute value of the code.

    kl_weight : float
        Weight of the Kullback-Leibler divergence of the code from a standard normal
        distribution, divided by the number of features as the reconstruction error is.

    References
    ----------
    Kingma, D. P. and Welling, M. "Auto-encoding variational Bayes." ICLR 2014.
    https://doi.org/10.48550/arXiv.1312.6114

    Higgins, I. et al. "beta-VAE: learning basic visual concepts with a constrained
    variational framework." ICLR 2017.
    """

    def __init__(
        self,
        reconstruction: Loss,
        sparsity_penalty: float = 0.0,
        kl_weight: float = 0.0,
    ):
        super().__init__()
        self.reconstruction = reconstruction
        self.sparsity_penalty = sparsity_penalty
        self.kl_weight = kl_weight

    def forward(self, output, target, weight=None):
        if not isinstance(output, AutoencoderOutput):
            return self.reconstruction(output, target, weight)
        value = self.reconstruction(output.reconstruction, target, weight)
        shares = row_shares(weight, target)
        if self.sparsity_penalty:
            per_row = output.code.abs().mean(dim=1, keepdim=True)  # (n_batch, 1)
            value = value + self.sparsity_penalty * (per_row * shares).sum()
        if output.log_variance is not None:
            mean, log_variance = output.code, output.log_variance
            divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
            per_row = divergence.sum(dim=1, keepdim=True) / target.shape[1]
            value = value + self.kl_weight * (per_row * shares).sum()
        return value

    def gradient(self, output, target, shares):
        return self.reconstruction.gradient(output, target, shares)


def stack_losses(losses: Sequence[Loss], *, like: Tensor) -> Loss:
    """Make one loss of those of a stack of networks, which are of one family.

    `like` tells the dtype and the device of numbers that differ.
    """
    smoothings = [getattr(loss, "label_smoothing", 0.0) for loss in losses]
    if len(set(smoothings)) == 1:
        return losses[0]
    return type(losses[0])(like.new_tensor(smoothings).view(-1, 1, 1))
