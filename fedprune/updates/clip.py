"""Clip: an update whose L2 norm exceeds a bound is scaled down to it.

McMahan, Ramage, Talwar, Zhang: Learning Differentially Private Recurrent Language Models, ICLR 2018,
https://arxiv.org/abs/1710.06963 (flat clipping): one norm over all that travels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedprune.updates import Change, Stage


@dataclass(frozen=True)
class Clip(Stage):
    """min(1, norm / ||update||) times the update."""

    norm: float = 1.0
    """The largest L2 norm of an update, above 0."""

    def __post_init__(self) -> None:
        if self.norm <= 0:
            raise ValueError(f"norm: must be greater than 0, got {self.norm}")

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        length = float(np.sqrt(sum(float(np.sum(value * value)) for value in change.arrays.values())))
        share = min(1.0, self.norm / length) if length else 1.0
        return replace(
            change, arrays={name: value * share for name, value in change.arrays.items()}, bound=self.norm
        )

    def moves_freely(self) -> bool:
        return False
