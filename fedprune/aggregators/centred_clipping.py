"""Centred clipping: means of models that are drawn towards the mean before, until it settles among them.

Karimireddy, He, Jaggi: Learning from History for Byzantine Robust Optimization, ICML 2021,
https://arxiv.org/abs/2012.10333: v becomes v + mean of (x - v) min(1, radius / ||x - v||), a few
times, read against the authors' code (github.com/epfml/byzantine-robust-noniid-optimizer,
``codes/aggregator/clipping.py``). Each step lets a client move the centre by its share of the radius at most.

Departures: clients send models and not momenta, so a round starts at the server's weights before it, there
at the last round's momentum; clients count by their shares; and without ``radius`` it is the median distance
to the centre, of an even number the larger one in the middle. With a single step this is norm bounding.

Under masks a distance goes over what the client holds, and each coordinate's mean over its holders: at a
coordinate with one holder the centre ends at that client's own value or on the way to it, and with two
between them. There this rule resists nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedprune.aggregators import Aggregator, Ballot
from fedprune.aggregators._whole import drawn_in
from fedprune.aggregators.mean import Mean
from fedprune.types import Arrays


@dataclass(frozen=True)
class CentredClipping(Aggregator):
    """Steps from the weights before towards where most clients are."""

    radius: float | None = None
    """L2 norm to which a model's distance from the centre is clipped, above 0; their median unless given."""
    steps: int = 3
    """Number of iterations, at least 1."""

    def __post_init__(self) -> None:
        if self.radius is not None and self.radius <= 0:
            raise ValueError(f"radius: must be greater than 0, got {self.radius}")
        if self.steps < 1:
            raise ValueError(f"steps: must be at least 1, got {self.steps}")

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        centre = {name: ballot.old for name, ballot in ballots.items()}
        for _ in range(self.steps):
            centre = Mean().combine(drawn_in(ballots, centre, self.radius))
        return centre
