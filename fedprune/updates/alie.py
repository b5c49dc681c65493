"""ALIE, "a little is enough", an attack: all its clients send the others' mean less a little deviation.

Baruch, Baruch, Goldberg: A Little Is Enough: Circumventing Defenses For Distributed Learning, NeurIPS 2019,
https://arxiv.org/abs/1902.06156 (the attack that prevents convergence), read against the published code
(github.com/moranant/attacking_distributed_learning, ``malicious.py``), whose default of 1.5 deviations is
taken. The paper bounds them by z with Phi(z) < (n - m - s) / (n - m), s = floor(n / 2 + 1) - m, for m of n
clients: 0.33 for 12 of 50, and 0 for 2 of 10.

Departure: mean and deviation are the honest clients' of the round, there those of the attackers' own data.
Under masks they go over a coordinate's holders; an attacker keeps its mask, and what it learned where nobody
else holds a coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.updates import Change
from fedprune.updates._attack import Attack, Crowd


@dataclass(frozen=True)
class ALIE(Attack):
    """mean - deviations * standard deviation, coordinate by coordinate."""

    deviations: float = 1.5
    """How many standard deviations the attackers stay away from the mean."""

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        crowd = Crowd.of(others)
        planned = {name: mean - self.deviations * crowd.deviation[name] for name, mean in crowd.mean.items()}
        return [crowd.instead(change, planned) for change in own]
