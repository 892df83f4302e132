"""Doubts about hidden_layer_sizes that look like those of more than an encoder."""

import inspect
import warnings

Sizes = tuple[int, ...]


def doubt_encoder_sizes(sizes: Sizes, estimator) -> None:
    """Warn of sizes that seem to have the decoder, the features or the code in them.

    Parameters
    ----------
    sizes : tuple of int
        The hidden layers of the encoder, as they were asked for.

    estimator : AutoencoderTransformer
        Whose features were counted.
    """
    # Those of the class itself may happen to meet such an X, or such a code.
    if estimator.decoder_hidden_layer_sizes is None and not _are_default(
        sizes, type(estimator)
    ):
        owner, n_features = type(estimator).__name__, estimator.n_features_in_
        _doubt_halves(sizes, n_features, owner=owner)
        _doubt_ends(sizes, n_features, estimator.n_components, owner=owner)


def _are_default(sizes: Sizes, cls: type) -> bool:
    return sizes == inspect.signature(cls).parameters["hidden_layer_sizes"].default


def _doubt_halves(sizes: Sizes, n_features: int, *, owner: str) -> None:
    """Recognize the sizes of a whole network, which narrow and widen again."""
    middle = len(sizes) // 2
    half = sizes[:middle]
    is_hourglass = (
        sizes == sizes[::-1]
        and half == tuple(sorted(half, reverse=True))
        and len(half) > 0
        and half[0] > sizes[middle] <= half[-1]
    )
    if not is_hourglass:
        return
    code = f" and n_components={sizes[middle]}" if len(sizes) % 2 else ""
    own = half[1:] if half[0] == n_features else half
    warnings.warn(
        f"hidden_layer_sizes of {owner} are the encoder's alone: the decoder mirrors "
        f"them, and the code is n_components. Got {sizes}, which look like both "
        f"halves: set hidden_layer_sizes={own}{code}.",
        stacklevel=4,
    )


def _doubt_ends(
    sizes: Sizes, n_features: int, n_components: int, *, owner: str
) -> None:
    """Recognize the sizes of an encoder with its input, or with the code."""
    is_falling = sizes == tuple(sorted(set(sizes), reverse=True))
    if len(sizes) < 3 or not is_falling:
        return
    own = sizes[1:] if sizes[0] == n_features else sizes
    own = own[:-1] if sizes[-1] == n_components else own
    if own != sizes:
        warnings.warn(
            f"hidden_layer_sizes of {owner} are those between the {n_features} "
            f"features and the code of n_components={n_components}. Got {sizes}, which "
            f"begin or end with these: set hidden_layer_sizes={own}.",
            stacklevel=4,
        )
