"""Each client's features are scaled and moved, as by its light or its calibration (feature shift)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.schema import Features, Targets
from fedprune.data.shifts import Reading
from fedprune.types import Array


@dataclass(frozen=True)
class Brightness:
    """Multiply all standardised features of a client by one factor and add one offset."""

    factor: float = 1.5
    """A client's factor lies between 1 / factor and factor, uniform in its logarithm."""
    offset: float = 0.5
    """A client's offset is uniform between -offset and offset."""

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            raise PartitionError("factor: must be at least 1")
        if not self.offset >= 0:
            raise PartitionError("offset: must not be negative")

    def check(self, features: Features, targets: Targets) -> None:
        """See ``Shift``."""
        if features.vocabulary is not None:
            raise PartitionError("shift 'brightness' is for numbers; token ids cannot be scaled")

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """See ``Shift``."""
        generator = reading.shared()
        factor = np.float32(self.factor ** generator.uniform(-1, 1))
        return x * factor + np.float32(generator.uniform(-self.offset, self.offset)), y
