"""The net of a fit: made anew, or the last one to go on with."""

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator
from torch import nn

from sknn_deep.fitting._callbacks import copy_for_fit
from sknn_deep.machine import Placement, forked_draws, made_on_cpu
from sknn_deep.modules import Dense, glorot_uniform_
from sknn_deep.training import Net, Recipe


def make_net(
    estimator: BaseEstimator,
    n_features: int,
    recipe: Recipe,
    placement: Placement,
    *,
    seed: int | None = None,
) -> Net:
    """Make the net that the estimator's parameters describe.

    The weights are zero, or where the network draws them itself, those of `seed`.
    None says that all parts are ours, which draw nothing.
    """
    return assemble_net(
        estimator,
        describe(estimator, n_features),
        recipe=recipe,
        placement=placement,
        callbacks=copy_for_fit(estimator.callbacks, owner=type(estimator).__name__),
        verbose=estimator.verbose,
        seed=seed,
    )


def assemble_net(
    estimator: BaseEstimator,
    description: dict,
    *,
    recipe: Recipe,
    placement: Placement,
    callbacks: list | None = None,
    verbose: int | bool,
    seed: int | None = 0,
) -> Net:
    """Make a net of a description as :func:`name_parts` gives it."""
    kind, arguments = estimator._net_kind(placement)
    if seed is None and placement.device.type == "cpu":
        arguments["device"] = None  # skorch moves nothing then
    net = kind(
        **description,
        **arguments,
        recipe=recipe,
        placement=placement,
        owner=type(estimator).__name__,
        remedy=estimator._remedy(),
        rates=estimator._own_rates(),
        callbacks=callbacks,
        verbose=verbose,
        module__dtype=placement.dtype,
    )
    if seed is None:
        with made_on_cpu():
            net.initialize()
        net.device = str(placement.device)
        return net
    with made_on_cpu(), forked_draws(seed):
        net.initialize()
    net.criterion_.to(placement.dtype)  # class weights of a loss of torch's
    return net


def draw_weights(net: Net, activation, random_state: np.random.RandomState) -> None:
    """Draw the weights to start from, as scikit-learn's MLP does."""
    layers = [m for m in net.module_.modules() if isinstance(m, Dense)]
    factor = 2.0 if activation == "logistic" else 6.0
    glorot_uniform_(layers, random_state, factor=factor)


def take_weights(net: Net, module: nn.Module) -> None:
    """Start from the weights of a network that was trained before."""
    old, new = module.state_dict(), net.module_.state_dict()
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        raise ValueError(
            f"{net.owner} cannot go on training: the layers that its parameters "
            "describe are not those of the network it has. Restore the parameters, "
            "or fit a new estimator."
        )
    net.module_.load_state_dict(old)


def renew_net(
    net: Net, estimator: BaseEstimator, n_features: int, recipe: Recipe
) -> Net:
    """Go on with a net and its optimizer, by the parameters as they are now.

    Device, precision and callbacks stay those of the first call.
    """
    now = {**describe(estimator, n_features), "verbose": estimator.verbose}
    if not all(_is_same(vars(net).get(name), value) for name, value in now.items()):
        old = net
        net = assemble_net(
            estimator,
            describe(estimator, n_features),
            recipe=old.recipe,
            placement=old.placement,
            verbose=estimator.verbose,
        )
        take_weights(net, old.module_)
        net.go_on_from(old)
    net.change_recipe(recipe)
    return net


def _is_same(old, new) -> bool:
    """Tell whether two arguments are equal; arrays must be the very same."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_is_same(old[k], new[k]) for k in old)
    return old is new or (not hasattr(old, "shape") and bool(old == new))


def describe(estimator: BaseEstimator, n_features: int) -> dict:
    """Give what a network is made of by the estimator's parameters."""
    return name_parts(*estimator._make_module(n_features), *estimator._make_criterion())


def name_parts(
    module: type[nn.Module],
    module_arguments: dict,
    criterion: Callable[..., nn.Module],
    criterion_arguments: dict,
) -> dict:
    """Give module, criterion and their arguments the names that skorch has for them."""
    return {
        "module": module,
        "criterion": criterion,
        **{f"module__{name}": value for name, value in module_arguments.items()},
        **{f"criterion__{name}": value for name, value in criterion_arguments.items()},
    }
