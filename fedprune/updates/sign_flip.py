"""Sign flip, an attack: a client sends the opposite of what it learned.

Rajput, Wang, Charles, Papailiopoulos: DETOX: A Redundancy-based Framework for Faster and More Robust Gradient
Aggregation, NeurIPS 2019, https://arxiv.org/abs/1907.12205 (reversed gradient). It needs to know nothing of
other clients and goes through the wire as every update does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.updates import Change
from fedprune.updates._attack import Attack, attacked, require_positive, weights_of


@dataclass(frozen=True)
class SignFlip(Attack):
    """Minus ``scale`` times the update; running statistics of batch norm are left alone."""

    scale: float = 1.0
    """How far the opposite goes, in lengths of the update, above 0."""

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        return attacked(change, {name: -self.scale * change.arrays[name] for name in weights_of(change)})
