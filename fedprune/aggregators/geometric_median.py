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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedprune.aggregators import Aggregator, Ballot
from fedprune.aggregators.median import Median
from fedprune.types import Array, Arrays


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
        start = Median().combine(ballots)
        clients = sorted({client for ballot in ballots.values() for client in ballot.clients})
        layers = {name: _Layer.of(ballot, start[name], clients) for name, ballot in ballots.items()}
        counts = np.maximum(sum(layer.counts(len(clients)) for layer in layers.values()), 1)
        moves = {name: np.zeros(layer.deviations.shape[1]) for name, layer in layers.items()}
        for _ in range(self.steps):
            squares = sum(layer.squares(moves[name], len(clients)) for name, layer in layers.items())
            nearness = 1 / np.maximum(np.sqrt(squares / counts), self.smoothing)
            moves = {name: layer.mean(nearness) for name, layer in layers.items()}
        return {name: value + moves[name].reshape(value.shape) for name, value in start.items()}


@dataclass(frozen=True)
class _Layer:
    """What the clients that carry one parameter say of it, as their deviations from the starting point.

    Deviations keep their digits where clients agree, so that distances may be had from products of matrices.
    All arrays are float64, and the parameter is flat.
    """

    rows: NDArray[np.intp]
    """Where its clients stand among all clients, shape (carriers,)."""
    shares: Array
    """How much they count, shape (carriers,)."""
    deviations: Array
    """Shape (carriers, coordinates); 0 where a client does not hold a coordinate."""
    held: Array | None
    """1 where a client holds a coordinate and else 0, of the same shape; None when all hold everything."""
    norms: Array
    """Sums of squared deviations, shape (carriers,)."""

    @classmethod
    def of(cls, ballot: Ballot, start: Array, clients: list[int]) -> _Layer:
        """The parameter's deviations from ``start``, once for all iterations."""
        deviations = np.subtract(np.array(ballot.values), start, dtype=np.float64)
        held = None
        if any(mask is not None for mask in ballot.held):
            held = np.ones(deviations.shape)
            for row, mask in enumerate(ballot.held):
                if mask is not None:
                    held[row] = mask
                    np.copyto(deviations[row], 0, where=~mask)
            held = held.reshape(len(held), -1)
        flat = deviations.reshape(len(deviations), -1)
        rows = np.searchsorted(clients, ballot.clients)
        return cls(rows, ballot.shares, flat, held, np.einsum("ij,ij->i", flat, flat))

    def counts(self, clients: int) -> Array:
        """How many coordinates each of all clients holds here."""
        size = self.deviations.shape[1]
        return self._among(
            clients, np.full(len(self.rows), size) if self.held is None else self.held.sum(axis=1)
        )

    def squares(self, move: Array, clients: int) -> Array:
        """Each client's squared distance to ``start + move``, where it holds a coordinate."""
        moved = move @ move if self.held is None else self.held @ (move * move)
        # Of nearly nothing, rounding may leave less than nothing.
        return self._among(clients, np.maximum(self.norms - 2 * (self.deviations @ move) + moved, 0))

    def mean(self, nearness: Array) -> Array:
        """The mean deviation over each coordinate's holders, by their shares and nearness; 0 without any."""
        weights = self.shares * nearness[self.rows]
        total: Array = weights @ self.deviations
        weight: Array = np.sum(weights) if self.held is None else weights @ self.held
        np.divide(total, weight, out=total, where=weight > 0)
        return total

    def _among(self, clients: int, figures: Array) -> Array:
        found = np.zeros(clients)
        found[self.rows] = figures
        return found
