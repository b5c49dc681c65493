"""Each client calls the classes by other names than the others do (concept shift)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.schema import Features, Targets
from fedprune.data.shifts import Reading
from fedprune.types import Array


@dataclass(frozen=True)
class LabelPermutation:
    """Exchange a client's labels among each other by a random permutation of its own."""

    labels: tuple[int, ...] = ()
    """Which labels are exchanged, at least two; all of them unless given."""

    def __post_init__(self) -> None:
        if self.labels and (len(set(self.labels)) < 2 or min(self.labels) < 0):
            raise PartitionError("labels: name at least two different labels, such as [0, 1, 2]")

    def check(self, features: Features, targets: Targets) -> None:
        """See ``Shift``."""
        if targets.classes is None:
            raise PartitionError("shift 'label_permutation' needs classes, and this set's targets are values")
        if max(self.labels, default=0) >= targets.classes:
            raise PartitionError(
                f"shift 'label_permutation': there is no label {max(self.labels)}; labels are 0.."
                f"{targets.classes - 1}"
            )

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """See ``Shift``."""
        meaning = np.arange(reading.targets.classes or 0)
        exchanged = np.unique(self.labels) if self.labels else meaning.copy()
        meaning[exchanged] = reading.shared().permutation(exchanged)
        return x, meaning[y]
