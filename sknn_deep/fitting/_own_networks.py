"""Networks of the user's own: made by what they ask for, and looked at before a fit."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sknn_deep.data import Samples
from sknn_deep.fitting._networks import make_net, take_weights
from sknn_deep.machine import Placement
from sknn_deep.modules import (
    ModelSummary,
    OwnAutoencoder,
    dry_run,
    summarize_layers,
    training_run,
)
from sknn_deep.training import ForwardPass, Net, Recipe

# Of torch's generators that there are on each device, those that can be put in the
# place of the global one.
_CONTROLLED = ("cpu", "cuda")

# Enough to tell what a network does; a whole batch of images takes as long as a step.
_N_ROWS_TO_LOOK_AT = 32


# --- making ---------------------------------------------------------------------------


def make_own_module(
    module: nn.Module | Callable[..., nn.Module],
    arguments: dict[str, Any],
    dtype: torch.dtype,
    name: str = "module",
) -> nn.Module:
    """Make a network, or copy the one that is there, with parameters of a type.

    `name` is that of the estimator's parameter, for messages.
    """
    if isinstance(module, nn.Module):
        made = copy.deepcopy(module)
    else:
        made = module(**arguments)
    if not isinstance(made, nn.Module):
        raise TypeError(
            f"The {name!r} parameter must be a torch.nn.Module, a class of one, or a "
            f"callable that returns one. {module!r} returned {made!r}."
        )
    if any(map(is_lazy, made.parameters())):
        raise ValueError(
            f"{type(made).__name__} has layers whose sizes are not known before a "
            "batch has passed (such as nn.LazyLinear). Give the sizes: a module whose "
            "constructor has the parameter input_shape or n_features_in is given them."
        )
    return made.to(dtype)


def make_own_autoencoder(
    encoder: nn.Module | Callable[..., nn.Module],
    decoder: nn.Module | Callable[..., nn.Module],
    encoder_arguments: dict[str, Any],
    decoder_arguments: dict[str, Any],
    dtype: torch.dtype,
    **variant,
) -> OwnAutoencoder:
    """Make an autoencoder of two networks as :func:`make_own_module` makes them."""
    return OwnAutoencoder(
        make_own_module(encoder, encoder_arguments, dtype, name="encoder"),
        make_own_module(decoder, decoder_arguments, dtype, name="decoder"),
        **variant,
    )


def arguments_for(
    module: nn.Module | Callable[..., nn.Module],
    given: dict[str, Any],
    known: dict[str, Any],
    *,
    owner: str,
    name: str = "module",
) -> dict[str, Any]:
    """Give what a module is made with: what is given, and what it asks for by name.

    `known` are values by the names that a module may ask for.
    """
    if isinstance(module, nn.Module):
        if given:
            names = ", ".join(f"{name}__{each}" for each in given)
            raise ValueError(
                f"{owner} got {names}, but its module is made already: pass the class, "
                f"{type(module).__name__}, instead of an instance of it."
            )
        return {}
    try:
        parameters = inspect.signature(module).parameters
    except (TypeError, ValueError):
        return dict(given)
    bound = getattr(module, "keywords", {})  # of a functools.partial
    asked = {k: v for k, v in known.items() if k in parameters and k not in bound}
    arguments = {**asked, **given}
    try:
        inspect.signature(module).bind(**arguments)
    except TypeError as error:
        called = getattr(module, "__name__", repr(module))
        how = "An argument is passed as module__name=value; "
        raise TypeError(
            f"{owner} cannot make its {name} {called}: {error}. "
            f"{how if name == 'module' else ''}{', '.join(known)} are filled in where "
            "they are asked for."
        ) from error
    return arguments


def start_own_net(
    estimator: BaseEstimator,
    n_features: int,
    recipe: Recipe,
    placement: Placement,
    random_state: np.random.RandomState,
    *,
    first_pass: bool,
) -> Net:
    """Make a net whose network draws its weights, or has those of the last fit."""
    seed = random_state.randint(np.iinfo(np.int32).max) if first_pass else 0
    net = make_net(estimator, n_features, recipe, placement, seed=int(seed))
    if not first_pass:
        take_weights(net, estimator.net_.module_)
    return net


# --- looking --------------------------------------------------------------------------


def rows_to_look_at(net: Net, samples: Samples) -> Tensor:
    """Give a few rows of the first batch, in the type and place of the training."""
    n_rows = min(_N_ROWS_TO_LOOK_AT, net.recipe.batch_size, len(samples))
    return samples.place(net.placement).slice(0, n_rows)


def look_at(net: Net, X: Tensor) -> tuple[Tensor, str]:
    """Pass some rows through the network of a net, and note what it did.

    Returns
    -------
    output : Tensor
        What it gives in prediction.

    last_operation : str
        As autograd calls it.
    """
    owner, module = net.owner, net.module_
    rows = X.clone()
    try:
        seen = dry_run(module, rows)
        if not isinstance(seen.output, Tensor):
            raise TypeError(
                f"The module of {owner} must return one tensor. Got "
                f"{type(seen.output).__name__} from {type(module).__name__}.forward."
            )
        trained = training_run(module, rows)
    except RuntimeError as error:
        said = _say_what_it_takes(module, X, owner, str(error))
        if not said:
            raise
        raise ValueError(f"{said} torch says: {error}") from error
    if not torch.equal(rows, X):
        raise ValueError(
            f"{type(module).__name__}.forward changes the rows that {owner} gives it, "
            "which are X itself: let it compute new ones (x = x / 255 and not "
            "x /= 255; no inplace=True in the first layer)."
        )
    if not trained.is_repeatable or (
        trained.draws_globally and X.device.type not in _CONTROLLED
    ):
        warnings.warn(
            f"{owner} cannot make this fit repeatable: in training, "
            f"{type(module).__name__} gives something else each time it is passed the "
            "same batch. Let it draw random numbers by torch's functions, which follow "
            "random_state, and not by NumPy's or Python's.",
            stacklevel=2,
        )
    net.forward_pass_ = ForwardPass(
        n_products=seen.n_products,
        n_units=seen.n_units,
        draws_globally=trained.draws_globally,
        takes_integers=not X.is_floating_point(),
    )
    return seen.output, trained.last_operation


# In torch's errors about what comes into a convolution, and into a linear layer.
_OF_CONVOLUTIONS = ("conv2d", " channels, but got ")
_OF_LINEAR_LAYERS = "shapes cannot be multiplied"


def _say_what_it_takes(module: nn.Module, X: Tensor, owner: str, error: str) -> str:
    """Say what a network takes that has failed at these rows, if it is known."""
    name, shape = type(module).__name__, tuple(X.shape[1:])
    dimensions = ", ".join(map(str, shape))
    cure = _advise_on_images(module, X)
    if cure and any(word in error for word in _OF_CONVOLUTIONS):
        return (
            f"{name} begins with a convolution of images, of shape (n_samples, "
            f"n_channels, height, width), and {owner} got X of shape (n_samples, "
            f"{dimensions}): {cure}."
        )
    layers = (m for m in module.modules() if any(True for _ in m.parameters(False)))
    width = getattr(next(layers, None), "in_features", None)
    if _OF_LINEAR_LAYERS in error and len(shape) > 1 and math.prod(shape) == width:
        return (
            f"{name} begins with a linear layer of {width} features, and {owner} got X "
            f"of shape (n_samples, {dimensions}): pass X.reshape(len(X), -1), or let "
            "the module begin with nn.Flatten()."
        )
    if X.is_floating_point() and _embeds(module):
        return (
            f"{name} embeds whole numbers, but {owner} made them "
            f"{X.dtype}: set input_dtype='keep', and pass X as integers."
        )
    return ""


def _advise_on_images(module: nn.Module, X: Tensor) -> str:
    """Say what makes X the images that the first convolution takes, if it is known."""
    convolutions = (m for m in module.modules() if isinstance(m, nn.Conv2d))
    n_channels = getattr(next(convolutions, None), "in_channels", None)
    shape = tuple(X.shape[1:])
    if n_channels is None or (len(shape) == 3 and shape[0] == n_channels):
        return ""
    if len(shape) == 3 and shape[-1] == n_channels:
        return "its channels come last, pass np.moveaxis(X, -1, 1)"
    if len(shape) == 2 and n_channels == 1:
        return f"pass X.reshape(-1, 1, {shape[0]}, {shape[1]})"
    return f"pass X.reshape(-1, {n_channels}, height, width)" if len(shape) == 1 else ""


def _embeds(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Embedding | nn.EmbeddingBag) for m in module.modules())


def check_shape(
    output: Tensor, shapes: list[tuple[int, ...]], *, net: Net, name: str = "module"
) -> None:
    """Refuse outputs of another shape than one of those that are known."""
    if tuple(output.shape) in shapes:
        return
    expected = " or ".join(map(str, shapes))
    raise ValueError(
        f"The {name} of {net.owner} must return an output of shape {expected} for a "
        f"batch of {len(output) if output.ndim else 'some'} rows. Got shape "
        f"{tuple(output.shape)}."
    )


def needs_chance(net: Net) -> Iterator[str]:
    """Name what makes the loss depend on more than the weights."""
    if net.forward_pass_.draws_globally:
        yield "random numbers"
    for module in net.module_.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            yield type(module).__name__


def refuse_chance(net: Net) -> None:
    """Refuse to train by L-BFGS what is not a function of the weights alone."""
    reason = next(needs_chance(net), None)
    if reason is not None:
        raise ValueError(
            f"solver='lbfgs' of {net.owner} needs a loss that depends on the weights "
            f"alone, but {type(net.module_).__name__} has {reason}. Choose another "
            "solver."
        )


def are_probabilities(output: Tensor) -> bool:
    """Tell whether rows of several outputs are not negative and sum to one."""
    if output.ndim != 2 or output.shape[1] < 2:
        return False
    sums = output.sum(dim=1)
    is_one = torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
    return bool((output >= 0).all()) and is_one


def check_raw(output: Tensor, last_operation: str, *, net: Net) -> None:
    """Refuse what went through a softmax or the like: the loss has that in itself."""
    ends = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
    end = ends.get(last_operation)
    if end is None and are_probabilities(output):
        end = "softmax"
    if end is None and are_probabilities(output.exp()):
        end = "log_softmax"
    if end is not None:
        raise ValueError(
            f"{type(net.module_).__name__} ends in a {end}, but {net.owner} wants raw "
            f"outputs (logits): the loss has the {end} in itself, and a second one "
            f"would train badly. Remove it from the module; predict_proba applies it."
        )


def check_probabilities(
    output: Tensor, last_operation: str, criterion: type[nn.Module], *, net: Net
) -> None:
    """Refuse what are no probabilities, where the loss takes them."""
    low, high = output.min(), output.max()
    are_single = output.ndim == 1 or output.shape[1] == 1 or criterion is nn.BCELoss
    if are_single:
        is_right = bool(low >= 0) and bool(high <= 1)
    else:
        is_right = are_probabilities(output)
    if not is_right:
        raise ValueError(
            f"criterion={criterion.__name__} of {net.owner} takes probabilities, but "
            f"{type(net.module_).__name__} returns numbers from {low:.3g} to "
            f"{high:.3g}. Let it end in a "
            f"{'sigmoid' if are_single else 'softmax'}, or return raw outputs and "
            "leave out criterion."
        )


def summarize_own(net: Net, input_shape: tuple[int, ...]) -> ModelSummary:
    """Summarize the layers that rows of zeros pass."""
    takes_integers = net.forward_pass_ is not None and net.forward_pass_.takes_integers
    dtype = torch.int64 if takes_integers else net.placement.dtype
    rows = torch.zeros(2, *input_shape, dtype=dtype, device=net.device)
    return summarize_layers(net.module_, rows, net.owner)
