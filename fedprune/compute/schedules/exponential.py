"""The learning rate loses the same share in each round or step."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.compute.schedules import Schedule


@dataclass(frozen=True)
class Exponential(Schedule):
    """decay to the power of the rounds or steps that are over."""

    decay: float = 0.99
    """What a round or a step leaves of the rate, in (0, 1]."""

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay: must lie in (0, 1], got {self.decay}")

    def factor(self, at: int, total: int) -> float:
        return float(self.decay**at)
