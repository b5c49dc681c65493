"""From the clients' replies to the server's next weights: what every aggregator and optimizer can rely on.

Replies are sorted by client, so the result does not depend on arrival; sums are in float64; where too few
clients hold a coordinate its old value stays; the result is cast once, to the old value's dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from fedprune.aggregators import Aggregator, Ballot
from fedprune.aggregators.mean import Mean
from fedprune.pruning.mask import Mask
from fedprune.server_optimizers import ServerOptimizer
from fedprune.server_optimizers.none import NoOptimizer
from fedprune.types import Array, Arrays, Bools

Over = Literal["holders", "all"]
"""Which coordinates are combined: those that any client holds, or only those that every client holds."""


@dataclass(frozen=True)
class Update:
    """One client's decoded and validated reply, as aggregation sees it."""

    client: int
    samples: int
    """Number of training samples behind the update."""
    arrays: Arrays
    mask: Mask
    """Coordinates the client holds; a parameter without an entry is held whole."""


@dataclass(frozen=True)
class Combiner:
    """How a run combines replies, whatever its strategy; by default FedAvg's mean, taken as it is."""

    aggregator: Aggregator = field(default_factory=Mean)
    optimizer: ServerOptimizer = field(default_factory=NoOptimizer)
    statistics: frozenset[str] = frozenset()
    """Names of batch norm's running statistics, along which no optimizer steps."""

    def combine(
        self, old: Arrays, updates: Sequence[Update], moments: Arrays, *, over: Over, weighted: bool
    ) -> Arrays:
        """The next weights; parameters that no update carries are passed through.

        Args:
            old: the server's weights before.
            updates: this round's replies, in any order.
            moments: what the optimizer remembers, by ``MOMENT:PARAMETER``; brought up to date in place.
            over: see ``Over``; only updates that carry a parameter count as its clients, and of these only
                those whom the aggregator hears.
            weighted: whether clients count by their number of samples.
        """
        ballots = self.aggregator.heard(
            _ballots(old, sorted(updates, key=lambda update: update.client), weighted)
        )
        combined = self.aggregator.combine(ballots)
        result = dict(old)
        for name, ballot in ballots.items():
            counts = _counting(ballot, over)
            result[name] = self._next(name, old[name], combined[name], counts, moments)
        return result

    def _next(self, name: str, old: Array, combined: Array, counts: Bools | None, moments: Arrays) -> Array:
        """One parameter's next value; where ``counts`` is false neither it nor its moments move."""
        if name in self.statistics:
            return _where(counts, combined, old)
        optimizer, target = self.optimizer, combined if counts is None else np.where(counts, combined, old)
        before = {
            moment: moments.get(f"{moment}:{name}", first) for moment, first in optimizer.begin(old).items()
        }
        value, after = optimizer.step(old, target, before)
        moments.update(
            {f"{moment}:{name}": _where(counts, after[moment], before[moment]) for moment in before}
        )
        return _where(counts, value, old)


def _ballots(old: Arrays, ordered: Sequence[Update], weighted: bool) -> dict[str, Ballot]:
    ballots = {}
    for name in old:
        mine = [update for update in ordered if name in update.arrays]
        if mine:
            ballots[name] = Ballot(
                clients=tuple(update.client for update in mine),
                values=tuple(update.arrays[name] for update in mine),
                held=tuple(update.mask.get(name) for update in mine),
                shares=np.array([update.samples if weighted else 1 for update in mine], np.float64),
                old=old[name],
            )
    return ballots


def _counting(ballot: Ballot, over: Over) -> Bools | None:
    """The coordinates that enough clients hold; None when they are all."""
    masks = [held for held in ballot.held if held is not None]
    if over == "all":
        return np.logical_and.reduce(masks) if masks else None
    return np.logical_or.reduce(masks) if len(masks) == len(ballot.held) else None


def _where(counts: Bools | None, new: Array, old: Array) -> Array:
    """``new`` where it counts, else ``old``, cast once to its dtype."""
    chosen = new if counts is None else np.where(counts, new, old)
    return chosen.astype(old.dtype)
