"""Standalone: each client trains alone; nothing travels.

The baseline that says what federation gives: the same sampling, local epochs and optimizer as the other
methods, from the same initial weights, with zero payload both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedprune.aggregation import Update
from fedprune.strategy import Choice, Server, Strategy
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class Standalone(Strategy):
    """Local training only; every client keeps its own model from round to round."""

    keeps_model = True

    def refuses(self, section: Choice) -> str | None:
        return "nothing travels"

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        return {}

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.weights
