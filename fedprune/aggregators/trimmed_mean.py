"""Coordinate-wise mean of what is left when a share of the holders is cut off at either end.

Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates,
ICML 2018, https://arxiv.org/abs/1803.01498 (Algorithm 1, option II). It stays among the honest clients'
values while no more than ``trim`` of a coordinate's holders are not honest. Numbers of samples play no part,
even where the method weights by them.

The number cut off is taken of the coordinate's holders, rounded up, and always leaves one or two of them. So
three or four holders lose one at each end (of three the median is left); of two holders none can be told to
be wrong, and it is their mean, and of a single one its own value: there this rule resists nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.types import Array


@dataclass(frozen=True)
class TrimmedMean(Aggregator):
    """The mean of the values in the middle, summed in float64 in ascending order."""

    trim: float = 0.2
    """Share of a coordinate's holders to cut off at each end, in [0, 0.5)."""

    def __post_init__(self) -> None:
        if not 0 <= self.trim < 0.5:
            raise ValueError(f"trim: must lie in [0, 0.5), got {self.trim}; median is what 0.5 would be")

    def parameter(self, ballot: Ballot) -> Array:
        values, holders = ballot.sorted()
        # 0.07 of 100 is 7, although 0.07 * 100 is 7.000000000000001 in floating point.
        cut = np.minimum(np.ceil(self.trim * holders - 1e-9), np.maximum(holders - 1, 0) // 2)
        total = np.zeros(holders.shape)
        for rank, row in enumerate(values):
            total += np.where((cut <= rank) & (rank < holders - cut), row, 0)
        total /= np.maximum(holders - 2 * cut, 1)
        return total
