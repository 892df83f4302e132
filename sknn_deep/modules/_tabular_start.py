"""Starting weights of a network for tables, by what the first rows make of them."""

import torch
from torch import Tensor

from sknn_deep.modules._tabular import TabularMLP

# Rows whose mean is where the activation of a unit begins to bend.
_N_ROWS_OF_BIAS = 5


def start_from_data(network: TabularMLP, X: Tensor, generator: torch.Generator) -> None:
    """Draw all parameters, and bring each hidden unit to where the rows of `X` are.

    Weights of hidden units are scaled so that the unit's output has variance 1. The
    bias is minus a random convex combination of its outputs at 5 rows, so that the
    activations of units bend at different places among the data. The last layer stays
    zero: the network starts from the mean of standardized numbers, or from equal
    log-odds.

    `generator` is on the CPU, where `X` and the network are too.

    References
    ----------
    Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data." NeurIPS 2024.
    https://doi.org/10.48550/arXiv.2407.04491
    """
    with torch.no_grad():
        for part in (network.periodic, network.categories):
            if part is not None:
                part.draw(generator)
        network.scale.weight.fill_(1.0)
        H = network.embed(X)
        for layer, function in zip(network.layers, network.functions, strict=False):
            weight, bias = layer.weight, layer.bias
            weight.normal_(generator=generator)
            outputs = weight @ H  # (n_members, n_out, n_rows)
            deviation = outputs.std(dim=-1, correction=0)
            deviation[deviation < torch.finfo(H.dtype).eps] = 1.0  # as of equal rows
            weight.div_(deviation[..., None])
            outputs.div_(deviation[..., None])
            bias.copy_(-_mix(outputs, generator))
            H = function(outputs + bias[..., None])


def _mix(outputs: Tensor, generator: torch.Generator) -> Tensor:
    """Mix the outputs of a few rows, others for each unit."""
    shape = (*outputs.shape[:-1], _N_ROWS_OF_BIAS)
    rows = torch.randint(outputs.shape[-1], shape, generator=generator)
    shares = outputs.new_empty(shape).exponential_(generator=generator)
    shares /= shares.sum(dim=-1, keepdim=True)
    return (outputs.gather(-1, rows) * shares).sum(dim=-1)
