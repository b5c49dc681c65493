"""Each client's features carry noise of a strength of its own, as a worse sensor's do (feature shift)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.schema import Features, Targets
from fedprune.data.shifts import Reading
from fedprune.types import Array


@dataclass(frozen=True)
class Noise:
    """Add Gaussian noise, the same at every reading, of a standard deviation drawn for the client."""

    most: float = 1.0
    """A client's standard deviation is uniform between 0 and this, in units of standardised features."""

    def __post_init__(self) -> None:
        if not self.most > 0:
            raise PartitionError("most: must be above 0")

    def check(self, features: Features, targets: Targets) -> None:
        """See ``Shift``."""
        if features.vocabulary is not None:
            raise PartitionError("shift 'noise' is for numbers; token ids cannot carry noise")

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """See ``Shift``."""
        strength = np.float32(reading.shared().uniform(0, self.most))
        return x + strength * reading.each().standard_normal(x.shape, np.float32), y
