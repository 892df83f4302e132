"""Learning-rate schedules: what share of the peak rate a step takes."""

import math
from collections.abc import Callable


def constant(step: int, n_steps: int) -> float:
    """Return 1 at every step."""
    return 1.0


def cosine(step: int, n_steps: int) -> float:
    """Fall from 1 to 0 along half a cosine.

    References
    ----------
    Loshchilov, I. and Hutter, F. "SGDR: Stochastic gradient descent with warm
    restarts." ICLR 2017. https://doi.org/10.48550/arXiv.1608.03983
    """
    return 0.5 * (1 + math.cos(math.pi * step / n_steps))


def one_cycle(step: int, n_steps: int) -> float:
    """Rise from 1/25 to 1 in the first 30 % of the steps, then fall to almost 0.

    Both along half a cosine; the last step takes 1/250,000. From seven steps on, these
    are the rates of ``torch.optim.lr_scheduler.OneCycleLR``. The momentum stays.

    References
    ----------
    Smith, L. N. and Topin, N. "Super-convergence: very fast training of neural networks
    using large learning rates." 2018. https://doi.org/10.48550/arXiv.1708.07120
    """
    low, last = 1 / 25, 1 / 25e4
    peak = max(0.3 * n_steps - 1, 1.0)
    if step <= peak:
        return 1 + (low - 1) * cosine(step, peak)
    return last + (1 - last) * cosine(step - peak, max(n_steps - 1 - peak, 1.0))


def coslog4(step: int, n_steps: int) -> float:
    """Rise from 0 to 1 and fall again four times, each time for twice as long.

    It is 0 at the shares 0, 1/15, 3/15, 7/15 and 1 of the steps, and is taken in the
    middle of each step, where no step is lost.

    References
    ----------
    Holzmüller, D., Grinsztajn, L. and Steinwart, I. "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data." NeurIPS 2024.
    https://doi.org/10.48550/arXiv.2407.04491
    """
    waves = math.log2(1 + 15 * (step + 0.5) / n_steps)
    return 0.5 * (1 - math.cos(2 * math.pi * waves))


def flat_cos(step: int, n_steps: int) -> float:
    """Stay at 1 for half of the steps, then fall to 0 along half a cosine.

    References
    ----------
    As for :func:`coslog4`.
    """
    return cosine(max(2 * step - n_steps, 0), n_steps)


# Schedules that take a new rate at every step. The others of scikit-learn ("constant",
# "invscaling", "adaptive") change the rate between epochs, if at all.
STEP_SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "coslog4": coslog4,
    "cosine": cosine,
    "flat_cos": flat_cos,
    "one_cycle": one_cycle,
}


def inverse_scaling(learning_rate_init: float, t: int, power_t: float) -> float:
    """Return the rate after `t` samples, ``learning_rate_init / (t + 1)**power_t``."""
    return learning_rate_init / (t + 1) ** power_t
