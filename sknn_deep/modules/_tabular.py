"""A network for tables: embedded numbers and categories, a scaling layer, dense layers.

Several networks, members of an ensemble, are computed as one: their parameters are
stacked. Features lie in rows and samples in columns, which saves transposing them.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.modules._activations import ACTIVATIONS

# Frequencies of each number, and the outputs that they are brought to (RealMLP's).
N_FREQUENCIES = 16
N_PERIODIC = 3
# The deviation of frequencies at the start; RealMLP-TD's is 0.1.
FREQUENCY_SCALE = 0.5
# Numbers that a category is embedded in.
N_EMBEDDED = 8

# RealMLP's factors of the rate and of the decay.
_SCALE_RATE, _SCALE_DECAY = 6.0, 6.0
_BIAS_RATE = 0.1
_PERIODIC_RATE = 0.1


class ParameterGroup(NamedTuple):
    """Parameters, and what the rate and the decay are multiplied by for them."""

    parameters: list[nn.Parameter]
    rate: float
    decay: float


class PeriodicEmbedding(nn.Module):
    """Give 3 linear combinations of ``cos(2 pi f x + shift)`` of each number x.

    Parameters
    ----------
    n_members : int

    n_numbers : int

    dtype : torch.dtype or None

    Shape
    -----
    Input ``(n_numbers, n_batch)``, output ``(n_members, 3 * n_numbers, n_batch)``.

    References
    ----------
    Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data." NeurIPS 2024.
    https://doi.org/10.48550/arXiv.2407.04491
    """

    def __init__(self, n_members: int, n_numbers: int, dtype=None):
        super().__init__()
        shape = (n_members, n_numbers, N_FREQUENCIES)
        self.frequency = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.shift = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.weight = nn.Parameter(
            torch.zeros(n_members, n_numbers, N_PERIODIC, N_FREQUENCIES, dtype=dtype)
        )
        self.bias = nn.Parameter(
            torch.zeros(n_members, n_numbers, N_PERIODIC, dtype=dtype)
        )

    def draw(self, generator: torch.Generator) -> None:
        """Draw the parameters to start from."""
        bound = 1 / math.sqrt(N_FREQUENCIES)
        with torch.no_grad():
            self.frequency.normal_(0, FREQUENCY_SCALE, generator=generator)
            self.shift.uniform_(-math.pi, math.pi, generator=generator)
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.uniform_(-bound, bound, generator=generator)

    def phase(self, x: Tensor) -> Tensor:
        """Give what the cosine is of, ``(n_members, n_numbers, 16, n_batch)``."""
        frequency = (2 * math.pi * self.frequency)[..., None]
        return torch.addcmul(self.shift[..., None], frequency, x[:, None])

    def combine(self, waves: Tensor) -> Tensor:
        """Combine the cosines linearly."""
        n_members, n_numbers, _, n_batch = waves.shape
        combined = torch.baddbmm(
            self.bias.flatten(0, 1)[..., None],
            self.weight.flatten(0, 1),
            waves.flatten(0, 1),
        )
        return combined.view(n_members, n_numbers * N_PERIODIC, n_batch)

    def forward(self, x: Tensor) -> Tensor:
        return self.combine(self.phase(x).cos())


class CategoryEmbedding(nn.Module):
    """Give 8 learned numbers for each category; for an unknown one their mean.

    Parameters
    ----------
    n_members : int

    n_categories : sequence of int
        Of each column. A code of that number or above is unknown.

    dtype : torch.dtype or None

    Shape
    -----
    Input ``(n_batch, n_columns)`` of codes in the type of the parameters, output
    ``(n_members, 8 * n_columns, n_batch)``.
    """

    def __init__(self, n_members: int, n_categories: Sequence[int], dtype=None):
        super().__init__()
        self.n_categories = tuple(n_categories)
        self.table = nn.Parameter(
            torch.zeros(sum(self.n_categories), n_members, N_EMBEDDED, dtype=dtype)
        )
        starts = [0, *accumulate(self.n_categories)][:-1]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)

    def draw(self, generator: torch.Generator) -> None:
        """Draw the table to start from."""
        with torch.no_grad():
            self.table.normal_(generator=generator)

    def rows(self, codes: Tensor) -> Tensor:
        """Give the rows of the table that known codes are in, ``(n * n_columns,)``."""
        return (codes.to(torch.int64) + self.starts).flatten()

    def to_rows(self, embedded: Tensor, n_batch: int) -> Tensor:
        """Put features into rows, ``(n_members, 8 * n_columns, n_batch)``."""
        columns = len(self.n_categories)
        cube = embedded.view(n_batch, columns, -1, N_EMBEDDED)
        return cube.permute(2, 1, 3, 0).flatten(1, 2)

    def forward(self, codes: Tensor) -> Tensor:
        means = [part.mean(dim=0) for part in self.table.split(self.n_categories)]
        table = torch.cat([self.table, torch.stack(means)])
        known = codes < codes.new_tensor(self.n_categories)
        unknown = len(self.table) + torch.arange(codes.shape[1], device=codes.device)
        rows = torch.where(known, codes.to(torch.int64) + self.starts, unknown)
        return self.to_rows(table.index_select(0, rows.flatten()), len(codes))


class StackedScale(nn.Module):
    """Multiply each feature of each network by a learned factor, 1 at the start.

    Shape
    -----
    Input and output: ``(n_members, n_features, n_batch)``.
    """

    def __init__(self, n_members: int, n_features: int, dtype=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_members, n_features, dtype=dtype))

    def forward(self, H: Tensor) -> Tensor:
        return H * self.weight[..., None]


class StackedDense(nn.Module):
    """A dense layer of each network; its weights are zero at the start.

    Shape
    -----
    Input ``(n_members, n_in, n_batch)``, output ``(n_members, n_out, n_batch)``.
    """

    def __init__(self, n_members: int, n_in: int, n_out: int, dtype=None):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_members, n_out, n_in, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(n_members, n_out, dtype=dtype))

    def forward(self, H: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[..., None], self.weight, H)


class TabularMLP(nn.Module):
    """Multi-layer perceptrons for encoded columns of a table.

    The columns of the input are first the numbers to be embedded, then plain numbers,
    then codes of categories to be embedded. The first layer gets the numbers
    themselves, the plain ones, and what the embeddings give, each multiplied by a
    learned scale.

    Parameters
    ----------
    n_members : int

    n_numbers : int

    n_plain : int

    n_categories : sequence of int
        Number of categories of each column of codes.

    hidden_layer_sizes : sequence of int

    n_outputs : int

    activations : sequence of str, one per hidden layer

    embeds_numbers : bool, default=True

    dtype : torch.dtype or None

    Shape
    -----
    Input ``(n_batch, n_numbers + n_plain + len(n_categories))``, output
    ``(n_members, n_batch, n_outputs)``.

    Examples
    --------
    >>> import torch
    >>> from sknn_deep.modules import TabularMLP
    >>> network = TabularMLP(
    ...     2, 3, 1, [5], hidden_layer_sizes=[8], n_outputs=1, activations=["silu"]
    ... )
    >>> network(torch.zeros(7, 5)).shape
    torch.Size([2, 7, 1])
    """

    def __init__(
        self,
        n_members: int,
        n_numbers: int,
        n_plain: int,
        n_categories: Sequence[int],
        *,
        hidden_layer_sizes: Sequence[int],
        n_outputs: int,
        activations: Sequence[str],
        embeds_numbers: bool = True,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.n_members = n_members
        self.n_numbers = n_numbers
        self.n_plain = n_plain
        self.activations = tuple(activations)
        self.periodic = self.categories = None
        n_inputs = n_numbers + n_plain
        if embeds_numbers and n_numbers:
            self.periodic = PeriodicEmbedding(n_members, n_numbers, dtype)
            n_inputs += N_PERIODIC * n_numbers
        if len(n_categories):
            self.categories = CategoryEmbedding(n_members, n_categories, dtype)
            n_inputs += N_EMBEDDED * len(n_categories)
        self.scale = StackedScale(n_members, n_inputs, dtype)
        units = [n_inputs, *hidden_layer_sizes, n_outputs]
        self.layers = nn.ModuleList(
            StackedDense(n_members, n_in, n_out, dtype)
            for n_in, n_out in pairwise(units)
        )
        self.functions = nn.ModuleList(
            ACTIVATIONS[name].module() for name in self.activations
        )

    @property
    def n_columns(self) -> int:
        """Number of columns of numbers, before those of codes."""
        return self.n_numbers + self.n_plain

    def parameter_groups(self) -> list[ParameterGroup]:
        """Group the parameters by how fast they learn and how much they decay.

        A layer of n inputs learns as one whose weights are divided by the square root
        of n after the update.

        References
        ----------
        Jacot, A., Gabriel, F. and Hongler, C. "Neural tangent kernel: convergence and
        generalization in neural networks." NeurIPS 2018.
        https://doi.org/10.48550/arXiv.1806.07572
        """
        groups = [
            ParameterGroup([self.scale.weight], _SCALE_RATE, _SCALE_DECAY),
            ParameterGroup([layer.bias for layer in self.layers], _BIAS_RATE, 0.0),
        ]
        by_width: dict[int, list[nn.Parameter]] = {}
        for layer in self.layers:
            by_width.setdefault(layer.weight.shape[-1], []).append(layer.weight)
        for n_in, weights in by_width.items():
            width = math.sqrt(n_in)
            groups.append(ParameterGroup(weights, 1 / width, width))
        if self.periodic is not None:
            embedding = list(self.periodic.parameters())
            groups.append(ParameterGroup(embedding, _PERIODIC_RATE, 1.0))
        if self.categories is not None:
            groups.append(ParameterGroup([self.categories.table], 1.0, 1.0))
        return groups

    def embed(self, X: Tensor) -> Tensor:
        """Give the inputs of the scaling layer, ``(n_members, n_inputs, n_batch)``."""
        numbers = X[:, : self.n_columns].T
        parts = [numbers.expand(self.n_members, -1, -1)]
        if self.periodic is not None:
            parts.append(self.periodic(numbers[: self.n_numbers]))
        if self.categories is not None:
            parts.append(self.categories(X[:, self.n_columns :]))
        return torch.cat(parts, dim=1)

    def forward(self, X: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Compute the raw outputs.

        `masks` are what the hidden layers' outputs are multiplied by, each of shape
        ``(n_members, n_units, n_batch)``; None is nothing, as in prediction.
        """
        H = self.scale(self.embed(X))
        for i, function in enumerate(self.functions):
            H = function(self.layers[i](H))  # (n_members, n_units, n_batch)
            if masks is not None:
                H = H * masks[i]
        return self.layers[-1](H).mT

    def list_layers(self) -> list[tuple[nn.Module, tuple[None, int]]]:
        """List the layers with the shapes of what each network gets from them."""
        layers: list[tuple[nn.Module, tuple[None, int]]] = []
        if self.periodic is not None:
            layers.append((self.periodic, (None, N_PERIODIC * self.n_numbers)))
        if self.categories is not None:
            n_columns = len(self.categories.n_categories)
            layers.append((self.categories, (None, N_EMBEDDED * n_columns)))
        layers.append((self.scale, (None, self.scale.weight.shape[1])))
        for i, layer in enumerate(self.layers):
            shape = (None, layer.weight.shape[1])
            layers.append((layer, shape))
            if i < len(self.functions):
                layers.append((self.functions[i], shape))
        return layers
