"""Sign flip, an attack: a client sends the opposite of what it learned.

Rajput, Wang, Charles, Papailiopoulos: DETOX: A Redundancy-based Framework for Faster and More Robust Gradient
Aggregation, NeurIPS 2019, https://arxiv.org/abs/1907.12205 (reversed gradient). It needs to know nothing of
other clients and goes through the wire as every update does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.updates import Change, Stage
from fedprune.updates._attack import attacked, weights_of


@dataclass(frozen=True)
class SignFlip(Stage):
    """Minus ``scale`` times the update; running statistics of batch norm are left alone."""

    hostile = True

    scale: float = 1.0
    """How far the opposite goes, in lengths of the update, above 0."""

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"scale: must be greater than 0, got {self.scale}")

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        return attacked(change, {name: -self.scale * change.arrays[name] for name in weights_of(change)})

    def moves_freely(self) -> bool:
        return False
