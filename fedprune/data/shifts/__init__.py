"""Shift plug-ins: how one client's samples differ from another's in more than their labels.

A file holds one public frozen dataclass, whose fields are keys of ``[partition.shift]``. A shift is applied
when a client's samples are read, for training, validation and testing alike; nothing is stored twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fedprune.data.schema import Features, Targets
from fedprune.seeds import generator
from fedprune.types import Array


@dataclass(frozen=True)
class Reading:
    """One reading of a client's samples."""

    seed: int
    client: int
    part: str
    """What is read: "train", "validation" or "test"."""
    targets: Targets

    def shared(self) -> np.random.Generator:
        """A fresh generator for what all of the client's samples share, the same for every part."""
        return generator(self.seed, "shift", client=self.client)

    def each(self) -> np.random.Generator:
        """A fresh generator for what differs from sample to sample, the same whenever this part is read."""
        return generator(self.seed, f"shift {self.part}", client=self.client)


class Shift(Protocol):
    """Changes the samples of one client."""

    def check(self, features: Features, targets: Targets) -> None:
        """Raises PartitionError, saying why, when samples like these cannot be shifted so."""
        ...

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """The samples as the client has them; every part must see the same shift.

        Args:
            x: features as a model is given them, (n, *shape) float32 or int64.
            y: targets, (n, *shape).
            reading: whose samples they are and which, with the generators that a shift draws from.

        Returns:
            Features and targets of the same shapes and dtypes, contiguous in memory.
        """
        ...
