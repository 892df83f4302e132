"""Rows that are images, of an estimator that goes to a code and back."""

import math

from sklearn.utils.validation import check_is_fitted


def check_goes_back(estimator, *, owner: str) -> None:
    missing = [
        method
        for method in ("transform", "inverse_transform")
        if not hasattr(estimator, method)
    ]
    if missing:
        raise TypeError(
            f"{owner} needs an estimator that goes to a code and back, with "
            f"`transform` and `inverse_transform`. Got "
            f"{type(estimator).__name__}, which has no "
            f"`{'` and no `'.join(missing)}`. Of a Pipeline, every step must have them."
        )
    check_is_fitted(estimator)


def make_dense(X):
    return X.toarray() if hasattr(X, "toarray") else X


def check_image_shape(
    image_shape, n_features: int, *, owner: str
) -> tuple[int, int] | tuple[int, int, int]:
    """Return the shape of an image of `n_features` numbers."""
    if image_shape is None:
        side = math.isqrt(n_features)
        if side**2 != n_features:
            raise ValueError(
                f"{owner} cannot tell the shape of the images: {n_features} features "
                "make no square image in grey. Give image_shape=(height, width), or "
                "(height, width, 3) for colour images; data that are no images cannot "
                "be drawn."
            )
        return side, side
    shape = tuple(image_shape)
    right_form = len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)
    if not right_form or math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape of {owner} must be (height, width) or (height, width, 3), "
            f"with as many numbers as X has features, {n_features}. Got {shape}, which "
            f"has {math.prod(shape)}."
        )
    return shape
