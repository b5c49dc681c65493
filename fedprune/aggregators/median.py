"""Coordinate-wise median over the clients that hold a coordinate, each counting once.

Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates,
ICML 2018, https://arxiv.org/abs/1803.01498 (Algorithm 1, option I). It stays among the honest clients' values
while fewer than half of a coordinate's holders are not honest. Numbers of samples play no part, even where
the method weights by them. Of two holders it is the mean, of one the client's own value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.types import Array


@dataclass(frozen=True)
class Median(Aggregator):
    """The middle value, or the mean of the two middle ones where an even number of clients hold it."""

    def parameter(self, ballot: Ballot) -> Array:
        values, holders = ballot.sorted()
        last = np.maximum(holders, 1) - 1
        lower, upper = (
            np.take_along_axis(values, rank[np.newaxis], axis=0)[0] for rank in (last // 2, (last + 1) // 2)
        )
        middle: Array = np.add(lower, upper, dtype=np.float64)
        return middle / 2
