"""Server momentum: the server repeats a share of its last move.

Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification,
2019, https://arxiv.org/abs/1909.06335 (FedAvgM): v = momentum v + (combined - w), then w + lr v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.server_optimizers import ServerOptimizer
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Momentum(ServerOptimizer):
    """FedAvgM; with a momentum of 0 and a learning rate of 1 it is plain averaging."""

    momentum: float = 0.9
    """Share of the last move that is repeated, in [0, 1)."""
    lr: float = 1.0
    """The server's learning rate, above 0."""

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: must lie in [0, 1), got {self.momentum}")
        if self.lr <= 0:
            raise ValueError(f"lr: must be greater than 0, got {self.lr}")

    def begin(self, old: Array) -> Arrays:
        return {"move": np.zeros_like(old)}

    def step(self, old: Array, combined: Array, moments: Arrays) -> tuple[Array, Arrays]:
        move = self.momentum * moments["move"].astype(np.float64) + (combined - old)
        return old + self.lr * move, {"move": move}
