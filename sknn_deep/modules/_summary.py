"""What a network is made of, layer by layer."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from sknn_deep.modules._blocks import DenseBlock
from sknn_deep.modules._dry_run import dry_run


@dataclass(frozen=True)
class LayerSummary:
    """One line of a :class:`ModelSummary`."""

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    n_parameters: int


@dataclass(frozen=True)
class ModelSummary:
    """The layers of a network with their output shapes and numbers of parameters.

    Prints as a table, and shows as one in a notebook. A dense layer from m to n units
    has ``(m + 1) * n`` parameters: n weights for each input, and n biases.

    Attributes
    ----------
    name : str
        Name of the estimator.

    layers : tuple of LayerSummary

    n_parameters : int
        All parameters, the running statistics of batch normalization included.

    n_trainable : int
        Those that training changes.

    n_bytes : int
        Memory of all parameters.
    """

    name: str
    layers: tuple[LayerSummary, ...]
    n_parameters: int
    n_trainable: int
    n_bytes: int

    _HEADINGS = ("Layer (type)", "Output shape", "Param #")

    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            (
                f"{layer.name} ({layer.kind})",
                f"({', '.join(map(str, layer.output_shape))})",
                f"{layer.n_parameters:,}",
            )
            for layer in self.layers
        ]

    def _totals(self) -> list[str]:
        frozen = self.n_parameters - self.n_trainable
        return [
            f"Total params: {self.n_parameters:,} ({_in_units(self.n_bytes)})",
            f"Trainable params: {self.n_trainable:,}",
            f"Non-trainable params: {frozen:,}",
        ]

    def __str__(self) -> str:
        rows = [self._HEADINGS, *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            f"{a:<{widths[0]}}   {b:<{widths[1]}}   {c:>{widths[2]}}"
            for a, b, c in rows
        ]
        rule = "-" * len(lines[0])
        return "\n".join(
            [
                f'Model: "{self.name}"',
                *(rule, lines[0], rule, *lines[1:], rule),
                *self._totals(),
            ]
        )

    # A prompt shows it.
    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in self._HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        totals = "<br>".join(self._totals())
        return (
            f"<table><caption>{self.name}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{totals}</p>"
        )


def _in_units(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"


def summarize(module: nn.Module, name: str) -> ModelSummary:
    """List the layers of `module`, in the order in which data passes them."""
    if hasattr(module, "list_layers"):
        return _make_summary(module, module.list_layers(), name)
    layers = [
        (part, (None, block.dense.out_features))
        for block in module.modules()
        if isinstance(block, DenseBlock)
        for part in block.children()
    ]
    return _make_summary(module, layers, name)


def summarize_layers(module: nn.Module, X: Tensor, name: str) -> ModelSummary:
    """List the layers that a batch passes, in that order, each once."""
    passes = {id(p.layer): p for p in reversed(dry_run(module, X).layers)}
    layers = [
        (p.layer, (None, *p.output_shape[1:]) if p.output_shape else ())
        for p in reversed(passes.values())
    ]
    return _make_summary(module, layers, name)


def _make_summary(
    module: nn.Module,
    layers: list[tuple[nn.Module, tuple[int | None, ...]]],
    name: str,
) -> ModelSummary:
    lines = []
    for layer, output_shape in layers:
        kind = type(layer).__name__
        number = sum(line.kind == kind for line in lines) + 1
        n_parameters = _count(layer.parameters()) + _count(_statistics(layer))
        lines.append(
            LayerSummary(f"{kind.lower()}_{number}", kind, output_shape, n_parameters)
        )
    tensors = [*module.parameters(), *_statistics(module)]
    return ModelSummary(
        name=name,
        layers=tuple(lines),
        n_parameters=_count(tensors),
        n_trainable=_count(t for t in tensors if t.requires_grad),
        n_bytes=sum(t.numel() * t.element_size() for t in tensors),
    )


def _statistics(module: nn.Module) -> list[Tensor]:
    """List the running means and variances, which Keras counts as not trainable."""
    return [b for b in module.buffers() if b.is_floating_point()]


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(t.numel() for t in tensors)
