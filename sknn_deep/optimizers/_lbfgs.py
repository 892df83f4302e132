"""Full-batch training with SciPy's L-BFGS-B."""

import warnings
from collections.abc import Callable

import numpy as np
import scipy.optimize
import torch
from torch import nn

from sknn_deep.machine import one_blas_thread


def minimize_lbfgs(
    module: nn.Module,
    loss_and_gradient: Callable[[], float],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
) -> scipy.optimize.OptimizeResult:
    """Minimize a loss over the parameters of `module`, in place.

    Parameters
    ----------
    module : Module with float64 parameters

    loss_and_gradient : callable
        Gives the loss at the module's present parameters, and leaves its gradient in
        each one's ``grad``.

    max_iter, max_fun : int
        Most iterations, and most evaluations of the loss.

    tol : float
        Stop when no element of the projected gradient is larger.

    Returns
    -------
    result : scipy.optimize.OptimizeResult

    Warns
    -----
    UserWarning
        If the user interrupts it; the result is that of the last whole iteration.

    References
    ----------
    Zhu, C., Byrd, R. H., Lu, P. and Nocedal, J. "Algorithm 778: L-BFGS-B." ACM
    Transactions on Mathematical Software 23 (1997), 550-560.
    https://doi.org/10.1145/279232.279236
    """
    parameters = [p for p in module.parameters() if p.requires_grad]

    def load(packed: np.ndarray) -> None:
        with torch.no_grad():
            start = 0
            for p in parameters:
                p.copy_(torch.from_numpy(packed[start : start + p.numel()]).view_as(p))
                start += p.numel()

    def evaluate(packed: np.ndarray) -> tuple[float, np.ndarray]:
        load(packed)
        value = loss_and_gradient()
        gradients = [
            torch.zeros_like(p) if p.grad is None else p.grad for p in parameters
        ]
        return value, torch.cat([g.reshape(-1) for g in gradients]).cpu().numpy()

    best = torch.cat([p.detach().reshape(-1) for p in parameters]).cpu().numpy()
    n_iterations = 0

    def note(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        nonlocal best, n_iterations
        best = intermediate_result.x.copy()
        n_iterations += 1

    try:
        with one_blas_thread():
            result = scipy.optimize.minimize(
                evaluate,
                best,
                method="L-BFGS-B",
                jac=True,
                callback=note,
                options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
            )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
        result = scipy.optimize.OptimizeResult(x=best, nit=n_iterations, status=0)
    load(result.x)
    return result
