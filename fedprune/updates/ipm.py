"""IPM, inner product manipulation, an attack: its clients send the others' mean, turned round and small.

Xie, Koyejo, Gupta: Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product Manipulation, UAI 2020,
https://arxiv.org/abs/1903.03936: minus epsilon times the honest mean. A small one stands near the honest
updates where these disagree, and so gets through rules that look for outliers; to turn the plain mean round,
m of n clients need epsilon above (n - m) / m.

Under masks the mean goes over a coordinate's holders; an attacker keeps its mask, and what it learned where
nobody else holds a coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.updates import Change
from fedprune.updates._attack import Attack, Crowd, require_positive


@dataclass(frozen=True)
class IPM(Attack):
    """- epsilon * mean, coordinate by coordinate."""

    epsilon: float = 0.5
    """How far the opposite goes, in lengths of the honest mean, above 0."""

    def __post_init__(self) -> None:
        require_positive(self, "epsilon")

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        crowd = Crowd.of(others)
        planned = {name: -self.epsilon * mean for name, mean in crowd.mean.items()}
        return [crowd.instead(change, planned) for change in own]
