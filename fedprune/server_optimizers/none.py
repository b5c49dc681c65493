"""No optimizer: the combined model is the next one, as in FedAvg."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.server_optimizers import ServerOptimizer
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class NoOptimizer(ServerOptimizer):
    """The combined value itself, to the bit; nothing is remembered."""

    def step(self, old: Array, combined: Array, moments: Arrays) -> tuple[Array, Arrays]:
        return combined, moments
