"""Each client's features are multiplied by a number of its own, as by another amplifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.schema import Features, Targets
from fedprune.data.shifts import Reading
from fedprune.types import Array


@dataclass(frozen=True)
class Gain:
    """Multiply by a factor drawn for the client."""

    most: float = 2.0
    """A client's factor is uniform between 1 and this."""

    def check(self, features: Features, targets: Targets) -> None:
        """See ``Shift``."""
        if features.vocabulary is not None:
            raise PartitionError("shift 'gain' is for numbers, not for token ids")

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """See ``Shift``."""
        return x * np.float32(reading.shared().uniform(1, self.most)), y
