"""The learning rate stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.compute.schedules import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """The factor is always 1."""

    def factor(self, at: int, total: int) -> float:
        return 1.0
