"""An attack: every client sends the opposite of what it learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedprune.updates import Change, Stage


@dataclass(frozen=True)
class Reversed(Stage):
    """Minus ``strength`` times the update."""

    strength: float = 1.0
    """How far the attack goes, in lengths of the honest update."""

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        """See ``Stage.apply``; no norm is bounded any more."""
        turned = {name: -self.strength * value for name, value in change.arrays.items()}
        return replace(change, arrays=turned, bound=None)
