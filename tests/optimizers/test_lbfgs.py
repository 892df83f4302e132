"""L-BFGS over a module's parameters against SciPy called directly."""

import numpy as np
import pytest
import scipy.optimize
import torch

from sknn_deep.gradients import explicit_gradient, recorded_gradient
from sknn_deep.modules import MLP, CrossEntropy
from sknn_deep.optimizers import minimize_lbfgs

rng = np.random.default_rng(0)
ROOT_MATRIX = rng.normal(size=(6, 6)) + 3 * np.eye(6)
A, b = ROOT_MATRIX @ ROOT_MATRIX.T, rng.normal(size=6)
X, y = rng.normal(size=(40, 4)), rng.integers(3, size=40)


class Quadratic(torch.nn.Module):
    """``x A x / 2 - b x`` for an x that lies in two parameters of different shape."""

    def __init__(self):
        super().__init__()
        self.one = torch.nn.Parameter(torch.zeros(2, 2).double())
        self.other = torch.nn.Parameter(torch.ones(2).double())

    def forward(self):
        x = torch.cat([self.one.view(-1), self.other])
        return x @ torch.from_numpy(A) @ x / 2 - torch.from_numpy(b) @ x


def packed(module):
    return torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()


def minimize_quadratic(module, **options):
    def loss_and_gradient():
        module.zero_grad()
        value = module()
        value.backward()
        return value.item()

    return minimize_lbfgs(
        module, loss_and_gradient, **{"max_iter": 100, "max_fun": 1000, **options}
    )


def minimize_by_scipy(**options):
    return scipy.optimize.minimize(
        lambda x: (x @ A @ x / 2 - b @ x, A @ x - b),
        np.r_[np.zeros(4), np.ones(2)],
        method="L-BFGS-B",
        jac=True,
        options=options,
    )


def test_lbfgs_finds_the_minimum_of_a_quadratic():
    module = Quadratic()

    result = minimize_quadratic(module, tol=1e-9)

    assert result.success
    np.testing.assert_allclose(packed(module), np.linalg.solve(A, b), rtol=1e-4)
    np.testing.assert_array_equal(packed(module), result.x)
    assert module().item() == pytest.approx(result.fun)


@pytest.mark.parametrize(
    "ours, scipys",
    [
        ({"tol": 1e-4}, {"gtol": 1e-4}),
        ({"tol": 1e-9, "max_iter": 3}, {"gtol": 1e-9, "maxiter": 3}),
        ({"tol": 1e-9, "max_fun": 4}, {"gtol": 1e-9, "maxfun": 4}),
    ],
    ids=["tol", "max_iter", "max_fun"],
)
def test_lbfgs_takes_scipys_steps(ours, scipys):
    module = Quadratic()

    result = minimize_quadratic(module, **ours)

    oracle = minimize_by_scipy(**{"maxiter": 100, "maxfun": 1000, **scipys})
    np.testing.assert_allclose(packed(module), oracle.x, rtol=1e-9)
    assert (result.nit, result.nfev, result.status) == (
        oracle.nit,
        oracle.nfev,
        oracle.status,
    )


@pytest.mark.parametrize("make_gradient", [explicit_gradient, recorded_gradient])
def test_lbfgs_fits_logistic_regression_as_scipy(make_gradient):
    module = MLP((4, 3), activations=[], dropout=[], dtype=torch.float64)
    loss = CrossEntropy()
    with make_gradient(module, loss, n_rows=40) as gradient:
        result = minimize_lbfgs(
            module,
            lambda: gradient.compute(torch.from_numpy(X), torch.from_numpy(y), None)[
                0
            ].item(),
            max_iter=1000,
            max_fun=10_000,
            tol=1e-8,
        )

    def negative_log_likelihood(parameters):
        z = X @ parameters[:12].reshape(3, 4).T + parameters[12:]
        return np.mean(scipy.special.logsumexp(z, axis=1) - z[np.arange(40), y])

    oracle = scipy.optimize.minimize(negative_log_likelihood, np.zeros(15), tol=1e-9)
    assert result.fun == pytest.approx(oracle.fun, rel=1e-6)
    np.testing.assert_allclose(packed(module), result.x, rtol=0)
    np.testing.assert_allclose(
        negative_log_likelihood(packed(module)), result.fun, rtol=1e-12
    )
