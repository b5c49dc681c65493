"""Label flip, an attack: a client trains on label c - 1 - y in the place of y, of c classes.

Tolpegin, Truex, Gursoy, Liu: Data Poisoning Attacks Against Federated Learning Systems, ESORICS 2020,
https://arxiv.org/abs/2007.08432; that all labels are mirrored, as in Karimireddy, He, Jaggi: Byzantine-Robust
Learning on Heterogeneous Datasets via Bucketing, ICLR 2022, https://arxiv.org/abs/2006.09365. Training and
validation samples are mirrored, so that prune decisions are as well; test samples are not. The update itself
passes as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.types import Array
from fedprune.updates._attack import Attack


@dataclass(frozen=True)
class LabelFlip(Attack):
    """Other labels, and an update that was honestly learned from them."""

    def targets(self, targets: Array, classes: int) -> Array:
        mirrored: Array = (classes - 1 - targets).astype(targets.dtype)
        return mirrored
