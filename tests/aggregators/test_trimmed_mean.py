"""The trimmed mean against values worked out by hand, with few holders above all."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.aggregators import Ballot
from fedprune.aggregators.trimmed_mean import TrimmedMean


def trimmed(trim: float, *values: float) -> float:
    arrays = tuple(np.array([value], np.float32) for value in values)
    count = len(values)
    ballot = Ballot(tuple(range(count)), arrays, (None,) * count, np.ones(count))
    return float(TrimmedMean(trim).parameter(ballot)[0])


def test_one_holder_is_itself_two_are_their_mean_and_three_their_median() -> None:
    assert trimmed(0.4, 5) == 5
    assert trimmed(0.4, 5, 100) == 52.5
    assert trimmed(0.1, 5, 100, 7) == 7


def test_from_three_holders_on_at_least_one_goes_at_each_end() -> None:
    assert trimmed(0.01, -50, 3, 100, 7) == 5


def test_the_share_is_cut_off_at_each_end_rounded_up() -> None:
    assert trimmed(0.2, *range(10)) == 4.5
    assert trimmed(0.2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 900) == 4  # 3 of 11 at each end


def test_a_share_that_is_exact_on_paper_is_not_rounded_up() -> None:
    # 0.07 * 100 is 7.000000000000001 in floating point.
    assert trimmed(0.07, *[0] * 7, *[1] * 86, *[50] * 7) == 1


def test_without_a_share_it_is_the_mean() -> None:
    assert trimmed(0.0, 1, 2, 9) == 4


@pytest.mark.parametrize("trim", [-0.1, 0.5])
def test_a_share_out_of_range_is_refused_by_name(trim: float) -> None:
    with pytest.raises(ValueError, match="trim: must lie"):
        TrimmedMean(trim)
