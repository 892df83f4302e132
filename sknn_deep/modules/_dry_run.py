"""What a network does with a batch, seen before it is trained."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn_deep.machine import global_draws_from
from sknn_deep.modules._random_layers import RandomLayer

# Operations that give the same numbers in another form.
_FORMS = {
    "Alias",
    "Clone",
    "ReshapeAlias",
    "Select",
    "Slice",
    "Squeeze",
    "ToCopy",
    "Unsqueeze",
    "UnsafeView",
    "View",
}


class LayerPass(NamedTuple):
    """A layer without layers in it, and the shape of what it gave."""

    name: str
    layer: nn.Module
    output_shape: tuple[int, ...] | None


class DryRun(NamedTuple):
    """What became of a batch.

    Attributes
    ----------
    output : object
        What the network returned.

    layers : list of LayerPass
        In the order in which the batch passed them; one that it passed twice is there
        twice.

    n_products : float
        Multiplications for each row.

    n_units : int
        Numbers for each row in the largest array that a layer gave, or in X.
    """

    output: object
    layers: list[LayerPass]
    n_products: float
    n_units: int


def dry_run(module: nn.Module, X: Tensor) -> DryRun:
    """Pass a batch through a network as in prediction; nothing of both changes."""
    layers: list[LayerPass] = []
    n_rows, n_products = len(X), 0.0

    def note(name: str):
        def hook(layer, inputs, output):
            nonlocal n_products
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            layers.append(LayerPass(name, layer, shape))
            n_products += _count_products(layer, inputs, output)

        return hook

    with ExitStack() as hooks, _as_it_was(module), torch.no_grad():
        for name, layer in module.named_modules():
            if not any(layer.children()):
                hooks.callback(layer.register_forward_hook(note(name)).remove)
        module.eval()
        output = module(X)
    shapes = [tuple(X.shape), *(p.output_shape for p in layers if p.output_shape)]
    return DryRun(
        output,
        layers,
        n_products=n_products / n_rows,
        n_units=max(torch.Size(shape).numel() for shape in shapes) // n_rows,
    )


def _count_products(layer: nn.Module, inputs: tuple, output) -> float:
    """Count the multiplications of a layer, as torch's ``FlopCounterMode`` does.

    That one would import torch's compiler, which takes seconds. Each weight is
    multiplied once at each place: of a row, of a sequence, of an image.
    """
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        return 0
    n_weights = sum(p.numel() for p in layer.parameters() if p.ndim > 1)
    tensors = output if isinstance(output, tuple | list) else [output]
    passed = next((t for t in tensors if isinstance(t, Tensor)), None)
    if not n_weights or passed is None or passed.ndim == 0:
        return 0
    channels = -1
    if isinstance(layer, nn.modules.conv._ConvNd):
        channels = 1
        if layer.transposed:
            passed = inputs[0]
    return n_weights * passed.numel() / passed.shape[channels]


class TrainingRun(NamedTuple):
    """What a network was seen to do in training mode.

    Attributes
    ----------
    last_operation : str
        What autograd calls the operation that gave the output, as in "Softmax".

    draws_globally : bool
        Whether it drew from torch's global generator.

    is_repeatable : bool
        Whether it gave the same once more, with the same random numbers of torch's.
    """

    last_operation: str
    draws_globally: bool
    is_repeatable: bool


def training_run(module: nn.Module, X: Tensor) -> TrainingRun:
    """Pass a batch through a network as in training; nothing of both changes."""
    with _as_it_was(module):
        module.train()
        first, draws_globally = _draw_and_pass(module, X)
        with torch.no_grad():
            second, _ = _draw_and_pass(module, X)
    same = torch.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True)
    return TrainingRun(_last_operation(first), draws_globally, same)


def _draw_and_pass(module: nn.Module, X: Tensor) -> tuple[Tensor, bool]:
    own = torch.Generator(X.device).manual_seed(0)
    in_place_of_global = torch.Generator(X.device).manual_seed(0)
    before = in_place_of_global.get_state()
    random_layers = [m for m in module.modules() if isinstance(m, RandomLayer)]
    for layer in random_layers:
        layer.generator = own
    try:
        with global_draws_from(in_place_of_global):
            output = module(X)
    finally:
        for layer in random_layers:
            layer.generator = None
    if not isinstance(output, Tensor):
        output = output[0]  # an autoencoder's reconstruction, before its code
    return output, not torch.equal(before, in_place_of_global.get_state())


def _last_operation(output: Tensor) -> str:
    node, name = output.grad_fn, ""
    while node is not None:
        name = node.name().partition("Backward")[0].lstrip("_")
        if name not in _FORMS:
            break
        node = node.next_functions[0][0]
    return name


@contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Undo what passing a batch changes: modes, running means and the like."""
    modes = [(m, m.training) for m in module.modules()]
    buffers = [(b, b.clone()) for b in module.buffers()]
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training
        with torch.no_grad():
            for buffer, values in buffers:
                buffer.copy_(values)
