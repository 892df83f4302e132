"""The parts of a network for tables as torch modules that need nothing else.

They are written as modules, and then traced: what comes out is a
``torch.fx.GraphModule``, which can be unpickled where these classes are not.
"""

import numpy as np
import torch
from torch import Tensor, fx, nn

from sknn_deep.conversion._parts import Bounds, Columns, Embedding, Part, Sort


def traced(part: Part, dtype: np.dtype) -> fx.GraphModule:
    """Make a module of a part."""
    match part:
        case Bounds(low, high):
            module = _Bounds(_tensor(low, dtype), _tensor(high, dtype))
        case Sort():
            module = _Sort()
        case Columns(encoder):
            module = _Columns(encoder)
        case Embedding():
            module = _Embedding(part, dtype)
    graph = fx.Tracer().trace(module)
    return fx.GraphModule(module, graph, type(module).__name__.removeprefix("_"))


def _tensor(array, dtype) -> Tensor:
    return torch.from_numpy(np.array(array, dtype, order="C"))


class _Bounds(nn.Module):
    def __init__(self, low: Tensor, high: Tensor):
        super().__init__()
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, X):
        return torch.clamp(X, self.low, self.high)


class _Sort(nn.Module):
    def forward(self, X):
        return torch.sort(X, dim=-1)[0]


class _Columns(nn.Module):
    """From numbers and codes to encoded columns, ``(n_batch, n_features)`` to
    ``(n_batch, n_encoded)``.

    The scale is computed in float64: in float32 a column far from zero would lose the
    digits that its median leaves.
    """

    def __init__(self, encoder):
        super().__init__()
        is_categorical, categories = encoder.is_categorical, encoder.categories
        n_known = [len(c) for c in categories]
        buffers = {
            "numbers": np.flatnonzero(~is_categorical),
            "categorical": np.flatnonzero(is_categorical),
            "shown": np.flatnonzero(encoder.shows_missing),
            "kept": np.flatnonzero([c.as_codes for c in categories]),
            "n_known": np.array(n_known, dtype=float),
            "missing": np.array([len(c.values) for c in categories], dtype=float),
            "median": encoder.median,
            "factor": encoder.factor,
        }
        self.few = [i for i, c in enumerate(categories) if not c.as_codes]
        for i in self.few:
            codes = np.arange(n_known[i] + 1)
            buffers[f"columns_{i}"] = categories[i].to_columns(codes)
        for name, array in buffers.items():
            self.register_buffer(name, _tensor(array, array.dtype))

    def forward(self, X):
        numbers = X[:, self.numbers].double()
        marks = torch.isnan(numbers[:, self.shown]).double()
        codes = X[:, self.categorical].double()
        codes = torch.where(torch.isnan(codes), self.missing, codes)
        is_known = (codes >= 0) & (codes < self.n_known)
        codes = torch.where(is_known, codes, self.n_known)
        few = [getattr(self, f"columns_{i}")[codes[:, i].long()] for i in self.few]
        scaled = (torch.cat([numbers, marks, *few], 1) - self.median) * self.factor
        scaled = torch.clamp(scaled, -1e100, 1e100)
        scaled = torch.nan_to_num(scaled / torch.sqrt(1 + (scaled / 3) ** 2))
        return torch.cat([scaled, codes[:, self.kept]], 1).to(X.dtype)


class _Embedding(nn.Module):
    """Appends to encoded columns what numbers and categories are embedded in."""

    def __init__(self, part: Embedding, dtype: np.dtype):
        super().__init__()
        self.n_plain, self.n_numbers = part.n_plain, len(part.frequency)
        for name in ("frequency", "shift", "weight", "bias"):
            tensor = _tensor(getattr(part, name), dtype)
            self.register_parameter(name, nn.Parameter(tensor))
        self.tables = nn.ParameterList(
            nn.Parameter(_tensor(table, dtype)) for table in part.tables
        )

    def forward(self, X):
        parts = [X[:, : self.n_plain]]
        if self.n_numbers:
            x = X[:, : self.n_numbers].unsqueeze(-1)  # (n_batch, n_numbers, 1)
            waves = torch.cos(x * self.frequency + self.shift).unsqueeze(-2)
            combined = torch.matmul(waves, self.weight).squeeze(-2) + self.bias
            parts.append(combined.flatten(1))
        for i, table in enumerate(self.tables):
            parts.append(table[X[:, self.n_plain + i].long()])
        return torch.cat(parts, 1)
