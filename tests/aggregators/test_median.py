"""The median against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.aggregators import Ballot
from fedprune.aggregators.median import Median


@pytest.mark.parametrize(
    ("values", "middle"), [([3], 3), ([3, 5], 4), ([9, 1, 2], 2), ([9, 1, 2, 4], 3), ([1, 1, 1, 9, 9], 1)]
)
def test_the_middle_value_or_the_mean_of_the_two_middle_ones(values: list[float], middle: float) -> None:
    arrays = tuple(np.array([value], np.float32) for value in values)
    count = len(values)
    ballot = Ballot(tuple(range(count)), arrays, (None,) * count, np.arange(1.0, count + 1))
    assert Median().parameter(ballot) == [middle]
