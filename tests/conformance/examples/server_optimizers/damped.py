"""A step that is a fixed share of the way to the combined model."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.server_optimizers import ServerOptimizer
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Damped(ServerOptimizer):
    """Without memory: old + share * (combined - old)."""

    share: float = 0.5
    """Share of the way, in (0, 1]."""

    def step(self, old: Array, combined: Array, moments: Arrays) -> tuple[Array, Arrays]:
        """See ``ServerOptimizer.step``."""
        return old + self.share * (combined - old), moments
