"""Halfway: the server goes half of the way to what its clients say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedprune import Strategy
from fedprune.aggregation import Update
from fedprune.strategy import Server
from fedprune.types import Arrays


@dataclass(frozen=True)
class Halfway(Strategy):
    """FedAvg whose global model moves by a share of what the average says."""

    share: float = 0.5
    """Share of the way, in (0, 1]."""

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        said = server.combine(updates, weighted=True)
        return {name: old + self.share * (said[name] - old) for name, old in server.weights.items()}
