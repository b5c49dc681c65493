"""Geometric median of the clients' whole models: the point with the least sum of distances to them.

Pillutla, Kakade, Harchaoui: Robust Aggregation for Federated Learning, IEEE Transactions on Signal Processing
70, 2022, https://arxiv.org/abs/1912.13445, by its smoothed Weiszfeld iterations (Algorithm 2): means in which
each client counts by its share over its distance to the mean before. It resists while less than half of the
shares belong to clients that are not honest, and looks at a model as a whole, which cannot hide many small
changes.

Under masks the clients' models have different coordinates. A client's distance is measured where it holds a
coordinate, to the combined model there, as a root mean square: so a client that holds less has no smaller
distance for that, and counts no more at what it holds. Each coordinate is then the mean over its holders.
Where all hold everything this is the geometric median. Departure: iterations start at the coordinate-wise
median, not at the mean, which a single client may have moved arbitrarily far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.aggregators.mean import Mean
from fedprune.aggregators.median import Median
from fedprune.types import Arrays


@dataclass(frozen=True)
class GeometricMedian(Aggregator):
    """Weiszfeld's iterations over what each client holds."""

    steps: int = 8
    """Number of iterations, at least 1; the paper finds that 3 to 5 are enough."""
    smoothing: float = 1e-6
    """Distances count as this at least, so that a client at the very point does not count infinitely."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps: must be at least 1, got {self.steps}")
        if self.smoothing <= 0:
            raise ValueError(f"smoothing: must be greater than 0, got {self.smoothing}")

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        combined, mean = Median().combine(ballots), Mean()
        for _ in range(self.steps):
            distances = _distances(ballots, combined)
            for name, ballot in ballots.items():
                nearness = [1 / max(distances[client], self.smoothing) for client in ballot.clients]
                combined[name] = mean.parameter(replace(ballot, shares=ballot.shares * nearness))
        return combined


def _distances(ballots: Mapping[str, Ballot], combined: Arrays) -> dict[int, float]:
    """Client -> root mean square of its difference to the combined model, where it holds a coordinate."""
    squares: dict[int, float] = {}
    counts: dict[int, int] = {}
    for name, ballot in ballots.items():
        for client, value, held in zip(ballot.clients, ballot.values, ballot.held, strict=True):
            gap = np.subtract(value, combined[name], dtype=np.float64)
            gap = gap.reshape(-1) if held is None else gap[held]
            squares[client] = squares.get(client, 0.0) + float(np.sum(gap * gap))
            counts[client] = counts.get(client, 0) + gap.size
    return {client: float(np.sqrt(squares[client] / max(counts[client], 1))) for client in squares}
