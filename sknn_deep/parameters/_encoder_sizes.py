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
    if estimator.decoder_hidden_layer_sizes is None:
        _doubt_halves(sizes, estimator)
        _doubt_ends(sizes, estimator)


def _doubt_halves(sizes: Sizes, estimator) -> None:
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
    own = half[1:] if half[0] == estimator.n_features_in_ else half
    warnings.warn(
        f"hidden_layer_sizes of {type(estimator).__name__} are the encoder's alone: "
        f"the decoder mirrors them, and the code is n_components. Got {sizes}, which "
        f"look like both halves: set hidden_layer_sizes={own}{code}.",
        stacklevel=4,
    )


def _doubt_ends(sizes: Sizes, estimator) -> None:
    """Recognize the sizes of an encoder with its input, or with the code."""
    is_falling = sizes == tuple(sorted(set(sizes), reverse=True))
    if len(sizes) < 3 or not is_falling:
        return
    n_features, n_components = estimator.n_features_in_, estimator.n_components
    own = sizes[1:] if sizes[0] == n_features else sizes
    own = own[:-1] if sizes[-1] == n_components else own
    # Those of the class itself may happen to meet such an X, or such a code.
    if own != sizes and not _are_default(sizes, type(estimator)):
        warnings.warn(
            f"hidden_layer_sizes of {type(estimator).__name__} are those between the "
            f"{n_features} features and the code of n_components={n_components}. Got "
            f"{sizes}, which begin or end with these: set hidden_layer_sizes={own}.",
            stacklevel=4,
        )


def _are_default(sizes: Sizes, cls: type) -> bool:
    return sizes == inspect.signature(cls).parameters["hidden_layer_sizes"].default
