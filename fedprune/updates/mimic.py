"""Mimic, an attack: all its clients send what one honest client sends, so that this one counts too much.

Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing, ICLR 2022,
https://arxiv.org/abs/2006.09365 (the mimic attack): the client whose update is the most extreme
along the direction in which honest updates differ most. Read against the authors' code
(github.com/epfml/byzantine-robust-noniid-optimizer, ``codes/attacks/mimic.py``).

Departures: the direction is the first principal component of one round's updates, there a running estimate
over a warm-up, after which one client is mimicked for good; here other clients take part in each round.
Under masks a coordinate that a client does not hold counts as the mean there; an attacker keeps its mask, and
what it learned where the mimicked one holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.updates import Change
from fedprune.updates._attack import Attack, Crowd, held, weights_of


@dataclass(frozen=True)
class Mimic(Attack):
    """The honest update that lies farthest along the first principal component, on either side."""

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        mimicked = [others[_most_extreme(others)]]
        crowd = Crowd.of(mimicked)
        return [crowd.instead(change, mimicked[0].arrays) for change in own]


def _most_extreme(others: Sequence[Change]) -> int:
    """Which of ``others`` it is; the first of several."""
    crowd, products = Crowd.of(others), np.zeros((len(others), len(others)))
    for name, mean in crowd.mean.items():
        rows = np.array(
            [
                np.where(held(change, name), change.arrays[name] - mean, 0).reshape(-1)
                if name in weights_of(change)
                else np.zeros(mean.size)
                for change in others
            ]
        )
        products += rows @ rows.T
    # Along the first component z of the rows X, where X X^T u = l u, they lie at X z = sqrt(l) u.
    return int(np.argmax(np.abs(np.linalg.eigh(products)[1][:, -1])))
