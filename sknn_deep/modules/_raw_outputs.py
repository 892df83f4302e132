"""Losses of what a network of the user's own returns."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sknn_deep.modules._losses import Loss, row_shares

# Losses of torch that take probabilities here, and log-probabilities or probabilities
# there. As in skorch, a network for ``NLLLoss`` ends in a softmax.
PROBABILITY_LOSSES = (nn.NLLLoss, nn.BCELoss)

# Losses of torch that have the softmax or the like in themselves.
RAW_LOSSES = (nn.CrossEntropyLoss, nn.BCEWithLogitsLoss)

# Losses of torch that tell two classes by two outputs.
_CLASS_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)


def is_loss_class(criterion, kinds: tuple[type, ...]) -> bool:
    return isinstance(criterion, type) and issubclass(criterion, kinds)


def n_binary_outputs(criterion) -> int:
    """Tell by how many outputs a loss wants two classes to be told apart."""
    return 2 if is_loss_class(criterion, _CLASS_LOSSES) else 1


def as_columns(output: Tensor, n_outputs: int) -> Tensor:
    """Bring raw outputs to ``(n_batch, n_outputs)``.

    Two columns for two classes become the log-odds of the second, which is the same to
    softmax and cross entropy.
    """
    if output.ndim == 1:
        return output[:, None]
    if n_outputs == 1 and output.shape[1] == 2:
        return output[:, 1:] - output[:, :1]
    return output


class RawOutputLoss(Loss):
    """One of our losses, of raw outputs in any of the forms that they may have.

    Parameters
    ----------
    loss : callable
        Makes the loss.

    n_outputs : int
        Columns of the target.

    arguments : dict
        What the loss is made with.
    """

    is_written_out = False

    def __init__(self, loss: Callable[..., Loss], n_outputs: int, arguments: dict):
        super().__init__()
        self.loss = loss(**arguments)
        self.n_outputs = n_outputs

    def forward(self, output, target, weight=None):
        return self.loss(as_columns(output, self.n_outputs), target, weight)

    def reported_scale(self, output):
        return self.loss.reported_scale(as_columns(output, self.n_outputs))


class TorchLoss(Loss):
    """A loss of torch's, or a function, as a weighted mean over the rows.

    Parameters
    ----------
    criterion : type of torch.nn.Module, or callable
        A class is made with ``reduction="none"``, if it has one. A callable takes
        (output, target) and gives one loss for each row.

    arguments : dict
        Further ones, of the class or the callable.

    has_classes : bool
        Whether the target is labels: two classes are given as numbers to a loss of two
        outputs, and as 0 or 1 in floating point to one of one output.
    """

    is_written_out = False

    def __init__(
        self, criterion: Callable[..., Any], arguments: dict, *, has_classes: bool
    ):
        super().__init__()
        self.takes_log = is_loss_class(criterion, (nn.NLLLoss,))
        if isinstance(criterion, type):
            if "reduction" in inspect.signature(criterion).parameters:
                arguments = {**arguments, "reduction": "none"}
            self.loss = criterion(**arguments)
        else:
            self.loss = functools.partial(criterion, **arguments)
        self.has_classes = has_classes

    def forward(self, output, target, weight=None):
        output = output[:, None] if output.ndim == 1 else output
        if self.has_classes and target.ndim == 2 and output.shape[1] > target.shape[1]:
            target = target[:, 0].long()
        if self.takes_log:
            output = torch.log(output + torch.finfo(output.dtype).eps)
        losses = self.loss(output, target)
        if losses.ndim == 0 or len(losses) != len(output):
            raise ValueError(
                "criterion must give one loss for each row, of shape "
                f"({len(output)},) here: the mean over the rows is taken with their "
                f"weights. Got shape {tuple(losses.shape)}.{self._advise_on_instance()}"
            )
        per_row = losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses
        return (per_row * row_shares(weight, output)[:, 0]).sum()

    def _advise_on_instance(self) -> str:
        """Say what to pass in the place of ``nn.HuberLoss()``."""
        given = getattr(self.loss, "func", None)
        if not isinstance(given, nn.Module):
            return ""
        name = type(given).__name__
        return f" Pass the class, {name}, in the place of {name}()."
