"""Min-Max, an attack: as far from the others' mean as no honest client would stand out by.

Shejwalkar, Houmansadr: Manipulating the Byzantine: Optimizing Model Poisoning Attacks and Defenses for
Federated Learning, NDSS 2021, https://www.ndss-symposium.org/ndss-paper/manipulating-the-byzantine-optimizing-model-poisoning-attacks-and-defenses-for-federated-learning/
(Min-Max, of the attacks that know no rule): the mean less gamma times a direction, with the largest gamma
for which the largest distance to an honest update is no larger than that between two honest ones. Read
against the published code (github.com/vrt1shjwlkr/NDSS21-Model-Poisoning, ``our_attack_dist``).

Departure: gamma is not searched for by halving steps, but is the least root of a quadratic equation for each
honest client. Under masks a distance is the mean square over what two clients both hold, and every attacker
has a gamma for its own mask, which it keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fedprune.types import Arrays
from fedprune.updates import Change
from fedprune.updates._attack import Attack, Crowd, held, weights_of


@dataclass(frozen=True)
class MinMax(Attack):
    """mean - gamma * direction, with the largest gamma that does not stand out."""

    direction: Literal["deviation", "mean", "sign"] = "deviation"
    """The standard deviation of the honest updates, as the published code has it; their mean; or its sign."""

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        crowd = Crowd.of(others)
        direction = {
            "deviation": crowd.deviation,
            "mean": crowd.mean,
            "sign": {name: np.sign(mean) for name, mean in crowd.mean.items()},
        }[self.direction]
        pairs = [(first, second) for at, first in enumerate(others) for second in others[:at]]
        widest = max((_apart(first, second) for first, second in pairs), default=0.0)
        return [
            crowd.instead(
                change, _at(crowd.mean, direction, _gamma(change, others, crowd, direction, widest))
            )
            for change in own
        ]


def _at(mean: Arrays, direction: Arrays, gamma: float) -> Arrays:
    return {name: value - gamma * direction[name] for name, value in mean.items()}


def _gamma(own: Change, others: Sequence[Change], crowd: Crowd, direction: Arrays, widest: float) -> float:
    """The largest step at which ``own`` is at most ``widest`` from each of the others; 0 where none is."""
    found = math.inf
    for other in others:
        parts = [
            (name, held(own, name) & held(other, name)) for name in weights_of(other) if name in own.arrays
        ]
        common = max(sum(int(both.sum()) for _, both in parts), 1)
        away = square = along = 0.0
        for name, both in parts:
            from_other = (crowd.mean[name] - other.arrays[name])[both]
            step = direction[name][both]
            away += float(np.dot(from_other, from_other))
            along += float(np.dot(from_other, step))
            square += float(np.dot(step, step))
        # (away - 2 gamma along + gamma^2 square) / common <= widest
        if square > 0:
            left = along**2 - square * (away - widest * common)
            found = min(found, (along + math.sqrt(left)) / square if left >= 0 else 0.0)
    return max(found, 0.0) if math.isfinite(found) else 0.0


def _apart(first: Change, second: Change) -> float:
    """Mean squared difference over what both hold; 0 where that is nothing."""
    total, common = 0.0, 0
    for name in weights_of(first):
        if name in second.arrays:
            both = held(first, name) & held(second, name)
            away = (first.arrays[name] - second.arrays[name])[both]
            total, common = total + float(np.dot(away, away)), common + int(both.sum())
    return total / max(common, 1)
