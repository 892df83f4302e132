"""Whether the scale of y is what keeps a regression from converging."""

import numpy as np
import torch

from sknn_deep.modules import Loss

# A network starts with outputs around 0 that differ by about 1, and an epoch moves them
# by a few learning rates.
_FAR = 10.0


def advise_on_scale(
    y: np.ndarray, loss: float, criterion: Loss, *, large: float
) -> str:
    """Advise to standardize y, if it is far from 1 and the loss is still large.

    That is above `large` times the loss of a network whose output is the mean of y.
    """
    columns = y.reshape(len(y), -1).astype(np.float64, copy=False)
    means, deviations = columns.mean(axis=0), columns.std(axis=0)
    varying = np.where(deviations > 0, deviations, 1.0)
    distance = np.maximum(np.abs(means), np.maximum(varying, 1 / varying))
    if distance.max() < _FAR:
        return ""
    target = torch.tensor(columns)
    output = torch.tensor(means).expand(target.shape)
    of_the_mean = criterion(output, target).item() * criterion.reported_scale(output)
    if loss <= large * of_the_mean:
        return ""
    farthest = distance.argmax()
    return (
        " y is far from what a network starts with, outputs around 0 that differ by "
        f"about 1: its mean is {means[farthest]:.3g} and its standard deviation "
        f"{deviations[farthest]:.3g}. Set normalize_y=True, which standardizes y and "
        "undoes it in predict."
    )
