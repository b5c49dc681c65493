"""The learning rate falls along half a cosine, slowly at first and at the end.

Loshchilov, Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017,
https://arxiv.org/abs/1608.03983, equation 5, without restarts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fedprune.compute.schedules import Schedule


@dataclass(frozen=True)
class Cosine(Schedule):
    """floor + (1 - floor) (1 + cos(pi at / total)) / 2: 1 at first, and the floor one past the end."""

    floor: float = 0.0
    """Share of the rate that it falls towards, in [0, 1]."""

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor: must lie in [0, 1], got {self.floor}")

    def factor(self, at: int, total: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * at / total)) / 2
