"""The learning rate falls in a straight line."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.compute.schedules import Schedule


@dataclass(frozen=True)
class Linear(Schedule):
    """From the whole rate to a share of it, which it would reach one past the end."""

    end: float = 0.0
    """Share of the rate, in [0, 1]."""

    def factor(self, at: int, total: int) -> float:
        """See ``Schedule.factor``."""
        return 1 + (self.end - 1) * at / total
