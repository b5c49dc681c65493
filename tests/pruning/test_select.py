"""Exact shares and the smallest entries."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedprune.pruning.select import share_of, smallest

few_values = arrays(
    np.float32, st.integers(1, 40), elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, np.inf, np.nan])
)


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100_000))
def test_a_share_in_percent_is_counted_exactly(percent: int, size: int) -> None:
    assert share_of(percent / 100, size) == Fraction(percent * size, 100).__floor__()


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        share_of(amount, 10)


@settings(derandomize=True, deadline=None)
@given(few_values, st.data())
def test_the_smallest_are_those_of_a_stable_sort(values: np.ndarray, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, values.size))
    expected = np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")[:count]
    assert sorted(smallest(values, count)) == sorted(expected)
