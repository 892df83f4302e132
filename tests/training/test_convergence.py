"""The rule for stopping against scikit-learn's own, on random sequences."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from sknn_deep.training import Convergence


def update_by_scikit_learn(oracle, early_stopping):
    """Count by scikit-learn's rule, without the validation rows that it is given."""
    update = MLPClassifier._update_no_improvement_count
    n_others = len(inspect.signature(update).parameters) - 2  # fewer before 1.7
    update(oracle, early_stopping, *[None] * n_others)


def make_sequence(seed, n=60):
    """Numbers that fall, stall, repeat and jump, as losses do."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.choice([-0.1, -0.01, -0.001, 0.0, 0.05], size=n)) + 2
    return [float(value) for value in values]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("tol", [0.0, 1e-3, 0.02])
def test_convergence_counts_losses_as_scikit_learn(seed, tol):
    convergence = Convergence(tol, n_iter_no_change=3)
    oracle = SimpleNamespace(
        tol=tol, loss_curve_=[], best_loss_=np.inf, _no_improvement_count=0
    )

    for loss in make_sequence(seed):
        before = oracle.best_loss_
        oracle.loss_curve_.append(loss)
        update_by_scikit_learn(oracle, early_stopping=False)

        is_best = convergence.add(-loss)

        assert is_best == (oracle.best_loss_ < before)
        assert convergence.best == -oracle.best_loss_
        assert convergence.n_no_improvement == oracle._no_improvement_count
        assert convergence.is_exhausted == (oracle._no_improvement_count > 3)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("tol", [0.0, 1e-3, 0.02])
def test_convergence_counts_scores_as_scikit_learn(seed, tol):
    scores = [1 - value for value in make_sequence(seed)]
    scores[20] = np.nan
    convergence = Convergence(tol, n_iter_no_change=3)
    remaining = iter(scores)
    oracle = SimpleNamespace(
        tol=tol,
        verbose=False,
        coefs_=[],
        intercepts_=[],
        validation_scores_=[],
        best_validation_score_=-np.inf,
        _no_improvement_count=0,
        _score=lambda X, y, sample_weight=None: next(remaining),
    )

    for score in scores:
        before = oracle.best_validation_score_
        update_by_scikit_learn(oracle, early_stopping=True)

        is_best = convergence.add(score)

        assert is_best == (oracle.best_validation_score_ > before)
        assert convergence.best == oracle.best_validation_score_
        assert convergence.n_no_improvement == oracle._no_improvement_count


def test_convergence_is_exhausted_after_one_failure_more_than_allowed():
    convergence = Convergence(tol=0.0, n_iter_no_change=2)
    seen = []
    for value in (1.0, 0.5, 0.5, 0.5):
        convergence.add(value)
        seen.append(convergence.is_exhausted)

    assert seen == [False, False, False, True]


def test_convergence_with_infinite_patience_is_never_exhausted():
    convergence = Convergence(tol=0.0, n_iter_no_change=np.inf)

    for _ in range(100):
        convergence.add(-1.0)

    assert not convergence.is_exhausted
