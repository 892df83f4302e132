"""What is affine becomes part of the dense layers beside it, in float64.

Steps before the network, and the scale of a target.
"""

import numpy as np

from sknn_deep.conversion._export import Export
from sknn_deep.conversion._linear_steps import LinearStep
from sknn_deep.conversion._parts import Linear, Mean, Part

# Predictions are to keep this share of their spread.
_ACCURACY = 1e-5
# The rounding of a sum of n terms grows with the root of n; the largest among all rows
# was seen to be 1 to 3 times that.
_GROWTH = 2


def fold(parts: list, export: Export, dtype: np.dtype) -> list[Part]:
    """Fold each linear step into a dense layer before or after it."""
    folded: list = []
    for part in parts:
        is_step = isinstance(part, LinearStep)
        if is_step and part.is_diagonal and folded and isinstance(folded[-1], Linear):
            shift = part.offset - part.center * part.weight
            _check_digits(part, shift, part.spread, export, dtype)
            weight, bias, center = folded.pop()
            part = Linear(weight * part.weight, bias * part.weight + shift, center)
        folded.append(part)
    parts, folded = folded, []
    for part in reversed(parts):
        if isinstance(part, Mean):
            part = Mean([fold(member, export, dtype) for member in part.members])
        elif isinstance(part, LinearStep):
            part = _fold_into(part, folded, export, dtype)
        folded.insert(0, part)
    return folded


def _fold_into(
    step: LinearStep, following: list, export: Export, dtype: np.dtype
) -> Linear | Mean:
    """Fold a step into what follows, which is taken out of the list."""
    if following and isinstance(following[0], Mean):
        members = following.pop(0).members
        return Mean([fold([step, *member], export, dtype) for member in members])
    if following and isinstance(following[0], Linear):
        after, bias, _ = following.pop(0)
    else:
        after, bias = np.eye(len(step.offset)), np.zeros(len(step.offset))
    weight = step.times(after)
    subtracted = step.center[:, None] * weight
    _check_digits(step, subtracted, step.spread[:, None] * after, export, dtype)
    bias = bias + step.offset @ after - subtracted.sum(axis=0)
    return Linear(weight, bias, step.center)


def rounded(parts: list[Part], dtype: np.dtype) -> list[Part]:
    result: list = []
    for part in parts:
        if isinstance(part, Linear):
            part = part.rounded(dtype)
        elif isinstance(part, Mean):
            part = Mean([rounded(member, dtype) for member in part.members])
        result.append(part)
    return result


def _check_digits(
    step: LinearStep,
    subtracted: np.ndarray,
    spread: np.ndarray,
    export: Export,
    dtype: np.dtype,
) -> None:
    """Refuse to fold what would take the digits that tell predictions apart.

    A sum of numbers far from zero is rounded in units of these, and what is left of it
    once the mean is subtracted may be small.

    A layer that subtracts the mean first, which is exact, would not help: rows of
    float32 have lost about as much themselves, 4e-3 of the predictions' spread by a
    column around 1e6 with a spread of 10.
    """
    ratio = np.linalg.norm(subtracted) / max(np.linalg.norm(spread), 1e-300)
    growth = _GROWTH * np.sqrt(len(subtracted))
    error = growth * np.finfo(dtype).eps / 2 * ratio
    if error <= _ACCURACY or not np.any(spread):
        return
    what = "adds" if step.name == "normalize_y" else "subtracts"
    wider = "" if dtype == np.float64 else f"pass {export.wider}, or "
    raise ValueError(
        f"{export.function} cannot fold {step.name} into a layer of {dtype}: what it "
        f"{what} is some {ratio:.0f} times the spread, and predictions would be off "
        f"by up to {error:.0e} of theirs. To keep their digits, {wider}pass "
        "the network's own step alone and do the rest in scikit-learn."
    )
