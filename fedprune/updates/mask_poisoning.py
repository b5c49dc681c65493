"""Mask poisoning, an attack: keep the coordinates that nobody else holds, and so own them.

An attack of this project's own on averages over holders: whoever is the only holder of a coordinate is its
mean, its median, and every other rule that goes by coordinates. In a round the attackers claim all masked
coordinates which no honest client of that round holds, and send the same noise there. On what others hold
they send what they learned, so that their values give them away nowhere; only their masks do.

What an attacker claims stands in the mask by which the server averages in that round; the client's own mask,
and the bytes of what it sent, stay those of its honest reply. Where all hold everything it has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays
from fedprune.updates import Change
from fedprune.updates._attack import Attack, Crowd, attacked, held, require_positive


@dataclass(frozen=True)
class MaskPoisoning(Attack):
    """Noise of ``scale`` times each array's root mean square of honest updates, where nobody else is."""

    scale: float = 5.0
    """Deviation of the noise over the root mean square of the honest clients' mean update, above 0."""

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        crowd = Crowd.of(others)
        masked = {name for change in others for name in change.mask if name in crowd.mean}
        free = {name: crowd.holders[name] == 0 for name in sorted(masked)}
        noise = {name: rng.normal(0.0, self._size(crowd, name), free[name].shape) for name in free}
        return [_claiming(change, free, noise) for change in own]

    def _size(self, crowd: Crowd, name: str) -> float:
        there = crowd.mean[name][crowd.holders[name] > 0]
        return self.scale * float(np.sqrt(np.square(there).mean())) if there.size else 0.0


def _claiming(own: Change, free: Arrays, noise: Arrays) -> Change:
    """``own``, holding also what is free, with the noise there."""
    wider = {name: held(own, name) | where for name, where in free.items() if name in own.arrays}
    arrays: dict[str, Array] = {name: np.where(free[name], noise[name], own.arrays[name]) for name in wider}
    return replace(attacked(own, arrays), mask=Mask({**own.mask, **wider}))
