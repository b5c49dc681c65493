"""Means and intervals are the textbook's, and "level" is said of what cannot be told from 0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fedprune.estimate import Estimate, estimate, student_t


@pytest.mark.parametrize("freedom", [1, 2, 4, 10, 11, 15, 30, 1000])
def test_students_quantile_is_the_textbooks(freedom: int) -> None:
    assert student_t(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-12)


def test_the_interval_of_three_values_is_the_textbooks() -> None:
    found = estimate([1.0, 2.0, 6.0])
    assert found is not None
    low, high = stats.t.interval(0.95, 2, loc=3.0, scale=stats.sem([1.0, 2.0, 6.0]))
    assert (found.mean, found.n) == (3.0, 3)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.half == pytest.approx((high - low) / 2)


def bounds(values: list[float], every: int | None = None) -> tuple[float, float]:
    found = estimate(values, every)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_the_interval_of_a_sample_is_narrower_the_more_of_all_it_holds() -> None:
    values = [1.0, 2.0, 6.0]
    (low, high), (inner_low, inner_high) = bounds(values), bounds(values, 4)
    assert bounds(values, 3) == (3.0, 3.0)
    assert inner_high - inner_low == pytest.approx((high - low) / 2)
    assert bounds(values, 3_000_000) == pytest.approx((low, high), rel=1e-6)


def test_nineteen_in_twenty_samples_hold_the_mean_over_all() -> None:
    random = np.random.default_rng(0)
    scores = random.beta(8, 2, 400)
    samples = [random.choice(scores, 100, replace=False).tolist() for _ in range(1000)]
    held = [low <= scores.mean() <= high for low, high in (bounds(sample, 400) for sample in samples)]
    assert 930 <= sum(held) <= 970


def test_a_single_value_has_no_interval_and_no_value_no_estimate() -> None:
    found = estimate([0.5])
    assert found == Estimate(0.5, None, None, 1)
    assert found.half is None
    assert estimate([]) is None


@pytest.mark.parametrize(
    ("differences", "level"),
    [
        ([0.1, -0.2, 0.3], True),
        ([1.0, 1.1, 0.9], False),
        ([-1.0, -1.1], False),
        ([0.0], True),
        ([0.1], False),
    ],
)
def test_a_difference_is_level_where_its_interval_holds_0(differences: list[float], level: bool) -> None:
    found = estimate(differences)
    assert found is not None
    assert found.level is level
