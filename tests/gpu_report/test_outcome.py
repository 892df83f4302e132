"""Differences, and what they mean."""

import math

import numpy as np
import pytest

from sknn_deep.gpu_report._outcome import (
    Comparison,
    Outcome,
    Timing,
    count_of,
    relative_difference,
)


def test_relative_difference_is_the_largest():
    assert relative_difference([1.0, 2.2], [1.0, 2.0]) == pytest.approx(0.1)
    assert relative_difference([[0.0]], [[0.001]]) == pytest.approx(0.01)
    assert relative_difference([0.0], [0.001], floor=0) == 1


def test_relative_difference_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"The shapes differ: \(2,\) and \(1,\)\."):
        relative_difference([1.0, 1.0], [1.0])


@pytest.mark.parametrize(
    "difference, holds",
    [(0, True), (0.1, True), (0.11, False), (math.nan, False), (math.inf, False)],
)
def test_comparison_holds_up_to_its_tolerance(difference, holds):
    assert Comparison("loss", difference, 0.1).holds is holds


def test_what_is_not_a_number_does_not_hold():
    assert not Comparison("loss", relative_difference([np.nan], [1.0]), 1e9).holds


def test_count_must_be_right():
    assert count_of("graphs", 2, 2).holds
    assert not count_of("graphs", 1, 2).holds
    assert not count_of("graphs", 3, 2).holds


def test_timing_has_the_share_of_what_it_is_beside():
    assert Timing("fit", 1.0, "loop", 4.0).ratio == 0.25


@pytest.mark.parametrize(
    "status, is_failure",
    [("ok", False), ("skipped", False), ("differs", True), ("error", True)],
)
def test_outcome_comes_back_from_a_dict(status, is_failure):
    outcome = Outcome(
        "fit",
        "adam",
        status,
        [Comparison("loss", 0.5, 0.1)],
        [Timing("fit", 1.0, "loop", 4.0)],
        ["UserWarning: slow"],
    )

    assert Outcome.from_dict(outcome.to_dict()) == outcome
    assert outcome.is_failure is is_failure
