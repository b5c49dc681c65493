"""The middle between the smallest and the largest value that a holder has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.types import Array


@dataclass(frozen=True)
class Midrange(Aggregator):
    """(smallest + largest) / 2, coordinate by coordinate."""

    def parameter(self, ballot: Ballot) -> Array:
        """See ``Aggregator.parameter``."""
        values, holders = ballot.sorted()
        last = np.maximum(holders, 1) - 1
        largest = np.take_along_axis(values, last[np.newaxis], axis=0)[0]
        middle: Array = (values[0].astype(np.float64) + largest) / 2
        return middle
