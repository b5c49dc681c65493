"""Mean over the clients that hold a coordinate, by their number of samples where the method says so.

The rule of FedAvg (McMahan et al., AISTATS 2017, https://arxiv.org/abs/1602.05629) and, over holders, of
Sub-FedAvg (Vahidian et al., 2021, https://arxiv.org/abs/2105.00562). One client can move it anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.types import Array


@dataclass(frozen=True)
class Mean(Aggregator):
    """The sum of shares times values over the sum of shares, both in float64 in the order of clients."""

    def parameter(self, ballot: Ballot) -> Array:
        shape = ballot.values[0].shape
        total, weight, part = np.zeros(shape), np.zeros(shape), np.empty(shape)
        for value, held, share in zip(ballot.values, ballot.held, ballot.shares, strict=True):
            mine = value if held is None else np.where(held, value, value.dtype.type(0))
            np.multiply(mine, share, out=part, dtype=np.float64)
            total += part
            weight += share if held is None else np.multiply(held, share, out=part)
        return np.divide(total, weight, out=total, where=weight > 0)
